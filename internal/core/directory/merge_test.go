package directory_test

import (
	"testing"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

func TestMerge(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	shared := phone
	shared.Shared = true
	yan := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: "Yan", Addresses: []parley.Address{shared},
		Attributes: map[string]string{"city": "Lisbon", "a": "1"}, Tags: []string{"vip"}, ExternalID: "crm-1"}, nil))
	zoe := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: "Zoe", Addresses: []parley.Address{ana, phone},
		Attributes: map[string]string{"city": "Porto", "b": "2"}, Tags: []string{"new", "vip"}, ExternalID: "crm-2", OptedOut: true}, nil))
	_, log := w.events(t, w.admin, 0)
	_, err := w.MergeContact(ctx, w.admin, zoe.ID, yan.ID, zoe.Rev+1)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	merged := must[parley.Contact](t)(w.MergeContact(ctx, w.admin, zoe.ID, yan.ID, zoe.Rev))
	if merged.ID != yan.ID || merged.Name != "Yan" || len(merged.Addresses) != 2 || merged.Addresses[0].Shared || merged.ExternalID != "crm-1" ||
		!merged.OptedOut || len(merged.Tags) != 2 || merged.Attributes["city"] != "Lisbon" || merged.Attributes["b"] != "2" || merged.Rev != yan.Rev+1 {
		t.Errorf("merged to %+v", merged)
	}
	again := must[parley.Contact](t)(w.MergeContact(ctx, w.admin, zoe.ID, yan.ID, zoe.Rev))
	if again.Rev != merged.Rev {
		t.Errorf("merged again to %+v", again)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactMerged)

	// The former id is the other's, whatever is done with it.
	changed := must[parley.Contact](t)(w.UpdateContact(ctx, w.admin, zoe.ID, directory.ContactPatch{Name: ptr("Yan Z.")}, merged.Rev))
	if got := must[parley.Contact](t)(w.Contact(ctx, w.admin, zoe.ID)); got.ID != yan.ID || got.Name != "Yan Z." || changed.ID != yan.ID {
		t.Errorf("the former id answers %+v", got)
	}
	if owner, _, err := w.FindOrCreateContact(ctx, w.admin, directory.Lookup{Address: ana}); err != nil || owner.ID != yan.ID {
		t.Errorf("its address identifies %v, %v", owner, err)
	}
	for _, id := range []string{"crm-1", "crm-2"} {
		list, _, err := w.Contacts(ctx, w.admin, directory.ContactFilter{ExternalID: id}, "", 10)
		if err != nil || len(list) != 1 || list[0].ID != yan.ID {
			t.Errorf("by external id: %v, %v", list, err)
		}
		_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{ExternalID: id}, nil)
		wantError(t, err, parley.KindConflict, "external-id-taken", "externalId")
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactUpdated)
	if err := w.DeleteContact(ctx, w.admin, zoe.ID, 0); err != nil {
		t.Fatal(err)
	}
	for _, id := range []parley.ID{yan.ID, zoe.ID} {
		_, err = w.Contact(ctx, w.admin, id)
		wantError(t, err, parley.KindNotFound, "not-found", "")
	}
	w.wantEvents(t, w.admin, log, parley.EventContactDeleted)
	made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{ExternalID: "crm-2"}, nil))
}

func TestMergeRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	contact := func() parley.ID {
		return made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{}, nil)).ID
	}
	a, b, c := contact(), contact(), contact()
	other := w.organization(t, "Beta")
	theirs := made[parley.Contact](t)(w.CreateContact(ctx, other, directory.ContactParams{}, nil)).ID
	_, log := w.events(t, w.admin, 0)
	refused := func(id, into parley.ID, kind parley.ErrorKind, code string) {
		t.Helper()
		_, err := w.MergeContact(ctx, w.admin, id, into, 0)
		wantError(t, err, kind, code, "")
	}
	refused(a, a, parley.KindInvalid, "merge-circle")
	refused(a, "absent", parley.KindInvalid, "contact-unknown")
	refused(a, theirs, parley.KindInvalid, "contact-unknown")
	refused(a, w.admin.User, parley.KindInvalid, "contact-unknown")
	refused(theirs, a, parley.KindNotFound, "not-found")
	w.wantEvents(t, w.admin, log)
	must[parley.Contact](t)(w.MergeContact(ctx, w.admin, a, b, 0))
	refused(b, a, parley.KindInvalid, "merge-circle")
	refused(a, c, parley.KindConflict, "contact-merged")
	must[parley.Contact](t)(w.MergeContact(ctx, w.admin, b, c, 0))
	if got := must[parley.Contact](t)(w.MergeContact(ctx, w.admin, a, b, 0)); got.ID != c { // it has gone on
		t.Errorf("merged into %v, want %v", got.ID, c)
	}
	if got := must[parley.Contact](t)(w.Contact(ctx, w.admin, a)); got.ID != c {
		t.Errorf("the first of three answers %v, want %v", got.ID, c)
	}
	refused(c, a, parley.KindInvalid, "merge-circle")

	full := make([]parley.Address, 30)
	for _, kind := range []parley.AddressKind{"chat", "talk"} {
		for i := range full {
			full[i] = parley.Address{Kind: kind, Value: string(rune('a'+i%26)) + string(rune('a'+i/26))}
		}
		d := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Addresses: full}, nil)).ID
		if kind == "talk" {
			refused(d, c, parley.KindInvalid, "too-many")
		} else {
			must[parley.Contact](t)(w.MergeContact(ctx, w.admin, d, c, 0))
		}
	}
}
