package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/bench/load"
)

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
