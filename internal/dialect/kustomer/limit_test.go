package kustomer_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// Exactly 120 messages a minute are recorded of one client and customer, however many are sent at once and through whichever server;
// each pair has its own, what was imported has none, and what is refused leaves nothing.
func TestMessageLimitIsExact(t *testing.T) {
	doortest.Says(t, doortest.Around, "Of four clients that record 130 messages with each of two customers at once, exactly 120 of each pair are stored; the others are 429.", func(t *testing.T) {
		limitIsExact(t, 1)
	})
	t.Setenv("PARLEY_TEST_DATABASE", "postgres")
	doortest.Says(t, doortest.Around, "That is exact on PostgreSQL, too.", func(t *testing.T) { limitIsExact(t, 1) })
	doortest.Says(t, doortest.Around, "It is exact across two servers.", func(t *testing.T) { limitIsExact(t, 2) })
}

func limitIsExact(t *testing.T, servers int) {
	c := settings(t)
	o := open(t, c)
	urls := []string{o.server.URL()}
	for len(urls) < servers {
		another := c
		another.Data = t.TempDir()
		urls = append(urls, start(t, another).URL())
	}
	const most, extra = 120, 10
	_, other := o.patient("Bo", "+31612345679")
	conversations := [][]string{{o.conversation, o.with(o.customer)}, {other}} // of two customers, one with two of them
	keys := make([]string, 4)
	for i := range keys {
		keys[i] = o.key([]string{"org.user.message.write"})
	}
	var accepted, refused [4][2]atomic.Int64
	var all sync.WaitGroup
	for k, key := range keys {
		for customer, list := range conversations {
			next := new(atomic.Int64)
			for range 12 { // at once, of each pair
				all.Go(func() {
					for n := int(next.Add(1)); n <= most+extra; n = int(next.Add(1)) {
						path := "/v1/conversations/" + hex(list[n%len(list)]) + "/messages"
						switch a := call(t, urls[n%len(urls)], key, "POST", path, message(nil)); a.status {
						case 201:
							accepted[k][customer].Add(1)
						case 429:
							refused[k][customer].Add(1)
							checkRefused(t, a)
						default:
							t.Errorf("answered %d: %s", a.status, a.text)
						}
					}
				})
			}
		}
	}
	all.Wait()
	for k := range keys {
		for customer := range conversations {
			if got, not := accepted[k][customer].Load(), refused[k][customer].Load(); got != most || not != extra {
				t.Errorf("client %d and customer %d: %d accepted and %d refused", k, customer, got, not)
			}
		}
	}
	stored := 0
	for _, list := range conversations {
		for _, id := range list {
			stored += int(must[*api.Conversation](t)(o.GetConversation(t.Context(), id)).LastSequence)
		}
	}
	if want := len(keys) * len(conversations) * most; stored != want {
		t.Errorf("%d messages are stored, want %d", stored, want)
	}
	o.post(keys[0], o.conversation, m{"channel": "sms", "app": "a"}).has(t, 429, nil)
}

func checkRefused(t *testing.T, a answer) {
	t.Helper()
	a.has(t, 429, m{"errors.0.status": 429, "errors.0.code": "too_many_requests", "errors.0.meta.limit": 120, "errors.0.meta.windowSeconds": 60})
	if a.header.Get("x-ratelimit-limit") != "120" || a.header.Get("x-ratelimit-remaining") != "0" || a.header.Get("Retry-After") == "" {
		t.Errorf("the headers are %v", a.header)
	}
}

// The headers say what is left of the limit with the least left, and when there is more.
func TestRateLimitHeaders(t *testing.T) {
	c := settings(t)
	c.KustomerMessageLimit, c.KustomerRateLimit = 3, 100
	o := open(t, c)
	key := o.key([]string{"org.user"})
	numbers := func(a answer) (limit, remaining int, reset time.Duration) {
		limit, _ = strconv.Atoi(a.header.Get("x-ratelimit-limit"))
		remaining, _ = strconv.Atoi(a.header.Get("x-ratelimit-remaining"))
		at, _ := strconv.ParseInt(a.header.Get("x-ratelimit-reset"), 10, 64)
		return limit, remaining, time.Until(time.Unix(at, 0))
	}
	o.Says(t, doortest.Around, "Answers have x-ratelimit-limit, x-ratelimit-remaining and x-ratelimit-reset of the limit with the least remaining.", func(o *clinic) {
		for _, left := range []int{2, 1, 0} {
			limit, remaining, reset := numbers(o.post(key, o.conversation, message(nil)))
			if limit != 3 || remaining != left || reset < 30*time.Second || reset > 62*time.Second {
				o.t.Errorf("limit %d, remaining %d, reset in %s; want 3, %d", limit, remaining, reset, left)
			}
		}
		if limit, remaining, _ := numbers(o.call(key, "GET", "/v1/users/current", nil)); limit != 100 || remaining < 90 || remaining > 98 {
			o.t.Errorf("of the organization: limit %d, remaining %d", limit, remaining)
		}
		if limit, _, _ := numbers(o.post(key, o.conversation, m{"app": "a"})); limit != 100 {
			o.t.Error("a request that is refused says nothing of the limits")
		}
	})
	o.Says(t, doortest.Errors, "A message beyond the limit is 429 with the headers of that limit, and nothing is stored.", func(o *clinic) {
		refused := o.refuses(key, message(nil), 429, "")
		if limit, remaining, reset := numbers(refused); limit != 3 || remaining != 0 || reset > 62*time.Second || refused.header.Get("Retry-After") == "" {
			o.t.Errorf("limit %d, remaining %d, reset in %s", limit, remaining, reset)
		}
	})
	o.Says(t, "importedAt", "It is exempt from the limit of messages with a customer.", func(o *clinic) {
		for range 4 {
			a := o.post(key, o.conversation, message(m{"importedAt": "2020-01-01T00:00:00Z"}))
			if limit, remaining, _ := numbers(a); a.status != 201 || limit != 100 || remaining == 0 {
				o.t.Errorf("%d: limit %d, remaining %d", a.status, limit, remaining)
			}
		}
	})
	o.Says(t, doortest.Around, "A key with a limit of its own is refused beyond that, on whatever path.", func(o *clinic) {
		slow := must[*api.Key](o.t)(o.CreateKey(o.t.Context(), api.KeyRequest{Name: "Slow", Scopes: []string{"users:read", "messages:read"}, RateLimit: 1})).Secret
		o.call(slow, "GET", "/v1/users/current", nil).has(o.t, 200, nil)
		if a := o.call(slow, "GET", "/v1/users/current", nil); a.status != 429 || a.header.Get("x-ratelimit-limit") != "1" || a.header.Get("x-ratelimit-remaining") != "0" {
			o.t.Errorf("a key's own limit: %d %v", a.status, a.header)
		}
	})
}

// The count outlives the server.
func TestMessageLimitSurvivesRestart(t *testing.T) {
	doortest.Says(t, doortest.Around, "What was counted is still counted after a restart, and what was recorded is still there.", survivesRestart)
}

func survivesRestart(t *testing.T) {
	c := settings(t)
	c.KustomerMessageLimit = 2
	o := open(t, c)
	key := o.key([]string{"org.user"})
	body := m{"channel": "sms", "app": "a"}
	o.post(key, o.conversation, m{"channel": "sms", "app": "a", "externalId": "one"}).has(t, 201, nil)
	o.post(key, o.conversation, body).has(t, 201, nil)
	if err := o.server.Close(); err != nil {
		t.Fatal(err)
	}
	o.server = start(t, c)
	o.post(key, o.conversation, body).has(t, 429, nil)
	o.call(key, "GET", "/v1/messages/externalId=one", nil).has(t, 200, m{d + "externalId": "one"})
}
