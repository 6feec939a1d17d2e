package search

import (
	"maps"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// fill indexes some of what was there before the index, newest first.
func (r *round) fill() (bool, error) {
	for _, space := range []search.Space{search.Contacts, search.Conversations, search.Messages} {
		if r.index.Whole(space) {
			continue
		}
		from := r.index.Filled[space]
		ids, err := search.Before(r.q, r.organization, space, from.Before, fillAtOnce)
		if err != nil {
			return false, err
		}
		b := &batch{}
		if err := r.gatherOld(space, b, ids); err != nil {
			return false, err
		}
		next := r.index
		next.Filled = map[search.Space]search.Fill{}
		maps.Copy(next.Filled, r.index.Filled)
		if len(ids) > 0 {
			from.Before = ids[len(ids)-1]
		}
		from.Done = len(ids) < fillAtOnce
		next.Filled[space] = from
		within := r.write(space, b)
		if len(b.docs) == 0 {
			return true, r.commit(&next, 0, within)
		}
		return true, r.publish(space, &next, nil, within, func(emit func(search.Page) error) (search.Segment, error) {
			return search.Build(b.docs, emit)
		})
	}
	return false, nil
}

// gatherOld makes documents of what was there before, but of what has been indexed since as something that changed.
func (r *round) gatherOld(space search.Space, b *batch, ids []parley.ID) error {
	if space == search.Messages {
		return r.gather(space, b, ids, false)
	}
	_, err := r.changes(space, b, ids)
	return err
}

// move looks again at some messages of a conversation that others see now.
func (r *round) move() (bool, error) {
	if len(r.index.Moves) == 0 {
		return false, nil
	}
	next := r.index
	first := next.Moves[0]
	from := store.ThreadPosition{Sequence: first.Sequence}
	if first.At != 0 {
		from.SentAt = time.UnixMilli(first.At)
	}
	page, err := r.q.Thread(r.organization, first.Conversation, from, thingsAtOnce)
	if err != nil {
		return false, err
	}
	next.Moves = append([]search.MoveOf{}, next.Moves[1:]...)
	if len(page) == thingsAtOnce {
		last := page[len(page)-1]
		first.At, first.Sequence = last.SentAt.UnixMilli(), last.Sequence
		next.Moves = append(next.Moves, first)
	}
	b := &batch{}
	if err := r.gather(search.Messages, b, idsOf(page, func(m *parley.Message) parley.ID { return m.ID }), true); err != nil {
		return false, err
	}
	return true, r.append(search.Messages, b, &next, true)
}
