package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/config"
)

// A shift begins and ends at its times, once, whichever node does it; who made it may be gone.
func TestShiftsTurnOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	second, third := n.start(func(*config.Config) {}), n.start(func(*config.Config) {})
	ctx := t.Context()
	role := must[*api.Role](t)(first.CreateRole(ctx, api.RoleRequest{Name: "Nurse", OwnerRequired: true, Members: []string{n.user}}))
	at := time.Now().Add(1500 * time.Millisecond)
	must[*api.Shift](t)(first.CreateShift(ctx, role.ID, api.ShiftRequest{User: n.user, StartsAt: api.NewTime(at), EndsAt: api.NewTime(at.Add(2 * time.Second))}))
	n.stop(first)
	onDuty := func(at *node) []string { return must[*api.Role](t)(at.GetRole(ctx, role.ID)).OnDuty }
	eventually(t, "the shift begins", func() bool { return slices.Equal(onDuty(second), []string{n.user}) })
	if _, err := third.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 4")}); err != nil {
		t.Error(err)
	}
	eventually(t, "the shift ends", func() bool { return len(onDuty(third)) == 0 })
	for _, at := range []*node{second, third} {
		if _, err := at.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 5")}); err == nil {
			t.Error("a send to nobody was taken")
		}
	}
	var duties []string
	for e, err := range second.Events(ctx, api.EventFilter{Types: []string{"role.duty"}}) {
		if err != nil {
			t.Fatal(err)
		}
		duties = append(duties, e.Data.Status+e.Data.Reason)
	}
	if !slices.Equal(duties, []string{"onshift", "offshift"}) {
		t.Errorf("duties: %v", duties)
	}
}
