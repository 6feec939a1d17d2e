package kustomer

import (
	"net/http"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// standing is what is left of a limit. The zero standing is that of no limit.
type standing struct {
	limit, remaining int
	reset            time.Time
}

// least is the one with the least left, where both are limits.
func (s standing) least(other standing) standing {
	if s.limit == 0 || other.limit != 0 && other.remaining < s.remaining {
		return other
	}
	return s
}

// write announces the standing.
func (s standing) write(h http.Header) {
	if s.limit == 0 {
		return
	}
	h.Set("x-ratelimit-limit", strconv.Itoa(s.limit))
	h.Set("x-ratelimit-remaining", strconv.Itoa(s.remaining))
	h.Set("x-ratelimit-reset", strconv.FormatInt(seconds(s.reset), 10))
}

// seconds is a time in seconds, rounded up.
func seconds(at time.Time) int64 { return at.Add(time.Second - 1).Unix() }

// admit counts a request of the organization and of the key.
func (d *door) admit(c *call) error {
	budgets := []struct {
		name, key string
		count     int
	}{
		{"organization", string(c.p.Organization), d.Requests},
		{"key", string(c.p.Key), c.p.RateLimit},
	}
	if c.p.RateLimit == 0 {
		budgets[1].count = d.KeyRequests
	}
	now := d.Lists.Now(c.r.Context(), c.p)
	for _, b := range budgets {
		quota := d.limiter.Take(b.key, httpd.Limit{Name: b.name, Count: b.count, Per: time.Minute})
		s := standing{limit: quota.Limit.Count, remaining: quota.Remaining, reset: now.Add(quota.Reset)}
		if err := quota.Err(); err != nil {
			s.reset = now.Add(quota.RetryAfter)
			s.write(c.w.Header())
			return err
		}
		c.quota = c.quota.least(s)
	}
	c.quota.write(c.w.Header()) // also where the request is refused
	return nil
}

// pace is the standing of whoever recorded a message.
func paceOf(p limits.Paced) standing {
	return standing{limit: p.Max, remaining: p.Max - p.Used, reset: p.Until}
}

// paced announces the limit of messages with a customer where that refused one.
func (c *call) paced(err error) error {
	e := parley.AsError(err)
	limit, limited := e.Facts["limit"].(int)
	until, timed := e.Facts["until"].(time.Time)
	if e.Kind == parley.KindRateLimited && limited && timed {
		standing{limit: limit, reset: until}.write(c.w.Header())
	}
	return err
}
