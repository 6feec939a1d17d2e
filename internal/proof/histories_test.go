package proof

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// TestHistories: to whoever writes to a conversation and reads it, over any of three nodes, they are one server that does
// one thing after another: its thread, how many messages it has and the event log are always those of one moment.
func TestHistories(t *testing.T) { proveHistories(t, 3*time.Second, false) }

// TestProveHistories is its long form, in which nodes are killed.
func TestProveHistories(t *testing.T) {
	long(t)
	proveHistories(t, 40*time.Second, true)
}

func proveHistories(t *testing.T, d time.Duration, kills bool) {
	nodes := newFleet(t, binary(t, ""), newPostgres(t), 3)
	s := newStageOf(nodes, 2)
	var f findings
	nodes.histories(s, nodes.hear(s, &f, !kills), d, kills).judge(t, &f, "conversations", timelines)
	f.report(t, "in the end")
}

// TestProveSerializableHistories: also where an operator has PostgreSQL end transactions that get in each other's way, which
// are run again.
func TestProveSerializableHistories(t *testing.T) {
	long(t)
	nodes := newFleet(t, binary(t, ""), newPostgres(t, "default_transaction_isolation = 'serializable'"), 3)
	s := newStageOf(nodes, 2)
	var f findings
	nodes.histories(s, nodes.hear(s, &f, false), 10*time.Second, false).judge(t, &f, "conversations", timelines)
	f.report(t, "in the end")
}

// TestTwins: of the requests with one idempotency key, made at the same time of different nodes, one makes a message, and
// all others, also later ones, are told of it.
func TestTwins(t *testing.T) { proveTwins(t, 3*time.Second, false) }

// TestProveTwins is its long form, in which nodes are killed.
func TestProveTwins(t *testing.T) {
	long(t)
	proveTwins(t, 20*time.Second, true)
}

func proveTwins(t *testing.T, d time.Duration, kills bool) {
	nodes := newFleet(t, binary(t, ""), newPostgres(t), 3)
	var f findings
	s := newStageOf(nodes, 2)
	nodes.twins(s, nodes.hear(s, &f, !kills), d, kills).judge(t, &f, "keys", keys)
	tables := nodes.nodes[0].tables(t)
	defer tables.close()
	tables.check(&f)
	f.report(t, "in the end")
}

// TestProveSabotagedHistories: where nodes change an organization at the same time, or answer before they have committed, calls
// have no order.
func TestProveSabotagedHistories(t *testing.T) {
	long(t)
	for _, sabotage := range []string{"keys-untaken", "answer-before-commit"} {
		t.Run(sabotage, func(t *testing.T) {
			nodes := newFleet(t, binary(t, "sabotage"), newPostgres(t), 3)
			s := newStageOf(nodes, 2)
			var others, f findings
			all := nodes.hear(s, &others, true)
			nodes.sabotage(sabotage)
			nodes.histories(s, all, 5*time.Second, false).judge(t, &f, "conversations", timelines)
			f.expect(t, "conversations: Illegal")
		})
	}
}

// TestProveSabotagedTwins: where keys are forgotten, or not seen for a moment, twins make more than one message.
func TestProveSabotagedTwins(t *testing.T) {
	long(t)
	for _, sabotage := range []string{"keys-unkept", "keys-late"} {
		t.Run(sabotage, func(t *testing.T) {
			nodes := newFleet(t, binary(t, "sabotage"), newPostgres(t), 3)
			s := newStageOf(nodes, 2)
			var others, f findings
			all := nodes.hear(s, &others, true)
			nodes.sabotage(sabotage)
			nodes.twins(s, all, 5*time.Second, false).judge(t, &f, "keys", keys)
			f.expect(t, "keys: Illegal")
		})
	}
}

// sabotage has nodes break a promise, once everything was made that a proof needs.
func (f *fleet) sabotage(name string) {
	f.stop()
	for _, node := range f.nodes {
		node.env = append(node.env, "PARLEY_SABOTAGE="+name)
		node.start()
	}
}

// hearing is clients at a conversation, one for each node, and what is written down of them.
type hearing struct {
	journal      *journal
	found        *findings
	organization *organization
	conversation string
	nodes        []*api.Client
	calm         bool // no node is killed: every call gets an answer
}

// hear makes a conversation of some users in each organization.
func (f *fleet) hear(s *stage, found *findings, calm bool) (all []*hearing) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	j := newJournal()
	for _, o := range s.world.organizations {
		c, err := o.admin.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup,
			Participants: []api.NewParticipant{{User: o.users[0].id}, {User: o.users[1].id}}})
		if err != nil {
			s.t.Fatal(err)
		}
		h := &hearing{journal: j, found: found, organization: o, conversation: c.ID, calm: calm}
		for _, node := range f.nodes {
			h.nodes = append(h.nodes, client(s.t, node.url(), o.secret))
		}
		all = append(all, h)
	}
	return all
}

// during has work done by many at a time, each with random numbers of its own, and kills nodes meanwhile.
func (f *fleet) during(s *stage, found *findings, d time.Duration, kills bool, work ...func(ctx context.Context, r *rand.Rand)) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var working sync.WaitGroup
	for n, one := range work {
		r := rand.New(rand.NewPCG(s.random.Uint64(), uint64(n)))
		working.Go(func() {
			for ctx.Err() == nil {
				one(ctx, r)
				time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
			}
		})
	}
	if kills {
		s.t.Logf("%d nodes killed", f.kill(ctx, s, found))
		f.await(found)
	}
	working.Wait()
}

// histories has clients write to conversations and look at them, over all nodes, for a while.
func (f *fleet) histories(s *stage, all []*hearing, d time.Duration, kills bool) *journal {
	var work []func(ctx context.Context, r *rand.Rand)
	for _, h := range all {
		posts := 0
		var mu sync.Mutex
		for range 4 {
			work = append(work, func(ctx context.Context, r *rand.Rand) {
				mu.Lock()
				posts++
				reference := fmt.Sprintf("post-%d", posts)
				mu.Unlock()
				h.post(ctx, h.node(r), reference)
			})
		}
		for range 2 {
			log := &logReader{}
			work = append(work, func(ctx context.Context, r *rand.Rand) {
				switch r.IntN(4) {
				case 0:
					h.count(ctx, h.node(r), r.IntN(2) == 0)
				case 1:
					h.log(ctx, h.node(r), log)
				default:
					h.thread(ctx, h.node(r), 1+r.IntN(40))
				}
			})
		}
	}
	f.during(s, all[0].found, d, kills, work...)
	for _, h := range all {
		for _, node := range h.nodes {
			h.thread(s.t.Context(), node, 200)
			h.count(s.t.Context(), node, true)
		}
		h.forget(s.t.Context())
	}
	return all[0].journal
}

func (h *hearing) node(r *rand.Rand) *api.Client { return h.nodes[r.IntN(len(h.nodes))] }

// limited is the context of a call that is waited for also when the work is over.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), callLimit)
}

// unanswered reports a call of which nobody knows what came of it, as may be while nodes are killed. Any other that failed is
// a finding.
func (h *hearing) unanswered(what string, err error) bool {
	var refused *api.Error
	switch {
	case errors.As(err, &refused) && (h.calm || refused.HTTPStatus <= 500):
		h.found.add("%s is answered %d %s %s", what, refused.HTTPStatus, refused.Code, refused.Detail)
	case err != nil && h.calm:
		h.found.add("%s is not answered: %v", what, err)
	}
	return err != nil
}

func (h *hearing) post(ctx context.Context, node *api.Client, reference string) {
	ctx, cancel := limited(ctx)
	defer cancel()
	h.journal.note(post{h.conversation, reference}, func() any {
		m, err := node.SendToConversation(ctx, h.conversation, api.SendRequest{Body: api.Text("hello"), Reference: reference})
		if h.unanswered("a send", err) {
			return nil
		}
		return m.Sequence
	})
}

// look looks at something of the conversation. A look without an answer tells nothing.
func (h *hearing) look(asked look, see func() (seen, error)) {
	asked.conversation = h.conversation
	from := time.Since(h.journal.began)
	told, err := see()
	to := time.Since(h.journal.began)
	if !h.unanswered(asked.at, err) {
		h.journal.add(asked, from, told, to)
	}
}

func (h *hearing) thread(ctx context.Context, node *api.Client, limit int) {
	ctx, cancel := limited(ctx)
	defer cancel()
	h.look(look{at: "thread", limit: limit}, func() (told seen, err error) {
		page, err := node.ListConversationMessages(ctx, h.conversation, api.Page{Limit: limit})
		if err != nil {
			return told, err
		}
		for _, m := range slices.Backward(page.Data) {
			told.lines = append(told.lines, line{m.Sequence, m.Reference})
			told.last = m.Sequence
		}
		return told, nil
	})
}

// count asks for the conversation by itself or in the list.
func (h *hearing) count(ctx context.Context, node *api.Client, listed bool) {
	ctx, cancel := limited(ctx)
	defer cancel()
	h.look(look{at: "count"}, func() (seen, error) {
		if !listed {
			c, err := node.GetConversation(ctx, h.conversation)
			if err != nil {
				return seen{}, err
			}
			return seen{last: c.LastSequence}, nil
		}
		page, err := node.ListConversations(ctx, api.ConversationFilter{Kind: string(api.ConversationGroup)})
		if err != nil {
			return seen{}, err
		}
		if len(page.Data) != 1 {
			return seen{}, fmt.Errorf("%d conversations", len(page.Data))
		}
		return seen{last: page.Data[0].LastSequence}, nil
	})
}

// logReader is how far somebody has read the event log.
type logReader struct {
	through, messages int64
}

// log reads on in the event log.
func (h *hearing) log(ctx context.Context, node *api.Client, from *logReader) {
	ctx, cancel := limited(ctx)
	defer cancel()
	h.look(look{at: "events", after: from.messages}, func() (seen, error) {
		page, err := node.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(from.through), Limit: 1000})
		if err != nil {
			return seen{}, err
		}
		told := seen{last: from.messages, more: page.Next != nil}
		for n, e := range page.Data {
			if e.Sequence != from.through+int64(n)+1 {
				h.found.add("event %d is number %d after %d", e.Sequence, n+1, from.through)
			}
			if e.Type == api.EventMessageCreated && e.Data.ConversationID == h.conversation {
				told.lines = append(told.lines, line{e.Data.Message.Sequence, e.Data.Message.Reference})
				told.last++
			}
		}
		from.through, from.messages = page.Through, told.last
		return told, nil
	})
}

// forget leaves out of the journal what was asked for without an answer and never happened, as everybody could have seen who
// has looked since: so there are fewer orders to try.
func (h *hearing) forget(ctx context.Context) {
	stored := map[string]bool{}
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return h.nodes[0].ListConversationMessages(ctx, h.conversation, api.Page{Limit: 200, After: after})
	}) {
		if err != nil {
			h.found.add("listing messages: %v", err)
			return
		}
		stored[m.Reference] = true
	}
	h.journal.forget(func(asked any) bool {
		p, ok := asked.(post)
		return ok && p.conversation == h.conversation && !stored[p.reference]
	})
}

// twins has clients make requests with the same key, over all nodes, for a while.
func (f *fleet) twins(s *stage, all []*hearing, d time.Duration, kills bool) *journal {
	var work []func(ctx context.Context, r *rand.Rand)
	for n := range 6 {
		h, count := all[n%len(all)], 0
		work = append(work, func(ctx context.Context, r *rand.Rand) {
			count++
			h.twin(ctx, r, fmt.Sprintf("twin-%d-%d", n, count))
		})
	}
	f.during(s, all[0].found, d, kills, work...)
	return all[0].journal
}

// twin makes one request of several nodes at the same time, and then of all, and looks for its message.
func (h *hearing) twin(ctx context.Context, r *rand.Rand, key string) {
	ctx, cancel := limited(ctx)
	defer cancel()
	request := h.request(r, key)
	send := func(node *api.Client) {
		h.journal.note(twin{key: key}, func() any {
			var head api.Answer
			m, err := node.Send(ctx, request, api.IdempotencyKey(key), api.WithAnswer(&head))
			if h.unanswered("a twin", err) {
				return nil
			}
			return made{m.ID, head.Replayed}
		})
	}
	var twins sync.WaitGroup
	for range 2 + r.IntN(3) {
		node := h.node(r)
		twins.Go(func() { send(node) })
	}
	if request.SendAt.IsZero() {
		h.find(ctx, h.node(r), key)
	}
	twins.Wait()
	for _, node := range h.nodes {
		send(node)
		if request.SendAt.IsZero() {
			h.find(ctx, node, key)
		}
	}
}

// request is one that takes the hot path, one that makes a contact or finds it, or one for later.
func (h *hearing) request(r *rand.Rand, key string) api.SendRequest {
	request := api.SendRequest{To: api.Recipient{Conversation: h.conversation}, Body: api.Text("hello"), Reference: key}
	switch r.IntN(4) {
	case 0:
		request.To = api.Recipient{Address: "email:" + key + "@example.org"}
	case 1:
		request.To = api.Recipient{Contact: h.organization.contacts[r.IntN(contactsEach)], Channel: h.organization.channels[0].id}
	case 2:
		request.SendAt = api.NewTime(time.Now().Add(time.Hour))
	}
	return request
}

// find looks for the message of a key.
func (h *hearing) find(ctx context.Context, node *api.Client, key string) {
	from := time.Since(h.journal.began)
	page, err := node.ListMessages(ctx, api.MessageFilter{Reference: key})
	to := time.Since(h.journal.began)
	if h.unanswered("a search", err) {
		return
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	h.journal.add(twin{key: key, find: true}, from, made{id: strings.Join(ids, " and ")}, to)
}
