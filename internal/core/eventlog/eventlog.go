// Package eventlog reads an organization's event log for somebody: what may be seen is judged when it is read,
// and content is joined as it is then.
package eventlog

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Log reads the event logs of all organizations.
type Log struct {
	store *store.Store
	now   func(ctx context.Context, organization parley.ID) time.Time
}

// New returns the logs of a store.
func New(s *store.Store) *Log { return &Log{store: s, now: s.Now} }

// The places in a log that have no number.
const (
	FromOldest int64 = -1 // before the oldest event that is kept
	FromLatest int64 = -2 // after the newest
)

// Filter says which events are read, and from where. Empty fields do not narrow.
type Filter struct {
	After        int64 // the sequence after which to begin, FromOldest or FromLatest
	Types        []parley.EventType
	Conversation parley.ID
	With         Content // what is joined
	Hints        bool    // of a stream: also what is in no log, who is there and who is writing
}

// Passes reports whether an event is one of those asked for.
func (f *Filter) Passes(e *parley.Event) bool {
	return (f.Conversation == "" || f.Conversation == e.Conversation) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}

// Page is a part of the log.
type Page struct {
	Events  []Detail
	Next    int64 // where the next page begins; 0 at the end of the log
	Through int64 // up to where the log was considered, seen or not
}

const (
	maxPage  = 1000
	usual    = 100
	examined = 2000 // events of the log for one page at most
)

// Follow calls f after every commit with what it added to an organization's log, in order, before the requests
// in it are answered. It must not block.
func (l *Log) Follow(f func(organization parley.ID, events []parley.Event)) {
	l.store.OnCommit(func(commits []store.Committed) {
		for _, c := range commits {
			f(c.Organization, c.Events)
		}
	})
}

// Latest returns the sequences of the newest events of organizations' logs.
func (l *Log) Latest(ctx context.Context, organizations []parley.ID) (map[parley.ID]int64, error) {
	return l.store.Read(ctx).LatestEvents(organizations)
}

// EventRange returns the sequences of the oldest and the newest event that are kept; the oldest is one more than
// the newest while the log is empty.
func (l *Log) EventRange(ctx context.Context, p *access.Principal) (oldest, latest int64, err error) {
	if err := p.Require(parley.ScopeEventsRead); err != nil {
		return 0, 0, err
	}
	r, err := l.store.Read(ctx).LogRange(p.Organization)
	if err == nil {
		err = l.store.Settled(ctx)
	}
	return r.Oldest, r.Latest, err
}

// Events returns a page of the events that the principal may see and that pass the filter. It examines a
// bounded number, so that a page may be short of limit, or empty, before the end of the log. A cursor before
// the oldest event that is kept is parley.KindGone "cursor-expired", with the facts oldest and latest.
func (l *Log) Events(ctx context.Context, p *access.Principal, f Filter, limit int) (Page, error) {
	if err := p.Require(parley.ScopeEventsRead); err != nil {
		return Page{}, err
	}
	if limit <= 0 {
		limit = usual
	}
	limit = min(limit, maxPage)
	r := reader{q: l.store.Read(ctx), p: p, f: &f, limit: limit}
	if err := r.begin(); err != nil {
		return Page{}, err
	}
	if err := r.collect(); err != nil {
		return Page{}, err
	}
	page := Page{Through: r.through}
	if r.through < r.kept.Latest {
		page.Next = r.through
	}
	events, err := l.details(ctx, r.q, p.Organization, r.events, f.With)
	if err == nil {
		err = l.store.Settled(ctx) // whoever resumes after an event that never was would miss the one in its place
	}
	page.Events = events
	for i := range page.Events {
		page.Events[i].Message = page.Events[i].MessageFor(p)
	}
	return page, err
}

// reader collects one page.
type reader struct {
	q       store.Queries
	p       *access.Principal
	f       *Filter
	limit   int
	kept    store.LogRange
	through int64
	events  []parley.Event
}

// begin finds the place to read from.
func (r *reader) begin() (err error) {
	if r.kept, err = r.q.LogRange(r.p.Organization); err != nil {
		return err
	}
	r.through = r.f.After
	switch {
	case r.f.After == FromOldest:
		r.through = r.kept.Oldest - 1
	case r.f.After == FromLatest:
		r.through = r.kept.Latest
	case r.f.After < 0 || r.f.After > r.kept.Latest:
		return parley.Invalid("after", "cursor-unknown", "must be 0 to %d, where the log ends", r.kept.Latest)
	case r.f.After < r.kept.Oldest-1:
		return Expired(r.kept.Oldest, r.kept.Latest)
	}
	return nil
}

// Expired is the error of a cursor whose events are no longer kept.
func Expired(oldest, latest int64) error {
	return &parley.Error{Kind: parley.KindGone, Code: "cursor-expired",
		Message: "events after this cursor are no longer kept; begin at the oldest, and read the state anew",
		Facts:   map[string]any{"oldest": oldest, "latest": latest}}
}

// collect reads until the page is full, the log ends, or enough has been examined.
func (r *reader) collect() error {
	for n := 0; n < examined && r.through < r.kept.Latest && len(r.events) < r.limit; {
		chunk, err := r.q.Events(r.p.Organization, r.through, min(examined-n, max(r.limit, usual)))
		if err != nil {
			return err
		}
		if len(chunk) == 0 || chunk[0].Sequence != r.through+1 {
			return r.outrun()
		}
		n += len(chunk)
		if err := r.take(chunk); err != nil {
			return err
		}
	}
	return nil
}

// outrun is the error of a reader whose next event went while it was reading.
func (r *reader) outrun() error {
	kept, err := r.q.LogRange(r.p.Organization)
	if err != nil {
		return err
	}
	return Expired(kept.Oldest, kept.Latest)
}

// take keeps those of a chunk that are asked for and may be seen.
func (r *reader) take(chunk []parley.Event) error {
	asked := make([]parley.Event, 0, len(chunk))
	for i := range chunk {
		if r.f.Passes(&chunk[i]) {
			asked = append(asked, chunk[i])
		}
	}
	sees := func(int) bool { return true }
	if !SeesAll(r.p) {
		audiences, err := audiences(r.q, r.p.Organization, asked)
		if err != nil {
			return err
		}
		sees = func(i int) bool { return audiences[i].Sees(r.p) }
	}
	for i := range asked {
		if !sees(i) {
			continue
		}
		if len(r.events) == r.limit {
			r.through = asked[i].Sequence - 1
			return nil
		}
		r.events = append(r.events, asked[i])
	}
	r.through = chunk[len(chunk)-1].Sequence
	return nil
}
