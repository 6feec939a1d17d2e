package kustomer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// collections are where the things of each type are found.
var collections = map[string]string{"org": "orgs", "user": "users", "customer": "customers", "conversation": "conversations", "attachment": "attachments", "message": "messages",
	"shortcut": "shortcuts", "kb_article": "kb/articles", "queue": "routing/queues"}

// to is a relationship to one thing.
func (d *door) to(kind, id string) object {
	return object{"links": object{"self": d.link("%s/%s", collections[kind], id)}, "data": object{"type": kind, "id": id}}
}

// by is a relationship to whoever did something: a user, a customer, or else the organization.
func (d *door) by(organization parley.ID, who parley.Actor) object {
	switch {
	case who.Kind == parley.ActorUser && who.ID != "":
		return d.to("user", who.ID.Hex())
	case who.Kind == parley.ActorContact && who.ID != "":
		return d.to("customer", who.ID.Hex())
	}
	return d.to("org", organization.Hex())
}

// appNative is the app of messages that came through another door.
const appNative = "parley"

// message is a message as a resource. Attributes are those that were given when it was recorded, under what it has by itself.
func (d *door) message(organization parley.ID, m *numbered.Item) object {
	given := givenOf(&m.Message)
	a := object{"externalId": nil, "channel": channelOf(m.Platform), "app": appNative, "subject": nil, "meta": object{}, "custom": object{},
		"sentiment": object{}, "status": statusNow(&m.Message), "auto": m.Auto != "", "lang": nil, "assignedUsers": []string{}, "assignedTeams": []string{},
		"createdByTeams": []string{}, "reactions": []any{}, "responseTime": nil, "responseBusinessTime": nil}
	for name, v := range given {
		switch name {
		case "createdBy", "modifiedBy", "shortcuts", "kbArticles", "related":
		default:
			a[name] = v
		}
	}
	preview := previewOf(&m.Message)
	if kept, ok := given["preview"].(string); ok && preview == "" {
		preview = kept
	}
	direction := "out"
	if m.Direction == parley.Inbound {
		direction = "in"
	}
	a["preview"], a["direction"], a["directionType"] = preview, direction, string(m.Reply)+"-"+direction
	if _, sized := given["size"]; !sized {
		a["size"] = utf8.RuneCountInString(preview)
	}
	d.times(a, given, &m.Message)
	return object{"type": "message", "id": m.ID.Hex(), "attributes": a, "relationships": d.relations(organization, given, m), "links": d.messageLinks(given, a, m)}
}

// times are when what was done with a message, and how often.
func (d *door) times(a, given object, m *parley.Message) {
	created := stamp(m.CreatedAt)
	if at, ok := given["createdAt"].(string); ok {
		created = normal(at)
	}
	changed := created
	for _, at := range []time.Time{m.EditedAt, m.RemovedAt} {
		if !at.IsZero() {
			changed = max(changed, stamp(at))
		}
	}
	a["sentAt"], a["createdAt"], a["updatedAt"], a["modifiedAt"] = stamp(m.SentAt), created, changed, changed
	if at, ok := given["modifiedAt"].(string); ok && m.EditedAt.IsZero() && m.RemovedAt.IsZero() {
		a["modifiedAt"] = normal(at)
	}
	rev := 1 + m.Edits
	if a["redacted"] = m.Removed != "" || m.Redactions != nil; !m.RemovedAt.IsZero() {
		a["redactedAt"] = stamp(m.RemovedAt)
		rev++
	}
	a["rev"] = rev
	for _, name := range []string{"errorAt", "importedAt"} {
		if at, ok := given[name].(string); ok {
			a[name] = normal(at)
		}
	}
}

// normal is a time that was given, as times are written.
func normal(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return stamp(at)
}

func (d *door) relations(organization parley.ID, given object, m *numbered.Item) object {
	created := d.by(organization, m.Actor)
	if id, ok := given["createdBy"].(string); ok {
		created = d.to("user", strings.ToLower(id))
	}
	modified := created
	if id, ok := given["modifiedBy"].(string); ok {
		modified = d.to("user", strings.ToLower(id))
	}
	r := object{"org": d.to("org", organization.Hex()), "createdBy": created, "modifiedBy": modified,
		"customer": d.to("customer", m.Customer.Hex()), "conversation": d.to("conversation", m.Conversation.Hex())}
	if len(m.Attachments) > 0 {
		files := make([]object, len(m.Attachments))
		for i, a := range m.Attachments {
			files[i] = object{"type": "attachment", "id": a.Media.Hex()}
		}
		r["attachments"] = object{"links": object{"self": d.link("messages/%s/attachments", m.ID.Hex())}, "data": files}
	}
	for name, kind := range map[string]string{"shortcuts": "shortcut", "kbArticles": "kb_article"} {
		if ids, ok := given[name].([]any); ok {
			data := make([]object, len(ids))
			for i, id := range ids {
				data[i] = object{"type": kind, "id": id}
			}
			r[name] = object{"data": data}
		}
	}
	return r
}

// messageLinks leads to the message, and to that of the app.
func (d *door) messageLinks(given, attributes object, m *numbered.Item) object {
	related, ok := given["related"].(string)
	if !ok {
		app, _ := attributes["app"].(string)
		related = d.link("%s/messages/%s", url.PathEscape(app), m.ID.Hex())
	}
	return object{"self": d.link("messages/%s", m.ID.Hex()), "related": related}
}

// givenOf are the attributes that a message was recorded with, its numbers as they were written; empty where it came through another door.
func givenOf(m *parley.Message) object {
	given := object{}
	if text := m.Ext[Name]; len(text) > 0 {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&given); err != nil {
			return object{}
		}
	}
	return given
}

// previewOf is the text of a message, the same as anywhere else.
func previewOf(m *parley.Message) string { return plain.Text(m.Body) }

// statusNow is how a message stands that nothing else is said of.
func statusNow(m *parley.Message) string {
	if m.State == parley.MessageState(parley.Failed) {
		return "error"
	}
	return statusOf(m.Direction)
}

// channelOf is what a platform is called here.
func channelOf(platform string) string {
	switch platform {
	case "secure":
		return "portal"
	case "":
		return "chat"
	}
	return platform
}

func (d *door) getMessage(c *call) error {
	var item numbered.Item
	var err error
	if name, external, found := strings.Cut(c.r.PathValue("id"), "="); found && strings.EqualFold(name, "externalId") {
		item, err = d.Lists.Named(c.r.Context(), c.p, external)
	} else {
		var id parley.ID
		if id, err = c.id("message"); err == nil {
			item, err = d.Lists.Item(c.r.Context(), c.p, id)
		}
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, object{"data": d.message(c.p.Organization, &item)})
}

func (d *door) listMessages(c *call) error {
	id, err := c.id("conversation")
	if err != nil {
		return err
	}
	page, err := c.page(100, 100)
	if err != nil {
		return err
	}
	items, more, err := d.Lists.Items(c.r.Context(), c.p, id, page)
	if err != nil {
		return err
	}
	data := make([]object, len(items))
	for i := range items {
		data[i] = d.message(c.p.Organization, &items[i])
	}
	if c.includes("attachments") {
		c.included = d.attachmentsOf(c.p.Organization, items)
	}
	return c.list(d, page, more, -1, data)
}

// attachmentsOf are the files of messages as resources, each once.
func (d *door) attachmentsOf(organization parley.ID, items []numbered.Item) []object {
	list, there := []object{}, map[parley.ID]bool{}
	for i := range items {
		for _, a := range items[i].Attachments {
			if there[a.Media] {
				continue
			}
			there[a.Media] = true
			list = append(list, object{"type": "attachment", "id": a.Media.Hex(), "links": object{"self": d.link("attachments/%s", a.Media.Hex())},
				"attributes":    object{"name": a.Name, "contentType": a.ContentType, "contentLength": a.Size, "redacted": false},
				"relationships": object{"org": d.to("org", organization.Hex()), "message": d.to("message", items[i].ID.Hex())}})
		}
	}
	return list
}
