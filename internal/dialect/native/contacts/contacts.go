// Package contacts is the part of the native API about those outside: contacts, their attributes, what they do not want, and
// who is blocked.
package contacts

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/dossier"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

type area struct {
	core      *core.Core
	directory *directory.Directory
	dossiers  *dossier.Dossiers
}

// Endpoints are the operations of the area. Long because it is their index.
func Endpoints(c *core.Core, d *directory.Directory, e *dossier.Dossiers) []*door.Endpoint {
	a := area{c, d, e}
	const read, write = parley.ScopeContactsRead, parley.ScopeContactsWrite
	find := door.Operation("POST /v1/contacts/find", "findContact", write, "Find a contact by external id or address, or make one")
	find.Details = "The external id is looked for first. A contact that is found gets the other of the two, if it has none such. " +
		"Answers 201 where the contact was made, else 200."
	find.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Responses["201"] = described.Responses["200"]
	}
	define := door.Operation("PUT /v1/attributes/{key}", "defineAttribute", parley.ScopeOrganizationWrite, "Define an attribute of contacts, or change its definition")
	define.Details = "The type of one that is defined cannot be changed. Values that contacts have stay as they are until they are written again."
	bring := door.Operation("POST /v1/contacts/import", "importContacts", write, "Bring in contacts from elsewhere")
	bring.Details = "Each is found by an external id, else by an address that identifies it, and gets what it does not have or has otherwise; else it is " +
		"made. One that is refused leaves the others alone. To do it again changes nothing."
	merge := door.Operation("POST /v1/contacts/{id}/merge", "mergeContact", write, "Make a contact a part of another")
	merge.Details = "Answers the contact that stays, and so does the id of the other from then on. To do it again changes nothing."
	export := door.Operation("POST /v1/contacts/{id}/export", "exportContact", write, "Ask for a copy of all that is kept about a contact")
	export.Details = "It is made in the background, and needs an organization key that may read messages and media too."
	erase := door.Operation("POST /v1/contacts/{id}/erase", "eraseContact", write, "Have all go that is kept about a contact")
	erase.Details = "It is done in the background; tombstones with ids stay. It needs messages:delete too. To ask again changes nothing."
	limits := door.Operation("GET /v1/contacts/{id}/limits", "getContactLimits", read, "See where a contact stands with the limits of the policy")
	suppress := door.Operation("POST /v1/suppressions", "suppress", write, "Keep messages from an address or a contact")
	suppress.Details = "What is suppressed already stays as it is. What waits to be sent to it is skipped."
	block := door.Operation("POST /v1/blocked-senders", "blockSender", write, "Park what somebody writes")
	block.Details = "Their messages are in no conversation, and nobody is told of them. Whom somebody has blocked stays blocked as it was."
	unblock := door.Operation("POST /v1/blocked-senders/{id}/unblock", "unblockSender", write, "Let a blocked sender write again")
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/contacts", "createContact", write, "Make a contact"), http.StatusCreated, a.createContact),
			parley.ActContactCreated),
		door.ByID(door.List(door.Operation("GET /v1/contacts", "listContacts", read, "List contacts"), a.contacts)),
		door.Audited(door.Change(find, a.findContact), parley.ActContactCreated, parley.ActContactUpdated),
		door.Audited(door.Change(bring, a.importContacts), parley.ActContactCreated, parley.ActContactUpdated),
		door.Get(door.Operation("GET /v1/contacts/{id}", "getContact", read, "Get a contact"), a.contact),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/contacts/{id}", "patchContact", write, "Change a contact"), a.patchContact)),
			parley.ActContactUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/contacts/{id}", "deleteContact", write, "Delete a contact; its conversations stay"), a.deleteContact)),
			parley.ActContactDeleted),
		door.Get(limits, a.limits),
		door.Audited(door.Matched(door.Change(merge, a.mergeContact)), parley.ActContactMerged),
		door.Audited(door.Matched(door.Change(define, a.defineAttribute)), parley.ActAttributeDefined),
		door.Get(door.Operation("GET /v1/attributes/{key}", "getAttribute", read, "Get the definition of an attribute"), a.attribute),
		door.List(door.Operation("GET /v1/attributes", "listAttributes", read, "List the attributes that are defined, by key"), a.attributes),
		door.Audited(door.Matched(door.Change(door.Operation("POST /v1/contacts/{id}/addresses", "addContactAddress", write, "Add an address to a contact"), a.addContactAddress)),
			parley.ActContactUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/contacts/{id}/addresses/{address}", "removeContactAddress", write,
			"Take an address, as kind:value, from a contact"), a.removeContactAddress)), parley.ActContactUpdated),
		door.Audited(door.Again(export, http.StatusAccepted, a.export), parley.ActContactExported),
		door.ByID(door.List(door.Operation("GET /v1/contacts/{id}/exports", "listContactExports", read, "List the copies made of a contact's data"), a.exports)),
		door.Get(door.Operation("GET /v1/contacts/{id}/exports/{exportId}", "getContactExport", read, "Get an export of a contact's data"), a.getExport),
		door.Audited(door.Again(erase, http.StatusAccepted, a.erase), parley.ActContactErased),
		door.Get(door.Operation("GET /v1/contacts/{id}/erasure", "getContactErasure", read, "Get the erasure of a contact"), a.erasure),
		door.Audited(door.Change(suppress, a.suppress), parley.ActSuppressionCreated),
		door.ByID(door.List(door.Operation("GET /v1/suppressions", "listSuppressions", read, "List what addresses get no messages of"), a.suppressions)),
		door.Get(door.Operation("GET /v1/suppressions/{id}", "getSuppression", read, "Get a suppression"), a.suppression),
		door.Audited(door.Order(door.Operation("DELETE /v1/suppressions/{id}", "deleteSuppression", write, "Let an address get messages again"), a.deleteSuppression),
			parley.ActSuppressionDeleted),
		door.Audited(door.Change(block, a.block), parley.ActSenderBlocked),
		door.ByID(door.List(door.Operation("GET /v1/blocked-senders", "listBlockedSenders", read, "List whose messages are parked"), a.blockedSenders)),
		door.Get(door.Operation("GET /v1/blocked-senders/{id}", "getBlockedSender", read, "Get a blocked sender"), a.blockedSender),
		door.Audited(door.ChangeOf(unblock, a.unblock), parley.ActSenderUnblocked),
	}
}

func (a area) createContact(c *door.Call, b *api.ContactRequest) (api.Contact, bool, error) {
	params := directory.ContactParams{Name: b.Name, Addresses: wire.Addresses(b.Addresses), Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID,
		ExternalIDs: b.ExternalIDs}
	made, replayed, err := a.directory.CreateContact(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Contact(&made), replayed, err
}

func (a area) contacts(c *door.Call, f api.ContactFilter) ([]api.Contact, string, error) {
	filter, err := contactFilter(&f)
	if err != nil {
		return nil, "", err
	}
	contacts, next, err := a.directory.Contacts(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(contacts, wire.Contact), string(next), err
}

func (a area) findContact(c *door.Call, b *api.ContactLookup) (api.Contact, error) {
	lookup := directory.Lookup{Source: b.Source, ExternalID: b.ExternalID, Name: b.Name}
	if b.Address != "" {
		address, err := parley.ParseAddress(b.Address)
		if err != nil {
			return api.Contact{}, err
		}
		lookup.Address = address
	}
	found, made, err := a.directory.FindOrCreateContact(c.Ctx(), c.P, lookup)
	if made {
		c.Status = http.StatusCreated
	}
	return wire.Contact(&found), err
}

func (a area) contact(c *door.Call) (api.Contact, error) {
	found, err := a.directory.Contact(c.Ctx(), c.P, c.ID())
	return wire.Contact(&found), err
}

func (a area) patchContact(c *door.Call, b *api.ContactPatch) (api.Contact, error) {
	patch := directory.ContactPatch{Name: b.Name, Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID,
		ExternalIDs: b.ExternalIDs, OptedOut: b.OptedOut}
	changed, err := a.directory.UpdateContact(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Contact(&changed), err
}

func (a area) deleteContact(c *door.Call) error {
	return a.directory.DeleteContact(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) mergeContact(c *door.Call, b *api.ContactMerge) (api.Contact, error) {
	survivor, err := a.directory.MergeContact(c.Ctx(), c.P, c.ID(), parley.ID(b.Into), c.IfMatch())
	return wire.Contact(&survivor), err
}

func (a area) addContactAddress(c *door.Call, b *api.Address) (api.Contact, error) {
	changed, err := a.directory.AddAddresses(c.Ctx(), c.P, c.ID(), wire.Addresses([]api.Address{*b}), c.IfMatch())
	return wire.Contact(&changed), door.Renamed(err, "addresses[0]", "value")
}

func (a area) removeContactAddress(c *door.Call) error {
	address, err := parley.ParseAddress(c.Path("address"))
	if err != nil {
		return parley.NotFound("address", parley.ID(c.Path("address")))
	}
	_, err = a.directory.RemoveAddress(c.Ctx(), c.P, c.ID(), address, c.IfMatch())
	return err
}

// attributePair takes key:value apart. In the key \: is a colon and \\ a backslash.
func attributePair(text string) (key, value string, found bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch next := text[i:]; {
		case strings.HasPrefix(next, `\:`), strings.HasPrefix(next, `\\`):
			i++
		case text[i] == ':':
			return b.String(), text[i+1:], true
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

func contactFilter(f *api.ContactFilter) (directory.ContactFilter, error) {
	filter := directory.ContactFilter{NamePrefix: f.Name, Source: f.Source, ExternalID: f.ExternalID, Tag: f.Tag, Saved: wire.Optional(f.Saved),
		OptedOut: wire.Optional(f.OptedOut), List: parley.ID(f.List), CreatedSince: f.Since, CreatedUntil: f.Until, UpdatedSince: f.Updated,
		UpdatedUntil: f.Unchanged}
	if f.Source != "" && f.ExternalID == "" {
		return filter, parley.Invalid("source", "not-allowed", "goes with externalId only")
	}
	for _, pair := range f.Attributes {
		key, value, found := attributePair(pair)
		if !found || key == "" {
			return filter, parley.Invalid("attribute", "text-invalid", `must be key:value; a colon in the key is \:`)
		}
		if filter.Attributes == nil {
			filter.Attributes = map[string]string{}
		}
		filter.Attributes[key] = value
	}
	if f.Address == "" {
		return filter, nil
	}
	var err error
	filter.Address, err = parley.ParseAddress(f.Address)
	return filter, err
}

func (a area) importContacts(c *door.Call, b *api.ContactImport) (api.ImportResults, error) {
	rows := make([]directory.Upsert, len(b.Contacts))
	for i, row := range b.Contacts {
		rows[i] = directory.Upsert{Name: row.Name, Addresses: wire.Addresses(row.Addresses), Attributes: row.Attributes, Tags: row.Tags,
			ExternalID: row.ExternalID, ExternalIDs: row.ExternalIDs}
	}
	done, err := a.directory.UpsertContacts(c.Ctx(), c.P, rows, b.DryRun)
	return api.ImportResults{Data: wire.Each(done, imported)}, err
}

func imported(u *directory.Upserted) api.ImportResult {
	result := api.ImportResult{Outcome: api.ImportOutcome(u.Outcome), ID: string(u.Contact)}
	if u.Err == nil {
		return result
	}
	e := parley.AsError(u.Err)
	result.Detail = e.Message
	for _, f := range e.Fields {
		result.Errors = append(result.Errors, api.FieldError{Field: f.Field, Code: f.Code, Message: f.Message})
	}
	if len(result.Errors) == 0 {
		result.Errors = []api.FieldError{{Code: e.Code, Message: e.Message}}
	}
	return result
}
