package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/limit"
	"github.com/parley-server/parley/internal/store/people"
	"github.com/parley-server/parley/internal/store/record"
)

// MergeContact makes a contact a part of another and returns the other. From then on its id answers the other, to whom
// its addresses, lists and history belong. What both have stays as the other has it. To do it again changes nothing.
// An ifMatch that is not 0 must be the revision of the one that is merged.
func (d *Directory) MergeContact(ctx context.Context, p *access.Principal, id, into parley.ID, ifMatch int64) (parley.Contact, error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return parley.Contact{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Contact, error) {
		from, other, err := mergers(tx, p.Organization, id, into)
		if err != nil || from.MergedInto == other.ID {
			return other, err
		}
		if err := parley.MatchRev(ifMatch, from.Rev); err != nil {
			return other, err
		}
		for _, id := range []parley.ID{from.ID, other.ID} {
			if _, err := people.Erasure(tx.Queries, p.Organization, id); !parley.IsKind(err, parley.KindNotFound) {
				if err == nil {
					err = parley.Conflict("contact-erasing", "the contact %s is being erased", id)
				}
				return other, err
			}
		}
		return merge(tx, p, from, other)
	})
}

// mergers finds the two contacts, and refuses what is no merge.
func mergers(tx *store.Tx, organization, id, into parley.ID) (from, other parley.Contact, err error) {
	if from, err = tx.Contact(organization, id); err != nil {
		return from, other, err
	}
	other, err = tx.Survivor(organization, into)
	switch {
	case parley.IsKind(err, parley.KindNotFound):
		return from, other, parley.Invalid("into", "contact-unknown", "must be the id of a contact")
	case err != nil || from.MergedInto == other.ID:
		return from, other, err
	case from.MergedInto != "":
		return from, other, parley.Conflict("contact-merged", "it was merged into the contact %s already", from.MergedInto)
	case into == from.ID:
		return from, other, parley.Invalid("into", "merge-circle", "must be another contact")
	case other.ID == from.ID:
		return from, other, parley.Invalid("into", "merge-circle", "that contact was merged into this one")
	}
	return from, other, nil
}

// merge is the unit that makes one contact a part of another.
func merge(tx *store.Tx, p *access.Principal, from, into parley.Contact) (parley.Contact, error) {
	addresses := mergedAddresses(&from, &into)
	gone := combine(&from, &into)
	var c check
	c.atMost("into", len(addresses), maxAddresses)
	c.atMost("into", len(into.Tags), maxTags)
	c.atMost("into", len(into.Attributes), maxFacts)
	if len(c.Wrong) > 0 {
		return into, parley.Invalid("into", "too-many", "together the two have more than %d addresses, %d tags or %d attributes: remove some first",
			maxAddresses, maxTags, maxFacts)
	}
	lists, err := mergeLists(tx, p, from.ID, into.ID)
	if err != nil {
		return into, err
	}
	if err := people.MoveExternalIDs(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := people.MoveExports(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := people.MoveBlocks(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := people.Merge(tx, people.Merging{Organization: p.Organization, From: from.ID, Into: into.ID, Name: into.Name}, &from); err != nil {
		return into, err
	}
	if err := hours.MergeMarks(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := limit.Merge(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := record.Merge(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := hold.Merge(tx, p.Organization, from.ID, into.ID); err != nil {
		return into, err
	}
	if err := tx.AddContactAddresses(p.Organization, into.ID, addresses); err != nil {
		return into, err
	}
	for _, contact := range []*parley.Contact{&gone, &into} { // in this order: an external id goes from one to the other
		if err := tx.UpdateContact(p.Organization, contact); err != nil {
			return into, err
		}
	}
	var changes parley.Changes
	changes.Made("into", string(into.ID))
	changes.Made("broadcasts", lists)
	if err := p.Did(tx, parley.ActContactMerged, from.ID, changes); err != nil {
		return into, err
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventContactMerged, Subject: from.ID, Data: parley.EventData{Actor: p.User, Into: into.ID}})
	return tx.Contact(p.Organization, into.ID)
}

// mergedAddresses are those of the two together, the other's first. One that identified either of them identifies
// the two as one.
func mergedAddresses(from, into *parley.Contact) []parley.Address {
	all := slices.Clone(into.Addresses)
	for _, a := range from.Addresses {
		same := slices.IndexFunc(all, func(b parley.Address) bool { return b.Kind == a.Kind && b.Value == a.Value })
		if same < 0 {
			all = append(all, a)
		} else {
			all[same].Shared = all[same].Shared && a.Shared
		}
	}
	return all
}

// combine adds to a contact what it does not have of one that becomes a part of it, and returns what is left of that:
// its id, and an external id for which there is no place in the other.
func combine(from, into *parley.Contact) (gone parley.Contact) {
	gone = parley.Contact{ID: from.ID, MergedInto: into.ID, CreatedAt: from.CreatedAt}
	if into.ExternalID == "" {
		into.ExternalID = from.ExternalID
	} else {
		gone.ExternalID = from.ExternalID
	}
	if into.Name == "" {
		into.Name = from.Name
	}
	if into.LastChannel == "" {
		into.LastChannel = from.LastChannel
	}
	into.Saved = into.Saved || from.Saved
	into.OptedOut = into.OptedOut || from.OptedOut // who has said so once is believed
	for _, tag := range from.Tags {
		if !slices.Contains(into.Tags, tag) {
			into.Tags = append(into.Tags, tag)
		}
	}
	attributes := make(map[string]string, len(from.Attributes)+len(into.Attributes))
	for _, of := range []*parley.Contact{from, into} {
		for key, value := range of.Attributes {
			attributes[key] = value
		}
	}
	into.Attributes = attributes
	return gone
}

// mergeLists puts a contact on the broadcast lists of another in its place, and returns these. While the copies of a message to one of these
// are made, nobody could say which of the two has had its own.
func mergeLists(tx *store.Tx, p *access.Principal, from, into parley.ID) ([]parley.ID, error) {
	lists, err := tx.LeaveBroadcasts(p.Organization, parley.BroadcastMember{Kind: parley.ActorContact, ID: from})
	if err != nil || len(lists) == 0 {
		return nil, err
	}
	under, err := people.FanOuts(tx.Queries, p.Organization)
	if err != nil {
		return nil, err
	}
	for _, id := range lists {
		if slices.ContainsFunc(under, func(payload string) bool { return strings.Contains(payload, string(id)) }) {
			return nil, parley.Conflict("broadcast-under-way", "a message to the broadcast list %s is being written to its members; try again in a moment", id)
		}
		list, err := tx.Broadcast(p.Organization, id)
		if err != nil {
			return nil, err
		}
		added, err := tx.AddBroadcastMembers(p.Organization, id, []parley.BroadcastMember{{Kind: parley.ActorContact, ID: into}})
		if err != nil {
			return nil, err
		}
		list.MemberCount += added
		if err := tx.UpdateBroadcast(p.Organization, &list); err != nil {
			return nil, err
		}
		emit(tx, p, parley.EventBroadcastUpdated, id)
	}
	return lists, nil
}

// survivors refuses ids that are no contacts, and returns those that the others became.
func survivors(q store.Queries, organization parley.ID, ids []parley.ID) ([]parley.ID, error) {
	contacts, err := q.ContactsByID(organization, ids)
	if err != nil {
		return nil, err
	}
	var c check
	became := slices.Clone(ids)
	for i, id := range ids {
		switch contact := contacts[id]; {
		case contact == nil:
			c.Refuse(fmt.Sprintf("contacts[%d]", i), "contact-unknown", "%q is no contact of the organization", id)
		case contact.MergedInto != "":
			became[i] = contact.MergedInto
		}
	}
	return became, c.Err()
}
