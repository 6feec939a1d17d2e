package thread_test

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// crowd is an organization with many conversations, half of them outside on ten closed channels, half between
// members. One user is a member of one small channel and takes part in as many conversations: one of a hundred in
// all.
type crowd struct {
	*coretest.World
	user     *access.Principal
	others   []*access.Principal
	contact  parley.ID   // of one of the user's conversations
	mine     []parley.ID // that the user sees
	messages int
}

func newCrowd(t testing.TB, w *coretest.World, conversations, perConversation int) *crowd {
	c := &crowd{World: w, user: w.User(w.Admin, "ana"), others: w.Users(w.Admin, "ben", "cleo", "dora", "eve")}
	others := c.others
	var channels []parley.ID
	for i := range 10 {
		member := others[i%4].User
		if i == 0 {
			member = c.user.User
		}
		channels = append(channels, w.Channel(w.Admin, "sms", member).ID)
	}
	now := w.Now().Add(-24 * time.Hour)
	var batch []*store.Append
	for i := 0; i < conversations; i += 100 {
		w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
			batch = batch[:0]
			for n := i; n < min(i+100, conversations); n++ {
				a, err := c.conversation(tx, n, channels, others, now)
				if err != nil {
					return err
				}
				batch = append(batch, a)
			}
			return nil
		}))
		for range perConversation { // in turns, so that the newest are of all
			w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
				var round []*store.Append
				for _, a := range batch {
					copied := *a
					copied.Message.ID = parley.NewID(now)
					c.messages++
					copied.Message.SentAt = now.Add(time.Duration(c.messages*7919%(conversations*perConversation)) * 80 * time.Millisecond)
					round = append(round, &copied)
				}
				return tx.Append(round...)
			}))
		}
	}
	return c
}

// conversation makes the n-th, and the first message of it.
func (c *crowd) conversation(tx *store.Tx, n int, channels []parley.ID, others []*access.Principal, now time.Time) (*store.Append, error) {
	o := c.Admin.Organization
	conversation := parley.Conversation{ID: parley.NewID(now), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen, Inbox: true}
	m := parley.Message{Conversation: conversation.ID, Kind: parley.KindMessage, Direction: parley.NoDirection, Author: others[n%4].Actor(), Actor: others[n%4].Actor(),
		Body: coretest.Text(strings.Repeat("lorem ipsum ", 16)), Recorded: n%2 == 0, RecordedState: parley.Delivered}
	participants := []parley.Participant{{Kind: parley.ActorUser, ID: others[n%4].User}, {Kind: parley.ActorUser, ID: others[(n+1)%4].User}}
	mine := n%200 == 0 || n%200 == 101
	if n%2 == 0 {
		at := 1 + n/2%9
		if mine {
			at = 0
		}
		contact := parley.NewID(now)
		conversation.Kind, conversation.Visibility, conversation.Channel = parley.ConversationExternal, parley.VisibleToOrganization, channels[at]
		participants = []parley.Participant{{Kind: parley.ActorContact, ID: contact, Name: "Yan", Address: parley.Address{Kind: "phone", Value: fmt.Sprintf("+316%09d", n)}}}
		m.Channel, m.Platform, m.Direction, m.Author = channels[at], "sms", parley.Inbound, parley.Actor{Kind: parley.ActorContact, ID: contact}
		if mine {
			c.contact = contact
		}
		if n%600 == 0 { // somebody answers
			m.Direction, m.Author = parley.Outbound, m.Actor
		}
	} else if mine {
		participants[1].ID = c.user.User
	}
	if n%50 == 0 {
		conversation.Status = parley.StatusClosed
	}
	if mine {
		c.mine = append(c.mine, conversation.ID)
	}
	if n%400 == 0 {
		conversation.Tags, m.Tags, m.Reference = []string{"vip"}, []string{"vip"}, "order-17"
	}
	if err := tx.InsertConversation(o, &conversation); err != nil {
		return nil, err
	}
	return &store.Append{Organization: o, Message: m}, tx.AddParticipants(o, conversation.ID, participants)
}

// asked are the questions that are measured, by name.
func (c *crowd) asked() map[string]func() (int, error) {
	t := c.T
	conversations := func(p *access.Principal, f thread.ConversationFilter, after string) func() (int, error) {
		return func() (int, error) {
			page, _, err := c.Conversations(t.Context(), p, f, after, 50)
			return len(page), err
		}
	}
	messages := func(p *access.Principal, f thread.MessageFilter, after string) func() (int, error) {
		return func() (int, error) {
			page, _, err := c.Messages(t.Context(), p, f, after, 50)
			return len(page), err
		}
	}
	deep, deepMessages := "", ""
	for range 5 {
		var err error
		_, deep, err = c.Conversations(t.Context(), c.user, thread.ConversationFilter{}, deep, 20)
		c.Must(err)
		_, deepMessages, err = c.Messages(t.Context(), c.user, thread.MessageFilter{}, deepMessages, 50)
		c.Must(err)
	}
	yes := true
	return map[string]func() (int, error){
		"conversations":                    conversations(c.user, thread.ConversationFilter{}, ""),
		"conversations, further":           conversations(c.user, thread.ConversationFilter{}, deep),
		"conversations in the inbox":       conversations(c.user, thread.ConversationFilter{Inbox: &yes, Status: parley.StatusOpen}, ""),
		"conversations closed":             conversations(c.user, thread.ConversationFilter{Status: parley.StatusClosed}, ""),
		"conversations outside":            conversations(c.user, thread.ConversationFilter{Kind: parley.ConversationExternal}, ""),
		"conversations unassigned":         conversations(c.user, thread.ConversationFilter{Unassigned: true}, ""),
		"conversations with a tag":         conversations(c.user, thread.ConversationFilter{Tag: "vip"}, ""),
		"conversations with a contact":     conversations(c.user, thread.ConversationFilter{Participant: c.contact}, ""),
		"conversations with an address":    conversations(c.user, thread.ConversationFilter{Address: parley.Address{Kind: "phone", Value: "+316000000000"}}, ""),
		"conversations of all":             conversations(c.Admin, thread.ConversationFilter{}, ""),
		"messages":                         messages(c.user, thread.MessageFilter{}, ""),
		"messages, further":                messages(c.user, thread.MessageFilter{}, deepMessages),
		"messages inbound":                 messages(c.user, thread.MessageFilter{Direction: parley.Inbound}, ""),
		"messages of a conversation":       messages(c.user, thread.MessageFilter{Conversation: c.mine[0]}, ""),
		"messages by a contact":            messages(c.user, thread.MessageFilter{Sender: c.contact}, ""),
		"messages by a user":               messages(c.user, thread.MessageFilter{Sender: c.others[0].User}, ""),
		"messages of all, by a user":       messages(c.Admin, thread.MessageFilter{Sender: c.others[0].User}, ""),
		"messages with a tag":              messages(c.user, thread.MessageFilter{Tag: "vip"}, ""),
		"messages with a reference":        messages(c.user, thread.MessageFilter{Reference: "order-17"}, ""),
		"messages of an hour":              messages(c.user, thread.MessageFilter{Since: c.Now().Add(-24 * time.Hour), Until: c.Now()}, ""),
		"messages of all":                  messages(c.Admin, thread.MessageFilter{}, ""),
		"messages of all, of one platform": messages(c.Admin, thread.MessageFilter{Platform: "fax"}, ""),
		"a thread": func() (int, error) {
			page, _, err := c.Thread(t.Context(), c.user, c.mine[len(c.mine)/2], "", 50)
			return len(page), err
		},
	}
}

// measure returns the best time and the 95th percentile of each question, and how much it answers.
func (c *crowd) measure(times int) (best, p95 map[string]time.Duration, found map[string]int) {
	best, p95, found = map[string]time.Duration{}, map[string]time.Duration{}, map[string]int{}
	for name, ask := range c.asked() {
		took := make([]time.Duration, times)
		for i := range took {
			began := time.Now()
			n, err := ask()
			took[i] = time.Since(began)
			c.Must(err)
			found[name] = n
		}
		slices.Sort(took)
		best[name], p95[name] = took[0], took[times*95/100]
	}
	return best, p95, found
}

// TestProveLists: lists by a user who sees one of a hundred conversations do not grow with what is stored, up to a
// million messages. Of times only ratios are compared, and of them the best: others may be at work on the machine.
// Absolute figures are measured by parley bench.
func TestProveLists(t *testing.T) {
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
	const growth = 25 // at most, of what takes longest, while a hundred times as much is stored and seen
	var first map[string]time.Duration
	for _, conversations := range []int{1000, 10_000, 100_000} {
		w := coretest.New(t)
		began := time.Now()
		c := newCrowd(t, w, conversations, 10)
		t.Logf("%d messages in %d conversations, %d of them seen, made in %s", c.messages, conversations, len(c.mine), time.Since(began).Round(time.Second))
		best, p95, found := c.measure(100)
		if first == nil {
			first = best
		}
		names := make([]string, 0, len(p95))
		for name := range p95 {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			t.Logf("%-36s best %8s p95 %8s  %d", name, best[name].Round(10*time.Microsecond), p95[name].Round(10*time.Microsecond), found[name])
			if best[name] > growth*first[name] {
				t.Errorf("%s: %s at %d messages, %s at the first size", name, best[name], c.messages, first[name])
			}
		}
	}
}

// TestListsDoNotGrow: ten times as much stored, and seen, does not make lists much slower. The best times are
// compared, since others may be at work on the machine. What finds nothing looks at up to 2,000 messages, of which the
// small organization has not so many.
func TestListsDoNotGrow(t *testing.T) {
	few, many := newCrowd(t, coretest.New(t), 100, 5), newCrowd(t, coretest.New(t), 1000, 5)
	small, large := map[string]time.Duration{}, map[string]time.Duration{}
	var slower []string
	for range 10 {
		keepBest(small, few)
		keepBest(large, many)
		slower = slower[:0]
		for name, was := range small {
			if name == "messages of all, by a user" || name == "messages of all, of one platform" {
				continue
			}
			if is := large[name]; is > 8*was+20*time.Millisecond {
				slower = append(slower, fmt.Sprintf("%s: %s with 500 messages, %s with 5,000", name, was, is))
			}
		}
		if len(slower) == 0 {
			return
		}
	}
	t.Error(strings.Join(slower, "\n"))
}

// keepBest measures a crowd, and keeps the best times so far.
func keepBest(best map[string]time.Duration, c *crowd) {
	now, _, _ := c.measure(5)
	for name, took := range now {
		if was, known := best[name]; !known || took < was {
			best[name] = took
		}
	}
}
