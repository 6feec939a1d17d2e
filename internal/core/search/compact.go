package search

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

const (
	goneAtOnce  = 1000
	together    = 8      // segments of about one size that become one
	largest     = 150000 // what a segment may hold at most
	largeDocs   = 4096   // from which on a segment is not written anew all the time
	largeRest   = 20     // times as long as that took
	pagesAtOnce = 200    // that one transaction deletes
)

// goneSet says of things in segments whether they are to go.
func goneSet(list []search.Gone) func(segment int64, p search.Place) bool {
	through := make(map[parley.ID]int64, len(list))
	for _, g := range list {
		through[g.ID] = max(through[g.ID], g.Segment)
	}
	return func(segment int64, p search.Place) bool { return segment <= through[p.ID] }
}

// pending is what has to go from a space, or from all, and whether that is all there is: who writes a segment anew has to
// know.
func (r *round) pending(space search.Space) (gone []search.Gone, all bool, err error) {
	gone, err = search.GoneOf(r.q, r.organization, goneAtOnce)
	all = len(gone) < goneAtOnce
	return slices.DeleteFunc(gone, func(g search.Gone) bool { return space != "" && g.Space != space }), all, err
}

// remove writes segments anew that hold what is to go.
func (r *round) remove() (did bool, err error) {
	gone, _, err := r.pending("")
	if err != nil || len(gone) == 0 {
		return false, err
	}
	r.x.emptied[r.organization] = true
	done := true
	for _, space := range search.Spaces {
		of := slices.DeleteFunc(slices.Clone(gone), func(g search.Gone) bool { return g.Space != space })
		if len(of) == 0 {
			continue
		}
		for _, s := range r.ready(space) {
			holds, err := r.holds(s, of)
			if err != nil {
				return did, err
			}
			if !holds {
				continue
			}
			if key := (segmentKey{r.organization, s.ID}); s.Docs >= largeDocs && time.Now().Before(r.x.rest[key]) {
				done = false
				continue
			}
			if err := r.rewrite(space, []search.Segment{s}, of); err != nil {
				return did, err
			}
			did = true
		}
	}
	if !done {
		return did, nil
	}
	next := r.index
	return true, r.commit(&next, 100*len(gone), func(tx *store.Tx) error { return search.DropGone(tx, r.organization, gone) })
}

func (r *round) holds(s search.Segment, gone []search.Gone) (bool, error) {
	var places []search.Place
	for _, g := range gone {
		if s.ID <= g.Segment {
			places = append(places, g.Place)
		}
	}
	if len(places) == 0 {
		return false, nil
	}
	return search.Holds(r.q, r.organization, s, places)
}

// rewrite makes one segment of some, without what is to go.
func (r *round) rewrite(space search.Space, segments []search.Segment, gone []search.Gone) error {
	began := time.Now()
	if len(gone) > 0 {
		r.x.emptied[r.organization] = true
	}
	ids := make([]int64, len(segments))
	for i := range segments {
		ids[i] = segments[i].ID
	}
	next := r.index
	err := r.publish(space, &next, ids, func(*store.Tx) error { return nil }, func(emit func(search.Page) error) (search.Segment, error) {
		return search.Merge(r.q, r.organization, segments, goneSet(gone), emit)
	})
	if err == nil && len(gone) > 0 {
		for _, id := range ids {
			delete(r.x.rest, segmentKey{r.organization, id})
		}
		r.x.rest[segmentKey{r.organization, r.index.Last}] = time.Now().Add(largeRest * time.Since(began))
	}
	return err
}

// level is about how large a segment is.
func level(docs int) (n int) {
	for docs >= tailDocs {
		docs /= together
		n++
	}
	return n
}

// compact brings segments of about one size together, where there are many, the newest first.
func (r *round) compact() (bool, error) {
	for _, space := range search.Spaces {
		levels := map[int][]search.Segment{}
		for _, s := range r.ready(space) {
			l := level(s.Docs)
			levels[l] = append(levels[l], s)
		}
		for l := range 6 {
			segments := levels[l]
			if len(segments) < together {
				continue
			}
			slices.SortFunc(segments, func(a, b search.Segment) int { return int(b.LastAt - a.LastAt) })
			segments, docs := segments[:together], 0
			for i, s := range segments {
				if docs += s.Docs; docs > largest {
					segments = segments[:i]
					break
				}
			}
			if len(segments) < 2 {
				continue
			}
			gone, all, err := r.pending(space)
			if err != nil || !all {
				return false, err
			}
			return true, r.rewrite(space, segments, gone)
		}
	}
	return false, nil
}

// collect deletes what others have taken the place of, some pages at a time, once nobody can be reading it.
func (r *round) collect() (did bool, err error) {
	kept := r.x.store.Now(r.ctx, "").Add(-r.x.grace)
	left := false
	for _, s := range r.segments {
		switch {
		case s.State == search.Dropped && store.Moment(s.Changed).After(kept):
			left = true
			continue
		case s.State != search.Dropped && s.State != search.Going:
			continue
		}
		next := r.index
		if s.State == search.Dropped {
			if err := r.commit(&next, 0, func(tx *store.Tx) error { return search.Move(tx, r.organization, search.Going, s.ID) }); err != nil {
				return did, err
			}
		}
		if err := r.deletePages(s.ID); err != nil {
			return did, err
		}
		did = true
	}
	if !left {
		delete(r.x.emptied, r.organization)
	}
	return did, nil
}

func (r *round) deletePages(segment int64) error {
	for more := true; more; {
		began := time.Now()
		next := r.index
		err := r.commit(&next, 0, func(tx *store.Tx) error {
			n, err := search.DeletePages(tx, r.organization, segment, pagesAtOnce)
			if err != nil {
				return err
			}
			if r.x.emptied[r.organization] {
				tx.Erased()
			}
			if more = n == pagesAtOnce; more {
				return nil
			}
			return search.DeleteSegment(tx, r.organization, segment)
		})
		if err != nil {
			return err
		}
		sleep(r.ctx, time.Since(began))
	}
	return nil
}
