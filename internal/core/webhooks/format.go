package webhooks

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// Format is how events are posted in the words of a door.
type Format struct {
	Name   string
	Needs  []parley.Scope     // that a key has to have besides that for events
	Events []parley.EventType // of which it makes posts; others are passed over
	With   eventlog.Content   // what it needs to have joined
	// Render makes the posts of each of some events, as somebody sees what they are about now: of one that is not at this door, none.
	Render func(ctx context.Context, p *access.Principal, events []eventlog.Detail) ([][]Rendered, error)
	// Header signs a post.
	Header func(w *parley.Webhook, key parley.PostKey, body []byte) http.Header
	// Timeout is within what a receiver has to answer.
	Timeout time.Duration
	// Retries is how long after each attempt that failed there is another; after the last there is none. Up to a tenth is added by chance.
	Retries []time.Duration
	// PerMinute is how many posts an endpoint gets a minute for the first time; the others wait. 0: any number.
	PerMinute int
}

// Attempts is how often a post is made at most.
func (f *Format) Attempts() int { return len(f.Retries) + 1 }

// Rendered is a post as it goes out.
type Rendered struct {
	Part int // its number among those of the event
	Kind string
	Body []byte
}

// require refuses somebody to whom it cannot show events.
func (f *Format) require(p *access.Principal) error {
	for _, scope := range append([]parley.Scope{parley.ScopeEventsRead}, f.Needs...) {
		if err := p.Require(scope); err != nil {
			return err
		}
	}
	return nil
}

// jitter parts what failed at the same time.
const jitter = 10

// settle is what becomes of a post by an attempt at a time, which an answer or a code says the outcome of.
func (f *Format) settle(post *parley.Post, at time.Time, status int, code string) {
	post.TriedAt, post.Status, post.Code, post.NextAt = at, status, code, time.Time{}
	switch {
	case code == "":
		post.State = parley.PostDelivered
	case post.Attempts >= f.Attempts():
		post.State = parley.PostFailed
	default:
		wait := f.Retries[post.Attempts-1]
		post.State, post.NextAt = parley.PostWaiting, at.Add(wait+rand.N(wait/jitter+1))
	}
}

// PostID is what a post of an event is called, as an id: the same whenever it is made.
func PostID(key parley.PostKey) parley.ID {
	var b [12]byte
	at := uint32(key.At.Unix())
	for i := range 4 {
		b[i] = byte(at >> (24 - 8*i))
	}
	for i := range 7 {
		b[4+i] = byte(key.Sequence >> (48 - 8*i))
	}
	b[11] = byte(key.Part)
	return parley.IDFromBytes(b)
}
