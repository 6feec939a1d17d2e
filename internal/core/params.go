package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/parley"
)

// SendParams is a message to send. Exactly one field of To says to whom.
type SendParams struct {
	ID           parley.ID // of the message; empty: one is made. One that is taken is a conflict
	To           To
	From         From // zero: the principal itself
	Body         []parley.Part
	Template     *template.Use // in place of a body
	Links        parley.LinkMode
	Attachments  []parley.ID
	Names        []string // of the attachments, in their order; what is empty or missing: as it was uploaded
	Internal     bool
	Priority     parley.Priority     // empty: normal
	Class        parley.MessageClass // of one that goes out; empty: transactional
	TTL          time.Duration       // 0: as the organization's policy says
	Forever      bool                // instead of a TTL: none, also where the policy has one for those who ask for none
	YieldTTL     bool                // where the policy fixes the life of content, that holds in place of another that is asked for
	Bare         bool                // it may have neither a body nor attachments: what a door keeps with it says enough
	Validity     time.Duration       // 0: until delivery is given up
	DeleteOnRead bool
	Metadata     map[string]string
	SendAt       time.Time // zero or past: now
	Tags         []string
	Reference    string
	ReplyTo      parley.ID
	Draft        parley.ID // that it was: it goes
	RequestAck   bool
	AckWithin    time.Duration // 0: whenever
	Fallback     []parley.Fallback
	Escalate     bool                // by the policy of the role that it is to
	Batch        parley.ID           // of the messages that are sent with it
	Reopen       parley.ReopenPolicy // ReopenAuto or ReopenNever; empty: as the channel does
	Group        *Group
	Record       *Record
	Forward      parley.ID // the message whose content follows the body
	Idempotency  *access.Idempotency
	// Admits says where a door lets messages go, of conversations that the request names; nil: everywhere. It must not block.
	Admits func(*parley.Conversation) error
	// Takes says on which channels a door lets messages go; nil: on all. It must not block.
	Takes func(*parley.Channel) error
	// Answers says which messages a door knows, that others may answer; nil: all. It must not block.
	Answers func(*parley.Message, *parley.Conversation) bool
	Ext     map[string]json.RawMessage // what a door gives back, by its name
}

// To is whom a message is for.
type To struct {
	User         parley.ID
	Users        []parley.ID // who become a group
	Role         parley.ID
	Team         parley.ID
	Broadcast    parley.ID
	Conversation parley.ID
	Contact      parley.ID
	Address      string    // "kind:value"
	Channel      parley.ID // with Contact, Address or Receivers
	Receivers    []Receiver
	New          bool   // with Contact or Address: in a conversation of its own, whatever the channel's policy
	Title        string // of a conversation that is made for Contact or Address
}

// Receiver is one of several outside to whom a message goes: a contact or an address.
type Receiver struct {
	Role    parley.ReceiverRole // empty: ReceiverTo
	Contact parley.ID
	Address string    // "kind:value"
	Channel parley.ID // the same of all that name one
}

// From is as whom a message is sent.
type From struct {
	Role parley.ID // that the principal's user is on duty for
	// Author is who is shown as the author: a user, a team or the organization, by an organization key only. Zero: the principal.
	Author parley.Actor
}

// Group is what a send to several users calls the group it makes.
type Group struct {
	Name        string
	Description string
	Avatar      parley.ID
	Metadata    map[string]string
}

// Record makes a send the record of what happened elsewhere: nothing is delivered and nobody is notified.
type Record struct {
	Direction parley.Direction
	Author    parley.Actor         // zero: the principal
	State     parley.DeliveryState // empty: delivered when inbound, sent otherwise
	SentAt    time.Time            // zero: now
	Platform  string
	Imported  bool // it changes neither the status nor the order of conversations
	// ExternalID is what the message is called where it happened. One that another message of the organization has is a conflict.
	ExternalID string
	Pace       limits.Pace // that whoever records keeps
	// OfCustomer says that the conversation must be one with a contact, its customer, who is the author of what came in.
	OfCustomer bool
	Customer   parley.ID // that it must be, where it is named
}

// answers reports whether somebody outside was answered by what is recorded, as far as it says.
func (r *Record) answers() bool {
	reached := r.State == "" || r.State == parley.Sent || r.State == parley.Delivered || r.State == parley.Read
	return r.Direction == parley.Outbound && !r.Imported && reached
}

// Limits of a message.
const (
	maxAttachments = 100
	maxTags        = 50
	maxTag         = 100
	maxMetadata    = 100
	maxReference   = 255
	maxExternalID  = 256
	maxTitle       = 200
	maxFileName    = 255
	maxUsers       = 1000
	maxLifetime    = 100 * 365 * 24 * time.Hour
	maxSchedule    = 5 * 365 * 24 * time.Hour
)

// check collects the wrong fields of a send.
type check struct{ parley.Check }

// name checks what a file is called.
func (c *check) name(field, value string) {
	c.Text(field, value, false, maxFileName)
	if strings.ContainsFunc(value, unicode.IsControl) {
		c.Refuse(field, "text-invalid", "must be without control characters")
	}
}

func (c *check) life(field string, d time.Duration) {
	if d < 0 || d > maxLifetime {
		c.Refuse(field, "out-of-range", "must be 0 to %d seconds", int64(maxLifetime/time.Second))
	}
}

// validate checks the form of a send; what depends on stored things is checked where they are read.
func (s *SendParams) validate(now time.Time) error {
	var c check
	if s.ID != "" && !s.ID.Valid() {
		c.Refuse("id", "id-invalid", "must be an id")
	}
	s.To.validate(&c, s.Record != nil)
	if s.From.Role != "" && (s.To.Role != "" || s.To.Broadcast != "") {
		c.Refuse("from.role", "not-allowed", "does not go with to.role and to.broadcast")
	}
	s.From.validate(&c)
	s.content(&c)
	switch s.Priority {
	case "":
		s.Priority = parley.PriorityNormal
	case parley.PriorityLow, parley.PriorityNormal, parley.PriorityHigh:
	default:
		c.Refuse("priority", "value-unknown", "must be low, normal or high")
	}
	switch s.Links {
	case "", parley.LinksShort, parley.LinksPlain:
	default:
		c.Refuse("links", "value-unknown", "must be short or plain")
	}
	if s.Class != "" && !s.Class.Valid() {
		c.Refuse("class", "value-unknown", "must be one of %v", parley.MessageClasses)
	}
	switch s.Reopen {
	case "", parley.ReopenAuto, parley.ReopenNever:
	default:
		c.Refuse("reopen", "value-unknown", "must be auto or never")
	}
	c.life("ttl", s.TTL)
	c.life("validity", s.Validity)
	s.acks(&c)
	fallback.Form("fallback", s.Fallback, c.Refuse)
	if s.SendAt.After(now.Add(maxSchedule)) {
		c.Refuse("sendAt", "out-of-range", "must be within %d days", int(maxSchedule/(24*time.Hour)))
	}
	c.Text("reference", s.Reference, false, maxReference)
	s.labels(&c)
	s.group(&c)
	s.record(&c, now)
	return c.Err()
}

func (s *SendParams) content(c *check) {
	if s.Forward != "" {
		s.forwards(c)
	} else if len(s.Body) == 0 && len(s.Attachments) == 0 && s.Template == nil && !s.Bare {
		c.Refuse("body", "required", "must not be empty unless there are attachments or a template")
	}
	if s.Template != nil && (len(s.Body) > 0 || s.Forward != "") {
		c.Refuse("template", "not-allowed", "does not go with body, nor with a forward")
	}
	if len(s.Attachments) > maxAttachments {
		c.Refuse("attachments", "too-many", "must be at most %d", maxAttachments)
	}
	for i, name := range s.Names {
		c.name(fmt.Sprintf("attachments[%d].name", i), name)
	}
	c.Wrong = append(c.Wrong, content.Check(s.Body)...)
}

// forwards checks what goes beside the content of another message.
func (s *SendParams) forwards(c *check) {
	if len(s.Attachments) > 0 {
		c.Refuse("attachments", "not-allowed", "does not go with a forward, which has the files of what it forwards")
	}
	if s.Record != nil {
		c.Refuse("record", "not-allowed", "does not go with a forward")
	}
	if !s.SendAt.IsZero() {
		c.Refuse("sendAt", "not-allowed", "does not go with a forward")
	}
}

func (s *SendParams) labels(c *check) {
	if len(s.Tags) > maxTags {
		c.Refuse("tags", "too-many", "must be at most %d", maxTags)
	}
	for i, tag := range s.Tags {
		if strings.TrimSpace(tag) == "" {
			c.Refuse(fmt.Sprintf("tags[%d]", i), "required", "must not be blank")
		}
		c.Text(fmt.Sprintf("tags[%d]", i), tag, false, maxTag)
	}
	c.metadata("metadata", s.Metadata)
}

func (c *check) metadata(field string, values map[string]string) {
	if len(values) > maxMetadata {
		c.Refuse(field, "too-many", "must be at most %d entries", maxMetadata)
	}
	for k, v := range values {
		c.Text(field, k, false, maxTag)
		c.Text(field+"."+k, v, false, 4000)
	}
}

func (s *SendParams) group(c *check) {
	if s.Group == nil {
		return
	}
	if len(s.To.Users) == 0 {
		c.Refuse("group", "not-allowed", "goes with to.users only")
	}
	c.Text("group.name", s.Group.Name, false, 200)
	c.Text("group.description", s.Group.Description, false, 2000)
	c.metadata("group.metadata", s.Group.Metadata)
}

// maxAhead is how far the clock of whoever records may be ahead.
const maxAhead = 24 * time.Hour

func (s *SendParams) record(c *check, now time.Time) {
	r := s.Record
	if r == nil {
		return
	}
	switch r.Direction {
	case parley.Inbound, parley.Outbound, parley.NoDirection:
	default:
		c.Refuse("record.direction", "value-unknown", "must be inbound, outbound or none")
	}
	switch r.State {
	case "", parley.Sent, parley.Delivered, parley.Read, parley.Failed, parley.Expired, parley.Skipped, parley.Canceled, parley.Unknown:
	default:
		c.Refuse("record.status", "value-unknown", "must be sent, delivered, read, failed, expired, skipped, canceled or unknown")
	}
	if r.SentAt.After(now.Add(maxAhead)) {
		c.Refuse("record.sentAt", "out-of-range", "must not be in the future")
	}
	c.Text("record.platform", r.Platform, false, 50)
	c.Text("record.author.name", r.Author.Name, false, 200)
	c.Text("record.externalId", r.ExternalID, false, maxExternalID)
	if !s.SendAt.IsZero() {
		c.Refuse("sendAt", "not-allowed", "does not go with record")
	}
	if s.From != (From{}) {
		c.Refuse("from", "not-allowed", "does not go with record: its author says who wrote it")
	}
	if s.DeleteOnRead {
		c.Refuse("deleteOnRead", "not-allowed", "does not go with record")
	}
}

// validate checks that exactly one recipient is named.
func (t *To) validate(c *check, record bool) {
	named := 0
	for _, set := range []bool{t.User != "", len(t.Users) > 0, t.Role != "", t.Team != "", t.Broadcast != "", t.Conversation != "", t.Contact != "", t.Address != "", len(t.Receivers) > 0} {
		if set {
			named++
		}
	}
	const allowed = "exactly one of user, users, role, team, broadcast, conversation, contact, address; or be a list of receivers"
	switch {
	case named == 0:
		c.Refuse("to", "recipient-required", "must name %s", allowed)
	case named > 1:
		c.Refuse("to", "recipient-ambiguous", "must name %s", allowed)
	case record && t.Conversation == "":
		c.Refuse("record", "not-allowed", "goes with a conversation only")
	}
	t.receivers(c)
	if t.Channel != "" && t.Contact == "" && t.Address == "" && len(t.Receivers) == 0 {
		c.Refuse("to.channel", "not-allowed", "goes with contact or address only")
	}
	if (t.New || t.Title != "") && t.Contact == "" && t.Address == "" {
		c.Refuse("to.new", "not-allowed", "goes with contact or address only")
	}
	c.Text("to.title", t.Title, false, maxTitle)
	if len(t.Users) > maxUsers {
		c.Refuse("to.users", "too-many", "must be at most %d", maxUsers)
	}
}

// render makes the body of a message from a template.
func (s *send) render(ctx context.Context) error {
	if s.params.Template == nil {
		return nil
	}
	if err := s.p.Require(parley.ScopeTemplatesRead); err != nil {
		return err
	}
	made, err := template.Render(s.c.read(ctx), s.p.Organization, *s.params.Template)
	s.params.Body, s.of = made.Body, &made.Of
	return err
}

// again answers a request whose template is not there any more, or says something else by now, if it was made before.
func (c *Core) again(ctx context.Context, p *Principal, params *SendParams, refusal error) (Sent, error) {
	if params.Template == nil || !parley.IsKind(refusal, parley.KindInvalid) {
		return Sent{}, refusal
	}
	replay, err := p.Before(ctx, c.store, params.Idempotency)
	if replay == nil {
		return Sent{}, parley.FirstError(err, refusal)
	}
	m, err := c.Message(ctx, p, replay.Resource)
	return Sent{Message: m, Replayed: true}, err
}

// Used refuses a request whose key was used before, where a key serves once.
func (c *Core) Used(ctx context.Context, p *Principal, i *access.Idempotency) error {
	_, err := p.Before(ctx, c.store, i)
	return err
}
