package kustomer

import (
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/parley"
)

// customer is a contact as a resource.
func (d *door) customer(organization parley.ID, c *numbered.Customer) object {
	var name any
	if c.Name != "" {
		name = c.Name
	}
	a := object{"name": name, "displayName": displayName(c), "displayColor": "gray", "displayIcon": "user", "externalId": nil, "externalIds": []any{},
		"sharedExternalIds": []any{}, "signedUpAt": nil, "avatarUrl": nil, "username": nil, "emails": []any{}, "sharedEmails": []any{}, "phones": []any{},
		"sharedPhones": []any{}, "whatsapps": []any{}, "socials": []any{}, "sharedSocials": []any{}, "urls": []any{}, "locations": []any{},
		"activeUsers": []any{}, "watchers": []any{}, "recentLocation": object{"updatedAt": stamp(c.UpdatedAt)}, "locale": nil, "timeZone": nil,
		"birthdayAt": nil, "gender": nil, "presence": "offline", "createdAt": stamp(c.CreatedAt), "updatedAt": stamp(c.UpdatedAt),
		"modifiedAt": stamp(c.UpdatedAt), "lastSeenAt": nil, "lastActivityAt": stamp(c.UpdatedAt), "lastCustomerActivityAt": nil,
		"lastMessageIn": object{"sentAt": nil, "sentiment": nil}, "lastConversation": object{"id": nil, "sentiment": nil, "tags": []any{}},
		"preview": object{}, "tags": texts(c.Tags), "sentiment": object{}, "progressiveStatus": nil, "verified": false, "rev": c.Rev, "custom": object{}}
	open, snoozed, done := c.Conversations[parley.StatusOpen], c.Conversations[parley.StatusSnoozed], c.Conversations[parley.StatusClosed]
	a["conversationCounts"] = object{"open": open, "snoozed": snoozed, "done": done, "all": open + snoozed + done}
	switch {
	case open > 0:
		a["progressiveStatus"] = "open"
	case snoozed > 0:
		a["progressiveStatus"] = "snoozed"
	case done > 0:
		a["progressiveStatus"] = "done"
	}
	if c.ExternalID != "" {
		a["externalId"] = c.ExternalID
		a["externalIds"] = []object{{"externalId": c.ExternalID, "verified": false, "id": c.ID.Hex()}}
	}
	for name, list := range addressesOf(c) {
		a[name] = list
	}
	self := d.link("customers/%s", c.ID.Hex())
	org := d.to("org", organization.Hex())
	return object{"type": "customer", "id": c.ID.Hex(), "attributes": a, "links": object{"self": self},
		"relationships": object{"org": org, "createdBy": org, "modifiedBy": org, "messages": object{"links": object{"self": self + "/messages"}}}}
}

func displayName(c *numbered.Customer) string {
	if c.Name != "" {
		return c.Name
	}
	for _, a := range c.Addresses {
		return a.Value
	}
	return "Unknown"
}

// addressesOf are a contact's e-mail addresses and numbers: its own, and those that others have, too.
func addressesOf(c *numbered.Customer) map[string][]object {
	lists := map[string][]object{}
	for _, a := range c.Addresses {
		name, key, kind := "", "", "other"
		switch a.Kind {
		case "email":
			name, key = "emails", "email"
			if a.Shared {
				name = "sharedEmails"
			}
		case "phone":
			name, key, kind = "phones", "phone", "mobile"
			if a.Shared {
				name = "sharedPhones"
			}
		case "whatsapp":
			name, key, kind = "whatsapps", "phone", "mobile"
		default:
			continue
		}
		lists[name] = append(lists[name], object{key: a.Value, "type": kind, "verified": false, "id": c.ID.Hex()})
	}
	return lists
}

// getCustomer answers a customer by id, or by email=, phone= or externalId=. A number may be without its plus.
func (d *door) getCustomer(c *call) error {
	id, err := d.customerID(c)
	if err != nil {
		return err
	}
	contact, err := d.Lists.Customer(c.r.Context(), c.p, id)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, object{"data": d.customer(c.p.Organization, &contact)})
}

// customerID is the id of the customer that the path names.
func (d *door) customerID(c *call) (parley.ID, error) {
	name, value, found := strings.Cut(c.r.PathValue("id"), "=")
	if !found {
		return c.id("customer")
	}
	f := directory.ContactFilter{}
	switch strings.ToLower(name) {
	case "email":
		f.Address = parley.Address{Kind: parley.AddressEmail, Value: value}
	case "phone":
		f.Address = parley.Address{Kind: parley.AddressPhone, Value: "+" + strings.TrimPrefix(value, "+")}
	case "externalid":
		f.ExternalID = value
	}
	if f.Address.Value == "" && f.ExternalID == "" {
		return "", parley.NotFound("customer", "")
	}
	contacts, _, err := d.Directory.Contacts(c.r.Context(), c.p, f, "", 1)
	if parley.IsKind(err, parley.KindInvalid) || err == nil && len(contacts) == 0 { // what is no address is nobody's
		return "", parley.NotFound("customer", "")
	}
	if err != nil {
		return "", err
	}
	return contacts[0].ID, nil
}

func (d *door) listCustomers(c *call) error {
	page, err := c.page(100, 100)
	if err != nil {
		return err
	}
	contacts, total, more, err := d.Lists.Customers(c.r.Context(), c.p, page)
	if err != nil {
		return err
	}
	data := make([]object, len(contacts))
	for i := range contacts {
		data[i] = d.customer(c.p.Organization, &contacts[i])
	}
	return c.list(d, page, more, total, data)
}

// currentUser is who the key acts as, with its roles.
func (d *door) currentUser(c *call) error {
	u, err := d.Directory.Shown(c.r.Context(), c.p, c.p.User)
	if err != nil {
		return err
	}
	kind := "user"
	if u.Machine {
		kind = "machine"
	}
	org := d.to("org", c.p.Organization.Hex())
	a := object{"name": u.Name, "displayName": u.Name, "userType": kind, "email": u.Email, "mobile": nil, "avatarUrl": nil, "emailSignature": nil,
		"roles": texts(rolesOf(c.p)), "roleGroups": []any{}, "password": object{}, "emailVerifiedAt": nil, "firstLoginAt": nil, "mostRecentLoginAt": nil,
		"isEmailValid": u.Email != "", "deletedAt": nil, "createdAt": stamp(u.CreatedAt), "updatedAt": stamp(u.CreatedAt), "modifiedAt": stamp(u.CreatedAt)}
	return c.answer(http.StatusOK, object{"data": object{"type": "user", "id": u.ID.Hex(), "attributes": a,
		"relationships": object{"org": org}, "links": object{"self": d.link("users/%s", u.ID.Hex())}}})
}
