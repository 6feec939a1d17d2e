// Package escalation is what becomes of messages to a role that nobody acknowledges: they go from one to the next, by the policy
// of the role, until somebody does.
package escalation

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/escalation"
)

// Options are what escalations stand on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
	Kick    func() // wakes whoever runs the jobs; it must not block
}

// Escalations are those of all organizations, and their policies.
type Escalations struct {
	store   *store.Store
	threads *thread.Threads
	kick    func()
}

// New returns the escalations over a store. It listens for what is acknowledged, wherever that is done.
func New(o Options) *Escalations {
	e := &Escalations{store: o.Store, threads: o.Threads, kick: o.Kick}
	o.Threads.Listen(thread.Listener{Acknowledged: acknowledged})
	return e
}

// Filter narrows a list of escalations. Empty fields do not.
type Filter = escalation.Filter

// examined is how many escalations one page looks at.
const examined = 500

// Get returns an escalation of which the principal sees the conversation, or the group.
func (e *Escalations) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.Escalation, error) {
	if err := p.Require(parley.ScopeEscalationsRead); err != nil {
		return parley.Escalation{}, err
	}
	return find(e.store.Read(ctx), p, id)
}

func find(q store.Queries, p *access.Principal, id parley.ID) (parley.Escalation, error) {
	found, err := escalation.Get(q, p.Organization, id)
	if err != nil {
		return found, err
	}
	seen, err := those(q, thread.NewSight(q, p), []parley.Escalation{found})
	if err == nil && len(seen) == 0 {
		err = parley.NotFound("escalation", id)
	}
	if err != nil {
		return parley.Escalation{}, err
	}
	return found, nil
}

// List returns up to limit escalations that the principal sees and that pass the filter, newest first, before one; next is where
// to go on, empty at the end. A page may be short of limit.
func (e *Escalations) List(ctx context.Context, p *access.Principal, f Filter, before parley.ID, limit int) (list []parley.Escalation, next parley.ID, err error) {
	if err := p.Require(parley.ScopeEscalationsRead); err != nil {
		return nil, "", err
	}
	q := e.store.Read(ctx)
	sight := thread.NewSight(q, p)
	for looked := 0; len(list) < limit && looked < examined; {
		n := limit - len(list)
		found, err := escalation.List(q, p.Organization, f, before, n+1)
		if err != nil {
			return nil, "", err
		}
		if next = ""; len(found) > n {
			found = found[:n]
			next = found[n-1].ID
		}
		seen, err := those(q, sight, found)
		if err != nil {
			return nil, "", err
		}
		if list = append(list, seen...); next == "" {
			break
		}
		looked += n
		before = next
	}
	return list, next, nil
}

// those are the ones that somebody sees: who sees the conversation of the message or the group, and takes part in it, or did
// when the last notice came.
func those(q store.Queries, sight *thread.Sight, list []parley.Escalation) ([]parley.Escalation, error) {
	var ids []parley.ID
	for i := range list {
		ids = append(ids, list[i].Conversation)
		if list[i].Group != "" {
			ids = append(ids, list[i].Group)
		}
	}
	found, err := q.Conversations(sight.Principal().Organization, ids)
	if err != nil {
		return nil, err
	}
	var known []*parley.Conversation
	for _, c := range found {
		known = append(known, c)
	}
	if err := sight.Look(known...); err != nil {
		return nil, err
	}
	sees := func(id parley.ID, sequence int64) bool {
		c := found[id]
		return c != nil && sight.Sees(c) && sight.Follows(c, sequence)
	}
	var seen []parley.Escalation
	for i := range list {
		if e := &list[i]; sees(e.Conversation, e.Sequence) || sees(e.Group, e.GroupSequence) {
			seen = append(seen, *e)
		}
	}
	return seen, nil
}
