package kustomer_test

import (
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// Exactly 120 messages a minute are recorded of one client and customer, however many are sent at once and through whichever server;
// each pair has its own, what was imported has none, and what is refused leaves nothing.
func TestMessageLimitIsExact(t *testing.T) {
	t.Run("one server", func(t *testing.T) { limitIsExact(t, false) })
	t.Run("two servers", func(t *testing.T) { limitIsExact(t, true) })
}

func limitIsExact(t *testing.T, nodes bool) {
	if nodes {
		if _, err := exec.LookPath("initdb"); err != nil && testing.Short() {
			t.Skip("there is no PostgreSQL here")
		}
		t.Setenv("PARLEY_TEST_DATABASE", "postgres")
	}
	c := settings(t)
	o := open(t, c)
	urls := []string{o.server.URL()}
	if nodes {
		second := c
		second.Data = t.TempDir()
		urls = append(urls, start(t, second).URL())
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
			for n := range most + extra {
				all.Go(func() {
					a := call(t, urls[n%len(urls)], key, "POST", "/v1/conversations/"+hex(list[n%len(list)])+"/messages", m{"channel": "sms", "app": "a", "preview": "x"})
					switch a.status {
					case 201:
						accepted[k][customer].Add(1)
					case 429:
						refused[k][customer].Add(1)
						a.has(t, 429, m{"errors.0.status": 429, "errors.0.code": "too_many_requests", "errors.0.meta.limit": 120, "errors.0.meta.windowSeconds": 60})
						if a.header.Get("x-ratelimit-limit") != "120" || a.header.Get("x-ratelimit-remaining") != "0" || a.header.Get("Retry-After") == "" {
							t.Errorf("the headers are %v", a.header)
						}
					default:
						t.Errorf("answered %d: %s", a.status, a.text)
					}
				})
			}
		}
		all.Wait()
	}
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
	o.post(keys[0], o.conversation, m{"channel": "sms", "app": "a", "importedAt": "2020-01-01T00:00:00Z"}).has(t, 201, nil)
	o.post(keys[0], o.conversation, m{"channel": "sms", "app": "a"}).has(t, 429, nil)
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
	body := m{"channel": "sms", "app": "a"}
	for _, left := range []int{2, 1, 0} {
		limit, remaining, reset := numbers(o.post(key, o.conversation, body))
		if limit != 3 || remaining != left || reset < 30*time.Second || reset > 62*time.Second {
			t.Errorf("limit %d, remaining %d, reset in %s; want 3, %d", limit, remaining, reset, left)
		}
	}
	refused := o.post(key, o.conversation, body)
	if limit, remaining, reset := numbers(refused); refused.status != 429 || limit != 3 || remaining != 0 || reset > 62*time.Second {
		t.Errorf("%d: limit %d, remaining %d, reset in %s", refused.status, limit, remaining, reset)
	}
	if limit, remaining, _ := numbers(o.call(key, "GET", "/v1/users/current", nil)); limit != 100 || remaining < 90 || remaining > 98 {
		t.Errorf("of the organization: limit %d, remaining %d", limit, remaining)
	}
	if limit, remaining, _ := numbers(o.post(key, o.conversation, m{"channel": "sms", "app": "a", "importedAt": "2020-01-01T00:00:00Z"})); limit != 100 || remaining == 0 {
		t.Errorf("of what was imported: limit %d, remaining %d", limit, remaining)
	}
	if limit, _, _ := numbers(o.post(key, o.conversation, m{"app": "a"})); limit != 100 {
		t.Error("a request that is refused says nothing of the limits")
	}
	slow := must[*api.Key](t)(o.CreateKey(t.Context(), api.KeyRequest{Name: "Slow", Scopes: []string{"users:read", "messages:read"}, RateLimit: 1})).Secret
	o.call(slow, "GET", "/v1/users/current", nil).has(t, 200, nil)
	if a := o.call(slow, "GET", "/v1/users/current", nil); a.status != 429 || a.header.Get("x-ratelimit-limit") != "1" || a.header.Get("x-ratelimit-remaining") != "0" {
		t.Errorf("a key's own limit: %d %v", a.status, a.header)
	}
}

// The count outlives the server.
func TestMessageLimitSurvivesRestart(t *testing.T) {
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

// Of twins with one external id, or one id, exactly one is stored.
func TestTwins(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.user"})
	for name, value := range map[string]string{"externalId": "acme:1", "id": "65bf0a1c9d3e4f0012ab34c1"} {
		var made, taken atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				switch a := o.post(key, o.conversation, m{"channel": "sms", "app": "a", name: value}); a.status {
				case 201:
					made.Add(1)
				case 409:
					taken.Add(1)
				default:
					t.Errorf("answered %d: %s", a.status, a.text)
				}
			})
		}
		if all.Wait(); made.Load() != 1 || taken.Load() != 19 {
			t.Errorf("%s: %d made, %d taken", name, made.Load(), taken.Load())
		}
	}
	if n := must[*api.Conversation](t)(o.GetConversation(t.Context(), o.conversation)).LastSequence; n != 2 {
		t.Errorf("%d messages are stored", n)
	}
}
