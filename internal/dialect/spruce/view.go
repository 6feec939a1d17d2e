package spruce

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// stamp is a time as the API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// conversation is a conversation as the API writes it.
type conversation struct {
	Object           string        `json:"object"`
	ID               string        `json:"id"`
	APIURL           string        `json:"apiURL"`
	AppURL           string        `json:"appURL"`
	Type             string        `json:"type"`
	Title            string        `json:"title"`
	Subtitle         string        `json:"subtitle,omitempty"`
	CreatedAt        string        `json:"createdAt"`
	LastMessageAt    string        `json:"lastMessageAt,omitempty"`
	Archived         bool          `json:"archived"`
	ReadOnly         bool          `json:"isReadOnly"`
	Assigned         string        `json:"assignedToMemberId,omitempty"`
	Members          []string      `json:"internalMemberIds"`
	Contacts         []string      `json:"associatedContactIds"`
	Participants     []participant `json:"externalParticipants"`
	InternalEndpoint *endpoint     `json:"internalEndpoint,omitempty"`
	Tags             []tag         `json:"tags"`
}

// participant is somebody outside.
type participant struct {
	DisplayName string    `json:"displayName"`
	Contact     string    `json:"contact,omitempty"` // of a saved one
	Endpoint    *endpoint `json:"endpoint,omitempty"`
}

type tag struct {
	Object string `json:"object"`
	ID     string `json:"id"`
	Value  string `json:"value"`
}

// conversations are conversations as the API writes them.
func (c *call) conversations(list []parley.Conversation) ([]conversation, error) {
	views := make([]conversation, len(list))
	if len(list) == 0 {
		return views, nil
	}
	channels, _, err := c.channels()
	if err != nil {
		return nil, err
	}
	saved, err := c.saved(list)
	if err != nil {
		return nil, err
	}
	for i := range list {
		views[i] = c.view(&list[i], channels[list[i].Channel], saved)
	}
	return views, nil
}

// saved are the contacts of some conversations that somebody has named.
func (c *call) saved(list []parley.Conversation) (map[parley.ID]*parley.Contact, error) {
	var ids []parley.ID
	for i := range list {
		for _, p := range list[i].Participants {
			if p.Kind == parley.ActorContact {
				ids = append(ids, p.ID)
			}
		}
	}
	slices.Sort(ids)
	return c.Directory.Saved(c.ctx, c.p, slices.Compact(ids))
}

func (c *call) view(in *parley.Conversation, ch *parley.Channel, saved map[parley.ID]*parley.Contact) conversation {
	path := "/thread/" + prefixConversation + string(in.ID)
	v := conversation{Object: "conversation", ID: prefixConversation + string(in.ID), APIURL: c.base() + "/v1/conversations/" + prefixConversation + string(in.ID),
		AppURL: c.app() + path, Type: typeOf(in, ch), Title: in.Title, Subtitle: in.Description, CreatedAt: stamp(in.CreatedAt),
		Archived: in.Status == parley.StatusClosed, Members: []string{}, Contacts: []string{}, Participants: []participant{}, Tags: []tag{}}
	if in.LastSequence > 0 {
		v.LastMessageAt = stamp(in.ActivityAt)
	}
	if len(in.Assignees) > 0 {
		v.Assigned = prefixEntity + string(in.Assignees[0].ID)
	}
	for _, t := range in.Tags {
		v.Tags = append(v.Tags, tag{Object: "tag", ID: prefixTag + text64(t), Value: t})
	}
	external := in.Kind == parley.ConversationExternal || in.Kind == parley.ConversationSecure
	v.ReadOnly = external && ch == nil
	if ch != nil {
		if e, ok := endpointOf(ch); ok {
			v.InternalEndpoint = &e
		}
	}
	c.people(&v, in, ch, saved)
	if v.Title == "" {
		v.Title = titleOf(&v)
	}
	return v
}

// people adds who takes part. What the organization sees is open to all of it.
func (c *call) people(v *conversation, in *parley.Conversation, ch *parley.Channel, saved map[parley.ID]*parley.Contact) {
	if in.Visibility == parley.VisibleToOrganization {
		v.Members = append(v.Members, prefixEntity+string(c.p.Organization))
	} else if team, found := strings.CutPrefix(in.ThreadKey, "team:"); found {
		v.Members = append(v.Members, prefixEntity+team)
	}
	platform := ""
	if ch != nil {
		platform = ch.Platform
	}
	for _, p := range in.Participants {
		switch {
		case p.LeftSequence != 0:
		case p.Kind == parley.ActorUser:
			if p.ID != c.p.User {
				v.Members = append(v.Members, prefixEntity+string(p.ID))
			}
		default:
			who := participant{DisplayName: p.Name, Endpoint: outside(platform, p.Address)}
			if saved[p.ID] != nil {
				who.Contact = prefixEntity + string(p.ID)
				who.DisplayName = saved[p.ID].Name
				v.Contacts = append(v.Contacts, who.Contact)
			}
			if who.DisplayName == "" {
				who.DisplayName = p.Address.Value
			}
			v.Participants = append(v.Participants, who)
		}
	}
}

// titleOf is what a conversation is called that has no title: by who is outside.
func titleOf(v *conversation) string {
	var names []string
	for _, p := range v.Participants {
		names = append(names, p.DisplayName)
	}
	switch {
	case len(names) > 0:
		return strings.Join(names, ", ")
	case v.Type == "team":
		return "Team"
	case v.Type == "note":
		return "Note"
	}
	return "Conversation"
}

// typeOf is the type of a conversation; ch is the channel of one with somebody outside, nil where it is gone.
func typeOf(in *parley.Conversation, ch *parley.Channel) string {
	switch in.Kind {
	case parley.ConversationTeam, parley.ConversationNote, parley.ConversationSecure:
		return string(in.Kind)
	}
	if ch != nil && endpointChannels[ch.Platform] != "" {
		return endpointChannels[ch.Platform]
	}
	return "other"
}

// app is where people look at things of the organization.
func (c *call) app() string { return c.origin() + "/org/" + prefixEntity + string(c.p.Organization) }

// item is a message, a note or something that the server tells, as the API writes it.
type item struct {
	Object         string       `json:"object"`
	ID             string       `json:"id"`
	ConversationID string       `json:"conversationId"`
	APIURL         string       `json:"apiURL"`
	AppURL         string       `json:"appURL"`
	Text           string       `json:"text"`
	IsInternalNote bool         `json:"isInternalNote"`
	Direction      string       `json:"direction"`
	Author         author       `json:"author"`
	Attachments    []attachment `json:"attachments"`
	Pages          []paged      `json:"pages"`
	Buttons        []struct{}   `json:"buttons"`
	RequestID      string       `json:"requestId"` // empty: it was not posted here
	CanDelete      bool         `json:"canDelete"`
	CreatedAt      string       `json:"createdAt"`
	ModifiedAt     string       `json:"modifiedAt"`
}

type author struct {
	ID          string  `json:"id,omitempty"`
	DisplayName string  `json:"displayName"`
	Device      *device `json:"deviceInformation,omitempty"`
}

type device struct {
	AccessID string `json:"accessID"`
}

type paged struct {
	ID         string `json:"id"`
	MemberID   string `json:"memberId"`
	Resolved   bool   `json:"resolved"`
	ResolvedAt string `json:"resolvedAt,omitempty"`
	ResolvedBy string `json:"resolvedByMemberId,omitempty"`
}

// items are messages of a conversation as the API writes them; those whose content is gone are not among them.
func (c *call) items(in *parley.Conversation, messages []parley.Message) ([]item, error) {
	there := slices.DeleteFunc(slices.Clone(messages), func(m parley.Message) bool { return m.Removed != "" || m.Sequence == 0 })
	return c.each(there, func(parley.ID) bool { return in.Kind == parley.ConversationSecure })
}

// each is each of some messages as the API writes it; secure says which conversations are.
func (c *call) each(messages []parley.Message, secure func(conversation parley.ID) bool) ([]item, error) {
	views := make([]item, len(messages))
	if len(messages) == 0 {
		return views, nil
	}
	var ids, contacts []parley.ID
	for i := range messages {
		m := &messages[i]
		ids = append(ids, m.ID)
		if m.Author.Kind == parley.ActorContact && secure(m.Conversation) && !slices.Contains(contacts, m.Author.ID) {
			contacts = append(contacts, m.Author.ID)
		}
	}
	pages, err := c.Core.Pages.Of(c.ctx, c.p, ids)
	if err != nil {
		return nil, err
	}
	saved, err := c.Directory.Saved(c.ctx, c.p, contacts)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		views[i] = c.item(&messages[i], pages[messages[i].ID], saved)
	}
	return views, nil
}

func (c *call) item(m *parley.Message, pages []parley.Page, saved map[parley.ID]*parley.Contact) item {
	id, in := prefixItem+string(m.ID), prefixConversation+string(m.Conversation)
	v := item{Object: "conversationItem", ID: id, ConversationID: in, APIURL: c.base() + "/v1/conversationItems/" + id,
		AppURL: c.app() + "/thread/" + in + "/message/" + id, Text: plain.Text(m.Body), Direction: string(m.Direction),
		IsInternalNote: m.Internal || m.Kind == parley.KindNote || m.Kind == parley.KindSystem, Author: authorOf(m, c.p.Organization, saved[m.Author.ID] != nil),
		Attachments: []attachment{}, Pages: []paged{}, Buttons: []struct{}{}, CanDelete: m.Kind != parley.KindSystem && m.Removed == "", CreatedAt: stamp(m.SentAt)}
	var posted kept
	if ext := m.Ext[Name]; ext != nil && json.Unmarshal(ext, &posted) == nil {
		v.RequestID = prefixRequest + string(m.ID)
		v.Author.Device = &device{prefixAccess + string(posted.Access)}
	}
	for _, a := range m.Attachments {
		v.Attachments = append(v.Attachments, c.attachment(a.Media, a.Name, a.ContentType))
	}
	parley.EachFile(m.Body, func(_ string, f *parley.File) {
		if f.Media != "" {
			v.Attachments = append(v.Attachments, c.attachment(f.Media, f.Name, f.ContentType))
		}
	})
	modified := m.SentAt
	if m.EditedAt.After(modified) {
		modified = m.EditedAt
	}
	for i := range pages {
		v.Pages = append(v.Pages, c.paged(&pages[i]))
		if pages[i].EndedAt.After(modified) {
			modified = pages[i].EndedAt
		}
	}
	v.ModifiedAt = stamp(modified)
	return v
}

// authorOf is who is shown as the author. Who writes from outside is known for certain on a secure channel only.
func authorOf(m *parley.Message, organization parley.ID, saved bool) author {
	a := author{DisplayName: m.Author.Name}
	switch m.Author.Kind {
	case parley.ActorUser, parley.ActorTeam:
		a.ID = prefixEntity + string(m.Author.ID)
	case parley.ActorOrganization:
		a.ID = prefixEntity + string(organization)
	case parley.ActorContact:
		if saved {
			a.ID = prefixEntity + string(m.Author.ID)
		}
	}
	if a.DisplayName == "" {
		a.DisplayName = "Unknown"
	}
	return a
}

func (c *call) paged(p *parley.Page) paged {
	v := paged{ID: prefixPage + string(p.ID), MemberID: prefixEntity + string(p.Who.ID), Resolved: p.State != parley.PageOpen}
	if p.Who.Kind == parley.ActorOrganization {
		v.MemberID = prefixEntity + string(c.p.Organization)
	}
	if v.Resolved {
		v.ResolvedAt = stamp(p.EndedAt)
	}
	if p.EndedBy != "" {
		v.ResolvedBy = prefixEntity + string(p.EndedBy)
	}
	return v
}
