package live

import (
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/parley"
)

// A batch has no gaps: what is missing before it is read from the log.
func TestBatchesEndWhereSomethingIsMissing(t *testing.T) {
	f := newFeed(&Options{MaxPending: 6}, "o", 10)
	events := func(sequences ...int64) (list []parley.Event) {
		for _, s := range sequences {
			list = append(list, parley.Event{Sequence: s})
		}
		return list
	}
	f.add(events(11, 12))
	f.add(events(13))
	f.add(events(16, 17)) // 14 and 15 are another node's
	f.add(events(20))
	f.add(events(21)) // does not fit
	for _, want := range [][]int64{{11, 12, 13}, {16, 17}, {20}} {
		batch, latest := f.take()
		var got []int64
		for _, e := range batch {
			got = append(got, e.Sequence)
		}
		if !slices.Equal(got, want) || latest != 0 {
			t.Errorf("%v and %d, want %v", got, latest, want)
		}
	}
	if batch, latest := f.take(); len(batch) > 0 || latest != 21 {
		t.Errorf("%v and %d, want 21", batch, latest)
	}
	if batch, latest := f.take(); len(batch) > 0 || latest != 0 {
		t.Errorf("%v and %d, want nothing", batch, latest)
	}
}
