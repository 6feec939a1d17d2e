package httpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/parley"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a server on a port of its own.
type running struct {
	*Server
	url    string
	client *http.Client
	served chan error
	log    *logBuffer
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func start(t *testing.T, options Options, handler http.Handler) *running {
	t.Helper()
	logged := &logBuffer{}
	options.Log, options.AccessLog = slog.New(slog.NewJSONHandler(logged, nil)), true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	s := &running{Server: New(options, handler), url: "http://" + listener.Addr().String(), log: logged,
		client: &http.Client{Transport: transport}, served: make(chan error, 1)}
	if options.TLS != nil {
		s.url = "https://" + listener.Addr().String()
	}
	go func() { s.served <- s.Serve(listener) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Stop(ctx)
		if err := <-s.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func (s *running) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	answer, err := s.client.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	return answer, bodyOf(t, answer)
}

func bodyOf(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func problem(t *testing.T, text string) map[string]any {
	t.Helper()
	members := map[string]any{}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return members
}

// routes is a mux of "PATTERN" to handler.
func routes(handlers map[string]HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range handlers {
		mux.Handle(pattern, Handle(WriteProblem, handle))
	}
	return mux
}

func TestRequestID(t *testing.T) {
	s := start(t, Options{}, routes(map[string]HandlerFunc{"GET /": func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, RequestID(r.Context()))
		return err
	}}))
	for given, kept := range map[string]bool{"abc-1.2_3:4": true, "": false, "a b": false, "a\"b": false, strings.Repeat("x", 129): false} {
		request, _ := http.NewRequest("GET", s.url+"/", nil)
		request.Header.Set("X-Request-Id", given)
		answer, err := s.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		id := bodyOf(t, answer)
		if got := answer.Header.Get("X-Request-Id"); got != id || id == "" || (id == given) != kept {
			t.Errorf("given %q: handler saw %q, header says %q", given, id, got)
		}
	}
}

func TestUnknownRoutesAreProblems(t *testing.T) {
	s := start(t, Options{}, routes(map[string]HandlerFunc{
		"GET /there": func(http.ResponseWriter, *http.Request) error { return nil },
		"GET /own": func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusNotFound)
			_, err := io.WriteString(w, "own words")
			return err
		},
	}))
	answer, text := s.get(t, "/nowhere")
	if got := problem(t, text); answer.StatusCode != 404 || got["code"] != "route-unknown" || got["requestId"] == "" {
		t.Errorf("unknown path: %d %s", answer.StatusCode, text)
	}
	answer, err := s.client.Post(s.url+"/there", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	text = bodyOf(t, answer)
	if got := problem(t, text); answer.StatusCode != 405 || got["code"] != "method-not-allowed" || !strings.Contains(answer.Header.Get("Allow"), "GET") {
		t.Errorf("wrong method: %d %s", answer.StatusCode, text)
	}
	if answer, text := s.get(t, "/own"); answer.StatusCode != 404 || text != "own words" {
		t.Errorf("a handler's 404: %d %q", answer.StatusCode, text)
	}
}

func TestPanics(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plain", func(http.ResponseWriter, *http.Request) { panic("boom") })
	mux.Handle("GET /adapted", Handle(WriteProblem, func(http.ResponseWriter, *http.Request) error { panic("boom") }))
	mux.HandleFunc("GET /begun", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of")
		http.NewResponseController(w).Flush()
		panic("boom")
	})
	s := start(t, Options{}, mux)
	for _, path := range []string{"/plain", "/adapted"} {
		answer, text := s.get(t, path)
		if got := problem(t, text); answer.StatusCode != 500 || got["code"] != "internal" || strings.Contains(text, "boom") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
	answer, err := s.client.Get(s.url + "/begun")
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		answer.Body.Close()
	}
	if err == nil {
		t.Error("an answer that a panic cut short looked whole")
	}
	if n := strings.Count(s.log.String(), "boom"); n != 3 {
		t.Errorf("%d of 3 panics logged:\n%s", n, s.log.String())
	}
	if s.requests.used.Load() != 0 {
		t.Errorf("%d slots lost", s.requests.used.Load())
	}
}

func TestBodyLimit(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) error {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(w, len(text))
		return err
	}
	s := start(t, Options{MaxBody: 10}, routes(map[string]HandlerFunc{
		"POST /": read,
		"POST /upload": func(w http.ResponseWriter, r *http.Request) error {
			AllowBody(w, 20)
			return read(w, r)
		},
	}))
	for _, c := range []struct {
		path    string
		size    int
		chunked bool
		status  int
	}{
		{"/", 0, false, 200}, {"/", 10, false, 200}, {"/", 10, true, 200}, {"/", 11, false, 413}, {"/", 11, true, 413}, {"/", 5000, true, 413},
		{"/upload", 20, false, 200}, {"/upload", 20, true, 200}, {"/upload", 21, false, 413}, {"/upload", 21, true, 413},
	} {
		var content io.Reader = strings.NewReader(strings.Repeat("x", c.size))
		if c.chunked {
			content = io.MultiReader(content)
		}
		answer, err := s.client.Post(s.url+c.path, "text/plain", content)
		if err != nil {
			t.Fatal(err)
		}
		text := bodyOf(t, answer)
		if answer.StatusCode != c.status || c.status == 200 && text != fmt.Sprint(c.size) {
			t.Errorf("%+v: %d %s", c, answer.StatusCode, text)
		}
		if c.status == 413 && problem(t, text)["code"] != "body-too-large" {
			t.Errorf("%+v: %s", c, text)
		}
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	s := start(t, Options{}, routes(map[string]HandlerFunc{"POST /": func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}}))
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	connection.(*net.TCPConn).CloseWrite()
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := bodyOf(t, answer); answer.StatusCode != 400 || problem(t, text)["code"] != "malformed" {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

// gate is a handler that waits until it is opened, and says when it is entered.
type gate struct{ entered, open chan struct{} }

func newGate() gate { return gate{make(chan struct{}, 10), make(chan struct{})} }

func (g gate) wait(_ http.ResponseWriter, r *http.Request) error {
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// stream sends a line, then waits to be told to stop.
func stream(w http.ResponseWriter, r *http.Request) error {
	stop, err := BeginStream(w)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "hello")
	http.NewResponseController(w).Flush()
	select {
	case <-stop:
		fmt.Fprintln(w, "bye")
	case <-r.Context().Done():
	}
	return nil
}

func TestLimitsOnLoad(t *testing.T) {
	g := newGate()
	s := start(t, Options{MaxRequests: 1, MaxStreams: 1, Always: []string{"/healthz"}}, routes(map[string]HandlerFunc{
		"GET /wait":    g.wait,
		"GET /stream":  stream,
		"GET /healthz": func(http.ResponseWriter, *http.Request) error { return nil },
	}))
	first, err := s.client.Get(s.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	bufio.NewReader(first.Body).ReadString('\n')
	if answer, text := s.get(t, "/stream"); answer.StatusCode != 503 || problem(t, text)["code"] != "too-many-streams" {
		t.Errorf("second stream: %d %s", answer.StatusCode, text)
	}

	done := make(chan int)
	go func() {
		answer, err := s.client.Get(s.url + "/wait")
		if err != nil {
			done <- 0
			return
		}
		answer.Body.Close()
		done <- answer.StatusCode
	}()
	<-g.entered
	answer, text := s.get(t, "/wait")
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "1" || problem(t, text)["code"] != "overloaded" {
		t.Errorf("second request: %d %s", answer.StatusCode, text)
	}
	if answer, _ := s.get(t, "/healthz"); answer.StatusCode != 200 {
		t.Errorf("health under load: %d", answer.StatusCode)
	}
	close(g.open)
	if status := <-done; status != 200 {
		t.Errorf("first request: %d", status)
	}
	if answer, _ := s.get(t, "/wait"); answer.StatusCode != 200 {
		t.Errorf("after the load: %d", answer.StatusCode)
	}
}

// TestTimeoutSparesStreams: a stream outlives the time that other requests have.
func TestTimeoutSparesStreams(t *testing.T) {
	const timeout = 100 * time.Millisecond
	slow := func(extend bool) HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) error {
			if extend {
				AllowTime(w, 2*slowest)
			}
			time.Sleep(2 * timeout)
			_, err := io.WriteString(w, "late")
			return err
		}
	}
	s := start(t, Options{Timeout: timeout}, routes(map[string]HandlerFunc{
		"GET /slow": slow(false), "GET /extended": slow(true),
		"GET /stream": func(w http.ResponseWriter, r *http.Request) error {
			if _, err := BeginStream(w); err != nil {
				return err
			}
			return slow(false)(w, r)
		},
	}))
	if answer, err := s.client.Get(s.url + "/slow"); err == nil {
		answer.Body.Close()
		t.Error("a slow answer was not cut off")
	}
	for _, path := range []string{"/stream", "/extended"} {
		if _, text := s.get(t, path); text != "late" {
			t.Errorf("%s: %q", path, text)
		}
	}
}

func TestStopWaitsForRequestsAndEndsStreams(t *testing.T) {
	g := newGate()
	s := start(t, Options{}, routes(map[string]HandlerFunc{"GET /wait": g.wait, "GET /stream": stream}))
	open, err := s.client.Get(s.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	go func() {
		answer, err := s.client.Get(s.url + "/wait")
		if err != nil {
			status <- 0
			return
		}
		answer.Body.Close()
		status <- answer.StatusCode
	}()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(t.Context()) }()
	if text := bodyOf(t, open); text != "hello\nbye\n" {
		t.Errorf("stream: %q", text)
	}
	close(g.open)
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	if got := <-status; got != 200 {
		t.Errorf("the request under way: %d", got)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	g := newGate()
	canceled := make(chan error, 1)
	s := start(t, Options{}, routes(map[string]HandlerFunc{"GET /wait": func(w http.ResponseWriter, r *http.Request) error {
		err := g.wait(w, r)
		canceled <- err
		return err
	}}))
	status := make(chan int, 1)
	go func() {
		answer, err := s.client.Get(s.url + "/wait")
		if err != nil {
			status <- 0
			return
		}
		answer.Body.Close()
		status <- answer.StatusCode
	}()
	<-g.entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 request") {
		t.Errorf("Stop: %v", err)
	}
	if err := <-canceled; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler saw %v", err)
	}
	if got := <-status; got != 503 {
		t.Errorf("the request under way: %d", got)
	}
}

func TestAccessLogHoldsNoSecrets(t *testing.T) {
	s := start(t, Options{}, routes(map[string]HandlerFunc{"POST /messages": func(_ http.ResponseWriter, r *http.Request) error {
		_, _ = io.Copy(io.Discard, r.Body)
		return parley.Invalid("to", "recipient-required", "one recipient is required")
	}}))
	request, _ := http.NewRequest("POST", s.url+"/messages?token=marker", strings.NewReader("marker"))
	request.Header.Set("Authorization", "Bearer marker")
	answer, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	line := problem(t, s.log.String())
	if strings.Contains(s.log.String(), "marker") {
		t.Errorf("logged: %v", line)
	}
	want := map[string]any{"level": "INFO", "method": "POST", "path": "/messages", "status": 422.0, "request": answer.Header.Get("X-Request-Id")}
	for name, value := range want {
		if line[name] != value {
			t.Errorf("%s: %v, want %v", name, line[name], value)
		}
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := start(t, Options{Metrics: registry}, routes(map[string]HandlerFunc{
		"GET /things/{id}": func(http.ResponseWriter, *http.Request) error { return nil },
		"GET /refused":     func(http.ResponseWriter, *http.Request) error { return parley.NotFound("thing", "x") },
	}))
	for _, path := range []string{"/things/1", "/things/2", "/refused", "/nowhere"} {
		s.get(t, path)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			name := family.GetName()
			for _, label := range m.Label {
				name += " " + label.GetValue()
			}
			got[name] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"parley_http_requests_total GET /things/{id} 2xx":       2,
		"parley_http_requests_total GET /refused 4xx":           1,
		"parley_http_requests_total none 4xx":                   1,
		"parley_http_request_duration_seconds GET /things/{id}": 2,
		"parley_http_requests_total GET /things/{id} 5xx":       0,
		"parley_http_requests_in_flight":                        0,
		"parley_http_requests_total GET /refused 2xx":           0,
		"parley_http_request_duration_seconds GET /refused":     1,
		"parley_http_request_duration_seconds none":             1,
		"parley_http_streams_open":                              0,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}
