package native

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// call is one request under way.
type call struct {
	door     *door
	endpoint *endpoint
	w        http.ResponseWriter
	r        *http.Request
	p        *access.Principal
	body     []byte        // the buffer's
	buffer   *bytes.Buffer // of the request
	status   int           // of the answer, where it is not the operation's
	replayed bool
}

// handler answers an endpoint's requests.
func (d *door) handler(e *endpoint) http.Handler {
	return httpd.Handle(httpd.WriteProblem, func(w http.ResponseWriter, r *http.Request) error {
		c := &call{door: d, endpoint: e, w: w, r: r}
		defer c.end()
		if err := c.admit(); err != nil {
			return err
		}
		return e.run(c)
	})
}

// end gives back what the request was read with. Nothing of it is used any more.
func (c *call) end() {
	if c.buffer != nil {
		c.door.recycle(c.buffer)
	}
}

// admit finds out who asks, and whether they may: the credential first, then the rate, then the scope.
func (c *call) admit() error {
	if c.endpoint.Scope == "" {
		return nil
	}
	var err error
	if c.p, err = c.authenticate(); err != nil {
		return err
	}
	limit := httpd.Limit{Name: "key", Count: c.p.RateLimit, Per: time.Minute}
	if limit.Count == 0 {
		limit.Count = c.door.KeyRateLimit
	}
	if limit.Count > 0 {
		quota := c.door.limiter.Take(string(c.p.Key), limit)
		quota.SetHeaders(c.w.Header())
		if err := quota.Err(); err != nil {
			return err
		}
	}
	if err := c.p.Require(c.endpoint.Scope); err != nil {
		return err
	}
	return c.checkPath()
}

func (c *call) authenticate() (*access.Principal, error) {
	credential, err := httpd.Credential(c.r)
	if err != nil {
		return nil, err
	}
	return c.door.Authenticator.Authenticate(c.r.Context(), credential, c.r.Header.Get("Parley-Organization"))
}

const maxPathValue = 500 // bytes

// checkPath refuses what is the id of nothing: as everywhere, what does not exist is not found.
func (c *call) checkPath() error {
	for _, name := range c.endpoint.route.Parameters {
		value := c.r.PathValue(name)
		if len(value) > maxPathValue || !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
			return parley.NotFound("resource", parley.ID(strings.ToValidUTF8(value[:min(len(value), parley.IDLength)], "")))
		}
	}
	if c.r.URL.RawQuery != "" && c.endpoint.Query == nil {
		return c.endpoint.route.ReadQuery(c.r.URL.RawQuery, &struct{}{})
	}
	return nil
}

func (c *call) ctx() context.Context { return c.r.Context() }

// id is the id in the path.
func (c *call) id() parley.ID { return parley.ID(c.r.PathValue("id")) }

// number is the number in the path. What is none is the number of nothing.
func (c *call) number() (int, error) {
	text := c.r.PathValue("number")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0, parley.NotFound("delivery", parley.ID(text))
	}
	return n, nil
}

// limit is how many entries a page has.
func limit(asked int) int {
	if asked == 0 {
		return pageLimit
	}
	return asked
}

// idempotency is what the request's Idempotency-Key says; nil without one.
func (c *call) idempotency() *access.Idempotency {
	keys := c.r.Header["Idempotency-Key"]
	if len(keys) == 0 {
		return nil
	}
	return &access.Idempotency{Key: strings.Join(keys, ","), Method: c.r.Method, Path: c.r.URL.EscapedPath(), Body: c.body}
}

// ifMatch is the revision that the request names, 0 where it names none. What cannot be a revision is one that
// nothing has.
func (c *call) ifMatch() int64 {
	tag := c.r.Header.Get("If-Match")
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

// readBody reads and checks a JSON body.
func (c *call) readBody(into any) error {
	if err := c.receive(); err != nil {
		return err
	}
	return c.endpoint.route.ReadBody(c.body, into)
}

// receive reads the body, whatever it holds.
func (c *call) receive() error {
	if err := isJSON(c.r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if encoding := c.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("Content-Encoding", "identity: bodies are not compressed")
	}
	c.buffer = c.door.buffer()
	_, err := c.buffer.ReadFrom(c.r.Body)
	c.body = c.buffer.Bytes()
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
	return unsupported("Content-Type", "application/json")
}

func unsupported(header, allowed string) error {
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
func (c *call) begin(rev int64) {
	h := c.w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = jsonType, noStore, noSniff
	if c.replayed {
		h["Idempotent-Replayed"] = yes
	}
	if rev > 0 {
		h["Etag"] = []string{`"` + strconv.FormatInt(rev, 10) + `"`}
	}
	if c.status == 0 {
		c.status = c.endpoint.route.Status
	}
}

// answer writes what was asked for.
func (c *call) answer(value any, rev int64) error {
	buffer := c.door.buffer()
	defer c.door.recycle(buffer)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	c.begin(rev)
	c.w.Header()["Content-Length"] = []string{strconv.Itoa(buffer.Len())}
	c.w.WriteHeader(c.status)
	_, _ = c.w.Write(buffer.Bytes()) // the caller is gone if it fails
	return nil
}

// nothing answers that it is done.
func (c *call) nothing() error {
	h := c.w.Header()
	h["Cache-Control"] = noStore
	if c.replayed {
		h["Idempotent-Replayed"] = yes
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
