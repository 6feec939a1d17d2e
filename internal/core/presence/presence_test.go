package presence_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/presence"
	"github.com/parley-server/parley/internal/parley"
)

// nodes are two servers that tell each other who is there.
type nodes struct {
	*coretest.World
	a, b  *presence.Presence
	mu    sync.Mutex
	shown map[*presence.Presence][]string
	lost  bool // what a says is lost
}

func newNodes(t *testing.T) *nodes {
	w := coretest.New(t)
	n := &nodes{World: w, shown: map[*presence.Presence][]string{}}
	o := presence.Options{Store: w.Store, Now: w.Now}
	n.a, n.b = presence.New(o), presence.New(o)
	follow := func(p, other *presence.Presence, name string) {
		p.Follow(func(_ parley.ID, e parley.Event) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.shown[p] = append(n.shown[p], fmt.Sprint(e.Type, " ", e.Data.Status))
		}, func(word presence.Word) {
			word.Node = name
			if read, ok := presence.Decode(word.Encode()); !ok || read != word {
				t.Errorf("%+v came as %+v", word, read)
			} else if !n.lost || name != "a" {
				other.Heard(read)
			}
		})
	}
	follow(n.a, n.b, "a")
	follow(n.b, n.a, "b")
	return n
}

// later lets time pass, in which both nodes do what they do each second.
func (n *nodes) later(d time.Duration) {
	n.T.Helper()
	for end := n.Now().Add(d); n.Now().Before(end); {
		n.Advance(time.Second)
		for _, p := range []*presence.Presence{n.a, n.b, n.a} {
			p.Age()
			n.Must(p.Turn(n.T.Context()))
		}
	}
}

// seen is what somebody is told of a user by each node.
func (n *nodes) seen(by *access.Principal, user parley.ID) string {
	n.T.Helper()
	n.later(time.Second)
	var list []string
	for _, p := range []*presence.Presence{n.a, n.b} {
		found, err := p.Of(n.T.Context(), by, []parley.ID{user})
		n.Must(err)
		if len(found) != 1 {
			n.T.Fatalf("found %+v", found)
		}
		list = append(list, string(found[0].Status))
	}
	if list[0] != list[1] {
		return list[0] + ", on the other node " + list[1]
	}
	return list[0]
}

func (n *nodes) want(what string, by *access.Principal, user parley.ID, want string) {
	n.T.Helper()
	if got := n.seen(by, user); got != want {
		n.T.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestWhereSomebodyIs(t *testing.T) {
	n := newNodes(t)
	users := n.Users(n.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	n.want("nothing is known", ben, ana.User, "offline")
	closed := n.a.Opened(ana)
	n.want("with a stream", ben, ana.User, "online")
	n.later(5 * time.Minute)
	n.want("with a stream for long", ben, ana.User, "online")
	n.Must(n.b.Set(t.Context(), ana, parley.PresenceAway)) // from another device, on another node
	n.want("away there, and here not", ben, ana.User, "online")
	n.Must(n.a.Set(t.Context(), ana, parley.PresenceAway))
	n.want("away", ben, ana.User, "away")
	n.Must(n.b.Set(t.Context(), ana, parley.PresenceInvisible))
	n.want("not to be seen", ben, ana.User, "offline")
	n.later(2 * time.Minute)
	n.want("the other device is gone", ben, ana.User, "away")
	n.Must(n.a.Set(t.Context(), ana, parley.PresenceOnline))
	if _, err := n.Availability.Set(t.Context(), ana, ana.User, availability.Params{}, 0); err != nil {
		t.Fatal(err)
	}
	n.want("not to be disturbed", ben, ana.User, "away")
	n.Must(n.Availability.Clear(t.Context(), ana, ana.User, 0))
	closed()
	n.later(5 * time.Second)
	n.Must(n.b.Set(t.Context(), ben, parley.PresenceOnline))
	n.want("a moment after", ben, ana.User, "online")
	n.later(2 * time.Minute)
	n.want("gone", ben, ana.User, "offline")
	n.want("without a sign of life", ana, ben.User, "offline")
	for _, p := range []*presence.Presence{n.a, n.b} {
		if left := p.Known(); left != 0 {
			t.Errorf("%d are remembered who are gone", left)
		}
	}
	want := []string{"user.presence online", "user.presence away", "user.presence offline", "user.presence away"}
	if got := n.shown[n.b]; !slices.Equal(got[:min(len(got), 4)], want) {
		t.Errorf("shown: %q", got)
	}
}

// A change of do-not-disturb is shown at once, whichever node took it and wherever the user is.
func TestDoNotDisturbIsShownAtOnce(t *testing.T) {
	n := newNodes(t)
	ana := n.Users(n.Admin, "ana")[0]
	n.a.Opened(ana)
	n.later(time.Second)
	for _, taken := range []*presence.Presence{n.a, n.b} {
		for _, want := range []string{"user.presence away", "user.presence online"} {
			if want == "user.presence away" {
				_, err := n.Availability.Set(t.Context(), ana, ana.User, availability.Params{}, 0)
				n.Must(err)
			} else {
				n.Must(n.Availability.Clear(t.Context(), ana, ana.User, 0))
			}
			taken.Look(ana.Organization, ana.User)
			for _, p := range []*presence.Presence{n.a, n.b} {
				n.Must(p.Turn(t.Context()))
				if shown := n.shown[p]; len(shown) == 0 || shown[len(shown)-1] != want {
					t.Errorf("shown at once: %q, want %s", shown, want)
				}
			}
		}
	}
}

// A word that is lost is said again; one of a node that is gone does not hold for long.
func TestLostWords(t *testing.T) {
	n := newNodes(t)
	users := n.Users(n.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	n.lost = true
	n.a.Opened(ana)
	n.want("a word was lost", ben, ana.User, "online, on the other node offline")
	n.lost = false
	n.later(30 * time.Second)
	n.want("it was said again", ben, ana.User, "online")
	n.lost = true
	n.later(90 * time.Second)
	n.want("no node says so any more", ben, ana.User, "online, on the other node offline")
}

func TestTypingIsShown(t *testing.T) {
	n := newNodes(t)
	users := n.Users(n.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	conversation := n.Say(ana, core.To{User: ben.User}, "hello").Conversation
	n.Must(n.a.Typing(t.Context(), ana, conversation, true))
	n.Must(n.a.Typing(t.Context(), ana, conversation, false))
	n.Refused(n.a.Typing(t.Context(), cleo, conversation, true), parley.KindNotFound, "not-found")
	n.Must(n.b.Set(t.Context(), ana, parley.PresenceInvisible))
	n.later(time.Second)
	n.Must(n.a.Typing(t.Context(), ana, conversation, true))
	want := []string{"conversation.typing on", "conversation.typing off"}
	for _, p := range []*presence.Presence{n.a, n.b} {
		if got := n.shown[p]; !slices.Equal(got, want) {
			t.Errorf("shown: %q, want %q", got, want)
		}
	}
	n.Refused(n.a.Set(t.Context(), ana, "here"), parley.KindInvalid, "value-unknown")
	n.Refused(n.a.Set(t.Context(), n.Admin, parley.PresenceOnline), parley.KindForbidden, "not-a-person")
	_, err := n.a.Of(t.Context(), ana, []parley.ID{ben.User, "nobody"})
	n.Refused(err, parley.KindNotFound, "not-found")
	_, err = n.a.Of(t.Context(), ana, nil)
	n.Refused(err, parley.KindInvalid, "required")
}

func FuzzDecode(f *testing.F) {
	id := string(parley.NewID(time.Now()))
	f.Add([]byte(`{"n":"a","o":"` + id + `","u":"` + id + `","s":"online"}`))
	f.Add([]byte(`{"n":"a","o":"` + id + `","u":"` + id + `","c":"` + id + `","s":"on"}`))
	f.Add([]byte(`{"o":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, ok := presence.Decode(text)
		if !ok {
			return
		}
		if again, ok := presence.Decode(w.Encode()); !ok || again != w {
			t.Errorf("%q is %+v, and that is %+v", text, w, again)
		}
	})
}
