package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// connection is what a server does with one connection of a stream.
type connection func(w http.ResponseWriter, r *http.Request)

// streamServer handles each connection as the next of them, the last again and again, and keeps how each
// was asked for: query and Last-Event-ID.
func streamServer(t *testing.T, connections ...connection) (*api.Client, func() []string) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.RawQuery+"|"+r.Header.Get("Last-Event-ID"))
		handle := connections[min(len(asked), len(connections))-1]
		mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	c, err := api.New(server.URL, "secret", api.WithRetry(api.Retry{Base: time.Millisecond, Cap: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
}

// says writes a text and ends the connection.
func says(text string) connection {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}
}

// holds writes a text and keeps the connection.
func holds(text string) connection {
	return func(w http.ResponseWriter, r *http.Request) {
		says(text)(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

func refuses(status int, body string) connection {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func event(n int) string {
	return fmt.Sprintf("id: %d\nevent: message.created\ndata: {\"sequence\":%d,\"type\":\"message.created\",\"time\":\"2031-05-17T09:30:00.000Z\",\"data\":{}}\n\n", n, n)
}

// read ranges over the stream until it has n events or an error.
func read(s *api.EventStream, n int) (got []int64, err error) {
	for e, err := range s.All() {
		if err != nil {
			return got, err
		}
		if got = append(got, e.Sequence); len(got) == n {
			return got, nil
		}
	}
	return got, errors.New("the stream ended without an error")
}

func TestStreamResumes(t *testing.T) {
	c, asked := streamServer(t,
		says(event(8)+event(9)+"id: 10\ndata: {\"sequence\":10"), // cut off in an event
		refuses(503, `{"code":"shutting-down"}`),
		refuses(429, ``),
		says("id: 12\n\n"), // events that the filter leaves out
		func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		says(event(12)+event(13)+": nothing new\n\n"), // one that came before comes again
		holds(event(15)))
	s := c.StreamEvents(t.Context(), api.EventFilter{After: api.AfterEvent(7), Limit: 5, Types: []string{"message.created"}})
	lost := 0
	s.OnReconnect = func(err error, _ time.Duration) {
		if lost++; err == nil {
			t.Error("a connection was lost without a reason")
		}
	}
	got, err := read(s, 4)
	if want := []int64{8, 9, 13, 15}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	const rest = "type=message.created|"
	if want := []string{"after=7&" + rest, rest + "9", rest + "9", rest + "9", rest + "12", rest + "12", rest + "13"}; !reflect.DeepEqual(asked(), want) {
		t.Errorf("asked for %q, want %q", asked(), want)
	}
	if s.Through() != 15 || lost < 5 { // the transport itself repeats one that broke off before its answer
		t.Errorf("through %d, %d lost", s.Through(), lost)
	}
}

func TestStreamGoesOnAfterABreak(t *testing.T) {
	c, asked := streamServer(t, holds(event(1)+event(2)), holds(event(2)+event(3)))
	s := c.StreamEvents(t.Context(), api.EventFilter{After: api.FromLatest})
	for _, want := range []int64{1, 2} {
		n := 1
		if got, err := read(s, n); err != nil || got[0] != want || s.Through() != want {
			t.Errorf("got %v, %v, through %d; want %d", got, err, s.Through(), want)
		}
	}
	if want := []string{"after=latest|", "|1"}; !reflect.DeepEqual(asked(), want) {
		t.Errorf("asked for %q, want %q", asked(), want)
	}
}

// A stream from the latest event that is told where that is does not skip what happens before its next connection.
func TestStreamFromLatestKeepsItsPlace(t *testing.T) {
	c, asked := streamServer(t, says("id: 0\n\n"), holds(event(1)))
	s := c.StreamEvents(t.Context(), api.EventFilter{After: api.FromLatest})
	if got, err := read(s, 1); err != nil || got[0] != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if want := []string{"after=latest|", "|0"}; !reflect.DeepEqual(asked(), want) {
		t.Errorf("asked for %q, want %q", asked(), want)
	}
}

func TestStreamEnds(t *testing.T) {
	for name, c := range map[string]struct {
		connection connection
		status     int
	}{
		"no credential": {refuses(401, `{"code":"unauthorized"}`), 401},
		"no permission": {refuses(403, `{"code":"scope-required"}`), 403},
		"gone":          {refuses(410, `{"code":"cursor-gone","oldest":70,"latest":90}`), 410},
		"no stream":     {refuses(200, `{"data":[]}`), 0},
		"no event":      {says("data: hello\n\n"), 0},
	} {
		client, asked := streamServer(t, c.connection)
		_, err := read(client.StreamEvents(t.Context(), api.EventFilter{}), 1)
		refused, ok := errors.AsType[*api.Error](err)
		if err == nil || ok != (c.status != 0) || ok && refused.HTTPStatus != c.status || len(asked()) != 1 {
			t.Errorf("%s: %v after %d connections", name, err, len(asked()))
		}
		if c.status == 410 {
			if gap, ok := refused.Gap(); !ok || gap != (api.Gap{Oldest: 70, Latest: 90}) {
				t.Errorf("the gap is %+v, %v", gap, ok)
			}
		}
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	for name, c := range map[string]connection{"open": holds(event(1)), "refused": refuses(503, ``)} {
		client, _ := streamServer(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := read(client.StreamEvents(ctx, api.EventFilter{}), 2); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStreamLeavesASilentConnection(t *testing.T) {
	c, asked := streamServer(t, holds(event(1)), holds(event(2)))
	s := c.StreamEvents(t.Context(), api.EventFilter{})
	s.Idle = 50 * time.Millisecond
	var reason error
	s.OnReconnect = func(err error, _ time.Duration) { reason = err }
	if got, err := read(s, 2); err != nil || len(asked()) != 2 {
		t.Errorf("got %v, %v after %d connections", got, err, len(asked()))
	}
	if reason == nil || errors.Is(reason, context.Canceled) {
		t.Errorf("the reason is %v", reason)
	}
}

// A caller that takes its time is not a silent server.
func TestStreamWaitsForASlowCaller(t *testing.T) {
	c, asked := streamServer(t, holds(event(1)+event(2)+event(3)))
	s := c.StreamEvents(t.Context(), api.EventFilter{})
	s.Idle = 60 * time.Millisecond
	n := 0
	for _, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if len(asked()) != 1 {
		t.Errorf("%d connections", len(asked()))
	}
}

func TestEventPages(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("after") {
		case "":
			_, _ = io.WriteString(w, `{"data":[{"sequence":5},{"sequence":6}],"next":7,"through":7}`)
		case "7":
			_, _ = io.WriteString(w, `{"data":[{"sequence":8}],"next":null,"through":9}`)
		}
	}))
	defer server.Close()
	c, _ := api.New(server.URL, "secret")
	defer c.Close()
	var got []int64
	for e, err := range c.Events(t.Context(), api.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Sequence)
	}
	if !reflect.DeepEqual(got, []int64{5, 6, 8}) {
		t.Errorf("got %v", got)
	}
}
