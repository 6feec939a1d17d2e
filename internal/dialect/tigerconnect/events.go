package tigerconnect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	streamLife  = 7 * time.Minute  // after which a stream ends, so that its reader connects again
	heartbeat   = 15 * time.Second // between signs of life, at which the key is looked at again
	look        = time.Second      // after which the log is looked at anyway: other nodes write to it too
	pace        = 50 * time.Millisecond
	writeFor    = 10 * time.Second // for a reader to take what it is sent
	streamPage  = 200
	maxOffline  = 5000 // events that are counted before they are replayed
	maxFeatures = 20
)

// streams are those that are open here.
type streams struct {
	mu    sync.Mutex
	by    map[parley.ID]map[*stream]bool // by organization
	ends  map[parley.ID]*end             // of those organizations' logs
	ready sync.Once
}

// end is where a log ended when it was looked at last, for all of its streams.
type end struct {
	sequence int64
	at       time.Time
}

// stream is one reader's connection.
type stream struct {
	c        *call
	control  *http.ResponseController
	wake     chan struct{} // of capacity 1
	drop     context.CancelFunc
	after    int64
	has      map[int64]bool // later events that it has confirmed
	features map[string]bool
}

// follow tells open streams of what is committed here.
func (s *streams) follow(log *eventlog.Log) {
	s.ready.Do(func() {
		s.by, s.ends = map[parley.ID]map[*stream]bool{}, map[parley.ID]*end{}
		log.Follow(func(organization parley.ID, events []parley.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if e := s.ends[organization]; e != nil && len(events) > 0 {
				e.sequence = max(e.sequence, events[len(events)-1].Sequence)
			}
			for open := range s.by[organization] {
				select {
				case open.wake <- struct{}{}:
				default:
				}
			}
		})
	})
}

func (s *streams) add(o *stream) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	organization := o.c.p.Organization
	if s.by[organization] == nil {
		s.by[organization], s.ends[organization] = map[*stream]bool{}, &end{}
	}
	s.by[organization][o] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.by[organization], o); len(s.by[organization]) == 0 {
			delete(s.by, organization)
			delete(s.ends, organization)
		}
	}
}

// newest is where an organization's log ends. Other nodes write to it too: it is looked at now and then, once for all streams.
func (s *streams) newest(ctx context.Context, log *eventlog.Log, organization parley.ID) (int64, error) {
	s.mu.Lock()
	e := s.ends[organization]
	if fresh := e != nil && time.Since(e.at) < look; fresh {
		defer s.mu.Unlock()
		return e.sequence, nil
	}
	if e != nil {
		e.at = time.Now()
	}
	s.mu.Unlock()
	found, err := log.Latest(ctx, []parley.ID{organization})
	s.mu.Lock()
	defer s.mu.Unlock()
	if e != nil && err == nil {
		e.sequence = max(e.sequence, found[organization])
	}
	return found[organization], err
}

// dropOf ends the streams of a user, and says how many there were.
func (s *streams) dropOf(p *access.Principal) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for open := range s.by[p.Organization] {
		if open.c.p.User == p.User {
			open.drop()
			n++
		}
	}
	return n
}

// drop ends the streams of whoever asks.
func (c *call) drop() error { return c.reply(map[string]int{"count": c.d.streams.dropOf(c.p)}) }

// confirm notes that events have arrived: they are not sent again.
func (c *call) confirm() error {
	f, err := c.read()
	if err != nil {
		return err
	}
	if err := c.inside(); err != nil {
		return err
	}
	ids, err := f.list("events")
	if err != nil {
		return err
	}
	if len(ids) == 0 || len(ids) > streamPage {
		return parley.Invalid("events", "out-of-range", "must be 1 to %d ids of events", streamPage)
	}
	sequences := make([]int64, len(ids))
	for i, id := range ids {
		if sequences[i], err = strconv.ParseInt(id, 10, 64); err != nil || sequences[i] < 1 {
			return parley.Invalid("events", "id-invalid", "must be ids of events")
		}
	}
	if err := c.d.Core.Confirm(c.ctx(), c.p, joined, c.shows, sequences...); err != nil {
		return err
	}
	return c.done()
}

// events answers with what happens, as it happens, after all that has not been confirmed.
func (c *call) events() error {
	if c.r.Method == http.MethodHead { // it would wait for nothing
		return c.done()
	}
	at, err := c.d.Core.Place(c.ctx(), c.p)
	if err != nil {
		return err
	}
	stop, err := httpd.BeginStream(c.w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx(), streamLife)
	defer cancel()
	s := &stream{c: c, control: http.NewResponseController(c.w), wake: make(chan struct{}, 1), drop: cancel, after: at.Through, has: map[int64]bool{}, features: featuresOf(c.r)}
	for _, n := range at.Confirmed {
		s.has[n] = true
	}
	defer c.d.streams.add(s)()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that holds answers back must not
	c.w.WriteHeader(http.StatusOK)
	// An error from here on is the connection's, or ends the stream: its reader connects again.
	_ = s.run(ctx, stop)
	return nil
}

func featuresOf(r *http.Request) map[string]bool {
	list := map[string]bool{}
	for _, name := range split(strings.Join(r.Header.Values("TT-X-Features"), ",")) {
		if len(list) < maxFeatures {
			list[name] = true
		}
	}
	return list
}

func (s *stream) run(ctx context.Context, stop <-chan struct{}) error {
	if err := s.offline(ctx); err != nil {
		return err
	}
	beat, again := time.NewTicker(heartbeat), time.NewTicker(look)
	defer beat.Stop()
	defer again.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
			time.Sleep(pace) // what comes right after is read with it
		case <-again.C:
		case <-beat.C:
			if err := s.check(ctx); err != nil {
				return err
			}
			if err := s.tell("tigertext:iq:sse:heartbeat", map[string]string{"time": timeOf(time.Now())}); err != nil {
				return err
			}
		}
		latest, err := s.c.d.streams.newest(ctx, s.c.d.Core.Log, s.c.p.Organization)
		if err != nil {
			return err
		}
		for more := s.after < latest; more; {
			var list []eventlog.Detail
			if list, more, err = s.next(ctx); err != nil {
				return err
			}
			if err := s.write(ctx, list); err != nil {
				return err
			}
		}
	}
}

// check ends the stream of a key that does not work any more, or permits something else.
func (s *stream) check(ctx context.Context) error {
	credential, err := httpd.Credential(s.c.r)
	if err != nil {
		return err
	}
	p, err := s.c.d.Authenticator.Authenticate(ctx, credential, string(s.c.p.Organization))
	if err == nil && !p.Has(parley.ScopeEventsRead) {
		err = parley.Forbidden(parley.ScopeEventsRead)
	}
	return err
}

// next is a page of the log: what of it is for the reader, and whether there is more of the log.
func (s *stream) next(ctx context.Context) (list []eventlog.Detail, more bool, err error) {
	page, err := s.c.d.Core.Events(ctx, s.c.p, eventlog.Filter{After: s.after, With: joined}, streamPage)
	if err != nil {
		return nil, false, err
	}
	for i := range page.Events {
		if d := &page.Events[i]; !s.has[d.Sequence] && s.c.shows(d) {
			list = append(list, *d)
		}
	}
	s.after = page.Through
	return list, page.Next != 0, nil
}

// offline replays what was not confirmed, and says before how many messages there are.
func (s *stream) offline(ctx context.Context) error {
	var list []eventlog.Detail
	count := 0
	for more := true; more && len(list) < maxOffline; {
		var page []eventlog.Detail
		var err error
		if page, more, err = s.next(ctx); err != nil {
			return err
		}
		list = append(list, page...)
	}
	for i := range list {
		if list[i].Type == parley.EventMessageCreated {
			count++
		}
	}
	if err := s.tell(advisory, map[string]any{"name": "replay_start", "replay_message_count": count}); err != nil {
		return err
	}
	if err := s.write(ctx, list); err != nil {
		return err
	}
	return s.tell(advisory, map[string]any{"name": "replay_stop"})
}

// write sends events, and does for the reader what it has asked to be done by itself.
func (s *stream) write(ctx context.Context, list []eventlog.Detail) error {
	var sequences []int64
	for i := range list {
		d := &list[i]
		namespace, payload := s.c.event(d)
		if err := s.send(strconv.FormatInt(d.Sequence, 10), namespace, payload); err != nil {
			return err
		}
		sequences = append(sequences, d.Sequence)
	}
	if len(list) == 0 {
		return nil
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	for i := range list {
		d := &list[i]
		if m := d.Message; s.features["auto-deliver"] && d.Type == parley.EventMessageCreated && m.Author.ID != s.c.p.User && m.Actor.ID != s.c.p.User {
			if err := s.c.d.Core.MarkDelivered(ctx, s.c.p, m.ID); err != nil && !refusal(err) {
				return err
			}
		}
	}
	if !s.features["auto-ack"] {
		return nil
	}
	return s.c.d.Core.Confirm(context.WithoutCancel(ctx), s.c.p, joined, s.c.shows, sequences...) // they were sent, even if the stream ends now
}

// refusal reports whether the core will not do something: of a message that is not for the reader there is nothing to confirm.
func refusal(err error) bool {
	e, ok := errors.AsType[*parley.Error](err)
	return ok && e.Kind != parley.KindInternal && e.Kind != parley.KindUnavailable
}

// tell sends what is in no log. It has no id, as nobody confirms it.
func (s *stream) tell(namespace string, payload any) error {
	if err := s.send("", namespace, payload); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *stream) send(id, namespace string, payload any) error {
	text, err := json.Marshal(struct {
		ID    string         `json:"event_id,omitempty"`
		Event map[string]any `json:"event"`
	}{id, map[string]any{namespace: payload}})
	if err != nil {
		return err
	}
	if at := s.c.p.ExpiresAt; !at.IsZero() && !time.Now().Before(at) {
		return errors.New("the key has expired")
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writeFor)) // a failure shows when writing
	frame := "data: " + string(text) + "\n\n"
	if id != "" {
		frame = "id: " + id + "\n" + frame
	}
	_, err = s.c.w.Write([]byte(frame))
	return err
}
