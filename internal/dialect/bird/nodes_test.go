package bird_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// TestCallRestart stops the server between what belongs together.
func TestCallRestart(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.send("sms", request(""))
	}
	later := w.send("sms", request(`"scheduledFor":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"`))
	keyed := w.ask("POST", w.messagesOf("sms"), request(`"reference":"once"`), "Idempotency-Key", "k")
	page := w.ask("GET", w.messagesOf("sms")+"?limit=2", "")
	f := w.presign(forAll, "text/plain")
	before := w.app.URL()
	if err := w.app.Close(); err != nil {
		t.Fatal(err)
	}
	w.app = serve(t, w.config)
	w.admin = w.client(w.token)
	doortest.Says(t, doortest.Around, "A server that is started again knows what it said before: a repeat with its Idempotency-Key, a page token, a form, a scheduled message.", func(t *testing.T) {
		if again := w.ask("POST", w.messagesOf("sms"), request(`"reference":"once"`), "Idempotency-Key", "k"); again.text("id") != keyed.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("again it is %s", again.raw)
		}
		next := w.ask("GET", w.messagesOf("sms")+"?limit=2&pageToken="+url.QueryEscape(page.text("nextPageToken")), "")
		if ids := append(page.ids(), next.ids()...); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 4 {
			t.Errorf("the pages are %v", ids)
		}
		f.upload = w.app.URL() + f.upload[len(before):] // it listens on another port
		if status, text := w.fill(f, "hello"); status != http.StatusNoContent {
			t.Errorf("the form: %d %s", status, text)
		}
		w.get("sms", later.text("id")).same(t, "scheduled", "status")
	})
}

// TestCallNodes asks two servers over one database.
func TestCallNodes(t *testing.T) {
	if _, err := exec.LookPath("initdb"); err != nil && testing.Short() {
		t.Skip("there is no PostgreSQL here")
	}
	t.Setenv("PARLEY_TEST_DATABASE", "postgres")
	w := newWorld(t)
	other := *w
	other.base = serve(t, w.config).URL() // with the same folder of files
	both := []*world{w, &other}
	doortest.Says(t, doortest.Around, "Two servers over one database are one: of requests with one Idempotency-Key at both one message is made, and of new addresses one contact.", func(t *testing.T) {
		before, ids, people := w.messages(), make([]string, 20), make([]string, 20)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				ids[i] = both[i%2].ask("POST", w.messagesOf("sms"), request(""), "Idempotency-Key", "k1").text("id")
				people[i] = both[i%2].ask("POST", w.messagesOf("sms"), request(to(`{"identifierValue":"+15557777"}`))).text("receiver", "contacts", 0, "id")
			})
		}
		all.Wait()
		for what, list := range map[string][]string{"messages": ids, "contacts": people} {
			if list = slices.Compact(slices.Sorted(slices.Values(list))); len(list) != 1 || list[0] == "" {
				t.Errorf("the %s are %v", what, list)
			}
		}
		if made := w.messages() - before; made != 1+len(ids) {
			t.Errorf("%d messages were made", made)
		}
	})
	doortest.Says(t, doortest.Around, "What one server accepted the other shows, lists, and takes files of; page tokens and forms of the first are good at it.", func(t *testing.T) {
		sent := w.send("sms", request(`"reference":"both"`))
		other.get("sms", sent.text("id")).same(t, "both", "reference")
		w.eventually("it is delivered", func() bool { return other.get("sms", sent.text("id")).text("status") == "delivered" })
		page := w.ask("GET", w.messagesOf("sms")+"?limit=2", "")
		next := other.ask("GET", w.messagesOf("sms")+"?limit=2&pageToken="+url.QueryEscape(page.text("nextPageToken")), "")
		if len(next.ids()) != 2 || slices.Contains(page.ids(), next.ids()[0]) {
			t.Errorf("after %s comes %s", page.raw, next.raw)
		}
		f := w.presign(forAll, "text/plain")
		f.upload = other.base + f.upload[len(w.app.URL()):]
		if status, text := w.fill(f, "hello"); status != http.StatusNoContent {
			t.Errorf("the form: %d %s", status, text)
		}
		if a := w.ask("GET", w.path(f.media), ""); string(a.raw) != "hello" {
			t.Errorf("the file: %d %s", a.status, a.raw)
		}
	})
}

// TestCallRates asks more often than the workspace may.
func TestCallRates(t *testing.T) {
	c := settings(t)
	c.BirdReads, c.BirdWrites = 3, 5
	w := buildOn(t, c, false)
	doortest.Says(t, doortest.Errors, "Beyond the requests a second of the workspace, those that read and those that write each, the answer is 429 with Retry-After, and nothing was done.", func(t *testing.T) {
		statuses := map[int]int{}
		for i := range 20 {
			a := w.ask("POST", w.messagesOf("sms"), request(fmt.Sprintf(`"reference":"r%d"`, i)))
			if statuses[a.status]++; a.status == http.StatusTooManyRequests && (a.text("code") != "TooManyRequests" || a.header.Get("Retry-After") == "") {
				t.Errorf("%s", a.raw)
			}
		}
		if statuses[202] == 0 || statuses[429] == 0 || statuses[202]+statuses[429] != 20 || w.messages() != statuses[202] {
			t.Errorf("answered %v, kept %d", statuses, w.messages())
		}
		if a := w.ask("GET", w.messagesOf("sms"), ""); a.status != http.StatusOK {
			t.Errorf("a read: %d %s", a.status, a.raw)
		}
	})
	doortest.Says(t, doortest.Errors, "A key may have a limit of its own, which counts too.", func(t *testing.T) {
		made := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: "slow", RateLimit: 2, Scopes: []string{"channels:read"}}))
		var statuses []int
		for range 3 {
			statuses = append(statuses, w.ask("GET", "/channels", "", "Authorization", "AccessKey "+made.Secret).status)
		}
		if statuses[2] != 429 {
			t.Errorf("answered %v", statuses)
		}
	})
}
