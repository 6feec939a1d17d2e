package httpd

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sink is a response writer that costs nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkRequest is what this package costs a POST: id, limits, credential, rate limit, metrics and the
// access log, with the router and without a network.
func BenchmarkRequest(b *testing.B) {
	for name, logged := range map[string]bool{"quiet": false, "logged": true} {
		b.Run(name, func(b *testing.B) {
			limiter := NewLimiter()
			limit := Limit{Name: "key", Count: 1 << 30, Per: time.Minute}
			handler := routes(map[string]HandlerFunc{"POST /v1/messages": func(w http.ResponseWriter, r *http.Request) error {
				key, err := Credential(r)
				if err != nil {
					return err
				}
				quota := limiter.Take(key, limit)
				quota.SetHeaders(w.Header())
				if err := quota.Err(); err != nil {
					return err
				}
				var buffer [512]byte
				_, _ = r.Body.Read(buffer[:])
				_, err = w.Write(buffer[:1])
				return err
			}})
			s := New(Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), AccessLog: logged, Metrics: prometheus.NewRegistry()}, handler)
			body := strings.NewReader("")
			request, _ := http.NewRequest("POST", "http://127.0.0.1/v1/messages", io.NopCloser(body))
			request.Header.Set("Authorization", "Bearer parley_0123456789abcdefghij_0123456789ABCDEFGHIJ")
			w := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Reset("body")
				clear(w.header)
				s.ServeHTTP(w, request)
			}
		})
	}
}
