package thread_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// all walks a list of conversations, pages of n.
func all(w *coretest.World, p *access.Principal, f thread.ConversationFilter, n int) (ids []parley.ID) {
	w.T.Helper()
	for after := ""; ; {
		page, next, err := w.Conversations(w.T.Context(), p, f, after, n)
		w.Must(err)
		for _, c := range page {
			ids = append(ids, c.ID)
		}
		if next == "" {
			return ids
		}
		after = next
	}
}

func TestConversationsAreListedByActivity(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dora")
	ana, ben, cleo, dora := users[0], users[1], users[2], users[3]
	w.Channel(w.Admin, "sms")
	closed := w.Channel(w.Admin, "chat", cleo.User)
	inner := w.Contact(w.Admin, "Zoe", "chat:zoe")
	outer := w.Contact(w.Admin, "Yan", "phone:+31612345678")

	pause := func() { time.Sleep(2 * time.Millisecond) } // activity is in milliseconds
	direct := w.Say(ana, core.To{User: ben.User}, "hello").Conversation
	pause()
	sms := w.Say(ana, core.To{Contact: outer.ID}, "hi").Conversation
	pause()
	group := w.Say(ben, core.To{Users: []parley.ID{ana.User, cleo.User}}, "we three").Conversation
	pause()
	chat := w.Say(cleo, core.To{Contact: inner.ID, Channel: closed.ID}, "secret").Conversation
	pause()
	w.Say(ben, core.To{User: ana.User}, "last") // direct moves up

	for name, test := range map[string]struct {
		p    *access.Principal
		f    thread.ConversationFilter
		want []parley.ID
	}{
		"a member":                      {ana, thread.ConversationFilter{}, []parley.ID{direct, group, sms}},
		"a member of the channel":       {cleo, thread.ConversationFilter{}, []parley.ID{chat, group, sms}},
		"nobody in particular":          {dora, thread.ConversationFilter{}, []parley.ID{sms}},
		"an organization key":           {w.Admin, thread.ConversationFilter{}, []parley.ID{direct, chat, group, sms}},
		"of a kind":                     {ana, thread.ConversationFilter{Kind: parley.ConversationGroup}, []parley.ID{group}},
		"of a channel":                  {w.Admin, thread.ConversationFilter{Channel: closed.ID}, []parley.ID{chat}},
		"of a channel that is not seen": {ana, thread.ConversationFilter{Channel: closed.ID}, nil},
		"of a contact":                  {ana, thread.ConversationFilter{Participant: outer.ID}, []parley.ID{sms}},
		"of a contact not seen":         {ana, thread.ConversationFilter{Participant: inner.ID}, nil},
		"of an address":                 {cleo, thread.ConversationFilter{Address: parley.Address{Kind: "chat", Value: "zoe"}}, []parley.ID{chat}},
		"of a user":                     {cleo, thread.ConversationFilter{Participant: ben.User}, []parley.ID{group}},
		"unassigned":                    {dora, thread.ConversationFilter{Unassigned: true}, []parley.ID{sms}},
		"closed":                        {ana, thread.ConversationFilter{Status: parley.StatusClosed}, nil},
	} {
		for _, n := range []int{1, 2, 50} {
			if got := all(w, test.p, test.f, n); !slices.Equal(got, test.want) {
				t.Errorf("%s, pages of %d: got %v, want %v", name, n, got, test.want)
			}
		}
	}
	other := w.Organization("Beta")
	if got := all(w, other, thread.ConversationFilter{}, 50); got != nil {
		t.Errorf("another organization sees %v", got)
	}
	_, err := w.Conversation(t.Context(), other, direct)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, err = w.Conversation(t.Context(), dora, direct)
	w.Refused(err, parley.KindNotFound, "not-found")
	c, err := w.Conversation(t.Context(), ana, group)
	w.Must(err)
	if len(c.Participants) != 3 {
		t.Errorf("participants: %v", c.Participants)
	}
}

func TestThreadIsPagedNewestFirst(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	var conversation parley.ID
	for range 7 {
		conversation = w.Say(ana, core.To{User: ben.User}, "hello").Conversation
	}
	var sequences []int64
	for after := ""; ; {
		page, next, err := w.Thread(t.Context(), ben, conversation, after, 3)
		w.Must(err)
		for _, m := range page {
			sequences = append(sequences, m.Sequence)
			if m.State != parley.Sent || m.Counts[parley.Sent] != 1 {
				t.Errorf("message %d is %s %v", m.Sequence, m.State, m.Counts)
			}
		}
		if after = next; next == "" {
			break
		}
	}
	if !slices.Equal(sequences, []int64{7, 6, 5, 4, 3, 2, 1}) {
		t.Errorf("sequences: %v", sequences)
	}
	_, _, err := w.Thread(t.Context(), cleo, conversation, "", 3)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, _, err = w.Thread(t.Context(), ana, conversation, "nonsense", 3)
	w.Refused(err, parley.KindInvalid, "cursor-invalid")
}

func TestStates(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	out := w.Say(ana, core.To{Contact: contact.ID}, "hi")
	between := w.Say(ana, core.To{User: ben.User}, "hi")
	note := w.Send(ana, core.SendParams{To: core.To{Conversation: out.Conversation}, Body: coretest.Text("psst"), Internal: true})
	for _, sent := range []parley.Message{out, between, note} {
		m, err := w.Message(t.Context(), ana, sent.ID)
		w.Must(err)
		if m.State != sent.State || len(m.Counts) != len(sent.Counts) {
			t.Errorf("%s: sent as %s %v, read as %s %v", m.Kind, sent.State, sent.Counts, m.State, m.Counts)
		}
	}
}

// find walks a list of messages, pages of n.
func find(w *coretest.World, p *access.Principal, f thread.MessageFilter, n int) (ids []parley.ID) {
	w.T.Helper()
	for after := ""; ; {
		page, next, err := w.Messages(w.T.Context(), p, f, after, n)
		w.Must(err)
		for _, m := range page {
			ids = append(ids, m.ID)
			if m.State == "" {
				w.T.Errorf("message %s has no state", m.ID)
			}
		}
		if next == "" {
			return ids
		}
		after = next
	}
}

func TestMessagesAreFound(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dora")
	ana, ben, cleo, dora := users[0], users[1], users[2], users[3]
	sms := w.Channel(w.Admin, "sms")
	closed := w.Channel(w.Admin, "chat", cleo.User)
	inner := w.Contact(w.Admin, "Zoe", "chat:zoe")
	outer := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	say := func(p *access.Principal, params core.SendParams) parley.Message {
		time.Sleep(2 * time.Millisecond)
		params.Body = coretest.Text("hello")
		return w.Send(p, params)
	}
	direct := say(ana, core.SendParams{To: core.To{User: ben.User}, Tags: []string{"a"}})
	out := say(ana, core.SendParams{To: core.To{Contact: outer.ID}, Reference: "r1", Tags: []string{"a", "b"}})
	group := say(ben, core.SendParams{To: core.To{Users: []parley.ID{ana.User, cleo.User}}})
	chat := say(cleo, core.SendParams{To: core.To{Contact: inner.ID, Channel: closed.ID}, Reference: "r1"})
	back := say(ben, core.SendParams{To: core.To{User: ana.User}})
	later := say(ben, core.SendParams{To: core.To{User: ana.User}, SendAt: time.Now().Add(time.Hour)})

	ids := func(list ...parley.Message) (ids []parley.ID) {
		for _, m := range list {
			ids = append(ids, m.ID)
		}
		return ids
	}
	for name, test := range map[string]struct {
		p    *access.Principal
		f    thread.MessageFilter
		want []parley.ID
	}{
		"all a member sees":          {ana, thread.MessageFilter{}, ids(back, group, out, direct)},
		"all another sees":           {cleo, thread.MessageFilter{}, ids(chat, group, out)},
		"all a stranger sees":        {dora, thread.MessageFilter{}, ids(out)},
		"all":                        {w.Admin, thread.MessageFilter{}, ids(back, chat, group, out, direct)},
		"of a conversation":          {ana, thread.MessageFilter{Conversation: direct.Conversation}, ids(back, direct)},
		"of one that is not seen":    {dora, thread.MessageFilter{Conversation: direct.Conversation}, nil},
		"by a user":                  {w.Admin, thread.MessageFilter{Sender: ben.User}, ids(back, group)},
		"to a user":                  {w.Admin, thread.MessageFilter{Recipient: ana.User}, ids(back, group)},
		"to a contact":               {w.Admin, thread.MessageFilter{Recipient: outer.ID}, ids(out)},
		"to an address":              {w.Admin, thread.MessageFilter{RecipientAddress: parley.Address{Kind: "chat", Value: "zoe"}}, ids(chat)},
		"to an address not seen":     {ana, thread.MessageFilter{RecipientAddress: parley.Address{Kind: "chat", Value: "zoe"}}, nil},
		"with a reference":           {w.Admin, thread.MessageFilter{Reference: "r1"}, ids(chat, out)},
		"with a reference, in part":  {ana, thread.MessageFilter{Reference: "r1"}, ids(out)},
		"with a tag":                 {ana, thread.MessageFilter{Tag: "a"}, ids(out, direct)},
		"with a tag and a reference": {ana, thread.MessageFilter{Tag: "b", Reference: "r1"}, ids(out)},
		"of a channel":               {dora, thread.MessageFilter{Channel: sms.ID}, ids(out)},
		"of a closed channel":        {dora, thread.MessageFilter{Channel: closed.ID}, nil},
		"of a platform":              {w.Admin, thread.MessageFilter{Platform: "chat"}, ids(chat)},
		"in a direction":             {cleo, thread.MessageFilter{Direction: parley.Outbound}, ids(chat, out)},
		"queued":                     {cleo, thread.MessageFilter{Status: parley.Queued}, ids(chat, out)},
		"sent":                       {cleo, thread.MessageFilter{Status: parley.Sent}, ids(group)},
		"scheduled":                  {ben, thread.MessageFilter{Status: parley.Scheduled}, ids(later)},
		"scheduled by another":       {ana, thread.MessageFilter{Status: parley.Scheduled}, nil},
		"since":                      {ana, thread.MessageFilter{Since: group.SentAt}, ids(back, group)},
		"until":                      {ana, thread.MessageFilter{Until: group.SentAt}, ids(out, direct)},
	} {
		for _, n := range []int{1, 2, 50} {
			if got := find(w, test.p, test.f, n); !slices.Equal(got, test.want) {
				t.Errorf("%s, pages of %d: got %v, want %v", name, n, got, test.want)
			}
		}
	}
	_, err := w.Message(t.Context(), ana, later.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	m, err := w.Message(t.Context(), ben, later.ID)
	w.Must(err)
	if m.State != parley.Scheduled {
		t.Errorf("scheduled message is %s", m.State)
	}
}
