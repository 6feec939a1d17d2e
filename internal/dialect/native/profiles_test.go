package native_test

import (
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

// TestProfiles: an account has a profile in each of its organizations, and its key tells in which it can act; one that is bound
// to an organization tells of no other.
func TestProfiles(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	beta := w.organization(t, "Beta")
	other := w.client(t, beta.Key.Token)
	const email = "ana@example.org"
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: email}))
	there := must[*api.User](t)(other.CreateUser(ctx, api.UserRequest{Name: "Ana R.", Email: email}))
	scopes := []string{"users:read", "users:self", "media:write", "media:read"}
	free := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", User: ana.ID, Scopes: scopes})).Secret
	bound := w.client(t, must[*api.Key](t)(w.client(t, w.without(t)).CreateKey(ctx, api.KeyRequest{Name: "b", User: ana.ID, Scopes: scopes})).Secret)

	title, department, phone := "Nurse", "Ward 3", "100"
	self := must[*api.User](t)(bound.PatchProfile(ctx, ana.ID, api.ProfilePatch{Title: &title, Phone: &phone}))
	if self.Profile != (api.Profile{Title: title, Phone: phone}) || self.Rev != ana.Rev+1 {
		t.Errorf("profile %+v, revision %d after %d", self.Profile, self.Rev, ana.Rev)
	}
	must[*api.User](t)(other.PatchProfile(ctx, there.ID, api.ProfilePatch{Department: &department}))
	organization := must[*api.Organization](t)(w.admin.GetOrganization(ctx)).ID
	answer, text := w.raw(t, "GET", "/v1/me", free, "", "Parley-Organization", organization)
	for _, want := range []string{`"email":"` + email + `"`, `"user":"` + ana.ID + `"`, `"organization":"` + organization + `"`, `"userName":"Ana R."`, `"department":"Ward 3"`, `"title":"Nurse"`} {
		if answer.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("%d %s has no %s", answer.StatusCode, text, want)
		}
	}
	if me := must[*api.Me](t)(bound.GetMe(ctx)); len(me.Organizations) != 1 || me.Organizations[0].Profile.Title != title || me.Account == "" || len(me.Scopes) != len(scopes) {
		t.Errorf("of a key bound to an organization: %+v", me)
	}
	if me := must[*api.Me](t)(w.admin.GetMe(ctx)); len(me.Organizations) != 1 || me.Account != "" || me.User == "" {
		t.Errorf("of a key of the organization: %+v", me)
	}

	// The image is everybody's in the organization, and goes with the profile's.
	image := must[*api.Media](t)(bound.UploadMedia(ctx, "me.png", "image/png", strings.NewReader("\x89PNG\r\n\x1a\n")))
	viewer := w.client(t, w.with(t, "media:read"))
	_, err := viewer.GetMedia(ctx, image.ID)
	wantProblem(t, err, 404, "not-found", "")
	must[*api.User](t)(bound.PatchProfile(ctx, ana.ID, api.ProfilePatch{Avatar: &image.ID}))
	must[*api.Media](t)(viewer.GetMedia(ctx, image.ID))
	_, err = other.GetMedia(ctx, image.ID)
	wantProblem(t, err, 404, "not-found", "")
	none := ""
	must[*api.User](t)(bound.PatchProfile(ctx, ana.ID, api.ProfilePatch{Avatar: &none}))
	_, err = viewer.GetMedia(ctx, image.ID)
	wantProblem(t, err, 404, "not-found", "")

	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo"}))
	_, err = bound.PatchProfile(ctx, bo.ID, api.ProfilePatch{Title: &title})
	wantProblem(t, err, 403, "scope-required", "")
	unknown := bo.ID
	_, err = bound.PatchProfile(ctx, ana.ID, api.ProfilePatch{Avatar: &unknown})
	wantProblem(t, err, 422, "media-unknown", "avatar")
}

// TestMachineUsers: a user that stands for a program is made, listed, and acted as by several keys.
func TestMachineUsers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	bot := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bot", Machine: true}))
	_, err := w.admin.CreateUser(ctx, api.UserRequest{Name: "Bot", Machine: true, Email: "bot@example.org"})
	wantProblem(t, err, 422, "not-allowed", "email")
	list := must[*api.List[api.User]](t)(w.admin.ListUsers(ctx, api.UserFilter{Machine: "true"}))
	if last := list.Data[len(list.Data)-1]; last.ID != bot.ID || !last.Machine {
		t.Errorf("listed %+v", last)
	}
	for range 2 {
		key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "k", User: bot.ID, Scopes: []string{"users:read"}}))
		if me := must[*api.Me](t)(w.client(t, key.Secret).GetMe(ctx)); me.User != bot.ID || me.Account != "" || key.Personal {
			t.Errorf("the key %+v acts as %+v", key, me)
		}
	}
}

// TestMetadata: teams, broadcast lists and channels have facts kept with them.
func TestMetadata(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	facts := map[string]string{"a": "1", "b": "2"}
	value := "3"
	patch := map[string]*string{"a": nil, "c": &value}
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "T", Metadata: facts}))
	list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "L", Metadata: facts}))
	channel := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "C", Connector: "sandbox", Platform: "sms", Metadata: facts}))
	changedTeam := must[*api.Team](t)(w.admin.PatchTeam(ctx, team.ID, api.TeamPatch{Metadata: patch}))
	changedList := must[*api.Broadcast](t)(w.admin.PatchBroadcast(ctx, list.ID, api.BroadcastPatch{Metadata: patch}))
	changedChannel := must[*api.Channel](t)(w.admin.PatchChannel(ctx, channel.ID, api.ChannelPatch{Metadata: patch}))
	for what, got := range map[string][]map[string]string{
		"team":    {team.Metadata, changedTeam.Metadata, must[*api.Team](t)(w.admin.GetTeam(ctx, team.ID)).Metadata, must[*api.List[api.Team]](t)(w.admin.ListTeams(ctx, api.TeamFilter{})).Data[0].Metadata},
		"list":    {list.Metadata, changedList.Metadata, must[*api.Broadcast](t)(w.admin.GetBroadcast(ctx, list.ID)).Metadata, must[*api.List[api.Broadcast]](t)(w.admin.ListBroadcasts(ctx, api.Page{})).Data[0].Metadata},
		"channel": {channel.Metadata, changedChannel.Metadata, must[*api.Channel](t)(w.admin.GetChannel(ctx, channel.ID)).Metadata, must[*api.List[api.Channel]](t)(w.admin.ListChannels(ctx, api.ChannelFilter{})).Data[0].Metadata},
	} {
		for i, m := range got {
			if len(m) != 2 || m["b"] != "2" || i == 0 && m["a"] != "1" || i > 0 && m["c"] != "3" {
				t.Errorf("%s, %d: %v", what, i, m)
			}
		}
	}
	_, err := w.admin.CreateTeam(ctx, api.TeamRequest{Name: "T", Metadata: map[string]string{"k": strings.Repeat("x", 4001)}})
	wantProblem(t, err, 422, "too-long", "metadata.k")
}
