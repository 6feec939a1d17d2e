package core_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// recording is a customer with conversations, whose messages are recorded.
type recording struct {
	*coretest.World
	t             *testing.T
	customer      parley.Contact
	conversations []parley.ID
}

func newRecording(t *testing.T) *recording {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	r := &recording{World: w, t: t, customer: w.Contact(w.Admin, "Ana", "phone:+31612345678")}
	for range 2 {
		c, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: ch.ID,
			Participants: []thread.NewParticipant{{Contact: r.customer.ID}}}, nil)
		w.Must(err)
		r.conversations = append(r.conversations, c.ID)
	}
	return r
}

// record records what came in, with changes.
func (r *recording) record(change func(*core.SendParams)) (core.Sent, error) {
	params := core.SendParams{To: core.To{Conversation: r.conversations[0]}, Body: coretest.Text("x"), Record: &core.Record{Direction: parley.Inbound, OfCustomer: true}}
	if change != nil {
		change(&params)
	}
	return r.Core.Send(r.t.Context(), r.Admin, params)
}

func (r *recording) recorded(change func(*core.SendParams)) core.Sent {
	r.t.Helper()
	sent, err := r.record(change)
	r.Must(err)
	return sent
}

// A record takes the hot path: what is counted and named costs two statements more.
func TestRecordsTakeTheHotPath(t *testing.T) {
	r := newRecording(t)
	r.recorded(nil)
	plain := r.Statements(func() { r.recorded(nil) })
	n := 0
	whole := r.Statements(func() {
		r.recorded(func(p *core.SendParams) {
			n++
			p.Record.ExternalID, p.Record.Pace = fmt.Sprint(n), limits.Pace{Max: 100, Per: time.Minute}
		})
	})
	older := r.Statements(func() { r.recorded(func(p *core.SendParams) { p.Record.SentAt = r.Now().Add(-time.Hour) }) })
	r.Say(r.Admin, core.To{Conversation: r.conversations[0]}, "x")
	sent := r.Statements(func() { r.Say(r.Admin, core.To{Conversation: r.conversations[0]}, "x") })
	if plain > sent || whole > plain+2 || older > plain+1 {
		t.Errorf("a send costs %d statements, a record %d, a whole one %d, an older one %d", sent, plain, whole, older)
	}
}

// What has changed since a route was remembered is seen: the customer's name, what status the conversation has, who takes part.
func TestRecordsSeeWhatHasChanged(t *testing.T) {
	r := newRecording(t)
	for range 2 {
		if author := r.recorded(nil).Message.Author; author.Kind != parley.ActorContact || author.ID != r.customer.ID || author.Name != "Ana" {
			t.Errorf("the author is %+v", author)
		}
	}
	name := "Ana Silva"
	_, err := r.Directory.UpdateContact(t.Context(), r.Admin, r.customer.ID, directory.ContactPatch{Name: &name}, 0)
	r.Must(err)
	if author := r.recorded(nil).Message.Author; author.Name != name {
		t.Errorf("after a change of the name the author is %+v", author)
	}
	closed := parley.StatusClosed
	c, err := r.UpdateConversation(t.Context(), r.Admin, r.conversations[0], thread.ConversationPatch{Status: &closed}, 0)
	r.Must(err)
	r.recorded(func(p *core.SendParams) { p.Record.Direction = parley.Outbound; p.Reopen = parley.ReopenNever })
	if c, err = r.Conversation(t.Context(), r.Admin, c.ID); err != nil || c.Status != closed {
		t.Errorf("what went out opened it: %+v, %v", c.Status, err)
	}
	r.recorded(nil)
	if c, err = r.Conversation(t.Context(), r.Admin, c.ID); err != nil || c.Status != parley.StatusOpen {
		t.Errorf("what came in did not open it: %+v, %v", c.Status, err)
	}
	bo := r.Contact(r.Admin, "Bo", "phone:+31612345679")
	_, err = r.AddParticipant(t.Context(), r.Admin, c.ID, thread.NewParticipant{Contact: bo.ID})
	r.Must(err)
	if sent := r.recorded(nil); sent.Customer != r.customer.ID || sent.Message.Author.ID != r.customer.ID {
		t.Errorf("with two who take part it is by %+v", sent.Message.Author)
	}
}

// A record and a send take routes of their own: whoever does not want to be written to may be recorded.
func TestRecordsAreNoSends(t *testing.T) {
	r := newRecording(t)
	to := core.To{Conversation: r.conversations[0]}
	r.recorded(nil)
	r.Say(r.Admin, to, "x")
	out := true
	_, err := r.Directory.UpdateContact(t.Context(), r.Admin, r.customer.ID, directory.ContactPatch{OptedOut: &out}, 0)
	r.Must(err)
	for range 2 {
		r.recorded(nil)
		_, err = r.Core.Send(t.Context(), r.Admin, core.SendParams{To: to, Body: coretest.Text("x")})
		r.Refused(err, parley.KindInvalid, "contact-opted-out")
	}
}

// The customer that a record names must be that of the conversation, and the conversation one with a customer.
func TestRecordsOfCustomers(t *testing.T) {
	r := newRecording(t)
	bo := r.Contact(r.Admin, "Bo", "phone:+31612345679")
	note, _, err := r.CreateConversation(t.Context(), r.Admin, thread.ConversationParams{Kind: parley.ConversationNote, Visibility: parley.VisibleToOrganization}, nil)
	r.Must(err)
	for range 2 { // also on the hot path
		r.recorded(func(p *core.SendParams) { p.Record.Customer = r.customer.ID })
		_, err := r.record(func(p *core.SendParams) { p.Record.Customer = bo.ID })
		r.Refused(err, parley.KindInvalid, "not-allowed")
		_, err = r.record(func(p *core.SendParams) { p.To.Conversation = note.ID })
		r.Refused(err, parley.KindInvalid, "conversation-unknown")
	}
}

// Of many records of one customer in two conversations at once exactly as many are stored as the pace allows, and of those with one
// external id one; what is refused takes no place and no name.
func TestRecordsAtOnce(t *testing.T) {
	r := newRecording(t)
	const most = 20
	var stored, refused, named atomic.Int64
	var all sync.WaitGroup
	for n := range 60 {
		all.Go(func() {
			_, err := r.record(func(p *core.SendParams) {
				p.To.Conversation = r.conversations[n%2]
				p.Record.Pace = limits.Pace{Max: most, Per: time.Hour}
				p.Record.ExternalID = fmt.Sprint("id ", n/2) // one in each conversation
			})
			switch {
			case err == nil:
				stored.Add(1)
			case parley.IsKind(err, parley.KindRateLimited):
				refused.Add(1)
			case parley.IsKind(err, parley.KindConflict):
				named.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if stored.Load() > most || stored.Load()+refused.Load()+named.Load() != 60 {
		t.Errorf("%d are stored, %d too many, %d taken", stored.Load(), refused.Load(), named.Load())
	}
	for n := stored.Load(); n <= most; n++ {
		_, err := r.record(func(p *core.SendParams) {
			p.Record.Pace, p.Record.ExternalID = limits.Pace{Max: most, Per: time.Hour}, fmt.Sprint("more ", n)
		})
		if n < most {
			r.Must(err)
		} else {
			r.Refused(err, parley.KindRateLimited, limits.CodeRecords)
		}
	}
	total := int64(0)
	for _, id := range r.conversations {
		c, err := r.Conversation(t.Context(), r.Admin, id)
		r.Must(err)
		total += c.LastSequence
	}
	if total != most {
		t.Errorf("%d are there", total)
	}
	r.recorded(func(p *core.SendParams) { p.Record.ExternalID = fmt.Sprint("more ", most) }) // its name was not kept
}
