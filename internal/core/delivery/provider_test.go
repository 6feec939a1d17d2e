package delivery_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
)

// provider is a platform at the end of a real connection. The text of a message says what it does the first time.
type provider struct {
	mu    sync.Mutex
	calls map[string]int  // by reference
	has   map[string]bool // references that it took
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // it is asked
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.has[r.URL.Query().Get("reference")] {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	var send struct{ Reference, Text string }
	_ = json.NewDecoder(r.Body).Decode(&send)
	p.mu.Lock()
	p.calls[send.Reference]++
	first := p.calls[send.Reference] == 1
	p.mu.Unlock()
	if first {
		switch send.Text {
		case "429":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case "400":
			w.WriteHeader(http.StatusBadRequest)
			return
		case "late":
			time.Sleep(150 * time.Millisecond)
		case "taken, cut":
			p.take(send.Reference)
			panic(http.ErrAbortHandler)
		case "taken, silent":
			p.take(send.Reference)
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		case "cut":
			panic(http.ErrAbortHandler)
		}
	}
	p.take(send.Reference)
	_, _ = fmt.Fprintf(w, `{"ids": [%q]}`, "p-"+send.Reference)
}

func (p *provider) take(reference string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has[reference] = true
}

// TestProvider: a provider that answers late, refuses for now, takes a message and says nothing, or hangs up.
func TestProvider(t *testing.T) {
	p := &provider{calls: map[string]int{}, has: map[string]bool{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	w := newWorld(t)
	w.start(queue.Options{})
	sandbox := func(repeats string) parley.Channel {
		settings, _ := json.Marshal(map[string]string{"endpoint": server.URL, "repeats": repeats})
		return w.channel(parley.Channel{Connector: "sandbox", Platform: "sms", AddressKind: parley.AddressPhone, Settings: settings})
	}
	for repeats, ch := range map[string]parley.Channel{"deduplicated": sandbox("deduplicated"), "ask": sandbox("ask"), "neither": sandbox("neither")} {
		for _, test := range []struct {
			text     string
			state    parley.DeliveryState
			calls    int
			attempts int
			code     string // of the first attempt
		}{
			{"fine", parley.Read, 1, 1, ""},
			{"late", parley.Read, 1, 1, ""},
			{"429", parley.Read, 2, 2, connector.CodeRateLimited},
			{"503", parley.Read, 2, 2, connector.CodeUnavailable},
			{"400", parley.Failed, 1, 1, connector.CodeRefused},
			{"taken, cut", parley.Read, 2, 2, "call-lost"},
			{"taken, silent", parley.Read, 2, 2, "call-lost"},
			{"cut", parley.Read, 2, 2, "call-lost"},
		} {
			t.Run(repeats+" "+test.text, func(t *testing.T) {
				t.Parallel()
				if test.code == "call-lost" {
					switch {
					case repeats == "neither":
						test.state, test.calls, test.attempts = parley.Unknown, 1, 1
					case repeats == "ask" && test.text != "cut":
						test.calls = 1
					}
				}
				own := *w
				own.t = t
				id := own.send(ch, own.conversation(ch), outgoing{text: test.text})[0]
				d := own.wait(id, test.state)
				p.mu.Lock()
				calls := p.calls[string(id)+".1"]
				p.mu.Unlock()
				attempts := own.attempts(id)
				if calls != test.calls || d.Attempts != test.attempts || len(attempts) != test.attempts || attempts[0].Code != test.code {
					t.Errorf("%d calls, %+v, attempts %+v", calls, d, attempts)
				}
				if attempts[0].Request == "" {
					t.Errorf("no trace: %+v", attempts[0])
				}
			})
		}
	}
}
