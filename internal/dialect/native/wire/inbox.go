package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// HistoryEntry renders what became of a conversation.
func HistoryEntry(e *parley.HistoryEntry) api.HistoryEntry {
	return api.HistoryEntry{ID: string(e.ID), Time: stamp(e.At), Sequence: e.Sequence, Actor: actor(e.Actor, parley.Address{}), Reason: e.Reason,
		Changes: Each(e.Changes, func(c *parley.Difference) api.Change { return api.Change{Field: c.Field, From: c.From, To: c.To} })}
}

// Draft renders a draft.
func Draft(d *parley.Draft) api.Draft {
	return api.Draft{ID: string(d.ID), ConversationID: string(d.Conversation), User: string(d.User), Shared: d.Shared, Body: Body(d.Body),
		Attachments: attachments(d.Attachments), Internal: d.Internal, ReplyTo: string(d.ReplyTo), Rev: d.Rev, CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt)}
}
