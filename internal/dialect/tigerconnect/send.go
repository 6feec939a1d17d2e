package tigerconnect

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
)

// outgoing is a message to send, as its fields say. It is what a repeat with the same client_id must be again.
type outgoing struct {
	Recipient    []string
	Type         string // of whom it is for; empty: whatever it is
	Body         string
	TTL          int64 // minutes; 0: as the organization says, never: for ever
	DeleteOnRead bool
	Data         []datum
	From         string // organization
	Into         string // organization
	ClientID     string
	High         bool
	Escalate     bool
	Sender       string // a role; empty: who asks
	Group        *core.Group
	File         *file
	Avatar       *file

	to core.To // whom it went to
}

const (
	never      = -1
	maxMinutes = 100 * 365 * 24 * 60
)

// parse reads the fields of a send. What is about a group is looked at where the send makes one.
func (f fields) parse() (o outgoing, err error) {
	texts := []struct {
		name string
		to   *string
	}{{"body", &o.Body}, {"sender_organization", &o.From}, {"recipient_organization", &o.Into}, {"client_id", &o.ClientID}, {"sender_token", &o.Sender}, {"recipient_type", &o.Type}}
	for _, t := range texts {
		if *t.to, err = f.text(t.name); err != nil {
			return o, err
		}
	}
	if o.Recipient, err = f.list("recipient"); err != nil {
		return o, err
	}
	if len(o.Recipient) == 0 {
		return o, parley.Invalid("recipient", "recipient-required", "must be the id or address of a user, or the id of a role, group, team or list")
	}
	if o.Type != "" && !slices.Contains(recipientTypes, o.Type) {
		return o, parley.Invalid("recipient_type", "value-unknown", "must be one of %s", strings.Join(recipientTypes, ", "))
	}
	if o.DeleteOnRead, err = f.flag("dor"); err != nil {
		return o, err
	}
	if o.Escalate, err = f.flag("escalate"); err != nil {
		return o, err
	}
	if o.TTL, err = f.ttl(); err != nil {
		return o, err
	}
	if o.High, err = f.priority(&o); err != nil {
		return o, err
	}
	if o.Data, err = f.data(); err != nil {
		return o, err
	}
	if len(o.Recipient) > 1 {
		o.Group, err = f.group()
	}
	return o, err
}

// recipientTypes are what a message may be said to be for. A role is written to like a user.
var recipientTypes = []string{"user", "role", "group", "list"}

// fits refuses whoever is not of the type that the message is said to be for.
func (o *outgoing) fits(to *core.To) error {
	var ok bool
	switch o.Type {
	case "user":
		ok = to.User != "" || to.Role != ""
	case "role":
		ok = to.Role != ""
	case "group":
		ok = to.Conversation != "" || to.Team != ""
	case "list":
		ok = to.Broadcast != ""
	default:
		return nil
	}
	if ok && len(o.Recipient) == 1 {
		return nil
	}
	return &parley.Error{Kind: parley.KindNotFound, Code: "recipient-unknown", Message: "the recipient is none of the type that is asked for",
		Fields: []parley.FieldError{{Field: "recipient", Code: "recipient-unknown", Message: "must be the id of a " + o.Type}}}
}

func (f fields) ttl() (int64, error) {
	minutes, given, err := f.whole("ttl")
	switch {
	case err != nil || !given:
		return 0, err
	case minutes == never:
		return never, nil
	case minutes < 1 || minutes > maxMinutes:
		return 0, parley.Invalid("ttl", "out-of-range", "must be 1 to %d minutes, or -1 for no end", maxMinutes)
	}
	return minutes, nil
}

// priority reads 0, 1 or the words for them. 2 is how the vendor's own clients mark what is to escalate.
func (f fields) priority(o *outgoing) (bool, error) {
	value, ok := f.given("priority")
	if !ok {
		return false, nil
	}
	switch strings.Trim(string(value), `"`) {
	case "", "0", "NORMAL":
		return false, nil
	case "1", "HIGH":
		return true, nil
	case "2":
		o.Escalate = true
		return true, nil
	}
	return false, parley.Invalid("priority", "value-unknown", "must be 0 or NORMAL, 1 or HIGH, or 2 with which the message escalates")
}

// group reads what the group is called that a send to several users makes.
func (f fields) group() (*core.Group, error) {
	var g core.Group
	var err error
	if g.Name, err = f.text("group_name"); err != nil {
		return nil, err
	}
	if g.Description, err = f.text("description"); err != nil {
		return nil, err
	}
	if len([]rune(g.Description)) > maxDescription {
		return nil, parley.Invalid("description", "too-long", "must be at most %d characters", maxDescription)
	}
	g.Metadata, err = f.texts("group_metadata")
	return &g, err
}

const maxDescription = 300

// send accepts a message.
func (c *call) send() error {
	o, used, err := c.outgoing()
	if err != nil {
		return err
	}
	sent, err := c.pass(&o)
	used.end(err == nil && !sent.Replayed, err)
	if err != nil {
		return err
	}
	m := &sent.Message
	c.w.Header().Set("TT-X-Message-Id", string(m.ID))
	if c.r.URL.Query().Get("response_format") != "message" {
		return c.done()
	}
	answer, err := c.answer(&o, &sent)
	if err != nil {
		return err
	}
	return c.reply(answer)
}

// act finds out in which organization a message is sent, and refuses one that goes from one to another.
func (c *call) act(o *outgoing) error {
	if err := c.enter(o.From); err != nil {
		return err
	}
	if o.From == "" && o.Into != "" && o.Into != string(c.p.Organization) || o.From != "" && o.Into != "" && o.Into != o.From {
		return &parley.Error{Kind: parley.KindForbidden, Code: "organizations-differ", Message: "messages stay within an organization",
			Fields: []parley.FieldError{{Field: "recipient_organization", Code: "organizations-differ", Message: "must be that of the sender"}}}
	}
	return nil
}

// pass hands a message to the core.
func (c *call) pass(o *outgoing) (core.Sent, error) {
	to, err := c.to(o)
	if err == nil {
		err = o.fits(&to)
	}
	if err != nil {
		return core.Sent{}, err
	}
	params := core.SendParams{To: to, From: core.From{Role: parley.ID(o.Sender)}, DeleteOnRead: o.DeleteOnRead, Escalate: o.Escalate,
		YieldTTL: true, Forever: o.TTL == never, Bare: len(o.Data) > 0}
	if o.Sender == string(c.p.User) {
		params.From.Role = ""
	}
	if params.From.Role != "" && (to.Role != "" || to.Broadcast != "") {
		return core.Sent{}, parley.Invalid("sender_token", "not-allowed", "must be left out where the recipient is a role or a list")
	}
	if o.TTL > 0 {
		params.TTL = time.Duration(o.TTL) * time.Minute
	}
	if o.High {
		params.Priority = parley.PriorityHigh
	}
	if o.Body != "" {
		params.Body = []parley.Part{{Kind: parley.PartText, Text: o.Body}}
	}
	if o.File != nil {
		params.Attachments = []parley.ID{o.File.media.ID}
	}
	if len(to.Users) > 0 {
		params.Group = o.Group
		if o.Avatar != nil {
			params.Group.Avatar = o.Avatar.media.ID
		}
	}
	if o.ClientID != "" || len(o.Data) > 0 {
		if params.Ext, err = o.kept(); err != nil {
			return core.Sent{}, err
		}
	}
	if params.Idempotency, err = o.once(); err != nil {
		return core.Sent{}, err
	}
	o.to = to
	return c.d.Core.Send(c.ctx(), c.p, params)
}

// once binds a client_id to who sends: a repeat answers with the first message.
func (o *outgoing) once() (*access.Idempotency, error) {
	if o.ClientID == "" {
		return nil, nil
	}
	same := *o
	if same.File != nil {
		same.File = &file{Name: o.File.Name, Hash: o.File.media.SHA256}
	}
	same.Avatar = nil
	text, err := json.Marshal(&same)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(text)
	return &access.Idempotency{Key: o.ClientID, Method: "POST", Path: "/" + Name + "/v2/message", Body: hash[:], Sender: true}, nil
}

// to finds whom a message is for. Several users become a group.
func (c *call) to(o *outgoing) (core.To, error) {
	if len(o.Recipient) == 1 {
		return c.recipient(o.Recipient[0])
	}
	var to core.To
	for _, one := range o.Recipient {
		found, err := c.recipient(one)
		if err != nil {
			return core.To{}, err
		}
		if found.User == "" {
			return core.To{}, parley.Invalid("recipient", "recipient-ambiguous", "must be users where there are several")
		}
		to.Users = append(to.Users, found.User)
	}
	return to, nil
}

// recipient finds whom an id or an address stands for.
func (c *call) recipient(address string) (core.To, error) {
	if strings.Contains(address, "@") || strings.HasPrefix(address, "+") {
		u, err := c.find(address)
		if err != nil {
			return core.To{}, ofRecipient(err)
		}
		return core.To{User: u.ID}, nil
	}
	id := parley.ID(address)
	if to, ok := c.d.kinds.get(c.p.Organization, id); ok {
		return to, nil
	}
	to, err := c.d.Core.Named(c.ctx(), c.p, id)
	if err != nil {
		return to, ofRecipient(err)
	}
	if to.Conversation != "" {
		if _, err := c.conversation(id); err != nil {
			return core.To{}, ofRecipient(err)
		}
		return to, nil // only those who see it may write to it
	}
	c.d.kinds.put(c.p.Organization, id, to)
	return to, nil
}

// conversation returns one that the door shows.
func (c *call) conversation(id parley.ID) (parley.Conversation, error) {
	found, err := c.d.Core.Conversation(c.ctx(), c.p, id)
	if err == nil && !shown[found.Kind] {
		err = parley.NotFound("conversation", id)
	}
	return found, err
}

// answer is the message that was accepted, as it is now.
func (c *call) answer(o *outgoing, sent *core.Sent) (*message, error) {
	m := &sent.Message
	if to := o.to.User; !sent.Replayed && to != "" && m.Author.Kind == parley.ActorUser {
		w := c.render(m, to)
		w.Statuses = []recipientStatus{{Account: string(to), Status: statusOf(m.State), At: timeOf(m.SentAt)}}
		return w, nil
	}
	return c.whole(m.ID)
}

// whole is a message with its recipients.
func (c *call) whole(id parley.ID) (*message, error) {
	m, conversation, err := c.look(id)
	if err != nil {
		return nil, err
	}
	w := c.render(&m, c.recipientOf(&m, &conversation))
	w.Statuses, err = c.statusesOf(&m, &conversation)
	if confirmed := c.statusOfConfirmed(); len(w.Statuses) > 0 && !slices.ContainsFunc(w.Statuses, func(s recipientStatus) bool { return s.Status != confirmed }) {
		w.Status = confirmed
	}
	return w, err
}

// look returns a message of a conversation that the door shows.
func (c *call) look(id parley.ID) (parley.Message, parley.Conversation, error) {
	m, conversation, err := c.d.Core.MessageIn(c.ctx(), c.p, id)
	if err == nil && (!shown[conversation.Kind] || m.Sequence == 0) {
		err = parley.NotFound("message", id)
	}
	return m, conversation, err
}
