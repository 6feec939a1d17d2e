package kustomer

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	// maxBody is how large the body of a request may be.
	maxBody = 100 << 10
	// messageWindow is the time that messages with a customer are counted in.
	messageWindow = time.Minute
)

// createMessage records a message in a conversation. It is delivered to nobody.
func (d *door) createMessage(c *call) error {
	id, err := c.id("conversation")
	if err != nil {
		return err
	}
	httpd.AllowBody(c.w, maxBody)
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return err
	}
	o, err := decode(body)
	if err != nil {
		return err
	}
	var check parley.Check
	messageShape.check(&check, "", o)
	r := request{object: o, admin: isAdmin(c.p)}
	if named := r.id("conversation"); named != "" && named != id {
		check.Refuse("conversation", "not-allowed", "must be the conversation in the path")
	}
	if err := check.Err(); err != nil {
		_, missing := d.Lists.Thread(c.r.Context(), c.p, id) // of what is not there nothing else is said
		return parley.FirstError(missing, err)
	}
	if err := d.knowsAuthors(c, &r); err != nil {
		return err
	}
	params, err := r.params(c, id)
	if err != nil {
		return err
	}
	if d.Messages > 0 && !params.Record.Imported {
		params.Record.Pace = limits.Pace{Max: d.Messages, Per: messageWindow}
	}
	sent, err := d.Core.Send(c.r.Context(), c.p, params)
	if err != nil {
		return c.paced(inWords(err))
	}
	item, err := d.Lists.Made(c.r.Context(), c.p, sent.Message, sent.Customer)
	if err != nil {
		return err
	}
	c.quota = c.quota.least(paceOf(sent.Pace))
	return c.answer(http.StatusCreated, object{"data": d.message(c.p.Organization, &item)})
}

// shown refuses conversations that do not exist at this door.
func shown(c *parley.Conversation) error {
	if numbered.Shown(c) {
		return nil
	}
	return parley.NotFound("conversation", "")
}

// request is a message to record, whose form has been checked.
type request struct {
	object
	admin bool // it may say when and by whom the message was made
}

func (r request) text(name string) string {
	s, _ := r.object[name].(string)
	return s
}

func (r request) id(name string) parley.ID {
	id, _ := parley.IDFromHex(r.text(name))
	return id
}

func (r request) at(name string) time.Time {
	at, _ := time.Parse(time.RFC3339, r.text(name))
	return at
}

// authorship are what only an administrator says of a message; of others it is ignored.
var authorship = []string{"createdAt", "createdBy", "modifiedAt", "modifiedBy"}

// knowsAuthors checks the users who are said to have made the message, and forgets what the key may not say.
func (d *door) knowsAuthors(c *call, r *request) error {
	if !r.admin {
		for _, name := range authorship {
			delete(r.object, name)
		}
		return nil
	}
	for _, name := range []string{"createdBy", "modifiedBy"} {
		id := r.id(name)
		if id == "" {
			continue
		}
		_, err := d.Directory.Shown(c.r.Context(), c.p, id)
		if parley.IsKind(err, parley.KindNotFound) {
			return parley.Invalid(name, "user-unknown", "must be the id of a user")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// direction is as the request says; without that, machines and administrators record what came in, people what they sent.
func (r request) direction(c *call) parley.Direction {
	switch direction := r.text("direction"); {
	case direction == "out", direction == "" && c.p.Personal && !r.admin:
		return parley.Outbound
	}
	return parley.Inbound
}

// states are what a message's status is in the words of the core.
var states = map[string]parley.DeliveryState{"sent": parley.Sent, "received": parley.Delivered, "error": parley.Failed}

// params is the record of the message in a conversation.
func (r request) params(c *call, conversation parley.ID) (core.SendParams, error) {
	direction := r.direction(c)
	status := r.text("status")
	if status == "" {
		status = statusOf(direction)
	}
	record := &core.Record{Direction: direction, State: states[status], SentAt: r.at("sentAt"), Platform: r.text("channel"),
		Imported: r.text("importedAt") != "", ExternalID: r.text("externalId"), OfCustomer: true, Customer: r.id("customer")}
	if record.SentAt.IsZero() {
		record.SentAt = r.at("createdAt")
	}
	if id := r.id("createdBy"); id != "" && direction == parley.Outbound {
		record.Author = parley.Actor{Kind: parley.ActorUser, ID: id}
	}
	p := core.SendParams{ID: r.id("id"), To: core.To{Conversation: conversation}, Attachments: r.attachments(), Record: record, Bare: true, Admits: shown}
	if auto, _ := r.object["auto"].(bool); auto || direction == parley.Outbound {
		p.Reopen = parley.ReopenNever
	}
	preview := r.text("preview")
	if strings.TrimSpace(preview) != "" {
		p.Body = []parley.Part{{Kind: parley.PartText, Text: preview}}
	}
	ext, err := r.kept(status, len(p.Body) == 0)
	p.Ext = map[string]json.RawMessage{Name: ext}
	return p, err
}

// attachments are the files, whichever way they are named.
func (r request) attachments() (ids []parley.ID) {
	values, _ := r.object["attachments"].([]any)
	for _, v := range values {
		if o, ok := v.(object); ok {
			v = o["_id"]
		}
		text, _ := v.(string)
		if id, ok := parley.IDFromHex(text); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// modelled are the attributes that a message has by itself.
var modelled = []string{"id", "conversation", "customer", "attachments", "direction", "sentAt"}

// kept is what the message gives back besides what it has by itself. The preview is among it where the body has none.
func (r request) kept(status string, preview bool) (json.RawMessage, error) {
	kept := object{"status": status}
	for name, v := range r.object {
		if !slices.Contains(modelled, name) && (name != "preview" || preview) {
			kept[name] = v
		}
	}
	if custom, ok := kept["custom"].(object); ok {
		set := object{}
		for name, v := range custom {
			if v != nil {
				set[name] = v
			}
		}
		kept["custom"] = set
	}
	return json.Marshal(kept)
}

// coreFields are what the fields of the core are called here.
var coreFields = []struct{ core, here string }{
	{"body", "preview"}, {"record.author.id", "createdBy"}, {"record.externalId", "externalId"}, {"record.customer", "customer"}, {"record.platform", "channel"}, {"record.sentAt", "sentAt"}, {"record.status", "status"},
}

// inWords names the fields of an error of the core as the request does.
func inWords(err error) error {
	e := parley.AsError(err)
	if e.Code == "id-taken" {
		return &parley.Error{Kind: e.Kind, Code: e.Code, Message: "the id is taken", Fields: []parley.FieldError{{Field: "id", Code: e.Code, Message: "is taken"}}}
	}
	if len(e.Fields) == 0 {
		return err
	}
	if e.Fields[0].Code == "conversation-unknown" {
		return parley.NotFound("conversation", "")
	}
	named := *e
	named.Fields = slices.Clone(e.Fields)
	for i := range named.Fields {
		for _, f := range coreFields {
			if strings.HasPrefix(named.Fields[i].Field, f.core) {
				named.Fields[i].Field = f.here
			}
		}
	}
	return &named
}

// statusOf is the status of a message whose request has none.
func statusOf(d parley.Direction) string {
	if d == parley.Inbound {
		return "received"
	}
	return "sent"
}

// link is a path with the mount in use.
func (d *door) link(format string, args ...any) string {
	return d.Mount + "/v1/" + fmt.Sprintf(format, args...)
}
