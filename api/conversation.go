package api

import (
	"context"
	"net/http"
)

// ConversationKind is what sort of thread a conversation is.
type ConversationKind string

// The kinds of conversations.
const (
	ConversationDirect    ConversationKind = "direct"
	ConversationGroup     ConversationKind = "group"
	ConversationRole      ConversationKind = "role"
	ConversationBroadcast ConversationKind = "broadcast"
	ConversationTeam      ConversationKind = "team"
	ConversationNote      ConversationKind = "note"
	ConversationExternal  ConversationKind = "external"
	ConversationSecure    ConversationKind = "secure"
)

// ConversationStatus is where the work on a conversation stands.
type ConversationStatus string

// The statuses of a conversation.
const (
	ConversationOpen    ConversationStatus = "open"
	ConversationSnoozed ConversationStatus = "snoozed"
	ConversationClosed  ConversationStatus = "closed"
)

// Visibility says who sees a conversation.
type Visibility string

// The visibilities.
const (
	VisibleToMembers      Visibility = "members"
	VisibleToOrganization Visibility = "organization" // narrowed to the channel's members
)

// Conversation is an ordered thread with participants.
type Conversation struct {
	ID            string             `json:"id" doc:"The id."`
	Kind          ConversationKind   `json:"kind" enum:"direct,group,role,broadcast,team,note,external,secure" doc:"What sort of thread it is."`
	Visibility    Visibility         `json:"visibility" enum:"members,organization" doc:"Who sees it: its members, or the organization narrowed to the channel's members."`
	Status        ConversationStatus `json:"status" enum:"open,snoozed,closed" doc:"Where the work on it stands."`
	SnoozedUntil  Time               `json:"snoozedUntil,omitzero" format:"date-time" doc:"While snoozed: when it opens again."`
	Title         string             `json:"title" doc:"What people call it; may be empty."`
	Description   string             `json:"description,omitempty" doc:"What it is for."`
	Avatar        string             `json:"avatar,omitempty" doc:"The id of its image."`
	Channel       string             `json:"channel,omitempty" doc:"The default reply channel."`
	Assignees     []Assignee         `json:"assignees" doc:"Whom it is given to, in order."`
	Tags          []string           `json:"tags" doc:"Labels."`
	Metadata      map[string]string  `json:"metadata" doc:"Facts kept with it."`
	ExternalID    string             `json:"externalId,omitempty" doc:"The organization's own id for it."`
	Priority      int                `json:"priority,omitempty" doc:"How urgent it is: 1 to 5, 5 the most; left out: it has none."`
	Attributes    map[string]string  `json:"attributes,omitempty" doc:"Values of the attributes of conversations."`
	Unread        int                `json:"unread" doc:"How many items the key's user has not read, of those that somebody else wrote; 100 stands for 100 or more."`
	Inbox         bool               `json:"inbox" doc:"False for sends only, which stay out of inbox views until somebody answers."`
	Participants  []Participant      `json:"participants,omitempty" doc:"Who takes part: all where one conversation is asked for, at most 10 in a list."`
	SLA           *SLA               `json:"sla,omitempty" doc:"How it stands with its SLA policy, where it has one."`
	Muted         *Mute              `json:"muted,omitempty" doc:"That the key's user does not want to be notified of it; what is written to it comes all the same."`
	LastSequence  int64              `json:"lastSequence" doc:"The number of the newest item, 0 for none."`
	LastMessageID string             `json:"lastMessageId,omitempty" doc:"The newest message."`
	ActivityAt    Time               `json:"activityAt" format:"date-time" doc:"When something last happened in it."`
	Rev           int64              `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt     Time               `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// Assignee is a user or a team that a conversation is given to.
type Assignee struct {
	Kind ActorKind `json:"kind" enum:"user,team" doc:"What it is."`
	ID   string    `json:"id" doc:"The id of the user or team."`
}

// Participant takes part in a conversation.
type Participant struct {
	Kind             ActorKind  `json:"kind" enum:"user,contact,address,team,role" doc:"What it is."`
	ID               string     `json:"id" doc:"The id; of a bare address, the address as kind:value."`
	Name             string     `json:"name,omitempty" doc:"What people call it."`
	Address          string     `json:"address,omitempty" doc:"Of somebody outside: the address, as kind:value."`
	JoinedSequence   int64      `json:"joinedSequence" doc:"It receives what comes after this item."`
	LeftSequence     int64      `json:"leftSequence,omitempty" doc:"The first item that it does not receive, once it has left."`
	DeliveredThrough int64      `json:"deliveredThrough" doc:"Of a user: it has everything up to this item."`
	ReadThrough      int64      `json:"readThrough" doc:"Of a user: it has read everything up to this item."`
	Earlier          []Presence `json:"earlier,omitempty" doc:"The parts that a user left before this one, where the whole list of participants is asked for."`
}

// Presence is a time in which a user took part in a conversation.
type Presence struct {
	JoinedSequence int64 `json:"joinedSequence" doc:"The user received what came after this item."`
	LeftSequence   int64 `json:"leftSequence" doc:"The first item that it did not receive."`
}

// ConversationRequest is a conversation to make.
type ConversationRequest struct {
	Kind         ConversationKind  `json:"kind" enum:"group,note,external,secure" doc:"What sort of thread. The other kinds are made by sending."`
	Title        string            `json:"title,omitempty" maxLength:"200" doc:"What people call it."`
	Description  string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Avatar       string            `json:"avatar,omitempty" doc:"The id of its image."`
	Visibility   Visibility        `json:"visibility,omitempty" enum:"members,organization" doc:"Of a note: who sees it, members (only its participants) when left out."`
	Channel      string            `json:"channel,omitempty" doc:"Of an external or secure one: the channel. Of a note that the organization sees: only the channel's members see it."`
	Participants []NewParticipant  `json:"participants,omitempty" maxItems:"1000" doc:"Who takes part, besides whoever makes it."`
	Assignees    []Assignee        `json:"assignees,omitempty" maxItems:"50" doc:"Whom it is given to, in order."`
	Tags         []string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels."`
	Metadata     map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with it."`
	ExternalID   string            `json:"externalId,omitempty" maxLength:"255" doc:"The organization's own id for it; no other conversation may have it."`
	Priority     int               `json:"priority,omitempty" minimum:"0" maximum:"5" doc:"How urgent it is: 1 to 5, 5 the most; 0: it has none."`
	Attributes   map[string]string `json:"attributes,omitempty" maxProperties:"100" doc:"Values of the attributes of conversations."`
}

// NewParticipant is who is to take part in a conversation: exactly one of its fields.
type NewParticipant struct {
	User    string `json:"user,omitempty" doc:"The id of a user."`
	Contact string `json:"contact,omitempty" doc:"The id of a contact."`
	Address string `json:"address,omitempty" maxLength:"400" doc:"An address, as kind:value."`
}

// ConversationPatch changes a conversation. What is left out stays as it is.
type ConversationPatch struct {
	Status       ConversationStatus `json:"status,omitempty" enum:"open,snoozed,closed" doc:"Where the work on it stands."`
	SnoozedUntil Time               `json:"snoozedUntil,omitzero" format:"date-time" doc:"With status snoozed: when it opens again; left out: when something happens in it."`
	Title        *string            `json:"title,omitempty" maxLength:"200" doc:"What people call it."`
	Description  *string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Avatar       *string            `json:"avatar,omitempty" doc:"The id of its image; empty removes it."`
	Channel      *string            `json:"channel,omitempty" doc:"The default reply channel."`
	Assignees    *[]Assignee        `json:"assignees,omitempty" maxItems:"50" doc:"Whom it is given to, in order; replaces all."`
	Tags         *[]string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels; replaces all."`
	Metadata     map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
	ExternalID   *string            `json:"externalId,omitempty" maxLength:"255" doc:"The organization's own id for it; empty removes it."`
	Priority     *int               `json:"priority,omitempty" minimum:"0" maximum:"5" doc:"How urgent it is: 1 to 5, 5 the most; 0: it has none."`
	Attributes   map[string]*string `json:"attributes,omitempty" maxProperties:"100" doc:"Values to set, one by one; null removes one."`

	AddAssignees    []Assignee `json:"addAssignees,omitempty" maxItems:"50" doc:"Whom it is given to too, after the others; in place of assignees."`
	RemoveAssignees []Assignee `json:"removeAssignees,omitempty" maxItems:"50" doc:"Whom it is taken from; in place of assignees."`
	AddTags         []string   `json:"addTags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels to add; in place of tags."`
	RemoveTags      []string   `json:"removeTags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels to take off; in place of tags."`
}

// ReadMark says up to which item a conversation has been read.
type ReadMark struct {
	Through int64 `json:"through,omitempty" minimum:"0" doc:"The sequence of the last item read; left out: the newest. A mark never moves back."`
}

// ConversationFilter says which conversations a list holds: those to which everything given applies, most
// recently active first.
type ConversationFilter struct {
	Page
	Kind        string `query:"kind" enum:"direct,group,role,broadcast,team,note,external,secure" doc:"Of this kind."`
	Status      string `query:"status" enum:"open,snoozed,closed" doc:"In this status."`
	Channel     string `query:"channel" doc:"Of this channel."`
	Assignee    string `query:"assignee" doc:"Given to this user or team (id), or none."`
	Participant string `query:"participant" doc:"With this user or contact (id) or address (kind:value)."`
	Contact     string `query:"contact" doc:"With this contact, by id."`
	Tag         string `query:"tag" doc:"With this tag."`
	ExternalID  string `query:"externalId" doc:"With this external id: one, or none."`
	Priority    int    `query:"priority" minimum:"1" maximum:"5" doc:"Of this priority."`
	Unread      string `query:"unread" enum:"true,false" doc:"Whether there is something in it that the key's user has not read."`
	SLA         string `query:"sla" enum:"due,breached" doc:"With a promise of its SLA policy that is to be due, or one that is broken and still waited for. The list is then in the order of these times, earliest first."`
	Inbox       string `query:"inbox" enum:"true,false" doc:"Whether inbox views show it."`
}

// CreateConversation makes a conversation without a message.
func (c *Client) CreateConversation(ctx context.Context, conversation ConversationRequest, options ...CallOption) (*Conversation, error) {
	return fetch[Conversation](ctx, c, request{method: http.MethodPost, path: "/v1/conversations", in: &conversation}, options...)
}

// GetConversation returns a conversation as it is now, with all its participants.
func (c *Client) GetConversation(ctx context.Context, id string, options ...CallOption) (*Conversation, error) {
	return fetch[Conversation](ctx, c, request{method: http.MethodGet}.pathOf("v1", "conversations", id), options...)
}

// ListConversations returns a page of conversations, most recently active first.
func (c *Client) ListConversations(ctx context.Context, filter ConversationFilter, options ...CallOption) (*List[Conversation], error) {
	r := request{method: http.MethodGet, path: "/v1/conversations", query: queryOf(filter)}
	return fetch[List[Conversation]](ctx, c, r, options...)
}

// PatchConversation changes a conversation.
func (c *Client) PatchConversation(ctx context.Context, id string, patch ConversationPatch, options ...CallOption) (*Conversation, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Conversation](ctx, c, r.pathOf("v1", "conversations", id), options...)
}

// ListConversationMessages returns a page of a conversation's items, newest first.
func (c *Client) ListConversationMessages(ctx context.Context, id string, page Page, options ...CallOption) (*List[Message], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Message]](ctx, c, r.pathOf("v1", "conversations", id, "messages"), options...)
}

// ListParticipants returns a page of those who take part in a conversation, and of those who have left it.
func (c *Client) ListParticipants(ctx context.Context, id string, page Page, options ...CallOption) (*List[Participant], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Participant]](ctx, c, r.pathOf("v1", "conversations", id, "participants"), options...)
}

// AddParticipant adds somebody to a conversation. One who takes part already stays as it is.
func (c *Client) AddParticipant(ctx context.Context, id string, who NewParticipant, options ...CallOption) (*Participant, error) {
	r := request{method: http.MethodPost, in: &who, repeatable: true}
	return fetch[Participant](ctx, c, r.pathOf("v1", "conversations", id, "participants"), options...)
}

// RemoveParticipant takes somebody out of a conversation: a user or contact by id, or a bare address.
func (c *Client) RemoveParticipant(ctx context.Context, id, who string, options ...CallOption) error {
	r := request{method: http.MethodDelete}
	return order(ctx, c, r.pathOf("v1", "conversations", id, "participants", who), options...)
}

// ReadConversation marks a conversation as read by the key's user.
func (c *Client) ReadConversation(ctx context.Context, id string, mark ReadMark, options ...CallOption) error {
	r := request{method: http.MethodPost, in: &mark, repeatable: true}
	return order(ctx, c, r.pathOf("v1", "conversations", id, "read"), options...)
}
