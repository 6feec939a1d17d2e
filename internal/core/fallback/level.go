package fallback

import (
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Level is one of an escalation, with fallbacks of its own.
type Level struct {
	Number   int
	Fallback []parley.Fallback
	Since    time.Time           // from when on they are counted
	Until    time.Time           // when the escalation goes on; what would come then or later does not
	Asked    map[parley.ID]bool  // whom it asks; nil: all who receive the message
	Tried    map[parley.ID][]int // fallbacks, by user
	Made     map[int]bool        // deliveries that the escalation has made of the message, by number
}

// Climb does what is due of the fallbacks of a level for those whom it asks and who have neither read nor acknowledged the message. It
// returns the deliveries that it made, and when there may be more; zero: there is no time for that.
func Climb(tx *store.Tx, organization parley.ID, m *parley.Message, level *Level) (made []parley.Delivery, next time.Time, err error) {
	if gone(m, tx.Now) {
		return nil, next, nil
	}
	o, err := tx.Organization(organization)
	if err != nil {
		return nil, next, err
	}
	list, err := recipientsOf(tx, organization, m, &o.Policy)
	if err != nil {
		return nil, next, err
	}
	now := tx.Now
	if last := level.Until.Add(-time.Millisecond); now.After(last) {
		now = last
	}
	t := &tries{tx: tx, organization: organization, m: m, policy: &o.Policy, recipients: list, number: nextNumber(list), level: level}
	for _, r := range list {
		if level.Asked != nil && !level.Asked[r.who.ID] {
			continue
		}
		r.tried = map[int]bool{}
		for _, number := range level.Tried[r.who.ID] {
			r.tried[number] = true
		}
		then, err := r.fall(level.Fallback, level.Since, now, t.try)
		if err != nil {
			return nil, next, err
		}
		if then.Before(level.Until) {
			next = earlier(next, then)
		}
	}
	return t.made, next, t.add()
}

// Upcoming is when the next of some fallbacks is due that wait for no failure, whoever the recipients will be then: those on duty may be
// others. Zero: there is none.
func Upcoming(list []parley.Fallback, since, now time.Time) (next time.Time) {
	for _, f := range list {
		if at := since.Add(f.After); f.On == parley.OnUnread && at.After(now) {
			next = earlier(next, at)
		}
	}
	return next
}

// Soonest is how long after all of them begin to count one of some fallbacks may come.
func Soonest(list []parley.Fallback, i int) time.Duration {
	if list[i].On == parley.OnUnread {
		return list[i].After
	}
	var before time.Duration // all before it
	for n := range list[:i] {
		before = max(before, Soonest(list, n))
	}
	return before + list[i].After
}
