package api

// Contact is somebody outside: a customer, a patient.
type Contact struct {
	ID          string            `json:"id" doc:"The id."`
	Name        string            `json:"name" doc:"What people call the contact; may be empty."`
	Saved       bool              `json:"saved" doc:"False for one made by a message, whom nobody has named yet."`
	Addresses   []Address         `json:"addresses" doc:"Where it is reached."`
	Attributes  map[string]string `json:"attributes" doc:"Facts kept with the contact."`
	Tags        []string          `json:"tags" doc:"Labels."`
	ExternalID  string            `json:"externalId,omitempty" doc:"The id it has in another system, unique in the organization."`
	OptedOut    bool              `json:"optedOut" doc:"Whether it wants no messages; sends are refused."`
	LastChannel string            `json:"lastChannel,omitempty" doc:"The channel it last wrote on."`
	MergedInto  string            `json:"mergedInto,omitempty" doc:"The contact that this one became."`
	Rev         int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt   Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
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
}

// ContactPatch changes a contact. What is left out stays as it is.
type ContactPatch struct {
	Name       *string            `json:"name,omitempty" maxLength:"200" doc:"What people call the contact."`
	Attributes map[string]*string `json:"attributes,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
	Tags       *[]string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels; replaces all."`
	ExternalID *string            `json:"externalId,omitempty" maxLength:"255" doc:"The id it has in another system; empty removes it."`
	OptedOut   *bool              `json:"optedOut,omitempty" doc:"Whether it wants no messages."`
}

// ContactLookup finds the contact that an address identifies, or makes one.
type ContactLookup struct {
	Address string `json:"address" minLength:"3" maxLength:"400" example:"phone:+15550100" doc:"The address, as kind:value."`
	Name    string `json:"name,omitempty" maxLength:"200" doc:"What a contact made by this is called; one that is found keeps its name."`
}

// ContactFilter says which contacts a list holds: those to which everything given applies.
type ContactFilter struct {
	Page
	Address    string `query:"address" doc:"With this address, as kind:value."`
	ExternalID string `query:"externalId" doc:"With this id in another system."`
	Tag        string `query:"tag" doc:"With this tag."`
	Saved      string `query:"saved" enum:"true,false" doc:"Whether somebody has named it."`
}

// Broadcast is a list whose members are written to one to one.
type Broadcast struct {
	ID          string `json:"id" doc:"The id."`
	Name        string `json:"name" doc:"What people call it."`
	MemberCount int64  `json:"memberCount" doc:"How many members it has."`
	Rev         int64  `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt   Time   `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// BroadcastRequest is a broadcast list to make.
type BroadcastRequest struct {
	Name string `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
}

// BroadcastPatch changes a broadcast list. What is left out stays as it is.
type BroadcastPatch struct {
	Name *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
}

// BroadcastMembers are users and contacts to add to a broadcast list, at least one.
type BroadcastMembers struct {
	Users    []string `json:"users,omitempty" maxItems:"1000" doc:"Ids of users."`
	Contacts []string `json:"contacts,omitempty" maxItems:"1000" doc:"Ids of contacts."`
}
