package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

const (
	liveRate    = 20                     // events a second
	liveGrace   = 2 * time.Second        // for the last events to arrive
	settleTime  = 10 * time.Second       // before idle memory is looked at
	startsCount = 3                      // of which the slowest counts
	settleShare = 3                      // of the duration, where that is less
	liveWarmup  = 500 * time.Millisecond // of events that do not count
)

// receipts are when users received events.
type receipts struct {
	mu       sync.Mutex
	latency  load.Histogram
	from     int64 // events before this time, in milliseconds, are not counted
	received atomic.Int64
}

func (r *receipts) on(_ int, f load.Frame) {
	kind, at, ok := eventHead(f.Data)
	if !ok || string(kind) != "message.created" {
		return
	}
	r.received.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.UnixMilli() >= r.from {
		r.latency.Add(f.Received.Sub(at))
	}
}

func (b *bench) userKeys() []string {
	keys := make([]string, len(b.main.Live.Users))
	for i, u := range b.main.Live.Users {
		keys[i] = u.Key
	}
	return keys
}

// live measures how long an event takes to reach the half of many users who may see it.
func (b *bench) live(ctx context.Context) (err error) {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, b.place(mainFolder))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	b.say("opening %d streams", len(p.Live.Users))
	r := &receipts{from: time.Now().Add(liveWarmup).UnixMilli()}
	users, err := openStreams(ctx, []string{s.address}, b.userKeys(), r.on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.close()) }()
	b.say("sending %d messages a second to conversations of %d users", liveRate, p.Live.Groups[0].Members)
	requests := liveRequests(p.Live)
	var expected, next atomic.Int64
	taken := span{nodes: nodes{s}}
	r.from = time.Now().Add(liveWarmup).UnixMilli()
	result, err := load.Run(ctx, load.Plan{Addresses: []string{s.address}, Connections: 4, Rate: liveRate, Duration: b.options.Duration,
		Begin: taken.begin, End: taken.end, Source: func(int) load.Source {
			return func() []byte {
				i := int(next.Add(1)) % len(requests)
				expected.Add(int64(p.Live.Groups[i].Members))
				return requests[i]
			}
		}})
	if err != nil {
		return err
	}
	all := func() bool { return r.received.Load() >= expected.Load() }
	grace, cancel := context.WithTimeout(ctx, liveGrace)
	defer cancel()
	await(grace, all)
	row := Row{Title: fmt.Sprintf("live, %d users, half see each", len(p.Live.Users))}
	r.mu.Lock()
	row.latencies(&r.latency)
	row.add(Figure{"received", float64(r.latency.Count()), ""})
	r.mu.Unlock()
	row.add(taken.figures(result.Latency.Count())...)
	row.add(Figure{"missed", float64(expected.Load() - r.received.Load()), ""})
	row.note("from the time in the event to its receipt; %.1f events a second, accepted with p50 %.1f ms; answers %v",
		result.Rate(), ms(result.Latency.Quantile(.5)), result.Statuses)
	if n := users.reopened.Load(); n > 0 {
		row.note("%d times the server ended a stream, which was opened again", n)
	}
	b.row(row)
	return nil
}

// liveRequests are a send to each group by one of its members.
func liveRequests(l *fill.Live) [][]byte {
	random := rand.New(rand.NewPCG(3, 1))
	requests := make([][]byte, len(l.Groups))
	for i, g := range l.Groups {
		body := fmt.Sprintf(`{"to":{"conversation":"%s"},"body":"%s"}`, g.Conversation, fill.Text(random))
		requests[i] = fmt.Appendf(nil, "POST /v1/messages HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
			authorization(l.Users[g.Author].Key), len(body), body)
	}
	return requests
}

// memory measures what the server takes while nothing happens, without and with streams, and how long it takes
// to start on the stored messages.
func (b *bench) memory(ctx context.Context) error {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	row := Row{Title: fmt.Sprintf("memory and start, %d stored", p.Sizes.Stored)}
	var slowestStart time.Duration
	for range startsCount {
		s, err := b.serve(ctx, b.place(mainFolder))
		if err != nil {
			return err
		}
		slowestStart = max(slowestStart, s.ready)
		if err := s.stop(); err != nil {
			return err
		}
	}
	s, err := b.serve(ctx, b.place(mainFolder))
	if err != nil {
		return err
	}
	idle, busy, err := b.idleMemory(ctx, s)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	row.add(Figure{"idle", idle.rss, "MB"}, Figure{"with streams", busy.rss, "MB"}, Figure{"start to ready", ms(slowestStart), "ms"})
	row.note("%d streams of different users; the slowest of %d starts; idle is the resident set after %s", len(p.Live.Users), startsCount, b.settle())
	b.row(row)
	return nil
}

func (b *bench) settle() time.Duration { return min(settleTime, b.options.Duration/settleShare) }

func (b *bench) idleMemory(ctx context.Context, s *server) (idle, busy usage, err error) {
	b.say("waiting %s, then opening %d streams", b.settle(), len(b.main.Live.Users))
	if err := pause(ctx, b.settle()); err != nil {
		return idle, busy, err
	}
	idle = s.usage()
	users, err := openStreams(ctx, []string{s.address}, b.userKeys(), func(int, load.Frame) {})
	if err != nil {
		return idle, busy, err
	}
	err = pause(ctx, b.settle())
	busy = s.usage()
	return idle, busy, errors.Join(err, users.close())
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// streams are live event streams that are read until they are closed.
type streams struct {
	cancel   context.CancelFunc
	all      sync.WaitGroup
	reopened atomic.Int64 // streams that the server ended and that went on after their last event
	mu       sync.Mutex
	err      error // the first that ended a stream for good
}

// openStreams opens a stream for each key, spread over the servers. What the i-th receives is given to on, which must be quick and
// is called by several at once.
func openStreams(ctx context.Context, addresses []string, keys []string, on func(i int, f load.Frame)) (*streams, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &streams{cancel: cancel}
	for i, key := range keys {
		address, last := addresses[i%len(addresses)], ""
		follow := func(f load.Frame) {
			on(i, f)
			last = string(f.ID)
		}
		stream, err := load.OpenStream(address, streamRequest(key, ""), follow)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("stream %d: %w", i+1, err), s.close())
		}
		s.all.Go(func() {
			for ctx.Err() == nil {
				if err = stream.Read(ctx); ctx.Err() != nil {
					return
				}
				s.reopened.Add(1)
				if stream, err = load.OpenStream(address, streamRequest(key, last), follow); err != nil {
					s.fail(err)
					return
				}
			}
			_ = stream.Close()
		})
	}
	return s, nil
}

func (s *streams) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// close ends the streams and returns what had ended one before.
func (s *streams) close() error {
	s.cancel()
	s.all.Wait()
	return s.err
}

// tally counts what streams tell of messages.
type tally struct {
	created, copies, read, failed atomic.Int64
}

func (t *tally) on(_ int, f load.Frame) {
	kind, _, ok := eventHead(f.Data)
	if !ok {
		return
	}
	switch string(kind) {
	case "message.created":
		t.created.Add(1)
		if bytes.Contains(f.Data, []byte(`"parent":"`)) {
			t.copies.Add(1)
		}
	case "delivery.updated":
		if bytes.Contains(f.Data, []byte(`"status":"read"`)) {
			t.read.Add(1)
		} else if bytes.Contains(f.Data, []byte(`"status":"failed"`)) {
			t.failed.Add(1)
		}
	}
}

// eventHead reads the type and the time of an event, which come before what it is about.
func eventHead(data []byte) (kind []byte, at time.Time, ok bool) {
	kind, rest, ok := textAfter(data, `"type":"`)
	if !ok {
		return nil, at, false
	}
	text, _, ok := textAfter(rest, `"time":"`)
	if !ok {
		return nil, at, false
	}
	at, err := time.Parse(time.RFC3339, string(text))
	return kind, at, err == nil
}

// textAfter is the JSON string, without escapes, that follows its name, and what follows it.
func textAfter(data []byte, name string) (text, rest []byte, ok bool) {
	at := bytes.Index(data, []byte(name))
	if at < 0 {
		return nil, nil, false
	}
	return bytes.Cut(data[at+len(name):], []byte(`"`))
}
