package httpd

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		limit := Limit{Name: "key", Count: 3, Per: 60 * time.Second}
		for remaining := 2; remaining >= 0; remaining-- {
			if q := l.Take("a", limit); !q.Allowed || q.Remaining != remaining || q.Err() != nil {
				t.Errorf("with %d to remain: %+v", remaining, q)
			}
		}
		q := l.Take("a", limit)
		e := parley.AsError(q.Err())
		if q.Allowed || q.RetryAfter != 20*time.Second || e.Kind != parley.KindRateLimited || e.RetryAfter != q.RetryAfter {
			t.Errorf("over the limit: %+v, %v", q, e)
		}
		if q := l.Take("b", limit); !q.Allowed {
			t.Error("one key's use was counted against another")
		}
		if q := l.Take("a", Limit{Name: "other", Count: 1, Per: time.Second}); !q.Allowed {
			t.Error("one policy's use was counted against another")
		}
		time.Sleep(19 * time.Second)
		if l.Take("a", limit).Allowed {
			t.Error("allowed too early")
		}
		time.Sleep(time.Second)
		if !l.Take("a", limit).Allowed || l.Take("a", limit).Allowed {
			t.Error("after 20 s exactly one more is allowed")
		}
		time.Sleep(time.Hour)
		if q := l.Take("a", limit); q.Remaining != 2 {
			t.Errorf("after a rest: %+v", q)
		}
	})
}

func TestNoLimit(t *testing.T) {
	h := http.Header{}
	q := NewLimiter().Take("a", Limit{Name: "key", Per: time.Minute})
	q.SetHeaders(h)
	if !q.Allowed || len(h) != 0 {
		t.Errorf("%+v, %v", q, h)
	}
}

func TestLimiterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		limit := Limit{Name: "key", Count: 10, Per: time.Second}
		for i := range 5 * firstSweep {
			l.Take(fmt.Sprint(i), limit)
			time.Sleep(time.Millisecond) // 100 keys are within their limit's time at once
		}
		if len(l.due) > firstSweep {
			t.Errorf("%d keys tracked", len(l.due))
		}
		for i := range maxTracked + firstSweep {
			l.Take(fmt.Sprint("burst", i), limit)
		}
		if len(l.due) > maxTracked {
			t.Errorf("%d keys tracked after a burst", len(l.due))
		}
	})
}

func TestRateLimitHeaders(t *testing.T) {
	h := http.Header{}
	Quota{Limit: Limit{Name: "key", Count: 100, Per: time.Minute}, Remaining: 42, Reset: 34800 * time.Millisecond}.SetHeaders(h)
	for name, want := range map[string]string{"RateLimit-Policy": `"key";q=100;w=60`, "RateLimit": `"key";r=42;t=35`} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
