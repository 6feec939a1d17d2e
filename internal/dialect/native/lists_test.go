package native_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

// A broadcast list with a filter has those contacts on it that pass at the moment, and what is sent to it goes to each once.
func TestListsWithFilters(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	contact := func(name, phone string, tags ...string) string {
		return must[*api.Contact](t)(d.admin.CreateContact(ctx, api.ContactRequest{Name: name, Tags: tags, Attributes: map[string]string{"ward": "3"}, Addresses: []api.Address{{Kind: "phone", Value: phone}}})).ID
	}
	zoe, yul := contact("Zoe", "+15550011", "vip"), contact("Yul", "+15550012", "vip")
	contact("Xim", "+15550013")
	list := must[*api.Broadcast](t)(d.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Important", Filter: &api.ContactSelection{Tag: "vip", Attributes: map[string]string{"ward": "3"}}}))
	members := func() (ids []string) {
		for m, err := range api.All(func(after string) (*api.List[api.Member], error) {
			return d.admin.ListBroadcastMembers(ctx, list.ID, api.Page{After: after, Limit: 1})
		}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.ID)
		}
		return ids
	}
	if got := members(); !slices.Equal(got, []string{zoe, yul}) || list.Filter == nil || list.Filter.Tag != "vip" || list.MemberCount != 0 {
		t.Errorf("on %+v are %v", list, got)
	}
	// Who does not pass any more is not on it, and who passes is.
	tags, none := []string{"vip"}, []string{}
	must[*api.Contact](t)(d.admin.PatchContact(ctx, yul, api.ContactPatch{Tags: &none}))
	vic := contact("Vic", "+15550014", "vip")
	if got := members(); !slices.Equal(got, []string{zoe, vic}) {
		t.Errorf("after changes: %v", got)
	}
	var listed []string
	for _, c := range must[*api.List[api.Contact]](t)(d.admin.ListContacts(ctx, api.ContactFilter{List: list.ID, Name: "z"})).Data {
		listed = append(listed, c.ID)
	}
	if !slices.Equal(listed, []string{zoe}) {
		t.Errorf("contacts on the list, by name: %v", listed)
	}
	sent := must[*api.Message](t)(d.admin.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list.ID}, Body: api.Text("hello")}))
	for range 3 { // and more often than there is something to do
		if _, err := d.core.FanOut(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var to []string
	for _, m := range must[*api.List[api.Message]](t)(d.admin.ListMessages(ctx, api.MessageFilter{Parent: sent.ID})).Data {
		for _, delivery := range must[*api.List[api.Delivery]](t)(d.admin.ListDeliveries(ctx, m.ID, api.Page{})).Data {
			to = append(to, delivery.Recipient.ID)
		}
	}
	want := []string{zoe, vic}
	slices.Sort(to)
	slices.Sort(want)
	if !slices.Equal(to, want) {
		t.Errorf("sent to %v, want %v", to, want)
	}
	changed := must[*api.Broadcast](t)(d.admin.PatchBroadcast(ctx, list.ID, api.BroadcastPatch{Filter: &api.ContactSelection{Name: "X"}}))
	if got := members(); len(got) != 1 || changed.Filter.Tag != "" || changed.Filter.Name != "X" || changed.Rev != list.Rev+1 {
		t.Errorf("on the changed list %+v are %v", changed, got)
	}
	_, err := d.admin.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Contacts: []string{zoe}})
	coded(t, "adding a member", err, "broadcast-filtered")
	plain := must[*api.Broadcast](t)(d.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Plain"}))
	_, err = d.admin.PatchBroadcast(ctx, plain.ID, api.BroadcastPatch{Filter: &api.ContactSelection{Tag: tags[0]}})
	coded(t, "a filter of a list of members", err, "not-allowed")
	answer, text := d.raw(t, http.MethodPost, "/v1/broadcasts", d.token, `{"name":"All","filter":{}}`)
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"field":"filter"`) {
		t.Errorf("a filter of nothing: %d %s", answer.StatusCode, text)
	}
	if err := d.admin.DeleteBroadcast(ctx, list.ID); err != nil {
		t.Fatal(err)
	}
	_, err = d.admin.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list.ID}, Body: api.Text("hello")})
	coded(t, "a send to what is gone", err, "broadcast-unknown")
}

// An attribute whose key has a colon is filtered by as well.
func TestContactsByAttributesWithColons(t *testing.T) {
	d := newDesk(t)
	for name, attributes := range map[string]map[string]string{"A": {"crm:stage": "won: yes"}, "B": {`c\d`: "won"}, "C": {"crm": "stage:won: yes"}} {
		must[*api.Contact](t)(d.admin.CreateContact(t.Context(), api.ContactRequest{Name: name, Attributes: attributes}))
	}
	for filter, want := range map[string]string{`crm\:stage:won: yes`: "A", `c\d:won`: "B", `c\\d:won`: "B", "crm:stage:won: yes": "C", "crm:stage": ""} {
		var names string
		for _, c := range must[*api.List[api.Contact]](t)(d.admin.ListContacts(t.Context(), api.ContactFilter{Attributes: []string{filter}})).Data {
			names += c.Name
		}
		if names != want {
			t.Errorf("%s finds %q, want %q", filter, names, want)
		}
	}
	_, err := d.admin.ListContacts(t.Context(), api.ContactFilter{Attributes: []string{`crm\:stage`}})
	if refused, ok := err.(*api.Error); !ok || refused.Code != "text-invalid" {
		t.Errorf("without a value: %v", err)
	}
}
