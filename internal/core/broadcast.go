package core

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// fanOutChunk is how many copies of a broadcast are added in one commit.
const fanOutChunk = 100

// directFanOut is up to how many recipients the accepting commit writes the copies itself.
const directFanOut = 200

// fanOut is the payload of a fan-out job: which list, and how far it is through.
type fanOut struct {
	Broadcast parley.ID        `json:"b"`
	Kind      parley.ActorKind `json:"k,omitempty"` // the last member written to
	ID        parley.ID        `json:"i,omitempty"`
}

// toBroadcast is the author's conversation with a list, which holds what was sent to it. The copies go to
// each member's own conversation.
func (s *send) toBroadcast(tx *store.Tx, id parley.ID) (*route, error) {
	b, err := tx.Broadcast(s.p.Organization, id)
	if err != nil {
		return nil, unknown(err, "to.broadcast", "broadcast-unknown")
	}
	key := broadcastKey(id, s.p.User)
	conversation, err := tx.ConversationByKey(s.p.Organization, key)
	if parley.IsKind(err, parley.KindNotFound) {
		conversation = parley.Conversation{Kind: parley.ConversationBroadcast, Visibility: parley.VisibleToMembers, ThreadKey: key, Title: b.Name, Inbox: true}
		err = s.create(tx, &conversation, []parley.Participant{s.self()})
	}
	return &route{conversation: conversation}, err
}

// broadcastKey is the thread key of a user's conversation with a list.
func broadcastKey(list, user parley.ID) string {
	return "broadcast:" + string(list) + ":" + string(user)
}

// toList is the route of a message that is written into somebody's conversation with a list, and so to the list.
func (s *send) toList(tx *store.Tx, conversation parley.Conversation) (*route, error) {
	list, _, _ := strings.Cut(strings.TrimPrefix(conversation.ThreadKey, "broadcast:"), ":")
	if s.params.From.Role != "" {
		return nil, parley.Invalid("from.role", "not-allowed", "does not go with a broadcast list")
	}
	_, err := tx.Broadcast(s.p.Organization, parley.ID(list))
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.Invalid("to", "broadcast-unknown", "the list that the conversation is with was deleted")
	}
	if err != nil {
		return nil, err
	}
	s.params.To.Broadcast = parley.ID(list)
	return &route{conversation: conversation, list: parley.ID(list)}, nil
}

// expand writes the copies of a short list in the accepting commit, and leaves a long one to the queue.
func (c *Core) expand(tx *store.Tx, s *send, a *store.Append, r *route) error {
	job := fanOutJob(a, s.params.To.Broadcast)
	b, err := tx.Broadcast(s.p.Organization, s.params.To.Broadcast)
	if err != nil {
		return err
	}
	selections, err := people.Selections(tx.Queries, s.p.Organization, b.ID)
	if err != nil {
		return err
	}
	for selections[b.ID] == nil && b.MemberCount <= directFanOut {
		more, err := c.expandChunk(tx, &job, &a.Message)
		if err != nil || !more {
			return err
		}
	}
	job.DueAt = tx.Now
	return tx.Schedule(job)
}

func fanOutJob(a *store.Append, broadcast parley.ID) store.Job {
	return store.Job{Organization: a.Organization, ID: store.JobID(store.JobFanOut, string(a.Message.ID)), Kind: store.JobFanOut,
		Message: a.Message.ID, Payload: encodeFanOut(fanOut{Broadcast: broadcast})}
}

func encodeFanOut(f fanOut) string {
	encoded, _ := json.Marshal(f) // strings only
	return string(encoded)
}

// FanOut writes the next copies of one broadcast that is due, and says whether there was one.
func (c *Core) FanOut(ctx context.Context) (int, error) {
	n, err := c.store.WriteDue(ctx, store.JobFanOut, 1, func(tx *store.Tx, jobs []store.Job) error {
		job := jobs[0]
		m, err := tx.Message(job.Organization, job.Message)
		if err != nil || m.Removed != "" {
			return parley.FirstError(ignoreNotFound(err), tx.Done(jobs))
		}
		more, err := c.expandChunk(tx, &job, &m)
		if err != nil {
			return err
		}
		if !more {
			return tx.Done(jobs)
		}
		job.DueAt = tx.Now
		return tx.Schedule(job)
	})
	if err == nil && n > 0 {
		c.kick()
	}
	return n, err
}

// expandChunk adds the copies for the next members, and moves the job on. Each recipient has one copy: the
// store's (parent, conversation) is unique.
func (c *Core) expandChunk(tx *store.Tx, job *store.Job, parent *parley.Message) (more bool, err error) {
	var at fanOut
	if err := json.Unmarshal([]byte(job.Payload), &at); err != nil {
		return false, err
	}
	members, next, err := onList(tx, job.Organization, &at)
	if err != nil || len(members) == 0 && next == nil {
		return false, err
	}
	author, err := tx.User(job.Organization, parent.Actor.ID)
	if err != nil {
		return false, err
	}
	copies, err := c.copies(tx, access.AsUser(job.Organization, author), parent, members)
	if err != nil {
		return false, err
	}
	if len(copies) > 0 {
		if err := appendRelated(tx, copies...); err != nil {
			return false, err
		}
	}
	if next == nil {
		return false, nil
	}
	at.Kind, at.ID = next.Kind, next.ID
	job.Payload = encodeFanOut(at)
	return true, nil
}

// onList are the next who are on a list, and where to go on; nil at the end.
func onList(tx *store.Tx, organization parley.ID, at *fanOut) (members []parley.BroadcastMember, next *parley.BroadcastMember, err error) {
	selections, err := people.Selections(tx.Queries, organization, at.Broadcast)
	if err != nil {
		return nil, nil, err
	}
	selection := selections[at.Broadcast]
	if selection == nil {
		members, err = tx.BroadcastMembers(organization, at.Broadcast, parley.BroadcastMember{Kind: at.Kind, ID: at.ID}, fanOutChunk)
		if len(members) == fanOutChunk {
			next = &members[fanOutChunk-1]
		}
		return members, next, err
	}
	contacts, after, err := people.Selected(tx.Queries, organization, selection, at.ID, fanOutChunk)
	for _, c := range contacts {
		members = append(members, parley.BroadcastMember{Kind: parley.ActorContact, ID: c.ID})
	}
	if after != "" {
		next = &parley.BroadcastMember{Kind: parley.ActorContact, ID: after}
	}
	return members, next, err
}

// copies are the messages for members who can be written to. One who cannot, because it is gone, opted out or
// has no channel that the author may use, is skipped.
func (c *Core) copies(tx *store.Tx, p *Principal, parent *parley.Message, members []parley.BroadcastMember) ([]*store.Append, error) {
	var users, contacts []parley.ID
	for _, m := range members {
		if m.Kind == parley.ActorUser {
			users = append(users, m.ID)
		} else {
			contacts = append(contacts, m.ID)
		}
	}
	knownUsers, err := tx.UsersByID(p.Organization, users)
	if err != nil {
		return nil, err
	}
	knownContacts, err := tx.ContactsByID(p.Organization, contacts)
	if err != nil {
		return nil, err
	}
	o, err := tx.Organization(p.Organization)
	if err != nil {
		return nil, err
	}
	f := &fanOutSend{c: c, p: p, parent: parent, policy: o.Policy, now: tx.Now, channels: map[parley.AddressKind]*parley.Channel{}}
	if f.barred, err = barredOf(tx, p.Organization, knownContacts); err != nil {
		return nil, err
	}
	var routes []*route
	for _, m := range members {
		var r *route
		if u := knownUsers[m.ID]; m.Kind == parley.ActorUser && u != nil && u.Active && u.ID != p.User {
			r, err = f.send(parent).direct(tx, *u)
		} else if contact := knownContacts[m.ID]; m.Kind == parley.ActorContact && contact != nil && !contact.OptedOut {
			r, err = f.toContact(tx, contact)
		}
		if err != nil {
			return nil, err
		}
		if r != nil {
			routes = append(routes, r)
		}
	}
	err = f.addNew(tx, routes)
	return f.copies, err
}

// addNew makes the copies for conversations that have none yet.
func (f *fanOutSend) addNew(tx *store.Tx, routes []*route) error {
	ids := make([]parley.ID, len(routes))
	for i, r := range routes {
		ids[i] = r.conversation.ID
	}
	have, err := tx.CopiesIn(f.p.Organization, f.parent.ID, ids)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if have[r.conversation.ID] {
			continue
		}
		have[r.conversation.ID] = true
		if err := f.add(tx, r); err != nil {
			return err
		}
	}
	return f.admit(tx)
}

// admit gives the recipients of the copies their places. The copy for one who gets no more is there, and skipped.
func (f *fanOutSend) admit(tx *store.Tx) error {
	places, err := limits.Of(tx, f.p.Organization, &f.policy, f.copies...)
	if err != nil {
		return err
	}
	for i, a := range f.copies {
		if err := places.Take(a, f.quiet[i]); err != nil && !parley.IsKind(err, parley.KindRateLimited) {
			return err
		}
	}
	return places.Save()
}

// fanOutSend is a chunk of copies in the making.
type fanOutSend struct {
	c        *Core
	p        *Principal
	parent   *parley.Message
	policy   parley.Policy
	now      time.Time
	channels map[parley.AddressKind]*parley.Channel // nil: none is the default
	barred   map[parley.Address][]parley.Suppression
	copies   []*store.Append
	quiet    []func(at time.Time) time.Time // of each copy, until when it waits that would go out at a time
}

func (f *fanOutSend) send(parent *parley.Message) *send {
	return &send{c: f.c, p: f.p, now: f.now, id: parley.NewID(f.now), policy: f.policy, of: parent.Template, files: parent.Attachments, forward: parent.Forward, params: SendParams{Body: parent.Body, Priority: parent.Priority, TTL: parent.TTL,
		Validity: parent.Validity, DeleteOnRead: parent.DeleteOnRead, Metadata: parent.Metadata, Tags: parent.Tags, Reference: parent.Reference, RequestAck: parent.RequestAck,
		AckWithin: parent.AckWithin, Fallback: parent.Fallback, Links: parent.Links, Class: parent.Class}}
}

func (f *fanOutSend) toContact(tx *store.Tx, contact *parley.Contact) (*route, error) {
	for _, address := range contact.Addresses {
		ch, ok := f.channels[address.Kind]
		if !ok {
			found, err := f.send(f.parent).defaultChannel(tx, address.Kind)
			if ignoreNotFound(err) != nil {
				return nil, err
			}
			if err == nil {
				ch = &found
			}
			f.channels[address.Kind] = ch
		}
		if ch == nil {
			continue
		}
		barred := f.barred[parley.Address{Kind: address.Kind, Value: address.Value}]
		if slices.ContainsFunc(barred, func(b parley.Suppression) bool {
			return b.Stops(ch.Platform, cmp.Or(f.parent.Class, parley.ClassTransactional))
		}) {
			return nil, nil
		}
		r, err := f.send(f.parent).external(tx, ch, recipient{actor: contactActor(contact), address: address})
		if err == nil {
			r.locate(contact)
		}
		return r, err
	}
	return nil, nil
}

// barredOf are the suppressions of all addresses of contacts.
func barredOf(tx *store.Tx, organization parley.ID, contacts map[parley.ID]*parley.Contact) (map[parley.Address][]parley.Suppression, error) {
	var addresses []parley.Address
	for _, contact := range contacts {
		for _, a := range contact.Addresses {
			addresses = append(addresses, parley.Address{Kind: a.Kind, Value: a.Value})
		}
	}
	all, err := people.Suppressed(tx.Queries, organization, addresses...)
	barred := make(map[parley.Address][]parley.Suppression, len(all))
	for _, b := range all {
		barred[b.Address] = append(barred[b.Address], b)
	}
	return barred, err
}

// add makes the copy for a route. Content that the platform cannot carry skips the recipient.
func (f *fanOutSend) add(tx *store.Tx, r *route) error {
	s := f.send(f.parent)
	a, err := s.build(r)
	if parley.IsKind(err, parley.KindInvalid) || parley.IsKind(err, parley.KindConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	a.Message.Parent, a.Message.Author = f.parent.ID, f.parent.Author
	for i := range a.Jobs {
		if a.Jobs[i].Kind == store.JobDeliver && f.parent.Priority == parley.PriorityNormal {
			a.Jobs[i].Priority = parley.PriorityLow.Rank()
		}
	}
	if r.conversation.Status == parley.StatusClosed && (r.channel == nil || r.channel.Reopen != parley.ReopenNever) {
		if err := reopen(tx, f.p, &r.conversation, parley.ReasonWritten); err != nil {
			return err
		}
	}
	f.copies, f.quiet = append(f.copies, a), append(f.quiet, s.quiet(a, r))
	return nil
}
