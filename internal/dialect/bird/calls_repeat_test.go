package bird_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-server/parley/api"
)

// late repeats requests that would be refused now.
func late(t *testing.T, w *world) {
	var gone atomic.Bool
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.NotFound(rw, r)
		}
	}))
	defer web.Close()
	contact := must[*api.Contact](t)(w.admin.CreateContact(t.Context(), api.ContactRequest{Name: "Late", Addresses: []api.Address{{Kind: "phone", Value: "+15550142"}}}))
	bodies := []string{toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+web.URL+`/a"}]}}`), toPhone("+15550142", `{"type":"text","text":{"text":"x"}}`)}
	repeat := func(i int) answer {
		return w.ask("POST", w.messagesOf("sms"), bodies[i], "Idempotency-Key", fmt.Sprint("late", i))
	}
	first := []answer{repeat(0), repeat(1)}
	gone.Store(true)
	stop := true
	must[*api.Contact](t)(w.admin.PatchContact(t.Context(), contact.ID, api.ContactPatch{OptedOut: &stop}))
	for i, body := range bodies {
		w.refused(t, w.messagesOf("sms"), body, 422, "")
		if a := repeat(i); a.status != 202 || a.text("id") != first[i].text("id") || a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("repeated: %d %s", a.status, a.raw)
		}
	}
}

func twins(t *testing.T, w *world) {
	before, ids := w.messages(), make([]string, 20)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i] = w.ask("POST", w.messagesOf("sms"), request(""), "Idempotency-Key", "k1").text("id") })
	}
	all.Wait()
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) != 1 || ids[0] == "" || w.messages() != before+1 {
		t.Errorf("twins are %v", ids)
	}
	if a := w.ask("POST", w.messagesOf("sms"), request(`"reference":"other"`), "Idempotency-Key", "k1"); a.status != 422 {
		t.Errorf("another body: %d %s", a.status, a.raw)
	}
}
