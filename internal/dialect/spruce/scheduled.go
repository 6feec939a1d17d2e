package spruce

import (
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// scheduledMessage is a message that is sent later, or was, as events have it.
type scheduledMessage struct {
	Object       string           `json:"object"`
	ID           string           `json:"id"`
	Conversation string           `json:"conversationId"`
	CreatedAt    string           `json:"createdAt"`
	ModifiedAt   string           `json:"modifiedAt"`
	SendAt       string           `json:"scheduledToSendAt"`
	Internal     bool             `json:"isInternalNote"`
	Author       string           `json:"sendAsInternalMemberId"`
	Message      scheduledContent `json:"message"`
	Sent         string           `json:"sentConversationItemId,omitempty"`
}

type scheduledContent struct {
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
	Paged       []string     `json:"pagedInternalMemberIds"`
}

func (c *call) scheduled(m *parley.Message) scheduledMessage {
	v := scheduledMessage{Object: "scheduledMessage", ID: prefixScheduled + string(m.ID), Conversation: prefixConversation + string(m.Conversation),
		CreatedAt: stamp(m.CreatedAt), ModifiedAt: stamp(m.CreatedAt), SendAt: stamp(m.SendAt), Internal: m.Internal || m.Kind == parley.KindNote,
		Author: authorOf(m, c.p.Organization, false).ID, Message: scheduledContent{Text: plain.Text(m.Body), Attachments: c.files(m), Paged: []string{}}}
	if m.EditedAt.After(m.CreatedAt) {
		v.ModifiedAt = stamp(m.EditedAt)
	}
	if v.Author == "" {
		v.Author = prefixEntity + string(c.p.Organization)
	}
	for _, part := range m.Body {
		if part.Kind == parley.PartPage {
			v.Message.Paged = append(v.Message.Paged, c.memberID(part.Who))
		}
	}
	if m.Sequence > 0 {
		v.Sent = prefixItem + string(m.ID)
	}
	return v
}

// kindOfScheduled is what an event says of a message as one that is scheduled; empty: nothing.
func kindOfScheduled(e *eventlog.Detail, m *parley.Message) string {
	switch e.Type {
	case parley.EventMessageScheduled:
		return scheduledCreated
	case parley.EventMessageCanceled:
		return scheduledDeleted
	case parley.EventMessageCreated:
		if !m.SendAt.IsZero() {
			return scheduledSent
		}
	case parley.EventMessageEdited, parley.EventMessageRedacted:
		if m.Sequence == 0 {
			return scheduledUpdated
		}
	case parley.EventMessageRemoved:
		if m.Sequence == 0 && e.Subject == "" {
			return scheduledDeleted
		}
	}
	return ""
}
