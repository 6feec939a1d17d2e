package proof

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// ledger is what the clients asked for and what they were told.
type ledger struct {
	mu      sync.Mutex
	entries []*entry
	files   []*upload
	number  atomic.Int64
}

// entry is one message that a client wanted to send, with one idempotency key. Its reference is its own.
type entry struct {
	organization *organization
	client       *api.Client
	key          string
	reference    string
	text         string
	request      api.SendRequest
	inbound      *api.SandboxInbound // instead of the request
	wrong        bool                // the server must refuse it

	mu       sync.Mutex
	answers  []answer
	recalled answer // of a recall
	canceled answer // of a cancel
}

// answer is what a client was told, and when.
type answer struct {
	asked        bool
	wait         time.Duration // after which the client is asked to come back
	at           time.Time
	status       int    // 0: none came
	code, detail string // of a refusal
	id           string // of the message
	conversation string
	replayed     bool
}

// accepted reports whether the client holds the server's word.
func (a answer) accepted() bool { return a.status >= 200 && a.status < 300 }

// refused reports whether the server said that nothing was done, and never will be.
func (a answer) refused() bool {
	return a.status >= 400 && a.status < 500 && a.status != 409 && a.status != 429
}

// upload is a file that the server took.
type upload struct {
	organization *organization
	id, content  string
	at           time.Time
}

func (l *ledger) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

func (l *ledger) addFile(u *upload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, u)
}

func (e *entry) note(a answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers = append(e.answers, a)
}

// promise is an entry of which the server had said by some moment that it is accepted.
type promise struct {
	*entry
	answer
	recall, cancel answer
}

// before copies what was known at a moment: the promises, and the entries that had been refused and never
// accepted.
func (l *ledger) before(moment time.Time) (promises []promise, refused []*entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		p, no := e.before(moment)
		if p != nil {
			promises = append(promises, *p)
		} else if no {
			refused = append(refused, e)
		}
	}
	return promises, refused
}

func (e *entry) before(moment time.Time) (p *promise, refused bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	doubt := false
	for _, a := range e.answers {
		switch {
		case a.accepted() && a.at.Before(moment):
			if p == nil {
				p = &promise{entry: e, answer: a}
			}
		case a.refused():
			refused = true
		default:
			doubt = true // it may have been stored
		}
	}
	if p != nil {
		for _, later := range []struct{ from, to *answer }{{&e.recalled, &p.recall}, {&e.canceled, &p.cancel}} {
			*later.to = *later.from
			if !later.from.at.Before(moment) {
				*later.to = answer{asked: later.from.asked}
			}
		}
	}
	return p, refused && !doubt
}

// disagreements are the entries to which different answers were given.
func (l *ledger) disagreements(f *findings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.mu.Lock()
		first := answer{}
		for _, a := range e.answers {
			switch {
			case a.accepted() && e.wrong:
				f.add("%s: accepted, though it is wrong: %d", e.reference, a.status)
			case a.accepted() && first.id == "":
				first = a
			case a.accepted() && a.id != first.id:
				f.add("%s: key %s made the messages %s and %s", e.reference, e.key, first.id, a.id)
			case a.refused() && !e.wrong:
				f.add("%s: refused: %d %s", e.reference, a.status, a.code)
			}
		}
		e.mu.Unlock()
	}
}

func (l *ledger) uploads(moment time.Time) []*upload {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*upload
	for _, u := range l.files {
		if u.at.Before(moment) {
			list = append(list, u)
		}
	}
	return list
}

// withdrawn are the files of messages that somebody took back, or tried to.
func (l *ledger) withdrawn() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := map[string]bool{}
	for _, e := range l.entries {
		e.mu.Lock()
		if e.recalled.asked {
			for _, id := range e.request.Attachments {
				gone[id] = true
			}
		}
		e.mu.Unlock()
	}
	return gone
}

// sum logs what happened, so that a reader sees that something did.
func (l *ledger) sum(t *testing.T, calls []handed) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var accepted, replayed, refused, none, unavailable int
	for _, e := range l.entries {
		for _, a := range e.answers {
			switch {
			case a.accepted() && a.replayed:
				replayed++
			case a.accepted():
				accepted++
			case a.status == 0:
				none++
			case a.status >= 500:
				unavailable++
			default:
				refused++
			}
		}
	}
	t.Logf("%d messages asked for: %d accepted, %d repeats answered, %d refused, %d calls without an answer, %d unavailable; %d files; %d provider calls",
		len(l.entries), accepted, replayed, refused, none, unavailable, len(l.files), len(calls))
}
