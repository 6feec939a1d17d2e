package door

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// Call is one request under way.
type Call struct {
	P        *access.Principal // who asks; nil where the operation asks for no key
	R        *http.Request
	W        http.ResponseWriter
	Body     []byte // what was received, until the call ends
	Status   int    // of the answer, where it is not the operation's
	Replayed bool   // the answer is to a request that was repeated

	door     *Door
	endpoint *Endpoint
	buffer   *bytes.Buffer // of the request
}

// handler answers an endpoint's requests.
func (d *Door) handler(e *Endpoint) http.Handler {
	return httpd.Handle(httpd.WriteProblem, func(w http.ResponseWriter, r *http.Request) error {
		c := &Call{W: w, R: r, door: d, endpoint: e}
		defer c.end()
		if err := c.admit(); err != nil {
			return err
		}
		return e.run(c)
	})
}

// end gives back what the request was read with. Nothing of it is used any more.
func (c *Call) end() {
	if c.buffer != nil {
		c.door.recycle(c.buffer)
	}
}

// admit finds out who asks, and whether they may: the credential first, then the rate, then the scope.
func (c *Call) admit() error {
	if c.endpoint.Scope == "" {
		return nil
	}
	var err error
	if c.P, err = c.authenticate(); err != nil {
		return err
	}
	limit := httpd.Limit{Name: "key", Count: c.P.RateLimit, Per: time.Minute}
	if limit.Count == 0 {
		limit.Count = c.door.keyRateLimit
	}
	if limit.Count > 0 {
		quota := c.door.limiter.Take(string(c.P.Key), limit)
		quota.SetHeaders(c.W.Header())
		if err := quota.Err(); err != nil {
			return err
		}
	}
	if err := c.P.Require(c.endpoint.Scope); err != nil {
		return err
	}
	if len(c.endpoint.Acts) > 0 {
		c.P = c.P.From(c.remote())
	}
	return c.checkPath()
}

// remote is the address that the request came from.
func (c *Call) remote() string {
	host, _, err := net.SplitHostPort(c.R.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func (c *Call) authenticate() (*access.Principal, error) {
	credential, err := httpd.Credential(c.R)
	if err != nil {
		return nil, err
	}
	return c.door.authenticator.Authenticate(c.R.Context(), credential, c.R.Header.Get("Parley-Organization"))
}

// Again finds out who asks once more, of a request that takes its time: what the key permits may have changed.
func (c *Call) Again() (*access.Principal, error) {
	p, err := c.authenticate()
	if err == nil {
		err = p.Require(c.endpoint.Scope)
	}
	return p, err
}

const maxPathValue = 500 // bytes

// checkPath refuses what is the id of nothing: as everywhere, what does not exist is not found.
func (c *Call) checkPath() error {
	for _, name := range c.endpoint.route.Parameters {
		value := c.R.PathValue(name)
		if len(value) > maxPathValue || !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
			return parley.NotFound("resource", parley.ID(strings.ToValidUTF8(value[:min(len(value), parley.IDLength)], "")))
		}
	}
	if c.R.URL.RawQuery != "" && c.endpoint.Query == nil {
		return c.endpoint.route.ReadQuery(c.R.URL.RawQuery, &struct{}{})
	}
	return nil
}

// Ctx is the request's context.
func (c *Call) Ctx() context.Context { return c.R.Context() }

// ID is the id in the path.
func (c *Call) ID() parley.ID { return parley.ID(c.R.PathValue("id")) }

// Path is what the path has in a place.
func (c *Call) Path(name string) string { return c.R.PathValue(name) }

// Number is the number in the path. What is none is the number of nothing.
func (c *Call) Number() (int, error) {
	text := c.R.PathValue("number")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0, parley.NotFound("delivery", parley.ID(text))
	}
	return n, nil
}

// Limit is how many entries a page has.
func Limit(asked int) int {
	if asked == 0 {
		return pageLimit
	}
	return asked
}

// Idempotency is what the request's Idempotency-Key says; nil without one.
func (c *Call) Idempotency() *access.Idempotency {
	keys := c.R.Header["Idempotency-Key"]
	if len(keys) == 0 {
		return nil
	}
	return &access.Idempotency{Key: strings.Join(keys, ","), Method: c.R.Method, Path: c.R.URL.EscapedPath(), Body: c.Body}
}

// IfMatch is the revision that the request names, 0 where it names none. What cannot be a revision is one that
// nothing has.
func (c *Call) IfMatch() int64 {
	tag := c.R.Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return 0
	}
	tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	rev, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || rev <= 0 {
		return -1
	}
	return rev
}

// ReadBody reads and checks a JSON body.
func (c *Call) ReadBody(into any) error {
	if err := c.Receive(); err != nil {
		return err
	}
	return c.Decode(into)
}

// Decode checks the JSON body that was received.
func (c *Call) Decode(into any) error { return c.endpoint.route.ReadBody(c.Body, into) }

// DecodeEach is Decode of a body that is a list, of which each entry is checked by itself.
func (c *Call) DecodeEach(list string, each func(raw []byte, err error)) error {
	return c.endpoint.route.ReadEach(c.Body, list, each)
}

// ReadQuery reads and checks the parameters of the URL.
func (c *Call) ReadQuery(into any) error { return c.endpoint.route.ReadQuery(c.R.URL.RawQuery, into) }

// Receive reads the body, whatever it holds.
func (c *Call) Receive() error {
	if err := isJSON(c.R.Header.Get("Content-Type")); err != nil {
		return err
	}
	if encoding := c.R.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return Unsupported("Content-Encoding", "identity: bodies are not compressed")
	}
	c.buffer = c.door.buffer()
	_, err := c.buffer.ReadFrom(c.R.Body)
	c.Body = c.buffer.Bytes()
	return err
}

// isJSON accepts what may be JSON; what is not said may.
func isJSON(contentType string) error {
	if contentType == "" || contentType == "application/json" {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err == nil && kind == "application/json" && (parameters["charset"] == "" || strings.EqualFold(parameters["charset"], "utf-8")) {
		return nil
	}
	return Unsupported("Content-Type", "application/json")
}

// Unsupported refuses a body that is not of the kind that is taken.
func Unsupported(header, allowed string) error {
	return &parley.Error{Kind: parley.KindMediaType, Code: "content-type-unsupported", Message: "the " + header + " must be " + allowed,
		Fields: []parley.FieldError{{Field: header, Code: "content-type-unsupported", Message: "must be " + allowed}}}
}

// Values of headers. They are shared, and never changed.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
	yes      = []string{"true"}
)

// begin sets the headers of an answer.
func (c *Call) begin(rev int64) {
	h := c.W.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = jsonType, noStore, noSniff
	if c.Replayed {
		h["Idempotent-Replayed"] = yes
	}
	if rev > 0 {
		h["Etag"] = []string{`"` + strconv.FormatInt(rev, 10) + `"`}
	}
	if c.Status == 0 {
		c.Status = c.endpoint.route.Status
	}
}

// Answer writes what was asked for.
func (c *Call) Answer(value any, rev int64) error {
	buffer := c.door.buffer()
	defer c.door.recycle(buffer)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	c.begin(rev)
	c.W.Header()["Content-Length"] = []string{strconv.Itoa(buffer.Len())}
	c.W.WriteHeader(c.Status)
	_, _ = c.W.Write(buffer.Bytes()) // the caller is gone if it fails
	return nil
}

// AnswerMessage writes a message: as Answer would, and faster.
func (c *Call) AnswerMessage(m *parley.Message) error {
	buffer := c.door.buffer()
	defer c.door.recycle(buffer)
	text := append(wire.AppendMessage(buffer.AvailableBuffer(), m), '\n')
	c.begin(0)
	c.W.WriteHeader(c.Status)
	_, _ = c.W.Write(text) // the caller is gone if it fails
	_, _ = buffer.Write(text)
	return nil
}

// nothing answers that it is done.
func (c *Call) nothing() error {
	h := c.W.Header()
	h["Cache-Control"] = noStore
	if c.Replayed {
		h["Idempotent-Replayed"] = yes
	}
	c.W.WriteHeader(http.StatusNoContent)
	return nil
}
