// Package api is the public face of Parley for Go programs: the wire types of the native HTTP API under
// /v1, and Client, which speaks it. It imports the standard library only.
//
// Conventions of the wire: names in camelCase; times in RFC 3339, UTC, with milliseconds; durations in
// seconds, as numbers; addresses as "kind:value" where one is named, such as "email:ana@example.org". A
// field without a value is left out, unless its documentation says that it is always there. Where a request
// has a field that is left out, the default of its documentation holds; a field of a patch that is left out
// stays as it is.
//
// The struct tags beside the JSON names (doc, enum, minimum, maxLength, …) are what the server validates
// requests with and makes its OpenAPI document from.
//
// Long because it is one package: a client and all it reads and writes are had with one import. Each area of the API has
// a file, with its types first and the client's methods after them.
package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Client speaks the native API for one key. It is safe for use by several goroutines.
//
// Every method returns an *Error where the server refuses. Calls may be repeated without harm where they read,
// delete, mark something that stays marked, or carry an idempotency key; see Retry.
type Client struct {
	http         *http.Client
	base         url.URL      // its path ends without a slash
	blank        http.Request // what every request is copied from
	credential   []string
	organization []string
	agent        []string
	retry        Retry
	buffers      sync.Pool // of *bytes.Buffer, for answers
}

// Retry says how calls that may be repeated without harm are repeated: after 502, 503, 504 and failures of the
// connection; after 429, every call is. The wait doubles from Base to Cap and is shortened by up to half at random; where the
// server asks for more with Retry-After, that and up to a quarter more. The call's context bounds it all.
type Retry struct {
	Max      int           // how often a call is repeated; 0: never
	Base     time.Duration // the first wait
	Cap      time.Duration // the longest wait that the server did not ask for
	Patience time.Duration // a longer Retry-After is not waited for: its error is returned at once
}

// DefaultRetry is how a Client repeats calls when New is not told.
func DefaultRetry() Retry {
	return Retry{Max: 5, Base: 200 * time.Millisecond, Cap: 5 * time.Second, Patience: time.Minute}
}

// Option changes what New makes.
type Option func(*Client)

// WithHTTPClient makes the calls through h, whose Timeout must leave time for event streams and uploads.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithOrganization names the organization to act in, by id. A key of an account that has several needs it.
func WithOrganization(id string) Option {
	return func(c *Client) { c.organization = one(id) }
}

// WithUserAgent sets what the client calls itself.
func WithUserAgent(agent string) Option {
	return func(c *Client) { c.agent = one(agent) }
}

// WithRetry sets how calls are repeated. The zero Retry never repeats one.
func WithRetry(retry Retry) Option { return func(c *Client) { c.retry = retry } }

// New returns a client for the server at baseURL, such as "https://chat.example.org", and a key's secret.
// It fails where baseURL is not an absolute http or https URL.
func New(baseURL, key string, options ...Option) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("parley: the base URL: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("parley: the base URL %q must begin with http:// or https:// and name a host", baseURL)
	}
	c := &Client{
		base:       url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/")},
		credential: one("Bearer " + key),
		agent:      one("parley-go"),
		retry:      DefaultRetry(),
	}
	c.blank = http.Request{Host: base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	c.buffers.New = func() any { return new(bytes.Buffer) }
	for _, option := range options {
		option(c)
	}
	if c.http == nil {
		c.http = &http.Client{Transport: transport()}
	}
	return c, nil
}

// transport keeps as many connections to the one server as calls are made at once.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	t.ResponseHeaderTimeout = time.Minute
	return t
}

// one is a header's value that may be shared: appending to it copies.
func one(value string) []string { return []string{value}[:1:1] }

// Close closes the connections that wait for use. Calls and streams under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health returns nil where the server runs.
func (c *Client) Health(ctx context.Context) error { return c.probe(ctx, "/healthz") }

// Ready returns nil where the server takes requests, and an *Error of status 503 while it does not.
func (c *Client) Ready(ctx context.Context) error { return c.probe(ctx, "/readyz") }

func (c *Client) probe(ctx context.Context, path string) error {
	return c.do(ctx, &request{method: http.MethodGet, path: path, once: true}, nil)
}

// Health is what /healthz and /readyz answer.
type Health struct {
	Status string `json:"status" enum:"ok,starting,stopping,degraded" doc:"How the server is."`
}
