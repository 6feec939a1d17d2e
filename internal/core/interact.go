package core

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/interaction"
	"github.com/parley-server/parley/internal/store/link"
)

const maxURL = 2048 // bytes of one that was clicked

// Interacted takes in what people outside did with messages of a channel. What names no message, or is nothing that is
// known, is dropped: it is no content.
func (c *Core) Interacted(ctx context.Context, organization, channel parley.ID, deeds []connector.Deed) error {
	for _, d := range deeds {
		d.ProviderID = connector.ShortID(cleaned(d.ProviderID))
		err := c.store.Write(ctx, organization, func(tx *store.Tx) error {
			message, delivery, err := referred(tx, organization, channel, d.ProviderID)
			if err != nil || message == "" {
				return err
			}
			_, err = c.interact(tx, organization, message, delivery, &d)
			return err
		})
		if e := parley.AsError(err); err != nil && (e.Kind == parley.KindInternal || e.Kind == parley.KindUnavailable) {
			return err
		}
	}
	return nil
}

// referred is the message that a provider's id stands for, and the number of the delivery; none where it stands for nothing.
func referred(tx *store.Tx, organization, channel parley.ID, id string) (message parley.ID, delivery int, err error) {
	for _, kind := range []string{store.KindDelivery, store.KindInbound} {
		message, delivery, err = tx.Reference(organization, channel, kind, id)
		if err = ignoreNotFound(err); err != nil || message != "" {
			break
		}
	}
	return message, delivery, err
}

// interact is the unit that takes in what somebody outside did with a message.
func (c *Core) interact(tx *store.Tx, organization, message parley.ID, delivery int, d *connector.Deed) (parley.Interaction, error) {
	m, err := tx.Message(organization, message)
	if err != nil {
		return parley.Interaction{}, err
	}
	i := parley.Interaction{Message: message, Kind: d.Kind, At: tx.Now, Address: d.From}
	if !d.At.IsZero() && d.At.Before(tx.Now) {
		i.At = d.At
	}
	if m.Removed != "" || m.Sequence == 0 {
		return i, parley.Conflict("content-removed", "the content of the message is gone")
	}
	if err := who(tx, organization, &m, delivery, &i); err != nil {
		return i, err
	}
	switch d.Kind {
	case parley.InteractionOpened:
	case parley.InteractionClicked:
		if err := clicked(&m, d, &i); err != nil {
			return i, err
		}
	case parley.InteractionReacted:
		if err := thread.CheckEmoji(d.Emoji); err != nil {
			return i, err
		}
		i.Emoji = d.Emoji
		return i, thread.SetReaction(tx, organization, "", &m, &i, d.Removed)
	default:
		return i, parley.Invalid("kind", "value-unknown", "must be opened, clicked or reacted")
	}
	first, err := interaction.Add(tx, organization, &i)
	if err == nil && first {
		thread.Tell(tx, organization, "", parley.EventInteraction, &m, &i)
	}
	return i, err
}

// clicked says what was clicked: an action of the message, or a link.
func clicked(m *parley.Message, d *connector.Deed, i *parley.Interaction) error {
	if d.Action != "" {
		action := parley.ActionOf(m.Body, d.Action)
		if action == nil {
			return parley.Invalid("action", "action-unknown", "must be the id of an action of the message")
		}
		i.Action, i.URL = action.ID, action.URL
		return nil
	}
	if i.URL = cleaned(d.URL); i.URL == "" || len(i.URL) > maxURL {
		return parley.Invalid("action", "action-required", "must name an action or a URL of at most %d bytes", maxURL)
	}
	return nil
}

// who finds out who did something with a message: whom the delivery is to, or who has the address, where that takes part.
func who(tx *store.Tx, organization parley.ID, m *parley.Message, delivery int, i *parley.Interaction) error {
	deliveries, err := tx.Deliveries(organization, m.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(deliveries, func(d parley.Delivery) bool {
		return delivery != 0 && d.Number == delivery || delivery == 0 && d.Address.Kind == i.Address.Kind && d.Address.Value == i.Address.Value
	})
	if at < 0 && i.Address.Value == "" && !slices.ContainsFunc(deliveries, func(d parley.Delivery) bool { return d.Address != deliveries[0].Address }) {
		at = len(deliveries) - 1 // of the one recipient; there are several where it was tried again
	}
	if at >= 0 {
		i.Actor, i.Address = deliveries[at].Recipient, deliveries[at].Address
		return nil
	}
	participants, err := tx.Participants(organization, m.Conversation)
	if err != nil {
		return err
	}
	at = slices.IndexFunc(participants, func(p parley.Participant) bool {
		return p.Address.Kind == i.Address.Kind && p.Address.Value == i.Address.Value && i.Address.Value != ""
	})
	if at < 0 {
		return parley.Invalid("from", "recipient-unknown", "must be an address that the message went to or came from")
	}
	i.Actor = parley.Actor{Kind: participants[at].Kind, ID: participants[at].ID, Name: participants[at].Name}
	return nil
}

// Follow returns where a short link leads, and takes the click in where it is one: those who only look do not click. A link
// whose message has no content any more leads nowhere.
func (c *Core) Follow(ctx context.Context, code string, click bool) (url string, err error) {
	if !content.IsCode(code) {
		return "", parley.NotFound("link", "")
	}
	found, err := link.Find(c.read(ctx), code)
	if err != nil {
		return "", err
	}
	m, err := c.read(ctx).Message(found.Organization, found.Message)
	if err != nil {
		return "", err
	}
	if thread.ConcealExpired(&m, c.now(ctx, found.Organization)); m.Removed != "" {
		return "", parley.NotFound("link", parley.ID(code))
	}
	if !click {
		return found.URL, nil
	}
	err = c.store.Write(ctx, found.Organization, func(tx *store.Tx) error {
		_, err := c.interact(tx, found.Organization, found.Message, found.Delivery, &connector.Deed{Kind: parley.InteractionClicked, URL: found.URL})
		return err
	})
	if err != nil { // the reader is not to wait for our books
		c.log.Warn("a click is not taken in", "message", found.Message, "error", err)
	}
	return found.URL, nil
}

// answer completes a message from outside that chose an action of the one that it answers: what it says, and what was
// chosen. Of an action that is not there any more its id is said, where nothing else is.
func (c *Core) answer(tx *store.Tx, a *arrival, m *parley.Message) error {
	if a.Action == "" {
		return nil
	}
	action, asked, err := chosen(tx, a, m.ReplyTo)
	if err != nil {
		return err
	}
	m.Click = &parley.Click{Action: action.ID, Payload: action.Payload}
	if len(m.Body) == 0 && len(m.Attachments) == 0 {
		m.Body = []parley.Part{{Kind: parley.PartText, Text: action.Text}}
	}
	if asked == "" {
		return nil
	}
	_, err = c.interact(tx, a.organization, asked, 0, &connector.Deed{Kind: parley.InteractionClicked, From: a.From, Action: action.ID, At: a.At})
	if parley.IsKind(err, parley.KindInvalid) || parley.IsKind(err, parley.KindConflict) {
		return nil // what was said counts, whoever said it
	}
	return err
}

// chosen is the action that a message from outside chose, and the message that has it; none where it is not there any more.
func chosen(tx *store.Tx, a *arrival, answered parley.ID) (parley.Action, parley.ID, error) {
	lost := parley.Action{ID: a.Action, Text: a.Action}
	if answered == "" {
		return lost, "", nil
	}
	asked, err := tx.Message(a.organization, answered)
	if err != nil {
		return lost, "", ignoreNotFound(err)
	}
	if action := parley.ActionOf(asked.Body, a.Action); action != nil {
		if action.Text == "" {
			action.Text = a.Action
		}
		return *action, asked.ID, nil
	}
	return lost, "", nil
}

// shortens reports whether web addresses of the message go out as short links, because it says so or its channel does. What goes
// to several at once is one text, in which a click would be nobody's.
func (s *send) shortens(r *route) bool {
	if s.c.url() == "" || s.params.Links == parley.LinksPlain || len(r.recipients) > 1 {
		return false
	}
	return s.params.Links == parley.LinksShort || connector.ShortensLinks(r.channel)
}

// addLinks gives each recipient links of its own.
func (s *send) addLinks(a *store.Append) {
	if len(s.urls) == 0 || s.later || len(a.Deliveries) == 0 {
		return
	}
	a.Message.Links = parley.LinksShort
	for i := range a.Deliveries {
		for _, url := range s.urls {
			a.Links = append(a.Links, store.Link{Delivery: a.Deliveries[i].Number, Code: content.NewCode(), URL: url})
		}
	}
}

// PlayDeed takes in what somebody outside is played to have done with a message: opened it, clicked, reacted.
func (c *Core) PlayDeed(ctx context.Context, p *Principal, params DeedParams) (i parley.Interaction, err error) {
	if err := p.Require(parley.ScopeSandboxWrite); err != nil {
		return i, err
	}
	did := connector.Deed{Kind: params.Kind, Action: params.Action, URL: params.URL, Emoji: params.Emoji, Removed: params.Removed}
	if params.From != "" {
		if did.From, err = parley.ParseAddress(params.From); err != nil {
			return i, parley.Invalid("from", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
		}
	}
	err = c.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		m, err := tx.Message(p.Organization, params.Message)
		if err == nil {
			_, err = c.playedOn(tx.Queries, p, m.Channel, "", nil)
		}
		if parley.IsKind(err, parley.KindNotFound) || parley.IsKind(err, parley.KindInvalid) {
			return parley.Invalid("message", "message-unknown", "must be the id of a message on a channel of the sandbox")
		}
		if err == nil {
			i, err = c.interact(tx, p.Organization, m.ID, 0, &did)
		}
		return err
	})
	return i, err
}

// linksOf are the short links of what was handed out.
func linksOf(q store.Queries, organization parley.ID, rows []store.HandedRow, messages map[parley.ID]*parley.Message) (map[store.DeliveryRef][]store.Link, error) {
	var refs []store.DeliveryRef
	for _, r := range rows {
		if m := messages[r.Message]; m != nil && m.Links == parley.LinksShort {
			refs = append(refs, store.DeliveryRef{Organization: organization, Message: r.Message, Number: r.Delivery})
		}
	}
	slices.SortFunc(refs, func(a, b store.DeliveryRef) int {
		return cmp.Or(strings.Compare(string(a.Message), string(b.Message)), cmp.Compare(a.Number, b.Number))
	})
	return link.Of(q, slices.Compact(refs)) // each once, however often it was tried
}

// acknowledge acknowledges what a word from outside answers: what went to its sender because of a fallback, else what asks for it
// in the conversation.
func (c *Core) acknowledge(tx *store.Tx, a *arrival, ch *parley.Channel, conversation parley.ID, who parley.Actor) error {
	done, err := c.Fallbacks.Acknowledge(tx, a.organization, ch.ID, a.From, a.names)
	if err != nil || done {
		return err
	}
	return c.Answered(tx, a.organization, conversation, a.names, who, a.From)
}

// replied takes in what came from where a fallback to a user went as the user's reply, if the organization wants it, and the user may
// reply; nil where it is a message from outside as any other.
func (c *Core) replied(tx *store.Tx, a *arrival, ch *parley.Channel, id parley.ID) (*parley.Message, error) {
	if !a.policy.FallbackReplies || a.Action != "" || a.keyword(ch) != nil || a.policy.Acknowledges(a.Body) && len(a.Attachments) == 0 {
		return nil, nil
	}
	named, err := c.answered(tx, a)
	if err != nil {
		return nil, err
	}
	to, user, err := c.Fallbacks.Replied(tx, a.organization, ch.ID, a.From, named.ID)
	if err != nil || to == nil {
		return nil, err
	}
	u, err := tx.User(a.organization, user)
	if err != nil || !u.Active {
		return nil, ignoreNotFound(err)
	}
	s := &send{c: c, id: id, policy: a.policy, files: a.Attachments, params: SendParams{To: To{Conversation: to.Conversation}, Body: a.Body,
		Priority: parley.PriorityNormal, ReplyTo: to.ID}}
	if s.p, err = access.Acting(tx.Queries, a.organization, u); err != nil {
		return nil, err
	}
	write, r, err := s.reply(tx)
	if e := parley.AsError(err); e != nil && e.Kind != parley.KindInternal && e.Kind != parley.KindUnavailable {
		return nil, nil // as nobody let the user say it, it is what came from outside
	}
	if err != nil {
		return nil, err
	}
	a.answered = true // what follows is to be done
	return &write.Message, parley.FirstError(s.put(tx, write, r), a.refer(tx, ch, id))
}

// reply makes the rows of a message in a conversation that is there, and looks whether its author may write it.
func (s *send) reply(tx *store.Tx) (*store.Append, *route, error) {
	if err := s.p.Require(parley.ScopeMessagesSend); err != nil {
		return nil, nil, err
	}
	r, err := s.resolve(tx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.checkReply(tx, r); err != nil {
		return nil, nil, err
	}
	a, err := s.build(r)
	return a, r, err
}

// acks checks that somebody can acknowledge what asks for it.
func (s *SendParams) acks(c *check) {
	c.life("ackWithin", s.AckWithin)
	switch {
	case s.AckWithin > 0 && !s.RequestAck:
		c.Refuse("ackWithin", "not-allowed", "goes with requestAck only")
	case s.RequestAck && (s.Internal || s.Record != nil):
		c.Refuse("requestAck", "not-allowed", "does not go with internal and record: nobody is to receive them")
	}
	if s.Escalate && (s.Internal || s.Record != nil) {
		c.Refuse("escalate", "not-allowed", "does not go with internal and record: nobody is to receive them")
	}
	if len(s.Fallback) > 0 && (s.Internal || s.Record != nil) {
		c.Refuse("fallback", "not-allowed", "does not go with internal and record: nobody is to receive them")
	}
}
