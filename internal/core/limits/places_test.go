package limits

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/limit"
)

// TestNoPeriodHasMore: whatever limits there are and whenever messages come, no period has more messages than a limit allows, what waits
// keeps its order, and what has a place does not wait.
func TestNoPeriodHasMore(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	classes := []parley.MessageClass{parley.ClassMarketing, parley.ClassService}
	for round := range 300 {
		policy := parley.Policy{}
		for range 1 + random.IntN(3) {
			policy.ContactLimits = append(policy.ContactLimits, parley.ContactLimit{Class: append(classes, parley.ClassAll)[random.IntN(3)],
				Platform: []string{"", "sms"}[random.IntN(2)], Max: 1 + random.IntN(4), Period: time.Duration(1+random.IntN(10)) * time.Minute,
				Beyond: []parley.LimitBeyond{parley.LimitRefuses, parley.LimitDefers}[random.IntN(2)]})
		}
		now := time.Unix(0, 0)
		quiet := func(at time.Time) time.Time { // the last quarter of each hour
			if at.Minute() >= 45 {
				return at.Truncate(time.Hour).Add(time.Hour)
			}
			return time.Time{}
		}
		var taken []limit.Place
		last := map[parley.MessageClass]time.Time{}
		for n := range 60 {
			now = now.Add(time.Duration(random.IntN(90)) * time.Second)
			class := classes[random.IntN(2)]
			counting := policy.Limits(class, "sms", parley.PriorityNormal)
			id := parley.ID(rune('a' + n))
			from := now
			if until := quiet(now); !until.IsZero() {
				from = until
			}
			found := find(counting, taken, id, from, now, quiet)
			blocked := false
			for i := range counting {
				blocked = blocked || free(&counting[i], taken, id).After(from)
			}
			switch {
			case found.full != nil && !found.free.After(from), found.full == nil && blocked != found.at.After(from), !quiet(found.at).IsZero():
				t.Fatalf("round %d: found %+v from %s, blocked: %t", round, found, from, blocked)
			case found.full != nil || len(counting) == 0:
				continue
			case found.at.Before(last[class]):
				t.Fatalf("round %d: %s overtakes %s", round, found.at, last[class])
			}
			last[class] = found.at
			taken = append(taken, limit.Place{Message: id, Class: class, Platform: "sms", At: found.at})
			sortPlaces(taken)
		}
		for i := range policy.ContactLimits {
			l := &policy.ContactLimits[i]
			own := counted(l, taken, "")
			for n := l.Max; n < len(own); n++ {
				if between := own[n-l.Max].At.Sub(own[n].At); between < l.Period {
					t.Fatalf("round %d: %d messages in %s: %+v", round, l.Max+1, between, l)
				}
			}
		}
	}
}

// TestWaitingEnds: no message waits behind too many, or for too long.
func TestWaitingEnds(t *testing.T) {
	now := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		limit parley.ContactLimit
		most  int
	}{
		"behind a hundred":    {parley.ContactLimit{Class: parley.ClassAll, Max: 5, Period: time.Minute, Beyond: parley.LimitDefers}, 105},
		"for more than month": {parley.ContactLimit{Class: parley.ClassAll, Max: 2, Period: 10 * 24 * time.Hour, Beyond: parley.LimitDefers}, 8},
	} {
		var taken []limit.Place
		for n := 0; ; n++ {
			found := find([]parley.ContactLimit{c.limit}, taken, "", now, now, nil)
			if found.full == nil {
				taken = append(taken, limit.Place{Message: parley.ID(rune('a' + n)), At: found.at})
				sortPlaces(taken)
				continue
			}
			if n != c.most || !found.free.After(now) {
				t.Errorf("%s: %d were taken, then %+v", name, n, found)
			}
			break
		}
	}
}
