package fallback

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	fallbacks "github.com/parley-server/parley/internal/store/fallback"
	"github.com/parley-server/parley/internal/store/relation"
)

const (
	// answersLately is how many fallbacks that went to an address are considered for what comes from there.
	answersLately = 20
	// replies is for how long after a fallback went to an address what comes from there is a reply, if it does not say to what.
	replies = 24 * time.Hour
)

// answer is a delivery of a fallback that somebody may answer from where it went to.
type answer struct {
	at   time.Time
	m    *parley.Message
	who  parley.Actor // the recipient
	done bool         // who has acknowledged the message
}

// user reports whether the recipient is a user.
func (a *answer) user() bool { return a.who.Kind == parley.ActorUser }

// answersFrom are those from an address of a channel, newest first; where it is known which message is answered, of that one only.
// A user who is no recipient any more answers none.
func answersFrom(tx *store.Tx, organization, channel parley.ID, from parley.Address, named parley.ID) ([]answer, error) {
	went, err := fallbacks.To(tx.Queries, organization, channel, from, tx.Now.Add(-fallbacks.Kept), answersLately)
	if err != nil || len(went) == 0 {
		return nil, err
	}
	if slices.ContainsFunc(went, func(w fallbacks.Went) bool { return w.Message == named }) {
		went = slices.DeleteFunc(went, func(w fallbacks.Went) bool { return w.Message != named })
	} else if named != "" {
		return nil, nil
	}
	refs := make([]store.DeliveryRef, len(went))
	ids := make([]parley.ID, len(went))
	for i, w := range went {
		refs[i], ids[i] = store.DeliveryRef{Organization: organization, Message: w.Message, Number: w.Delivery}, w.Message
	}
	deliveries, err := tx.DeliveriesOf(refs)
	if err != nil {
		return nil, err
	}
	messages, err := tx.Messages(organization, ids)
	if err != nil {
		return nil, err
	}
	var between []*parley.Message
	for _, m := range messages {
		if m.Direction == parley.NoDirection {
			between = append(between, m)
		}
	}
	receiving, err := thread.Receiving(tx.Queries, organization, between)
	if err != nil {
		return nil, err
	}
	acknowledged, err := relation.AcknowledgedBy(tx.Queries, organization, ids)
	var list []answer
	for i, w := range went {
		d, m := deliveries[refs[i]], messages[w.Message]
		if d == nil || m == nil || m.Removed != "" || d.State == parley.Queued || d.State == parley.Skipped || d.State == parley.Canceled {
			continue
		}
		who := thread.RecipientOf(d)
		a := answer{at: w.At, m: m, who: who, done: acknowledged[m.ID][parley.Actor{Kind: who.Kind, ID: who.ID}]}
		if !a.user() || slices.ContainsFunc(receiving[m.ID], func(r thread.Receiver) bool { return r.User == who.ID }) {
			list = append(list, a)
		}
	}
	return list, err
}

// Acknowledge acknowledges what a word answers that came from where a fallback went to: the message that it names, else the newest
// that its recipient has not acknowledged. It says whether there was one. Somebody outside was asked to.
func (f *Fallbacks) Acknowledge(tx *store.Tx, organization, channel parley.ID, from parley.Address, named parley.ID) (bool, error) {
	list, err := answersFrom(tx, organization, channel, from, named)
	for _, a := range list {
		if err == nil && !a.done && (a.user() || a.m.RequestAck) {
			return true, f.threads.Acknowledged(tx, organization, a.m, a.who)
		}
	}
	return false, err
}

// Replied returns the message that a text answers which came from where a fallback to a user went, and the user: the message that it
// names, else the one that went there last, a short time ago. None where there is no such.
func (f *Fallbacks) Replied(tx *store.Tx, organization, channel parley.ID, from parley.Address, named parley.ID) (*parley.Message, parley.ID, error) {
	list, err := answersFrom(tx, organization, channel, from, named)
	for _, a := range list {
		if err == nil && a.user() && (named != "" || a.at.After(tx.Now.Add(-replies))) {
			return a.m, a.who.ID, nil
		}
	}
	return nil, "", err
}
