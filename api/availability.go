package api

import (
	"context"
	"net/http"
)

// DoNotDisturb is that a user does not want to be disturbed. What is written to the user comes all the same.
type DoNotDisturb struct {
	Since     Time           `json:"since" format:"date-time" doc:"Since when."`
	Until     Time           `json:"until,omitzero" format:"date-time" doc:"Until when; without it, until it is turned off."`
	Text      string         `json:"text,omitempty" doc:"What those who write are told, once."`
	ForwardTo *ForwardTarget `json:"forwardTo,omitempty" doc:"Who gets meanwhile what is written to the user directly."`
}

// ForwardTarget is a user or a role that messages are forwarded to: exactly one.
type ForwardTarget struct {
	User string `json:"user,omitempty" doc:"The id of an active user."`
	Role string `json:"role,omitempty" doc:"The id of a role: who is on duty for it."`
}

// DoNotDisturbRequest turns a user's do-not-disturb on.
type DoNotDisturbRequest struct {
	Until     Time           `json:"until,omitzero" format:"date-time" doc:"Until when; without it, until it is turned off."`
	Text      string         `json:"text,omitempty" maxLength:"2000" doc:"What those who write are told, once; without it a text of the server's."`
	ForwardTo *ForwardTarget `json:"forwardTo,omitempty" doc:"Who gets meanwhile what is written to the user directly."`
}

// Mute is that a user does not want to be notified of a conversation.
type Mute struct {
	Until Time `json:"until,omitzero" format:"date-time" doc:"Until when; without it, until it is ended."`
}

// NoticeKind is what a notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NoticeAway    NoticeKind = "away"            // the author does not want to be disturbed
	NoticeAdded   NoticeKind = "members-added"   // the author let somebody into the group
	NoticeRemoved NoticeKind = "members-removed" // the author took somebody out of the group
	NoticeJoined  NoticeKind = "joined"          // the author joined the group
	NoticeLeft    NoticeKind = "left"            // the author left the group
	NoticePage    NoticeKind = "page-resolved"   // the author resolved the page of somebody
	NoticeUpdated NoticeKind = "updated"         // the author changed what the group is called or for

	NoticeEscalationStarted      NoticeKind = "escalation-started"      // the author had a message to a role escalate
	NoticeEscalationRaised       NoticeKind = "escalation-raised"       // it came to a level, and so to others
	NoticeEscalationPassed       NoticeKind = "escalation-passed"       // nobody of a level can be asked
	NoticeEscalationFallback     NoticeKind = "escalation-fallback"     // it goes out to somebody on another channel, or does not, for a reason
	NoticeEscalationAcknowledged NoticeKind = "escalation-acknowledged" // by the author
	NoticeEscalationCanceled     NoticeKind = "escalation-canceled"     // by the author, or for a reason
	NoticeEscalationUnanswered   NoticeKind = "escalation-unanswered"   // nobody has acknowledged it after the last step
	NoticeEscalationClosed       NoticeKind = "escalation-closed"       // its group is left by all
)

// Notice is what a system item tells, for programs; its body tells it to people.
type Notice struct {
	Kind   NoticeKind `json:"kind" doc:"What it is about. New kinds may come."`
	Who    []Actor    `json:"who,omitempty" doc:"Whom it is about, under their names of then. Of away: who has got the message instead."`
	Reason string     `json:"reason,omitempty" doc:"Why. Of away: why the message was forwarded no further: cycle, deactivated, sender, unattended or too-long. Of escalation-raised: timeout, skipped or unattended; of escalation-passed: unattended or circle; of escalation-fallback: why it does not go out, as the code of the delivery; of escalation-canceled: why the content of the message is gone, or policy-gone. Of page-resolved: the id of the page."`

	Escalation string `json:"escalation,omitempty" doc:"Of an escalation: its id."`
	Level      int    `json:"level,omitempty" doc:"Of escalation-raised, escalation-passed and escalation-fallback: which."`
}

// SetDoNotDisturb turns a user's do-not-disturb on, or changes it, and returns the user.
func (c *Client) SetDoNotDisturb(ctx context.Context, user string, d DoNotDisturbRequest, options ...CallOption) (*User, error) {
	r := request{method: http.MethodPut, in: &d}
	return fetch[User](ctx, c, r.pathOf("v1", "users", user, "do-not-disturb"), options...)
}

// ClearDoNotDisturb turns a user's do-not-disturb off.
func (c *Client) ClearDoNotDisturb(ctx context.Context, user string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "users", user, "do-not-disturb"), options...)
}

// MuteConversation mutes a conversation for the key's user, and returns it.
func (c *Client) MuteConversation(ctx context.Context, conversation string, mute Mute, options ...CallOption) (*Conversation, error) {
	r := request{method: http.MethodPut, in: &mute}
	return fetch[Conversation](ctx, c, r.pathOf("v1", "conversations", conversation, "mute"), options...)
}

// UnmuteConversation ends that.
func (c *Client) UnmuteConversation(ctx context.Context, conversation string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "conversations", conversation, "mute"), options...)
}
