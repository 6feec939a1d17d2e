package native_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-server/parley/api"
)

// sink is a response writer that costs nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkSend is a send without a network: the door, the core and a durable store, 64 at a time.
func BenchmarkSend(b *testing.B) {
	w := newWorld(b)
	w.sms(b)
	contact := must[*api.Contact](b)(w.admin.FindContact(b.Context(), api.ContactLookup{Address: "phone:+15550100"}))
	body := fmt.Sprintf(`{"to":{"contact":%q},"body":%q,"reference":"bench"}`, contact.ID, strings.Repeat("ten bytes ", 20))
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		text := strings.NewReader("")
		answer := &sink{header: http.Header{}}
		r, _ := http.NewRequestWithContext(b.Context(), "POST", "http://127.0.0.1/v1/messages", io.NopCloser(text))
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Header.Set("Content-Type", "application/json")
		for pb.Next() {
			text.Reset(body)
			r.Body = io.NopCloser(text)
			clear(answer.header)
			r.Header["Idempotency-Key"] = []string{fmt.Sprint(n.Add(1))}
			w.handler.ServeHTTP(answer, r)
			if answer.status != http.StatusAccepted {
				b.Errorf("status %d", answer.status)
				return
			}
		}
	})
}
