// Package escalations answers requests about escalations: the policies of roles, and the messages that go from one to the next
// until somebody acknowledges them.
package escalations

import (
	"net/http"
	"strconv"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, write, send = parley.ScopeEscalationsRead, parley.ScopeEscalationsWrite, parley.ScopeMessagesSend
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/escalation-policies", "createEscalationPolicy", write, "Make the escalation policy of a role"),
			http.StatusCreated, a.createPolicy), parley.ActEscalationPolicyCreated),
		door.ByID(door.List(door.Operation("GET /v1/escalation-policies", "listEscalationPolicies", read, "List escalation policies"), a.policies)),
		door.Get(door.Operation("GET /v1/escalation-policies/{id}", "getEscalationPolicy", read, "Get an escalation policy"), a.policy),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/escalation-policies/{id}", "patchEscalationPolicy", write, "Change an escalation policy"),
			a.patchPolicy)), parley.ActEscalationPolicyUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/escalation-policies/{id}", "deleteEscalationPolicy", write,
			"Delete an escalation policy; what escalates by it goes on"), a.deletePolicy)), parley.ActEscalationPolicyDeleted),

		door.Again(door.Operation("POST /v1/messages/{id}/escalate", "escalateMessage", send, "Have a message to a role escalate"), http.StatusCreated, a.escalate),
		door.ByID(door.List(door.Operation("GET /v1/escalations", "listEscalations", read, "List escalations, newest first"), a.list)),
		door.Get(door.Operation("GET /v1/escalations/{id}", "getEscalation", read, "Get an escalation"), a.get),
		door.List(door.Operation("GET /v1/escalations/{id}/fallbacks", "listEscalationFallbacks", read, "List the deliveries that fallbacks of an escalation made, in order"),
			a.fallbacks),
		door.Matched(door.Get(door.Operation("POST /v1/escalations/{id}/acknowledge", "acknowledgeEscalation", parley.ScopeMessagesRead,
			"Take note of the message, for the key's user, which ends its escalation"), a.acknowledge)),
		door.Matched(door.Get(door.Operation("POST /v1/escalations/{id}/skip", "skipEscalation", send, "Pass an escalation on to the next level"), a.skip)),
		door.Matched(door.Get(door.Operation("POST /v1/escalations/{id}/cancel", "cancelEscalation", send, "End an escalation without an answer"), a.cancel)),
	}
}

func (a area) createPolicy(c *door.Call, b *api.EscalationPolicyRequest) (api.EscalationPolicy, bool, error) {
	p, replayed, err := a.core.Escalations.CreatePolicy(c.Ctx(), c.P, parley.EscalationPolicy{Name: b.Name, Role: parley.ID(b.Role), Always: b.Always,
		After: wire.Seconds(b.After), Fallback: wire.Fallbacks(b.Fallback), Steps: wire.EscalationSteps(b.Steps), GroupLife: wire.Seconds(b.GroupLife)}, c.Idempotency())
	return wire.EscalationPolicy(&p), replayed, err
}

func (a area) policies(c *door.Call, f api.EscalationPolicyFilter) ([]api.EscalationPolicy, string, error) {
	list, next, err := a.core.Escalations.Policies(c.Ctx(), c.P, parley.ID(f.Role), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.EscalationPolicy), string(next), err
}

func (a area) policy(c *door.Call) (api.EscalationPolicy, error) {
	p, err := a.core.Escalations.Policy(c.Ctx(), c.P, c.ID())
	return wire.EscalationPolicy(&p), err
}

func (a area) patchPolicy(c *door.Call, b *api.EscalationPolicyPatch) (api.EscalationPolicy, error) {
	patch := escalation.Patch{Name: b.Name, Always: b.Always, After: wire.OptionalSeconds(b.After), GroupLife: wire.OptionalSeconds(b.GroupLife)}
	if b.Fallback != nil {
		patch.Fallback = new(wire.Fallbacks(*b.Fallback))
	}
	if b.Steps != nil {
		patch.Steps = new(wire.EscalationSteps(*b.Steps))
	}
	p, err := a.core.Escalations.UpdatePolicy(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.EscalationPolicy(&p), err
}

func (a area) deletePolicy(c *door.Call) error {
	return a.core.Escalations.DeletePolicy(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) escalate(c *door.Call) (api.Escalation, bool, error) {
	e, replayed, err := a.core.Escalations.Escalate(c.Ctx(), c.P, c.ID(), c.Idempotency())
	return wire.Escalation(&e), replayed, err
}

func (a area) list(c *door.Call, f api.EscalationFilter) ([]api.Escalation, string, error) {
	filter := escalation.Filter{State: parley.EscalationState(f.State), Role: parley.ID(f.Role), Conversation: parley.ID(f.Conversation), Message: parley.ID(f.Message)}
	list, next, err := a.core.Escalations.List(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.Escalation), string(next), err
}

func (a area) get(c *door.Call) (api.Escalation, error) {
	e, err := a.core.Escalations.Get(c.Ctx(), c.P, c.ID())
	return wire.Escalation(&e), err
}

func (a area) fallbacks(c *door.Call, f api.Page) ([]api.EscalationFallback, string, error) {
	after, limit := 0, door.Limit(f.Limit)
	if f.After != "" {
		var err error
		if after, err = strconv.Atoi(f.After); err != nil || after < 0 {
			return nil, "", door.ErrCursor()
		}
	}
	list, err := a.core.Escalations.Fallbacks(c.Ctx(), c.P, c.ID(), after, limit+1)
	next := ""
	if len(list) > limit {
		list = list[:limit]
		next = strconv.Itoa(list[limit-1].Number)
	}
	return wire.Each(list, wire.EscalationFallback), next, err
}

func (a area) acknowledge(c *door.Call) (api.Escalation, error) {
	e, err := a.core.Escalations.Acknowledge(c.Ctx(), c.P, c.ID(), c.IfMatch())
	return wire.Escalation(&e), err
}

func (a area) skip(c *door.Call) (api.Escalation, error) {
	e, err := a.core.Escalations.Skip(c.Ctx(), c.P, c.ID(), c.IfMatch())
	return wire.Escalation(&e), err
}

func (a area) cancel(c *door.Call) (api.Escalation, error) {
	e, err := a.core.Escalations.Cancel(c.Ctx(), c.P, c.ID(), c.IfMatch())
	return wire.Escalation(&e), err
}
