// Package tigerconnect sends messages through a Parley server in the way of TigerConnect's SDK, for programs in Go. It imports the
// standard library only.
//
//	client, err := tigerconnect.SignIn(ctx, "https://HOST/tigerconnect/v2", key, secret)
//	message, err := client.SendToUser(ctx, userID, "ICU bed 4 is ready", &tigerconnect.SendOptions{TTL: 1440, Priority: tigerconnect.High})
package tigerconnect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client acts as the user of a key. It is safe for use by several goroutines.
type Client struct {
	http          *http.Client
	base          string
	key, secret   string
	organization  string
	retry         Retry
	me            User
	organizations []Organization
}

// Retry says how a request that cannot be answered for now (429, 503, a lost connection) is repeated. A message has the same id at each
// attempt, so that it is not there twice.
type Retry struct {
	Attempts int           // how often it is made at most
	Longest  time.Duration // the longest wait
}

// Option changes what SignIn makes.
type Option func(*Client)

// WithOrganization names the organization of what does not name one. Who belongs to one only need not.
func WithOrganization(id string) Option { return func(c *Client) { c.organization = id } }

// WithHTTPClient makes the requests through h.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithRetry sets how requests are repeated; left out: 4 attempts, with at most 30 seconds between two.
func WithRetry(r Retry) Option { return func(c *Client) { c.retry = r } }

// User is who a client acts as.
type User struct {
	ID           string `json:"token"`
	DisplayName  string `json:"display_name"`
	Organization string `json:"organization_key"`
}

// Organization is one that the user belongs to.
type Organization struct {
	ID     string `json:"token"`
	Name   string `json:"name"`
	UserID string `json:"user_token"` // of the user there
}

// SignIn checks a key's id and secret with the server at baseURL, such as https://HOST/tigerconnect/v2, and returns a client.
func SignIn(ctx context.Context, baseURL, key, secret string, options ...Option) (*Client, error) {
	base, err := url.Parse(baseURL)
	switch {
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, argument("baseURL", "must be the address of the server, as https://HOST/tigerconnect/v2")
	case key == "" || strings.Contains(key, ":"):
		return nil, argument("key", "must be the id of a key")
	case secret == "":
		return nil, argument("secret", "must be the secret of the key")
	}
	c := &Client{http: http.DefaultClient, base: strings.TrimRight(baseURL, "/"), key: key, secret: secret, retry: Retry{4, 30 * time.Second}}
	for _, option := range options {
		option(c)
	}
	var list struct{ Organizations []Organization }
	if err := c.call(ctx, request{method: http.MethodGet, path: "/user/me/organization"}, &list); err != nil {
		return nil, err
	}
	c.organizations = list.Organizations
	if c.organization == "" && len(c.organizations) == 1 {
		c.organization = c.organizations[0].ID
	}
	at := c.organization
	if at == "" && len(c.organizations) > 0 {
		at = c.organizations[0].ID
	}
	return c, c.call(ctx, request{method: http.MethodGet, path: "/user/me", organization: at}, &c.me)
}

// Me is who the client acts as.
func (c *Client) Me() User { return c.me }

// Organizations are those that the user belongs to.
func (c *Client) Organizations() []Organization {
	return append([]Organization(nil), c.organizations...)
}

func (c *Client) isMe(id string) bool {
	for _, o := range c.organizations {
		if o.UserID == id {
			return true
		}
	}
	return id == c.me.ID
}

// request is one that may be repeated.
type request struct {
	method, path, organization string
	body                       func() (content io.ReadCloser, kind string, size int64, err error) // of each attempt; nil: none
	onRetry                    func(error)
}

// call makes a request until it is answered, and reads the reply.
func (c *Client) call(ctx context.Context, r request, into any) error {
	for attempt := 1; ; attempt++ {
		wait, err := c.once(ctx, r, into)
		if err == nil || wait < 0 || attempt >= c.retry.Attempts || ctx.Err() != nil {
			return err
		}
		if wait == 0 {
			wait = 200 * time.Millisecond << (attempt - 1)
		}
		if r.onRetry != nil {
			r.onRetry(err)
		}
		timer := time.NewTimer(min(wait, c.retry.Longest))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// once makes one attempt. Of an error it says how long to wait before another: 0 for a time of one's own, less for none.
func (c *Client) once(ctx context.Context, r request, into any) (wait time.Duration, err error) {
	var content io.ReadCloser
	var kind string
	var size int64
	if r.body != nil {
		if content, kind, size, err = r.body(); err != nil {
			return -1, err
		}
	}
	asked, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, content)
	if err != nil {
		return -1, err
	}
	asked.SetBasicAuth(c.key, c.secret)
	asked.Header.Set("Accept", "application/json")
	if kind != "" {
		asked.Header.Set("Content-Type", kind)
		asked.ContentLength = size
	}
	if r.organization != "" {
		asked.Header.Set("TT-X-Organization-Key", r.organization)
	}
	answer, err := c.http.Do(asked)
	if err != nil {
		return 0, fmt.Errorf("tigerconnect: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("tigerconnect: reading the answer: %w", err)
	}
	if answer.StatusCode < 300 {
		return -1, decode(text, into)
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return max(time.Millisecond, time.Duration(seconds)*time.Second), refusal(answer.StatusCode, text)
	}
	return -1, refusal(answer.StatusCode, text)
}

const maxAnswer = 16 << 20

func decode(text []byte, into any) error {
	var envelope struct{ Reply json.RawMessage }
	err := json.Unmarshal(text, &envelope)
	if err == nil && into != nil {
		err = json.Unmarshal(envelope.Reply, into)
	}
	if err != nil {
		return fmt.Errorf("tigerconnect: the answer: %w", err)
	}
	return nil
}

// Codes of errors.
const (
	CodeNotFound         = "not-found"         // there is no such thing, or none that the user may see
	CodePermissionDenied = "permission-denied" // the user or the key may not do this
)

// Error is what the server says of a request that it refuses.
type Error struct {
	Code      string // what sort of error it is, such as CodeNotFound
	Reason    string // what exactly it is
	Message   string // for people
	Status    int    // of HTTP
	Field     string // the first that is wrong; empty: none
	RequestID string `json:"request_id"`
}

// Error says it for people.
func (e *Error) Error() string { return "tigerconnect: " + e.Code + ": " + e.Message }

func refusal(status int, text []byte) error {
	var answer struct{ Error *Error }
	if json.Unmarshal(text, &answer) != nil || answer.Error == nil {
		return &Error{Code: "unknown", Message: fmt.Sprintf("the server answered %d", status), Status: status}
	}
	return answer.Error
}

// ArgumentError says that an argument cannot be sent: nothing was requested.
type ArgumentError struct {
	Argument string // as the documentation of the call names it
	Message  string
}

// Error says it for people.
func (e *ArgumentError) Error() string { return "tigerconnect: " + e.Argument + ": " + e.Message }

func argument(name, format string, args ...any) error {
	return &ArgumentError{name, fmt.Sprintf(format, args...)}
}
