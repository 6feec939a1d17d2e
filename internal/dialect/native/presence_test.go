package native_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// hinted opens a live stream and passes on its hints, and who sent it an event.
func hinted(t *testing.T, c *api.Client, f api.EventFilter) <-chan string {
	t.Helper()
	got := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	f.After = api.FromLatest
	s := c.StreamEvents(ctx, f)
	s.OnHint = func(e api.Event) {
		got <- fmt.Sprintf("%s %s%s%s %s", e.Type, e.Data.ID, e.Data.ConversationID, e.Data.User, e.Data.Status)
		if e.Sequence != 0 || e.Time.IsZero() {
			t.Errorf("a hint with a place in the log: %+v", e)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range s.All() {
			if e.Type != "" {
				got <- string(e.Type)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	for deadline := time.Now().Add(2 * time.Minute); s.Through() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stream does not begin")
		}
	}
	return got
}

// next is what a stream has next.
func next(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case hint := <-got:
		return hint
	case <-time.After(10 * time.Second):
		t.Fatal("nothing comes")
		return ""
	}
}

func TestTypingAndPresence(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	cleo := must[*api.User](t)(d.admin.CreateUser(ctx, api.UserRequest{Name: "Cleo", Email: "cleo@example.org"})).ID
	stranger := d.client(t, must[*api.Key](t)(d.admin.CreateKey(ctx, api.KeyRequest{Name: "c", User: cleo, Scopes: scopesOfUsers()})).Secret)
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: d.users[1]}}})).ID
	other := d.client(t, d.organization(t, "Beta").Key.Token)
	there := func(c *api.Client, users ...string) (list []string) {
		for _, p := range must[*api.PresenceList](t)(c.GetPresence(ctx, api.PresenceFilter{Users: users})).Data {
			list = append(list, string(p.Status))
		}
		return list
	}
	if got := there(d.ben, d.users[0], d.users[1]); !slices.Equal(got, []string{"offline", "offline"}) {
		t.Errorf("before: %v", got)
	}
	hints := api.EventFilter{Hints: "true"}
	ana, strangers := hinted(t, d.ana, hints), hinted(t, stranger, hints)
	narrow, foreign, without := hinted(t, d.ben, api.EventFilter{Hints: "true", Conversation: group, Types: []string{"page.created"}}), hinted(t, other, hints), hinted(t, d.ben, api.EventFilter{})
	for deadline := time.Now().Add(2 * time.Minute); !slices.Equal(there(d.ana, d.users[0], d.users[1], cleo), []string{"online", "online", "online"}); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("who has a stream is not there")
		}
	}
	typing := func(c *api.Client, conversation string, typing *bool) {
		t.Helper()
		if err := c.Typing(ctx, conversation, api.TypingRequest{Typing: typing}); err != nil {
			t.Fatal(err)
		}
	}
	no := false
	typing(d.ana, group, nil)
	typing(d.ana, group, &no)
	typing(d.ana, d.conversation, nil) // which everybody sees
	want := []string{"conversation.typing " + group + d.users[0] + " on", "conversation.typing " + group + d.users[0] + " off"}
	if got := []string{next(t, narrow), next(t, narrow)}; !slices.Equal(got, want) {
		t.Errorf("ben is shown %q", got)
	}
	if got := next(t, strangers); got != "conversation.typing "+d.conversation+d.users[0]+" on" {
		t.Errorf("who is not in the group is shown %q", got)
	}
	coded(t, "typing where one is not", stranger.Typing(ctx, group, api.TypingRequest{}), "not-found")
	coded(t, "typing elsewhere", other.Typing(ctx, group, api.TypingRequest{}), "not-found")

	if err := d.core.Presence.Turn(ctx); err != nil { // shows who came
		t.Fatal(err)
	}
	came := []string{next(t, strangers), next(t, strangers), next(t, strangers)}
	if err := d.ana.SetPresence(ctx, api.PresenceRequest{Status: api.PresenceInvisible}); err != nil {
		t.Fatal(err)
	}
	if err := d.core.Presence.Turn(ctx); err != nil {
		t.Fatal(err)
	}
	typing(d.ana, group, nil) // nobody sees it
	if got := next(t, strangers); got != "user.presence "+d.users[0]+" offline" || len(came) != 3 || !slices.Contains(came, "user.presence "+d.users[0]+" online") {
		t.Errorf("shown is %q after %q", got, came)
	}
	must[*api.User](t)(d.ben.SetDoNotDisturb(ctx, d.users[1], api.DoNotDisturbRequest{}))
	if err := d.core.Presence.Turn(ctx); err != nil {
		t.Fatal(err)
	}
	if got := []string{next(t, strangers), next(t, strangers)}; !slices.Contains(got, "user.presence "+d.users[1]+" away") {
		t.Errorf("of who is not to be disturbed: %q", got)
	}
	if got := there(stranger, d.users[0], d.users[1], cleo); !slices.Equal(got, []string{"offline", "away", "online"}) {
		t.Errorf("at the end: %v", got)
	}
	_, err := other.GetPresence(ctx, api.PresenceFilter{Users: d.users})
	coded(t, "users of another organization", err, "not-found")
	must[*api.Message](t)(d.ana.SendToConversation(ctx, group, api.SendRequest{Body: api.Text("done")}))
	for name, c := range map[string]<-chan string{"without hints": without, "in the conversation": narrow} {
		for {
			select {
			case got := <-c:
				if name == "in the conversation" || len(got) > 20 && got[:20] == "conversation.typing " || len(got) > 13 && got[:13] == "user.presence" {
					t.Errorf("%s: %q", name, got)
				}
				continue
			case <-time.After(50 * time.Millisecond):
			}
			break
		}
	}
	for {
		select {
		case got := <-ana:
			if len(got) > 20 && got[:20] == "conversation.typing " {
				t.Errorf("who writes is shown %q", got)
			}
			continue
		case got := <-foreign:
			t.Errorf("another organization is shown %q", got)
			continue
		default:
		}
		break
	}
}
