package fallback

import (
	"time"

	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/profile"
	"github.com/parley-server/parley/internal/store/relation"
)

// recipient is where a message stands with one of its recipients.
type recipient struct {
	who     parley.Actor
	instead int              // the delivery that fallbacks stand in for; 0 of a member
	address parley.Address   // of somebody outside: where it went first
	own     []parley.Address // others that the recipient has
	refused string           // why nothing is to go out to it; empty: nothing says so
	zone    *time.Location   // of somebody outside; nil: that of the organization
	reached bool             // it has read or acknowledged the message
	tried   map[int]bool     // fallbacks, by number
	live    bool             // something that was tried may reach it yet, or has
	failed  time.Time        // when what was tried last failed; zero: nothing has failed
	numbers int              // the greatest of its deliveries
	all     []*parley.Delivery
}

// fall tries what is due for a recipient, in order, and says when there may be more; a time far ahead where that is a failure's,
// zero where there is nothing more to come.
func (r *recipient) fall(fallbacks []parley.Fallback, sent, now time.Time, try func(r *recipient, number int, f *parley.Fallback) (live bool, until time.Time, err error)) (next time.Time, err error) {
	waiting := false // for one before
	for i := range fallbacks {
		f, number := &fallbacks[i], i+1
		if r.reached {
			return time.Time{}, nil
		}
		if r.tried[number] {
			continue
		}
		at := sent.Add(f.After)
		if f.On == parley.OnFailed {
			if waiting || r.live || r.failed.IsZero() {
				waiting, next = true, earlier(next, sent.Add(Watched))
				continue
			}
			at = r.failed.Add(f.After)
		}
		if at.After(now) {
			waiting, next = true, earlier(next, at)
			continue
		}
		live, until, err := try(r, number, f)
		if err != nil {
			return next, err
		}
		if !until.IsZero() {
			waiting, next = true, earlier(next, until)
			continue
		}
		if r.live = r.live || live; !live {
			r.failed = now
		}
	}
	return next, nil
}

// quiet returns until when nothing goes out to a recipient, as it is night there; zero where something may.
func (r *recipient) quiet(m *parley.Message, policy *parley.Policy, now time.Time) time.Time {
	if m.Direction != parley.Outbound || r.reached || !policy.Quiet.Defers(Class(m), m.Priority) {
		return time.Time{}
	}
	return hours.QuietUntil(&policy.Quiet, now, r.zone)
}

// takes counts what was tried for the recipient. Who has read that there is a message, and no more, has not read it.
func (r *recipient) takes(d *parley.Delivery, reduced bool) {
	r.all = append(r.all, d)
	if d.Fallback > 0 && d.Step == 0 {
		if r.tried == nil {
			r.tried = map[int]bool{}
		}
		r.tried[d.Fallback] = true
	}
	r.numbers = max(r.numbers, d.Number)
	switch d.State {
	case parley.Read:
		r.live = true
		r.reached = r.reached || d.Fallback == 0 || !reduced
	case parley.Failed, parley.Expired, parley.Skipped, parley.Canceled:
		if d.EndedAt.After(r.failed) {
			r.failed = d.EndedAt
		}
	default:
		r.live = true
	}
}

// recipientsOf are the recipients of a message as they are now.
func recipientsOf(tx *store.Tx, organization parley.ID, m *parley.Message, policy *parley.Policy) ([]*recipient, error) {
	reduced := Reduces(m, policy)
	deliveries, err := tx.Deliveries(organization, m.ID)
	if err != nil {
		return nil, err
	}
	acknowledged, err := relation.AcknowledgedBy(tx.Queries, organization, []parley.ID{m.ID})
	if err != nil {
		return nil, err
	}
	var list []*recipient
	if m.Direction == parley.Outbound {
		list, err = outside(tx, organization, deliveries, reduced)
	} else {
		list, err = members(tx, organization, m, deliveries, reduced)
	}
	for _, r := range list {
		if acknowledged[m.ID][parley.Actor{Kind: r.who.Kind, ID: r.who.ID}] {
			r.reached = true
		}
	}
	return list, err
}

// outside are the recipients of a message that went out, in order of their first deliveries.
func outside(tx *store.Tx, organization parley.ID, deliveries []parley.Delivery, reduced bool) ([]*recipient, error) {
	var list []*recipient
	var contacts []parley.ID
	of := map[int]*recipient{} // by delivery
	for i := range deliveries {
		d := &deliveries[i]
		r := of[max(d.RetryOf, d.Instead)]
		if r == nil {
			r = &recipient{who: thread.RecipientOf(d), instead: d.Number, address: d.Address}
			list = append(list, r)
			if d.Recipient.Kind == parley.ActorContact {
				contacts = append(contacts, d.Recipient.ID)
			}
		}
		of[d.Number] = r
		r.takes(d, reduced)
	}
	known, err := tx.ContactsByID(organization, contacts)
	for _, r := range list {
		if c := known[r.who.ID]; r.who.Kind == parley.ActorContact && c != nil {
			r.own, r.zone = c.Addresses, hours.ZoneOf(c)
			if c.OptedOut {
				r.refused = codeOptedOut
			}
		}
	}
	return list, err
}

// members are those who receive a message between members now.
func members(tx *store.Tx, organization parley.ID, m *parley.Message, deliveries []parley.Delivery, reduced bool) ([]*recipient, error) {
	receiving, err := thread.Receiving(tx.Queries, organization, []*parley.Message{m})
	if err != nil {
		return nil, err
	}
	var ids []parley.ID
	for _, who := range receiving[m.ID] {
		ids = append(ids, who.User)
	}
	known, err := tx.UsersByID(organization, ids)
	if err != nil {
		return nil, err
	}
	users := make([]*parley.User, 0, len(known))
	for _, u := range known {
		users = append(users, u)
	}
	if err := profile.Fill(tx.Queries, organization, users...); err != nil {
		return nil, err
	}
	if err := availability.Fill(tx.Queries, organization, tx.Now, users...); err != nil {
		return nil, err
	}
	var list []*recipient
	of := map[parley.ID]*recipient{}
	for _, who := range receiving[m.ID] {
		if u := known[who.User]; u != nil {
			r := &recipient{who: parley.Actor{Kind: parley.ActorUser, ID: u.ID, Name: u.Name}, reached: who.Read, own: addressesOf(u)}
			switch {
			case !u.Active:
				r.refused = codeInactive
			case u.DoNotDisturb != nil:
				r.refused = codeDisturbed
			}
			of[u.ID] = r
			list = append(list, r)
		}
	}
	last := FirstOfMembers - 1
	for i := range deliveries {
		last = max(last, deliveries[i].Number)
		if r := of[deliveries[i].Recipient.ID]; r != nil {
			r.takes(&deliveries[i], reduced)
		}
	}
	for _, r := range list {
		r.numbers = last
	}
	return list, nil
}

// addressesOf are the addresses at which a user can be reached outside.
func addressesOf(u *parley.User) (list []parley.Address) {
	for _, a := range []parley.Address{{Kind: parley.AddressPhone, Value: u.Profile.Phone}, {Kind: parley.AddressEmail, Value: u.Email}} {
		if address, err := parley.NewAddress(a.Kind, a.Value); a.Value != "" && err == nil {
			list = append(list, address)
		}
	}
	return list
}

// nextNumber is the number of the next delivery of a message.
func nextNumber(list []*recipient) int {
	last := 0
	for _, r := range list {
		last = max(last, r.numbers)
	}
	return last + 1
}
