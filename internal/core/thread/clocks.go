package thread

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

// Clocks says which clocks of SLA policies conversations of a list have; empty: any or none.
type Clocks string

// The clocks.
const (
	ClocksDue      Clocks = "due"      // one is to be due
	ClocksBreached Clocks = "breached" // one was breached, and what it measures is still waited for
)

// byClock is a page of conversations in the order of when their clocks are due, or were breached.
func (t *Threads) byClock(ctx context.Context, s *Sight, f *ConversationFilter, from cursor, limit int) (page []parley.Conversation, next string, err error) {
	if f.withParticipant() {
		return nil, "", parley.Invalid("participant", "not-allowed", "does not go with sla")
	}
	places := hours.Due
	if f.SLA == ClocksBreached {
		places = hours.Breached
	}
	place := hours.ClockPlace{ID: parley.ID(from.key)}
	if from.plan != 0 {
		place.At = time.UnixMilli(from.at)
	}
	over := false
	for examined := 0; !over && len(page) < limit && examined < examinedConversations; {
		want := limit - len(page)
		found, err := places(s.q, s.p.Organization, place, want+1)
		if err != nil {
			return nil, "", err
		}
		if over = len(found) <= want; !over {
			found = found[:want]
		}
		examined += len(found)
		batch := make([]store.Candidate, len(found))
		for i, c := range found {
			batch[i].ID, batch[i].Passes = c.ID, true
			place = c
		}
		kept, err := s.filter(batch, f)
		if err != nil {
			return nil, "", err
		}
		for _, c := range found {
			if kept[c.ID] != nil {
				page = append(page, *kept[c.ID])
			}
		}
	}
	if !over {
		next = cursor{'c', place.At.UnixMilli(), string(place.ID)}.String()
	}
	return page, next, t.fill(ctx, s, f, page)
}
