package native_test

import (
	"testing"

	"github.com/parley-server/parley/api"
)

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Metadata: map[string]string{"desk": "4"}}))
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "Front desk", Members: []string{ana.ID}}))
	team = must[*api.Team](t)(w.admin.AddTeamMembers(ctx, team.ID, api.TeamMembers{Users: []string{bo.ID}}))
	if len(team.Members) != 2 {
		t.Errorf("team: %+v", team)
	}
	contact := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Cleo", Addresses: []api.Address{{Kind: "phone", Value: "+1 (555) 0100"}}}))
	if len(contact.Addresses) != 1 || contact.Addresses[0].Value != "+15550100" {
		t.Errorf("contact: %+v", contact)
	}
	found := must[*api.Contact](t)(w.admin.FindContact(ctx, api.ContactLookup{Address: "phone:+15550100"}))
	if found.ID != contact.ID {
		t.Errorf("found %+v", found)
	}
	channel := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
	if channel.AddressKind != "phone" {
		t.Errorf("channel: %+v", channel)
	}
	m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Contact: contact.ID}, Body: api.Text("hello")}))
	if m.Status != api.Queued || m.Text != "hello" || m.Sequence != 1 {
		t.Errorf("message: %+v", m)
	}
}
