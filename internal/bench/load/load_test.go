package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h, half Histogram
	if h.Quantile(.5) != 0 || h.Mean() != 0 || h.Max() != 0 {
		t.Error("an empty one is not empty")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(random.IntN(int(time.Second))+1))
		all = append(all, d)
		if i%2 == 0 {
			h.Add(d)
		} else {
			half.Add(d)
		}
	}
	h.Merge(&half)
	slices.Sort(all)
	for _, q := range []float64{0, .001, .5, .9, .99, .999, 1} {
		want, got := all[max(int(q*float64(len(all))+.999999)-1, 0)], h.Quantile(q)
		if got < want || float64(got) > float64(want)*65/64+1 {
			t.Errorf("quantile %g is %s, not %s", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Quantile(1) != h.Max() || h.Count() != int64(len(all)) {
		t.Errorf("max %s, count %d", h.Max(), h.Count())
	}
	for _, d := range []time.Duration{-1, 0, 1, 127, 128, 129, 1 << 62, 1<<63 - 1} {
		if b := bucketOf(max(d, 0)); b >= buckets || highest(b) < d || b > 0 && highest(b-1) >= d {
			t.Errorf("%d is in bucket %d", d, b)
		}
		h.Add(d)
	}
}

// serve starts a server and returns its address.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestConn(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/chunked":
			for piece := range slices.Chunk(body, 1000) {
				_, _ = w.Write(piece)
				_ = http.NewResponseController(w).Flush()
			}
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/close":
			w.Header().Set("Connection", "close")
			fallthrough
		default:
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(body)
		}
	})
	conn, err := Dial(address, time.Now().Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	long := strings.Repeat("0123456789", 5000)
	for _, c := range []struct {
		path, body string
		status     int
	}{{"/", "abc", 202}, {"/", "", 202}, {"/", long, 202}, {"/none", "x", 204}, {"/chunked", "abc", 200}, {"/chunked", long, 200}, {"/close", "x", 202}} {
		answer, err := conn.Do(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", c.path, len(c.body), c.body))
		if c.status == 204 {
			c.body = ""
		}
		if err != nil || answer.Status != c.status || string(answer.Body) != c.body || answer.Last != (c.path == "/close") {
			t.Fatalf("%s with %d bytes: %d, %d bytes, %v, %v", c.path, len(c.body), answer.Status, len(answer.Body), answer.Last, err)
		}
	}
}

// answering is a connection to a server that says something, byte by byte or at once, and closes.
func answering(t testing.TB, text string, atOnce bool) *Conn {
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	go func() {
		defer func() { _ = server.Close() }()
		if _, err := server.Read(make([]byte, 16)); err != nil {
			return
		}
		step := 1
		if atOnce {
			step = max(len(text), 1)
		}
		for piece := range slices.Chunk([]byte(text), step) {
			if _, err := server.Write(piece); err != nil {
				return
			}
		}
	}()
	return &Conn{net: client, buf: make([]byte, 64)}
}

func TestWrongAnswers(t *testing.T) {
	for _, text := range []string{"", "HTTP/1.1 200", "SMTP hello there\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nabc\r\n"} {
		if answer, err := answering(t, text, false).Do([]byte("x")); err == nil {
			t.Errorf("%q was read as %+v", text, answer)
		}
	}
}

// FuzzAnswer: what both this package and net/http can read, they read alike.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n")
	f.Add("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := answering(t, text, true).Do([]byte("x"))
		if err != nil {
			return
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil {
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err == nil && (response.StatusCode != answer.Status || !bytes.Equal(body, answer.Body)) {
			t.Errorf("%q: %d %q, not %d %q", text, answer.Status, answer.Body, response.StatusCode, body)
		}
	})
}

func request(text string) func(int) Source {
	return func(int) Source {
		return func() []byte { return []byte(text) }
	}
}

func TestClosedLoop(t *testing.T) {
	var seen, refused atomic.Int64
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1)%10 == 0 {
			refused.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	var marks, answered atomic.Int64
	result, err := Run(t.Context(), Plan{Addresses: []string{address}, Connections: 4, Source: request("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		Warmup: 100 * time.Millisecond, Duration: 1200 * time.Millisecond, Begin: func() { marks.Add(1) }, End: func() { marks.Add(10) },
		Answered: func(Answer, time.Time, time.Duration) { answered.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	n := result.Latency.Count()
	if n == 0 || result.Statuses[200] != n || result.Discarded == 0 || result.Failed != 0 {
		t.Errorf("%d accepted, %v, %d discarded, %d failed", n, result.Statuses, result.Discarded, result.Failed)
	}
	if answered.Load() != seen.Load() || n+result.Refused()+result.Discarded != seen.Load() || result.Refused() > refused.Load() {
		t.Errorf("%d of %d refused; the server saw %d, %d", result.Refused(), n, seen.Load(), answered.Load())
	}
	if marks.Load() != 11 || len(result.PerSecond) != 1 || result.PerSecond[0] == 0 || result.PerSecond[0] > n {
		t.Errorf("marks %d, seconds %v", marks.Load(), result.PerSecond)
	}
}

// TestOpenLoop: requests begin at their rate, and time is counted from when they were due, so that a server
// that stands still is seen by all that would have come meanwhile.
func TestOpenLoop(t *testing.T) {
	var seen atomic.Int64
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1) == 20 {
			time.Sleep(300 * time.Millisecond)
		}
	})
	result, err := Run(t.Context(), Plan{Addresses: []string{address}, Connections: 1, Source: request("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		Duration: time.Second, Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	if n := result.Latency.Count(); n < 150 || n > 201 {
		t.Errorf("%d requests in a second at 200 a second", n)
	}
	if got := result.Latency.Quantile(.85); got < 50*time.Millisecond {
		t.Errorf("one request in seven saw no more than %s of a pause of 300ms", got)
	}
}

func TestLimitsOfARun(t *testing.T) {
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	result, err := Run(t.Context(), Plan{Addresses: []string{address}, Connections: 3, Source: request("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		Duration: time.Minute, Requests: 25})
	if err != nil || result.Latency.Count() != 25 {
		t.Errorf("%d of 25 requests, %v", result.Latency.Count(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if result, err = Run(ctx, Plan{Addresses: []string{address}, Connections: 3, Source: request("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Duration: time.Minute}); err != nil || result.Elapsed > 30*time.Second {
		t.Errorf("after a cancel: %s, %v", result.Elapsed, err)
	}
	if _, err = Run(t.Context(), Plan{Addresses: []string{"127.0.0.1:1"}, Connections: 1, Source: request("x"), Duration: 2 * time.Second}); err == nil {
		t.Error("nobody listens, and nobody says so")
	}
}

// TestConnectionsAreSpread: each of several servers has its part of the connections.
func TestConnectionsAreSpread(t *testing.T) {
	var addresses []string
	seen := make([]sync.Map, 2)
	for i := range seen {
		addresses = append(addresses, serve(t, func(_ http.ResponseWriter, r *http.Request) { seen[i].Store(r.RemoteAddr, true) }))
	}
	if _, err := Run(t.Context(), Plan{Addresses: addresses, Connections: 5, Source: request("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		Duration: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 2} {
		n := 0
		seen[i].Range(func(any, any) bool { n++; return true })
		if n != want {
			t.Errorf("%d connections to the server number %d, not %d", n, i, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		seconds []int64
		want    float64
	}{{nil, 0}, {[]int64{7}, 7}, {[]int64{9, 1}, 5}, {[]int64{100, 1, 3}, 3}} {
		r := Result{PerSecond: c.seconds}
		if got := r.Median(); got != c.want {
			t.Errorf("of %v: %g, not %g", c.seconds, got, c.want)
		}
	}
}

func TestStream(t *testing.T) {
	const frames = 200
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for i := range frames {
			text := fmt.Sprintf(": comment\nid: %d\nevent: e%d\ndata: %s\r\ndata: b\n\n", i, i%3, strings.Repeat("a", i*37))
			at := rand.IntN(len(text))
			_, _ = io.WriteString(w, text[:at])
			if i%3 == 0 {
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.WriteString(w, text[at:])
		}
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/end" {
			return
		}
		<-r.Context().Done()
	})
	head := "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
	if _, err := OpenStream(address, fmt.Appendf(nil, head, "/refused"), nil); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("refused: %v", err)
	}
	for _, path := range []string{"/", "/end"} {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		stream, err := OpenStream(address, fmt.Appendf(nil, head, path), func(f Frame) {
			if want := strings.Repeat("a", n*37) + "\nb"; string(f.ID) != fmt.Sprint(n) || string(f.Event) != fmt.Sprint("e", n%3) || string(f.Data) != want && n > 0 {
				t.Errorf("frame %d: %s %s %d bytes", n, f.ID, f.Event, len(f.Data))
			}
			if n++; n == frames && path == "/" {
				cancel()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Read(ctx)
		if n != frames || (err != nil) != (path == "/end") || errors.Is(err, io.EOF) {
			t.Errorf("%s: %d frames, %v", path, n, err)
		}
		cancel()
	}
}
