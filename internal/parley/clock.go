package parley

import "time"

// Clock is the time of a test organization: At one moment of the real time it showed another, and since then it has gone
// on with it, or stands. It never goes back.
type Clock struct {
	At, Shows time.Time
	Stands    bool
	// Target is where it is on its way to, from one moment at which something is due to the next; zero: it is on no way.
	Target time.Time
	// Resumes: it stands only until it is there.
	Resumes bool
}

// Now is what the clock shows at a moment of the real time; that time itself where there is no clock.
func (c *Clock) Now(at time.Time) time.Time {
	switch {
	case c == nil || at.IsZero():
		return at
	case c.Stands:
		return c.Shows
	}
	return c.Shows.Add(at.Sub(c.At))
}
