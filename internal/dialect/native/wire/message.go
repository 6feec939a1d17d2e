package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/message"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// Message renders a message.
func Message(m *parley.Message) api.Message {
	out := api.Message{
		ID: string(m.ID), ConversationID: string(m.Conversation), Sequence: m.Sequence, Kind: api.MessageKind(m.Kind),
		Direction: api.Direction(m.Direction), Status: api.Status(m.State), Counts: counts(m.Counts), Author: actor(m.Author, parley.Address{}),
		Body: Body(m.Body), Text: plain.Text(m.Body), AsText: m.AsText, Links: api.LinkMode(m.Links), Template: templated(m.Template), Reactions: m.Reactions, Attachments: attachments(m.Attachments), Channel: string(m.Channel), Platform: m.Platform,
		Internal: m.Internal, Priority: api.Priority(m.Priority), TTL: seconds(m.TTL), Validity: seconds(m.Validity), ExpiresAt: stamp(m.ExpiresAt),
		DeleteOnRead: m.DeleteOnRead, Tags: filledList(m.Tags), Metadata: filled(m.Metadata), Reference: m.Reference, ReplyTo: string(m.ReplyTo),
		Class: api.MessageClass(m.Class), Auto: string(m.Auto),
		Root: string(m.Root), Replies: m.Replies.Count, LastReplyAt: stamp(m.Replies.Last), Forward: forward(m.Forward), EditedAt: stamp(m.EditedAt),
		Edits: m.Edits, Redacted: redacted(m.Redactions), Batch: string(m.Batch), Acks: acks(m), Fallback: fallbacksOf(m.Fallback),
		Parent: string(m.Parent), Recorded: m.Recorded, NotBefore: stamp(m.NotBefore), SendAt: stamp(m.SendAt), SentAt: stamp(m.SentAt), CreatedAt: stamp(m.CreatedAt),
	}
	if m.Actor != m.Author {
		out.Actor = actor(m.Actor, parley.Address{})
	}
	for _, who := range m.OnBehalfOf {
		out.OnBehalfOf = append(out.OnBehalfOf, actor(who, parley.Address{}))
	}
	if n := m.Notice; n != nil {
		out.Notice = &api.Notice{Kind: api.NoticeKind(n.Kind), Reason: n.Reason, Escalation: string(n.Escalation), Level: n.Level}
		for _, who := range n.Who {
			out.Notice.Who = append(out.Notice.Who, actor(who, parley.Address{}))
		}
	}
	if m.Click != nil {
		out.Click = &api.Click{Action: m.Click.Action, Payload: m.Click.Payload}
	}
	if m.Removed != "" {
		out.Removed = &api.Removed{Reason: api.Removal(m.Removed), At: stamp(m.RemovedAt), By: someone(m.RemovedBy), MessageID: string(m.Moved)}
	}
	return out
}

// someone is an actor, or nobody.
func someone(a parley.Actor) api.Actor {
	if a.Kind == "" {
		return api.Actor{}
	}
	return actor(a, parley.Address{})
}

func forward(f *parley.Forward) *api.Forward {
	if f == nil {
		return nil
	}
	return &api.Forward{MessageID: string(f.Message), Author: actor(f.Author, parley.Address{}), SentAt: stamp(f.SentAt), Own: f.Own}
}

func redacted(r *parley.Redactions) *api.Redacted {
	if r == nil {
		return nil
	}
	return &api.Redacted{By: someone(r.By), At: stamp(r.At), Parts: r.Parts, Attachments: r.Attachments}
}

// Mention renders that a message mentions somebody.
func Mention(m *message.MentionOf) api.Mention {
	return api.Mention{As: actor(m.As, parley.Address{}), At: stamp(m.At), Message: Message(&m.In)}
}

// Version renders what a message said before it was edited.
func Version(v *parley.Version) api.MessageVersion {
	return api.MessageVersion{Number: v.Number, Body: Body(v.Body), Editor: actor(v.Editor, parley.Address{}), At: stamp(v.At)}
}

func acks(m *parley.Message) *api.Acks {
	if !m.RequestAck {
		return nil
	}
	return &api.Acks{Acknowledged: m.Acks.Acknowledged, Pending: m.Acks.Pending, Due: stamp(m.AckBy())}
}

// Acknowledgement renders what a recipient has to do with a message that asks to be acknowledged.
func Acknowledgement(a *parley.Acknowledgement) api.Acknowledgement {
	return api.Acknowledgement{Recipient: actor(a.Recipient, a.Address), Address: address(a.Address), At: stamp(a.At)}
}

func counts(of map[parley.DeliveryState]int) api.Counts {
	return api.Counts{
		Queued: of[parley.Queued], Sent: of[parley.Sent], Delivered: of[parley.Delivered], Read: of[parley.Read], Failed: of[parley.Failed],
		Expired: of[parley.Expired], Skipped: of[parley.Skipped], Canceled: of[parley.Canceled], Unknown: of[parley.Unknown],
	}
}

func attachments(list []parley.Attachment) []api.Attachment {
	out := make([]api.Attachment, len(list))
	for i, a := range list {
		out[i] = api.Attachment{Media: string(a.Media), Name: a.Name, ContentType: a.ContentType, Size: a.Size}
	}
	return out
}

// Delivery renders a delivery.
func Delivery(d *parley.Delivery) api.Delivery {
	var level *int
	if d.Step > 0 {
		level = new(d.Step - 1)
	}
	return api.Delivery{
		Level: level, ID: DeliveryID(d.Message, d.Number), MessageID: string(d.Message), Number: d.Number, ConversationID: string(d.Conversation),
		Recipient: actor(d.Recipient, d.Address), Role: api.ReceiverRole(d.Role), Address: address(d.Address), Channel: string(d.Channel), Status: api.Status(d.State),
		Phase: api.FailurePhase(d.Phase), Code: d.Code, Reason: d.Reason, Attempts: d.Attempts, NextAttemptAt: stamp(d.NextAttempt),
		ValidUntil: stamp(d.ValidUntil), Fallback: d.Fallback, Instead: d.Instead, RetryOf: d.RetryOf, Held: d.Held, CreatedAt: stamp(d.CreatedAt), SentAt: stamp(d.SentAt),
		DeliveredAt: stamp(d.DeliveredAt), ReadAt: stamp(d.ReadAt), EndedAt: stamp(d.EndedAt),
	}
}

// Attempt renders a provider call.
func Attempt(a *parley.Attempt) api.Attempt {
	return api.Attempt{
		DeliveryID: DeliveryID(a.Message, a.Delivery), Number: a.Number, StartedAt: stamp(a.StartedAt), EndedAt: stamp(a.EndedAt),
		Outcome: api.AttemptOutcome(a.Outcome), Code: a.Code, Text: a.Text, Request: a.Request, HTTPStatus: a.Status, Reference: a.Reference, ProviderIDs: a.ProviderIDs,
	}
}

// Interaction renders what somebody did with a message.
func Interaction(i *parley.Interaction) api.Interaction {
	out := api.Interaction{MessageID: string(i.Message), Kind: api.InteractionKind(i.Kind), Actor: actor(i.Actor, i.Address),
		Address: address(i.Address), At: stamp(i.At), Action: i.Action, URL: i.URL, Emoji: i.Emoji}
	if i.Kind == parley.InteractionOpened || i.Kind == parley.InteractionClicked {
		out.Times, out.LastAt = i.Times, stamp(i.LastAt)
	}
	return out
}

// Conversation renders a conversation.
func Conversation(c *parley.Conversation) api.Conversation {
	out := api.Conversation{
		ID: string(c.ID), Kind: api.ConversationKind(c.Kind), Visibility: api.Visibility(c.Visibility), Status: api.ConversationStatus(c.Status),
		SnoozedUntil: stamp(c.SnoozedUntil), Title: c.Title, Description: c.Description, Avatar: string(c.Avatar), Channel: string(c.Channel),
		Assignees: make([]api.Assignee, len(c.Assignees)), Tags: filledList(c.Tags), Metadata: filled(c.Metadata), Inbox: c.Inbox,
		Participants: Each(c.Participants, Participant), LastSequence: c.LastSequence, LastMessageID: string(c.LastMessage),
		ActivityAt: stamp(c.ActivityAt), Rev: c.Rev, CreatedAt: stamp(c.CreatedAt), ExternalID: c.ExternalID, Priority: c.Priority,
		Attributes: c.Attributes, Unread: c.Unread,
	}
	out.SLA = slaOf(c.SLA)
	if c.Muted != nil {
		out.Muted = &api.Mute{Until: stamp(c.Muted.Until)}
	}
	for i, a := range c.Assignees {
		out.Assignees[i] = api.Assignee{Kind: api.ActorKind(a.Kind), ID: string(a.ID)}
	}
	return out
}

func slaOf(s *parley.SLA) *api.SLA {
	if s == nil {
		return nil
	}
	return &api.SLA{Policy: string(s.Policy), DueAt: stamp(s.DueAt()), BreachedAt: stamp(s.BreachedAt()), PausedAt: stamp(s.PausedAt),
		FirstResponse: slaClock(s.First), NextResponse: slaClock(s.Next), Resolution: slaClock(s.Resolution)}
}

func slaClock(c *parley.SLAClock) *api.SLAClock {
	if c == nil {
		return nil
	}
	return &api.SLAClock{StartedAt: stamp(c.StartedAt), DueAt: stamp(c.DueAt), WarnedAt: stamp(c.WarnedAt), BreachedAt: stamp(c.BreachedAt), DoneAt: stamp(c.DoneAt)}
}

// Assignees are whom a request gives a conversation to.
func Assignees(list []api.Assignee) []parley.Assignee {
	out := make([]parley.Assignee, len(list))
	for i, a := range list {
		out[i] = parley.Assignee{Kind: parley.ActorKind(a.Kind), ID: parley.ID(a.ID)}
	}
	return out
}

// Participant renders who takes part in a conversation.
func Participant(p *parley.Participant) api.Participant {
	out := api.Participant{Kind: api.ActorKind(p.Kind), ID: string(p.ID), Name: p.Name, Address: address(p.Address), JoinedSequence: p.JoinedSequence,
		LeftSequence: p.LeftSequence, DeliveredThrough: p.DeliveredThrough, ReadThrough: p.ReadThrough}
	if p.Kind == parley.ActorAddress {
		out.ID = out.Address
	}
	for _, e := range p.Earlier {
		out.Earlier = append(out.Earlier, api.Presence{JoinedSequence: e.Joined, LeftSequence: e.Left})
	}
	return out
}

// SandboxMessage renders an entry of the sandbox's outbox.
func SandboxMessage(h *core.Handed) api.SandboxMessage {
	return api.SandboxMessage{
		MessageID: string(h.Attempt.Message), DeliveryID: DeliveryID(h.Attempt.Message, h.Attempt.Delivery), Attempt: h.Attempt.Number,
		Channel: string(h.Channel), To: h.To.String(), Role: api.ReceiverRole(h.Role), Shown: h.Shown, Body: Body(h.Message.Body), Text: plain.Whole(h.Message.Body), Outcome: string(h.Attempt.Outcome),
		Reference: h.Attempt.Reference, Priority: api.Priority(h.Message.Priority), Files: attachments(h.Message.Attachments), At: stamp(h.Attempt.StartedAt),
	}
}
