package live

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

const (
	maxHints      = 1000 // that wait to be shown; more are lost
	maxOwnHints   = 64   // that wait for one reader; older ones are lost
	hintsTogether = 100  // shown by the same look at who may see them
	hintsFor      = 5 * time.Second
)

// hint is something that is shown to those who look at this moment, and is in no log.
type hint struct {
	organization parley.ID
	event        parley.Event
}

// Show shows a hint to the readers that asked for hints and may see it, but to the user whom it is about when it says that
// they write. It does not block: when there are too many, some are lost.
func (h *Hub) Show(organization parley.ID, e parley.Event) {
	select {
	case h.hints <- hint{organization, e}:
	default:
	}
}

// showHints shows hints until the hub is closed.
func (h *Hub) showHints() {
	for {
		select {
		case <-h.ended:
			return
		case first := <-h.hints:
			batch := map[parley.ID][]parley.Event{first.organization: {first.event}}
			for n := 1; n < hintsTogether; n++ {
				select {
				case next := <-h.hints:
					batch[next.organization] = append(batch[next.organization], next.event)
					continue
				default:
				}
				break
			}
			for organization, events := range batch {
				h.showTogether(organization, events)
			}
		}
	}
}

func (h *Hub) showTogether(organization parley.ID, events []parley.Event) {
	h.mu.RLock()
	f := h.feeds[organization]
	h.mu.RUnlock()
	if f == nil || !f.wantsHints() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hintsFor)
	defer cancel()
	audiences, err := h.options.Log.Audiences(ctx, organization, events)
	if err != nil {
		h.options.Errors.Warn("showing hints", "organization", organization, "error", err)
		return
	}
	f.readersMu.RLock()
	defer f.readersMu.RUnlock()
	for i := range events {
		e := &events[i]
		shown := &entry{frame: append(h.options.Encode([]byte("event: hint\ndata: "), &eventlog.Detail{Event: *e}, nil), "\n\n"...)}
		for s := range f.readers.all {
			own := e.Data.User != "" && s.principal.User == e.Data.User
			if s.filter.Hints && !own && (s.filter.Conversation == "" || s.filter.Conversation == e.Conversation) && audiences[i].Sees(s.principal) {
				s.hint(shown)
			}
		}
	}
}

// wantsHints reports whether a reader asked for hints.
func (f *feed) wantsHints() bool {
	f.readersMu.RLock()
	defer f.readersMu.RUnlock()
	for s := range f.readers.all {
		if s.filter.Hints {
			return true
		}
	}
	return false
}

// hint queues a hint.
func (s *subscriber) hint(e *entry) {
	s.mu.Lock()
	if len(s.hints) == maxOwnHints {
		s.hints = s.hints[1:]
	}
	s.hints = append(s.hints, e)
	s.mu.Unlock()
	signal(s.wake)
}

// takeHints returns the hints that are queued.
func (s *subscriber) takeHints() (hints []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hints, s.hints = s.hints, nil
	return hints
}

// writeHints sends hints: they have no sequence, and move no reader on.
func (s *stream) writeHints(hints []*entry) error {
	if len(hints) == 0 {
		return nil
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, e := range hints {
		if _, err := s.w.Write(e.frame); err != nil {
			return err
		}
	}
	return s.control.Flush()
}
