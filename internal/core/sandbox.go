package core

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// sandboxName is the connector whose channels have doors for developers.
const sandboxName = connector.Sandbox

// Handed is what a sandbox channel was handed in one attempt. The message of content that is gone is a tombstone.
type Handed struct {
	Attempt parley.Attempt
	Channel parley.ID
	To      parley.Address
	Role    parley.ReceiverRole // of a message to several
	Shown   []string            // whom such a message shows as its receivers: "kind:value", and "cc kind:value"
	Message parley.Message
}

// OutboxFilter narrows the sandbox's outbox. Empty fields do not.
type OutboxFilter struct {
	Channel parley.ID
	To      string // "kind:value"
	Message parley.ID
}

// Outbox returns up to limit attempts of sandbox channels, those of the newest messages first; next is where to
// go on, empty at the end.
func (c *Core) Outbox(ctx context.Context, p *Principal, f OutboxFilter, after string, limit int) (handed []Handed, next string, err error) {
	if err := p.Require(parley.ScopeSandboxRead); err != nil {
		return nil, "", err
	}
	from, err := parseOutboxCursor(after)
	if err != nil {
		return nil, "", err
	}
	filter := store.AttemptFilter{Connector: sandboxName, Channel: f.Channel, Message: f.Message}
	if f.To != "" {
		if filter.To, err = parley.ParseAddress(f.To); err != nil {
			return nil, "", parley.Invalid("to", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
		}
	}
	q := c.read(ctx)
	if p.Personal {
		_, filter.Members, err = q.ClosedChannels(p.Organization, p.User)
		if err != nil {
			return nil, "", err
		}
		filter.OpenOnly = true
	}
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	rows, end, err := q.AttemptsBefore(p.Organization, filter, from, limit)
	if err != nil {
		return nil, "", err
	}
	if handed, err = c.contentOf(q, p, rows); err != nil || end == nil {
		return handed, "", err
	}
	return handed, outboxCursor(*end), nil
}

// contentOf joins attempts with their messages, as the platform gets them.
func (c *Core) contentOf(q store.Queries, p *Principal, rows []store.HandedRow) ([]Handed, error) {
	organization := p.Organization
	ids := make([]parley.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.Message
	}
	messages, err := q.Messages(organization, ids)
	if err != nil {
		return nil, err
	}
	shown, err := shownOf(q, organization, messages)
	if err != nil {
		return nil, err
	}
	links, err := linksOf(q, organization, rows, messages)
	if err != nil {
		return nil, err
	}
	handed := make([]Handed, len(rows))
	var stoodIn []fallback.Sent
	for i, r := range rows {
		h := &handed[i]
		*h = Handed{Attempt: r.Attempt, Channel: r.Channel, To: r.To, Message: parley.Message{ID: r.Message, Removed: parley.RemovedErased}}
		if m := messages[r.Message]; m != nil {
			h.Message = *m
			h.Message.Body = content.Shortened(m.Body, c.url(), links[store.DeliveryRef{Organization: organization, Message: r.Message, Number: r.Delivery}])
			if fallback.StandsIn(m, r.Channel) {
				stoodIn = append(stoodIn, fallback.Sent{Channel: r.Channel, Message: &h.Message})
			} else if m.Receivers.Several {
				h.Role, h.Shown = m.Receivers.Role(r.Delivery), shown[m.ID]
			}
			if platform, ok := c.connectors[sandboxName].Platform(m.Platform); ok && len(m.AsText) > 0 {
				if body, _, err := platform.Fit(h.Message.Body); err == nil {
					h.Message.Body = body
				}
			}
		}
		h.Attempt.Reference = fmt.Sprintf("%s.%d", r.Message, r.Delivery)
	}
	return handed, fallback.AsSent(q, p, stoodIn, c.connectors[sandboxName].Platform)
}

// shownOf are the receivers that messages to several show.
func shownOf(q store.Queries, organization parley.ID, messages map[parley.ID]*parley.Message) (map[parley.ID][]string, error) {
	var refs []store.DeliveryRef
	for id, m := range messages {
		if m.Receivers.Several {
			refs = append(refs, store.DeliveryRef{Organization: organization, Message: id})
		}
	}
	found, err := q.DeliveriesWith(refs)
	shown := map[parley.ID][]string{}
	for ref, deliveries := range found {
		for _, d := range deliveries {
			switch role := messages[ref.Message].Receivers.Role(d.Number); {
			case d.RetryOf > 0 || role == parley.ReceiverBCC:
			case role == parley.ReceiverCC:
				shown[ref.Message] = append(shown[ref.Message], "cc "+d.Address.String())
			default:
				shown[ref.Message] = append(shown[ref.Message], d.Address.String())
			}
		}
	}
	return shown, err
}

func outboxCursor(at store.AttemptPosition) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%s.%d.%d", at.Message, at.Delivery, at.Number)))
}

func parseOutboxCursor(text string) (at store.AttemptPosition, err error) {
	if text == "" {
		return at, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		message, numbers, _ := strings.Cut(string(raw), ".")
		at.Message = parley.ID(message)
		_, err = fmt.Sscanf(numbers, "%d.%d", &at.Delivery, &at.Number)
	}
	if err != nil || at.Message == "" {
		return at, parley.Invalid("after", "cursor-invalid", "must be the next of an earlier page of the same list")
	}
	return at, nil
}

// InboundParams is a message from outside that is played: from an address or from a contact.
type InboundParams struct {
	Channel     parley.ID // empty: the one the sender last wrote on, else the default of the address kind
	From        string    // "kind:value"
	Contact     parley.ID
	FromName    string
	Body        []parley.Part
	Attachments []parley.ID
	ProviderID  string // the same message has the same one; empty: a new one
	ReplyTo     parley.ID
	Action      string // that was chosen of the message that it answers
	Automatic   bool   // no person wrote it
}

// PlayInbound takes in a message as if a customer had written it on a sandbox channel. It says whether the
// message was there already, by the request's Idempotency-Key or by the provider's id.
func (c *Core) PlayInbound(ctx context.Context, p *Principal, params InboundParams, i *access.Idempotency) (parley.Message, bool, error) {
	if err := p.Require(parley.ScopeSandboxWrite); err != nil {
		return parley.Message{}, false, err
	}
	if err := params.validate(); err != nil {
		return parley.Message{}, false, err
	}
	if replay, err := p.Before(ctx, c.store, i); err != nil || replay != nil {
		return c.played(ctx, p, replay, err)
	}
	a, err := c.play(c.read(ctx), p, &params)
	if err != nil {
		return parley.Message{}, false, err
	}
	var claim *store.Idempotency
	a.claim = func(resource parley.ID) (_ *store.Idempotency, err error) {
		claim, err = p.Claim(i, 201, resource)
		return claim, err
	}
	m, duplicate, err := c.takeIn(ctx, a)
	if err != nil {
		replay, err := access.Replayed(err, claim)
		return c.played(ctx, p, replay, err)
	}
	m.State = parley.Delivered
	return m, duplicate, nil
}

// played answers a repeated request.
func (c *Core) played(ctx context.Context, p *Principal, replay *store.Replay, err error) (parley.Message, bool, error) {
	if err != nil {
		return parley.Message{}, false, err
	}
	m, err := c.read(ctx).Message(p.Organization, replay.Resource)
	m.State = parley.Delivered
	return m, true, err
}

func (params *InboundParams) validate() error {
	var c check
	if (params.From == "") == (params.Contact == "") {
		c.Refuse("from", "sender-required", "exactly one of from and contact must be given")
	}
	c.Text("fromName", params.FromName, false, 200)
	c.Text("providerId", params.ProviderID, false, maxReference)
	written := SendParams{Body: params.Body, Attachments: params.Attachments}
	if params.Action == "" || len(params.Body)+len(params.Attachments) > 0 {
		written.content(&c)
	}
	c.Text("action", params.Action, false, maxTag)
	if params.Action != "" && params.ReplyTo == "" {
		c.Refuse("replyTo", "required", "must name the message whose action was chosen")
	}
	return c.Err()
}

// play finds the sender, the channel and the files.
func (c *Core) play(q store.Queries, p *Principal, params *InboundParams) (*arrival, error) {
	a := &arrival{Inbound: connector.Inbound{FromName: params.FromName, Body: params.Body, ProviderID: params.ProviderID, Action: params.Action, Automatic: params.Automatic},
		organization: p.Organization, actor: access.System(p.Organization), answers: params.ReplyTo}
	addresses, last, err := sender(q, p.Organization, params)
	if err != nil {
		return nil, err
	}
	ch, err := c.playedOn(q, p, params.Channel, last, addresses)
	if err != nil {
		return nil, err
	}
	a.channel = ch.ID
	for _, address := range addresses {
		if address.Kind == ch.AddressKind {
			a.From = address
			break
		}
	}
	if a.From.Value == "" {
		return nil, parley.Invalid("from", "address-kind", "the channel takes addresses of the kind %s", ch.AddressKind)
	}
	if params.ReplyTo != "" {
		if m, err := q.Message(p.Organization, params.ReplyTo); err != nil || !m.GoesOn(ch.ID) {
			return nil, parley.FirstError(ignoreNotFound(err), parley.Invalid("replyTo", "reply-unknown", "must be the id of a message on the channel"))
		} else if params.Action != "" {
			if action := parley.ActionOf(m.Body, params.Action); action == nil || action.Kind != parley.ActionReply && action.Kind != parley.ActionPostback {
				return nil, parley.Invalid("action", "action-unknown", "must be the id of a reply or a postback of the message")
			}
		}
	}
	if err := content.Complete(q, content.Sender{Organization: p.Organization}, a.Body); err != nil {
		return nil, err
	}
	return a, attach(q, p, params.Attachments, a)
}

// DeedParams is what somebody outside does with a message of a sandbox channel.
type DeedParams struct {
	Message parley.ID
	Kind    parley.InteractionKind
	From    string // "kind:value"; empty: the recipient, where the message has one
	Action  string
	URL     string
	Emoji   string
	Removed bool
}

// sender returns the addresses that the message may come from, and the channel that their contact last wrote on.
func sender(q store.Queries, organization parley.ID, params *InboundParams) ([]parley.Address, parley.ID, error) {
	if params.Contact != "" {
		contact, err := q.Survivor(organization, params.Contact)
		return contact.Addresses, contact.LastChannel, unknown(err, "contact", "contact-unknown")
	}
	address, err := parley.ParseAddress(params.From)
	if err != nil {
		return nil, "", parley.Invalid("from", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
	}
	contact, err := q.ContactByAddress(organization, address)
	return []parley.Address{address}, contact.LastChannel, ignoreNotFound(err)
}

// playedOn is the sandbox channel that is named, or the last one, or the default of one of the addresses.
func (c *Core) playedOn(q store.Queries, p *Principal, named, last parley.ID, addresses []parley.Address) (parley.Channel, error) {
	if named != "" {
		ch, err := q.Channel(p.Organization, named)
		if err == nil && ch.Connector != sandboxName {
			return ch, parley.Invalid("channel", "channel-not-sandbox", "must be a channel of the sandbox")
		}
		return ch, unknown(err, "channel", "channel-unknown")
	}
	if last != "" {
		ch, err := q.Channel(p.Organization, last)
		if ignoreNotFound(err) != nil || err == nil && ch.Connector == sandboxName {
			return ch, err
		}
	}
	for _, address := range addresses {
		ch, err := q.DefaultChannel(p.Organization, address.Kind)
		if ignoreNotFound(err) != nil || err == nil && ch.Connector == sandboxName {
			return ch, err
		}
	}
	return parley.Channel{}, parley.Invalid("channel", "channel-required", "must name a channel of the sandbox: none is the default")
}

func attach(q store.Queries, p *Principal, ids []parley.ID, a *arrival) error {
	if len(ids) == 0 {
		return nil
	}
	files, err := q.MediaByID(p.Organization, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		f := files[id]
		if f == nil {
			return parley.Invalid(fmt.Sprintf("attachments[%d]", i), "media-unknown", "must be the id of an uploaded file")
		}
		a.Attachments = append(a.Attachments, parley.Attachment{Media: f.ID, Name: f.Name, ContentType: f.ContentType, Size: f.Size})
	}
	return nil
}

// Play takes in what up to limit simulated recipients answer by themselves, each once, and says how many timers were due.
func (c *Core) Play(ctx context.Context, limit int) (int, error) {
	n, err := c.store.WriteDue(ctx, store.JobPlay, limit, func(tx *store.Tx, jobs []store.Job) error {
		for i := range jobs {
			if err := c.speak(tx, &jobs[i]); err != nil {
				return err
			}
		}
		return tx.Done(jobs)
	})
	if err == nil && n > 0 {
		c.kick()
	}
	return n, err
}

// speak takes in one answer. What cannot be answered any more is not.
func (c *Core) speak(tx *store.Tx, job *store.Job) error {
	ref := store.DeliveryRef{Organization: job.Organization, Message: job.Message, Number: job.Delivery}
	deliveries, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
	if err != nil {
		return err
	}
	m, err := tx.Message(job.Organization, job.Message)
	if d := deliveries[ref]; err == nil && m.Removed == "" && d != nil {
		var ch parley.Channel
		if ch, err = tx.Channel(job.Organization, job.Channel); err == nil {
			err = c.speakOn(tx, job, &ch, &m, d)
		}
	}
	if e := parley.AsError(err); err != nil && e.Kind != parley.KindInternal && e.Kind != parley.KindUnavailable {
		c.log.Warn("a simulated recipient cannot answer", "organization", job.Organization, "message", job.Message, "error", err)
		return nil
	}
	return err
}

func (c *Core) speakOn(tx *store.Tx, job *store.Job, ch *parley.Channel, m *parley.Message, d *parley.Delivery) error {
	player, plays := c.connectors[ch.Connector].Connector.(connector.Player)
	if !plays {
		return nil
	}
	in := player.Play(job.Payload, connector.Outgoing{Reference: fmt.Sprintf("%s.%d", m.ID, d.Number), Message: m.ID, Body: m.Body,
		Recipients: []connector.Recipient{{Delivery: d.Number, Address: d.Address}}})
	in.From = d.Address
	a := &arrival{Inbound: in, organization: job.Organization, channel: ch.ID, actor: access.System(job.Organization), answers: m.ID}
	if problem := a.clean(); problem != "" {
		return parley.Invalid("answer", "value-unknown", "%s", problem)
	}
	_, _, err := c.arrive(tx, a)
	return err
}
