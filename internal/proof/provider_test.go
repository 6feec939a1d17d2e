package proof

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// provider plays the platforms behind the sandbox channels. It outlives every server, and writes down what it
// is handed. To some it answers late, with an error, or takes the message and cuts the connection.
type provider struct {
	server *httptest.Server
	seed   uint64
	calm   bool          // it takes everything
	late   time.Duration // while it is calm: after how long it answers
	mu     sync.Mutex
	calls  []handed
}

// handed is a call that the provider got.
type handed struct {
	at        time.Time
	reference string
	message   string
	delivery  int
	attempt   int
	channel   string
	priority  api.Priority
	taken     bool // as opposed to refused
	text      string
}

// conduct is how the provider treats a message.
type conduct int

const (
	takes       conduct = iota
	takesLate           // takes it, and answers after a while
	takesCut            // takes it, and cuts the connection without an answer
	refusesOnce         // 503 the first time
	cutsOnce            // cuts the connection the first time, without having taken it
)

func newProvider(t *testing.T, seed uint64) *provider {
	p := &provider{seed: seed}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// conductTo depends on the reference only, so that it is the same in every run of a seed.
func (p *provider) conductTo(reference string) conduct {
	h := fnv.New64a()
	_, _ = io.WriteString(h, reference)
	switch n := (h.Sum64() ^ p.seed) % 100; {
	case n < 80 || p.calm:
		return takes
	case n < 88:
		return takesLate
	case n < 93:
		return takesCut
	case n < 97:
		return refusesOnce
	default:
		return cutsOnce
	}
}

// ServeHTTP takes a message, or says whether it was taken.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		if !p.has(r.FormValue("reference")) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answerIDs(w, r.FormValue("reference"))
		return
	}
	var send struct {
		Reference, Message, Channel, Text string
		Attempt                           int
		Priority                          api.Priority
		Recipients                        []struct{ Delivery int }
	}
	if err := json.NewDecoder(r.Body).Decode(&send); err != nil || len(send.Recipients) != 1 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	conduct, first := p.conductTo(send.Reference), send.Attempt == 1
	taken := (conduct != refusesOnce && conduct != cutsOnce) || !first
	p.mu.Lock()
	p.calls = append(p.calls, handed{at: time.Now(), reference: send.Reference, message: send.Message, channel: send.Channel,
		delivery: send.Recipients[0].Delivery, attempt: send.Attempt, priority: send.Priority, taken: taken, text: send.Text})
	p.mu.Unlock()
	switch {
	case p.calm:
		time.Sleep(p.late)
	case conduct == takesLate:
		time.Sleep(time.Duration(50+len(send.Text)) * time.Millisecond)
	case conduct == takesCut && first, conduct == cutsOnce && first:
		panic(http.ErrAbortHandler)
	case conduct == refusesOnce && first:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answerIDs(w, send.Reference)
}

func answerIDs(w http.ResponseWriter, reference string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]string{"ids": {"id-" + reference}})
}

func (p *provider) has(reference string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.calls, func(c handed) bool { return c.reference == reference && c.taken })
}

// handed returns the calls so far.
func (p *provider) handed() []handed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// rewind makes the provider one that only remembers the calls given.
func (p *provider) rewind(calls []handed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = slices.Clone(calls)
}
