package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// EscalationPolicy renders an escalation policy.
func EscalationPolicy(p *parley.EscalationPolicy) api.EscalationPolicy {
	return api.EscalationPolicy{ID: string(p.ID), Name: p.Name, Role: string(p.Role), Always: p.Always, After: seconds(p.After),
		Steps: Each(p.Steps, escalationStep), GroupLife: seconds(p.GroupLife), Rev: p.Rev, CreatedAt: stamp(p.CreatedAt)}
}

func escalationStep(s *parley.EscalationStep) api.EscalationStep {
	out := api.EscalationStep{After: seconds(s.After)}
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
		out[i].After = Seconds(s.After)
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
			Steps: Each(p.Steps, escalationStep), GroupLife: seconds(p.GroupLife)}}
}
