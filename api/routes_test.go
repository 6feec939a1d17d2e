package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// route is what one method of the client sends.
type route struct {
	name   string
	call   func(context.Context, *api.Client) error
	method string
	target string // path and query, as sent
	body   string // JSON, empty for none
	status int    // of the answer
}

// only drops the result of a call.
func only[T any](_ T, err error) error { return err }

func messageRoutes() []route {
	text := api.SendRequest{Body: api.Text("hi")}
	hi := `{"body":[{"kind":"text","text":"hi"}]}`
	page := api.Page{Limit: 10, After: "c+/="}
	return []route{
		{"Send", func(ctx context.Context, c *api.Client) error {
			m := text
			m.To.User = "u1"
			return only(c.Send(ctx, m))
		}, "POST", "/v1/messages", `{"to":{"user":"u1"},"body":[{"kind":"text","text":"hi"}]}`, 202},
		{"SendToUser", func(ctx context.Context, c *api.Client) error { return only(c.SendToUser(ctx, "u1", text)) },
			"POST", "/v1/users/u1/messages", hi, 202},
		{"SendToConversation", func(ctx context.Context, c *api.Client) error { return only(c.SendToConversation(ctx, "c1", text)) },
			"POST", "/v1/conversations/c1/messages", hi, 202},
		{"GetMessage", func(ctx context.Context, c *api.Client) error { return only(c.GetMessage(ctx, "m1")) },
			"GET", "/v1/messages/m1", "", 200},
		{"ListMessages", func(ctx context.Context, c *api.Client) error {
			return only(c.ListMessages(ctx, api.MessageFilter{Page: page, Direction: "inbound", Sender: "phone:+15550100",
				Since: time.Date(2031, 5, 17, 11, 30, 0, 0, time.FixedZone("", 7200))}))
		}, "GET", "/v1/messages?after=c%2B%2F%3D&direction=inbound&limit=10&sender=phone%3A%2B15550100&since=2031-05-17T09%3A30%3A00Z", "", 200},
		{"RecallMessage", func(ctx context.Context, c *api.Client) error { return only(c.RecallMessage(ctx, "m1")) },
			"DELETE", "/v1/messages/m1", "", 200},
		{"CancelMessage", func(ctx context.Context, c *api.Client) error { return only(c.CancelMessage(ctx, "m1")) },
			"POST", "/v1/messages/m1/cancel", "", 200},
		{"MarkDelivered", func(ctx context.Context, c *api.Client) error { return c.MarkDelivered(ctx, "m1") },
			"POST", "/v1/messages/m1/delivered", "", 204},
		{"MarkRead", func(ctx context.Context, c *api.Client) error { return c.MarkRead(ctx, "m1") },
			"POST", "/v1/messages/m1/read", "", 204},
		{"Acknowledge", func(ctx context.Context, c *api.Client) error { return c.Acknowledge(ctx, "m1") },
			"POST", "/v1/messages/m1/acknowledge", "", 204},
		{"ListDeliveries", func(ctx context.Context, c *api.Client) error { return only(c.ListDeliveries(ctx, "m1", page)) },
			"GET", "/v1/messages/m1/deliveries?after=c%2B%2F%3D&limit=10", "", 200},
		{"ListAttempts", func(ctx context.Context, c *api.Client) error { return only(c.ListAttempts(ctx, "m1", api.Page{})) },
			"GET", "/v1/messages/m1/attempts", "", 200},
		{"ListInteractions", func(ctx context.Context, c *api.Client) error { return only(c.ListInteractions(ctx, "m1", api.Page{})) },
			"GET", "/v1/messages/m1/interactions", "", 200},
		{"RetryDelivery", func(ctx context.Context, c *api.Client) error { return only(c.RetryDelivery(ctx, "m1", 2)) },
			"POST", "/v1/messages/m1/deliveries/2/retry", "", 202},
	}
}

func conversationRoutes() []route {
	closed := api.ConversationPatch{Status: api.ConversationClosed}
	return []route{
		{"CreateConversation", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationNote, Participants: []api.NewParticipant{{User: "u1"}}}))
		}, "POST", "/v1/conversations", `{"kind":"note","participants":[{"user":"u1"}]}`, 201},
		{"GetConversation", func(ctx context.Context, c *api.Client) error { return only(c.GetConversation(ctx, "c1")) },
			"GET", "/v1/conversations/c1", "", 200},
		{"ListConversations", func(ctx context.Context, c *api.Client) error {
			return only(c.ListConversations(ctx, api.ConversationFilter{Status: "open", Inbox: "true"}))
		}, "GET", "/v1/conversations?inbox=true&status=open", "", 200},
		{"PatchConversation", func(ctx context.Context, c *api.Client) error { return only(c.PatchConversation(ctx, "c1", closed)) },
			"PATCH", "/v1/conversations/c1", `{"status":"closed"}`, 200},
		{"ListConversationMessages", func(ctx context.Context, c *api.Client) error {
			return only(c.ListConversationMessages(ctx, "c1", api.Page{Limit: 1}))
		}, "GET", "/v1/conversations/c1/messages?limit=1", "", 200},
		{"ListParticipants", func(ctx context.Context, c *api.Client) error { return only(c.ListParticipants(ctx, "c1", api.Page{})) },
			"GET", "/v1/conversations/c1/participants", "", 200},
		{"AddParticipant", func(ctx context.Context, c *api.Client) error {
			return only(c.AddParticipant(ctx, "c1", api.NewParticipant{Contact: "k1"}))
		}, "POST", "/v1/conversations/c1/participants", `{"contact":"k1"}`, 201},
		{"RemoveParticipant", func(ctx context.Context, c *api.Client) error {
			return c.RemoveParticipant(ctx, "c1", "email:a/b%?@example.org")
		}, "DELETE", "/v1/conversations/c1/participants/email:a%2Fb%25%3F@example.org", "", 204},
		{"ReadConversation", func(ctx context.Context, c *api.Client) error {
			return c.ReadConversation(ctx, "c1", api.ReadMark{Through: 7})
		}, "POST", "/v1/conversations/c1/read", `{"through":7}`, 204},
	}
}

func directoryRoutes() []route {
	name := "New"
	return []route{
		{"GetOrganization", func(ctx context.Context, c *api.Client) error { return only(c.GetOrganization(ctx)) },
			"GET", "/v1/organization", "", 200},
		{"PatchOrganization", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchOrganization(ctx, api.OrganizationPatch{Name: &name}))
		}, "PATCH", "/v1/organization", `{"name":"New"}`, 200},
		{"PlaceHold", func(ctx context.Context, c *api.Client) error {
			return only(c.PlaceHold(ctx, api.HoldRequest{Subject: api.HoldSubject{Kind: "user", ID: "u1"}, Reason: "Case 7"}))
		}, "POST", "/v1/holds", `{"subject":{"kind":"user","id":"u1"},"reason":"Case 7"}`, 201},
		{"GetHold", func(ctx context.Context, c *api.Client) error { return only(c.GetHold(ctx, "h/1")) }, "GET", "/v1/holds/h%2F1", "", 200},
		{"ListHolds", func(ctx context.Context, c *api.Client) error {
			return only(c.ListHolds(ctx, api.HoldFilter{Subject: "u1", Active: "true"}))
		}, "GET", "/v1/holds?active=true&subject=u1", "", 200},
		{"LiftHold", func(ctx context.Context, c *api.Client) error {
			return only(c.LiftHold(ctx, "h1", api.HoldLift{Reason: "settled"}))
		}, "POST", "/v1/holds/h1/lift", `{"reason":"settled"}`, 200},
		{"ListHeld", func(ctx context.Context, c *api.Client) error {
			return only(c.ListHeld(ctx, api.HeldFilter{Conversation: "c1"}))
		}, "GET", "/v1/held?conversation=c1", "", 200},
		{"ReadHeld", func(ctx context.Context, c *api.Client) error { return only(c.ReadHeld(ctx, "m1")) }, "GET", "/v1/held/m1", "", 200},
		{"ListAudit", func(ctx context.Context, c *api.Client) error {
			return only(c.ListAudit(ctx, api.AuditFilter{Page: api.Page{Limit: 10, After: "41"}, Actor: "operator", Act: "key.created", Subject: "k1",
				Since: time.Date(2031, 5, 17, 9, 30, 0, 0, time.UTC)}))
		}, "GET", "/v1/audit?act=key.created&actor=operator&after=41&limit=10&since=2031-05-17T09%3A30%3A00Z&subject=k1", "", 200},
		{"CreateOrganization", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateOrganization(ctx, api.OrganizationRequest{Name: name}))
		}, "POST", "/v1/organizations", `{"name":"New"}`, 201},
		{"CreateUser", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateUser(ctx, api.UserRequest{Name: name}))
		},
			"POST", "/v1/users", `{"name":"New"}`, 201},
		{"GetUser", func(ctx context.Context, c *api.Client) error { return only(c.GetUser(ctx, "u1")) }, "GET", "/v1/users/u1", "", 200},
		{"ListUsers", func(ctx context.Context, c *api.Client) error {
			return only(c.ListUsers(ctx, api.UserFilter{Active: "true"}))
		},
			"GET", "/v1/users?active=true", "", 200},
		{"PatchUser", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchUser(ctx, "u1", api.UserPatch{Name: &name}))
		},
			"PATCH", "/v1/users/u1", `{"name":"New"}`, 200},
		{"SetDoNotDisturb", func(ctx context.Context, c *api.Client) error {
			return only(c.SetDoNotDisturb(ctx, "u1", api.DoNotDisturbRequest{Text: "Away", ForwardTo: &api.ForwardTarget{Role: "r1"}}))
		}, "PUT", "/v1/users/u1/do-not-disturb", `{"text":"Away","forwardTo":{"role":"r1"}}`, 200},
		{"ClearDoNotDisturb", func(ctx context.Context, c *api.Client) error { return c.ClearDoNotDisturb(ctx, "u1") },
			"DELETE", "/v1/users/u1/do-not-disturb", "", 204},
		{"MuteConversation", func(ctx context.Context, c *api.Client) error { return only(c.MuteConversation(ctx, "c1", api.Mute{})) },
			"PUT", "/v1/conversations/c1/mute", `{}`, 200},
		{"UnmuteConversation", func(ctx context.Context, c *api.Client) error { return c.UnmuteConversation(ctx, "c1") },
			"DELETE", "/v1/conversations/c1/mute", "", 204},
		{"GetMe", func(ctx context.Context, c *api.Client) error { return only(c.GetMe(ctx)) }, "GET", "/v1/me", "", 200},
		{"PatchProfile", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchProfile(ctx, "u1", api.ProfilePatch{Title: &name}))
		}, "PATCH", "/v1/users/u1/profile", `{"title":"New"}`, 200},
		{"CreateGroup", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateGroup(ctx, api.GroupRequest{Name: name, Forum: true}))
		},
			"POST", "/v1/groups", `{"name":"New","forum":true}`, 201},
		{"GetGroup", func(ctx context.Context, c *api.Client) error { return only(c.GetGroup(ctx, "g1")) }, "GET", "/v1/groups/g1", "", 200},
		{"ListGroups", func(ctx context.Context, c *api.Client) error {
			return only(c.ListGroups(ctx, api.GroupFilter{Page: api.Page{Limit: 10}, Mine: "true"}))
		}, "GET", "/v1/groups?limit=10&mine=true", "", 200},
		{"PatchGroup", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchGroup(ctx, "g1", api.GroupPatch{Name: &name}))
		},
			"PATCH", "/v1/groups/g1", `{"name":"New"}`, 200},
		{"ListGroupMembers", func(ctx context.Context, c *api.Client) error {
			return only(c.ListGroupMembers(ctx, "g1", api.Page{Limit: 10}))
		},
			"GET", "/v1/groups/g1/members?limit=10", "", 200},
		{"AddGroupMembers", func(ctx context.Context, c *api.Client) error {
			return only(c.AddGroupMembers(ctx, "g1", api.GroupMembers{Users: []string{"u1"}}))
		}, "POST", "/v1/groups/g1/members", `{"users":["u1"]}`, 200},
		{"RemoveGroupMember", func(ctx context.Context, c *api.Client) error { return c.RemoveGroupMember(ctx, "g1", "u1") },
			"DELETE", "/v1/groups/g1/members/u1", "", 204},
		{"JoinGroup", func(ctx context.Context, c *api.Client) error { return only(c.JoinGroup(ctx, "g1")) }, "POST", "/v1/groups/g1/join", "", 200},
		{"LeaveGroup", func(ctx context.Context, c *api.Client) error { return c.LeaveGroup(ctx, "g1") }, "POST", "/v1/groups/g1/leave", "", 204},
		{"CreateTeam", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateTeam(ctx, api.TeamRequest{Name: name}))
		},
			"POST", "/v1/teams", `{"name":"New"}`, 201},
		{"GetTeam", func(ctx context.Context, c *api.Client) error { return only(c.GetTeam(ctx, "t1")) }, "GET", "/v1/teams/t1", "", 200},
		{"ListTeams", func(ctx context.Context, c *api.Client) error {
			return only(c.ListTeams(ctx, api.TeamFilter{Member: "u1"}))
		},
			"GET", "/v1/teams?member=u1", "", 200},
		{"PatchTeam", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchTeam(ctx, "t1", api.TeamPatch{Name: &name}))
		},
			"PATCH", "/v1/teams/t1", `{"name":"New"}`, 200},
		{"DeleteTeam", func(ctx context.Context, c *api.Client) error { return c.DeleteTeam(ctx, "t1") }, "DELETE", "/v1/teams/t1", "", 204},
		{"ListTeamMembers", func(ctx context.Context, c *api.Client) error { return only(c.ListTeamMembers(ctx, "t1", api.Page{})) },
			"GET", "/v1/teams/t1/members", "", 200},
		{"AddTeamMembers", func(ctx context.Context, c *api.Client) error {
			return only(c.AddTeamMembers(ctx, "t1", api.TeamMembers{Users: []string{"u1"}}))
		}, "POST", "/v1/teams/t1/members", `{"users":["u1"]}`, 200},
		{"RemoveTeamMember", func(ctx context.Context, c *api.Client) error { return c.RemoveTeamMember(ctx, "t1", "u1") },
			"DELETE", "/v1/teams/t1/members/u1", "", 204},
		{"CreateKey", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateKey(ctx, api.KeyRequest{Name: name, Scopes: []string{"messages:send"}}))
		}, "POST", "/v1/keys", `{"name":"New","scopes":["messages:send"]}`, 201},
		{"GetKey", func(ctx context.Context, c *api.Client) error { return only(c.GetKey(ctx, "k1")) }, "GET", "/v1/keys/k1", "", 200},
		{"ListKeys", func(ctx context.Context, c *api.Client) error { return only(c.ListKeys(ctx, api.Page{})) }, "GET", "/v1/keys", "", 200},
		{"RevokeKey", func(ctx context.Context, c *api.Client) error { return c.RevokeKey(ctx, "k1") }, "DELETE", "/v1/keys/k1", "", 204},
	}
}

func contactRoutes() []route {
	name := "New"
	phone := api.Address{Kind: "phone", Value: "+15550100"}
	return []route{
		{"CreateContact", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateContact(ctx, api.ContactRequest{Name: name, Addresses: []api.Address{phone}}))
		}, "POST", "/v1/contacts", `{"name":"New","addresses":[{"kind":"phone","value":"+15550100"}]}`, 201},
		{"GetContact", func(ctx context.Context, c *api.Client) error { return only(c.GetContact(ctx, "k1")) }, "GET", "/v1/contacts/k1", "", 200},
		{"ListContacts", func(ctx context.Context, c *api.Client) error {
			return only(c.ListContacts(ctx, api.ContactFilter{Address: phone.String()}))
		}, "GET", "/v1/contacts?address=phone%3A%2B15550100", "", 200},
		{"PatchContact", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchContact(ctx, "k1", api.ContactPatch{Name: &name}))
		}, "PATCH", "/v1/contacts/k1", `{"name":"New"}`, 200},
		{"DeleteContact", func(ctx context.Context, c *api.Client) error { return c.DeleteContact(ctx, "k1") }, "DELETE", "/v1/contacts/k1", "", 204},
		{"FindContact", func(ctx context.Context, c *api.Client) error {
			return only(c.FindContact(ctx, api.ContactLookup{Address: phone.String()}))
		}, "POST", "/v1/contacts/find", `{"address":"phone:+15550100"}`, 200},
		{"DefineAttribute", func(ctx context.Context, c *api.Client) error {
			return only(c.DefineAttribute(ctx, "a/b", api.AttributeRequest{Type: api.AttributeNumber}))
		}, "PUT", "/v1/attributes/a%2Fb", `{"type":"number"}`, 200},
		{"GetAttribute", func(ctx context.Context, c *api.Client) error { return only(c.GetAttribute(ctx, "city")) }, "GET", "/v1/attributes/city", "", 200},
		{"ListAttributes", func(ctx context.Context, c *api.Client) error {
			return only(c.ListAttributes(ctx, api.Page{Limit: 1}))
		}, "GET", "/v1/attributes?limit=1", "", 200},
		{"MergeContact", func(ctx context.Context, c *api.Client) error {
			return only(c.MergeContact(ctx, "k1", api.ContactMerge{Into: "k2"}))
		}, "POST", "/v1/contacts/k1/merge", `{"into":"k2"}`, 200},
		{"AddContactAddress", func(ctx context.Context, c *api.Client) error { return only(c.AddContactAddress(ctx, "k1", phone)) },
			"POST", "/v1/contacts/k1/addresses", `{"kind":"phone","value":"+15550100"}`, 201},
		{"RemoveContactAddress", func(ctx context.Context, c *api.Client) error {
			return c.RemoveContactAddress(ctx, "k1", phone.String())
		}, "DELETE", "/v1/contacts/k1/addresses/phone:+15550100", "", 204},
		{"CreateBroadcast", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateBroadcast(ctx, api.BroadcastRequest{Name: name}))
		}, "POST", "/v1/broadcasts", `{"name":"New"}`, 201},
		{"GetBroadcast", func(ctx context.Context, c *api.Client) error { return only(c.GetBroadcast(ctx, "b1")) }, "GET", "/v1/broadcasts/b1", "", 200},
		{"ListBroadcasts", func(ctx context.Context, c *api.Client) error { return only(c.ListBroadcasts(ctx, api.Page{})) },
			"GET", "/v1/broadcasts", "", 200},
		{"PatchBroadcast", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchBroadcast(ctx, "b1", api.BroadcastPatch{Name: &name}))
		}, "PATCH", "/v1/broadcasts/b1", `{"name":"New"}`, 200},
		{"DeleteBroadcast", func(ctx context.Context, c *api.Client) error { return c.DeleteBroadcast(ctx, "b1") }, "DELETE", "/v1/broadcasts/b1", "", 204},
		{"ListBroadcastMembers", func(ctx context.Context, c *api.Client) error {
			return only(c.ListBroadcastMembers(ctx, "b1", api.Page{}))
		}, "GET", "/v1/broadcasts/b1/members", "", 200},
		{"AddBroadcastMembers", func(ctx context.Context, c *api.Client) error {
			return only(c.AddBroadcastMembers(ctx, "b1", api.BroadcastMembers{Contacts: []string{"k1"}}))
		}, "POST", "/v1/broadcasts/b1/members", `{"contacts":["k1"]}`, 200},
		{"RemoveBroadcastMember", func(ctx context.Context, c *api.Client) error { return c.RemoveBroadcastMember(ctx, "b1", "k1") },
			"DELETE", "/v1/broadcasts/b1/members/k1", "", 204},
	}
}

func searchRoutes() []route {
	return []route{
		{"SearchMessages", func(ctx context.Context, c *api.Client) error {
			return only(c.SearchMessages(ctx, api.MessageSearch{Page: api.Page{Limit: 3}, Q: `"a b" -c`, HasAttachment: "true", From: time.Date(2031, 5, 17, 9, 30, 0, 0, time.UTC)}))
		}, "GET", "/v1/search/messages?from=2031-05-17T09%3A30%3A00Z&hasAttachment=true&limit=3&q=%22a+b%22+-c", "", 200},
		{"SearchContacts", func(ctx context.Context, c *api.Client) error {
			return only(c.SearchContacts(ctx, api.ContactSearch{Q: "ana", Tag: "vip"}))
		}, "GET", "/v1/search/contacts?q=ana&tag=vip", "", 200},
		{"SearchConversations", func(ctx context.Context, c *api.Client) error {
			return only(c.SearchConversations(ctx, api.ConversationSearch{Q: "ward", Status: "open"}))
		}, "GET", "/v1/search/conversations?q=ward&status=open", "", 200},
	}
}

func channelRoutes() []route {
	paused := true
	return []route{
		{"CreateChannel", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Settings: json.RawMessage(`{}`)}))
		}, "POST", "/v1/channels", `{"name":"SMS","connector":"sandbox","platform":"sms","settings":{}}`, 201},
		{"GetChannel", func(ctx context.Context, c *api.Client) error { return only(c.GetChannel(ctx, "n1")) }, "GET", "/v1/channels/n1", "", 200},
		{"ListChannels", func(ctx context.Context, c *api.Client) error {
			return only(c.ListChannels(ctx, api.ChannelFilter{Platform: "sms"}))
		}, "GET", "/v1/channels?platform=sms", "", 200},
		{"PatchChannel", func(ctx context.Context, c *api.Client) error {
			return only(c.PatchChannel(ctx, "n1", api.ChannelPatch{Paused: &paused}))
		}, "PATCH", "/v1/channels/n1", `{"paused":true}`, 200},
		{"DeleteChannel", func(ctx context.Context, c *api.Client) error { return c.DeleteChannel(ctx, "n1") }, "DELETE", "/v1/channels/n1", "", 204},
		{"ListConnectors", func(ctx context.Context, c *api.Client) error { return only(c.ListConnectors(ctx, api.Page{})) },
			"GET", "/v1/connectors", "", 200},
		{"GetConnector", func(ctx context.Context, c *api.Client) error { return only(c.GetConnector(ctx, "sandbox")) },
			"GET", "/v1/connectors/sandbox", "", 200},
		{"GetMedia", func(ctx context.Context, c *api.Client) error { return only(c.GetMedia(ctx, "f1")) }, "GET", "/v1/media/f1", "", 200},
		{"DeleteMedia", func(ctx context.Context, c *api.Client) error { return c.DeleteMedia(ctx, "f1") }, "DELETE", "/v1/media/f1", "", 204},
		{"ListSandboxMessages", func(ctx context.Context, c *api.Client) error {
			return only(c.ListSandboxMessages(ctx, api.SandboxFilter{Message: "m1"}))
		}, "GET", "/v1/sandbox/messages?message=m1", "", 200},
		{"PlayInbound", func(ctx context.Context, c *api.Client) error {
			return only(c.PlayInbound(ctx, api.SandboxInbound{From: "phone:+15550100", Body: api.Text("hi")}))
		}, "POST", "/v1/sandbox/messages", `{"from":"phone:+15550100","body":[{"kind":"text","text":"hi"}]}`, 201},
		{"GetClock", func(ctx context.Context, c *api.Client) error { return only(c.GetClock(ctx)) }, "GET", "/v1/sandbox/clock", "", 200},
		{"MoveClock", func(ctx context.Context, c *api.Client) error {
			return only(c.MoveClock(ctx, api.ClockMove{To: api.NewTime(time.Date(2031, 5, 17, 11, 30, 0, 0, time.UTC)), Frozen: &paused}))
		}, "POST", "/v1/sandbox/clock", `{"to":"2031-05-17T11:30:00.000Z","frozen":true}`, 202},
		{"AdvanceClock", func(ctx context.Context, c *api.Client) error { return only(c.AdvanceClock(ctx, time.Minute)) },
			"POST", "/v1/sandbox/clock", `{"by":60}`, 200},
		{"ResetOrganization", func(ctx context.Context, c *api.Client) error {
			return only(c.ResetOrganization(ctx, api.ResetRequest{All: true, Fixture: "clinic"}))
		}, "POST", "/v1/sandbox/reset", `{"all":true,"fixture":"clinic"}`, 200},
		{"CreateHook", func(ctx context.Context, c *api.Client) error {
			return only(c.CreateHook(ctx, api.HookRequest{Status: 503, Times: 2, Delay: 1}))
		}, "POST", "/v1/sandbox/hooks", `{"status":503,"times":2,"delay":1}`, 201},
		{"GetHook", func(ctx context.Context, c *api.Client) error { return only(c.GetHook(ctx, "h1")) }, "GET", "/v1/sandbox/hooks/h1", "", 200},
		{"ListHooks", func(ctx context.Context, c *api.Client) error { return only(c.ListHooks(ctx, api.Page{Limit: 2})) },
			"GET", "/v1/sandbox/hooks?limit=2", "", 200},
		{"PatchHook", func(ctx context.Context, c *api.Client) error {
			status := 410
			return only(c.PatchHook(ctx, "h1", api.HookPatch{Status: &status}))
		}, "PATCH", "/v1/sandbox/hooks/h1", `{"status":410}`, 200},
		{"DeleteHook", func(ctx context.Context, c *api.Client) error { return c.DeleteHook(ctx, "h1") }, "DELETE", "/v1/sandbox/hooks/h1", "", 204},
		{"ListCaught", func(ctx context.Context, c *api.Client) error {
			return only(c.ListCaught(ctx, "h1", api.Page{After: "7"}))
		},
			"GET", "/v1/sandbox/hooks/h1/requests?after=7", "", 200},
		{"ClearCaught", func(ctx context.Context, c *api.Client) error { return c.ClearCaught(ctx, "h1") },
			"DELETE", "/v1/sandbox/hooks/h1/requests", "", 204},
		{"ListEvents", func(ctx context.Context, c *api.Client) error {
			return only(c.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(7), Limit: 10, Types: []string{"message.created", "message.removed"}}))
		}, "GET", "/v1/events?after=7&limit=10&type=message.created%2Cmessage.removed", "", 200},
		{"Health", func(ctx context.Context, c *api.Client) error { return c.Health(ctx) }, "GET", "/healthz", "", 200},
		{"Ready", func(ctx context.Context, c *api.Client) error { return c.Ready(ctx) }, "GET", "/readyz", "", 200},
	}
}

// TestRoutes: each method sends what its row says, with the headers of every call.
func TestRoutes(t *testing.T) {
	routes := slices.Concat(messageRoutes(), conversationRoutes(), directoryRoutes(), contactRoutes(), searchRoutes(), channelRoutes())
	for _, r := range routes {
		t.Run(r.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) { answerRoute(t, r, w, got) }))
			defer server.Close()
			c, err := api.New(server.URL+"/prefix/", "secret", api.WithOrganization("o1"), api.WithUserAgent("test/1"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := r.call(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

func answerRoute(t *testing.T, r route, w http.ResponseWriter, got *http.Request) {
	if got.Method != r.method || got.RequestURI != "/prefix"+r.target {
		t.Errorf("sent %s %s, want %s %s", got.Method, got.RequestURI, r.method, "/prefix"+r.target)
	}
	for name, want := range map[string]string{"Authorization": "Bearer secret", "Parley-Organization": "o1", "User-Agent": "test/1", "Accept": "application/json"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q", name, got.Header.Get(name))
		}
	}
	body, _ := io.ReadAll(got.Body)
	if string(body) != r.body {
		t.Errorf("sent the body %s, want %s", body, r.body)
	}
	if want := map[bool]string{true: "application/json"}[r.body != ""]; got.Header.Get("Content-Type") != want {
		t.Errorf("the content type is %q", got.Header.Get("Content-Type"))
	}
	w.WriteHeader(r.status)
	if r.status != 204 {
		_, _ = io.WriteString(w, "{}")
	}
}

func TestIDsThatAreNone(t *testing.T) {
	c, err := api.New("http://127.0.0.1:1", "secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.GetMessage(t.Context(), id); err == nil || !strings.Contains(err.Error(), "no id") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, base := range []string{"", "localhost:8080", "/v1", "ftp://example.org", "http://", "http://[::1", "://x"} {
		if _, err := api.New(base, "secret"); err == nil {
			t.Errorf("%q was accepted", base)
		}
	}
}
