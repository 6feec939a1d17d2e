package sqldb

import (
	"testing"
	"time"
)

// TestTurns: how much of the committer's time the background has.
func TestTurns(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name       string
		foreground time.Duration // of each transaction
		units      int           // of the foreground in it
		background time.Duration // of each of its units
		least      int           // share of the background, in percent
		most       int
	}{
		{"nobody is busy", ms, 1, 5 * ms, 90, 100},
		{"half busy", 4 * ms, 20, 3 * ms, 50, 65},
		{"busy", 9 * ms, 64, 5 * ms, 8, 15},
		{"overloaded", 40 * ms, 64, 5 * ms, 8, 15},
		{"overloaded, and long units", 40 * ms, 64, 50 * ms, 8, 15},
	} {
		var turns turns
		now := time.Unix(1000, 0)
		var fore, back time.Duration
		for range 1000 {
			took := test.foreground
			for turns.taken < turnsOfBackground && turns.wait(now) <= 0 {
				turns.taken++
			}
			for range turns.taken {
				turns.ran(test.background)
				took += test.background
				back += test.background
			}
			fore += test.foreground
			now = now.Add(took)
			turns.ended(test.units, took, now)
		}
		if share := int(100 * back / (fore + back)); share < test.least || share > test.most {
			t.Errorf("%s: the background has %d %% of the time, want %d to %d", test.name, share, test.least, test.most)
		}
	}
}

// TestTurnsEnd: a unit of the background that took long does not keep the next waiting longer than the foreground
// is busy.
func TestTurnsEnd(t *testing.T) {
	now := time.Unix(1000, 0)
	var turns turns
	turns.taken = 1
	turns.ran(time.Minute)
	turns.ended(busyUnits, time.Minute+time.Millisecond, now)
	if wait := turns.wait(now); wait > busyTime || wait < busyTime/2 {
		t.Errorf("others are busy for %v, and it waits %v", busyTime, wait)
	}
	if wait := turns.wait(now.Add(busyTime)); wait > 0 {
		t.Errorf("nobody is busy, and it waits %v", wait)
	}
}

// TestGathersWhomItExpects: a transaction waits for the writers that may write again, and for nobody else.
func TestGathersWhomItExpects(t *testing.T) {
	const long = time.Hour
	for _, test := range []struct {
		name                    string
		there, coming, expected int
		moment                  time.Duration
		want                    int
	}{
		{"all are there", 5, 3, 5, long, 5},
		{"some are missing", 2, 3, 5, long, 5},
		{"more than a transaction takes", 2, 100, 200, long, maxUnits},
		{"few", 1, 1, busyUnits/2 - 1, long, 1},
		{"nobody comes", 2, 0, 10, time.Millisecond, 2},
		{"it does not wait", 2, 3, 5, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter(&DB{closing: t.Context()})
			w.expected = test.expected
			b := &batch{}
			for range test.there {
				b.take(&pending{})
			}
			for range test.coming {
				w.foreground <- &pending{}
			}
			if w.gather(b, test.moment); len(b.units) != test.want {
				t.Errorf("%d units, want %d", len(b.units), test.want)
			}
		})
	}
}
