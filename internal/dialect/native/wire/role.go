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
