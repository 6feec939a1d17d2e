package fallback

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	fallbacks "github.com/parley-server/parley/internal/store/fallback"
	"github.com/parley-server/parley/internal/store/people"
)

// tries are the deliveries that fallbacks of a message make.
type tries struct {
	tx           *store.Tx
	organization parley.ID
	m            *parley.Message
	policy       *parley.Policy
	number       int // of the next
	recipients   []*recipient
	channels     map[parley.ID]*parley.Channel
	barred       map[parley.Address][]parley.Suppression // of all recipients
	made         []parley.Delivery
	level        *Level // of an escalation; nil: they are the message's own
}

// add adds the deliveries that were made.
func (t *tries) add() error {
	if err := t.tx.AddDeliveries(t.organization, t.m, t.made); err != nil {
		return err
	}
	return fallbacks.Keep(t.tx, t.organization, t.made)
}

// try makes the delivery of a fallback for a recipient. It is skipped where it cannot or must not go out.
// There is none until the recipient gets another message, if a limit says so.
func (t *tries) try(r *recipient, number int, f *parley.Fallback) (live bool, until time.Time, err error) {
	ch, err := t.channel(f.Channel)
	if err != nil {
		return false, until, err
	}
	d := parley.Delivery{Message: t.m.ID, Number: t.number, Conversation: t.m.Conversation, Recipient: r.who, Channel: f.Channel, State: parley.Queued,
		Fallback: number, Instead: r.instead, CreatedAt: t.tx.Now}
	if r.who.Kind == parley.ActorAddress {
		d.Recipient.ID = ""
	}
	if t.level != nil {
		d.Step = t.level.Number + 1
	}
	if t.m.Validity > 0 {
		d.ValidUntil = t.tx.Now.Add(t.m.Validity)
	}
	if d.Code, d.Reason, err = t.refusal(r, ch, &d); err != nil {
		return false, until, err
	}
	if d.Code == "" && t.m.Direction == parley.Outbound {
		if until, err = t.place(ch, &d); err != nil || !until.IsZero() {
			return false, until, err
		}
	}
	if d.Code != "" {
		d.State, d.EndedAt = parley.Skipped, t.tx.Now
	}
	t.number++
	t.made = append(t.made, d)
	t.tx.Emit(t.organization, parley.Event{Type: parley.EventDeliveryUpdated, Conversation: d.Conversation, Message: d.Message,
		Data: parley.EventData{Delivery: d.Number, State: d.State, Code: d.Code}})
	return d.State == parley.Queued, until, nil
}

// place finds the place of a delivery to somebody outside, among what the recipient gets at most. It says until when that has it
// wait; where that is for longer than fallbacks are watched, and where it is refused, the delivery is skipped.
func (t *tries) place(ch *parley.Channel, d *parley.Delivery) (until time.Time, err error) {
	until, err = limits.One(t.tx, t.organization, t.policy, t.m, ch.Platform, d)
	if !parley.IsKind(err, parley.KindRateLimited) {
		return until, err
	}
	if !until.IsZero() && until.Before(t.m.SentAt.Add(Watched)) {
		return until, nil
	}
	d.Code, d.Reason = limits.Code, "the contact gets no more such messages for now"
	return time.Time{}, nil
}

// channel is a channel; nil where it is no more.
func (t *tries) channel(id parley.ID) (*parley.Channel, error) {
	if ch, known := t.channels[id]; known {
		return ch, nil
	}
	ch, err := t.tx.Channel(t.organization, id)
	if t.channels == nil {
		t.channels = map[parley.ID]*parley.Channel{}
	}
	switch {
	case err == nil:
		t.channels[id] = &ch
	case parley.IsKind(err, parley.KindNotFound):
		t.channels[id], err = nil, nil
	}
	return t.channels[id], err
}

// refusal says why a delivery does not go out, and finds where to.
func (t *tries) refusal(r *recipient, ch *parley.Channel, d *parley.Delivery) (code, reason string, err error) {
	switch {
	case ch == nil:
		return codeNoChannel, "the channel was deleted", nil
	case r.refused != "":
		return r.refused, reasons[r.refused], nil
	}
	at := slices.IndexFunc(r.own, func(a parley.Address) bool { return a.Kind == ch.AddressKind })
	switch {
	case r.address.Kind == ch.AddressKind:
		d.Address = r.address
	case at >= 0:
		d.Address = r.own[at]
	default:
		return codeNoAddress, "the recipient has no address of kind " + string(ch.AddressKind), nil
	}
	if ch.ID == t.m.Channel || t.went(r, ch.ID) {
		return codeSame, "it went out there before", nil
	}
	if err := t.bar(); err != nil {
		return "", "", err
	}
	if slices.ContainsFunc(t.barred[plain(d.Address)], func(s parley.Suppression) bool { return s.Stops(ch.Platform, Class(t.m)) }) {
		return consent.CodeSuppressed, "the address gets no such messages", nil
	}
	return "", "", nil
}

// went reports whether a message between members has gone out to a recipient on a channel, or is about to. What another escalation of it had
// go out does not count.
func (t *tries) went(r *recipient, channel parley.ID) bool {
	return t.m.Direction != parley.Outbound && slices.ContainsFunc(r.all, func(d *parley.Delivery) bool {
		switch d.State {
		case parley.Failed, parley.Expired, parley.Skipped, parley.Canceled:
			return false
		}
		return d.Channel == channel && (d.Step == 0 || t.level == nil || t.level.Made[d.Number])
	})
}

// bar finds once what the addresses of the recipients do not want.
func (t *tries) bar() error {
	if t.barred != nil {
		return nil
	}
	var addresses []parley.Address
	for _, r := range t.recipients {
		for _, a := range append([]parley.Address{r.address}, r.own...) {
			if a.Value != "" {
				addresses = append(addresses, plain(a))
			}
		}
	}
	all, err := people.Suppressed(t.tx.Queries, t.organization, addresses...)
	t.barred = make(map[parley.Address][]parley.Suppression, len(all))
	for _, s := range all {
		t.barred[s.Address] = append(t.barred[s.Address], s)
	}
	return err
}

// plain is an address without what is kept with it.
func plain(a parley.Address) parley.Address { return parley.Address{Kind: a.Kind, Value: a.Value} }

var reasons = map[string]string{
	codeDisturbed: "the user does not want to be disturbed",
	codeInactive:  "the user was deactivated",
	codeOptedOut:  "the contact does not want to be written to",
}

// Class is what the deliveries of a message are for; those of one between members are transactional.
func Class(m *parley.Message) parley.MessageClass { return cmp.Or(m.Class, parley.ClassTransactional) }
