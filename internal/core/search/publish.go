package search

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// tail is the newest segment of a space, if it is small.
func (r *round) tail(space search.Space) *search.Segment {
	ready := r.ready(space)
	if len(ready) == 0 {
		return nil
	}
	last := slices.MaxFunc(ready, func(a, b search.Segment) int { return int(a.ID - b.ID) })
	if last.Docs >= tailDocs {
		return nil
	}
	return &last
}

// publish writes a segment, which takes the place of others, and reads the segments again. What is large is written
// in pieces, and counts when it is whole.
func (r *round) publish(space search.Space, next *search.Index, replaced []int64, within func(*store.Tx) error,
	build func(emit func(search.Page) error) (search.Segment, error)) error {
	segment := search.Segment{ID: r.index.Last + 1, Space: space, State: search.Building}
	begun := false
	var pages []search.Page
	size := 0
	flush := func() error {
		began := time.Now()
		step := r.index
		step.Last = segment.ID
		err := r.commit(&step, size, func(tx *store.Tx) error {
			if !begun {
				if err := search.InsertSegment(tx, r.organization, &segment); err != nil {
					return err
				}
			}
			return search.InsertPages(tx, r.organization, segment.ID, pages)
		})
		begun, pages, size = true, pages[:0], 0
		sleep(r.ctx, time.Since(began)) // others write too
		return err
	}
	made, err := build(func(p search.Page) error {
		pages, size = append(pages, p), size+p.Size()
		if size < writeAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	made.ID, made.Space, made.State = segment.ID, space, search.Ready
	next.Last = made.ID
	err = r.commit(next, size, func(tx *store.Tx) error {
		if err := r.finish(tx, &made, begun, pages); err != nil {
			return err
		}
		if len(replaced) > 0 {
			if err := search.Move(tx, r.organization, search.Dropped, replaced...); err != nil {
				return err
			}
		}
		return within(tx)
	})
	if err != nil {
		return err
	}
	r.segments, err = search.Segments(r.q, r.organization)
	return err
}

func (r *round) finish(tx *store.Tx, made *search.Segment, begun bool, pages []search.Page) error {
	if made.Docs == 0 {
		return nil
	}
	if begun {
		if err := search.Finish(tx, r.organization, made); err != nil {
			return err
		}
	} else if err := search.InsertSegment(tx, r.organization, made); err != nil {
		return err
	}
	return search.InsertPages(tx, r.organization, made.ID, pages)
}
