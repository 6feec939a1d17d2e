package live_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/parley"
)

// server is a hub behind a listener, whose readers are named in the query.
type server struct {
	*coretest.World
	hub     *live.Hub
	web     *httpd.Server
	url     string
	people  map[string]*access.Principal
	refused error // of those who are asked again
}

// encode is an event with just enough to tell it from others.
func encode(to []byte, d *eventlog.Detail, m *parley.Message) []byte {
	to = append(to, d.Type...)
	if m != nil {
		to = append(to, ' ')
		for _, p := range m.Body {
			to = append(to, p.Text...)
		}
	}
	return to
}

func newServer(t *testing.T, o live.Options) *server {
	t.Helper()
	s := &server{World: coretest.New(t), people: map[string]*access.Principal{}}
	o.Log, o.Encode, o.Errors = s.Log, encode, slog.New(slog.DiscardHandler)
	s.hub = live.New(o)
	s.people["admin"] = s.Admin
	handler := httpd.Handle(httpd.WriteProblem, func(w http.ResponseWriter, r *http.Request) error {
		query := r.URL.Query()
		f := eventlog.Filter{After: eventlog.FromLatest, Conversation: parley.ID(query.Get("conversation"))}
		if after := query.Get("after"); after != "" {
			f.After, _ = strconv.ParseInt(after, 10, 64)
		}
		if kind := query.Get("type"); kind != "" {
			f.Types = []parley.EventType{parley.EventType(kind)}
		}
		return s.hub.Stream(w, r, s.people[query.Get("as")], f, func() error { return s.refused })
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.Must(err)
	s.web = httpd.New(httpd.Options{Log: slog.New(slog.DiscardHandler), MaxStreams: 5000}, handler)
	served := make(chan error, 1)
	go func() { served <- s.web.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Must(s.web.Stop(ctx))
		s.Must(<-served)
		s.hub.Close()
	})
	s.url = "http://" + listener.Addr().String()
	return s
}

// block is what a stream sends between two empty lines.
type block struct{ id, data, comment string }

// reader reads a stream.
type reader struct {
	t      *testing.T
	body   io.ReadCloser
	blocks chan block // closed at the end
}

// open opens a stream and reads its first block, which has only an id.
func (s *server) open(query string) *reader {
	s.T.Helper()
	r, status, text := s.try(query)
	if r == nil {
		s.T.Fatalf("%s: %d %s", query, status, text)
	}
	first := r.next()
	if first.id == "" || first.data != "" {
		s.T.Fatalf("%s begins with %+v", query, first)
	}
	return r
}

func (s *server) try(query string) (*reader, int, string) {
	s.T.Helper()
	answer, err := http.Get(s.url + "/?" + query)
	s.Must(err)
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		return nil, answer.StatusCode, string(text)
	}
	r := &reader{t: s.T, body: answer.Body, blocks: make(chan block, 10_000)}
	go r.read()
	s.T.Cleanup(r.close)
	return r, answer.StatusCode, ""
}

func (r *reader) close() { _ = r.body.Close() }

func (r *reader) read() {
	defer close(r.blocks)
	lines := bufio.NewReader(r.body)
	var b block
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			r.blocks <- b
			b = block{}
		case name == "id":
			b.id = value
		case name == "data":
			b.data = value
		case name == "":
			b.comment = "comment"
		}
	}
}

// next returns the next block; the test ends where there is none in time.
func (r *reader) next() block {
	r.t.Helper()
	select {
	case b, ok := <-r.blocks:
		if !ok {
			r.t.Fatal("the stream ended")
		}
		return b
	case <-time.After(5 * time.Second):
		r.t.Fatal("nothing came")
	}
	return block{}
}

// event returns the next block with an event.
func (r *reader) event() block {
	r.t.Helper()
	for {
		if b := r.next(); b.data != "" {
			return b
		}
	}
}

// until returns the texts of the messages that come, up to one.
func (r *reader) until(last string) (texts []string) {
	r.t.Helper()
	for {
		b := r.event()
		if text, ok := strings.CutPrefix(b.data, "message.created "); ok {
			texts = append(texts, text)
			if text == last {
				return texts
			}
		}
	}
}

// ended reports whether the stream ends in time.
func (r *reader) ended() bool {
	timeout := time.After(5 * time.Second)
	for {
		select {
		case _, ok := <-r.blocks:
			if !ok {
				return true
			}
		case <-timeout:
			return false
		}
	}
}
