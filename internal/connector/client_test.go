package connector

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func testClient(t *testing.T, o ClientOptions) *Client {
	t.Helper()
	client, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func testServer(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestDoSendsAndReads(t *testing.T) {
	server := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Got", r.Method+" "+r.Header.Get("Authorization")+" "+r.UserAgent()+" "+string(body))
		_, _ = io.WriteString(w, "0123456789")
	})
	client := testClient(t, ClientOptions{AllowLoopback: true, MaxAnswer: 10})
	call := Call{Method: http.MethodPost, URL: server.URL + "/send?token=t0ken", Body: []byte("hello"), Header: http.Header{"authorization": {"Bearer x"}}}
	answer, err := client.Do(t.Context(), call)
	if err != nil || answer.Status != 200 || string(answer.Body) != "0123456789" || answer.Truncated {
		t.Fatalf("%+v %v", answer, err)
	}
	if got, want := answer.Header.Get("X-Got"), "POST Bearer x Parley hello"; got != want {
		t.Errorf("the server got %q, want %q", got, want)
	}
	if want := "POST " + server.URL + "/send?token=***"; answer.Trace.Request != want || answer.Trace.Status != 200 {
		t.Errorf("trace %+v, want %q", answer.Trace, want)
	}
	client = testClient(t, ClientOptions{AllowLoopback: true, MaxAnswer: 9})
	if answer, err := client.Do(t.Context(), call); err != nil || string(answer.Body) != "012345678" || !answer.Truncated {
		t.Errorf("a long answer: %+v %v", answer, err)
	}
}

func TestDoRefusesBeforeItCalls(t *testing.T) {
	client := testClient(t, ClientOptions{})
	for _, call := range []Call{
		{Method: "POST", URL: "ftp://example.org/"}, {Method: "POST", URL: "/x"}, {Method: "POST", URL: "http://a b/?token=t0ken"},
		{Method: "PO ST", URL: "http://example.org"}, {Method: "POST", URL: "http://example.org", Header: http.Header{"X-Key": {"a\nb"}}},
	} {
		_, err := client.Do(t.Context(), call)
		if e, ok := errors.AsType[*Error](err); !ok || e.Retry || e.Code != CodeSettings || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%+v: %v", call, err)
		}
	}
}

func TestDoGuardsWhatItDials(t *testing.T) {
	server := testServer(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was called") })
	port := server.Listener.Addr().String()[strings.LastIndex(server.Listener.Addr().String(), ":"):]
	t.Setenv("HTTP_PROXY", server.URL)
	client := testClient(t, ClientOptions{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "127.1", "169.254.169.254", "[64:ff9b::7f00:1]"} {
		answer, err := client.Do(t.Context(), Call{Method: "GET", URL: "http://" + host + port, Timeout: 5 * time.Second})
		e, ok := errors.AsType[*Error](err)
		if host == "127.1" && ok && e.Code == CodeUnreachable {
			continue // a resolver may not take it for an address
		}
		if !ok || e.Code != CodeBlocked || e.Retry || answer.Status != 0 {
			t.Errorf("%s: %+v %v", host, answer, err)
		}
	}
}

func TestDoDialsAllowedHosts(t *testing.T) {
	server := testServer(t, func(http.ResponseWriter, *http.Request) {})
	port := server.Listener.Addr().String()[strings.LastIndex(server.Listener.Addr().String(), ":"):]
	client := testClient(t, ClientOptions{Allow: []string{"localhost"}})
	if _, err := client.Do(t.Context(), Call{Method: "GET", URL: "http://LOCALHOST" + port}); err != nil {
		t.Errorf("an allowed host: %v", err)
	}
	if _, err := client.Do(t.Context(), Call{Method: "GET", URL: server.URL}); err == nil {
		t.Error("the address of an allowed host is allowed by itself")
	}
	client = testClient(t, ClientOptions{Allow: []string{"127.0.0.0/8"}})
	if _, err := client.Do(t.Context(), Call{Method: "GET", URL: server.URL}); err != nil {
		t.Errorf("an allowed prefix: %v", err)
	}
}

func TestDoRedirects(t *testing.T) {
	var seen []string
	other := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, "other "+r.Method+" "+r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.Header.Get("Referer"))
	})
	server := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.Path+" "+string(body))
		target := map[string]string{"/same": "/end", "/other": other.URL, "/metadata": "http://169.254.169.254/latest", "/loop": "/loop?307", "/file": "file:///etc/passwd"}[r.URL.Path]
		if target != "" {
			status, _ := strconv.Atoi(r.URL.RawQuery)
			http.Redirect(w, r, target, status)
		}
	})
	client := testClient(t, ClientOptions{AllowLoopback: true})
	for _, test := range []struct{ method, path, code, seen string }{
		{"POST", "/same?307", "", "POST /same body|POST /end body"},
		{"POST", "/same?302", CodeRedirected, "POST /same body"},
		{"POST", "/other?307", CodeRedirected, "POST /other body"},
		{"GET", "/other?302", "", "GET /other body|other GET "},
		{"GET", "/same?301", "", "GET /same body|GET /end "},
		{"GET", "/metadata?302", CodeBlocked, "GET /metadata body"},
		{"POST", "/metadata?307", CodeRedirected, "POST /metadata body"},
		{"GET", "/file?302", CodeRedirected, "GET /file body"},
		{"GET", "/loop?307", CodeRedirected, "GET /loop body"},
	} {
		seen = nil
		header := http.Header{"Authorization": {"Bearer secret"}, "X-Api-Key": {"secret"}}
		_, err := client.Do(t.Context(), Call{Method: test.method, URL: server.URL + test.path, Header: header, Body: []byte("body")})
		e, _ := errors.AsType[*Error](err)
		if (test.code == "") != (err == nil) || e != nil && (e.Code != test.code || e.Retry) {
			t.Errorf("%s %s: %v", test.method, test.path, err)
		}
		if got := strings.Join(seen, "|"); got != test.seen && test.path != "/loop?307" {
			t.Errorf("%s %s: servers saw %q, want %q", test.method, test.path, got, test.seen)
		}
	}
}

func TestDoKnowsWhatWasTaken(t *testing.T) {
	server := testServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/late":
			<-r.Context().Done()
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/half":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		case "/half-refusal":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "{")
		case "/to-nobody":
			http.Redirect(w, r, "/late", http.StatusTemporaryRedirect)
		}
	})
	closed := httptest.NewServer(nil)
	closed.Close()
	client := testClient(t, ClientOptions{AllowLoopback: true, Timeout: 5 * time.Second})
	for _, test := range []struct {
		url     string
		timeout time.Duration
		lost    bool
		code    string
	}{
		{server.URL + "/late", 100 * time.Millisecond, true, ""},
		{server.URL + "/cut", 0, true, ""},
		{server.URL + "/half", 0, true, ""},
		{server.URL + "/half-refusal", 0, false, CodeUnavailable},
		{server.URL + "/to-nobody", 100 * time.Millisecond, true, ""},
		{closed.URL, 0, false, CodeUnreachable},
		{"http://name.invalid/", 0, false, CodeUnreachable},
		{strings.Replace(server.URL, "http:", "https:", 1), 0, false, CodeUnreachable},
		{server.URL + "/late", time.Nanosecond, false, CodeUnreachable},
	} {
		_, err := client.Do(t.Context(), Call{Method: "POST", URL: test.url, Timeout: test.timeout, Body: []byte("{}")})
		lost, isLost := errors.AsType[*LostError](err)
		refusal, isRefusal := errors.AsType[*Error](err)
		if isLost != test.lost || isRefusal == test.lost || isRefusal && (refusal.Code != test.code || !refusal.Retry) {
			t.Errorf("%s: %#v", test.url, err)
		}
		if isLost && (lost.Trace.Request != "POST "+test.url || lost.Text == "" || lost.Err == nil) {
			t.Errorf("%s: %+v", test.url, lost)
		}
	}
}

func TestDoKnowsWhatWasTakenOverHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Protocol", r.Proto)
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := testClient(t, ClientOptions{AllowLoopback: true})
	_, err := client.Do(t.Context(), Call{Method: "POST", URL: server.URL})
	if e, ok := errors.AsType[*Error](err); !ok || !e.Retry || e.Code != CodeUnreachable || !strings.Contains(e.Text, "certificate") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	client = testClient(t, ClientOptions{AllowLoopback: true})
	client.http.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	answer, err := client.Do(t.Context(), Call{Method: "POST", URL: server.URL, Body: []byte("{}")})
	if err != nil || answer.Header.Get("X-Protocol") != "HTTP/2.0" {
		t.Fatalf("%+v %v", answer, err)
	}
	_, err = client.Do(t.Context(), Call{Method: "POST", URL: server.URL + "/cut", Body: []byte("{}")})
	if _, ok := errors.AsType[*LostError](err); !ok {
		t.Errorf("a cut stream: %v", err)
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	server := testServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := testClient(t, ClientOptions{AllowLoopback: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Do(ctx, Call{Method: "GET", URL: server.URL})
	if _, ok := errors.AsType[*LostError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a passed deadline: %#v", err)
	}
}

func TestNewClientRefusesBadExceptions(t *testing.T) {
	if _, err := NewClient(ClientOptions{Allow: []string{"http://x"}}); err == nil {
		t.Error("an exception that is a URL is taken")
	}
}
