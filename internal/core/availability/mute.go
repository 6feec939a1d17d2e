package availability

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
)

// Mute mutes a conversation for the principal's user, until a time, or for good where it is zero.
func (a *Availability) Mute(ctx context.Context, p *access.Principal, conversation parley.ID, until time.Time) (parley.Conversation, error) {
	err := a.muting(ctx, p, conversation, func(tx *store.Tx) error {
		if !until.IsZero() && !until.After(tx.Now) {
			return parley.Invalid("until", "out-of-range", "must be in the future")
		}
		emitMuted(tx, p, conversation, "on")
		return availability.Mute(tx, p.Organization, p.User, conversation, until)
	})
	if err != nil {
		return parley.Conversation{}, err
	}
	return a.threads.Conversation(ctx, p, conversation)
}

// Unmute ends that. What is not muted stays so.
func (a *Availability) Unmute(ctx context.Context, p *access.Principal, conversation parley.ID) error {
	return a.muting(ctx, p, conversation, func(tx *store.Tx) error {
		muted, err := availability.Unmute(tx, p.Organization, p.User, conversation)
		if muted {
			emitMuted(tx, p, conversation, "off")
		}
		return err
	})
}

func (a *Availability) muting(ctx context.Context, p *access.Principal, conversation parley.ID, unit func(tx *store.Tx) error) error {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return err
	}
	return a.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if _, err := thread.NewSight(tx.Queries, p).Conversation(conversation); err != nil {
			return err
		}
		return unit(tx)
	})
}

func emitMuted(tx *store.Tx, p *access.Principal, conversation parley.ID, status string) {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventConversationMuted, Conversation: conversation, Subject: p.User,
		Data: parley.EventData{Actor: p.User, Status: status}})
}
