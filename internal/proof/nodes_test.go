package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// TestNodes: three nodes over one PostgreSQL and NATS, one of which is killed every few seconds, and now and then PostgreSQL
// and NATS too, lose nothing, make nothing twice, and say the same.
func TestNodes(t *testing.T) { proveNodes(t, 15*time.Second, 1) }

// TestProveNodes is its long form.
func TestProveNodes(t *testing.T) {
	long(t)
	proveNodes(t, 2*time.Minute, 2)
}

func proveNodes(t *testing.T, d time.Duration, stops int) {
	nats := newNATS(t)
	nodes := newFleet(t, binary(t, ""), newPostgres(t), 3, nats.setting())
	nodes.outages = append(nodes.outages, nats.outage)
	var f findings
	nodes.prove(newStageOf(nodes, organizations), &f, d, stops)
	f.report(t, "in the end")
}

// TestProveNodesOfOtherTimes: so do nodes without NATS, of which the clock of one is ahead by more than any lease, and that
// of another behind.
func TestProveNodesOfOtherTimes(t *testing.T) {
	long(t)
	nodes := newFleet(t, steppedBinary(t), newPostgres(t), 3)
	for i, ahead := range []time.Duration{0, 2 * time.Minute, -2 * time.Minute} {
		newClock(t, nodes.nodes[i]).set(ahead)
	}
	var f findings
	nodes.prove(newStageOf(nodes, organizations), &f, 30*time.Second, 1)
	f.report(t, "in the end")
}

// prove puts nodes under load for a while, in which one of them is killed every few seconds and what they need is gone some
// times, and looks at what they say in the end.
func (f *fleet) prove(s *stage, found *findings, d time.Duration, stops int) {
	s.follow()
	readers := f.read(s.world)
	load := s.load(5, 10*time.Millisecond)
	load.found = found
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var trouble sync.WaitGroup
	for i, outage := range f.outages {
		trouble.Go(func() {
			time.Sleep(time.Duration(i) * time.Second) // so that it is not all gone at the same time
			for n := range stops {
				time.Sleep(d / time.Duration(stops+1))
				if err := outage(time.Duration(1+2*n) * time.Second); err != nil {
					found.add("%v", err)
				}
			}
		})
	}
	kills := f.kill(ctx, s, found)
	trouble.Wait()
	f.await(found)
	load.stop()
	ended := time.Now()

	ctx, cancel = context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	settled(ctx, found, s.world, time.Minute)
	caughtUp(ctx, found, s.world, s.followers)
	f.checkNodes(s, found, 20)
	stopFollowing(found, s.followers)
	reconnects := stopReading(ctx, found, readers)
	f.stop()
	s.checkLeft(found, f.nodes[0], s.provider.handed(), true)
	s.checkBroadcasts(found, f.nodes[0])
	s.ledger.disagreements(found)
	s.ledger.sum(s.t, s.provider.handed())
	s.t.Logf("%d nodes killed, each thing they need gone %d times, %d starts without a database, %d streams opened; settled %s after the end of the load",
		kills, stops, f.relaunch, reconnects, time.Since(ended).Round(time.Second))
}

// reader reads the live stream of an organization as the wire has it: whatever comes twice, or is left out, is seen.
type reader struct {
	fleet  *fleet
	o      *organization
	opened int
	last   int64
	wrong  string
	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
}

// read reads the streams of all organizations, from the first event, over whichever node is there.
func (f *fleet) read(w *world) []*reader {
	var all []*reader
	for _, o := range w.organizations {
		ctx, cancel := context.WithCancel(context.Background())
		r := &reader{fleet: f, o: o, cancel: cancel}
		r.done.Go(func() {
			for ctx.Err() == nil {
				r.connection(ctx)
				time.Sleep(20 * time.Millisecond)
			}
		})
		f.t.Cleanup(func() { r.stop() })
		all = append(all, r)
	}
	return all
}

func (r *reader) stop() {
	r.cancel()
	r.done.Wait()
}

// connection reads one connection to its end.
func (r *reader) connection(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://nodes.invalid/v1/events?after=0", nil)
	if err != nil {
		panic(err) // of a constant
	}
	request.Header.Set("Authorization", "Bearer "+r.o.secret)
	request.Header.Set("Accept", "text/event-stream")
	if r.last > 0 {
		request.Header.Set("Last-Event-ID", strconv.FormatInt(r.last, 10))
	}
	answer, err := r.fleet.RoundTrip(request)
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		if answer.StatusCode < 500 {
			r.note(fmt.Sprintf("resuming after %d is answered %d", r.last, answer.StatusCode))
		}
		return
	}
	r.opened++
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return // cut off
		}
		r.mu.Lock()
		if e.Sequence != r.last+1 {
			r.noteLocked(fmt.Sprintf("event %d follows %d", e.Sequence, r.last))
		}
		r.last = e.Sequence
		r.mu.Unlock()
	}
}

func (r *reader) note(wrong string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteLocked(wrong)
}

func (r *reader) noteLocked(wrong string) {
	if r.wrong == "" {
		r.wrong = wrong
	}
}

func (r *reader) through() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// stopReading ends the readers once they are at the end of the log, says what went wrong with them, and returns how many
// connections they had.
func stopReading(ctx context.Context, f *findings, readers []*reader) (opened int) {
	for i, r := range readers {
		page, err := r.o.admin.ListEvents(ctx, api.EventFilter{After: api.FromLatest})
		if err != nil {
			f.add("reading the end of the log: %v", err)
			continue
		}
		for deadline := time.Now().Add(5 * time.Second); r.through() < page.Through && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		r.stop()
		if r.last != page.Through {
			f.add("organization %d: the reader of the stream is at %d and the log at %d", i+1, r.last, page.Through)
		}
		if r.wrong != "" {
			f.add("organization %d: the live stream went wrong: %s", i+1, r.wrong)
		}
		opened += r.opened
	}
	return opened
}
