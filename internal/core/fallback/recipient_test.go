package fallback

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// A recipient gets what is due, in order; what waits for a failure waits for all that was tried before.
func TestFall(t *testing.T) {
	sent := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return sent.Add(time.Duration(seconds) * time.Second) }
	unread := func(seconds int) parley.Fallback {
		return parley.Fallback{After: time.Duration(seconds) * time.Second, On: parley.OnUnread}
	}
	failed := func(seconds int) parley.Fallback {
		return parley.Fallback{After: time.Duration(seconds) * time.Second, On: parley.OnFailed}
	}
	const far = 14 * 86400
	for name, c := range map[string]struct {
		list  []parley.Fallback
		r     recipient
		now   int
		dead  string // numbers of fallbacks that cannot go out
		waits int    // the number of one that has no place before 700 s
		tried string
		next  int // seconds after it was sent; 0: never
	}{
		"nothing is due":                     {list: []parley.Fallback{unread(60)}, r: recipient{live: true}, now: 59, next: 60},
		"unread":                             {list: []parley.Fallback{unread(60), unread(90)}, r: recipient{live: true}, now: 60, tried: "1", next: 90},
		"late":                               {list: []parley.Fallback{unread(60), unread(90)}, r: recipient{live: true}, now: 600, tried: "12"},
		"read":                               {list: []parley.Fallback{unread(60), failed(1)}, r: recipient{reached: true, failed: at(1)}, now: 600},
		"tried before":                       {list: []parley.Fallback{unread(60)}, r: recipient{live: true, tried: map[int]bool{1: true}}, now: 600},
		"nothing has failed":                 {list: []parley.Fallback{failed(60)}, r: recipient{live: true}, now: 600, next: far},
		"failed":                             {list: []parley.Fallback{failed(60), failed(1)}, r: recipient{failed: at(30)}, now: 90, tried: "1", next: far},
		"failed a moment ago":                {list: []parley.Fallback{failed(60)}, r: recipient{failed: at(30)}, now: 89, next: 90},
		"one of several lives":               {list: []parley.Fallback{failed(60)}, r: recipient{failed: at(30), live: true}, now: 90, next: far},
		"a failure waits for what is first":  {list: []parley.Fallback{unread(300), failed(1)}, r: recipient{failed: at(30)}, now: 90, next: 300},
		"unread does not wait for a failure": {list: []parley.Fallback{failed(1), unread(60)}, r: recipient{live: true}, now: 60, tried: "2", next: far},
		"what cannot go out has failed":      {list: []parley.Fallback{failed(1), failed(5)}, r: recipient{failed: at(9)}, now: 10, dead: "1", tried: "1", next: 15},
		"a place is waited for":              {list: []parley.Fallback{unread(60), failed(5), unread(80)}, r: recipient{failed: at(9)}, now: 90, waits: 1, tried: "3", next: 700},
		"of a member nothing fails first":    {list: []parley.Fallback{unread(60), failed(5)}, now: 60, dead: "1", tried: "1", next: 65},
	} {
		var tried string
		next, err := c.r.fall(c.list, sent, at(c.now), func(_ *recipient, number int, _ *parley.Fallback) (bool, time.Time, error) {
			if number == c.waits {
				return false, at(700), nil
			}
			tried += fmt.Sprint(number)
			return !strings.Contains(c.dead, fmt.Sprint(number)), time.Time{}, nil
		})
		want := time.Time{}
		if c.next > 0 {
			want = at(c.next)
		}
		if err != nil || tried != c.tried || !next.Equal(want) {
			t.Errorf("%s: tried %q, next %s, want %q, %s", name, tried, next, c.tried, want)
		}
	}
}
