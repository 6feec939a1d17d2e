package directory_test

import (
	"fmt"
	"testing"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

func TestAttributes(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	free := made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Attributes: map[string]string{"shoe": "big", "any": "thing"}}, nil))
	_, log := w.events(t, w.admin, 0)
	define := func(a parley.Attribute) parley.Attribute {
		t.Helper()
		return must[parley.Attribute](t)(w.DefineAttribute(ctx, w.admin, a, 0))
	}
	shoe := define(parley.Attribute{Key: "shoe", Type: parley.AttributeNumber, Label: "Shoe size"})
	define(parley.Attribute{Key: "tier", Type: parley.AttributeChoice, Choices: []string{"gold", "silver"}})
	define(parley.Attribute{Key: "seen", Type: parley.AttributeDateTime})
	log = w.wantEvents(t, w.admin, log, parley.EventAttributeDefined, parley.EventAttributeDefined, parley.EventAttributeDefined)
	page, next, err := w.Attributes(ctx, w.admin, parley.OfContacts, "", 2)
	if err != nil || len(page) != 2 || page[0].Key != "seen" || next != "shoe" {
		t.Errorf("a page of %+v, then %q, %v", page, next, err)
	}

	patch := func(facts map[string]*string) (parley.Contact, error) {
		return w.UpdateContact(ctx, w.admin, free.ID, directory.ContactPatch{Attributes: facts}, 0)
	}
	got := must[parley.Contact](t)(patch(map[string]*string{"tier": ptr("gold"), "seen": ptr("2026-03-01T12:00:00+02:00"), "new": ptr("free")}))
	if got.Attributes["shoe"] != "big" || got.Attributes["seen"] != "2026-03-01T10:00:00.000Z" || got.Attributes["new"] != "free" {
		t.Errorf("attributes: %v", got.Attributes)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventContactUpdated)
	_, err = patch(map[string]*string{"shoe": ptr("huge"), "tier": ptr("iron")})
	wantError(t, err, parley.KindInvalid, "attribute-invalid", "attributes.shoe")
	_, _, err = w.CreateContact(ctx, w.admin, directory.ContactParams{Attributes: map[string]string{"tier": "iron"}}, nil)
	wantError(t, err, parley.KindInvalid, "attribute-invalid", "attributes.tier")

	_, err = w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: "shoe", Type: parley.AttributeNumber, Archived: true}, shoe.Rev+1)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	must[parley.Attribute](t)(w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: "shoe", Type: parley.AttributeNumber, Archived: true}, shoe.Rev))
	_, err = patch(map[string]*string{"shoe": ptr("42")})
	wantError(t, err, parley.KindInvalid, "attribute-archived", "attributes.shoe")
	must[parley.Organization](t)(w.UpdateOrganization(ctx, w.admin, directory.OrganizationPatch{DefinedAttributesOnly: ptr(true)}, 0))
	_, err = patch(map[string]*string{"other": ptr("x")})
	wantError(t, err, parley.KindInvalid, "attribute-unknown", "attributes.other")
	got = must[parley.Contact](t)(patch(map[string]*string{"shoe": nil, "tier": ptr("silver")}))
	if _, has := got.Attributes["shoe"]; has || got.Attributes["any"] != "thing" || got.Attributes["tier"] != "silver" {
		t.Errorf("attributes: %v", got.Attributes)
	}
	w.wantEvents(t, w.admin, log, parley.EventAttributeDefined, parley.EventOrganizationUpdated, parley.EventContactUpdated)
	other := w.organization(t, "Beta")
	made[parley.Contact](t)(w.CreateContact(ctx, other, directory.ContactParams{Attributes: map[string]string{"tier": "iron"}}, nil))
	_, err = w.Attribute(ctx, other, parley.OfContacts, "tier")
	wantError(t, err, parley.KindNotFound, "not-found", "")
}

func TestAttributeRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	must[parley.Attribute](t)(w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: "n", Type: parley.AttributeNumber}, 0))
	for name, test := range map[string]struct {
		attribute   parley.Attribute
		kind        parley.ErrorKind
		code, field string
	}{
		"no type":           {parley.Attribute{Key: "a"}, parley.KindInvalid, "value-unknown", "type"},
		"no key":            {parley.Attribute{Type: parley.AttributeNumber}, parley.KindInvalid, "text-invalid", "key"},
		"a key with blank":  {parley.Attribute{Key: "a b", Type: parley.AttributeNumber}, parley.KindInvalid, "text-invalid", "key"},
		"no choices":        {parley.Attribute{Key: "a", Type: parley.AttributeChoice}, parley.KindInvalid, "required", "choices"},
		"choices of dates":  {parley.Attribute{Key: "a", Type: parley.AttributeDate, Choices: []string{"x"}}, parley.KindInvalid, "not-allowed", "choices"},
		"a choice twice":    {parley.Attribute{Key: "a", Type: parley.AttributeChoice, Choices: []string{"x", "x"}}, parley.KindInvalid, "duplicate", "choices[1]"},
		"an empty choice":   {parley.Attribute{Key: "a", Type: parley.AttributeChoice, Choices: []string{""}}, parley.KindInvalid, "required", "choices[0]"},
		"too many choices":  {parley.Attribute{Key: "a", Type: parley.AttributeDate, Choices: make([]string, 201)}, parley.KindInvalid, "too-many", "choices"},
		"a type that moved": {parley.Attribute{Key: "n", Type: parley.AttributeString}, parley.KindConflict, "attribute-type-fixed", "type"},
	} {
		_, err := w.DefineAttribute(ctx, w.admin, test.attribute, 0)
		t.Run(name, func(t *testing.T) { wantError(t, err, test.kind, test.code, test.field) })
	}
	for i := range 499 {
		must[parley.Attribute](t)(w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: fmt.Sprint("k", i), Type: parley.AttributeString}, 0))
	}
	_, err := w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: "one-more", Type: parley.AttributeString}, 0)
	wantError(t, err, parley.KindConflict, "attributes-full", "")
	must[parley.Attribute](t)(w.DefineAttribute(ctx, w.admin, parley.Attribute{Key: "k0", Type: parley.AttributeString, Label: "Still"}, 0))
}
