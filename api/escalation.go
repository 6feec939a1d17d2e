package api

import (
	"context"
	"net/http"
)

// EscalationPolicy says what becomes of messages to a role that nobody acknowledges: whom they go to next, and when.
type EscalationPolicy struct {
	ID        string           `json:"id" doc:"The id."`
	Name      string           `json:"name" doc:"What people call it."`
	Role      string           `json:"role" doc:"The id of the role that it is of; a role has one at most."`
	Always    bool             `json:"always" doc:"Whether every message that is written to the role escalates, and not only those that say so."`
	After     int64            `json:"after" doc:"Seconds that the role has."`
	Fallback  []Fallback       `json:"fallback,omitempty" doc:"Other channels on which it goes out to those of the role who have not read it, in order, to a phone number or e-mail address of theirs; each once, before the role's time is over."`
	Steps     []EscalationStep `json:"steps" doc:"Whom it goes to next, in order."`
	GroupLife int64            `json:"groupLife" doc:"Seconds that the escalation's group stays after the end."`
	Rev       int64            `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time             `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// EscalationStep is whom an escalation goes to together.
type EscalationStep struct {
	Targets  []EscalationTarget `json:"targets" minItems:"1" maxItems:"20" doc:"Who is asked. An escalation comes to nobody twice."`
	After    int64              `json:"after" minimum:"1" maximum:"2592000" doc:"Seconds that they have."`
	Fallback []Fallback         `json:"fallback,omitempty" maxItems:"5" doc:"Other channels on which it goes out to those whom the step asks and who have not read it, in order; each once, before their time is over."`
}

// EscalationTarget is who is asked: either a user or a role.
type EscalationTarget struct {
	User string `json:"user,omitempty" doc:"The id of a user."`
	Role string `json:"role,omitempty" doc:"The id of a role: whoever is on duty for it."`
}

// EscalationPolicyRequest is an escalation policy to make.
type EscalationPolicyRequest struct {
	Name      string           `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Role      string           `json:"role" minLength:"1" doc:"The id of the role that it is of."`
	Always    bool             `json:"always,omitempty" doc:"Whether every message that is written to the role escalates, and not only those that say so."`
	After     int64            `json:"after" minimum:"1" maximum:"2592000" doc:"Seconds that the role has."`
	Fallback  []Fallback       `json:"fallback,omitempty" maxItems:"5" doc:"Other channels on which it goes out to those of the role who have not read it, in order, to a phone number or e-mail address of theirs; each once, before the role's time is over."`
	Steps     []EscalationStep `json:"steps" minItems:"1" maxItems:"10" doc:"Whom it goes to next, in order."`
	GroupLife int64            `json:"groupLife,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds that the escalation's group stays after the end; 0 or left out: it goes at once."`
}

// EscalationPolicyPatch changes an escalation policy. What is left out stays as it is.
type EscalationPolicyPatch struct {
	Name      *string           `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Always    *bool             `json:"always,omitempty" doc:"Whether every message that is written to the role escalates."`
	After     *int64            `json:"after,omitempty" minimum:"1" maximum:"2592000" doc:"Seconds that the role has."`
	Fallback  *[]Fallback       `json:"fallback,omitempty" maxItems:"5" doc:"All other channels on which it goes out to those of the role who have not read it, in order; an empty list: none."`
	Steps     *[]EscalationStep `json:"steps,omitempty" minItems:"1" maxItems:"10" doc:"All steps, in order."`
	GroupLife *int64            `json:"groupLife,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds that the escalation's group stays after the end."`
}

// EscalationPolicyFilter says which escalation policies a list holds.
type EscalationPolicyFilter struct {
	Page
	Role string `query:"role" doc:"That of this role."`
}

// EscalationState is where an escalation stands.
type EscalationState string

// The states of an escalation. All but the first are ends.
const (
	EscalationActive       EscalationState = "active"
	EscalationAcknowledged EscalationState = "acknowledged"
	EscalationCanceled     EscalationState = "canceled"
	EscalationUnanswered   EscalationState = "unanswered" // nobody has acknowledged it after the last step
)

// Escalation is a message that goes from one to the next until somebody acknowledges it.
type Escalation struct {
	ID             string             `json:"id" doc:"The id."`
	Code           string             `json:"code" doc:"What people call it: six hexadecimal digits, which need not be unique."`
	MessageID      string             `json:"messageId" doc:"The message."`
	ConversationID string             `json:"conversationId" doc:"The conversation of the message."`
	Role           string             `json:"role" doc:"The id of the role that the message was written to."`
	Originator     string             `json:"originator" doc:"The id of the user who wrote it."`
	GroupID        string             `json:"groupId,omitempty" doc:"The group, which is a conversation too, of all whom it has come to; left out: it has come to the role only."`
	CopyID         string             `json:"copyId,omitempty" doc:"The message in the group: a copy whose content goes with the message's."`
	Level          int                `json:"level" doc:"How far it has come: 0 is the role, 1 the first step."`
	State          EscalationState    `json:"state" enum:"active,acknowledged,canceled,unanswered" doc:"Where it stands."`
	Reason         string             `json:"reason,omitempty" doc:"Why it was canceled where nobody did it: why the content of the message is gone."`
	StartedBy      string             `json:"startedBy" doc:"The id of the user who had it escalate."`
	StartedAt      Time               `json:"startedAt" format:"date-time" doc:"When it was started."`
	DueAt          Time               `json:"dueAt,omitzero" format:"date-time" doc:"When it goes on; left out once it has ended."`
	EndedBy        string             `json:"endedBy,omitempty" doc:"The id of who acknowledged or canceled it."`
	EndedAt        Time               `json:"endedAt,omitzero" format:"date-time" doc:"When it ended."`
	Policy         EscalationSnapshot `json:"policy" doc:"The policy as it was at the start."`
	Rev            int64              `json:"rev" doc:"Its revision, as in ETag and If-Match."`
}

// EscalationSnapshot is an escalation policy as it was when an escalation started.
type EscalationSnapshot struct {
	ID        string           `json:"id" doc:"The id of the policy, which may be gone."`
	Name      string           `json:"name" doc:"What people called it."`
	After     int64            `json:"after" doc:"Seconds that the role had."`
	Fallback  []Fallback       `json:"fallback,omitempty" doc:"Other channels on which it goes out to those of the role who have not read it."`
	Steps     []EscalationStep `json:"steps" doc:"Whom it goes to next, in order."`
	GroupLife int64            `json:"groupLife" doc:"Seconds that the group stays after the end."`
}

// EscalationFallback is a delivery that a fallback of an escalation made: of the message, or of its copy, to one user.
type EscalationFallback struct {
	Number     int    `json:"number" doc:"Its number within the escalation, from 1."`
	Level      int    `json:"level" doc:"At which level: 0 is the role, 1 the first step."`
	Fallback   int    `json:"fallback" doc:"Which of the level's fallbacks made it, from 1; after those of the policy come those that the message was sent with."`
	User       string `json:"user" doc:"The id of the user to whom it goes."`
	UserName   string `json:"userName" doc:"The name of the user."`
	Channel    string `json:"channel" doc:"The id of the channel on which it goes out."`
	DeliveryID string `json:"deliveryId" doc:"The delivery, of the message or of its copy: <messageId>.<number>"`
	Status     Status `json:"status" enum:"queued,sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"Where the delivery stands."`
	Code       string `json:"code,omitempty" doc:"Of a delivery that did not go out, or failed: a stable code."`
	Reason     string `json:"reason,omitempty" doc:"The same for people."`
	CreatedAt  Time   `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// EscalationFilter says which escalations a list holds: those to which everything given applies.
type EscalationFilter struct {
	Page
	State        EscalationState `query:"state" enum:"active,acknowledged,canceled,unanswered" doc:"Which stand there."`
	Role         string          `query:"role" doc:"Of messages to this role."`
	Conversation string          `query:"conversation" doc:"Of messages of this conversation, or with this group."`
	Message      string          `query:"message" doc:"Of this message."`
}

// CreateEscalationPolicy makes the escalation policy of a role.
func (c *Client) CreateEscalationPolicy(ctx context.Context, policy EscalationPolicyRequest, options ...CallOption) (*EscalationPolicy, error) {
	return fetch[EscalationPolicy](ctx, c, request{method: http.MethodPost, path: "/v1/escalation-policies", in: &policy}, options...)
}

// GetEscalationPolicy returns an escalation policy as it is now.
func (c *Client) GetEscalationPolicy(ctx context.Context, id string, options ...CallOption) (*EscalationPolicy, error) {
	return fetch[EscalationPolicy](ctx, c, request{method: http.MethodGet}.pathOf("v1", "escalation-policies", id), options...)
}

// ListEscalationPolicies returns a page of escalation policies.
func (c *Client) ListEscalationPolicies(ctx context.Context, filter EscalationPolicyFilter, options ...CallOption) (*List[EscalationPolicy], error) {
	r := request{method: http.MethodGet, path: "/v1/escalation-policies", query: queryOf(filter)}
	return fetch[List[EscalationPolicy]](ctx, c, r, options...)
}

// PatchEscalationPolicy changes an escalation policy. What escalates already goes on by what it was.
func (c *Client) PatchEscalationPolicy(ctx context.Context, id string, patch EscalationPolicyPatch, options ...CallOption) (*EscalationPolicy, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[EscalationPolicy](ctx, c, r.pathOf("v1", "escalation-policies", id), options...)
}

// DeleteEscalationPolicy deletes an escalation policy. What escalates already goes on.
func (c *Client) DeleteEscalationPolicy(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "escalation-policies", id), options...)
}

// Escalate has a message that was sent to a role escalate.
func (c *Client) Escalate(ctx context.Context, message string, options ...CallOption) (*Escalation, error) {
	return fetch[Escalation](ctx, c, request{method: http.MethodPost}.pathOf("v1", "messages", message, "escalate"), options...)
}

// GetEscalation returns an escalation as it is now.
func (c *Client) GetEscalation(ctx context.Context, id string, options ...CallOption) (*Escalation, error) {
	return fetch[Escalation](ctx, c, request{method: http.MethodGet}.pathOf("v1", "escalations", id), options...)
}

// ListEscalations returns a page of escalations, newest first.
func (c *Client) ListEscalations(ctx context.Context, filter EscalationFilter, options ...CallOption) (*List[Escalation], error) {
	r := request{method: http.MethodGet, path: "/v1/escalations", query: queryOf(filter)}
	return fetch[List[Escalation]](ctx, c, r, options...)
}

// ListEscalationFallbacks returns a page of the deliveries that fallbacks of an escalation made, in order.
func (c *Client) ListEscalationFallbacks(ctx context.Context, id string, page Page, options ...CallOption) (*List[EscalationFallback], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[EscalationFallback]](ctx, c, r.pathOf("v1", "escalations", id, "fallbacks"), options...)
}

// AcknowledgeEscalation says for the key's user that it takes note of the message, which ends its escalation.
func (c *Client) AcknowledgeEscalation(ctx context.Context, id string, options ...CallOption) (*Escalation, error) {
	return fetch[Escalation](ctx, c, request{method: http.MethodPost}.pathOf("v1", "escalations", id, "acknowledge"), options...)
}

// SkipEscalation passes an escalation on to the next level at once.
func (c *Client) SkipEscalation(ctx context.Context, id string, options ...CallOption) (*Escalation, error) {
	return fetch[Escalation](ctx, c, request{method: http.MethodPost}.pathOf("v1", "escalations", id, "skip"), options...)
}

// CancelEscalation ends an escalation without an answer.
func (c *Client) CancelEscalation(ctx context.Context, id string, options ...CallOption) (*Escalation, error) {
	return fetch[Escalation](ctx, c, request{method: http.MethodPost}.pathOf("v1", "escalations", id, "cancel"), options...)
}
