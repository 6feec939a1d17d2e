package connectortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
)

// fault is a way in which a provider fails, and what the connector must make of it.
type fault struct {
	name    string
	answer  http.HandlerFunc
	want    outcome
	after   time.Duration // RetryAfter
	timeout time.Duration // of the call, 0: long
}

type outcome int

const (
	anything  outcome = iota // that keeps the contract
	retried                  // an *Error, to be tried again
	refused                  // an *Error, final
	uncertain                // an error that is no *Error
)

func (o outcome) String() string {
	return [...]string{"anything", "an *Error with Retry", "an *Error without Retry", "an error that is no *Error"}[o]
}

// faults are what providers do. Those that echo the request try to bring its secrets and content into errors.
func faults() []fault {
	return []fault{
		{name: "429", answer: echo(http.StatusTooManyRequests, "7"), want: retried, after: 7 * time.Second},
		{name: "503", answer: echo(http.StatusServiceUnavailable, "3"), want: retried, after: 3 * time.Second},
		{name: "500", answer: echo(http.StatusInternalServerError, ""), want: retried},
		{name: "502", answer: echo(http.StatusBadGateway, ""), want: retried},
		{name: "400", answer: echo(http.StatusBadRequest, ""), want: refused},
		{name: "401", answer: echo(http.StatusUnauthorized, ""), want: refused},
		{name: "redirect elsewhere", answer: redirect, want: refused},
		{name: "late", answer: late, want: uncertain, timeout: 200 * time.Millisecond},
		{name: "cut", answer: cut, want: uncertain},
		{name: "half an answer", answer: half, want: uncertain},
		{name: "nothing in it", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }},
		{name: "echo", answer: echo(http.StatusOK, "")},
		{name: "garbage", answer: garbage},
		{name: "endless", answer: endless},
	}
}

func testFaults(t *testing.T, def connector.Definition, c Case) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			timeout := 10 * time.Second
			if f.timeout > 0 {
				timeout = f.timeout
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			_, err := send(ctx, t, def, c.channel(t, f.answer), c.outgoing())
			checkOutcome(t, err, f)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		ch := c.Channel
		ch.Settings = c.Settings(server.URL)
		server.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := send(ctx, t, def, ch, c.outgoing())
		checkOutcome(t, err, fault{want: retried})
	})
}

func checkOutcome(t *testing.T, err error, f fault) {
	t.Helper()
	refusal, isRefusal := errors.AsType[*connector.Error](err)
	ok := true
	switch f.want {
	case retried:
		ok = isRefusal && refusal.Retry && refusal.RetryAfter == f.after
	case refused:
		ok = isRefusal && !refusal.Retry
	case uncertain:
		ok = err != nil && !isRefusal
	}
	if !ok {
		t.Errorf("Send returned %#v, want %v (RetryAfter %v)", err, f.want, f.after)
	}
}

// echo answers with the whole request.
func echo(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, _ := httputil.DumpRequest(r, true) // what could not be read is not echoed
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		_, _ = w.Write(request)
	}
}

// redirect names the secrets it got in the address it redirects to. No such host exists.
func redirect(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "http://provider.invalid/?query="+r.URL.RawQuery+"&was="+r.Header.Get("Authorization"))
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// late takes the message and answers when nobody waits any more.
func late(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// cut takes the message and drops the connection.
func cut(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// half drops the connection in the middle of its good answer.
func half(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("{"))
	_ = http.NewResponseController(w).Flush() // a server that cannot flush cuts before the answer
	panic(http.ErrAbortHandler)
}

func garbage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(bytes.Repeat([]byte("{\x00\xff]["), 1000))
}

// endless answers until nobody reads, or 16 MiB.
func endless(w http.ResponseWriter, _ *http.Request) {
	block := bytes.Repeat([]byte("[{"), 32<<10)
	for range 256 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
