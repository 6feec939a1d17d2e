package spruce

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

// The measures of webhooks as the API documents them.
const (
	attempts      = 10
	retryAfter    = 2 * time.Minute
	postTimeout   = 5 * time.Second
	postsAMinute  = 1000
	signatureName = "X-Spruce-Signature"
	postIDName    = "Parley-Event-Id" // of ours: by it a receiver knows a post that comes twice
)

// shownParticipants is how many people of a conversation an event has at most.
const shownParticipants = 200

// Format returns how the events of endpoints that were registered at the door are posted.
func Format(o Options) webhooks.Format {
	d := &door{Options: o}
	types := make([]parley.EventType, 0, len(kindsOfEvents))
	for t := range kindsOfEvents {
		types = append(types, t)
	}
	return webhooks.Format{
		Name: Name, Events: types, With: eventlog.WithMessages | eventlog.WithContacts, Render: d.render, Header: signed,
		Needs:   []parley.Scope{parley.ScopeMessagesRead, parley.ScopeConversationsRead, parley.ScopeContactsRead, parley.ScopeChannelsRead},
		Timeout: postTimeout, Retries: slices.Repeat([]time.Duration{retryAfter}, attempts-1), PerMinute: postsAMinute,
	}
}

// signed are the headers of a post: its body signed with the newest secret, as it was issued.
func signed(w *parley.Webhook, key parley.PostKey, body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(w.Secrets[len(w.Secrets)-1].Value))
	mac.Write(body)
	return http.Header{"Content-Type": {"application/json"}, signatureName: {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		postIDName: {prefixPost + string(webhooks.PostID(key))}}
}

// What an event of the log is here. One that is about a message has its item, one about a conversation that.
const (
	itemCreated         = "conversationItem.created"
	itemUpdated         = "conversationItem.updated"
	itemDeleted         = "conversationItem.deleted"
	conversationCreated = "conversation.created"
	conversationUpdated = "conversation.updated"
	conversationDeleted = "conversation.deleted"
	contactCreated      = "contact.created"
	contactUpdated      = "contact.updated"
	contactDeleted      = "contact.deleted"
	contactMerged       = "contact.merged"
)

var kindsOfEvents = map[parley.EventType]string{
	parley.EventMessageCreated:      itemCreated,
	parley.EventMessageEdited:       itemUpdated,
	parley.EventMessageRedacted:     itemUpdated,
	parley.EventMessageMoved:        itemUpdated,
	parley.EventPageCreated:         itemUpdated,
	parley.EventPageResolved:        itemUpdated,
	parley.EventMessageRemoved:      itemDeleted,
	parley.EventConversationCreated: conversationCreated,
	parley.EventConversationUpdated: conversationUpdated,
	parley.EventParticipantsChanged: conversationUpdated,
	parley.EventConversationMerged:  conversationDeleted,
	parley.EventContactCreated:      contactCreated,
	parley.EventContactUpdated:      contactUpdated,
	parley.EventContactDeleted:      contactDeleted,
	parley.EventContactMerged:       contactMerged,
}

// event is what is posted: the whole of what it is about, as that is now.
type event struct {
	Object    string `json:"object"`
	Type      string `json:"type"`
	EventTime string `json:"eventTime"`
	Data      struct {
		Object any `json:"object"`
	} `json:"data"`
}

func envelope(kind string, at time.Time, about any) []byte {
	e := event{Object: "event", Type: kind, EventTime: stamp(at)}
	e.Data.Object = about
	text, _ := json.Marshal(e) // of strings, numbers and lists
	return text
}

// postedItem is an item with its conversation, which it has in events only.
type postedItem struct {
	item
	Conversation conversation `json:"conversation"`
}

// goneConversation is what is left of a conversation that became a part of another, goneContact of a contact.
type goneConversation struct {
	Object string `json:"object"`
	ID     string `json:"id"`
}

type goneContact = goneConversation

// render makes what is posted of some events: nothing of one that is about something that is not at this door.
func (d *door) render(ctx context.Context, p *access.Principal, events []eventlog.Detail) ([][]webhooks.Rendered, error) {
	c := &call{door: d, ctx: ctx, p: p}
	conversations, secure, err := c.conversationsOf(events)
	if err != nil {
		return nil, err
	}
	items, err := c.itemsOf(events, conversations, secure)
	if err != nil {
		return nil, err
	}
	rendered := make([][]webhooks.Rendered, len(events))
	for i := range events {
		e := &events[i]
		kind := kindsOfEvents[e.Type]
		if about := c.about(e, kind, conversations, items); about != nil {
			rendered[i] = []webhooks.Rendered{{Kind: kind, Body: envelope(kind, e.At, about)}}
		}
	}
	return rendered, nil
}

// about is what an event is about; nil where that is not at this door.
func (c *call) about(e *eventlog.Detail, kind string, conversations map[parley.ID]*conversation, items map[parley.ID]*item) any {
	switch kind {
	case itemCreated, itemUpdated, itemDeleted:
		m := e.Message
		if m == nil || items[m.ID] == nil || !tells(e, m) {
			return nil
		}
		return postedItem{*items[m.ID], *conversations[m.Conversation]}
	case conversationCreated, conversationUpdated:
		if v := conversations[e.Event.Conversation]; v != nil {
			return v
		}
	case conversationDeleted:
		if conversations[e.Data.Into] != nil { // they were of one kind
			return goneConversation{"conversation", prefixConversation + string(e.Event.Conversation)}
		}
	case contactDeleted:
		return goneContact{"contact", prefixEntity + string(e.Subject)}
	case contactMerged:
		if e.Contact != nil && e.Contact.Saved {
			v := c.contact(e.Contact)
			v.Deleted = []string{prefixEntity + string(e.Subject)}
			return v
		}
	default:
		if e.Contact != nil && e.Contact.Saved {
			return c.contact(e.Contact)
		}
	}
	return nil
}

// tells reports whether an event says something of a message that is to be posted.
func tells(e *eventlog.Detail, m *parley.Message) bool {
	switch e.Type {
	case parley.EventMessageCreated:
		return true
	case parley.EventMessageRemoved:
		return e.Subject == "" && m.Removed != "" // otherwise it is gone for one reader
	case parley.EventPageCreated: // later than its message, whose item has it
		return m.Removed == "" && e.At.After(m.CreatedAt) && e.At.After(m.SentAt)
	}
	return m.Removed == ""
}

// conversationsOf are the conversations at this door that events are about, and which of them are secure.
func (c *call) conversationsOf(events []eventlog.Detail) (views map[parley.ID]*conversation, secure map[parley.ID]bool, err error) {
	var ids []parley.ID
	for i := range events {
		e := &events[i]
		switch {
		case e.Message != nil:
			ids = append(ids, e.Message.Conversation)
		case e.Type == parley.EventConversationMerged:
			ids = append(ids, e.Data.Into)
		case e.Event.Conversation != "":
			ids = append(ids, e.Event.Conversation)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	views, secure = make(map[parley.ID]*conversation, len(ids)), map[parley.ID]bool{}
	found, err := c.Core.ConversationsByID(c.ctx, c.p, ids, shownParticipants)
	if err != nil {
		return nil, nil, err
	}
	var list []parley.Conversation
	for _, id := range ids {
		if in := found[id]; in != nil && shows(in) {
			list = append(list, *in)
			secure[id] = in.Kind == parley.ConversationSecure
		}
	}
	made, err := c.conversations(list)
	for i := range list {
		if err == nil {
			views[list[i].ID] = &made[i]
		}
	}
	return views, secure, err
}

// itemsOf are the items of those messages of events that are at this door. Of one whose content is gone they have none.
func (c *call) itemsOf(events []eventlog.Detail, conversations map[parley.ID]*conversation, secure map[parley.ID]bool) (map[parley.ID]*item, error) {
	var list []parley.Message
	items := map[parley.ID]*item{}
	for i := range events {
		m := events[i].Message
		if m == nil || m.Sequence == 0 || conversations[m.Conversation] == nil || items[m.ID] != nil {
			continue
		}
		items[m.ID] = &item{}
		list = append(list, *m)
	}
	made, err := c.each(list, func(id parley.ID) bool { return secure[id] })
	if err != nil {
		return nil, err
	}
	for i := range list {
		items[list[i].ID] = &made[i]
	}
	return items, nil
}
