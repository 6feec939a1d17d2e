package native_test

import (
	"slices"
	"testing"

	"github.com/parley-server/parley/api"
)

// A role from its making to its end, as people use it.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	cleo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Cleo", Email: "cleo@example.org"}))
	scopes := []string{"messages:read", "messages:send", "conversations:read", "roles:read", "roles:duty", "events:read"}
	asAna := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", User: ana.ID, Scopes: scopes})).Secret)
	asCleo := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "c", User: cleo.ID, Scopes: scopes})).Secret)
	role := must[*api.Role](t)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", AwayText: "Call 100", OwnerRequired: true}))
	_, err := asAna.ComeOnDuty(ctx, role.ID, api.DutyIn{})
	wantProblem(t, err, 403, "not-a-member", "")
	must[*api.Role](t)(w.admin.AddRoleMembers(ctx, role.ID, api.RoleMembers{Users: []string{ana.ID}}))
	_, err = asCleo.ComeOnDuty(ctx, role.ID, api.DutyIn{User: ana.ID})
	wantProblem(t, err, 403, "scope-required", "")
	_, err = w.admin.ComeOnDuty(ctx, role.ID, api.DutyIn{User: cleo.ID})
	wantProblem(t, err, 422, "member-unknown", "user")
	_, err = asAna.GoOffDuty(ctx, role.ID, api.DutyOut{})
	wantProblem(t, err, 409, "not-on-duty", "")

	_, err = asCleo.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 4")})
	wantProblem(t, err, 409, "role-unattended", "")
	got := must[*api.Role](t)(asAna.ComeOnDuty(ctx, role.ID, api.DutyIn{}))
	if !slices.Equal(got.OnDuty, []string{ana.ID}) {
		t.Errorf("on duty are %v", got.OnDuty)
	}
	m := must[*api.Message](t)(asCleo.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 4")}))
	reply := must[*api.Message](t)(asAna.Send(ctx, api.SendRequest{To: api.Recipient{User: cleo.ID}, From: api.From{Role: role.ID}, Body: api.Text("Coming")}))
	if reply.ConversationID != m.ConversationID || reply.Author.Kind != api.ActorRole || reply.Author.Name != "Charge nurse" || reply.Actor.ID != ana.ID {
		t.Errorf("reply %+v", reply)
	}
	_, err = asCleo.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, From: api.From{Role: role.ID}, Body: api.Text("x")})
	wantProblem(t, err, 403, "not-on-duty", "from.role")
	conversation := must[*api.Conversation](t)(asAna.GetConversation(ctx, m.ConversationID))
	if conversation.Kind != api.ConversationRole || len(conversation.Participants) != 3 {
		t.Errorf("conversation %+v", conversation)
	}
	owners := must[*api.List[api.Owner]](t)(asCleo.ListOnDuty(ctx, role.ID, api.Page{}))
	if len(owners.Data) != 1 || owners.Data[0].User != ana.ID || owners.Data[0].Name != "Ana" {
		t.Errorf("owners %+v", owners)
	}
	if err := w.admin.RemoveRoleMember(ctx, role.ID, ana.ID); err != nil {
		t.Fatal(err)
	}
	if list := must[*api.List[api.Member]](t)(w.admin.ListRoleMembers(ctx, role.ID, api.Page{})); len(list.Data) != 0 {
		t.Errorf("members %+v", list)
	}
	if err := w.admin.DeleteRole(ctx, role.ID); err != nil {
		t.Fatal(err)
	}
	closed := must[*api.Conversation](t)(asCleo.GetConversation(ctx, m.ConversationID))
	if closed.Status != api.ConversationStatus("closed") {
		t.Errorf("conversation %+v", closed)
	}
	_, err = asCleo.SendToConversation(ctx, m.ConversationID, api.SendRequest{Body: api.Text("x")})
	wantProblem(t, err, 409, "role-deleted", "")
	var types []string
	for e, err := range asCleo.Events(ctx, api.EventFilter{Types: []string{"role.created", "role.duty", "role.deleted"}}) {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, string(e.Type)+e.Data.Status)
		if e.Type == api.EventRoleDuty && (e.Data.ID != role.ID || e.Data.User != ana.ID) {
			t.Errorf("event %+v", e)
		}
	}
	if want := []string{"role.created", "role.dutyon", "role.dutyoff", "role.deleted"}; !slices.Equal(types, want) {
		t.Errorf("events %v", types)
	}
}
