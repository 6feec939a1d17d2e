package spruce

import (
	"maps"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// contact is somebody outside whom people have named, as events have it.
type contact struct {
	Object             string            `json:"object"`
	ID                 string            `json:"id"`
	APIURL             string            `json:"apiURL"`
	AppURL             string            `json:"appURL"`
	Category           string            `json:"category"`
	DisplayName        string            `json:"displayName"`
	Gender             string            `json:"gender"`
	PhoneNumbers       []contactEntry    `json:"phoneNumbers"`
	FaxNumbers         []contactEntry    `json:"faxNumbers"`
	EmailAddresses     []contactEntry    `json:"emailAddresses"`
	Tags               []tag             `json:"tags"`
	CustomFields       []contactField    `json:"customContactFields"`
	OrganizationFields []contactField    `json:"organizationContactFields"`
	IntegrationLinks   []integrationLink `json:"integrationLinks"`
	InternalMembers    []string          `json:"internalMemberIds"`
	HasAccount         bool              `json:"hasAccount"`
	HasPendingInvite   bool              `json:"hasPendingInvite"`
	CanEdit            bool              `json:"canEdit"`
	CanDelete          bool              `json:"canDelete"`
	Created            string            `json:"created"`
	Deleted            []string          `json:"deletedContactIds,omitempty"` // those that became a part of it
}

// contactEntry is a number or an address of a contact.
type contactEntry struct {
	ID           string `json:"id"`
	Value        string `json:"value"`
	DisplayValue string `json:"displayValue,omitempty"` // of a number
}

type contactField struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// integrationLink is what a contact is called in another system.
type integrationLink struct {
	Type       string `json:"type"`
	ExternalID string `json:"externalId"`
	ContactID  string `json:"contactId"`
}

// integrations are the systems that have types of their own.
var integrations = []string{"elation", "hint", "athena"}

func (c *call) contact(of *parley.Contact) contact {
	id := prefixEntity + string(of.ID)
	v := contact{Object: "contact", ID: id, APIURL: c.base() + "/v1/contacts/" + id, AppURL: c.app() + "/contact/" + id, Category: "unknown", Gender: "unknown",
		DisplayName: of.Name, PhoneNumbers: []contactEntry{}, FaxNumbers: []contactEntry{}, EmailAddresses: []contactEntry{}, Tags: []tag{},
		CustomFields: []contactField{}, OrganizationFields: []contactField{}, IntegrationLinks: []integrationLink{}, InternalMembers: []string{},
		CanEdit: true, CanDelete: true, Created: stamp(of.CreatedAt)}
	for _, a := range of.Addresses {
		entry := contactEntry{ID: "entityContact_" + text64(a.String()), Value: a.Value}
		switch a.Kind {
		case parley.AddressPhone:
			entry.DisplayValue = shown("phone", a.Value)
			v.PhoneNumbers = append(v.PhoneNumbers, entry)
		case parley.AddressFax:
			entry.DisplayValue = shown("fax", a.Value)
			v.FaxNumbers = append(v.FaxNumbers, entry)
		case parley.AddressEmail:
			v.EmailAddresses = append(v.EmailAddresses, entry)
		}
		if v.DisplayName == "" {
			v.DisplayName = a.Value
		}
	}
	for _, t := range of.Tags {
		v.Tags = append(v.Tags, tag{Object: "tag", ID: prefixTag + text64(t), Value: t})
	}
	for _, name := range slices.Sorted(maps.Keys(of.Attributes)) {
		v.OrganizationFields = append(v.OrganizationFields, contactField{"managedCustomField_" + text64(name), name, of.Attributes[name]})
	}
	for _, system := range slices.Sorted(maps.Keys(of.ExternalIDs)) {
		link := integrationLink{Type: "custom", ExternalID: of.ExternalIDs[system], ContactID: id}
		if lower := strings.ToLower(system); slices.Contains(integrations, lower) {
			link.Type = lower
		}
		v.IntegrationLinks = append(v.IntegrationLinks, link)
	}
	return v
}
