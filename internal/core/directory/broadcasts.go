package directory

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
	"github.com/parley-server/parley/internal/store/profile"
)

const (
	maxBroadcast = 1_000_000 // members of a list
	dropMembers  = 2_000     // members of a deleted list that one transaction deletes
)

// Member is an entry of a team or a broadcast list, with what people call it.
type Member struct {
	parley.BroadcastMember
	Name string
}

// nameMembers fills in the names.
func nameMembers(q store.Queries, organization parley.ID, members []Member) error {
	var users, contacts []parley.ID
	for _, m := range members {
		if m.Kind == parley.ActorUser {
			users = append(users, m.ID)
		} else {
			contacts = append(contacts, m.ID)
		}
	}
	knownUsers, err := q.UsersByID(organization, users)
	if err != nil {
		return err
	}
	knownContacts, err := q.ContactsByID(organization, contacts)
	if err != nil {
		return err
	}
	for i, m := range members {
		if user := knownUsers[m.ID]; m.Kind == parley.ActorUser && user != nil {
			members[i].Name = user.Name
		}
		if contact := knownContacts[m.ID]; m.Kind == parley.ActorContact && contact != nil {
			members[i].Name = contact.Name
		}
	}
	return nil
}

// BroadcastParams are a broadcast list to make.
type BroadcastParams struct {
	Name      string
	Metadata  map[string]string
	Selection *parley.Selection // who is on it, in place of members
}

// CreateBroadcast makes a list without members, and says whether the request was a repeat.
func (d *Directory) CreateBroadcast(ctx context.Context, p *access.Principal, params BroadcastParams, i *access.Idempotency) (parley.Broadcast, bool, error) {
	if err := p.Require(parley.ScopeBroadcastsWrite); err != nil {
		return parley.Broadcast{}, false, err
	}
	var c check
	c.name(params.Name)
	c.facts("metadata", params.Metadata)
	c.selection(params.Selection)
	if err := c.Err(); err != nil {
		return parley.Broadcast{}, false, err
	}
	broadcast := parley.Broadcast{ID: parley.NewID(d.now(ctx, p.Organization)), Name: params.Name, Metadata: params.Metadata, Selection: params.Selection}
	replay, err := p.Once(ctx, d.store, i, 201, broadcast.ID, func(tx *store.Tx) error {
		emit(tx, p, parley.EventBroadcastCreated, broadcast.ID)
		var changes parley.Changes
		changes.Made("name", params.Name)
		changes.Name("metadata", len(params.Metadata) > 0)
		changes.Name("filter", params.Selection != nil)
		if err := people.SetSelection(tx, p.Organization, broadcast.ID, params.Selection); err != nil {
			return err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Broadcast, broadcast.ID, params.Metadata); err != nil {
			return err
		}
		if err := p.Did(tx, parley.ActBroadcastCreated, broadcast.ID, changes); err != nil {
			return err
		}
		return tx.InsertBroadcast(p.Organization, &broadcast)
	})
	if err != nil {
		return parley.Broadcast{}, false, err
	}
	if replay != nil {
		broadcast, err = findBroadcast(d.store.Read(ctx), p.Organization, replay.Resource)
	}
	return broadcast, replay != nil, err
}

// Broadcast returns a list.
func (d *Directory) Broadcast(ctx context.Context, p *access.Principal, id parley.ID) (parley.Broadcast, error) {
	if err := p.Require(parley.ScopeBroadcastsRead); err != nil {
		return parley.Broadcast{}, err
	}
	return findBroadcast(d.store.Read(ctx), p.Organization, id)
}

// findBroadcast returns a list with what is kept beside it.
func findBroadcast(q store.Queries, organization, id parley.ID) (parley.Broadcast, error) {
	b, err := q.Broadcast(organization, id)
	if err != nil {
		return b, err
	}
	if err := addSelections(q, organization, &b); err != nil {
		return b, err
	}
	return b, describe(q, organization, profile.Broadcast, broadcastFacts, &b)
}

func broadcastFacts(b *parley.Broadcast) (parley.ID, *map[string]string) { return b.ID, &b.Metadata }

// Broadcasts returns up to limit lists with ids after one; next is where to go on, empty at the end.
func (d *Directory) Broadcasts(ctx context.Context, p *access.Principal, after parley.ID, limit int) ([]parley.Broadcast, parley.ID, error) {
	if err := p.Require(parley.ScopeBroadcastsRead); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	lists, next, err := q.Broadcasts(p.Organization, after, limit)
	if err != nil {
		return nil, "", err
	}
	if err := addSelections(q, p.Organization, pointers(lists)...); err != nil {
		return nil, "", err
	}
	return lists, next, describe(q, p.Organization, profile.Broadcast, broadcastFacts, pointers(lists)...)
}

// BroadcastMembers returns up to limit members of a list that come after one, users before contacts; next is
// where to go on, zero at the end.
func (d *Directory) BroadcastMembers(ctx context.Context, p *access.Principal, id parley.ID, after parley.BroadcastMember, limit int) ([]Member, parley.BroadcastMember, error) {
	var next parley.BroadcastMember
	if err := p.Require(parley.ScopeBroadcastsRead); err != nil {
		return nil, next, err
	}
	q := d.store.Read(ctx)
	b, err := q.Broadcast(p.Organization, id)
	if err == nil {
		err = addSelections(q, p.Organization, &b)
	}
	if err != nil {
		return nil, next, err
	}
	if b.Selection != nil {
		return selected(q, p.Organization, b.Selection, after.ID, limit)
	}
	found, err := q.BroadcastMembers(p.Organization, id, after, limit+1)
	if err != nil {
		return nil, next, err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1]
	}
	members := make([]Member, len(found))
	for i, m := range found {
		members[i] = Member{BroadcastMember: m}
	}
	return members, next, nameMembers(q, p.Organization, members)
}

// changeBroadcast is what every change of a list has in common. A change that says it made no difference
// leaves no trace.
func (d *Directory) changeBroadcast(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64,
	change func(tx *store.Tx, broadcast *parley.Broadcast) (bool, error)) (parley.Broadcast, error) {
	if err := p.Require(parley.ScopeBroadcastsWrite); err != nil {
		return parley.Broadcast{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Broadcast, error) {
		broadcast, err := findBroadcast(tx.Queries, p.Organization, id)
		if err != nil {
			return broadcast, err
		}
		if err := parley.MatchRev(ifMatch, broadcast.Rev); err != nil {
			return broadcast, err
		}
		changed, err := change(tx, &broadcast)
		if err != nil || !changed {
			return broadcast, err
		}
		emit(tx, p, parley.EventBroadcastUpdated, id)
		err = tx.UpdateBroadcast(p.Organization, &broadcast)
		return broadcast, err
	})
}

// BroadcastPatch changes a list. What is nil stays as it is.
type BroadcastPatch struct {
	Name      *string
	Metadata  map[string]*string // one by one; nil removes one
	Selection *parley.Selection  // of a list that has one; replaces all of it
}

// UpdateBroadcast changes a list. An ifMatch that is not 0 must be its revision.
func (d *Directory) UpdateBroadcast(ctx context.Context, p *access.Principal, id parley.ID, patch BroadcastPatch, ifMatch int64) (parley.Broadcast, error) {
	return d.changeBroadcast(ctx, p, id, ifMatch, func(tx *store.Tx, broadcast *parley.Broadcast) (bool, error) {
		var changes parley.Changes
		if patch.Name != nil {
			changes.Set("name", broadcast.Name, *patch.Name)
		}
		parley.Set(&broadcast.Name, patch.Name)
		changes.Name("metadata", patch.Metadata != nil)
		broadcast.Metadata = changeFacts(broadcast.Metadata, patch.Metadata)
		var c check
		c.name(broadcast.Name)
		c.facts("metadata", broadcast.Metadata)
		if err := reselect(tx, p, broadcast, patch.Selection, &c, &changes); err != nil {
			return false, err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Broadcast, id, broadcast.Metadata); err != nil {
			return false, err
		}
		return true, p.Did(tx, parley.ActBroadcastUpdated, id, changes)
	})
}

// membersOf makes one list of users and contacts, each once.
func membersOf(users, contacts []parley.ID) ([]parley.BroadcastMember, error) {
	var c check
	c.atMost("users", len(users), maxMembers)
	c.atMost("contacts", len(contacts), maxMembers-min(len(users), maxMembers))
	if len(users)+len(contacts) == 0 {
		c.Refuse("users", "required", "must be at least one user or contact")
	}
	var members []parley.BroadcastMember
	for _, id := range unique(users) {
		members = append(members, parley.BroadcastMember{Kind: parley.ActorUser, ID: id})
	}
	for _, id := range unique(contacts) {
		members = append(members, parley.BroadcastMember{Kind: parley.ActorContact, ID: id})
	}
	return members, c.Err()
}

// AddBroadcastMembers adds up to 1000 users and contacts to a list. Who is on it stays on it.
func (d *Directory) AddBroadcastMembers(ctx context.Context, p *access.Principal, id parley.ID, users, contacts []parley.ID) (parley.Broadcast, error) {
	if _, err := membersOf(users, contacts); err != nil {
		return parley.Broadcast{}, err
	}
	return d.changeBroadcast(ctx, p, id, 0, func(tx *store.Tx, broadcast *parley.Broadcast) (bool, error) {
		if broadcast.Selection != nil {
			return false, parley.Conflict("broadcast-filtered", "who is on the list its filter says")
		}
		if err := requireUsers(tx.Queries, p.Organization, "users", users); err != nil {
			return false, err
		}
		survivors, err := survivors(tx.Queries, p.Organization, contacts)
		if err != nil {
			return false, err
		}
		members, err := membersOf(users, survivors)
		if err != nil {
			return false, err
		}
		n, err := tx.AddBroadcastMembers(p.Organization, id, members)
		if err != nil {
			return false, err
		}
		if broadcast.MemberCount += n; broadcast.MemberCount > maxBroadcast {
			field := "contacts"
			if len(contacts) == 0 {
				field = "users"
			}
			return false, parley.About(parley.Conflict("broadcast-full", "a broadcast list has at most %d members", maxBroadcast), "broadcast-full", field)
		}
		if n == 0 {
			return false, nil
		}
		return true, auditMembers(tx, p, parley.ActBroadcastMembersAdded, broadcast, n, members)
	})
}

// auditMembers tells the audit log of a change of a list's members: by how many it is longer now, and who was named.
func auditMembers(tx *store.Tx, p *access.Principal, act parley.Act, broadcast *parley.Broadcast, by int64, members []parley.BroadcastMember) error {
	var users, contacts []parley.ID
	for _, m := range members {
		if m.Kind == parley.ActorUser {
			users = append(users, m.ID)
		} else {
			contacts = append(contacts, m.ID)
		}
	}
	var changes parley.Changes
	changes.Set("memberCount", broadcast.MemberCount-by, broadcast.MemberCount)
	note := changes.Made
	if by < 0 {
		note = changes.Gone
	}
	note("users", users)
	note("contacts", contacts)
	return p.Did(tx, act, broadcast.ID, changes)
}

// RemoveBroadcastMembers takes up to 1000 users and contacts off a list. Who is not on it is passed over.
func (d *Directory) RemoveBroadcastMembers(ctx context.Context, p *access.Principal, id parley.ID, users, contacts []parley.ID) (parley.Broadcast, error) {
	members, err := membersOf(users, contacts)
	if err != nil {
		return parley.Broadcast{}, err
	}
	return d.changeBroadcast(ctx, p, id, 0, func(tx *store.Tx, broadcast *parley.Broadcast) (bool, error) {
		n, err := tx.RemoveBroadcastMembers(p.Organization, id, members)
		broadcast.MemberCount -= n
		if err != nil || n == 0 {
			return false, err
		}
		return true, auditMembers(tx, p, parley.ActBroadcastMembersRemoved, broadcast, -n, members)
	})
}

// RemoveBroadcastMember takes one member off a list. NotFound where it is not on it.
func (d *Directory) RemoveBroadcastMember(ctx context.Context, p *access.Principal, id parley.ID, member parley.BroadcastMember) (parley.Broadcast, error) {
	return d.changeBroadcast(ctx, p, id, 0, func(tx *store.Tx, broadcast *parley.Broadcast) (bool, error) {
		if member.Kind == parley.ActorContact {
			var err error
			if member.ID, err = tx.Became(p.Organization, member.ID); err != nil {
				return false, err
			}
		}
		members := []parley.BroadcastMember{member}
		n, err := tx.RemoveBroadcastMembers(p.Organization, id, members)
		if err == nil && n == 0 {
			err = parley.NotFound("member", member.ID)
		}
		if err != nil {
			return false, err
		}
		broadcast.MemberCount -= n
		return true, auditMembers(tx, p, parley.ActBroadcastMembersRemoved, broadcast, -n, members)
	})
}

// DeleteBroadcast deletes a list; its members go soon after, as a job. An ifMatch that is not 0 must be its
// revision.
func (d *Directory) DeleteBroadcast(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeBroadcastsWrite); err != nil {
		return err
	}
	return d.write(ctx, p, func(tx *store.Tx) error {
		broadcast, err := tx.Broadcast(p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, broadcast.Rev); err != nil {
			return err
		}
		emit(tx, p, parley.EventBroadcastDeleted, id)
		var changes parley.Changes
		changes.Gone("name", broadcast.Name)
		changes.Gone("memberCount", broadcast.MemberCount)
		if err := p.Did(tx, parley.ActBroadcastDeleted, id, changes); err != nil {
			return err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Broadcast, id, nil); err != nil {
			return err
		}
		if err := people.SetSelection(tx, p.Organization, id, nil); err != nil {
			return err
		}
		if err := tx.DeleteBroadcast(p.Organization, id); err != nil {
			return err
		}
		return tx.Schedule(store.Job{Organization: p.Organization, ID: store.JobID(store.JobMembers, string(id)), Kind: store.JobMembers, DueAt: tx.Now, Payload: string(id)})
	})
}

// DropMembers does some of the due work on the members of deleted lists, and says whether there may be more.
func (d *Directory) DropMembers(ctx context.Context) (bool, error) {
	due, err := d.store.WriteDue(ctx, store.JobMembers, 1, func(tx *store.Tx, jobs []store.Job) error {
		n, err := tx.DropBroadcastMembers(jobs[0].Organization, parley.ID(jobs[0].Payload), dropMembers)
		if err != nil || n == dropMembers {
			return err
		}
		return tx.Done(jobs)
	})
	return err == nil && due > 0, err
}
