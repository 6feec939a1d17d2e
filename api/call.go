package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer = 64 << 20 // bytes of a JSON answer
	maxPooled = 1 << 20  // bytes of a buffer that is kept for the next answer
)

// CallOption changes one call.
type CallOption func(*request)

// IdempotencyKey makes a call that creates something safe to repeat: within 24 hours, the same call with the
// same key gives what the first one made. It has 1 to 255 characters.
func IdempotencyKey(key string) CallOption {
	return func(r *request) { r.key = key }
}

// IfMatch makes a change only where the resource still has this revision; else the error has status 412.
func IfMatch(rev int64) CallOption {
	return func(r *request) { r.ifMatch = rev }
}

// WithAnswer fills a with what the server answered besides the result, also where it is an error.
func WithAnswer(a *Answer) CallOption {
	return func(r *request) { r.answer = a }
}

// Answer is what the server answered besides the result.
type Answer struct {
	Status    int // the HTTP status; 0: there was no answer
	RequestID string
	Replayed  bool // the idempotency key was known: this is what the first call made
	Header    http.Header
}

// request is one call: what is sent, at each attempt alike.
type request struct {
	method, path string // the path is escaped
	query        string
	in           any // sent as JSON; nil for nothing
	key          string
	ifMatch      int64
	answer       *Answer

	invalid     error  // found before anything was sent
	keyed       bool   // a key is made where none was given
	once        bool   // never repeated
	repeatable  bool   // repeated although it is a POST without a key: made twice it changes nothing more
	accept      string // other than JSON
	lastEventID string
	raw         bool // the answer's body is left to the caller

	payload     []byte
	open        func() (io.Reader, int64) // instead of a payload: a new reader each time, and its length, -1: unknown
	contentType string
	response    *http.Response // of a raw one
}

// pathOf joins and escapes segments. An empty one, or one that names a folder, is an error of the request.
func (r request) pathOf(segments ...string) request {
	var b strings.Builder
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			r.invalid = fmt.Errorf("parley: %q is no id", s)
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	r.path = b.String()
	return r
}

// fetch makes a call and returns its result.
func fetch[T any](ctx context.Context, c *Client, r request, options ...CallOption) (*T, error) {
	for _, option := range options {
		option(&r)
	}
	out := new(T)
	if err := c.do(ctx, &r, out); err != nil {
		return nil, err
	}
	return out, nil
}

// order makes a call without a result.
func order(ctx context.Context, c *Client, r request, options ...CallOption) error {
	for _, option := range options {
		option(&r)
	}
	return c.do(ctx, &r, nil)
}

// do makes the call, again and again where that is wanted and without harm, and decodes the answer into out.
func (c *Client) do(ctx context.Context, r *request, out any) error {
	if r.invalid != nil {
		return r.invalid
	}
	if r.in != nil {
		payload, err := json.Marshal(r.in)
		if err != nil {
			return fmt.Errorf("parley: the request cannot be written as JSON: %w", err)
		}
		r.payload, r.contentType = payload, "application/json"
	}
	if r.keyed && r.key == "" {
		r.key = rand.Text()
	}
	for repeated := 0; ; repeated++ {
		err := c.try(ctx, r, out)
		if err == nil || repeated >= c.retry.Max || !r.mayRepeat(err) || !passing(ctx, err) {
			return err
		}
		wait, ok := c.retry.wait(repeated, err)
		if !ok {
			return err
		}
		if stopped := sleep(ctx, wait); stopped != nil {
			return fmt.Errorf("%w, after: %w", stopped, err)
		}
	}
}

// mayRepeat reports whether making the call again, after it failed with err, does no more than making it
// once. What was refused for its rate was not begun.
func (r *request) mayRepeat(err error) bool {
	if r.once {
		return false
	}
	if refused, ok := errors.AsType[*Error](err); ok && refused.HTTPStatus == http.StatusTooManyRequests {
		return true
	}
	switch r.method {
	case http.MethodPost:
		return r.key != "" || r.repeatable
	case http.MethodPatch:
		return false
	}
	return true
}

// passing reports whether the same call may succeed a little later.
func passing(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		switch refused.HTTPStatus {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return false
	}
	return !errors.Is(err, errAnswer)
}

// errAnswer is an answer that this client does not understand.
var errAnswer = errors.New("the answer is not one of this API")

// wait returns how long to wait after the call failed for the n-th time, from 0; false: too long.
func (p Retry) wait(n int, err error) (time.Duration, bool) {
	wait := p.Base << min(n, 30)
	if wait > p.Cap || wait < p.Base {
		wait = p.Cap
	}
	wait -= upTo(wait / 2)
	if refused, ok := errors.AsType[*Error](err); ok && refused.RetryAfter > wait {
		if refused.RetryAfter > p.Patience {
			return 0, false
		}
		wait = refused.RetryAfter + upTo(refused.RetryAfter/4)
	}
	return wait, true
}

func upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return mathrand.N(d + 1)
}

// sleep waits, and returns the context's error where it ends, or would end, before. A wait that the context
// leaves no time for is not begun.
func sleep(ctx context.Context, wait time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// try makes the call once.
func (c *Client) try(ctx context.Context, r *request, out any) error {
	response, err := c.http.Do(c.build(ctx, r))
	if err != nil {
		return fmt.Errorf("parley: %w", err)
	}
	if r.answer != nil {
		*r.answer = Answer{Status: response.StatusCode, RequestID: response.Header.Get("X-Request-Id"),
			Replayed: response.Header.Get("Idempotent-Replayed") == "true", Header: response.Header}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer response.Body.Close()
		return refusal(response)
	}
	if r.raw {
		r.response = response
		return nil
	}
	defer response.Body.Close()
	return c.decode(response, out)
}

// build makes the HTTP request without parsing its URL again.
func (c *Client) build(ctx context.Context, r *request) *http.Request {
	target := c.base
	target.RawQuery = r.query
	if strings.Contains(r.path, "%") {
		target.RawPath = target.EscapedPath() + r.path
		plain, _ := url.PathUnescape(r.path) // it was escaped by pathOf
		target.Path += plain
	} else {
		target.Path += r.path
	}
	header := make(http.Header, 8)
	header["Authorization"] = c.credential
	header["User-Agent"] = c.agent
	header["Accept"] = jsonOnly
	if r.accept != "" {
		header["Accept"] = []string{r.accept}
	}
	if r.raw {
		header["Accept-Encoding"] = asIs
	}
	if c.organization != nil {
		header["Parley-Organization"] = c.organization
	}
	if r.key != "" {
		header["Idempotency-Key"] = []string{r.key}
	}
	if r.ifMatch != 0 {
		header["If-Match"] = []string{`"` + strconv.FormatInt(r.ifMatch, 10) + `"`}
	}
	if r.lastEventID != "" {
		header["Last-Event-Id"] = []string{r.lastEventID}
	}
	built := c.blank.WithContext(ctx)
	built.Method, built.URL, built.Header = r.method, &target, header
	r.attach(built)
	return built
}

var (
	jsonOnly = one("application/json")
	asIs     = one("identity") // the length is that of the file, and events are not held back to be packed
)

// attach gives the request its body. The bytes of a payload are shared by all attempts, which only read them.
func (r *request) attach(to *http.Request) {
	switch {
	case r.open != nil:
		body, length := r.open()
		to.Body, to.ContentLength = io.NopCloser(body), length
	case r.payload != nil:
		to.ContentLength = int64(len(r.payload))
		to.Body = newPayload(r.payload)
		to.GetBody = func() (io.ReadCloser, error) { return newPayload(r.payload), nil }
	default:
		return
	}
	to.Header["Content-Type"] = []string{r.contentType}
}

// payload is a body of bytes.
type payload struct{ bytes.Reader }

func newPayload(b []byte) *payload {
	p := &payload{}
	p.Reset(b)
	return p
}

// Close does nothing.
func (*payload) Close() error { return nil }

// decode reads the answer to its end, so that the connection can be used again.
func (c *Client) decode(response *http.Response, out any) error {
	buffer := c.buffers.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= maxPooled {
			c.buffers.Put(buffer)
		}
	}()
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(response.Body, maxAnswer+1)); err != nil {
		return fmt.Errorf("parley: the answer broke off: %w", err)
	}
	if buffer.Len() > maxAnswer {
		return fmt.Errorf("parley: %w: it has more than %d bytes", errAnswer, maxAnswer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(buffer.Bytes(), out); err != nil {
		return fmt.Errorf("parley: %w: %w", errAnswer, err)
	}
	return nil
}

// refusal makes the error of an answer that is not a success, whoever on the way gave it.
func refusal(response *http.Response) *Error {
	refused := &Error{HTTPStatus: response.StatusCode, RetryAfter: retryAfter(response.Header.Get("Retry-After"))}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what came before a break is still the best there is
	if err := json.Unmarshal(body, &refused.Problem); err != nil || refused.Code == "" {
		text := strings.ToValidUTF8(string(body[:min(len(body), 300)]), "")
		refused.Problem = Problem{Title: http.StatusText(response.StatusCode), Status: response.StatusCode, Detail: strings.TrimSpace(text)}
	}
	if refused.RequestID == "" {
		refused.RequestID = response.Header.Get("X-Request-Id")
	}
	return refused
}

// retryAfter reads seconds or a date; 0 for neither, and for what has passed.
func retryAfter(value string) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}
