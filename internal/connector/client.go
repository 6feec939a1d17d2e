package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// ClientOptions are the operator's limits on calls to the outside. A zero field means its default.
type ClientOptions struct {
	Timeout       time.Duration // of a whole call until its answer is read; default 10 s
	MaxAnswer     int64         // octets of an answer that are read; default 1 MiB
	MaxRedirects  int           // default 3, negative: none
	Allow         []string      // addresses, prefixes and host names allowed although not public; see NewGuard
	AllowLoopback bool          // allow this machine itself
	UserAgent     string        // default "Parley"
}

// Client makes the calls of all connectors to their providers. It dials only what its Guard allows, takes
// no proxy from the environment, and ends every call and answer at a limit. It is safe for concurrent use.
type Client struct {
	guard     *Guard
	http      *http.Client
	timeout   time.Duration
	maxAnswer int64
	agent     string
}

const (
	dialTimeout  = 5 * time.Second
	idleTimeout  = 30 * time.Second // below the usual idle timeouts of providers
	idlePerHost  = 32
	headerOctets = 64 << 10
)

// NewClient returns a client; an entry of Allow that is none is an error.
func NewClient(o ClientOptions) (*Client, error) {
	guard, err := NewGuard(o.Allow, o.AllowLoopback)
	if err != nil {
		return nil, err
	}
	c := &Client{guard: guard, timeout: 10 * time.Second, maxAnswer: 1 << 20, agent: "Parley"}
	if o.Timeout > 0 {
		c.timeout = o.Timeout
	}
	if o.MaxAnswer > 0 {
		c.maxAnswer = o.MaxAnswer
	}
	if o.UserAgent != "" {
		c.agent = o.UserAgent
	}
	redirects := 3
	if o.MaxRedirects != 0 {
		redirects = max(o.MaxRedirects, 0)
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            guard.dialer(dialTimeout),
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTimeout,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    idlePerHost,
			MaxResponseHeaderBytes: headerOctets,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			return checkRedirect(next, via, redirects)
		},
	}
	return c, nil
}

// Guard returns what decides on the addresses that the client dials.
func (c *Client) Guard() *Guard { return c.guard }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call is one request to a provider.
type Call struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Secrets are what may not be shown in traces and errors: the channel's secrets (Definition.Secrets), and
	// content where the URL has to carry it. What Header and URL show to be a secret need not be named.
	Secrets []string
	Timeout time.Duration // 0: the client's
}

// Answer is what a provider answered.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	Truncated bool // the body was longer than the limit
	Trace     Trace
}

// Do makes a call. An answer of 2xx, read whole or to the limit, is success. Every other answer is an *Error as
// well as an Answer; so is a call that certainly did not reach the provider. A call that broke after it
// was written, or whose good answer did, is a *LostError: nobody knows whether it was taken.
//
// A redirect is followed within the same host, method and body unchanged; only GET and HEAD, without headers
// of the call, follow to another host, and never from https to http. An answer that redirects further is an *Error.
func (c *Client) Do(ctx context.Context, call Call) (Answer, error) {
	redactor := call.redactor()
	trace := Trace{Request: call.Method + " " + redactor.URL(call.URL)}
	timeout := c.timeout
	if call.Timeout > 0 {
		timeout = call.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var taken atomic.Bool
	request, err := c.request(ctx, call, &taken)
	if err != nil {
		return Answer{Trace: trace}, &Error{Code: CodeSettings, Text: redactor.Text(err.Error()), Trace: trace}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{Trace: trace}, failure(err, taken.Load(), trace, redactor)
	}
	defer response.Body.Close()
	trace.Status = response.StatusCode
	answer := Answer{Status: response.StatusCode, Header: response.Header, Trace: trace}
	answer.Body, answer.Truncated, err = readAnswer(response.Body, c.maxAnswer)
	if answer.Status < 200 || answer.Status > 299 {
		return answer, refusal(answer, redactor, time.Now())
	}
	if err != nil {
		return answer, failure(err, true, trace, redactor)
	}
	return answer, nil
}

// request builds the request. It sets taken once a connection is there to write it to: from then on, it
// may be written at any moment, even after the call was given up.
func (c *Client) request(ctx context.Context, call Call, taken *atomic.Bool) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, call.Method, call.URL, bytes.NewReader(call.Body))
	if err != nil || (request.URL.Scheme != "http" && request.URL.Scheme != "https") || request.URL.Hostname() == "" {
		return nil, errors.New("the provider's address must be an absolute http or https URL")
	}
	for name, values := range call.Header {
		if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsFunc(v, unicode.IsControl) }) {
			return nil, fmt.Errorf("the value of the header %s must not contain control characters", name)
		}
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", c.agent)
	}
	repeatable := call.Method == http.MethodGet || call.Method == http.MethodHead ||
		request.Header.Get("Idempotency-Key") != "" || request.Header.Get("X-Idempotency-Key") != ""
	return request.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// A new connection for the same call: the transport repeats what is not repeatable only where none
		// of it was written, and a redirect is a provider's no.
		GetConn: func(string) {
			if !repeatable {
				taken.Store(false)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { taken.Store(true) },
	})), nil
}

// redactor knows the call's secrets: those named, and those that its URL and headers carry.
func (call Call) redactor() Redactor {
	secrets := append(headerSecrets(call.Header), call.Secrets...)
	if u, err := url.Parse(call.URL); err == nil {
		secrets = append(secrets, urlSecrets(u)...)
	}
	return NewRedactor(secrets...)
}

// readAnswer reads a body to the limit. Reading to its end lets the connection be used again.
func readAnswer(body io.Reader, limit int64) (read []byte, truncated bool, err error) {
	read, err = io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(read)) > limit {
		return read[:limit], true, nil
	}
	return read, false, err
}

// checkRedirect follows a redirect, or makes it the answer. The address is checked when it is dialled.
func checkRedirect(next *http.Request, via []*http.Request, limit int) error {
	first, last := via[0], via[len(via)-1]
	sameHost := next.URL.Host == first.URL.Host
	reading := first.Method == http.MethodGet || first.Method == http.MethodHead
	switch {
	case len(via) > limit,
		next.URL.Scheme != "https" && next.URL.Scheme != last.URL.Scheme,
		next.Method != first.Method,
		!sameHost && !reading:
		return http.ErrUseLastResponse
	}
	next.Header.Del("Referer")
	if !sameHost {
		agent := first.Header.Get("User-Agent")
		clear(next.Header)
		next.Header.Set("User-Agent", agent)
	}
	return nil
}
