package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/inbox"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// toContact is the conversation with a contact on the channel that the send names, or the one that it last
// wrote on, or the default of one of its addresses.
func (s *send) toContact(tx *store.Tx, id parley.ID) (*route, error) {
	contact, err := s.contact(tx, id)
	if err != nil {
		return nil, err
	}
	if err := s.admits(&contact); err != nil {
		return nil, err
	}
	ch, address, err := s.channelFor(tx, &contact)
	if err != nil {
		return nil, err
	}
	r, err := s.external(tx, &ch, recipient{actor: contactActor(&contact), address: address})
	if err != nil {
		return nil, err
	}
	r.contact, r.contactRev = contact.ID, contact.Rev
	r.locate(&contact)
	return r, nil
}

// contact returns a contact that the request names, or the one that it was merged into.
func (s *send) contact(tx *store.Tx, id parley.ID) (parley.Contact, error) {
	contact, err := tx.Survivor(s.p.Organization, id)
	return contact, unknown(err, "to.contact", "contact-unknown")
}

func contactActor(contact *parley.Contact) parley.Actor {
	return parley.Actor{Kind: parley.ActorContact, ID: contact.ID, Name: contact.Name}
}

// channelFor picks the channel and the address of a contact.
func (s *send) channelFor(tx *store.Tx, contact *parley.Contact) (parley.Channel, parley.Address, error) {
	if s.params.To.Channel != "" {
		ch, err := tx.Channel(s.p.Organization, s.params.To.Channel)
		if err != nil {
			return ch, parley.Address{}, unknown(err, "to.channel", "channel-unknown")
		}
		if err := s.may(tx, &ch); err != nil {
			return ch, parley.Address{}, err
		}
		address, ok := addressOf(contact, ch.AddressKind)
		if !ok {
			return ch, address, parley.Invalid("to.contact", "address-required", "the contact has no address of kind %s", ch.AddressKind)
		}
		return ch, address, nil
	}
	if contact.LastChannel != "" {
		ch, err := tx.Channel(s.p.Organization, contact.LastChannel)
		if err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return ch, parley.Address{}, err
		}
		if address, ok := addressOf(contact, ch.AddressKind); err == nil && ok && s.may(tx, &ch) == nil {
			return ch, address, nil
		}
	}
	for _, address := range contact.Addresses {
		ch, err := s.defaultChannel(tx, address.Kind)
		if err == nil {
			return ch, address, nil
		}
		if !parley.IsKind(err, parley.KindNotFound) {
			return ch, address, err
		}
	}
	return parley.Channel{}, parley.Address{}, s.channelRequired(tx, contact.Addresses)
}

// may refuses a channel that the principal does not see.
func (s *send) may(tx *store.Tx, ch *parley.Channel) error {
	if !s.p.Personal || ch.Open || slices.Contains(ch.Members, s.p.User) {
		return nil
	}
	return parley.Invalid("to.channel", "channel-unknown", "must be the id of a channel")
}

func (s *send) defaultChannel(tx *store.Tx, kind parley.AddressKind) (parley.Channel, error) {
	ch, err := tx.DefaultChannel(s.p.Organization, kind)
	if err == nil && s.may(tx, &ch) != nil {
		err = parley.NotFound("channel", "")
	}
	return ch, err
}

func addressOf(contact *parley.Contact, kind parley.AddressKind) (parley.Address, bool) {
	for _, a := range contact.Addresses {
		if a.Kind == kind {
			return a, true
		}
	}
	return parley.Address{}, false
}

// channelRequired names the channels that the sender may choose from.
func (s *send) channelRequired(tx *store.Tx, addresses []parley.Address) error {
	var candidates []string
	for _, a := range addresses {
		channels, _, err := tx.Channels(s.p.Organization, store.ChannelFilter{AddressKind: a.Kind}, "", 20)
		if err != nil {
			return err
		}
		for _, ch := range channels {
			if s.may(tx, &ch) == nil {
				candidates = append(candidates, string(ch.ID))
			}
		}
	}
	e := parley.Invalid("to.channel", "channel-required", "must name a channel: none is the default; the candidates are %v", candidates)
	e.Facts = map[string]any{"candidates": append([]string{}, candidates...)}
	return e
}

// toAddress is the conversation with whoever has an address: the contact that it identifies, else a new one,
// else, where contacts share it, nobody in particular.
func (s *send) toAddress(tx *store.Tx, text string) (*route, error) {
	address, err := parley.ParseAddress(text)
	if err != nil {
		return nil, parley.Invalid("to.address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
	}
	ch, err := s.channelForAddress(tx, address)
	if err != nil {
		return nil, err
	}
	who, contact, err := s.c.identify(tx, s.p, address, "")
	if err != nil {
		return nil, err
	}
	if contact != nil {
		if err := s.admits(contact); err != nil {
			return nil, err
		}
	}
	r, err := s.external(tx, &ch, recipient{actor: who, address: address})
	if err == nil && contact != nil {
		r.contact, r.contactRev = contact.ID, contact.Rev
		r.locate(contact)
	}
	return r, err
}

func (s *send) channelForAddress(tx *store.Tx, address parley.Address) (parley.Channel, error) {
	if s.params.To.Channel == "" {
		ch, err := s.defaultChannel(tx, address.Kind)
		if parley.IsKind(err, parley.KindNotFound) {
			err = s.channelRequired(tx, []parley.Address{address})
		}
		return ch, err
	}
	ch, err := tx.Channel(s.p.Organization, s.params.To.Channel)
	if err != nil {
		return ch, unknown(err, "to.channel", "channel-unknown")
	}
	if err := s.may(tx, &ch); err != nil {
		return ch, err
	}
	if ch.AddressKind != address.Kind {
		return ch, parley.Invalid("to.address", "address-kind", "the channel takes addresses of kind %s", ch.AddressKind)
	}
	return ch, nil
}

// identify returns who has an address: the contact that it identifies; a new one, named by nobody yet; or,
// where contacts share the address, only the address.
func (c *Core) identify(tx *store.Tx, p *Principal, address parley.Address, name string) (parley.Actor, *parley.Contact, error) {
	return thread.Identify(tx, p, address, name)
}

// external is the conversation of a channel and a recipient, for a message that goes out.
func (s *send) external(tx *store.Tx, ch *parley.Channel, to recipient) (*route, error) {
	conversation, err := s.c.externalConversation(tx, s.p, ch, opening{keepOut: !ch.Conversational, fresh: s.params.To.New, title: s.params.To.Title}, to)
	if err != nil {
		return nil, err
	}
	return &route{conversation: conversation, channel: ch, recipients: []recipient{to}}, nil
}

// opening is how a conversation with somebody outside is made.
type opening struct {
	keepOut bool // of inbox views
	fresh   bool // whatever there is already
	title   string
}

// externalConversation finds or makes the conversation of a channel and some outside: by the channel's
// thread policy, the newest, closed or not, unless the channel begins a new one instead of a closed one, or a new one is
// asked for. That has no thread key: what comes from outside later goes to where it went before.
func (c *Core) externalConversation(tx *store.Tx, p *Principal, ch *parley.Channel, o opening, who ...recipient) (parley.Conversation, error) {
	addresses := make([]parley.Address, len(who))
	participants := make([]parley.Participant, len(who))
	for i, w := range who {
		addresses[i] = w.address
		participants[i] = parley.Participant{Kind: w.actor.Kind, ID: w.actor.ID, Name: w.actor.Name, Address: w.address}
	}
	if ch.Thread != parley.ThreadEach && !o.fresh {
		conversation, err := newestExternal(tx, p.Organization, ch, addresses...)
		if err == nil && (conversation.Status != parley.StatusClosed || ch.Reopen != parley.ReopenNew) {
			return conversation, nil
		}
		if err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return conversation, err
		}
	}
	kind := parley.ConversationExternal
	if ch.Platform == "secure" {
		kind = parley.ConversationSecure
	}
	conversation := parley.Conversation{ID: parley.NewID(tx.Now), Kind: kind, Visibility: parley.VisibleToOrganization, Channel: ch.ID, Title: o.title, Inbox: !o.keepOut}
	if ch.Thread == parley.ThreadContact && !o.fresh {
		conversation.ThreadKey = externalKey(ch, addresses...)
	}
	return conversation, createConversation(tx, p, &conversation, participants)
}

func newestExternal(tx *store.Tx, organization parley.ID, ch *parley.Channel, addresses ...parley.Address) (parley.Conversation, error) {
	if ch.Thread == parley.ThreadContact {
		return tx.ConversationByKey(organization, externalKey(ch, addresses...))
	}
	return tx.NewestWith(organization, ch.ID, addresses)
}

// externalKey is the thread key of a channel and whoever has some addresses.
func externalKey(ch *parley.Channel, addresses ...parley.Address) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	slices.Sort(texts)
	return fmt.Sprintf("channel:%s:%s", ch.ID, strings.Join(texts, ","))
}

// bar finds what the recipients of a route do not want, and whether they wait for an answer. A route that is remembered keeps it: whatever changes it raises the
// revision of every conversation with the address.
func (s *send) bar(tx *store.Tx, r *route) error {
	if r.channel == nil || s.params.Internal {
		return nil
	}
	if record := s.params.Record; record != nil {
		if !record.answers() {
			return nil
		}
		var err error
		r.waited, err = sla.Waits(tx.Queries, s.p.Organization, &r.conversation)
		return err
	}
	if len(r.recipients) == 0 {
		return nil
	}
	addresses := make([]parley.Address, len(r.recipients))
	for i, to := range r.recipients {
		addresses[i] = parley.Address{Kind: to.address.Kind, Value: to.address.Value}
	}
	var err error
	if r.barred, err = people.Suppressed(tx.Queries, s.p.Organization, addresses...); err != nil {
		return err
	}
	r.waited, err = sla.Waits(tx.Queries, s.p.Organization, &r.conversation)
	return err
}

// bars reports whether a recipient does not want messages of a class.
func (r *route) bars(to *recipient, class parley.MessageClass) bool {
	return slices.ContainsFunc(r.barred, func(b parley.Suppression) bool {
		return b.Address.Kind == to.address.Kind && b.Address.Value == to.address.Value && b.Stops(r.channel.Platform, class)
	})
}

// skip ends the deliveries of a message to those who do not want it. One that nobody of them wants is refused.
func skip(a *store.Append, r *route) error {
	if len(r.barred) == 0 {
		return nil
	}
	kept := a.Jobs[:0]
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		if !r.bars(&r.recipients[i], a.Message.Class) {
			kept = append(kept, a.Jobs[i])
			continue
		}
		d.State, d.Code, d.Reason = parley.Skipped, consent.CodeSuppressed, "the address gets no such messages"
	}
	if len(kept) == 0 && len(a.Deliveries) > 0 {
		return parley.Invalid("to", consent.CodeSuppressed, "nobody of whom it is for gets messages of the class %s", a.Message.Class)
	}
	a.Jobs = kept
	return nil
}

// wakes reports whether the message ends the snooze of a conversation: one between members does, and one from outside. What
// goes out, and what stays inside, does not.
func (s *send) wakes(r *route) bool {
	if r.conversation.Status != parley.StatusSnoozed || s.params.Internal {
		return false
	}
	if record := s.params.Record; record != nil {
		return record.Direction == parley.Inbound && !record.Imported && s.params.Reopen != parley.ReopenNever
	}
	return r.conversation.Visibility == parley.VisibleToMembers
}

// reopen opens a closed conversation, unless the send or its channel leaves it closed.
func (s *send) reopen(tx *store.Tx, r *route) error {
	if s.wakes(r) {
		return reopen(tx, s.p, &r.conversation, parley.ReasonWritten)
	}
	if r.conversation.Status != parley.StatusClosed || s.params.Reopen == parley.ReopenNever || s.params.Record != nil && s.params.Record.Imported {
		return nil
	}
	if r.channel != nil && r.channel.Reopen == parley.ReopenNever && s.params.Reopen == "" {
		return nil
	}
	return reopen(tx, s.p, &r.conversation, parley.ReasonWritten)
}

func reopen(tx *store.Tx, p *Principal, conversation *parley.Conversation, reason string) error {
	before := *conversation
	conversation.Status, conversation.SnoozedUntil = parley.StatusOpen, time.Time{}
	return thread.Save(tx, p, &before, conversation, reason)
}

// findDraft looks up the draft that the message was.
func (s *send) findDraft(tx *store.Tx) error {
	if s.params.Draft == "" {
		return nil
	}
	d, _, err := inbox.SeenDraft(thread.NewSight(tx.Queries, s.p), tx.Queries, s.params.Draft)
	if parley.IsKind(err, parley.KindNotFound) {
		return errDraft()
	}
	s.draft = &d
	return err
}

func errDraft() error {
	return parley.Invalid("draft", "draft-unknown", "must be a draft of the conversation that the message goes to")
}

func (s *send) dropDraft(tx *store.Tx) error {
	if s.draft == nil {
		return nil
	}
	return inbox.SendDraft(tx, s.p, s.draft)
}

// drafted reports whether a file is one of the draft's, which need not be the sender's own.
func (s *send) drafted(media parley.ID) bool {
	return s.draft != nil && slices.ContainsFunc(s.draft.Attachments, func(a parley.Attachment) bool { return a.Media == media })
}
