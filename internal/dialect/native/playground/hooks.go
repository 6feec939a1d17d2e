package playground

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// catching is where the addresses of hooks begin.
const catching = "/v1/sandbox/catch/"

// url is the address of a hook, as whoever asks reaches the server where the operator has not said how.
func (a area) url(c *door.Call, h *parley.Hook) string {
	base := a.base
	if base == "" {
		base = "http://" + c.R.Host
		if c.R.TLS != nil {
			base = "https://" + c.R.Host
		}
	}
	return base + catching + playground.HookToken(c.P.Organization, h)
}

func (a area) createHook(c *door.Call, b *api.HookRequest) (api.Hook, bool, error) {
	params := playground.HookParams{Name: b.Name, Status: b.Status, Times: b.Times, Delay: time.Duration(b.Delay) * time.Second}
	h, replayed, err := a.playground.CreateHook(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Hook(&h, a.url(c, &h)), replayed, err
}

func (a area) hooks(c *door.Call, f api.Page) ([]api.Hook, string, error) {
	hooks, err := a.playground.Hooks(c.Ctx(), c.P)
	return door.Part(hooks, func(h *parley.Hook) api.Hook { return wire.Hook(h, a.url(c, h)) }, f, err)
}

func (a area) hook(c *door.Call) (api.Hook, error) {
	h, err := a.playground.Hook(c.Ctx(), c.P, c.ID())
	return wire.Hook(&h, a.url(c, &h)), err
}

func (a area) patchHook(c *door.Call, b *api.HookPatch) (api.Hook, error) {
	patch := playground.HookPatch{Name: b.Name, Status: b.Status, Times: b.Times, Delay: wire.OptionalSeconds(b.Delay)}
	h, err := a.playground.UpdateHook(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Hook(&h, a.url(c, &h)), err
}

func (a area) deleteHook(c *door.Call) error {
	return a.playground.DeleteHook(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) caught(c *door.Call, f api.Page) ([]api.HookCaught, string, error) {
	before := int64(0)
	if f.After != "" {
		n, err := strconv.ParseInt(f.After, 10, 64)
		if err != nil || n < 1 {
			return nil, "", door.ErrCursor()
		}
		before = n
	}
	caught, next, err := a.playground.Caught(c.Ctx(), c.P, c.ID(), before, door.Limit(f.Limit))
	cursor := ""
	if next > 0 {
		cursor = strconv.FormatInt(next, 10)
	}
	return wire.Each(caught, wire.Caught), cursor, err
}

func (a area) clearHook(c *door.Call) error { return a.playground.ClearHook(c.Ctx(), c.P, c.ID()) }

const (
	// keptBody is how many bytes of a body are kept.
	keptBody = 64 << 10
	// perMinute is how many requests a hook catches a minute.
	perMinute = 600
	// delayed is how many requests at once are answered late; the others are answered at once.
	delayed = 64
)

// catcher is the handler of all hooks' addresses.
type catcher struct {
	playground *playground.Playground
	limiter    *httpd.Limiter
	delayed    atomic.Int64
}

// Catch adds the addresses of hooks, which take any method and need no key.
func Catch(mux *http.ServeMux, g *playground.Playground) {
	c := &catcher{playground: g, limiter: httpd.NewLimiter()}
	mux.Handle(catching+"{token}", httpd.Handle(httpd.WriteProblem, c.catch))
	mux.Handle(catching+"{token}/{rest...}", httpd.Handle(httpd.WriteProblem, c.catch))
}

func (c *catcher) catch(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	if err := c.limiter.Take(token, httpd.Limit{Name: "hook", Count: perMinute, Per: time.Minute}).Err(); err != nil {
		return err
	}
	request, err := read(r)
	if err != nil {
		return err
	}
	status, delay, err := c.playground.Catch(r.Context(), token, request)
	if err != nil {
		return err
	}
	if delay > 0 && c.delayed.Add(1) <= delayed {
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
		timer.Stop()
	}
	if delay > 0 {
		c.delayed.Add(-1)
	}
	w.WriteHeader(status)
	return nil
}

// read is the request as it is kept: what is no text is replaced or written as base64.
func read(r *http.Request) (parley.Caught, error) {
	caught := parley.Caught{Method: text(r.Method), Path: text(r.PathValue("rest")), Query: text(r.URL.RawQuery), Headers: map[string][]string{}}
	for name, values := range playground.Redacted(r.Header) {
		for _, value := range values {
			caught.Headers[text(name)] = append(caught.Headers[text(name)], text(value))
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		caught.Address = host
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, keptBody))
	if err != nil {
		return caught, broken(err)
	}
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return caught, broken(err)
	}
	caught.Size = int64(len(body)) + rest
	if rest > 0 {
		body = whole(body)
	}
	caught.Body = string(body)
	if !utf8.ValidString(caught.Body) || strings.ContainsRune(caught.Body, 0) {
		caught.Body, caught.Base64 = base64.StdEncoding.EncodeToString(body), true
	}
	return caught, nil
}

// broken is what the server says of a body that is too long, or did not come.
func broken(err error) error {
	if e, ok := errors.AsType[*parley.Error](err); ok {
		return e
	}
	return parley.Invalid("body", "malformed", "the request broke off")
}

// whole cuts off a character that was cut in the middle.
func whole(body []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(body); n++ {
		if start := body[len(body)-n]; utf8.RuneStart(start) {
			if !utf8.FullRune(body[len(body)-n:]) {
				return body[:len(body)-n]
			}
			break
		}
	}
	return body
}

// text is foreign text without what is none.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
