package sqldb

import "time"

const (
	// A transaction of busyUnits makes the committer busy for busyTime.
	busyUnits = 8
	busyTime  = 20 * time.Millisecond

	// While the committer is busy, a transaction is to take a cycle: what the foreground leaves of it is the
	// background's, and one part in leastShare of the foreground's own time in any case.
	cycle      = 10 * time.Millisecond
	leastShare = 8

	// turnsOfBackground is how many background units a transaction has at most.
	turnsOfBackground = 3
)

// turns divides the committer's time between those who wait for an answer and the background.
type turns struct {
	busyUntil time.Time
	credit    time.Duration // what the background may take
	last      time.Duration // how long its last unit took
	taken     int           // its units in this transaction
	spent     time.Duration // by them
}

// wait is how long the next background unit has to wait, at most; 0 or less: it may go.
func (t *turns) wait(now time.Time) time.Duration {
	if t.credit > time.Duration(t.taken)*t.last {
		return 0
	}
	return t.busyUntil.Sub(now)
}

// ran notes how long a background unit took.
func (t *turns) ran(took time.Duration) {
	t.last = took
	t.spent += took
}

// ended notes how long a transaction took in all, with how many units of the foreground.
func (t *turns) ended(units int, took time.Duration, now time.Time) {
	foreground := took - t.spent
	switch {
	case units >= busyUnits:
		t.busyUntil = now.Add(busyTime)
		fallthrough
	case now.Before(t.busyUntil):
		t.credit = min(t.credit+max(cycle-foreground, foreground/leastShare), cycle) - t.spent
	default:
		t.credit = cycle
	}
	t.taken, t.spent = 0, 0
}
