package live

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	writeTimeout = 10 * time.Second // for a reader to take what it is sent
	replayPage   = 200              // events read from the log at a time
)

// stream is one reader's connection.
type stream struct {
	hub        *Hub
	feed       *feed
	subscriber *subscriber
	w          http.ResponseWriter
	control    *http.ResponseController
	again      func() error
	through    int64 // up to where the log has been considered
	told       int64 // up to where the reader knows
}

// Stream answers a request with the events that the principal may see and that pass the filter, as they come,
// from the filter's place on. It ends with the request, with the server, when the key expires, or where again
// refuses, which is asked now and then, and when the key or the user is changed, whether the principal may still
// read. A place that is no longer kept, or too far behind, is parley.KindGone.
func (h *Hub) Stream(w http.ResponseWriter, r *http.Request, p *access.Principal, filter eventlog.Filter, again func() error) error {
	through, latest, err := h.place(r.Context(), p, filter.After)
	if err != nil {
		return err
	}
	stop, err := httpd.BeginStream(w)
	if err != nil {
		return err
	}
	s := &stream{hub: h, subscriber: newSubscriber(p, filter), w: w, control: http.NewResponseController(w), again: again, through: through, told: -1}
	if s.feed, err = h.subscribe(p.Organization, latest, s.subscriber); err != nil {
		return err
	}
	defer h.unsubscribe(s.feed, s.subscriber)
	defer h.options.Joined(p)()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // a proxy that holds answers back must not
	w.WriteHeader(http.StatusOK)
	// An error from here on is the connection's, or ends the stream: its reader begins again where it was.
	_ = s.run(r.Context(), stop)
	return nil
}

// place finds where a stream begins, and where the log ends.
func (h *Hub) place(ctx context.Context, p *access.Principal, after int64) (from, latest int64, err error) {
	oldest, latest, err := h.options.Log.EventRange(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	switch after {
	case eventlog.FromOldest:
		after = oldest - 1
	case eventlog.FromLatest:
		after = latest
	}
	if after < oldest-1 || latest-after > h.options.MaxBehind {
		return 0, 0, eventlog.Expired(oldest, latest)
	}
	if after > latest {
		return 0, 0, parley.Invalid("after", "cursor-unknown", "must be 0 to %d, where the log ends", latest)
	}
	return after, latest, nil
}

// errEnd ends a stream.
var errEnd = errors.New("the stream ends")

func (s *stream) run(ctx context.Context, stop <-chan struct{}) error {
	if err := s.tell(); err != nil {
		return err
	}
	quiet := time.NewTicker(s.hub.options.Quiet)
	defer quiet.Stop()
	var expired <-chan time.Time
	if at := s.subscriber.principal.ExpiresAt; !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		expired = timer.C
	}
	for {
		if err := s.replay(ctx, stop); err != nil {
			return err
		}
		if err := s.follow(ctx, stop, quiet.C, expired); err != nil {
			return err
		}
	}
}

// replay reads from the log until its end. What comes meanwhile is queued, or missed and replayed again. The end of the log
// may be far, and a reader slow: before each further page it is asked again.
func (s *stream) replay(ctx context.Context, stop <-chan struct{}) error {
	s.subscriber.begin()
	filter := s.subscriber.filter
	for first := true; ; first = false {
		select {
		case <-stop:
			return errEnd
		default:
		}
		if !first {
			if err := s.again(); err != nil {
				return err
			}
		}
		filter.After = s.through
		page, err := s.hub.options.Log.Events(ctx, s.subscriber.principal, filter, replayPage)
		if err != nil {
			return err
		}
		s.through = page.Through
		if err := s.write(s.frames(page.Events)); err != nil {
			return err
		}
		if page.Next == 0 {
			return nil
		}
	}
}

func (s *stream) frames(details []eventlog.Detail) []*entry {
	entries := make([]*entry, len(details))
	for i := range details {
		entries[i] = &entry{sequence: details[i].Sequence, frame: s.hub.options.appendFrame(nil, &details[i], details[i].Message)}
	}
	return entries
}

// follow sends what is queued as it comes. It returns nil where something was missed.
func (s *stream) follow(ctx context.Context, stop <-chan struct{}, quiet, expired <-chan time.Time) error {
	for {
		idle := false
		select {
		case <-stop:
			return errEnd
		case <-expired:
			return errEnd
		case <-ctx.Done():
			return ctx.Err()
		case <-s.subscriber.wake:
		case <-quiet:
			idle = true
		}
		// All up to the position has been queued: it is read before the queue.
		position := s.feed.position.Load()
		queue, missed, doubt := s.subscriber.take()
		if idle || doubt {
			if err := s.again(); err != nil {
				return err
			}
		}
		if err := s.writeHints(s.subscriber.takeHints()); err != nil {
			return err
		}
		for len(queue) > 0 && queue[0].sequence <= s.through {
			queue = queue[1:] // sent by the replay
		}
		if len(queue) > 0 {
			s.through = queue[len(queue)-1].sequence
			if err := s.write(queue); err != nil {
				return err
			}
		}
		if missed {
			return nil
		}
		s.through = max(s.through, position)
		if !idle {
			continue
		}
		if err := s.tell(); err != nil {
			return err
		}
	}
}

// begin precedes all that is sent: nothing is once the key has expired.
func (s *stream) begin() error {
	now := time.Now()
	if at := s.subscriber.principal.ExpiresAt; !at.IsZero() && !now.Before(at) {
		return errEnd
	}
	_ = s.control.SetWriteDeadline(now.Add(writeTimeout)) // a failure shows when writing
	return nil
}

// write sends events.
func (s *stream) write(entries []*entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := s.w.Write(e.frame); err != nil {
			return err
		}
		s.told = e.sequence
	}
	return s.control.Flush()
}

// tell sends a sign of life: how far the log was considered, where that is news.
func (s *stream) tell() error {
	block := ":\n\n"
	if s.through != s.told {
		block = "id: " + strconv.FormatInt(s.through, 10) + "\n\n"
		s.told = s.through
	}
	if err := s.begin(); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(block)); err != nil {
		return err
	}
	return s.control.Flush()
}
