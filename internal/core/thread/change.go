package thread

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// ConversationPatch changes a conversation. What is nil stays as it is.
type ConversationPatch struct {
	Status       *parley.ConversationStatus
	SnoozedUntil time.Time // with the status snoozed; zero: until something happens in it
	Title        *string
	Description  *string
	Avatar       *parley.ID // empty removes it
	Channel      *parley.ID // the default reply channel
	Assignees    *[]parley.Assignee
	Tags         *[]string
	Metadata     map[string]*string // one by one; nil removes one
	ExternalID   *string            // empty removes it
	Priority     *int               // 0 is none
	Attributes   map[string]*string // one by one; nil removes one

	// What is added comes last; what is there already stays where it is.
	AddAssignees, RemoveAssignees []parley.Assignee
	AddTags, RemoveTags           []string
}

// UpdateConversation changes a conversation. An ifMatch that is not 0 must be its revision. Reopening one whose
// thread has another open conversation by now is parley.KindConflict "thread-taken".
func (t *Threads) UpdateConversation(ctx context.Context, p *access.Principal, id parley.ID, patch ConversationPatch, ifMatch int64) (parley.Conversation, error) {
	err := t.changeConversation(ctx, p, id, func(tx *store.Tx, s *Sight, c *parley.Conversation) error {
		return patch.Change(tx, p, c, ifMatch)
	})
	if err != nil {
		return parley.Conversation{}, err
	}
	return t.whole(ctx, p, id)
}

// Change changes a conversation that the principal may change, inside a unit.
func (patch *ConversationPatch) Change(tx *store.Tx, p *access.Principal, c *parley.Conversation, ifMatch int64) error {
	if err := parley.MatchRev(ifMatch, c.Rev); err != nil {
		return err
	}
	before := *c
	if err := patch.apply(tx, p, c); err != nil {
		return err
	}
	return parley.About(Save(tx, p, &before, c, ""), "thread-taken", "status")
}

// Save writes what was changed about a conversation inside a unit, tells the log, and keeps who did it. The reason is that
// of what nobody does by hand.
func Save(tx *store.Tx, p *access.Principal, before, c *parley.Conversation, reason string) error {
	if c.Avatar != before.Avatar {
		if err := tx.KeepAvatar(p.Organization, c.ID, c.Avatar); err != nil {
			return err
		}
	}
	if err := wakeLater(tx, p.Organization, before, c); err != nil {
		return err
	}
	if c.ExternalID != before.ExternalID || c.Priority != before.Priority || !maps.Equal(c.Attributes, before.Attributes) {
		if err := inbox.SetDetails(tx, p.Organization, c); err != nil {
			return parley.About(err, "external-id-taken", "externalId")
		}
	}
	if err := sla.Changed(tx, p.Organization, before, c); err != nil {
		return err
	}
	if !slices.Equal(c.Tags, before.Tags) || !slices.Equal(c.Assignees, before.Assignees) {
		if err := tx.Relabel(p.Organization, c); err != nil {
			return err
		}
	}
	data := parley.EventData{Reason: reason}
	if c.Status != before.Status {
		data.Status = string(c.Status)
	}
	emit(tx, p, parley.EventConversationUpdated, c.ID, "", data)
	if err := tx.UpdateConversation(p.Organization, c); err != nil {
		return err
	}
	return Remember(tx, p, c, reason, parley.Differences(before, c)...)
}

// Remember keeps what became of a conversation in its history.
func Remember(tx *store.Tx, p *access.Principal, c *parley.Conversation, reason string, changes ...parley.Difference) error {
	if len(changes) == 0 {
		return nil
	}
	return inbox.AddHistory(tx, p.Organization, parley.HistoryEntry{Conversation: c.ID, Sequence: c.LastSequence, Actor: p.Actor(), Reason: reason, Changes: changes})
}

// changeConversation runs a unit that changes a conversation which the principal sees and takes part in.
func (t *Threads) changeConversation(ctx context.Context, p *access.Principal, id parley.ID,
	change func(tx *store.Tx, s *Sight, c *parley.Conversation) error) error {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return err
	}
	return t.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s := NewSight(tx.Queries, p)
		c, err := s.Conversation(id)
		if err != nil {
			return err
		}
		if err := s.MayChange(&c); err != nil {
			return err
		}
		return change(tx, s, &c)
	})
}

// MayChange refuses to change a conversation that the principal sees and takes no part in any more.
func (s *Sight) MayChange(c *parley.Conversation) error {
	if s.takesPart(c) {
		return nil
	}
	return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-participant", Message: "you no longer take part in the conversation"}
}

// takesPart reports whether the principal may change a conversation that it sees: one of members only while it
// is one of them.
func (s *Sight) takesPart(c *parley.Conversation) bool {
	if c.Visibility == parley.VisibleToOrganization || s.private() {
		return true
	}
	part := s.parts[c.ID]
	return part != nil && part.LeftSequence == 0
}

func (patch *ConversationPatch) apply(tx *store.Tx, p *access.Principal, c *parley.Conversation) error {
	var wrong check
	parley.Set(&c.Title, patch.Title)
	parley.Set(&c.Description, patch.Description)
	parley.Set(&c.Tags, patch.Tags)
	parley.Set(&c.ExternalID, patch.ExternalID)
	parley.Set(&c.Priority, patch.Priority)
	c.Tags = changeList(&wrong, "Tags", c.Tags, patch.Tags != nil, patch.AddTags, patch.RemoveTags)
	c.Metadata = changeFacts(c.Metadata, patch.Metadata)
	c.Attributes = changeFacts(c.Attributes, patch.Attributes)
	patch.status(&wrong, c, tx.Now)
	had, fresh := c.Assignees, parley.ID("") // what is new must exist; what is there may be gone by now
	if patch.Avatar != nil && *patch.Avatar != c.Avatar {
		c.Avatar, fresh = *patch.Avatar, *patch.Avatar
	}
	parley.Set(&c.Assignees, patch.Assignees)
	c.Assignees = changeList(&wrong, "Assignees", c.Assignees, patch.Assignees != nil, patch.AddAssignees, patch.RemoveAssignees)
	c.Tags = wrong.labels(c)
	if err := wrong.Err(); err != nil {
		return err
	}
	if err := patch.named(tx, p, c, had, fresh); err != nil {
		return err
	}
	if err := patch.typed(tx, p, c); err != nil {
		return err
	}
	return patch.channel(tx, p, c)
}

// named refuses to give the conversation to who does not exist or see it, and an avatar that is not there.
func (patch *ConversationPatch) named(tx *store.Tx, p *access.Principal, c *parley.Conversation, had []parley.Assignee, avatar parley.ID) error {
	var wrong check
	n := &naming{q: tx.Queries, p: p, had: had, sees: func() (func(user parley.ID) bool, error) { return Seeing(tx.Queries, p.Organization, c) }}
	var replaced []parley.Assignee
	parley.Set(&replaced, patch.Assignees)
	added := slices.DeleteFunc(slices.Clone(patch.AddAssignees), func(a parley.Assignee) bool { return slices.Contains(had, a) })
	return parley.FirstError(n.assignees(&wrong, "assignees", replaced), n.assignees(&wrong, "addAssignees", added), n.avatar(&wrong, avatar), wrong.Err())
}

// typed checks the attributes that are set.
func (patch *ConversationPatch) typed(tx *store.Tx, p *access.Principal, c *parley.Conversation) error {
	var writes []string
	for key, value := range patch.Attributes {
		if value != nil {
			writes = append(writes, key)
		}
	}
	return attribute.Typed(tx.Queries, p.Organization, parley.OfConversations, c.Attributes, writes)
}

// changeList adds entries to a list, and takes others out. Not both that and a new list can be asked for.
func changeList[T comparable](wrong *check, name string, list []T, replaced bool, add, remove []T) []T {
	if len(add)+len(remove) == 0 {
		return list
	}
	if replaced {
		wrong.Refuse("add"+name, "not-allowed", "does not go with a new list of all")
	}
	changed := slices.DeleteFunc(slices.Clone(list), func(e T) bool { return slices.Contains(remove, e) })
	for _, e := range add {
		if slices.Contains(remove, e) {
			wrong.Refuse("remove"+name, "not-allowed", "names what is added")
		}
		if !slices.Contains(changed, e) {
			changed = append(changed, e)
		}
	}
	return changed
}

// changeFacts applies a patch: nil removes an entry.
func changeFacts(facts map[string]string, patch map[string]*string) map[string]string {
	if patch == nil {
		return facts
	}
	changed := make(map[string]string, len(facts)+len(patch))
	maps.Copy(changed, facts)
	for key, value := range patch {
		if value == nil {
			delete(changed, key)
		} else {
			changed[key] = *value
		}
	}
	return changed
}

func (patch *ConversationPatch) status(wrong *check, c *parley.Conversation, now time.Time) {
	if patch.Status != nil {
		switch *patch.Status {
		case parley.StatusOpen, parley.StatusSnoozed, parley.StatusClosed:
			c.Status, c.SnoozedUntil = *patch.Status, time.Time{}
		default:
			wrong.Refuse("status", "value-unknown", "must be open, snoozed or closed")
			return
		}
	}
	switch {
	case patch.SnoozedUntil.IsZero():
	case c.Status != parley.StatusSnoozed:
		wrong.Refuse("snoozedUntil", "not-allowed", "goes with the status snoozed only")
	case !patch.SnoozedUntil.After(now):
		wrong.Refuse("snoozedUntil", "out-of-range", "must be in the future")
	default:
		c.SnoozedUntil = patch.SnoozedUntil
	}
}

// channel changes the default reply channel, to one of the same kind of addresses.
func (patch *ConversationPatch) channel(tx *store.Tx, p *access.Principal, c *parley.Conversation) error {
	if patch.Channel == nil || *patch.Channel == c.Channel {
		return nil
	}
	if c.Kind != parley.ConversationExternal && c.Kind != parley.ConversationSecure {
		return parley.Invalid("channel", "not-allowed", "goes with an external or secure conversation only")
	}
	ch, err := seenChannel(tx.Queries, p, *patch.Channel)
	if err != nil {
		return err
	}
	participants, err := tx.Participants(p.Organization, c.ID)
	if err != nil {
		return err
	}
	for _, who := range participants {
		if who.Address.Value != "" && who.LeftSequence == 0 && who.Address.Kind != ch.AddressKind {
			return parley.Invalid("channel", "address-kind", "must be a channel that takes addresses of kind %s", who.Address.Kind)
		}
	}
	c.Channel = ch.ID
	return nil
}

// wakeLater keeps the timer of a snoozed conversation in step with it.
func wakeLater(tx *store.Tx, organization parley.ID, before, c *parley.Conversation) error {
	if c.SnoozedUntil.Equal(before.SnoozedUntil) {
		return nil
	}
	job := store.Job{Organization: organization, ID: store.JobID(store.JobWake, string(c.ID)), Kind: store.JobWake, DueAt: c.SnoozedUntil, Payload: string(c.ID)}
	if c.SnoozedUntil.IsZero() {
		return tx.Done([]store.Job{job})
	}
	return tx.Schedule(job)
}

// Wake opens up to limit snoozed conversations whose time has come, and says how many timers there were.
func (t *Threads) Wake(ctx context.Context, limit int) (n int, err error) {
	return t.store.WriteDue(ctx, store.JobWake, limit, func(tx *store.Tx, jobs []store.Job) error {
		for _, job := range jobs {
			if err := wake(tx, job.Organization, parley.ID(job.Payload)); err != nil {
				return err
			}
		}
		return tx.Done(jobs)
	})
}

func wake(tx *store.Tx, organization, id parley.ID) error {
	c, err := tx.Conversation(organization, id)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err != nil || c.Status != parley.StatusSnoozed || c.SnoozedUntil.IsZero() || c.SnoozedUntil.After(tx.Now) {
		return err
	}
	before := c
	c.Status, c.SnoozedUntil = parley.StatusOpen, time.Time{}
	return Save(tx, access.System(organization), &before, &c, parley.ReasonWoke)
}
