package eventlog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// seen returns what a principal reads of the log, pages of n.
func seen(w *coretest.World, p *access.Principal, f eventlog.Filter, n int) (list []eventlog.Detail) {
	w.T.Helper()
	for {
		page, err := w.Log.Events(w.T.Context(), p, f, n)
		w.Must(err)
		list = append(list, page.Events...)
		if page.Next == 0 {
			if last := w.Events(p, 0); page.Through != last[len(last)-1].Sequence {
				w.T.Errorf("considered through %d, the log ends at %d", page.Through, last[len(last)-1].Sequence)
			}
			return list
		}
		if page.Next != page.Through || page.Next <= f.After {
			w.T.Fatalf("after %d: next %d, through %d", f.After, page.Next, page.Through)
		}
		f.After = page.Next
	}
}

// messages are the ids of the messages of created events.
func messages(list []eventlog.Detail) (ids []parley.ID) {
	for _, d := range list {
		if d.Type == parley.EventMessageCreated {
			ids = append(ids, d.Event.Message)
		}
	}
	return ids
}

func TestEventsAreSeenByWhoSeesTheirConversation(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dora")
	ana, ben, cleo, dora := users[0], users[1], users[2], users[3]
	w.Channel(w.Admin, "sms")
	closed := w.Channel(w.Admin, "chat", cleo.User)
	inner := w.Contact(w.Admin, "Zoe", "chat:zoe")
	outer := w.Contact(w.Admin, "Yan", "phone:+31612345678")

	direct := w.Say(ana, core.To{User: ben.User}, "hello").ID
	sms := w.Say(ana, core.To{Contact: outer.ID}, "hi").ID
	group := w.Say(ben, core.To{Users: []parley.ID{ana.User, cleo.User}}, "we three").ID
	chat := w.Say(cleo, core.To{Contact: inner.ID, Channel: closed.ID}, "secret").ID
	later := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("later"), SendAt: time.Now().Add(time.Hour)}).ID

	for name, test := range map[string]struct {
		p    *access.Principal
		want []parley.ID
	}{
		"a member":                {ana, []parley.ID{direct, sms, group}},
		"another":                 {ben, []parley.ID{direct, sms, group}},
		"a member of the channel": {cleo, []parley.ID{sms, group, chat}},
		"nobody in particular":    {dora, []parley.ID{sms}},
		"an organization key":     {w.Admin, []parley.ID{direct, sms, group, chat}},
		"the server":              {access.System(w.Admin.Organization), []parley.ID{direct, sms, group, chat}},
	} {
		for _, n := range []int{1, 3, 1000} {
			list := seen(w, test.p, eventlog.Filter{After: eventlog.FromOldest}, n)
			if got := messages(list); !slices.Equal(got, test.want) {
				t.Errorf("%s, pages of %d: got %v, want %v", name, n, got, test.want)
			}
			for _, d := range list {
				if d.Type == parley.EventMessageCreated && (d.Message == nil || d.Message.ID != d.Event.Message || d.Message.State == "" || len(d.Message.Body) == 0) {
					t.Errorf("%s: the message of event %d is %+v", name, d.Sequence, d.Message)
				}
			}
			scheduled := slices.ContainsFunc(list, func(d eventlog.Detail) bool { return d.Event.Message == later })
			if want := test.p == ana || test.p.User == "" || test.p == w.Admin; scheduled != want {
				t.Errorf("%s sees the scheduled message: %v", name, scheduled)
			}
		}
	}
}

func TestEventsFilterAndCursors(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	m := w.Say(users[0], core.To{User: users[1].User}, "hello")
	w.Say(users[0], core.To{Users: []parley.ID{users[1].User}}, "other")
	f := eventlog.Filter{After: eventlog.FromOldest, Conversation: m.Conversation, Types: []parley.EventType{parley.EventMessageCreated},
		With: eventlog.WithConversations | eventlog.WithMessages | eventlog.WithContacts | eventlog.WithDeliveries}
	list := seen(w, users[1], f, 10)
	if len(list) != 1 || list[0].Event.Message != m.ID || list[0].Conversation == nil {
		t.Errorf("filtered: %+v", list)
	}
	_, latest, err := w.EventRange(t.Context(), w.Admin)
	w.Must(err)
	page, err := w.Log.Events(t.Context(), w.Admin, eventlog.Filter{After: eventlog.FromLatest}, 10)
	w.Must(err)
	if len(page.Events) != 0 || page.Next != 0 || page.Through != latest {
		t.Errorf("from the latest: %+v", page)
	}
	_, err = w.Log.Events(t.Context(), w.Admin, eventlog.Filter{After: latest + 1}, 10)
	w.Refused(err, parley.KindInvalid, "cursor-unknown")

	w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
		_, err := tx.DropEvents(w.Admin.Organization, time.Now().Add(time.Hour).UnixMilli(), 3)
		return err
	}))
	oldest, _, err := w.EventRange(t.Context(), w.Admin)
	w.Must(err)
	if oldest <= 3 {
		t.Errorf("what is left begins with %d", oldest)
	}
	_, err = w.Log.Events(t.Context(), w.Admin, eventlog.Filter{After: oldest - 2}, 10)
	w.Refused(err, parley.KindGone, "cursor-expired")
	if facts := parley.AsError(err).Facts; facts["oldest"] != oldest || facts["latest"] != latest {
		t.Errorf("facts: %v", facts)
	}
	page, err = w.Log.Events(t.Context(), w.Admin, eventlog.Filter{After: eventlog.FromOldest}, 1)
	w.Must(err)
	if len(page.Events) != 1 || page.Events[0].Sequence != oldest {
		t.Errorf("from the oldest: %+v", page)
	}
}

// TestEveryEventHasAScope: an event whose type nobody thought of would be seen by nobody.
func TestEveryEventHasAScope(t *testing.T) {
	w := coretest.New(t)
	for _, kind := range []parley.EventType{parley.EventMessageCreated, parley.EventMessageScheduled, parley.EventMessageCanceled,
		parley.EventMessageRemoved, parley.EventMessageEdited, parley.EventMessageRedacted, parley.EventDeliveryUpdated, parley.EventInteraction, parley.EventConversationCreated,
		parley.EventConversationUpdated, parley.EventConversationRead, parley.EventParticipantsChanged, parley.EventContactCreated,
		parley.EventContactUpdated, parley.EventContactDeleted, parley.EventContactMerged, parley.EventAttributeDefined, parley.EventUserCreated, parley.EventUserUpdated, parley.EventTeamCreated,
		parley.EventTeamUpdated, parley.EventTeamDeleted, parley.EventBroadcastCreated, parley.EventBroadcastUpdated,
		parley.EventBroadcastDeleted, parley.EventChannelCreated, parley.EventChannelUpdated, parley.EventChannelDeleted,
		parley.EventOrganizationUpdated, parley.EventKeyCreated, parley.EventKeyRevoked} {
		audiences, err := w.Audiences(t.Context(), w.Admin.Organization, []parley.Event{{Type: kind}})
		w.Must(err)
		if !audiences[0].Sees(w.Admin) {
			t.Errorf("%s has no scope", kind)
		}
	}
}
