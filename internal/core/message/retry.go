package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/link"
	"github.com/parley-server/parley/internal/store/people"
)

// RetryDelivery repeats by hand a delivery that ended without success: one that failed, expired, was skipped, or
// whose outcome is unknown. It is a new delivery of the same message to the same address, with a validity of its
// own. One that was canceled is not repeated: whoever withdrew it, or its content, meant that.
func (a *Actions) RetryDelivery(ctx context.Context, p *access.Principal, message parley.ID, number int, i *access.Idempotency) (parley.Delivery, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Delivery{}, false, err
	}
	var made parley.Delivery
	var claim *store.Idempotency
	err := a.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		deliveries, err := seenDeliveries(tx.Queries, p, message)
		if err != nil {
			return err
		}
		made.Message, made.Number = message, after(deliveries)
		if claim, err = p.Claim(i, 202, parley.ID(deliveryName(message, made.Number))); err != nil {
			return err
		}
		if err := tx.ClaimKey(p.Organization, claim); err != nil {
			return err
		}
		if made, err = a.retry(tx, p, message, number, deliveries); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("delivery", made.Number)
		changes.Made("retryOf", number)
		return p.Did(tx, parley.ActDeliveryRetried, message, changes)
	})
	if err == nil {
		a.kick()
		return made, false, nil
	}
	replay, err := access.Replayed(err, claim)
	if err != nil {
		return parley.Delivery{}, false, err
	}
	_, repeated, _ := strings.Cut(string(replay.Resource), ".")
	deliveries, err := a.store.Read(ctx).Deliveries(p.Organization, message)
	for _, d := range deliveries {
		if strconv.Itoa(d.Number) == repeated {
			return d, true, err
		}
	}
	if err == nil {
		err = parley.NotFound("delivery", replay.Resource)
	}
	return parley.Delivery{}, true, err
}

func deliveryName(message parley.ID, number int) string { return fmt.Sprintf("%s.%d", message, number) }

// after is the number of the next delivery.
func after(deliveries []parley.Delivery) int {
	if len(deliveries) == 0 {
		return 1
	}
	return deliveries[len(deliveries)-1].Number + 1
}

// seenDeliveries returns the deliveries of a message that the principal sees.
func seenDeliveries(q store.Queries, p *access.Principal, message parley.ID) ([]parley.Delivery, error) {
	if _, _, err := thread.NewSight(q, p).Message(message); err != nil {
		return nil, err
	}
	return q.Deliveries(p.Organization, message)
}

func (a *Actions) retry(tx *store.Tx, p *access.Principal, message parley.ID, number int, deliveries []parley.Delivery) (made parley.Delivery, err error) {
	m, err := tx.Message(p.Organization, message)
	if err != nil {
		return made, err
	}
	at := slices.IndexFunc(deliveries, func(d parley.Delivery) bool { return d.Number == number })
	if at < 0 {
		return made, parley.NotFound("delivery", parley.ID(deliveryName(message, number)))
	}
	before := &deliveries[at]
	if err := a.retryable(tx, p, &m, before, deliveries); err != nil {
		return made, err
	}
	made = parley.Delivery{Message: message, Number: after(deliveries), Conversation: m.Conversation, Recipient: before.Recipient,
		Address: before.Address, Channel: before.Channel, State: parley.Queued, RetryOf: number, CreatedAt: tx.Now}
	if m.Validity > 0 {
		made.ValidUntil = tx.Now.Add(m.Validity)
	}
	if role := m.Receivers.Role(number); role != parley.ReceiverTo {
		m.Receivers.Add(made.Number, role)
		made.Role = role
		if err := tx.Rewrite(p.Organization, &m); err != nil {
			return made, err
		}
	}
	if err := a.place(tx, p.Organization, &m, &made); err != nil {
		return made, err
	}
	if err := tx.InsertDelivery(p.Organization, &made); err != nil {
		return made, err
	}
	if err := linksAgain(tx, p.Organization, &m, before.Number, made.Number); err != nil {
		return made, err
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventDeliveryUpdated, Conversation: m.Conversation, Message: message,
		Data: parley.EventData{Delivery: made.Number, State: parley.Queued, Actor: p.User}})
	return made, tx.Enqueue(store.Job{Organization: p.Organization, Channel: made.Channel, Priority: m.Priority.Rank(), Message: message,
		Delivery: made.Number}, &m, made.ValidUntil)
}

// place finds a place for a delivery that repeats another one, among what its recipient gets at most: there is one where the
// message has one.
func (a *Actions) place(tx *store.Tx, organization parley.ID, m *parley.Message, d *parley.Delivery) error {
	o, err := tx.Organization(organization)
	if err != nil || len(o.Policy.ContactLimits) == 0 || m.Direction != parley.Outbound || m.Auto == parley.AutoKeyword {
		return err
	}
	ch, err := tx.Channel(organization, d.Channel)
	if err != nil {
		return err
	}
	_, err = limits.One(tx, organization, &o.Policy, m, ch.Platform, d)
	if refused, ok := errors.AsType[*parley.Error](err); ok && refused.Code == limits.Code {
		refused.Fields = nil // the request names nobody
	}
	return err
}

// linksAgain gives a delivery that repeats another links of its own.
func linksAgain(tx *store.Tx, organization parley.ID, m *parley.Message, before, now int) error {
	if m.Links != parley.LinksShort {
		return nil
	}
	ref := store.DeliveryRef{Organization: organization, Message: m.ID, Number: before}
	found, err := link.Of(tx.Queries, []store.DeliveryRef{ref})
	links := found[ref]
	for i := range links {
		links[i].Delivery, links[i].Code = now, content.NewCode()
	}
	if err != nil {
		return err
	}
	return tx.AddLinks(organization, m.ID, links)
}

// retryable refuses what cannot be repeated now.
func (a *Actions) retryable(tx *store.Tx, p *access.Principal, m *parley.Message, before *parley.Delivery, all []parley.Delivery) error {
	switch before.State {
	case parley.Failed, parley.Expired, parley.Unknown, parley.Skipped:
	default:
		return parley.Conflict("delivery-not-retryable", "a delivery that is %s is not repeated; only failed, expired, unknown and skipped ones are", before.State)
	}
	if m.Removed != "" {
		return parley.Conflict("content-removed", "the content of the message is gone")
	}
	for _, d := range all {
		if d.RetryOf == before.Number {
			return parley.Conflict("delivery-retried", "it is repeated by delivery %d already", d.Number)
		}
	}
	ch, err := tx.Channel(p.Organization, before.Channel)
	if err != nil {
		if parley.IsKind(err, parley.KindNotFound) {
			err = parley.Conflict("channel-deleted", "its channel was deleted")
		}
		return err
	}
	barred, err := people.Suppressed(tx.Queries, p.Organization, before.Address)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(barred, func(b parley.Suppression) bool { return b.Stops(ch.Platform, fallback.Class(m)) }) && m.Auto != parley.AutoKeyword {
		return parley.Conflict(consent.CodeSuppressed, "the address gets no messages of the class %s", m.Class)
	}
	if before.Recipient.Kind != parley.ActorContact {
		return nil
	}
	contact, err := tx.Survivor(p.Organization, before.Recipient.ID)
	if err == nil && contact.OptedOut {
		return parley.Conflict("contact-opted-out", "the contact does not want to be written to")
	}
	if parley.IsKind(err, parley.KindNotFound) {
		err = nil
	}
	return err
}
