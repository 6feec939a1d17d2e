package thread

import (
	"context"
	"maps"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
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
	if err := matchRev(ifMatch, c.Rev); err != nil {
		return err
	}
	before := *c
	if err := patch.apply(tx, p, c); err != nil {
		return err
	}
	if c.Avatar != before.Avatar {
		if err := tx.KeepAvatar(p.Organization, c.ID, c.Avatar); err != nil {
			return err
		}
	}
	if err := wakeLater(tx, p.Organization, &before, c); err != nil {
		return err
	}
	data := parley.EventData{}
	if c.Status != before.Status {
		data.Status = string(c.Status)
	}
	emit(tx, p, parley.EventConversationUpdated, c.ID, "", data)
	return parley.About(tx.UpdateConversation(p.Organization, c), "thread-taken", "status")
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
		if !s.takesPart(&c) {
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-participant", Message: "you no longer take part in the conversation"}
		}
		return change(tx, s, &c)
	})
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
	set(&c.Title, patch.Title)
	set(&c.Description, patch.Description)
	set(&c.Tags, patch.Tags)
	if patch.Metadata != nil {
		c.Metadata = maps.Clone(c.Metadata)
		for key, value := range patch.Metadata {
			if value == nil {
				delete(c.Metadata, key)
				continue
			}
			if c.Metadata == nil {
				c.Metadata = map[string]string{}
			}
			c.Metadata[key] = *value
		}
	}
	patch.status(&wrong, c, tx.Now)
	named := parley.Conversation{} // what is new must exist; what is there may be gone by now
	if patch.Avatar != nil && *patch.Avatar != c.Avatar {
		c.Avatar, named.Avatar = *patch.Avatar, *patch.Avatar
	}
	if patch.Assignees != nil {
		c.Assignees, named.Assignees = *patch.Assignees, *patch.Assignees
	}
	c.Tags = wrong.labels(c)
	if err := wrong.err(); err != nil {
		return err
	}
	if err := checkNamed(tx.Queries, p, &named); err != nil {
		return err
	}
	return patch.channel(tx, p, c)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (patch *ConversationPatch) status(wrong *check, c *parley.Conversation, now time.Time) {
	if patch.Status != nil {
		switch *patch.Status {
		case parley.StatusOpen, parley.StatusSnoozed, parley.StatusClosed:
			c.Status, c.SnoozedUntil = *patch.Status, time.Time{}
		default:
			wrong.refuse("status", "value-unknown", "must be open, snoozed or closed")
			return
		}
	}
	switch {
	case patch.SnoozedUntil.IsZero():
	case c.Status != parley.StatusSnoozed:
		wrong.refuse("snoozedUntil", "not-allowed", "goes with the status snoozed only")
	case !patch.SnoozedUntil.After(now):
		wrong.refuse("snoozedUntil", "out-of-range", "must be in the future")
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
	c.Status, c.SnoozedUntil = parley.StatusOpen, time.Time{}
	emit(tx, access.System(organization), parley.EventConversationUpdated, id, "", parley.EventData{Status: string(c.Status), Reason: "woke"})
	return tx.UpdateConversation(organization, &c)
}
