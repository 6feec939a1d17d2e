package fallback

import (
	"cmp"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/escalation"
	"github.com/parley-server/parley/internal/store/relation"
)

// StandsIn reports whether a delivery is on another channel than its message.
func StandsIn(m *parley.Message, channel parley.ID) bool { return channel != m.Channel }

// Reduces reports whether fallbacks of a message say no more than that there is one: what was not meant to leave the organization
// leaves it only where the organization says so, and what is deleted on read never.
func Reduces(m *parley.Message, policy *parley.Policy) bool {
	return (m.Direction == parley.NoDirection || m.Platform == "secure") && (policy.FallbackContent != parley.FallbackFull || m.DeleteOnRead)
}

// Reduce makes a message what such fallbacks say: nothing of who wrote it, or of what.
func Reduce(m *parley.Message, policy *parley.Policy) {
	text := cmp.Or(policy.FallbackText, parley.DefaultFallbackText)
	if words := policy.Words(); m.RequestAck && policy.FallbackText == "" && len(words) > 0 {
		text += " Answer " + strings.ToUpper(words[0]) + " to acknowledge it."
	}
	*m = parley.Message{ID: m.ID, Conversation: m.Conversation, Kind: m.Kind, Direction: m.Direction, Channel: m.Channel, Priority: m.Priority,
		Removed: m.Removed, RemovedAt: m.RemovedAt, SentAt: m.SentAt, CreatedAt: m.CreatedAt, Body: []parley.Part{{Kind: parley.PartText, Text: text}}}
	if m.Removed != "" {
		m.Body = nil
	}
}

// Standing is a delivery that stands in for another one, on its way out.
type Standing struct {
	Organization parley.ID
	Delivery     *parley.Delivery
	Message      parley.Message // as it goes out
	Over         string         // the code of why it does not go out; empty: it does
}

// CodeReached is why a delivery does not go out to who needs it no more, and CodeEscalation why none does because of what became of
// the escalation of its message.
const (
	CodeReached    = "recipient-reached"
	CodeEscalation = "escalation-ended"
)

// Why says it for people.
func (s *Standing) Why() string {
	if s.Over == CodeEscalation {
		return "somebody has acknowledged the message, or its escalation went on or ended"
	}
	return "the recipient has read or acknowledged the message, or is none any more"
}

// Look completes deliveries that are about to go out, with a constant number of queries for each organization.
func Look(q store.Queries, list []*Standing) error {
	for len(list) > 0 {
		organization := list[0].Organization
		var own, others []*Standing
		for _, s := range list {
			if s.Organization == organization {
				own = append(own, s)
			} else {
				others = append(others, s)
			}
		}
		if err := look(q, organization, own); err != nil {
			return err
		}
		list = others
	}
	return nil
}

func look(q store.Queries, organization parley.ID, list []*Standing) error {
	o, err := q.Organization(organization)
	if err != nil {
		return err
	}
	ids, refs := make([]parley.ID, len(list)), make([]store.DeliveryRef, len(list))
	var between []*parley.Message
	var out []store.DeliveryRef
	for i, s := range list {
		refs[i] = store.DeliveryRef{Organization: organization, Message: s.Message.ID, Number: s.Delivery.Number}
		if ids[i] = s.Message.ID; s.Message.Direction == parley.Outbound {
			out = append(out, store.DeliveryRef{Organization: organization, Message: s.Message.ID})
		} else if !slices.ContainsFunc(between, func(m *parley.Message) bool { return m.ID == s.Message.ID }) {
			between = append(between, &s.Message)
		}
	}
	acknowledged, err := relation.AcknowledgedBy(q, organization, ids)
	if err != nil {
		return err
	}
	receiving, err := thread.Receiving(q, organization, between)
	if err != nil {
		return err
	}
	all, err := q.DeliveriesWith(out)
	if err != nil {
		return err
	}
	over, err := escalation.Over(q, organization, refs)
	if err != nil {
		return err
	}
	for i, s := range list {
		who := thread.RecipientOf(s.Delivery)
		reached := acknowledged[s.Message.ID][parley.Actor{Kind: who.Kind, ID: who.ID}]
		reduced := Reduces(&s.Message, &o.Policy)
		if s.Message.Direction == parley.Outbound {
			reached = reached || read(all[store.DeliveryRef{Organization: organization, Message: s.Message.ID}], s.Delivery.Number, reduced)
		} else {
			at := slices.IndexFunc(receiving[s.Message.ID], func(r thread.Receiver) bool { return r.User == who.ID })
			reached = reached || at < 0 || receiving[s.Message.ID][at].Read
		}
		switch {
		case reached:
			s.Over = CodeReached
		case over[refs[i]]:
			s.Over = CodeEscalation
		}
		if reduced {
			s.Message.RequestAck = s.Message.RequestAck || s.Delivery.Step > 0
			Reduce(&s.Message, &o.Policy)
		}
	}
	return nil
}

// read reports whether the recipient of a delivery has read what any delivery to it said.
func read(all []*parley.Delivery, number int, reduced bool) bool {
	of := map[int]*recipient{}
	for _, d := range all {
		r := of[max(d.RetryOf, d.Instead)]
		if r == nil {
			r = &recipient{instead: d.Number}
		}
		of[d.Number] = r
		r.takes(d, reduced)
	}
	return of[number] != nil && of[number].reached
}

// Sent is a message as it is kept, and a channel on which it went out because of a fallback.
type Sent struct {
	Channel parley.ID
	Message *parley.Message
}

// AsSent makes messages what they said there. Whoever sees the channel does not thereby see messages between members.
func AsSent(q store.Queries, p *access.Principal, list []Sent, platform func(name string) (connector.Platform, bool)) error {
	if len(list) == 0 {
		return nil
	}
	o, err := q.Organization(p.Organization)
	if err != nil {
		return err
	}
	ids := make([]parley.ID, len(list))
	for i, s := range list {
		ids[i] = s.Channel
	}
	channels, err := q.ChannelsByID(p.Organization, ids)
	if p.Personal {
		o.Policy.FallbackContent = parley.FallbackNone
	}
	for _, s := range list {
		if Reduces(s.Message, &o.Policy) {
			Reduce(s.Message, &o.Policy)
		} else if ch := channels[s.Channel]; ch != nil {
			if on, ok := platform(ch.Platform); ok {
				if body, _, err := on.Fit(s.Message.Body); err == nil {
					s.Message.Body = body
				}
			}
		}
	}
	return err
}
