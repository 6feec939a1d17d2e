package inbox

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
	"github.com/parley-server/parley/internal/store/relation"
)

// MoveMessage moves a message of a conversation that the organization sees to another such one, where it is the newest item
// and stands at its time. Its number in the other stays taken, by a tombstone.
func (i *Inbox) MoveMessage(ctx context.Context, p *access.Principal, message, into parley.ID) error {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return err
	}
	return i.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s := thread.NewSight(tx.Queries, p)
		m, from, err := s.Message(message)
		if err != nil {
			return err
		}
		other, err := s.Conversation(into)
		if parley.IsKind(err, parley.KindNotFound) {
			return parley.Invalid("conversation", "conversation-unknown", "must be the id of a conversation")
		}
		if err != nil || from.ID == other.ID {
			return err
		}
		if err := movable(tx, p, &m, &from, &other); err != nil {
			return err
		}
		return move(tx, p, &m, &from, &other)
	})
}

func move(tx *store.Tx, p *access.Principal, m *parley.Message, from, into *parley.Conversation) error {
	tombstone := parley.NewID(tx.Now)
	if err := inbox.Move(tx, p.Organization, m, tombstone, into); err != nil {
		return parley.About(err, "broadcast-in-both", "conversation")
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventMessageRemoved, Conversation: from.ID, Message: tombstone,
		Data: parley.EventData{Actor: p.User, Reason: string(parley.RemovedMoved)}})
	tx.Emit(p.Organization, parley.Event{Type: parley.EventMessageMoved, Conversation: into.ID, Message: m.ID, Data: parley.EventData{Actor: p.User}})
	if err := thread.Remember(tx, p, from, "", parley.Difference{Field: "messages", From: []string{string(m.ID)}}); err != nil {
		return err
	}
	into.LastSequence++
	return thread.Remember(tx, p, into, "", parley.Difference{Field: "messages", To: []string{string(m.ID)}})
}

// movable refuses to move what has not come, is gone, or is for others than who sees the other conversation.
func movable(tx *store.Tx, p *access.Principal, m *parley.Message, from, into *parley.Conversation) error {
	switch {
	case from.Visibility != parley.VisibleToOrganization || into.Visibility != parley.VisibleToOrganization:
		return parley.Invalid("conversation", "move-members", "a message is moved between conversations that the organization sees, not those of members")
	case m.Sequence == 0:
		return parley.Conflict("not-sent", "the message is scheduled, and in no conversation yet")
	case m.Removed != "":
		return parley.Conflict("content-removed", "the content of the message is gone")
	case m.DeleteOnRead && m.Direction == parley.NoDirection:
		return parley.Conflict("not-moved", "a message between members that is deleted on read stays where its readers are")
	}
	replies, err := relation.CountReplies(tx.Queries, p.Organization, []relation.Thread{{Root: m.ID}})
	if err != nil {
		return err
	}
	if m.Root != "" || replies[m.ID].Count > 0 {
		return parley.Conflict("not-moved", "the message is in a thread of replies, and stays with it")
	}
	if err := narrower(tx.Queries, p.Organization, from, into); err != nil {
		return parley.About(err, "merge-channels", "conversation")
	}
	jobs, err := tx.HoldJobsOf(p.Organization, m)
	for _, j := range jobs {
		if j.Kind == store.JobDeliver {
			return parley.Conflict("deliveries-under-way", "the message is being delivered; try again when it is")
		}
	}
	return err
}
