package httpd

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		err     error
		status  int
		headers map[string]string
	}{
		{parley.Invalid("ttl", "out-of-range", "must be 0 or more"), 422, nil},
		{&parley.Error{Kind: parley.KindInvalid, Code: "malformed"}, 400, nil},
		{&parley.Error{Kind: parley.KindInvalid, Code: "organization-required"}, 400, nil},
		{&parley.Error{Kind: parley.KindUnauthorized}, 401, map[string]string{"WWW-Authenticate": `Bearer realm="parley"`}},
		{parley.Forbidden(parley.ScopeMessagesSend), 403, nil},
		{parley.NotFound("message", "x"), 404, nil},
		{parley.Conflict("taken", "taken"), 409, nil},
		{&parley.Error{Kind: parley.KindPrecondition}, 412, nil},
		{&parley.Error{Kind: parley.KindGone}, 410, nil},
		{&parley.Error{Kind: parley.KindTooLarge}, 413, nil},
		{&parley.Error{Kind: parley.KindMediaType}, 415, nil},
		{&parley.Error{Kind: parley.KindRateLimited, RetryAfter: 1200 * time.Millisecond}, 429, map[string]string{"Retry-After": "2"}},
		{parley.Unavailable("disk-full", "the disk is full", nil), 503, map[string]string{"Retry-After": "1"}},
		{&parley.Error{Kind: parley.KindUnavailable}, 503, map[string]string{"Retry-After": "1"}},
		{errors.New("anything else"), 500, nil},
		{context.Canceled, 500, nil}, // but see TestCanceledRequest
	} {
		w := httptest.NewRecorder()
		Handle(WriteProblem, func(http.ResponseWriter, *http.Request) error { return c.err }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Header())
		}
		for name, want := range c.headers {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%v: %s: %q, want %q", c.err, name, got, want)
			}
		}
	}
}

func TestProblemMembers(t *testing.T) {
	e := parley.Invalid("to.contact", "channel-required", "name a channel")
	e.Facts = map[string]any{"candidates": []string{"a", "b"}, "status": "cannot replace"}
	e.Err = errors.New("for the log only")
	w := httptest.NewRecorder()
	ctx := &requestContext{Context: t.Context(), id: "r1"}
	WriteProblem(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil), e)
	want := map[string]any{
		"type": "urn:parley:error:channel-required", "title": "Unprocessable Entity", "status": 422.0, "detail": "to.contact: name a channel",
		"code": "channel-required", "requestId": "r1", "candidates": []any{"a", "b"},
		"errors": []any{map[string]any{"field": "to.contact", "code": "channel-required", "message": "name a channel"}},
	}
	if got := problem(t, w.Body.String()); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestCanceledRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := asError(ctx, ctx.Err()); e.Kind != parley.KindUnavailable || e.Err != nil {
		t.Errorf("%+v", e)
	}
}
