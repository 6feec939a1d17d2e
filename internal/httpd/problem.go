package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// HandlerFunc answers a request, or returns an error and has written nothing.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// ErrorWriter answers an error in the words of one API.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err *parley.Error)

// Handle makes a handler whose errors, panics among them, are answered by write.
func Handle(write ErrorWriter, handle HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := guarded(handle, w, r); err != nil {
			Fail(write, w, r, err)
		}
	})
}

// guarded turns a panic into an error.
func guarded(handle HandlerFunc, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err = panicError(v)
		}
	}()
	return handle(w, r)
}

// Fail answers an error by write and notes it for the log. It panics with http.ErrAbortHandler where the
// answer has begun already, so that the caller does not take it for whole.
func Fail(write ErrorWriter, w http.ResponseWriter, r *http.Request, err error) {
	e := asError(r.Context(), err)
	if x, ok := exchangeOf(w); ok {
		x.err = e
		if x.response.status != 0 {
			panic(http.ErrAbortHandler)
		}
	}
	write(w, r, e)
}

// asError is parley.AsError, but that a request which was canceled is no fault of ours.
func asError(ctx context.Context, err error) *parley.Error {
	e := parley.AsError(err)
	if e.Kind == parley.KindInternal && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return parley.Unavailable("canceled", "the request was canceled", nil)
	}
	return e
}

// Status is the HTTP status of an error, as the native API answers it.
func Status(e *parley.Error) int {
	switch e.Kind {
	case parley.KindInvalid:
		if e.Code == "malformed" || e.Code == "organization-required" {
			return http.StatusBadRequest
		}
		return http.StatusUnprocessableEntity
	case parley.KindUnauthorized:
		return http.StatusUnauthorized
	case parley.KindForbidden:
		return http.StatusForbidden
	case parley.KindNotFound:
		return http.StatusNotFound
	case parley.KindConflict:
		return http.StatusConflict
	case parley.KindPrecondition:
		return http.StatusPreconditionFailed
	case parley.KindGone:
		return http.StatusGone
	case parley.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case parley.KindMediaType:
		return http.StatusUnsupportedMediaType
	case parley.KindRateLimited:
		return http.StatusTooManyRequests
	case parley.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// SetErrorHeaders sets what an error says outside its body: WWW-Authenticate and Retry-After.
func SetErrorHeaders(h http.Header, e *parley.Error) {
	switch e.Kind {
	case parley.KindUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="parley"`)
	case parley.KindRateLimited, parley.KindUnavailable:
		h.Set("Retry-After", strconv.FormatInt(max(1, seconds(e.RetryAfter)), 10))
	}
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

const problemType = "application/problem+json"

// Problem is an error as RFC 9457 writes it. Code tells programs what Type tells people.
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty"`
	Code      string         `json:"code"`
	RequestID string         `json:"requestId,omitempty"`
	Errors    []FieldProblem `json:"errors,omitempty"`
	Facts     map[string]any `json:"-"` // further members
}

// FieldProblem says what is wrong with one field of the request.
type FieldProblem struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// NewProblem is the problem that an error is, of the request that ctx belongs to.
func NewProblem(ctx context.Context, e *parley.Error) *Problem {
	p := newProblem(ctx, Status(e), e.Code, e.Message)
	p.Facts = e.Facts
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, FieldProblem(f))
	}
	return p
}

func newProblem(ctx context.Context, status int, code, detail string) *Problem {
	return &Problem{Type: "urn:parley:error:" + code, Title: http.StatusText(status), Status: status,
		Detail: detail, Code: code, RequestID: RequestID(ctx)}
}

// Error makes a problem an error that frameworks can carry.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of the body, whatever was asked for.
func (p *Problem) ContentType(string) string { return problemType }

// MarshalJSON puts the facts beside the members, which they cannot replace.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	text, err := json.Marshal((*plain)(p))
	if err != nil || len(p.Facts) == 0 {
		return text, err
	}
	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for name, value := range p.Facts {
		if _, taken := members[name]; !taken {
			members[name] = value
		}
	}
	return json.Marshal(members)
}

// WriteProblem is the ErrorWriter of RFC 9457.
func WriteProblem(w http.ResponseWriter, r *http.Request, e *parley.Error) {
	if x, ok := exchangeOf(w); ok {
		x.err = e
	}
	SetErrorHeaders(w.Header(), e)
	NewProblem(r.Context(), e).write(w)
}

func (p *Problem) write(w http.ResponseWriter) {
	text, err := json.Marshal(p)
	if err != nil { // of facts that are no JSON
		p.Facts = nil
		text, _ = json.Marshal(p)
	}
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n')) // the caller is gone if it fails
}

// writeForeign answers a request that no route takes, or that asks for bytes which a file does not have.
func writeForeign(w http.ResponseWriter, r *http.Request, status int) {
	code, detail := "route-unknown", "there is nothing at this path"
	switch status {
	case http.StatusBadRequest: // to *, which is no path
		status = http.StatusNotFound
	case http.StatusMethodNotAllowed:
		code, detail = "method-not-allowed", "this path allows "+w.Header().Get("Allow")
	case http.StatusRequestedRangeNotSatisfiable:
		code, detail = "range-invalid", "the file has no such range of bytes"
	}
	newProblem(r.Context(), status, code, detail).write(w)
}
