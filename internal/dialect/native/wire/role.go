package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// Role renders a role.
func Role(r *parley.Role) api.Role {
	return api.Role{ID: string(r.ID), Name: r.Name, Description: r.Description, Metadata: filled(r.Metadata), Tags: filledList(r.Tags),
		OwnerRequired: r.OwnerRequired, SingleOwner: r.SingleOwner, ReplayHistory: r.ReplayHistory, AwayText: r.AwayText,
		Members: texts(r.Members), OnDuty: texts(r.OnDuty), Rev: r.Rev, CreatedAt: stamp(r.CreatedAt)}
}

// Owner renders who is on duty for a role.
func Owner(o *parley.Owner) api.Owner {
	return api.Owner{User: string(o.User), Name: o.Name, Since: stamp(o.Since), Shift: string(o.Shift)}
}

// Shift renders a shift of a role.
func Shift(s *parley.Shift) api.Shift {
	return api.Shift{ID: string(s.ID), Role: string(s.Role), User: string(s.User), StartsAt: stamp(s.StartsAt), EndsAt: stamp(s.EndsAt),
		State: api.ShiftState(s.State), CreatedAt: stamp(s.CreatedAt)}
}

// EscalationPolicy renders an escalation policy.
func EscalationPolicy(p *parley.EscalationPolicy) api.EscalationPolicy {
	return api.EscalationPolicy{ID: string(p.ID), Name: p.Name, Role: string(p.Role), Always: p.Always, After: seconds(p.After),
		Fallback: fallbacksOf(p.Fallback), Steps: Each(p.Steps, escalationStep), GroupLife: seconds(p.GroupLife), Rev: p.Rev, CreatedAt: stamp(p.CreatedAt)}
}

func escalationStep(s *parley.EscalationStep) api.EscalationStep {
	out := api.EscalationStep{After: seconds(s.After), Fallback: fallbacksOf(s.Fallback)}
	for _, t := range s.Targets {
		if t.Kind == parley.ActorRole {
			out.Targets = append(out.Targets, api.EscalationTarget{Role: string(t.ID)})
		} else {
			out.Targets = append(out.Targets, api.EscalationTarget{User: string(t.ID)})
		}
	}
	return out
}

// EscalationSteps are the steps of a request. A target that names nobody, or two, is none.
func EscalationSteps(steps []api.EscalationStep) []parley.EscalationStep {
	out := make([]parley.EscalationStep, len(steps))
	for i, s := range steps {
		out[i].After, out[i].Fallback = Seconds(s.After), Fallbacks(s.Fallback)
		for _, t := range s.Targets {
			var target parley.Actor
			switch {
			case t.User != "" && t.Role == "":
				target = parley.Actor{Kind: parley.ActorUser, ID: parley.ID(t.User)}
			case t.Role != "" && t.User == "":
				target = parley.Actor{Kind: parley.ActorRole, ID: parley.ID(t.Role)}
			}
			out[i].Targets = append(out[i].Targets, target)
		}
	}
	return out
}

// Escalation renders an escalation.
func Escalation(e *parley.Escalation) api.Escalation {
	p := &e.Policy
	return api.Escalation{ID: string(e.ID), Code: e.Code, MessageID: string(e.Message), ConversationID: string(e.Conversation), Role: string(e.Role),
		Originator: string(e.Originator), GroupID: string(e.Group), CopyID: string(e.Copy), Level: e.Level, State: api.EscalationState(e.State),
		Reason: e.Reason, StartedBy: string(e.StartedBy), StartedAt: stamp(e.StartedAt), DueAt: stamp(e.DueAt), EndedBy: string(e.EndedBy),
		EndedAt: stamp(e.EndedAt), Rev: e.Rev, Policy: api.EscalationSnapshot{ID: string(p.ID), Name: p.Name, After: seconds(p.After),
			Fallback: fallbacksOf(p.Fallback), Steps: Each(p.Steps, escalationStep), GroupLife: seconds(p.GroupLife)}}
}

// EscalationFallback renders a delivery that a fallback of an escalation made.
func EscalationFallback(f *parley.EscalationFallback) api.EscalationFallback {
	return api.EscalationFallback{Number: f.Number, Level: f.Level, Fallback: f.Fallback, User: string(f.User.ID), UserName: f.User.Name, Channel: string(f.Channel),
		DeliveryID: DeliveryID(f.Message, f.Delivery), Status: api.Status(f.State), Code: f.Code, Reason: f.Reason, CreatedAt: stamp(f.At)}
}
