package httpd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long these tests wait for an answer: much less than what is sent to them takes.
const patience = 30 * time.Second

// swallow reads the body, of the upload one without the common limit.
func swallow(upload bool) HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if upload {
			AllowBody(w, 10<<20)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(w, n)
		return err
	}
}

// send opens a connection, sends the header of a POST and then pieces of its body until they fail, and returns the
// answer.
func (s *running) send(t *testing.T, path string, length, piece int, pause time.Duration) (*http.Response, error) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, length)
	go func() {
		part := make([]byte, piece)
		for sent := 0; sent < length; sent += piece {
			if _, err := connection.Write(part); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	_ = connection.SetReadDeadline(time.Now().Add(patience))
	return http.ReadResponse(bufio.NewReader(connection), nil)
}

// A caller that trickles its body is told so and cut off when its time is over, however long its body may be.
func TestTrickledBodiesAreCutOff(t *testing.T) {
	const timeout = 300 * time.Millisecond
	s := start(t, Options{Timeout: timeout}, routes(map[string]HandlerFunc{"POST /": swallow(false), "POST /upload": swallow(true)}))
	for _, path := range []string{"/", "/upload"} {
		begun := time.Now()
		answer, err := s.send(t, path, 1<<20, 10, timeout/10)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text := bodyOf(t, answer)
		if answer.StatusCode != 400 || problem(t, text)["code"] != "malformed" || !answer.Close || answer.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %v %s", path, answer.StatusCode, answer.Header, text)
		}
		if took := time.Since(begun); took < timeout {
			t.Errorf("%s: after %v", path, took)
		}
	}
	if n := s.requests.used.Load(); n != 0 {
		t.Errorf("%d slots are held", n)
	}
}

// An upload that comes at a fair pace has the time that it needs; any other body does not.
func TestUploadsHaveTheTimeTheyNeed(t *testing.T) {
	const timeout = 300 * time.Millisecond
	s := start(t, Options{Timeout: timeout}, routes(map[string]HandlerFunc{"POST /": swallow(false), "POST /upload": swallow(true)}))
	for path, want := range map[string]int{"/": 400, "/upload": 200} {
		answer, err := s.send(t, path, 8*slowest, slowest, timeout/4)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if text := bodyOf(t, answer); answer.StatusCode != want {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
}

// What the router and the file server say in their own words is said as a problem.
func TestForeignWordsAreProblems(t *testing.T) {
	s := start(t, Options{}, routes(map[string]HandlerFunc{"GET /file": func(w http.ResponseWriter, r *http.Request) error {
		http.ServeContent(w, r, "a.bin", time.Time{}, strings.NewReader("hello"))
		return nil
	}}))
	for request, want := range map[string]struct {
		status int
		code   string
	}{
		"OPTIONS * HTTP/1.1\r\n":                       {404, "route-unknown"},
		"GET * HTTP/1.1\r\n":                           {404, "route-unknown"},
		"OPTIONS /file HTTP/1.1\r\n":                   {405, "method-not-allowed"},
		"BREW /file HTTP/1.1\r\n":                      {405, "method-not-allowed"},
		"CONNECT x:443 HTTP/1.1\r\n":                   {404, "route-unknown"},
		"GET /file/ HTTP/1.1\r\n":                      {404, "route-unknown"},
		"GET /file HTTP/1.1\r\nRange: bytes=9-\r\n":    {416, "range-invalid"},
		"GET /file HTTP/1.1\r\nRange: lines=1\r\n":     {416, "range-invalid"},
		"GET /file HTTP/1.1\r\nRange: bytes=1-2,x\r\n": {416, "range-invalid"},
	} {
		answer := s.speak(t, request+"Host: x\r\n\r\n")
		text := bodyOf(t, answer)
		if got := problem(t, text); answer.StatusCode != want.status || got["code"] != want.code || got["requestId"] != answer.Header.Get("X-Request-Id") {
			t.Errorf("%q: %d %v %s", request, answer.StatusCode, answer.Header, text)
		}
		if allow := answer.Header.Get("Allow"); want.status == 405 && allow != "GET, HEAD" {
			t.Errorf("%q allows %q", request, allow)
		}
	}
}

// What is no request is answered by net/http before there is anything to make a problem of, as docs/api.md says.
func TestWhatIsNoRequest(t *testing.T) {
	s := start(t, Options{MaxHeaderBytes: 4 << 10}, http.NotFoundHandler())
	for text, status := range map[string]int{
		"GET\r\n\r\n":                                      400,
		"GET / HTTP/1.1\r\n\r\n":                           400,
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n":             400,
		"GET / HTTP/1.1\r\nHost: x\r\nbad name: x\r\n\r\n": 400,
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 9<<10) + "\r\n\r\n": 431,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n":              501,
		"GET / HTTP/3.1\r\nHost: x\r\n\r\n":                                          505,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n":     417,
	} {
		answer := s.speak(t, text)
		if bodyOf(t, answer); answer.StatusCode != status || !answer.Close {
			t.Errorf("%.60q: %d, closed %v", text, answer.StatusCode, answer.Close)
		}
	}
}

// speak sends a text and reads the answer.
func (s *running) speak(t *testing.T, text string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	_, _ = io.WriteString(connection, text) // the server may close before all is sent
	_ = connection.SetReadDeadline(time.Now().Add(patience))
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return answer
}
