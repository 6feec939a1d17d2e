package parley

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Act is what somebody did that the audit log keeps. The codes never change.
type Act string

// The acts.
const (
	ActOrganizationCreated     Act = "organization.created"
	ActOrganizationUpdated     Act = "organization.updated"
	ActOrganizationReset       Act = "organization.reset"
	ActPolicyUpdated           Act = "policy.updated"
	ActKeyCreated              Act = "key.created"
	ActKeyRevoked              Act = "key.revoked"
	ActUserCreated             Act = "user.created"
	ActUserUpdated             Act = "user.updated"
	ActUserPermissions         Act = "user.permissions.updated"
	ActDoNotDisturbOn          Act = "user.do-not-disturb.on"
	ActDoNotDisturbOff         Act = "user.do-not-disturb.off"
	ActSetCreated              Act = "permission-set.created"
	ActSetUpdated              Act = "permission-set.updated"
	ActSetDeleted              Act = "permission-set.deleted"
	ActTeamCreated             Act = "team.created"
	ActTeamUpdated             Act = "team.updated"
	ActTeamDeleted             Act = "team.deleted"
	ActTeamMembersAdded        Act = "team.members.added"
	ActTeamMembersRemoved      Act = "team.members.removed"
	ActRoleCreated             Act = "role.created"
	ActRoleUpdated             Act = "role.updated"
	ActRoleDeleted             Act = "role.deleted"
	ActRoleMembersAdded        Act = "role.members.added"
	ActRoleMembersRemoved      Act = "role.members.removed"
	ActDutyOn                  Act = "role.duty.on"
	ActDutyOff                 Act = "role.duty.off"
	ActShiftCreated            Act = "role.shift.created"
	ActShiftDeleted            Act = "role.shift.deleted"
	ActEscalationPolicyCreated Act = "escalation-policy.created"
	ActEscalationPolicyUpdated Act = "escalation-policy.updated"
	ActEscalationPolicyDeleted Act = "escalation-policy.deleted"
	ActBroadcastCreated        Act = "broadcast.created"
	ActBroadcastUpdated        Act = "broadcast.updated"
	ActBroadcastDeleted        Act = "broadcast.deleted"
	ActBroadcastMembersAdded   Act = "broadcast.members.added"
	ActBroadcastMembersRemoved Act = "broadcast.members.removed"
	ActContactCreated          Act = "contact.created"
	ActContactUpdated          Act = "contact.updated"
	ActContactDeleted          Act = "contact.deleted"
	ActContactMerged           Act = "contact.merged"
	ActContactErased           Act = "contact.erased"
	ActContactExported         Act = "contact.exported"
	ActAttributeDefined        Act = "attribute.defined"
	ActSuppressionCreated      Act = "suppression.created"
	ActSuppressionDeleted      Act = "suppression.deleted"
	ActSenderBlocked           Act = "sender.blocked"
	ActSenderUnblocked         Act = "sender.unblocked"
	ActChannelCreated          Act = "channel.created"
	ActChannelUpdated          Act = "channel.updated"
	ActChannelDeleted          Act = "channel.deleted"
	ActParticipantAdded        Act = "conversation.participant.added"
	ActParticipantRemoved      Act = "conversation.participant.removed"
	ActMessageRecalled         Act = "message.recalled"
	ActMessageCanceled         Act = "message.canceled"
	ActMessageRedacted         Act = "message.redacted"
	ActDeliveryRetried         Act = "delivery.retried"
	ActMediaDeleted            Act = "media.deleted"
	ActHoldPlaced              Act = "hold.placed"
	ActHoldLifted              Act = "hold.lifted"
	ActTemplateCreated         Act = "template.created"
	ActTemplateUpdated         Act = "template.updated"
	ActTemplatePublished       Act = "template.published"
	ActTemplateArchived        Act = "template.archived"
	ActTemplateDeleted         Act = "template.deleted"
	ActReplyCreated            Act = "reply.created"
	ActReplyUpdated            Act = "reply.updated"
	ActReplyDeleted            Act = "reply.deleted"
	ActViewCreated             Act = "view.created"
	ActViewUpdated             Act = "view.updated"
	ActViewDeleted             Act = "view.deleted"
	ActScheduleCreated         Act = "schedule.created"
	ActScheduleUpdated         Act = "schedule.updated"
	ActScheduleDeleted         Act = "schedule.deleted"
	ActAutoReplyCreated        Act = "auto-reply.created"
	ActAutoReplyUpdated        Act = "auto-reply.updated"
	ActAutoReplyDeleted        Act = "auto-reply.deleted"
	ActSLACreated              Act = "sla-policy.created"
	ActSLAUpdated              Act = "sla-policy.updated"
	ActSLADeleted              Act = "sla-policy.deleted"
	ActWebhookCreated          Act = "webhook.created"
	ActWebhookUpdated          Act = "webhook.updated"
	ActWebhookDeleted          Act = "webhook.deleted"
	ActHeldRead                Act = "held.read"
	ActHeldContactRead         Act = "held.contact.read"
	ActHeldErased              Act = "held.erased"
)

// ActInfo is what the reference says of an act.
type ActInfo struct {
	Act     Act
	Subject string // what kind of thing it is done to
	Means   string
}

// Acts are all acts, in the order of the reference.
var Acts = []ActInfo{
	{ActOrganizationCreated, "organization", "An organization was made: the first entry of its own log, and one in the log of whoever made it"},
	{ActOrganizationUpdated, "organization", "The organization was changed, but for its policy"},
	{ActOrganizationReset, "organization", "A test organization was emptied"},
	{ActPolicyUpdated, "organization", "The organization's policy was changed"},
	{ActKeyCreated, "key", "A key was made"},
	{ActKeyRevoked, "key", "A key was ended"},
	{ActUserCreated, "user", "A user was made, also one that stands for a key"},
	{ActUserUpdated, "user", "A user was changed"},
	{ActUserPermissions, "user", "What a user may do at most was changed"},
	{ActDoNotDisturbOn, "user", "A user's do-not-disturb was turned on, or changed; the text is named, not kept"},
	{ActDoNotDisturbOff, "user", "A user's do-not-disturb was turned off, also by its end"},
	{ActSetCreated, "permission-set", "A permission set was made"},
	{ActSetUpdated, "permission-set", "A permission set was changed"},
	{ActSetDeleted, "permission-set", "A permission set was deleted"},
	{ActTeamCreated, "team", "A team was made"},
	{ActTeamUpdated, "team", "A team was changed"},
	{ActTeamDeleted, "team", "A team was deleted"},
	{ActTeamMembersAdded, "team", "Users were added to a team, and so to its conversation"},
	{ActTeamMembersRemoved, "team", "Users were taken out of a team"},
	{ActRoleCreated, "role", "A role was made"},
	{ActRoleUpdated, "role", "A role was changed"},
	{ActRoleDeleted, "role", "A role was deleted"},
	{ActRoleMembersAdded, "role", "Users may be on duty for a role from then on"},
	{ActRoleMembersRemoved, "role", "A role was taken from a user"},
	{ActDutyOn, "role", "A user came on duty for a role, and so into its conversations"},
	{ActDutyOff, "role", "A user went off duty for a role"},
	{ActShiftCreated, "role", "A shift of a role was planned"},
	{ActShiftDeleted, "role", "A shift of a role was taken back"},
	{ActEscalationPolicyCreated, "escalation-policy", "An escalation policy was made"},
	{ActEscalationPolicyUpdated, "escalation-policy", "An escalation policy was changed"},
	{ActEscalationPolicyDeleted, "escalation-policy", "An escalation policy was deleted, also with its role"},
	{ActBroadcastCreated, "broadcast", "A broadcast list was made"},
	{ActBroadcastUpdated, "broadcast", "A broadcast list was changed"},
	{ActBroadcastDeleted, "broadcast", "A broadcast list was deleted"},
	{ActBroadcastMembersAdded, "broadcast", "Users and contacts were added to a broadcast list"},
	{ActBroadcastMembersRemoved, "broadcast", "Users and contacts were taken off a broadcast list"},
	{ActContactCreated, "contact", "A contact was made, but not by a message to or from it"},
	{ActContactUpdated, "contact", "A contact was changed; the fields are named, without values"},
	{ActContactDeleted, "contact", "A contact was deleted"},
	{ActContactMerged, "contact", "A contact was made a part of another"},
	{ActContactErased, "contact", "The erasure of all that is kept about a contact was asked for"},
	{ActContactExported, "contact", "A copy of all that is kept about a contact was asked for"},
	{ActAttributeDefined, "attribute", "An attribute of contacts was defined, or its definition changed"},
	{ActSuppressionCreated, "suppression", "An address was suppressed by somebody, not by who has it"},
	{ActSuppressionDeleted, "suppression", "A suppression was taken back"},
	{ActSenderBlocked, "sender", "A sender was blocked"},
	{ActSenderUnblocked, "sender", "A sender was unblocked"},
	{ActChannelCreated, "channel", "A channel was made"},
	{ActChannelUpdated, "channel", "A channel was changed; settings are named, without values"},
	{ActChannelDeleted, "channel", "A channel was deleted"},
	{ActParticipantAdded, "conversation", "Somebody was let into a conversation"},
	{ActParticipantRemoved, "conversation", "Somebody was taken out of a conversation"},
	{ActMessageRecalled, "message", "A message was taken back"},
	{ActMessageCanceled, "message", "A scheduled message was withdrawn"},
	{ActMessageRedacted, "message", "Content of a message was taken away"},
	{ActDeliveryRetried, "message", "A delivery of a message was tried once more by hand"},
	{ActMediaDeleted, "media", "A file was deleted"},
	{ActTemplateCreated, "template", "A template was made"},
	{ActTemplateUpdated, "template", "A template was changed, or a version of it written"},
	{ActTemplatePublished, "template", "A version of a template became the one that is sent"},
	{ActTemplateArchived, "template", "The published version of a template was taken back"},
	{ActTemplateDeleted, "template", "A template was deleted"},
	{ActReplyCreated, "reply", "A saved reply was made"},
	{ActReplyUpdated, "reply", "A saved reply was changed"},
	{ActReplyDeleted, "reply", "A saved reply was deleted"},
	{ActViewCreated, "view", "A view was made"},
	{ActViewUpdated, "view", "A view was changed"},
	{ActViewDeleted, "view", "A view was deleted"},
	{ActScheduleCreated, "schedule", "A schedule was made"},
	{ActScheduleUpdated, "schedule", "A schedule was changed"},
	{ActScheduleDeleted, "schedule", "A schedule was deleted"},
	{ActAutoReplyCreated, "auto-reply", "A rule for automatic answers was made"},
	{ActAutoReplyUpdated, "auto-reply", "A rule for automatic answers was changed; its text is named, not kept"},
	{ActAutoReplyDeleted, "auto-reply", "A rule for automatic answers was deleted"},
	{ActSLACreated, "sla-policy", "An SLA policy was made"},
	{ActSLAUpdated, "sla-policy", "An SLA policy was changed"},
	{ActSLADeleted, "sla-policy", "An SLA policy was deleted"},
	{ActWebhookCreated, "webhook", "A webhook endpoint was registered: events are posted there that the key may see"},
	{ActWebhookUpdated, "webhook", "A webhook endpoint was paused, also by the end of its key, or resumed"},
	{ActWebhookDeleted, "webhook", "A webhook endpoint was deleted"},
	{ActHoldPlaced, "hold", "A legal hold was placed"},
	{ActHoldLifted, "hold", "A legal hold was lifted"},
	{ActHeldRead, "message", "The content or a file of a message was read that only a legal hold keeps"},
	{ActHeldContactRead, "contact", "A contact was read that only a legal hold keeps"},
	{ActHeldErased, "hold", "What only this hold kept was erased after it was lifted"},
}

// Subject is the kind of thing that an act is done to; empty for what is no act.
func (a Act) Subject() string {
	for _, info := range Acts {
		if info.Act == a {
			return info.Subject
		}
	}
	return ""
}

// AuditActorKind says who did something.
type AuditActorKind string

// The kinds of actors.
const (
	ByUser     AuditActorKind = "user"     // a person, by a personal key
	ByKey      AuditActorKind = "key"      // an organization key
	ByOperator AuditActorKind = "operator" // whoever runs the server, from outside the organization
	BySystem   AuditActorKind = "system"   // the server itself
)

// AuditActor is who did something.
type AuditActor struct {
	Kind AuditActorKind
	User ID // whom the key acts as; empty for the operator and the server
	Key  ID // empty where there was none
}

// Change is a field that an act changed. A value that is content, a secret or what a person is called is not kept: then both
// are nil, as is the old one of something new.
type Change struct {
	Field string  `json:"field"`
	Old   *string `json:"old,omitempty"`
	New   *string `json:"new,omitempty"`
}

// Changes are what an act changed.
type Changes []Change

// Set notes a field with its values, if they differ.
func (c *Changes) Set(field string, before, after any) {
	if from, to := textOf(before), textOf(after); from != to {
		*c = append(*c, Change{Field: field, Old: &from, New: &to})
	}
}

// Made notes a field of something new, unless it is empty.
func (c *Changes) Made(field string, value any) {
	if text := textOf(value); text != "" {
		*c = append(*c, Change{Field: field, New: &text})
	}
}

// Gone notes a field of something that is no more, unless it was empty.
func (c *Changes) Gone(field string, value any) {
	if text := textOf(value); text != "" {
		*c = append(*c, Change{Field: field, Old: &text})
	}
}

// Name notes that a field changed whose values are not kept.
func (c *Changes) Name(field string, changed bool) {
	if changed {
		*c = append(*c, Change{Field: field})
	}
}

// textOf is a value as the audit log has it: lists joined by commas, durations in seconds, as in the native API.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []ID:
		return joined(v)
	case []string:
		return joined(v)
	case []Scope:
		return joined(v)
	case time.Duration:
		return strconv.FormatInt(int64(v/time.Second), 10)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return fmt.Sprint(value)
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, entry := range list {
		texts[i] = string(entry)
	}
	return strings.Join(texts, ",")
}

// Encode is changes as they are stored and hashed: JSON without escapes that JSON does not need.
func (c Changes) Encode() (string, error) {
	if len(c) == 0 {
		return "[]", nil
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(c); err != nil {
		return "", err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// AuditEntry is a row of an organization's audit log.
type AuditEntry struct {
	Organization ID
	Sequence     int64 // 1, 2, 3 … in the organization
	At           time.Time
	Actor        AuditActor
	Act          Act
	SubjectKind  string
	Subject      ID
	Changes      string // as Changes.Encode has them
	Address      string // that the request came from; empty where it is not known
	Hash         string // 64 hexadecimal digits
}

// Chain is the hash of the entry after one with a hash, which is empty for the first of all: SHA-256 over that hash and all
// fields but its own. Each is written as its length in bytes, a colon and itself, so that no two entries are written alike.
func (e *AuditEntry) Chain(before string) string {
	sum := sha256.New()
	for _, field := range []string{
		before, string(e.Organization), strconv.FormatInt(e.Sequence, 10), strconv.FormatInt(e.At.UnixMilli(), 10),
		string(e.Actor.Kind), string(e.Actor.User), string(e.Actor.Key), string(e.Act), e.SubjectKind, string(e.Subject), e.Changes, e.Address,
	} {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(field), field) // never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// AuditHead is where an organization's audit log ends, and up to where it was dropped because it was old.
type AuditHead struct {
	Organization ID
	Last         int64 // the sequence of the newest entry, 0: there never was one
	LastHash     string
	Dropped      int64 // the sequence of the last entry that is no longer kept, 0: all are
	DroppedHash  string
}
