package tigerconnect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// organizationHeader names the organization that a request acts in, where its fields do not.
const organizationHeader = "TT-X-Organization-Key"

// call is one request under way.
type call struct {
	d *door
	w http.ResponseWriter
	r *http.Request
	p *access.Principal // who asks; nil until the organization is known, which the fields may name
}

// handler answers an operation's requests: whoever asks must have a key that works, before anything is read.
func (d *door) handler(o route) http.Handler {
	return httpd.Handle(writeError, func(w http.ResponseWriter, r *http.Request) error {
		c := &call{d: d, w: w, r: r}
		err := c.enter("")
		if several, ok := organizationsOf(err); ok && o.anywhere {
			err = c.enter(several)
		} else if ok && r.Method == http.MethodPost {
			err = nil // the fields may say it
		}
		if err != nil {
			return err
		}
		return o.handle(c)
	})
}

// organizationsOf reports whether a request does not say in which of several organizations it acts, and returns one of them.
func organizationsOf(err error) (one string, several bool) {
	if err == nil || parley.AsError(err).Code != codeOrganization {
		return "", false
	}
	if list, ok := parley.AsError(err).Facts["organizations"].([]map[string]any); ok && len(list) > 0 {
		one, _ = list[0]["id"].(string)
	}
	return one, true
}

// codeOrganization is the core's for a request that does not say in which of several organizations it acts.
const codeOrganization = "organization-required"

func (c *call) ctx() context.Context { return c.r.Context() }

// enter finds out who asks, in the organization that the fields name, or the header.
func (c *call) enter(named string) error {
	header := c.r.Header.Get(organizationHeader)
	switch {
	case named == "":
		named = header
	case header != "" && header != named:
		return parley.Invalid("sender_organization", "organization-ambiguous", "must be that of the header %s", organizationHeader)
	}
	if c.p != nil && (named == "" || string(c.p.Organization) == named) {
		return nil
	}
	credential, err := httpd.Credential(c.r)
	if err != nil {
		return err
	}
	known := c.p != nil
	p, err := c.d.Authenticator.Authenticate(c.ctx(), credential, named)
	if err != nil {
		return err
	}
	c.p = p
	if host, _, err := net.SplitHostPort(c.r.RemoteAddr); err == nil {
		c.p = p.From(host)
	}
	if known {
		return nil
	}
	return c.admit()
}

// inside refuses a request whose organization nothing has named.
func (c *call) inside() error {
	if c.p != nil {
		return nil
	}
	if err := c.enter(""); err != nil {
		return err
	}
	return nil
}

// admit counts the request against what the key may make of them.
func (c *call) admit() error {
	limit := httpd.Limit{Name: "key", Count: c.p.RateLimit, Per: time.Minute}
	if limit.Count == 0 {
		limit.Count = c.d.KeyRateLimit
	}
	if limit.Count == 0 {
		return nil
	}
	quota := c.d.limiter.Take(string(c.p.Key), limit)
	quota.SetHeaders(c.w.Header())
	return quota.Err()
}

// id is that of the path.
func (c *call) id() parley.ID { return parley.ID(c.r.PathValue("id")) }

// envelope is what every answer with a body is in.
type envelope struct {
	Status string `json:"status"`
	Reply  any    `json:"reply"`
}

// reply answers with the vendor's envelope.
func (c *call) reply(value any) error {
	text, err := json.Marshal(envelope{"success", value})
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(append(text, '\n')) // the caller is gone if it fails
	return nil
}

// done answers that there is nothing to say.
func (c *call) done() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// fields are those of a request: JSON each, whatever it came as. A form has texts.
type fields map[string]json.RawMessage

// read reads the fields of a JSON object or a form without files.
func (c *call) read() (fields, error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil && c.r.Header.Get("Content-Type") != "" {
		return nil, errContentType()
	}
	text, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "application/json":
	case "application/x-www-form-urlencoded", "":
		if kind == "" && looksLikeJSON(text) {
			break
		}
		values, err := url.ParseQuery(string(text))
		if err != nil {
			return nil, malformed("the body is no valid form: " + err.Error())
		}
		f := fields{}
		for name, list := range values {
			if len(list) > 1 {
				return nil, errTwice(name)
			}
			if err := f.put(name, list[0]); err != nil {
				return nil, err
			}
		}
		return f, nil
	default:
		return nil, errContentType()
	}
	if !utf8.Valid(text) {
		return nil, malformed("the body must be UTF-8")
	}
	f := fields{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&f); err != nil {
		return nil, malformed("the body must be a JSON object: " + err.Error())
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, malformed("the body must be one JSON object")
	}
	return f, nil
}

func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

// put adds a field of a form.
func (f fields) put(name, value string) error {
	if !utf8.ValidString(name + value) {
		return parley.Invalid(strings.ToValidUTF8(name, "?"), "text-invalid", "must be UTF-8")
	}
	text, err := json.Marshal(value)
	f[name] = text
	return err
}

// errTwice refuses a field of a form that is there more than once: which one counts nobody could say.
func errTwice(name string) error {
	return parley.Invalid(name, "too-many", "must be there once; several recipients go into one field, with commas between them or as an array")
}

func malformed(message string) error {
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: message}
}

func errContentType() error {
	return &parley.Error{Kind: parley.KindMediaType, Code: "content-type-unsupported",
		Message: "the Content-Type must be application/json, application/x-www-form-urlencoded, or for a file multipart/form-data"}
}
