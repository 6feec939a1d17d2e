package numbered_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// A page of many costs as many statements as one of few.
func TestStatements(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	lists := numbered.New(w.Store)
	var conversations []parley.ID
	for i := range 20 {
		contact := w.Contact(w.Admin, "Ana", fmt.Sprintf("phone:+3161234%04d", i))
		c, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: ch.ID,
			Participants: []thread.NewParticipant{{Contact: contact.ID}}}, nil)
		w.Must(err)
		conversations = append(conversations, c.ID)
	}
	for range 20 {
		w.Send(w.Admin, core.SendParams{To: core.To{Conversation: conversations[0]}, Body: coretest.Text("x"), Record: &core.Record{Direction: parley.Inbound}})
	}
	for name, read := range map[string]func(size int) (int, error){
		"conversations": func(size int) (int, error) {
			list, _, err := lists.Cases(t.Context(), w.Admin, "", numbered.Page{Number: 1, Size: size})
			return len(list), err
		},
		"several": func(size int) (int, error) {
			list, err := lists.Those(t.Context(), w.Admin, conversations[:size])
			return len(list), err
		},
		"messages": func(size int) (int, error) {
			list, _, err := lists.Items(t.Context(), w.Admin, conversations[0], numbered.Page{Number: 1, Size: size})
			return len(list), err
		},
		"customers": func(size int) (int, error) {
			list, _, _, err := lists.Customers(t.Context(), w.Admin, numbered.Page{Number: 1, Size: size})
			return len(list), err
		},
	} {
		count := func(size int) int {
			return w.Statements(func() {
				n, err := read(size)
				if w.Must(err); n != size {
					t.Errorf("%s: %d of %d", name, n, size)
				}
			})
		}
		if few, many := count(2), count(20); few != many || many > 12 {
			t.Errorf("%s: 2 cost %d statements, 20 cost %d", name, few, many)
		}
	}
}

// A pace is kept by the user of the key, of one contact, until the time is over.
func TestPace(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Ana", "phone:+31612345678")
	c, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: ch.ID,
		Participants: []thread.NewParticipant{{Contact: contact.ID}}}, nil)
	w.Must(err)
	record := func() (core.Sent, error) {
		return w.Core.Send(t.Context(), w.Admin, core.SendParams{To: core.To{Conversation: c.ID}, Body: coretest.Text("x"),
			Record: &core.Record{Direction: parley.Inbound, Pace: limits.Pace{Max: 2, Per: time.Minute}}})
	}
	for n := range 2 {
		sent, err := record()
		if w.Must(err); sent.Pace.Max != 2 || sent.Pace.Used != n+1 || sent.Pace.Until.Before(w.Now()) {
			t.Errorf("the %dth stands at %+v", n+1, sent.Pace)
		}
	}
	_, err = record()
	w.Refused(err, parley.KindRateLimited, limits.CodeRecords)
	w.Say(w.Admin, core.To{Conversation: c.ID}, "what is sent is not counted")
	w.Advance(time.Minute)
	sent, err := record()
	if w.Must(err); sent.Pace.Used != 1 {
		t.Errorf("in the next minute it stands at %+v", sent.Pace)
	}
}
