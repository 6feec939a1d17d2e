package live

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

const (
	maxBatch     = 500                    // events rendered together
	readPaces    = 5                      // between a batch that was read from the log and the next
	firstPause   = 100 * time.Millisecond // after a failure of the store
	longestPause = 5 * time.Second
)

// feed renders one organization's events for its readers.
type feed struct {
	options      *Options
	organization parley.ID
	stop         context.CancelFunc
	position     atomic.Int64 // every reader was handed all that concerns it up to here
	next         int64        // the sequence that comes next
	last         time.Time    // when a batch was last begun, and
	read         bool         // whether some of it was read from the log
	scratch      []byte

	pendingMu sync.Mutex
	pending   []parley.Event
	latest    int64         // the last event that somebody told of since nothing was pending
	wake      chan struct{} // of capacity 1

	readersMu sync.RWMutex
	readers   readers
}

func newFeed(o *Options, organization parley.ID, latest int64) *feed {
	f := &feed{options: o, organization: organization, next: latest + 1, latest: latest, wake: make(chan struct{}, 1), readers: newReaders()}
	f.position.Store(latest)
	return f
}

func (f *feed) add(events []parley.Event) {
	f.pendingMu.Lock()
	if len(f.pending) < f.options.MaxPending {
		f.pending = append(f.pending, events...)
	}
	f.latest = max(f.latest, events[len(events)-1].Sequence)
	f.pendingMu.Unlock()
	signal(f.wake)
}

// advance notes that the log is said to have reached a sequence. What is missing until there is read from it.
func (f *feed) advance(latest int64) {
	if latest <= f.position.Load() {
		return
	}
	f.pendingMu.Lock()
	f.latest = max(f.latest, latest)
	f.pendingMu.Unlock()
	signal(f.wake)
}

func signal(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// take returns the next batch, or where there is none the last event that somebody told of, once: the log need not
// have it.
func (f *feed) take() (batch []parley.Event, latest int64) {
	f.pendingMu.Lock()
	defer f.pendingMu.Unlock()
	if len(f.pending) == 0 {
		latest, f.latest = f.latest, 0
		return nil, latest
	}
	n := min(len(f.pending), maxBatch)
	batch = f.pending[:n:n]
	f.pending = f.pending[n:]
	if len(f.pending) == 0 {
		f.pending = nil
	}
	return batch, 0
}

func (f *feed) join(s *subscriber) {
	f.readersMu.Lock()
	defer f.readersMu.Unlock()
	f.readers.add(s)
}

func (f *feed) leave(s *subscriber) (left int) {
	f.readersMu.Lock()
	defer f.readersMu.Unlock()
	return f.readers.remove(s)
}

// run renders batch after batch until the feed is stopped.
func (f *feed) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		for {
			if !pause(ctx, f.pace()-time.Since(f.last)) {
				return
			}
			batch, latest := f.take()
			if len(batch) == 0 && f.next > latest {
				break
			}
			f.last, f.read = time.Now(), false
			f.complete(ctx, batch, latest)
		}
	}
}

// pace is how long after a batch the next one begins. What is read from the log costs more than what was committed here.
func (f *feed) pace() time.Duration {
	if f.read {
		return readPaces * f.options.Pace
	}
	return f.options.Pace
}

// pause reports false where the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// complete renders a batch, with what is missing before and between its events; without a batch, what did not fit and
// came last. It tries again until that is done: events can be late, but none is left out.
func (f *feed) complete(ctx context.Context, batch []parley.Event, latest int64) {
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := f.goOn(ctx, batch, latest)
		if err == nil || ctx.Err() != nil {
			return
		}
		f.options.Errors.Error("rendering events", "organization", f.organization, "error", err)
		pause(ctx, wait)
	}
}

// goOn is complete, tried once. Committers tell of their commits in any order, and other nodes not at all: the log is in
// order.
func (f *feed) goOn(ctx context.Context, batch []parley.Event, latest int64) error {
	if len(batch) == 0 {
		return f.fill(ctx, latest+1)
	}
	for batch = after(batch, f.next-1); len(batch) > 0; batch = after(batch, f.next-1) {
		first := batch[0].Sequence
		if err := f.fill(ctx, first); err != nil {
			return err
		}
		if f.next > first {
			continue // the log had it too
		}
		if err := f.render(ctx, inRow(batch)); err != nil {
			return err
		}
	}
	return nil
}

// inRow is the part of a batch up to the first event that does not follow the one before it.
func inRow(batch []parley.Event) []parley.Event {
	for i := 1; i < len(batch); i++ {
		if batch[i].Sequence != batch[i-1].Sequence+1 {
			return batch[:i]
		}
	}
	return batch
}

// after is the part of a batch that has greater sequences.
func after(batch []parley.Event, sequence int64) []parley.Event {
	for len(batch) > 0 && batch[0].Sequence <= sequence {
		batch = batch[1:]
	}
	return batch
}

// fill reads from the log what came before an event and was not handed over. It ends where the log does.
func (f *feed) fill(ctx context.Context, until int64) error {
	for f.next < until {
		page, err := f.options.Log.Events(ctx, access.System(f.organization), eventlog.Filter{After: f.next - 1}, maxBatch)
		if parley.IsKind(err, parley.KindGone) {
			if err = f.skip(ctx, until); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		missed := make([]parley.Event, len(page.Events))
		for i := range page.Events {
			missed[i] = page.Events[i].Event
		}
		if len(missed) == 0 {
			return nil
		}
		f.read = true
		if err := f.render(ctx, missed); err != nil {
			return err
		}
	}
	return nil
}

// skip goes on, at most until an event, with the oldest that is kept.
func (f *feed) skip(ctx context.Context, until int64) error {
	oldest, _, err := f.options.Log.EventRange(ctx, access.System(f.organization))
	if err == nil {
		f.next = min(max(f.next, oldest), until)
	}
	return err
}

// render judges and encodes a batch once, and hands it to those who see it.
func (f *feed) render(ctx context.Context, batch []parley.Event) error {
	if len(batch) == 0 {
		return nil
	}
	readers, err := f.choose(ctx, batch)
	if err != nil {
		return err
	}
	var wanted []parley.Event
	for i := range batch {
		if len(readers[i]) > 0 {
			wanted = append(wanted, batch[i])
		}
	}
	details, err := f.options.Log.Details(ctx, f.organization, wanted, 0)
	if err != nil {
		return err
	}
	at := 0
	for i := range batch {
		if len(readers[i]) > 0 {
			f.hand(&details[at], readers[i])
			at++
		}
	}
	f.next = batch[len(batch)-1].Sequence + 1
	f.position.Store(f.next - 1)
	return nil
}

// choose finds who asked for each event and may see it.
func (f *feed) choose(ctx context.Context, batch []parley.Event) ([][]*subscriber, error) {
	f.readersMu.RLock()
	narrow := f.readers.narrow
	f.readersMu.RUnlock()
	var audiences []*eventlog.Audience
	if narrow > 0 {
		var err error
		if audiences, err = f.options.Log.Audiences(ctx, f.organization, batch); err != nil {
			return nil, err
		}
	}
	chosen := make([][]*subscriber, len(batch))
	f.readersMu.RLock()
	defer f.readersMu.RUnlock()
	for i := range batch {
		f.readers.doubt(&batch[i])
		if audiences == nil {
			chosen[i] = f.readers.choose(&batch[i], nil)
		} else {
			chosen[i] = f.readers.choose(&batch[i], audiences[i])
		}
	}
	return chosen, nil
}

// hand gives an event to its readers: the same bytes to all, but to those for whom its content is gone.
func (f *feed) hand(d *eventlog.Detail, readers []*subscriber) {
	f.scratch = f.options.appendFrame(f.scratch[:0], d, d.Message)
	shared := &entry{sequence: d.Sequence, frame: bytes.Clone(f.scratch)}
	for _, s := range readers {
		if m := d.MessageFor(s.principal); m != d.Message {
			s.push(&entry{sequence: d.Sequence, frame: f.options.appendFrame(nil, d, m)})
			continue
		}
		s.push(shared)
	}
}

// entry is an event as it goes over the wire. It is never changed.
type entry struct {
	sequence int64
	frame    []byte
}

func (o *Options) appendFrame(to []byte, d *eventlog.Detail, m *parley.Message) []byte {
	to = strconv.AppendInt(append(to, "id: "...), d.Sequence, 10)
	to = o.Encode(append(to, "\ndata: "...), d, m)
	return append(to, "\n\n"...)
}
