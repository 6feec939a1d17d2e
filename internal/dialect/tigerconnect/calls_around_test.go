package tigerconnect_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// states checks how far a message is with its recipients.
func (p *person) states(id any, want map[string]string) {
	p.w.t.Helper()
	got := map[string]string{}
	for _, s := range p.call("GET", "/v2/message/"+id.(string)+"/status", nil).ok()["statuses"].([]any) {
		s := s.(map[string]any)
		got[s["account_id"].(string)] = s["status"].(string)
		if s["timestamp"] == nil {
			p.w.t.Errorf("no time in %v", s)
		}
	}
	for id, state := range want {
		if got[id] != state || len(got) != len(want) {
			p.w.t.Errorf("it is %v, want %v", got, want)
		}
	}
}

func TestCallStatus(t *testing.T) {
	w := newWorld(t)
	m := w.ana.send(fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "all", "client_id": "g-1"})
	id, group := m["message_id"].(string), m["recipient_token"].(string)
	mark := func(who *person, method string, f fields) {
		w.t.Helper()
		if a := who.call(method, "/v2/message/status", f); a.status != http.StatusNoContent {
			w.t.Errorf("answered %d %s", a.status, a.text)
		}
	}
	w.Says(t, doortest.Around, "The status of a message names each recipient: New, Delivered once a client has confirmed it, Read once it was read, and since when.", func(t *testing.T) {
		w.ana.states(id, map[string]string{w.bo.id: "New", w.cy.id: "New"})
		mark(w.bo, "POST", fields{"delivered": []string{id}})
		w.ana.states(id, map[string]string{w.bo.id: "Delivered", w.cy.id: "New"})
		mark(w.cy, "PUT", fields{"read": []string{id}})
		w.ana.states(id, map[string]string{w.bo.id: "Delivered", w.cy.id: "Read"})
	})
	w.Says(t, doortest.Around, "Who has acknowledged a message is Confirmed to clients that say can-confirm in TT-X-Features, and Read to all others.", func(t *testing.T) {
		id := w.ana.send(fields{"recipient": w.bo.id, "body": "ack"})["message_id"].(string)
		plain, knowing := w.ana.follow(""), w.ana.follow("can-confirm")
		for _, s := range []*stream{plain, knowing} {
			s.begins(0)
			s.live()
		}
		if err := w.bo.Acknowledge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for path, in := range map[string]func(fields) any{"": func(f fields) any { return f["status"] }, "/status": func(f fields) any { return f["statuses"].([]any)[0].(map[string]any)["status"] }} {
			if s := in(w.ana.call("GET", "/v2/message/"+id+path, nil).ok()); s != "Read" {
				t.Errorf("%s: it is %v", path, s)
			}
			if s := in(w.ana.call("GET", "/v2/message/"+id+path, nil, "TT-X-Features", "is-typing, can-confirm").ok()); s != "Confirmed" {
				t.Errorf("%s: to who knows it is %v", path, s)
			}
		}
		w.ana.send(fields{"recipient": w.bo.id, "body": "after that"})
		if told := plain.told(id); !slices.Contains(told, "Read") || slices.Contains(told, "Confirmed") {
			t.Errorf("the stream told of %v", told)
		}
		if told := knowing.told(id); !slices.Contains(told, "Confirmed") {
			t.Errorf("the stream of who knows told of %v", told)
		}
	})
	w.Says(t, doortest.Around, "The statuses of up to 100 messages come at once; what is not there is left out.", func(t *testing.T) {
		for range 3 {
			w.cy.send(fields{"recipient": group, "body": "more"})
		}
		direct := w.bo.send(fields{"recipient": w.cy.id, "body": "private"})
		bulk := w.ana.call("POST", "/v2/get_bulk_message_status", fields{"message_ids": []any{id, "0123456789abcdefghij", direct["message_id"]}}).ok()["bulk_message_statuses"].(map[string]any)
		if len(bulk) != 1 || bulk[id].(map[string]any)["client_id"] != "g-1" || len(bulk[id].(map[string]any)["statuses"].([]any)) != 2 {
			t.Errorf("in bulk %v", bulk)
		}
		w.ana.call("POST", "/v2/get_bulk_message_status", fields{"message_ids": slices.Repeat([]string{id}, 101)}).refused("too many", 400, "invalid-argument", "too-many", "message_ids")
	})
	w.Says(t, doortest.Around, "Its sender takes a message back, for all and as often as asked; nobody else may. Then it has no content, and its status says so.", func(t *testing.T) {
		w.bo.call("DELETE", "/v2/message/"+id, nil).refused("by another", 403, "permission-denied", "not-the-author", "")
		for range 2 {
			shows(t, "taken back", w.ana.call("DELETE", "/v2/message/"+id, nil).ok(), fields{"is_recalled": true})
		}
		shows(t, "after that", w.bo.call("GET", "/v2/message/"+id, nil).ok(), fields{"is_recalled": true, "body": "", "data": []int{}})
		shows(t, "its status", w.ana.call("GET", "/v2/message/"+id+"/status", nil).ok(), fields{"is_recalled": true})
	})
}

func TestCallVisibility(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
	outside := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100000"}, Body: api.Text("Dear patient")}))
	w.Says(t, doortest.Around, "Conversations with people outside do not exist here, even for who sees them by the native API: 404 for everything.", func(t *testing.T) {
		must[*api.Message](t)(w.ana.GetMessage(ctx, outside.ID))
		for _, path := range []string{"", "/status", "/attachment/1"} {
			w.ana.call("GET", "/v2/message/"+outside.ID+path, nil).refused("outside", 404, "not-found", "", "")
		}
		w.ana.call("GET", "/v2/group/"+outside.ConversationID, nil).refused("outside", 404, "not-found", "", "")
		w.ana.call("DELETE", "/v2/message/"+outside.ID, nil).refused("outside", 404, "not-found", "", "")
		w.ana.call("POST", "/v2/message/status", fields{"read": []string{outside.ID}}).refused("outside", 404, "not-found", "", "")
		w.ana.call("POST", "/v2/message", fields{"recipient": outside.ConversationID, "body": "x"}).refused("outside", 404, "not-found", "recipient-unknown", "recipient")
	})
	w.Says(t, doortest.Around, "A message that is scheduled by the native API is not there before it is sent.", func(t *testing.T) {
		later := must[*api.Message](t)(w.ana.Send(ctx, api.SendRequest{To: api.Recipient{User: w.bo.id}, Body: api.Text("later"), SendAt: api.NewTime(time.Now().Add(time.Hour))}))
		w.ana.call("GET", "/v2/message/"+later.ID, nil).refused("not sent yet", 404, "not-found", "", "")
	})
}

func TestCallLookups(t *testing.T) {
	w := newWorld(t)
	number := "+1 555 010 0200"
	must[*api.User](t)(w.admin.PatchProfile(t.Context(), w.bo.id, api.ProfilePatch{Phone: &number}))
	w.Says(t, doortest.Around, "A user is found by id, e-mail address and telephone number, oneself as me; many at once, without those that are not there.", func(t *testing.T) {
		for _, address := range []string{w.bo.id, w.bo.email, "+15550100200"} {
			shows(t, address, w.ana.call("GET", "/v2/user/"+address, nil).ok(), fields{"token": w.bo.id, "display_name": "Bo Lund", "first_name": "Bo", "last_name": "Lund",
				"organization_key": w.org, "emails": []fields{{"address": w.bo.email, "verified": true}}, "removed_from_org": false})
		}
		shows(t, "oneself", w.ana.call("GET", "/v2/user_lookup/me/", nil).ok(), fields{"token": w.ana.id})
		w.ana.call("GET", "/v2/user/who@example.org", nil).refused("nobody", 404, "not-found", "", "")
		users := w.ana.call("POST", "/v2/user_lookup_bulk", fields{"addresses": []string{w.bo.id, "nobody", w.cy.email, "me", "+15550100200"}}).ok()["users"].([]any)
		var found []any
		for _, u := range users {
			found = append(found, u.(map[string]any)["token"])
		}
		if !slices.Equal(found, []any{w.bo.id, w.cy.id, w.ana.id, w.bo.id}) {
			t.Errorf("found %v", found)
		}
	})
	w.Says(t, doortest.Around, "The organizations that one belongs to are listed with the user that one is in each; those of another are not.", func(t *testing.T) {
		beta := must[*api.NewOrganization](t)(w.admin.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Beta"}))
		there := must[*api.User](t)(w.client(beta.Key.Secret).CreateUser(t.Context(), api.UserRequest{Name: w.ana.name, Email: w.ana.email}))
		as := map[any]any{}
		for _, o := range w.ana.call("GET", "/v2/user/me/organization", nil).ok()["organizations"].([]any) {
			as[o.(map[string]any)["token"]] = o.(map[string]any)["user_token"]
		}
		if len(as) != 2 || as[w.org] != w.ana.id || as[beta.Organization.ID] != there.ID {
			t.Errorf("belongs to %v", as)
		}
		w.ana.call("GET", "/v2/user/"+w.bo.id+"/organization", nil).refused("of another", 404, "not-found", "", "")
		w.cy.call("GET", "/v2/organization/"+beta.Organization.ID, nil).refused("another organization", 404, "not-found", "", "sender_organization")
	})
	w.Says(t, doortest.Around, "A role is found with who is on duty for it, and its account in the place of a user; a list without its members.", func(t *testing.T) {
		role := must[*api.Role](t)(w.admin.CreateRole(t.Context(), api.RoleRequest{Name: "Charge nurse", Description: "Ward 4", AwayText: "Nobody here", Members: []string{w.bo.id}}))
		w.bo.comeOnDuty(role.ID)
		shows(t, "the role", w.cy.call("GET", "/v2/role/"+role.ID, nil).ok(), fields{"display_name": "Charge nurse", "description": "Ward 4", "members": []string{w.bo.id}, "has_current_user": false, "away_status": "Nobody here"})
		shows(t, "its account", w.cy.call("GET", "/v2/user/"+role.ID, nil).ok(), fields{"is_role_bot": true, "metadata": fields{"feature_service": "role"}})
		list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(t.Context(), api.BroadcastRequest{Name: "Everybody"}))
		must[*api.Broadcast](t)(w.admin.AddBroadcastMembers(t.Context(), list.ID, api.BroadcastMembers{Users: []string{w.bo.id, w.cy.id}}))
		shows(t, "the list", w.cy.call("GET", "/v2/list/"+list.ID, nil).ok(), fields{"name": "Everybody", "member_count": 2, "members": nil})
	})
}
