package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

const (
	// maxInbound is how many bytes of text a message from outside may have.
	maxInbound = 1 << 20
	// takes is how often a message is taken in again when another one made its contact or conversation first.
	takes = 3
	// late is from how much before its arrival a message was sent: then it may be older than what was looked at in its
	// conversation to be kept no longer, as nothing is kept for less than an hour.
	late = 30 * time.Minute
)

// Receive takes in messages from outside on a channel, each once. One that cannot be understood is parked, and
// is no error.
func (c *Core) Receive(ctx context.Context, organization, channel parley.ID, messages []connector.Inbound) error {
	for _, in := range messages {
		a := &arrival{Inbound: in, organization: organization, channel: channel, actor: access.System(organization)}
		if problem := a.clean(); problem != "" {
			if err := c.parkInbound(ctx, organization, channel, in, problem); err != nil {
				return err
			}
			continue
		}
		if _, _, err := c.takeIn(ctx, a); err != nil && !errors.Is(err, errBlocked) {
			return err
		}
	}
	return nil
}

// arrival is a message from outside on its way in.
type arrival struct {
	connector.Inbound
	organization, channel parley.ID
	policy                parley.Policy
	desk                  *desk      // what becomes of it; nil: nothing, as it came long ago
	actor                 *Principal // who did it: the server itself, unless it is played
	answers               parley.ID  // the message that it answers, if known by our own id
	claim                 func(resource parley.ID) (*store.Idempotency, error)
	released              bool      // it was parked while its sender was blocked
	blocked               bool      // it was parked
	answered              bool      // by the server
	names                 parley.ID // the message that it says it answers, wherever that is
}

// cleaned is foreign text without what is no text.
func cleaned(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// clean normalizes the message, and says what makes it impossible to take in.
func (a *arrival) clean() (problem string) {
	address, err := parley.NewAddress(a.From.Kind, cleaned(a.From.Value))
	if err != nil {
		return "from: " + parley.AsError(err).Message
	}
	a.From = address
	a.FromName = strings.TrimSpace(cleaned(a.FromName))
	if runes := []rune(a.FromName); len(runes) > 200 {
		a.FromName = string(runes[:200])
	}
	for _, id := range []*string{&a.ProviderID, &a.ReplyTo, &a.ThreadRoot, &a.Action} {
		*id = connector.ShortID(cleaned(*id))
	}
	size := 0
	if problem, size = a.cleanBody(); problem != "" {
		return problem
	}
	switch {
	case len(a.Body) == 0 && len(a.Attachments) == 0 && a.Action == "":
		return "body: it is empty"
	case size > maxInbound:
		return fmt.Sprintf("body: it is longer than %d bytes", maxInbound)
	}
	return ""
}

// cleanBody makes the texts of the body ones, and says how long they are.
func (a *arrival) cleanBody() (problem string, size int) {
	a.Body = parley.CloneBody(a.Body)
	parley.EachPart(a.Body, func(_ string, p *parley.Part) {
		if !slices.Contains(parley.PartKinds, p.Kind) && problem == "" {
			problem = fmt.Sprintf("body: a part of the kind %q", p.Kind)
		}
	})
	parley.EachText(a.Body, func(_ string, _ parley.Form, text *string) {
		*text = cleaned(*text)
		size += len(*text)
	})
	return problem, size
}

// takeIn stores a message from outside, and says whether it was there already. Whoever makes the sender's contact
// or conversation at the same moment makes the unit run again: then they are there.
func (c *Core) takeIn(ctx context.Context, a *arrival) (m parley.Message, duplicate bool, err error) {
	if a.policy, _, err = c.policy(ctx, a.organization); err != nil {
		return m, false, err
	}
	if a.desk, err = c.desk(ctx, a.organization); err != nil {
		return m, false, err
	}
	for range takes {
		err = c.store.Write(ctx, a.organization, func(tx *store.Tx) (err error) {
			a.blocked, a.answered = false, false
			m, duplicate, err = c.arrive(tx, a)
			return err
		})
		if err == nil && a.blocked {
			return m, false, errBlocked
		}
		if err == nil && a.answered {
			c.kick()
		}
		if !parley.IsKind(err, parley.KindConflict) {
			break
		}
	}
	return m, duplicate, err
}

// arrive is the unit that takes a message in.
func (c *Core) arrive(tx *store.Tx, a *arrival) (m parley.Message, duplicate bool, err error) {
	ch, err := tx.Channel(a.organization, a.channel)
	if err != nil {
		return m, false, err
	}
	id := parley.NewID(tx.Now)
	if a.ProviderID != "" {
		known, _, err := tx.Reference(a.organization, a.channel, store.KindInbound, a.ProviderID)
		if err == nil {
			id, duplicate = known, true
		} else if !parley.IsKind(err, parley.KindNotFound) {
			return m, false, err
		}
	}
	if !duplicate {
		if a.blocked, err = keepApart(tx, a); err != nil || a.blocked {
			return m, false, err
		}
	}
	if a.claim != nil {
		claim, err := a.claim(id)
		if err != nil {
			return m, false, err
		}
		if err := tx.ClaimKey(a.organization, claim); err != nil {
			return m, false, err
		}
	}
	if duplicate {
		m, err = tx.Message(a.organization, id)
		return m, true, err
	}
	if reply, err := c.replied(tx, a, &ch, id); err != nil || reply != nil {
		if reply != nil {
			m = *reply
		}
		return m, false, err
	}
	m, err = c.writeIn(tx, a, &ch, id)
	return m, false, err
}

// writeIn writes a new message from outside and what it changes.
func (c *Core) writeIn(tx *store.Tx, a *arrival, ch *parley.Channel, id parley.ID) (parley.Message, error) {
	who, contact, err := c.identify(tx, a.actor, a.From, a.FromName)
	if err != nil {
		return parley.Message{}, err
	}
	if who.Name == "" {
		who.Name = a.FromName
	}
	conversation, answers, err := c.threadOf(tx, a, ch, recipient{actor: who, address: a.From})
	if err != nil {
		return parley.Message{}, err
	}
	if err := c.awaken(tx, a, ch, &conversation); err != nil {
		return parley.Message{}, err
	}
	m := parley.Message{ID: id, Conversation: conversation.ID, Kind: parley.KindMessage, Direction: parley.Inbound, ProviderID: a.ProviderID, Author: who, Actor: who,
		Body: a.Body, Attachments: a.Attachments, Channel: ch.ID, Platform: ch.Platform, Priority: parley.PriorityNormal, ReplyTo: answers.ID,
		TTL: a.policy.Lifetime(conversation.Kind, 0)}
	if answers.ID != "" {
		m.Root = answers.Thread()
	}
	if a.At.Before(tx.Now) {
		m.SentAt = a.At // in the future it cannot have been sent
	}
	if err := c.answer(tx, a, &m); err != nil {
		return parley.Message{}, err
	}
	write := &store.Append{Organization: a.organization, Message: m,
		Events: []parley.Event{{Type: parley.EventMessageCreated, Conversation: conversation.ID, Message: id, Data: parley.EventData{Actor: a.actor.User}}}}
	if m.TTL > 0 {
		write.Jobs = []store.Job{{Organization: a.organization, ID: store.JobID(store.JobExpire, string(id)), Kind: store.JobExpire, Message: id}}
	}
	if err := appendRelated(tx, write); err != nil {
		return parley.Message{}, err
	}
	if !m.SentAt.IsZero() && m.SentAt.Before(tx.Now.Add(-late)) {
		if err := hold.DropMark(tx, a.organization, conversation.ID); err != nil {
			return parley.Message{}, err
		}
	}
	if a.policy.Acknowledges(m.Body) && len(m.Attachments) == 0 {
		if err := c.acknowledge(tx, a, ch, conversation.ID, who); err != nil {
			return parley.Message{}, err
		}
	}
	if err := a.refer(tx, ch, id); err != nil {
		return parley.Message{}, err
	}
	if contact != nil {
		err = tx.WroteOn(a.organization, contact.ID, ch.ID)
	}
	if err == nil {
		err = c.respond(tx, a, ch, &conversation, write, recipient{actor: who, address: a.From})
	}
	write.Message.State = parley.Delivered
	return write.Message, err
}

// refer remembers under which id a provider knows the message, so that it is taken once.
func (a *arrival) refer(tx *store.Tx, ch *parley.Channel, id parley.ID) error {
	if a.ProviderID == "" {
		return nil
	}
	n, err := tx.AddReferences([]store.ProviderReference{{Organization: a.organization, Channel: ch.ID, Kind: store.KindInbound, Value: a.ProviderID, Message: id}})
	if err == nil && n == 0 {
		err = parley.Conflict("inbound-taken", "another unit is storing the same message")
	}
	return err
}

// threadOf finds or makes the conversation of a message from outside, and the message that it answers: on a
// channel with threads that of the message it answers, else that of its thread's root; on others by the channel's
// policy.
func (c *Core) threadOf(tx *store.Tx, a *arrival, ch *parley.Channel, who recipient) (parley.Conversation, parley.Message, error) {
	answered, err := c.answered(tx, a)
	if err != nil {
		return parley.Conversation{}, answered, err
	}
	a.names = answered.ID
	if ch.Thread != parley.ThreadEmail {
		conversation, err := c.externalConversation(tx, a.actor, ch, opening{}, who)
		if answered.Conversation != conversation.ID {
			answered = parley.Message{}
		}
		return conversation, answered, err
	}
	if blind, err := c.gotBlindCopy(tx, a, &answered); err != nil {
		return parley.Conversation{}, parley.Message{}, err
	} else if blind { // who answers, and what, is not for the others
		conversation, err := tx.NewestWith(a.organization, ch.ID, []parley.Address{a.From})
		if parley.IsKind(err, parley.KindNotFound) || err == nil && conversation.Status == parley.StatusClosed && ch.Reopen == parley.ReopenNew {
			conversation, err = c.beginEmail(tx, a, ch, "", who)
		}
		return conversation, parley.Message{}, err
	}
	if answered.Conversation != "" {
		conversation, err := tx.Conversation(a.organization, answered.Conversation)
		if err == nil && conversation.Channel == ch.ID && (conversation.Status != parley.StatusClosed || ch.Reopen != parley.ReopenNew) {
			return conversation, answered, c.join(tx, a, &conversation, who)
		}
		if ignoreNotFound(err) != nil {
			return conversation, parley.Message{}, err
		}
	}
	conversation, err := c.emailThread(tx, a, ch, who)
	return conversation, parley.Message{}, err
}

// answered is the message that one from outside answers; the zero message where that is not known.
func (c *Core) answered(tx *store.Tx, a *arrival) (m parley.Message, err error) {
	id := a.answers
	for _, kind := range []string{store.KindDelivery, store.KindInbound} {
		if id != "" || a.ReplyTo == "" {
			break
		}
		if id, _, err = tx.Reference(a.organization, a.channel, kind, a.ReplyTo); ignoreNotFound(err) != nil {
			return m, err
		}
	}
	if id == "" {
		return m, nil
	}
	m, err = tx.Message(a.organization, id)
	return m, ignoreNotFound(err)
}

// emailThread is the conversation of a thread's root message; a message without one is a root itself.
func (c *Core) emailThread(tx *store.Tx, a *arrival, ch *parley.Channel, who recipient) (parley.Conversation, error) {
	root := a.ThreadRoot
	if root == "" {
		root = a.ProviderID
	}
	key := ""
	if root != "" {
		key = fmt.Sprintf("channel:%s:thread:%s", ch.ID, root)
		conversation, err := tx.ConversationByKey(a.organization, key)
		if err == nil && (conversation.Status != parley.StatusClosed || ch.Reopen != parley.ReopenNew) {
			return conversation, c.join(tx, a, &conversation, who)
		}
		if ignoreNotFound(err) != nil {
			return conversation, err
		}
	}
	return c.beginEmail(tx, a, ch, key, who)
}

// gotBlindCopy reports whether whoever writes answers a message of which it got a blind copy.
func (c *Core) gotBlindCopy(tx *store.Tx, a *arrival, answered *parley.Message) (bool, error) {
	if len(answered.Receivers.BCC) == 0 {
		return false, nil
	}
	deliveries, err := tx.Deliveries(a.organization, answered.ID)
	for _, d := range deliveries {
		if d.Address.Kind == a.From.Kind && d.Address.Value == a.From.Value && answered.Receivers.Role(d.Number) == parley.ReceiverBCC {
			return true, err
		}
	}
	return false, err
}

// beginEmail makes a conversation with whoever writes.
func (c *Core) beginEmail(tx *store.Tx, a *arrival, ch *parley.Channel, key string, who recipient) (parley.Conversation, error) {
	conversation := parley.Conversation{ID: parley.NewID(tx.Now), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization,
		Channel: ch.ID, ThreadKey: key, Inbox: true}
	participant := parley.Participant{Kind: who.actor.Kind, ID: who.actor.ID, Name: who.actor.Name, Address: who.address}
	return conversation, createConversation(tx, a.actor, &conversation, []parley.Participant{participant})
}

// join lets the sender take part in a conversation that it answers.
func (c *Core) join(tx *store.Tx, a *arrival, conversation *parley.Conversation, who recipient) error {
	participants, err := tx.Participants(a.organization, conversation.ID)
	if err != nil {
		return err
	}
	for _, p := range participants {
		if p.LeftSequence == 0 && p.Address.Kind == who.address.Kind && p.Address.Value == who.address.Value {
			return nil
		}
	}
	tx.Emit(a.organization, parley.Event{Type: parley.EventParticipantsChanged, Conversation: conversation.ID, Subject: who.actor.ID,
		Data: parley.EventData{Actor: a.actor.User}})
	return tx.AddParticipants(a.organization, conversation.ID, []parley.Participant{
		{Kind: who.actor.Kind, ID: who.actor.ID, Name: who.actor.Name, Address: who.address}})
}

// awaken makes a conversation one to be worked on: a closed one is opened, unless its channel leaves it closed,
// one that sleeps too, and one that was kept out of inbox views enters them.
func (c *Core) awaken(tx *store.Tx, a *arrival, ch *parley.Channel, conversation *parley.Conversation) error {
	switch {
	case conversation.Status == parley.StatusSnoozed,
		conversation.Status == parley.StatusClosed && ch.Reopen != parley.ReopenNever:
		if conversation.Status == parley.StatusClosed && conversation.ThreadKey != "" {
			open, err := openTwin(tx, a.organization, conversation)
			if err != nil || open.ID != "" {
				*conversation = open
				return err
			}
		}
		return reopen(tx, a.actor, conversation, parley.ReasonReplied)
	case !conversation.Inbox:
		tx.Emit(a.organization, parley.Event{Type: parley.EventConversationUpdated, Conversation: conversation.ID,
			Data: parley.EventData{Status: string(conversation.Status), Actor: a.actor.User}})
	}
	return nil
}

// openTwin is the conversation that has the thread of a closed one, because it was opened by hand.
func openTwin(tx *store.Tx, organization parley.ID, closed *parley.Conversation) (parley.Conversation, error) {
	ids, err := tx.ConversationsByKey(organization, closed.ThreadKey, 100)
	if err != nil {
		return parley.Conversation{}, err
	}
	all, err := tx.Conversations(organization, ids)
	for _, twin := range all {
		if twin.Status != parley.StatusClosed {
			return *twin, err
		}
	}
	return parley.Conversation{}, err
}
