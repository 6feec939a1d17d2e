package inbox

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/inbox"
)

// maxMerged is how many items a conversation may have that becomes a part of another: they are moved in one transaction.
const maxMerged = 10_000

// MergeConversation makes a conversation with somebody outside a part of another one with the same people, and returns that.
// From then on its id answers the other, which has its items after its own, with their times. To do it again changes
// nothing. An ifMatch that is not 0 must be the revision of the one that is merged.
func (i *Inbox) MergeConversation(ctx context.Context, p *access.Principal, id, into parley.ID, ifMatch int64) (parley.Conversation, error) {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return parley.Conversation{}, err
	}
	err := i.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s := thread.NewSight(tx.Queries, p)
		from, other, done, err := mergers(tx, s, id, into)
		if err != nil || done {
			return err
		}
		if err := parley.MatchRev(ifMatch, from.Rev); err != nil {
			return err
		}
		return merge(tx, p, &from, &other)
	})
	if err != nil {
		return parley.Conversation{}, err
	}
	return thread.Whole(thread.NewSight(i.store.Read(ctx), p), id)
}

// mergers finds the two conversations, and says whether they are one already. It refuses what is no merge.
func mergers(tx *store.Tx, s *thread.Sight, id, into parley.ID) (from, other parley.Conversation, done bool, err error) {
	organization := s.Principal().Organization
	if from, err = s.Conversation(id); err != nil {
		return from, other, false, err
	}
	if other, err = s.Conversation(into); err != nil {
		if parley.IsKind(err, parley.KindNotFound) {
			err = parley.Invalid("into", "conversation-unknown", "must be the id of a conversation")
		}
		return from, other, false, err
	}
	became, err := inbox.Became(tx.Queries, organization, id)
	switch {
	case err != nil:
	case became[id] != "" && from.ID != other.ID:
		err = parley.Conflict("conversation-merged", "it was merged into the conversation %s already", from.ID)
	case became[id] != "" && into != id:
		return from, other, true, nil
	case from.ID == other.ID:
		err = parley.Invalid("into", "merge-circle", "must be another conversation, and not one that was merged into this one")
	}
	return from, other, false, err
}

// merge is the unit that makes one conversation a part of another.
func merge(tx *store.Tx, p *access.Principal, from, into *parley.Conversation) error {
	own, err := tx.Participants(p.Organization, from.ID)
	if err != nil {
		return err
	}
	others, err := tx.Participants(p.Organization, into.ID)
	if err != nil {
		return err
	}
	if err := mixable(tx, p, from, into, own, others); err != nil {
		return err
	}
	before, base := *into, into.LastSequence
	combine(from, into)
	if len(into.Tags) > thread.MaxTags || len(into.Metadata) > thread.MaxFacts || len(into.Attributes) > thread.MaxFacts {
		return parley.Invalid("into", "too-many", "together the two have more than %d tags, or %d facts or attributes: remove some first", thread.MaxTags, thread.MaxFacts)
	}
	if from.Avatar != "" {
		if err := tx.KeepAvatar(p.Organization, from.ID, ""); err != nil {
			return err
		}
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventConversationMerged, Conversation: from.ID, Data: parley.EventData{Actor: p.User, Into: into.ID}})
	merging := inbox.Merging{Organization: p.Organization, From: from, Into: &before, Participants: joining(own, others, base, from.LastSequence)}
	if err := inbox.Merge(tx, merging); err != nil {
		return err
	}
	if err := hold.MergeConversations(tx, p.Organization, from.ID, into.ID); err != nil {
		return err
	}
	if err := hours.MergeMarks(tx, p.Organization, from.ID, into.ID); err != nil {
		return err
	}
	if err := sla.Merged(tx, p.Organization, from.ID, into.ID); err != nil {
		return err
	}
	into.LastSequence = base + from.LastSequence
	if err := thread.Remember(tx, p, into, "", parley.Difference{Field: "merged", From: []string{string(from.ID)}}); err != nil {
		return err
	}
	into.Inbox = into.Inbox || from.Inbox
	return thread.Save(tx, p, &before, into, "")
}

// combine adds to a conversation what it does not have of one that becomes a part of it. Work that is to be done on either is
// to be done on the two.
func combine(from, into *parley.Conversation) {
	if into.Title == "" {
		into.Title = from.Title
	}
	if into.Description == "" {
		into.Description = from.Description
	}
	if len(into.Assignees) == 0 {
		into.Assignees = from.Assignees
	}
	if into.ExternalID == "" {
		into.ExternalID = from.ExternalID
	}
	into.Priority = max(into.Priority, from.Priority)
	into.Tags = slices.Clone(into.Tags)
	for _, tag := range from.Tags {
		if !slices.Contains(into.Tags, tag) {
			into.Tags = append(into.Tags, tag)
		}
	}
	into.Metadata, into.Attributes = together(from.Metadata, into.Metadata), together(from.Attributes, into.Attributes)
	if from.Status == parley.StatusOpen || from.Status == parley.StatusSnoozed && into.Status == parley.StatusClosed {
		into.Status, into.SnoozedUntil = from.Status, from.SnoozedUntil
	}
}

// together are facts with those that they do not have.
func together(more, facts map[string]string) map[string]string {
	if len(more) == 0 {
		return facts
	}
	all := make(map[string]string, len(more)+len(facts))
	for _, of := range []map[string]string{more, facts} {
		for key, value := range of {
			all[key] = value
		}
	}
	return all
}

// joining are those who take or took part in a conversation, as they do in the one that it becomes a part of: in its numbers.
// One who is written to there at an address of the same kind is not written to twice: the other address has left.
func joining(own, others []parley.Participant, base, items int64) []parley.Participant {
	list := make([]parley.Participant, 0, len(own))
	for _, p := range own {
		p.JoinedSequence += base
		switch {
		case p.LeftSequence > 0:
			p.LeftSequence += base
		case slices.ContainsFunc(others, func(o parley.Participant) bool {
			return o.LeftSequence == 0 && o.Kind == p.Kind && o.ID == p.ID && o.Address.Kind == p.Address.Kind && o.Address.Value != p.Address.Value
		}):
			p.LeftSequence = base + items + 1
		}
		list = append(list, p)
	}
	return list
}

// mixable refuses to mix conversations of which the one is not for whom the other is for.
func mixable(tx *store.Tx, p *access.Principal, from, into *parley.Conversation, own, others []parley.Participant) error {
	for _, c := range []*parley.Conversation{from, into} {
		if c.Kind != parley.ConversationExternal && c.Kind != parley.ConversationSecure {
			return parley.Invalid("into", "merge-kinds", "only conversations with somebody outside are merged; one is of kind %s", c.Kind)
		}
	}
	if from.Kind != into.Kind {
		return parley.Invalid("into", "merge-kinds", "must be of the same kind: one is %s, the other %s", from.Kind, into.Kind)
	}
	if !slices.Equal(people(own), people(others)) {
		return parley.Invalid("into", "merge-people", "must be with the same people: what is written there would go to others too. Merge the contacts first, if they are one person")
	}
	if from.LastSequence > maxMerged {
		return parley.Invalid("into", "too-many", "the conversation has more than %d items; merge the other one into it", maxMerged)
	}
	if err := narrower(tx.Queries, p.Organization, from, into); err != nil {
		return parley.About(err, "merge-channels", "into")
	}
	copied, err := inbox.BothHave(tx.Queries, p.Organization, from.ID, into.ID)
	if err == nil && copied != "" {
		err = parley.Invalid("into", "broadcast-in-both", "both have a copy of the broadcast message %s, of which a conversation has one", copied)
	}
	return err
}

// people are those outside who take part, each once.
func people(participants []parley.Participant) (names []string) {
	for _, p := range participants {
		name := string(p.ID)
		if p.Kind == parley.ActorAddress {
			name = p.Address.String()
		}
		if p.LeftSequence == 0 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// narrower refuses to bring items to a conversation that somebody sees who does not see the one they are in.
func narrower(q store.Queries, organization parley.ID, from, into *parley.Conversation) error {
	if from.Channel == into.Channel {
		return nil
	}
	channels, err := q.ChannelsByID(organization, []parley.ID{from.Channel, into.Channel})
	if err != nil {
		return err
	}
	a, b := channels[from.Channel], channels[into.Channel]
	if a == nil || a.Open {
		return nil
	}
	if b != nil && !b.Open && !slices.ContainsFunc(b.Members, func(id parley.ID) bool { return !slices.Contains(a.Members, id) }) {
		return nil
	}
	return &parley.Error{Kind: parley.KindInvalid, Code: "merge-channels", Message: "would show items to people who are no members of their channel"}
}
