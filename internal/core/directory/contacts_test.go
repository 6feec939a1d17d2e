package directory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

var (
	ana   = parley.Address{Kind: parley.AddressEmail, Value: "Ana@Example.org"}
	phone = parley.Address{Kind: parley.AddressPhone, Value: "+1 (555) 010-0123"}
)

func TestContactLifecycle(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	_, log := w.events(t, w.admin, 0)
	contact := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: "Ana", Addresses: []parley.Address{ana, ana},
		Attributes: map[string]string{"city": "Lisbon"}, Tags: []string{"vip", "vip"}, ExternalID: "crm-1"}, nil))
	if len(contact.Addresses) != 1 || contact.Addresses[0].Value != "ana@example.org" || len(contact.Tags) != 1 || !contact.Saved {
		t.Fatalf("made %+v", contact)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactCreated)

	changed := must[parley.Contact](t)(w.UpdateContact(ctx, w.admin, contact.ID, directory.ContactPatch{Name: ptr("Ana B."),
		Attributes: map[string]*string{"city": nil, "lang": ptr("pt")}, OptedOut: ptr(true)}, contact.Rev))
	if changed.Rev != contact.Rev+1 || changed.Attributes["lang"] != "pt" || len(changed.Attributes) != 1 || !changed.OptedOut || changed.ExternalID != "crm-1" {
		t.Errorf("changed to %+v", changed)
	}
	_, err := w.UpdateContact(ctx, w.admin, contact.ID, directory.ContactPatch{Name: ptr("X")}, contact.Rev)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	log = w.wantEvents(t, w.admin, log, parley.EventContactUpdated)

	must[parley.Contact](t)(w.AddAddresses(ctx, w.admin, contact.ID, []parley.Address{phone}, 0))
	must[parley.Contact](t)(w.RemoveAddress(ctx, w.admin, contact.ID, ana, 0))
	_, err = w.RemoveAddress(ctx, w.admin, contact.ID, ana, 0)
	wantError(t, err, parley.KindNotFound, "not-found", "")
	got := must[parley.Contact](t)(w.Contact(ctx, w.admin, contact.ID))
	if len(got.Addresses) != 1 || got.Addresses[0].Value != "+15550100123" || got.Rev != changed.Rev+2 {
		t.Errorf("got %+v", got)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactUpdated, parley.EventContactUpdated)

	if err := w.DeleteContact(ctx, w.admin, contact.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err = w.Contact(ctx, w.admin, contact.ID)
	wantError(t, err, parley.KindNotFound, "not-found", "")
	w.wantEvents(t, w.admin, log, parley.EventContactDeleted)
	made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Addresses: []parley.Address{phone}, ExternalID: "crm-1"}, nil))
}

func TestContactValidation(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	many := func(n int) (addresses []parley.Address) {
		for i := range n {
			addresses = append(addresses, parley.Address{Kind: "chat", Value: fmt.Sprint("u", i)})
		}
		return addresses
	}
	for name, test := range map[string]struct {
		params      directory.ContactParams
		code, field string
	}{
		"zero in name":     {directory.ContactParams{Name: "a\x00b"}, "text-invalid", "name"},
		"no UTF-8":         {directory.ContactParams{Name: "a\xff"}, "text-invalid", "name"},
		"long name":        {directory.ContactParams{Name: strings.Repeat("é", 201)}, "too-long", "name"},
		"bad address":      {directory.ContactParams{Addresses: []parley.Address{ana, {Kind: "email", Value: "x"}}}, "address-invalid", "addresses[1]"},
		"bad kind":         {directory.ContactParams{Addresses: []parley.Address{{Kind: "E Mail", Value: "x"}}}, "address-invalid", "addresses[0]"},
		"many addresses":   {directory.ContactParams{Addresses: many(51)}, "too-many", "addresses"},
		"empty tag":        {directory.ContactParams{Tags: []string{"a", ""}}, "required", "tags[1]"},
		"blank tag":        {directory.ContactParams{Tags: []string{" "}}, "required", "tags[0]"},
		"many tags":        {directory.ContactParams{Tags: make([]string, 51)}, "too-many", "tags"},
		"long attribute":   {directory.ContactParams{Attributes: map[string]string{"k": strings.Repeat("x", 4001)}}, "too-long", "attributes.k"},
		"empty attribute":  {directory.ContactParams{Attributes: map[string]string{"": "x"}}, "required", "attributes"},
		"long external id": {directory.ContactParams{ExternalID: strings.Repeat("x", 256)}, "too-long", "externalId"},
		"bad id":           {directory.ContactParams{ID: "nope"}, "id-invalid", "id"},
	} {
		_, _, err := w.CreateContact(ctx, w.admin, test.params, nil)
		t.Run(name, func(t *testing.T) { wantError(t, err, parley.KindInvalid, test.code, test.field) })
	}
	if contacts, _, err := w.Contacts(ctx, w.admin, store.ContactFilter{}, "", 10); err != nil || len(contacts) != 0 {
		t.Errorf("stored %v, %v", contacts, err)
	}
	made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: strings.Repeat("é", 200), Addresses: many(50)}, nil))
}

func TestContactTaken(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	first := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Addresses: []parley.Address{ana}, ExternalID: "7"}, nil))
	second := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{}, nil))
	_, _, err := w.CreateContact(ctx, w.admin, directory.ContactParams{Addresses: []parley.Address{phone, ana}}, nil)
	wantError(t, err, parley.KindConflict, "address-taken", "addresses[1]")
	_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{ExternalID: "7"}, nil)
	wantError(t, err, parley.KindConflict, "external-id-taken", "externalId")
	_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{ID: first.ID}, nil)
	wantError(t, err, parley.KindConflict, "id-taken", "id")
	_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{ID: w.admin.User}, nil)
	wantError(t, err, parley.KindConflict, "id-taken", "id")
	_, err = w.UpdateContact(ctx, w.admin, second.ID, directory.ContactPatch{ExternalID: ptr("7")}, 0)
	wantError(t, err, parley.KindConflict, "external-id-taken", "externalId")
	_, err = w.AddAddresses(ctx, w.admin, second.ID, []parley.Address{ana}, 0)
	wantError(t, err, parley.KindConflict, "address-taken", "addresses[0]")

	// A shared address belongs to nobody alone.
	shared := ana
	shared.Shared = true
	must[parley.Contact](t)(w.AddAddresses(ctx, w.admin, second.ID, []parley.Address{shared}, 0))
	found, _, err := w.Contacts(ctx, w.admin, store.ContactFilter{Address: ana}, "", 10)
	if err != nil || len(found) != 2 {
		t.Errorf("by address: %v, %v", found, err)
	}
	if owner, _, err := w.FindOrCreateContact(ctx, w.admin, directory.Lookup{Address: ana}); err != nil || owner.ID != first.ID {
		t.Errorf("the address identifies %v, %v", owner, err)
	}
	// Nor does one organization take another's.
	other := w.organization(t, "Beta")
	made[parley.Contact](t)(w.CreateContact(ctx, other, directory.ContactParams{ID: first.ID, Addresses: []parley.Address{ana}, ExternalID: "7"}, nil))
	_, err = w.Contact(ctx, other, second.ID)
	wantError(t, err, parley.KindNotFound, "not-found", "")
}

func TestContactConcurrentDuplicates(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	const tries = 20
	var wg sync.WaitGroup
	ids, madeCount := make([]parley.ID, tries), make([]bool, tries)
	errs := make([]error, tries)
	for i := range tries {
		wg.Go(func() {
			contact, fresh, err := w.FindOrCreateContact(ctx, w.admin, directory.Lookup{Address: phone})
			ids[i], madeCount[i] = contact.ID, fresh
			if err != nil {
				t.Error(err)
			}
			_, _, errs[i] = w.CreateContact(ctx, w.admin, directory.ContactParams{Addresses: []parley.Address{ana}, ExternalID: "one"}, nil)
		})
	}
	wg.Wait()
	fresh, won := 0, 0
	for i := range tries {
		if ids[i] != ids[0] {
			t.Errorf("two contacts for one address: %s and %s", ids[0], ids[i])
		}
		if madeCount[i] {
			fresh++
		}
		if errs[i] == nil {
			won++
		} else if !parley.IsKind(errs[i], parley.KindConflict) {
			t.Error(errs[i])
		}
	}
	if fresh != 1 || won != 1 {
		t.Errorf("%d found made it, %d creates succeeded; want 1 and 1", fresh, won)
	}
}

func TestContactList(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	for i := range 25 {
		params := directory.ContactParams{Name: fmt.Sprintf("Person %02d", i)}
		if i%5 == 0 {
			params.Name, params.Tags = fmt.Sprintf("ÁLVARO %02d", i), []string{"five"}
		}
		made[parley.Contact](t)(w.CreateContact(ctx, w.admin, params, nil))
	}
	must2(t)(w.FindOrCreateContact(ctx, w.admin, directory.Lookup{Address: phone}))
	for name, test := range map[string]struct {
		filter store.ContactFilter
		want   int
	}{
		"all":     {store.ContactFilter{}, 26},
		"tag":     {store.ContactFilter{Tag: "five"}, 5},
		"prefix":  {store.ContactFilter{NamePrefix: "álv"}, 5},
		"unsaved": {store.ContactFilter{Saved: ptr(false)}, 1},
		"nobody":  {store.ContactFilter{ExternalID: "x"}, 0},
		"both":    {store.ContactFilter{Tag: "five", NamePrefix: "person"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[parley.ID]bool{}
			for after, pages := parley.ID(""), 0; ; pages++ {
				page, next, err := w.Contacts(ctx, w.admin, test.filter, after, 4)
				if err != nil || len(page) > 4 || pages > 10 {
					t.Fatalf("page of %d, %v", len(page), err)
				}
				for _, contact := range page {
					seen[contact.ID] = true
				}
				if after = next; next == "" {
					break
				}
			}
			if len(seen) != test.want {
				t.Errorf("found %d, want %d", len(seen), test.want)
			}
		})
	}
}

func must2(t *testing.T) func(_ parley.Contact, _ bool, err error) {
	return func(_ parley.Contact, _ bool, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCreateContactOnce(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	request := &access.Idempotency{Key: "k1", Method: "POST", Path: "/v1/contacts", Body: []byte(`{"name":"Ana"}`)}
	params := directory.ContactParams{Name: "Ana"}
	first := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, params, request))
	must[parley.Contact](t)(w.UpdateContact(ctx, w.admin, first.ID, directory.ContactPatch{Name: ptr("Bea")}, 0))
	again, replayed, err := w.CreateContact(ctx, w.admin, params, request)
	if err != nil || !replayed || again.ID != first.ID || again.Name != "Bea" {
		t.Errorf("the repeat answers %+v, %v, %v", again, replayed, err)
	}
	other := *request
	other.Body = []byte(`{"name":"Eve"}`)
	_, _, err = w.CreateContact(ctx, w.admin, params, &other)
	wantError(t, err, parley.KindInvalid, "idempotency-key-reused", "Idempotency-Key")
	other.Path = "/v1/else"
	made[parley.Contact](t)(w.CreateContact(ctx, w.admin, params, &other))
	for _, key := range []string{"", strings.Repeat("k", 256), "a\x00"} {
		other.Key = key
		_, _, err = w.CreateContact(ctx, w.admin, params, &other)
		wantError(t, err, parley.KindInvalid, "idempotency-key-invalid", "Idempotency-Key")
	}
	// A refused request leaves its key free.
	request.Key = "k2"
	_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{ID: first.ID}, request)
	wantError(t, err, parley.KindConflict, "id-taken", "")
	made[parley.Contact](t)(w.CreateContact(ctx, w.admin, params, request))
}

func TestFindContact(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	find := func(l directory.Lookup) (parley.Contact, bool) {
		t.Helper()
		contact, fresh, err := w.FindOrCreateContact(ctx, w.admin, l)
		if err != nil {
			t.Fatal(err)
		}
		return contact, fresh
	}
	_, log := w.events(t, w.admin, 0)
	first, fresh := find(directory.Lookup{ExternalID: "crm-1"})
	if !fresh || first.ExternalID != "crm-1" || !first.Saved || len(first.Addresses) != 0 {
		t.Errorf("made %+v", first)
	}
	second, fresh := find(directory.Lookup{Address: phone, Name: "Bea"})
	if !fresh || second.Name != "Bea" || second.ID == first.ID {
		t.Errorf("made %+v", second)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactCreated, parley.EventContactCreated)
	if got, fresh := find(directory.Lookup{ExternalID: "crm-1", Address: ana, Name: "Else"}); fresh || got.ID != first.ID || len(got.Addresses) != 1 || got.Name != "" || got.Rev != 2 {
		t.Errorf("completed by the address: %+v", got)
	}
	if got, fresh := find(directory.Lookup{ExternalID: "crm-2", Address: phone}); fresh || got.ID != second.ID || got.ExternalID != "crm-2" {
		t.Errorf("completed by the external id: %+v", got)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactUpdated, parley.EventContactUpdated)
	for _, l := range []directory.Lookup{{ExternalID: "crm-1"}, {Address: ana}, {ExternalID: "crm-1", Address: ana}} {
		if got, fresh := find(l); fresh || got.ID != first.ID || got.Rev != 2 {
			t.Errorf("found by %+v: %+v", l, got)
		}
	}
	for _, test := range []struct {
		lookup      directory.Lookup
		kind        parley.ErrorKind
		code, field string
	}{
		{directory.Lookup{Name: "Nobody"}, parley.KindInvalid, "required", "address"},
		{directory.Lookup{Address: parley.Address{Kind: "email", Value: "x"}}, parley.KindInvalid, "address-invalid", "address"},
		{directory.Lookup{ExternalID: strings.Repeat("x", 256)}, parley.KindInvalid, "too-long", "externalId"},
		{directory.Lookup{ExternalID: "crm-1", Address: phone}, parley.KindConflict, "address-taken", "address"},
		{directory.Lookup{ExternalID: "crm-3", Address: phone}, parley.KindConflict, "external-id-differs", "externalId"},
	} {
		_, _, err := w.FindOrCreateContact(ctx, w.admin, test.lookup)
		wantError(t, err, test.kind, test.code, test.field)
	}
	w.wantEvents(t, w.admin, log)
	must[parley.Contact](t)(w.MergeContact(ctx, w.admin, second.ID, first.ID, 0))
	if got, fresh := find(directory.Lookup{ExternalID: "crm-2"}); fresh || got.ID != first.ID {
		t.Errorf("the external id of one that was merged finds %+v", got)
	}
}

// TestFindContactAtOnce: of those who ask for the same person by different of its names, one makes it.
func TestFindContactAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	lookups := []directory.Lookup{{ExternalID: "crm-1", Address: ana}, {ExternalID: "crm-1"}, {ExternalID: "crm-1", Address: phone}}
	var wg sync.WaitGroup
	ids := make([]parley.ID, 30)
	for i := range ids {
		wg.Go(func() {
			contact, _, err := w.FindOrCreateContact(ctx, w.admin, lookups[i%len(lookups)])
			if err != nil {
				t.Error(err)
			}
			ids[i] = contact.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("there are several: %v", ids)
		}
	}
	if got := must[parley.Contact](t)(w.Contact(ctx, w.admin, ids[0])); len(got.Addresses) != 2 {
		t.Errorf("it has %+v", got.Addresses)
	}
}
