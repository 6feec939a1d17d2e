package httpd

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// Limit is a number of requests within a time, all of which may come at once.
type Limit struct {
	Name  string // of the policy, in the headers: "key"
	Count int
	Per   time.Duration
}

// Limiter holds callers to limits. It forgets a caller as soon as its whole quota is free again, and
// tracks at most maxTracked. It counts in this process only.
type Limiter struct {
	start time.Time

	mu      sync.Mutex
	due     map[limited]time.Duration // since start: when the caller's quota is whole again
	sweepAt int                       // size at which what is due is forgotten
}

// limited is a caller under one policy.
type limited struct{ key, policy string }

const (
	firstSweep = 1024
	maxTracked = 1 << 17
)

// NewLimiter returns a limiter that has seen nobody.
func NewLimiter() *Limiter {
	return &Limiter{start: time.Now(), due: map[limited]time.Duration{}, sweepAt: firstSweep}
}

// Quota is what a caller has left of a limit.
type Quota struct {
	Limit      Limit
	Allowed    bool
	Remaining  int
	Reset      time.Duration // until the quota is whole again
	RetryAfter time.Duration // until one more is allowed, where this one was not
}

// Take asks for one request of the key; a limit of 0 is none. It is the generic cell rate algorithm: the quota comes back
// evenly, one request each Per/Count.
func (l *Limiter) Take(key string, limit Limit) Quota {
	if limit.Count <= 0 {
		return Quota{Allowed: true}
	}
	interval := limit.Per / time.Duration(limit.Count)
	now := time.Since(l.start) // monotonic: clock steps do not matter
	who := limited{key, limit.Name}

	l.mu.Lock()
	defer l.mu.Unlock()
	due, known := l.due[who]
	due = max(due, now)
	if wait := due + interval - now - limit.Per; wait > 0 {
		return Quota{Limit: limit, Reset: due - now, RetryAfter: wait}
	}
	due += interval
	if !known && len(l.due) >= l.sweepAt {
		l.sweep(now)
	}
	l.due[who] = due
	return Quota{Limit: limit, Allowed: true, Reset: due - now, Remaining: int((limit.Per - (due - now)) / interval)}
}

// sweep forgets callers whose quota is whole, which changes nothing for them; at maxTracked, half of all,
// which gives the others among them a fresh quota.
func (l *Limiter) sweep(now time.Duration) {
	full := len(l.due) >= maxTracked
	for who, due := range l.due {
		if due <= now || full && len(l.due) > maxTracked/2 {
			delete(l.due, who)
		}
	}
	l.sweepAt = min(maxTracked, max(firstSweep, 2*len(l.due)))
}

// SetHeaders announces the quota (draft-ietf-httpapi-ratelimit-headers: RateLimit and RateLimit-Policy).
func (q Quota) SetHeaders(h http.Header) {
	if q.Limit.Count <= 0 {
		return
	}
	values := make([]string, 2) // of both headers in one allocation
	var buffer [96]byte

	text := strconv.AppendQuote(buffer[:0], q.Limit.Name)
	text = strconv.AppendInt(append(text, ";q="...), int64(q.Limit.Count), 10)
	text = strconv.AppendInt(append(text, ";w="...), seconds(q.Limit.Per), 10)
	values[0] = string(text)

	text = strconv.AppendQuote(buffer[:0], q.Limit.Name)
	text = strconv.AppendInt(append(text, ";r="...), int64(q.Remaining), 10)
	text = strconv.AppendInt(append(text, ";t="...), seconds(q.Reset), 10)
	values[1] = string(text)

	h["Ratelimit-Policy"], h["Ratelimit"] = values[0:1:1], values[1:2:2]
}

// Err is nil where the request was allowed.
func (q Quota) Err() error {
	if q.Allowed {
		return nil
	}
	return &parley.Error{Kind: parley.KindRateLimited, Code: "rate-limited", RetryAfter: q.RetryAfter,
		Message: "at most " + strconv.Itoa(q.Limit.Count) + " requests per " + q.Limit.Per.String() + " are allowed"}
}
