package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// exchange is one request with its answer. Its parts lie in one allocation.
type exchange struct {
	server   *Server
	start    time.Time
	request  *http.Request // as the handler gets it
	context  requestContext
	response response
	body     body
	idHeader [1]string
	slot     *slots // what it counts against; nil: nothing
	err      *parley.Error
}

// requestContext carries the request id and nothing else.
type requestContext struct {
	context.Context
	id string
}

type requestIDKey struct{}

func (c *requestContext) Value(key any) any {
	if key == (requestIDKey{}) {
		return c.id
	}
	return c.Context.Value(key)
}

// RequestID is the id of the request that ctx belongs to, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

const maxRequestID = 128

// requestIDOf takes the caller's id where it is one that logs and headers bear, else makes one.
func requestIDOf(r *http.Request, now time.Time) string {
	given := r.Header.Get("X-Request-Id")
	if given == "" || len(given) > maxRequestID {
		return string(parley.NewID(now))
	}
	for _, c := range []byte(given) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ':' {
			return string(parley.NewID(now))
		}
	}
	return given
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	now := time.Now()
	x := &exchange{server: s, start: now}
	x.context = requestContext{Context: r.Context(), id: requestIDOf(r, now)}
	x.request = r.WithContext(&x.context)
	if r.Body != nil && r.Body != http.NoBody {
		x.body = body{ReadCloser: r.Body, exchange: x, declared: r.ContentLength, limit: s.options.MaxBody}
		x.request.Body = &x.body
	}
	x.response = response{ResponseWriter: w, exchange: x}
	x.idHeader[0] = x.context.id
	w.Header()["X-Request-Id"] = x.idHeader[:]
	return x
}

// admit takes a slot, unless all are taken.
func (x *exchange) admit() bool {
	if x.server.always[x.request.URL.Path] {
		return true
	}
	if !x.server.requests.take() {
		return false
	}
	x.slot = &x.server.requests
	return true
}

// end is deferred: it answers for a handler that panicked, frees the slot, counts and logs.
func (x *exchange) end() {
	panicked := recover()
	if panicked != nil && panicked != http.ErrAbortHandler {
		failure := panicError(panicked)
		if x.response.status == 0 {
			WriteProblem(&x.response, x.request, failure)
			panicked = nil
		} else {
			x.err = failure
			panicked = http.ErrAbortHandler // the answer has begun: cut it, so that it is not taken for whole
		}
	}
	if x.slot != nil {
		x.slot.give()
	}
	if x.response.status == 0 {
		x.response.status = http.StatusOK
	}
	took := time.Since(x.start)
	if x.server.metrics != nil {
		x.server.metrics.observe(x.request.Pattern, x.response.status, took, x.streaming())
	}
	x.log(took)
	if panicked != nil {
		panic(panicked)
	}
}

// settle waits until what a read is about to show is durable. What writes is answered only then by itself.
func (x *exchange) settle(status int) *parley.Error {
	settled, method := x.server.options.Settled, x.request.Method
	if settled == nil || status >= 500 || method != http.MethodGet && method != http.MethodHead || x.streaming() || x.server.always[x.request.URL.Path] {
		return nil
	}
	if err := settled(x.request.Context()); err != nil {
		return parley.AsError(err)
	}
	return nil
}

func (x *exchange) streaming() bool { return x.slot == &x.server.streams }

// log writes the line of the access log: no query, no header, no body, which may hold secrets.
func (x *exchange) log(took time.Duration) {
	level := slog.LevelInfo
	ours := x.err != nil && (x.err.Kind == parley.KindInternal || x.err.Err != nil && x.err.Kind == parley.KindUnavailable)
	if ours {
		level = slog.LevelError
	}
	log := x.server.options.Log
	if !ours && !x.server.options.AccessLog || !log.Enabled(&x.context, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 10),
		slog.String("request", x.context.id),
		slog.String("method", x.request.Method),
		slog.String("path", x.request.URL.Path),
		slog.Int("status", x.response.status),
		slog.Duration("took", took),
		slog.Int64("bytes", x.response.written),
		slog.String("remote", x.request.RemoteAddr),
	)
	if x.err != nil {
		attrs = append(attrs, slog.String("error", x.err.Error()))
	}
	log.LogAttrs(&x.context, level, "request", attrs...)
}

// panicError is what a recovered panic means to the caller, and to the log.
func panicError(value any) *parley.Error {
	return parley.AsError(panicValue{value: value, stack: string(debug.Stack())})
}

type panicValue struct {
	value any
	stack string
}

func (p panicValue) Error() string {
	return slog.AnyValue(p.value).String() + "\n" + p.stack
}
