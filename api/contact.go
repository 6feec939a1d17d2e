package api

import (
	"context"
	"net/http"
	"time"
)

// Contact is somebody outside: a customer, a patient.
type Contact struct {
	ID          string            `json:"id" doc:"The id."`
	Name        string            `json:"name" doc:"What people call the contact; may be empty."`
	Saved       bool              `json:"saved" doc:"False for one made by a message, whom nobody has named yet."`
	Addresses   []Address         `json:"addresses" doc:"Where it is reached."`
	Attributes  map[string]string `json:"attributes" doc:"Facts kept with the contact."`
	Tags        []string          `json:"tags" doc:"Labels."`
	ExternalID  string            `json:"externalId,omitempty" doc:"The id it has in another system, unique in the organization."`
	ExternalIDs map[string]string `json:"externalIds,omitempty" doc:"Ids it has in further systems, by the names of these; each is unique in its system."`
	OptedOut    bool              `json:"optedOut" doc:"Whether it wants no messages; sends are refused."`
	LastChannel string            `json:"lastChannel,omitempty" doc:"The channel it last wrote on."`
	MergedInto  string            `json:"mergedInto,omitempty" doc:"The contact that this one became."`
	Rev         int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt   Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
	UpdatedAt   Time              `json:"updatedAt" format:"date-time" doc:"When it was changed last, by people or by what it wrote."`
}

// Address is where a contact is reached.
type Address struct {
	Kind   string `json:"kind" minLength:"1" maxLength:"32" example:"phone" doc:"An open set: email, phone, fax, … SMS, WhatsApp and RCS all use phone."`
	Value  string `json:"value" minLength:"1" maxLength:"320" example:"+15550100" doc:"The value, which is normalized."`
	Shared bool   `json:"shared,omitempty" doc:"Whether several people use it, so that it identifies nobody."`
}

// String returns the address as kind:value.
func (a Address) String() string { return a.Kind + ":" + a.Value }

// ContactRequest is a contact to make.
type ContactRequest struct {
	Name       string            `json:"name,omitempty" maxLength:"200" doc:"What people call the contact."`
	Addresses  []Address         `json:"addresses,omitempty" maxItems:"50" doc:"Where it is reached."`
	Attributes map[string]string `json:"attributes,omitempty" maxProperties:"100" doc:"Facts to keep with the contact."`
	Tags       []string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels."`
	ExternalID string            `json:"externalId,omitempty" maxLength:"255" doc:"The id it has in another system, unique in the organization."`

	ExternalIDs map[string]string `json:"externalIds,omitempty" maxProperties:"50" doc:"Ids it has in further systems, by the names of these (letters, digits, _, . and -)."`
}

// ContactPatch changes a contact. What is left out stays as it is.
type ContactPatch struct {
	Name       *string            `json:"name,omitempty" maxLength:"200" doc:"What people call the contact."`
	Attributes map[string]*string `json:"attributes,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
	Tags       *[]string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels; replaces all."`
	ExternalID *string            `json:"externalId,omitempty" maxLength:"255" doc:"The id it has in another system; empty removes it."`
	OptedOut   *bool              `json:"optedOut,omitempty" doc:"Whether it wants no messages."`

	ExternalIDs map[string]*string `json:"externalIds,omitempty" maxProperties:"50" doc:"Ids in further systems to set, one by one; null removes one."`
}

// ContactLookup finds the contact with an external id, else the one that an address identifies, or makes one. At least one of
// the two must be given.
type ContactLookup struct {
	Source     string `json:"source,omitempty" maxLength:"100" doc:"The system that externalId is of, as in externalIds; left out: the externalId."`
	ExternalID string `json:"externalId,omitempty" maxLength:"255" doc:"The id it has in another system. A contact that the address finds and that has none gets it."`
	Address    string `json:"address,omitempty" maxLength:"400" example:"phone:+15550100" doc:"The address, as kind:value. A contact that the external id finds and that does not have it gets it."`
	Name       string `json:"name,omitempty" maxLength:"200" doc:"What a contact made by this is called; one that is found keeps its name."`
}

// ContactImport are contacts to bring in from elsewhere.
type ContactImport struct {
	Contacts []ContactRow `json:"contacts" minItems:"1" maxItems:"100" doc:"What is known of them. They are brought in one by one, in order."`
	DryRun   bool         `json:"dryRun,omitempty" doc:"Only say what would become of them."`
}

// ContactRow is what is known of a contact elsewhere. What it does not say stays as it is.
type ContactRow struct {
	Name        string            `json:"name,omitempty" doc:"What people call it."`
	Addresses   []Address         `json:"addresses,omitempty" doc:"Where it is reached; those that it has besides stay."`
	Attributes  map[string]string `json:"attributes,omitempty" doc:"Facts; others that it has stay."`
	Tags        []string          `json:"tags,omitempty" doc:"Labels; others that it has stay."`
	ExternalID  string            `json:"externalId,omitempty" doc:"The id it has in another system."`
	ExternalIDs map[string]string `json:"externalIds,omitempty" doc:"Ids it has in further systems."`
}

// ImportOutcome is what became of something that was to be brought in.
type ImportOutcome string

// The outcomes.
const (
	ImportCreated   ImportOutcome = "created"
	ImportUpdated   ImportOutcome = "updated"
	ImportUnchanged ImportOutcome = "unchanged"
	ImportRefused   ImportOutcome = "refused"
)

// ImportResult is what became of a contact.
type ImportResult struct {
	Outcome ImportOutcome `json:"outcome" enum:"created,updated,unchanged,refused" doc:"What became of it."`
	ID      string        `json:"id,omitempty" doc:"The contact; none where it was refused, and of a dry run where it would be made."`
	Detail  string        `json:"detail,omitempty" doc:"Why it was refused."`
	Errors  []FieldError  `json:"errors,omitempty" doc:"Why it was refused: which field of the contact, and what is wrong with it."`
}

// ImportResults are what became of contacts, in their order.
type ImportResults struct {
	Data []ImportResult `json:"data" doc:"A result for each."`
}

// ImportContacts brings contacts in: those that are found by an external id, else by an address that identifies them, get what
// they do not have or have otherwise; others are made. To do it again changes nothing.
func (c *Client) ImportContacts(ctx context.Context, contacts ContactImport, options ...CallOption) (*ImportResults, error) {
	return fetch[ImportResults](ctx, c, request{method: http.MethodPost, path: "/v1/contacts/import", in: &contacts, repeatable: true}, options...)
}

// ContactMerge says into which contact another one is merged.
type ContactMerge struct {
	Into string `json:"into" minLength:"1" maxLength:"64" doc:"The id of the contact that stays."`
}

// ContactFilter says which contacts a list holds: those to which everything given applies.
type ContactFilter struct {
	Page
	Name       string    `query:"name" maxLength:"200" doc:"Whose name begins so, whatever the case."`
	Address    string    `query:"address" doc:"With this address, as kind:value."`
	ExternalID string    `query:"externalId" doc:"With this id in another system."`
	Source     string    `query:"source" maxLength:"100" doc:"With externalId: the system that it is of, as in externalIds."`
	Tag        string    `query:"tag" doc:"With this tag."`
	Attributes []string  `query:"attribute" maxItems:"20" doc:"With these attributes, each as key:value, separated by commas; a colon in the key is written \\:, a backslash \\\\."`
	List       string    `query:"list" doc:"On this broadcast list."`
	Saved      string    `query:"saved" enum:"true,false" doc:"Whether somebody has named it."`
	OptedOut   string    `query:"optedOut" enum:"true,false" doc:"Whether it wants no messages."`
	Since      time.Time `query:"createdSince" format:"date-time" doc:"Made at this time or later."`
	Until      time.Time `query:"createdUntil" format:"date-time" doc:"Made before this time."`
	Updated    time.Time `query:"updatedSince" format:"date-time" doc:"Changed at this time or later."`
	Unchanged  time.Time `query:"updatedUntil" format:"date-time" doc:"Not changed since before this time."`
}

// AttributeType says what the values of an attribute look like.
type AttributeType string

// The types of attributes.
const (
	AttributeString   AttributeType = "string"
	AttributeNumber   AttributeType = "number"
	AttributeBoolean  AttributeType = "boolean"
	AttributeDate     AttributeType = "date"
	AttributeDateTime AttributeType = "datetime"
	AttributeChoice   AttributeType = "choice"
)

// Attribute defines what is kept of contacts under a key. Values are texts of the form that the type has.
type Attribute struct {
	Key       string        `json:"key" doc:"The key in the attributes of a contact: letters, digits, _, . and -."`
	Type      AttributeType `json:"type" enum:"string,number,boolean,date,datetime,choice" doc:"What values look like."`
	Label     string        `json:"label" doc:"What people call it; may be empty."`
	Choices   []string      `json:"choices,omitempty" doc:"Of the type choice: the values there are."`
	Archived  bool          `json:"archived" doc:"Whether it is not set any more. Values that contacts have stay."`
	Rev       int64         `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time          `json:"createdAt" format:"date-time" doc:"When it was defined."`
}

// AttributeRequest is what an attribute is to be like.
type AttributeRequest struct {
	Type     AttributeType `json:"type" enum:"string,number,boolean,date,datetime,choice" doc:"What values look like. It cannot be changed."`
	Label    string        `json:"label,omitempty" maxLength:"200" doc:"What people call it."`
	Choices  []string      `json:"choices,omitempty" maxItems:"200" maxLength:"200" doc:"Of the type choice: the values there are."`
	Archived bool          `json:"archived,omitempty" doc:"Whether it is not set any more. Values that contacts have stay."`
}

// Broadcast is a list whose members are written to one to one.
type Broadcast struct {
	ID          string            `json:"id" doc:"The id."`
	Name        string            `json:"name" doc:"What people call it."`
	MemberCount int64             `json:"memberCount" doc:"How many members it has; 0 where it has a filter."`
	Filter      *ContactSelection `json:"filter,omitempty" doc:"Which contacts are on it, in place of members, as they are at the moment."`
	Metadata    map[string]string `json:"metadata" doc:"Facts kept with it."`
	Rev         int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt   Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// BroadcastRequest is a broadcast list to make.
type BroadcastRequest struct {
	Name     string            `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Filter   *ContactSelection `json:"filter,omitempty" doc:"Which contacts are on it; left out: it has members, who are added."`
	Metadata map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with it."`
}

// BroadcastPatch changes a broadcast list. What is left out stays as it is.
type BroadcastPatch struct {
	Name     *string            `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Filter   *ContactSelection  `json:"filter,omitempty" doc:"Of a list that was made with one: which contacts are on it; replaces all of it."`
	Metadata map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
}

// ContactSelection says which contacts are on a broadcast list: those to which everything given applies, at least one thing.
type ContactSelection struct {
	Name         string            `json:"name,omitempty" maxLength:"200" doc:"Whose name begins so, whatever the case."`
	Tag          string            `json:"tag,omitempty" maxLength:"100" doc:"With this tag."`
	Attributes   map[string]string `json:"attributes,omitempty" maxProperties:"20" doc:"With these values of attributes."`
	Saved        *bool             `json:"saved,omitempty" doc:"Whether somebody has named them."`
	OptedOut     *bool             `json:"optedOut,omitempty" doc:"Whether they want no messages."`
	CreatedSince Time              `json:"createdSince,omitzero" format:"date-time" doc:"Made at this time or later."`
	CreatedUntil Time              `json:"createdUntil,omitzero" format:"date-time" doc:"Made before this time."`
}

// BroadcastMembers are users and contacts to add to a broadcast list, at least one.
type BroadcastMembers struct {
	Users    []string `json:"users,omitempty" maxItems:"1000" doc:"Ids of users."`
	Contacts []string `json:"contacts,omitempty" maxItems:"1000" doc:"Ids of contacts."`
}

// CreateContact makes a contact.
func (c *Client) CreateContact(ctx context.Context, contact ContactRequest, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c, request{method: http.MethodPost, path: "/v1/contacts", in: &contact}, options...)
}

// GetContact returns a contact as it is now.
func (c *Client) GetContact(ctx context.Context, id string, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c, request{method: http.MethodGet}.pathOf("v1", "contacts", id), options...)
}

// ListContacts returns a page of contacts.
func (c *Client) ListContacts(ctx context.Context, filter ContactFilter, options ...CallOption) (*List[Contact], error) {
	r := request{method: http.MethodGet, path: "/v1/contacts", query: queryOf(filter)}
	return fetch[List[Contact]](ctx, c, r, options...)
}

// PatchContact changes a contact.
func (c *Client) PatchContact(ctx context.Context, id string, patch ContactPatch, options ...CallOption) (*Contact, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Contact](ctx, c, r.pathOf("v1", "contacts", id), options...)
}

// DeleteContact deletes a contact.
func (c *Client) DeleteContact(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "contacts", id), options...)
}

// FindContact returns the contact with an external id, else the one that an address identifies, and makes one where there is
// none. Two calls at the same time make one contact.
func (c *Client) FindContact(ctx context.Context, lookup ContactLookup, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c, request{method: http.MethodPost, path: "/v1/contacts/find", in: &lookup, repeatable: true}, options...)
}

// MergeContact makes a contact a part of another, and returns the other. The id of the one that was merged goes on answering
// it. To do it again changes nothing.
func (c *Client) MergeContact(ctx context.Context, id string, merge ContactMerge, options ...CallOption) (*Contact, error) {
	r := request{method: http.MethodPost, in: &merge, repeatable: true}
	return fetch[Contact](ctx, c, r.pathOf("v1", "contacts", id, "merge"), options...)
}

// AddContactAddress adds an address to a contact and returns the contact. An address that identifies another
// contact is an *Error of status 409.
func (c *Client) AddContactAddress(ctx context.Context, contact string, address Address, options ...CallOption) (*Contact, error) {
	r := request{method: http.MethodPost, in: &address, repeatable: true}
	return fetch[Contact](ctx, c, r.pathOf("v1", "contacts", contact, "addresses"), options...)
}

// RemoveContactAddress takes an address, as kind:value, from a contact.
func (c *Client) RemoveContactAddress(ctx context.Context, contact, address string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "contacts", contact, "addresses", address), options...)
}

// DefineAttribute says what is kept of contacts under a key, or changes that.
func (c *Client) DefineAttribute(ctx context.Context, key string, attribute AttributeRequest, options ...CallOption) (*Attribute, error) {
	r := request{method: http.MethodPut, in: &attribute, repeatable: true}
	return fetch[Attribute](ctx, c, r.pathOf("v1", "attributes", key), options...)
}

// GetAttribute returns the definition of an attribute.
func (c *Client) GetAttribute(ctx context.Context, key string, options ...CallOption) (*Attribute, error) {
	return fetch[Attribute](ctx, c, request{method: http.MethodGet}.pathOf("v1", "attributes", key), options...)
}

// ListAttributes returns a page of the definitions of attributes, in order of their keys.
func (c *Client) ListAttributes(ctx context.Context, page Page, options ...CallOption) (*List[Attribute], error) {
	return fetch[List[Attribute]](ctx, c, request{method: http.MethodGet, path: "/v1/attributes", query: queryOf(page)}, options...)
}

// CreateBroadcast makes a broadcast list.
func (c *Client) CreateBroadcast(ctx context.Context, broadcast BroadcastRequest, options ...CallOption) (*Broadcast, error) {
	return fetch[Broadcast](ctx, c, request{method: http.MethodPost, path: "/v1/broadcasts", in: &broadcast}, options...)
}

// GetBroadcast returns a broadcast list as it is now.
func (c *Client) GetBroadcast(ctx context.Context, id string, options ...CallOption) (*Broadcast, error) {
	return fetch[Broadcast](ctx, c, request{method: http.MethodGet}.pathOf("v1", "broadcasts", id), options...)
}

// ListBroadcasts returns a page of broadcast lists.
func (c *Client) ListBroadcasts(ctx context.Context, page Page, options ...CallOption) (*List[Broadcast], error) {
	r := request{method: http.MethodGet, path: "/v1/broadcasts", query: queryOf(page)}
	return fetch[List[Broadcast]](ctx, c, r, options...)
}

// PatchBroadcast changes a broadcast list.
func (c *Client) PatchBroadcast(ctx context.Context, id string, patch BroadcastPatch, options ...CallOption) (*Broadcast, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Broadcast](ctx, c, r.pathOf("v1", "broadcasts", id), options...)
}

// DeleteBroadcast deletes a broadcast list.
func (c *Client) DeleteBroadcast(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "broadcasts", id), options...)
}

// ListBroadcastMembers returns a page of the members of a broadcast list.
func (c *Client) ListBroadcastMembers(ctx context.Context, broadcast string, page Page, options ...CallOption) (*List[Member], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Member]](ctx, c, r.pathOf("v1", "broadcasts", broadcast, "members"), options...)
}

// AddBroadcastMembers adds users and contacts to a broadcast list and returns the list. Those who are members
// stay members.
func (c *Client) AddBroadcastMembers(ctx context.Context, broadcast string, members BroadcastMembers, options ...CallOption) (*Broadcast, error) {
	r := request{method: http.MethodPost, in: &members, repeatable: true}
	return fetch[Broadcast](ctx, c, r.pathOf("v1", "broadcasts", broadcast, "members"), options...)
}

// RemoveBroadcastMember takes a user or contact out of a broadcast list.
func (c *Client) RemoveBroadcastMember(ctx context.Context, broadcast, member string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "broadcasts", broadcast, "members", member), options...)
}
