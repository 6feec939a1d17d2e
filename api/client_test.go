package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/api"
)

// script answers calls with what it holds, one after another, and keeps what was sent.
type script struct {
	answers []func() (*http.Response, error)
	keys    []string // Idempotency-Key of each call
	bodies  []string
	at      []time.Time
}

// RoundTrip gives the next answer.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	s.keys, s.bodies, s.at = append(s.keys, r.Header.Get("Idempotency-Key")), append(s.bodies, body), append(s.at, time.Now())
	if len(s.answers) == 0 {
		return nil, errors.New("no more calls were expected")
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next()
}

func answer(status int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r, nil
	}
}

func broken() (*http.Response, error) { return nil, errors.New("connection reset by peer") }

func cutOff() (*http.Response, error) {
	r, _ := answer(200, "")()
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":"m`), errorReader{}))
	return r, nil
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func scripted(t *testing.T, answers ...func() (*http.Response, error)) (*api.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	c, err := api.New("https://chat.example.org", "secret", api.WithHTTPClient(&http.Client{Transport: s}))
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestRepeats(t *testing.T) {
	ok, busy, full := answer(200, `{"id":"m1"}`), answer(503, `{}`), answer(429, `{}`, "Retry-After", "1")
	get := func(ctx context.Context, c *api.Client) error { return only(c.GetMessage(ctx, "m1")) }
	send := func(ctx context.Context, c *api.Client) error { return only(c.Send(ctx, api.SendRequest{})) }
	create := func(ctx context.Context, c *api.Client) error { return only(c.CreateTeam(ctx, api.TeamRequest{})) }
	keyed := func(ctx context.Context, c *api.Client) error {
		return only(c.CreateTeam(ctx, api.TeamRequest{}, api.IdempotencyKey("k")))
	}
	patch := func(ctx context.Context, c *api.Client) error { return only(c.PatchTeam(ctx, "t1", api.TeamPatch{})) }
	type answers = []func() (*http.Response, error)
	for name, test := range map[string]struct {
		call    func(context.Context, *api.Client) error
		answers answers
		calls   int
		ok      bool
	}{
		"a read after all that passes":   {get, answers{busy, full, answer(502, ""), answer(504, ""), broken, ok}, 6, true},
		"a read that is cut off":         {get, answers{cutOff, ok}, 2, true},
		"a read without end":             {get, answers{busy, busy, busy, busy, busy, busy, ok}, 6, false},
		"a read of nothing":              {get, answers{answer(404, `{"code":"not-found"}`), ok}, 1, false},
		"a read of something else":       {get, answers{answer(200, `<html>`), ok}, 1, false},
		"a failure of the server":        {get, answers{answer(500, `{}`), ok}, 1, false},
		"a send":                         {send, answers{busy, broken, ok}, 3, true},
		"a send that is refused":         {send, answers{answer(422, `{"code":"invalid"}`), ok}, 1, false},
		"a creation without a key":       {create, answers{busy, ok}, 1, false},
		"a creation whose answer broke":  {create, answers{broken, ok}, 1, false},
		"a creation that was not begun":  {create, answers{full, ok}, 2, true},
		"a creation with a key":          {keyed, answers{busy, broken, ok}, 3, true},
		"a change":                       {patch, answers{broken, ok}, 1, false},
		"a change that was not begun":    {patch, answers{full, ok}, 2, true},
		"a probe that says no":           {func(ctx context.Context, c *api.Client) error { return c.Ready(ctx) }, answers{busy, ok}, 1, false},
		"a wait that is longer than all": {get, answers{answer(503, ``, "Retry-After", "3600"), ok}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, test.answers...)
				err := test.call(t.Context(), c)
				if (err == nil) != test.ok || len(s.keys) != test.calls {
					t.Errorf("%d calls, want %d; error %v", len(s.keys), test.calls, err)
				}
				for i := range s.keys {
					if s.keys[i] != s.keys[0] || s.bodies[i] != s.bodies[0] {
						t.Errorf("call %d differs: key %q, body %q", i, s.keys[i], s.bodies[i])
					}
				}
			})
		})
	}
}

func TestSendHasAKeyOfItsOwn(t *testing.T) {
	c, s := scripted(t, answer(202, `{}`), answer(202, `{}`), answer(202, `{}`))
	for _, options := range [][]api.CallOption{nil, nil, {api.IdempotencyKey("mine")}} {
		if _, err := c.Send(t.Context(), api.SendRequest{}, options...); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.keys[0]) < 20 || s.keys[0] == s.keys[1] || s.keys[2] != "mine" {
		t.Errorf("the keys are %q", s.keys)
	}
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := answer(503, ``)
		inTen := func() (*http.Response, error) {
			return answer(503, ``, "Retry-After", time.Now().Add(10*time.Second).UTC().Format(http.TimeFormat))()
		}
		c, s := scripted(t, busy, busy, busy, answer(429, ``, "Retry-After", "7"), inTen, answer(200, `{}`))
		if _, err := c.GetMessage(t.Context(), "m1"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct{ least, most time.Duration }{
			{100 * time.Millisecond, 200 * time.Millisecond},
			{200 * time.Millisecond, 400 * time.Millisecond},
			{400 * time.Millisecond, 800 * time.Millisecond},
			{7 * time.Second, 8750 * time.Millisecond},
			{9 * time.Second, 12500 * time.Millisecond}, // a date has whole seconds
		} {
			if wait := s.at[i+1].Sub(s.at[i]); wait < want.least || wait > want.most {
				t.Errorf("wait %d took %v, want %v to %v", i, wait, want.least, want.most)
			}
		}
	})
}

// The context bounds the waits: what they would exceed is not begun, and the last refusal is told.
func TestWaitsEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := answer(503, `{"code":"busy"}`, "Retry-After", "30")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		c, _ := scripted(t, busy, busy)
		_, err := c.GetMessage(ctx, "m1")
		refused, ok := errors.AsType[*api.Error](err)
		if !ok || refused.Code != "busy" || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		c, _ = scripted(t, busy, busy)
		if _, err = c.GetMessage(ctx, "m1"); !errors.Is(err, context.Canceled) || time.Since(begin) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

func TestNoRepeats(t *testing.T) {
	s := &script{answers: []func() (*http.Response, error){broken, broken}}
	c, err := api.New("https://chat.example.org", "secret", api.WithHTTPClient(&http.Client{Transport: s}), api.WithRetry(api.Retry{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetMessage(t.Context(), "m1"); err == nil || len(s.keys) != 1 {
		t.Errorf("%d calls, %v", len(s.keys), err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer func() (*http.Response, error)
		want   api.Error
	}{
		"a problem": {answer(422, `{"title":"Unprocessable Entity","status":422,"code":"invalid","detail":"ttl: no","requestId":"r1",
			"errors":[{"field":"ttl","code":"minimum","message":"no"}]}`),
			api.Error{HTTPStatus: 422, Problem: api.Problem{Code: "invalid", Detail: "ttl: no", RequestID: "r1"}}},
		"somebody on the way": {answer(500, "<h1>Oops</h1>\n", "X-Request-Id", "r2", "Content-Type", "text/html"),
			api.Error{HTTPStatus: 500, Problem: api.Problem{Detail: "<h1>Oops</h1>", RequestID: "r2"}}},
		"JSON of another kind": {answer(403, `{"error":"no"}`),
			api.Error{HTTPStatus: 403, Problem: api.Problem{Detail: `{"error":"no"}`}}},
		"nothing": {answer(404, ""), api.Error{HTTPStatus: 404}},
		"a long text": {answer(500, strings.Repeat("é", 1000)),
			api.Error{HTTPStatus: 500, Problem: api.Problem{Detail: strings.Repeat("é", 150)}}},
		"a wait": {answer(409, `{"code":"in-flight"}`, "Retry-After", "3"),
			api.Error{HTTPStatus: 409, RetryAfter: 3 * time.Second, Problem: api.Problem{Code: "in-flight"}}},
	} {
		client, _ := scripted(t, c.answer)
		_, err := client.GetMessage(t.Context(), "m1")
		got, ok := errors.AsType[*api.Error](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.HTTPStatus != c.want.HTTPStatus || got.Code != c.want.Code || got.Detail != c.want.Detail ||
			got.RequestID != c.want.RequestID || got.RetryAfter != c.want.RetryAfter {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAnswer(t *testing.T) {
	c, _ := scripted(t, answer(202, `{"id":"m1"}`, "X-Request-Id", "r1", "Idempotent-Replayed", "true", "RateLimit", `"default";r=9`), answer(422, `{"code":"x"}`))
	var a api.Answer
	m, err := c.Send(t.Context(), api.SendRequest{}, api.WithAnswer(&a))
	if err != nil || m.ID != "m1" || a.Status != 202 || a.RequestID != "r1" || !a.Replayed || a.Header.Get("RateLimit") == "" {
		t.Errorf("got %+v, %+v, %v", m, a, err)
	}
	if _, err := c.Send(t.Context(), api.SendRequest{}, api.WithAnswer(&a)); err == nil || a.Status != 422 || a.Replayed {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestIfMatch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":`+strconv.Quote(r.Header.Get("If-Match"))+`}`)
	}))
	defer server.Close()
	c, _ := api.New(server.URL, "secret")
	defer c.Close()
	team, err := c.PatchTeam(t.Context(), "t1", api.TeamPatch{}, api.IfMatch(7))
	if err != nil || team.ID != `"7"` {
		t.Errorf("got %+v, %v", team, err)
	}
}

// mediaServer stores one upload and refuses the first of each with 503.
func mediaServer(t *testing.T) (*api.Client, *[]string) {
	var seen []string
	refused := false
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/media", func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		content, _ := io.ReadAll(file)
		seen = append(seen, header.Filename+" "+header.Header.Get("Content-Type")+" "+string(content)+" "+strconv.FormatBool(r.ContentLength > 0))
		if !refused {
			refused = true
			w.WriteHeader(503)
			return
		}
		refused = false
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"id":"f1"}`)
	})
	mux.HandleFunc("GET /v1/media/f1/content", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Disposition", `attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.txt`)
		_, _ = io.WriteString(w, "hello")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c, err := api.New(server.URL, "secret", api.WithRetry(api.Retry{Max: 2, Base: time.Millisecond, Cap: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &seen
}

func TestUpload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	later := bytes.NewReader([]byte("xxhello"))
	_, _ = later.Seek(2, io.SeekStart)
	for name, content := range map[string]io.Reader{"bytes": later, "string": strings.NewReader("hello"), "file": file} {
		c, seen := mediaServer(t)
		media, err := c.UploadMedia(t.Context(), `grüße "1".txt`, "", content, api.IdempotencyKey("k"))
		want := `grüße "1".txt application/octet-stream hello true`
		if err != nil || media.ID != "f1" || len(*seen) != 2 || (*seen)[0] != want || (*seen)[1] != want {
			t.Errorf("%s: %+v, %v; the server saw %q", name, media, err, *seen)
		}
	}
	c, seen := mediaServer(t)
	if _, err := c.UploadMedia(t.Context(), "a.txt", "text/plain", io.MultiReader(strings.NewReader("hello")), api.IdempotencyKey("k")); err == nil || len(*seen) != 1 {
		t.Errorf("what cannot be read twice was sent %d times, %v", len(*seen), err)
	}
	if want := "a.txt text/plain hello false"; (*seen)[0] != want {
		t.Errorf("the server saw %q", *seen)
	}
}

func TestDownload(t *testing.T) {
	c, _ := mediaServer(t)
	content, err := c.DownloadMedia(t.Context(), "f1")
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil || string(text) != "hello" || content.Size != 5 || content.ContentType != "text/plain" || content.Name != "grüße.txt" {
		t.Errorf("got %q, %+v, %v", text, content, err)
	}
	if _, err := c.DownloadMedia(t.Context(), "f2"); err == nil {
		t.Error("a file that does not exist was opened")
	}
}

// BenchmarkSend counts what the client itself adds to a call over a connection.
func BenchmarkSend(b *testing.B) {
	body := `{"id":"d0l3kq0s7k0c5vsr9ehg","conversationId":"d0l3kq0s7k0c5vsr9ehg","sequence":1,"kind":"message","direction":"outbound","status":"queued",` +
		`"counts":{"queued":1},"author":{"kind":"user","id":"d0l3kq0s7k0c5vsr9ehg","name":"Ana"},"body":[{"kind":"text","text":"hi"}],"text":"hi","attachments":[],` +
		`"internal":false,"priority":"normal","deleteOnRead":false,"tags":[],"metadata":{},"reference":"","recorded":false,"createdAt":"2031-05-17T09:30:00.000Z"}`
	c, err := api.New("https://chat.example.org", "secret", api.WithHTTPClient(&http.Client{Transport: constant(body)}))
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	request := api.SendRequest{To: api.Recipient{Contact: "d0l3kq0s7k0c5vsr9ehg"}, Body: api.Text(strings.Repeat("x", 200))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Send(ctx, request); err != nil {
			b.Fatal(err)
		}
	}
}

// constant gives the same answer to every call.
type constant string

// RoundTrip gives the answer.
func (c constant) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 202, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(c)))}, nil
}
