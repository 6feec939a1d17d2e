package tigerconnect

import (
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// joined is what the events of streams are about, besides their ids.
const joined = eventlog.WithMessages | eventlog.WithConversations

const advisory = "tigertext:iq:client_advisory"

// bangs are what the server's own items of conversations tell, in the vendor's words.
var bangs = map[parley.NoticeKind]string{
	parley.NoticeAdded: "added", parley.NoticeJoined: "added", parley.NoticeRemoved: "removed", parley.NoticeLeft: "removed",
	parley.NoticeEscalationStarted: "escalation_initiated", parley.NoticeEscalationRaised: "escalation_member_added",
	parley.NoticeEscalationAcknowledged: "escalation_acknowledged", parley.NoticeEscalationCanceled: "escalation_cancelled",
	parley.NoticeEscalationUnanswered: "escalation_no_response",
}

// shows reports whether an event is one of those of streams.
func (c *call) shows(d *eventlog.Detail) bool {
	if d.Conversation == nil || !shown[d.Conversation.Kind] {
		return false
	}
	switch d.Type {
	case parley.EventMessageCreated:
		return d.Message != nil && d.Message.Sequence > 0
	case parley.EventMessageRemoved:
		return d.Message != nil && d.Message.Sequence > 0
	case parley.EventInteraction:
		return d.Message != nil && d.Data.Actor != "" && interactions[d.Data.Status] != ""
	case parley.EventConversationRead:
		return d.Subject != ""
	}
	return false
}

// interactions are what recipients do, in the vendor's words.
var interactions = map[string]string{
	string(parley.InteractionDelivered): "Delivered", string(parley.InteractionRead): "Read", string(parley.InteractionAcknowledged): statusConfirmed,
}

// statusEvent tells that a message, or all up to one, got further with a recipient; or that its content has gone.
type statusEvent struct {
	Message      string `json:"message_id,omitempty"`
	Account      string `json:"account_id,omitempty"`
	Status       string `json:"status"`
	Timestamp    string `json:"timestamp"`
	Recipient    string `json:"recipient_token,omitempty"`
	Conversation string `json:"conversation_id"`
	SortNumber   int64  `json:"sort_number,omitempty"`
	Organization string `json:"organization"`
	Recalled     bool   `json:"is_recalled,omitempty"`
}

// bang tells of an item without a body.
type bang struct {
	Kind    string           `json:"kind"`
	Actor   map[string]any   `json:"actor"`
	Members []map[string]any `json:"members"`
	*message
}

// event is what a stream says of an event that it shows.
func (c *call) event(d *eventlog.Detail) (namespace string, payload any) {
	group := ""
	if k := d.Conversation.Kind; k == parley.ConversationGroup || k == parley.ConversationTeam {
		group = "group"
	}
	status := statusEvent{Timestamp: timeOf(d.At), Conversation: string(d.Event.Conversation), Organization: string(c.p.Organization)}
	if m := d.Message; m != nil {
		status.Message, status.SortNumber, status.Recipient = string(m.ID), m.Sequence, string(c.recipientOf(m, d.Conversation))
	}
	of := "tigertext:iq:message:status"
	if group != "" {
		of = "tigertext:iq:group:message:status"
	}
	switch d.Type {
	case parley.EventMessageRemoved:
		status.Status, status.Recalled = "Removed", d.Message.Removed == parley.RemovedRecalled
		return of, status
	case parley.EventInteraction:
		status.Account, status.Status = string(d.Data.Actor), interactions[d.Data.Status]
		if status.Status == statusConfirmed {
			status.Status = c.statusOfConfirmed()
		}
		return of, status
	case parley.EventConversationRead:
		status.Account, status.Status, status.SortNumber = string(d.Subject), "Read", d.Data.Through
		return of, status
	}
	w := c.render(d.Message, c.recipientOf(d.Message, d.Conversation))
	if n := d.Message.Notice; n != nil && bangs[n.Kind] != "" {
		return "tigertext:iq:bang", bang{bangs[n.Kind], actorOf(d.Message.Author), actorsOf(n.Who), w}
	}
	if group != "" {
		w.Group = string(d.Conversation.ID)
		return "tigertext:iq:group_message", w
	}
	return "tigertext:iq:message", w
}

func actorOf(a parley.Actor) map[string]any {
	return map[string]any{"id": string(a.ID), "display_name": a.Name}
}

func actorsOf(list []parley.Actor) []map[string]any {
	actors := []map[string]any{}
	for _, a := range list {
		actors = append(actors, actorOf(a))
	}
	return actors
}
