package proof

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/parley-server/parley/api"
)

// load is clients at work. It goes on while the server is down.
type load struct {
	world  *world
	ledger *ledger
	pause  time.Duration // between two calls of a worker, on average
	found  *findings     // nil: what was accepted is looked for in the end only
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startLoad starts workers, each with random numbers of its own.
func startLoad(w *world, l *ledger, random *rand.Rand, workers int, pause time.Duration) *load {
	ctx, cancel := context.WithCancel(context.Background())
	load := &load{world: w, ledger: l, pause: pause, ctx: ctx, cancel: cancel}
	for n := range workers {
		o := w.organizations[n%len(w.organizations)]
		k := &worker{load: load, o: o, random: rand.New(rand.NewPCG(random.Uint64(), uint64(n)))}
		load.start(k.work)
	}
	return load
}

// start adds a worker, which ends with the context.
func (l *load) start(work func(ctx context.Context)) { l.done.Go(func() { work(l.ctx) }) }

// stop lets the workers finish the calls in hand.
func (l *load) stop() {
	l.cancel()
	l.done.Wait()
}

// worker is one client after the other, in one organization.
type worker struct {
	load   *load
	o      *organization
	random *rand.Rand
	past   []*entry // of late, to repeat, recall and cancel
	files  []string // uploaded, not yet sent
}

func (k *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		switch n := k.random.IntN(100); {
		case n < 70:
			k.send(ctx, k.newEntry())
		case n < 80:
			k.again(ctx)
		case n < 86:
			k.send(ctx, k.wrongEntry())
		case n < 90:
			k.receive(ctx)
		case n < 93:
			k.recall(ctx)
		case n < 95:
			k.cancelScheduled(ctx)
		case n < 97:
			k.upload(ctx)
		default:
			k.read(ctx)
		}
		if k.load.pause > 0 {
			time.Sleep(time.Duration(k.random.Int64N(int64(2 * k.load.pause))))
		}
	}
}

func (k *worker) entry(client *api.Client, request api.SendRequest) *entry {
	n := k.load.ledger.number.Add(1)
	e := &entry{organization: k.o, client: client, key: fmt.Sprintf("key-%d", n), reference: fmt.Sprintf("ref-%d", n),
		text: fmt.Sprintf("Message %d: %s", n, strings.Repeat("x", k.random.IntN(300)))}
	e.request = request
	e.request.Body, e.request.Reference = api.Text(e.text), e.reference
	return e
}

// newEntry is a message of any kind.
func (k *worker) newEntry() *entry {
	r, o := k.random, k.o
	user := o.users[r.IntN(len(o.users))]
	other := o.users[r.IntN(len(o.users))]
	for other == user {
		other = o.users[r.IntN(len(o.users))]
	}
	request, client := api.SendRequest{Priority: []api.Priority{"", "", api.PriorityLow, api.PriorityHigh}[r.IntN(4)]}, user.client
	switch n := r.IntN(100); {
	case n < 60:
		request.To = api.Recipient{Contact: o.contacts[r.IntN(len(o.contacts))], Channel: o.channels[r.IntN(len(o.channels))].id}
	case n < 75:
		request.To.User = other.id
	case n < 80:
		request.To.Users = []string{other.id, o.users[0].id, o.users[3].id}
		request.Group = &api.NewGroup{Name: "A group"}
	case n < 88:
		request.To.Team, client = o.team, o.users[r.IntN(3)].client
	case n < 90:
		request.To.Broadcast, client = o.broadcast, o.admin
	case n < 95:
		request.To = api.Recipient{Contact: o.contacts[r.IntN(len(o.contacts))], Channel: o.channels[0].id}
		request.SendAt = api.NewTime(time.Now().Add(time.Duration(200+r.IntN(2500)) * time.Millisecond))
	default:
		request.To = api.Recipient{Contact: o.contacts[r.IntN(len(o.contacts))]}
		request.TTL, request.Tags = int64(1+r.IntN(3)), []string{"short-lived"}
	}
	e := k.entry(client, request)
	if len(k.files) > 0 && request.To.User != "" && r.IntN(2) == 0 {
		e.client, e.request.To.User = o.admin, user.id // whoever uploaded a file may attach it
		e.request.Attachments, k.files = k.files[:1], k.files[1:]
	}
	return e
}

// wrongEntry is a request that the server must refuse and keep nothing of.
func (k *worker) wrongEntry() *entry {
	r, o := k.random, k.o
	to := api.Recipient{Contact: o.contacts[0], Channel: o.channels[0].id}
	var e *entry
	switch r.IntN(6) {
	case 0:
		e = k.entry(o.admin, api.SendRequest{To: api.Recipient{User: o.users[0].id, Team: o.team}})
	case 1:
		e = k.entry(o.admin, api.SendRequest{To: api.Recipient{Contact: o.users[0].id}})
	case 2:
		e = k.entry(o.admin, api.SendRequest{To: to, TTL: -1})
	case 3:
		e = k.entry(o.admin, api.SendRequest{To: to})
		e.key = strings.Repeat("k", 256)
	case 4:
		e = k.entry(o.admin, api.SendRequest{To: to})
		e.request.Body = api.Text("a\x00b")
	default:
		e = k.entry(o.admin, api.SendRequest{To: to})
		if old := k.accepted(func(e *entry) bool { return e.client == o.admin && e.inbound == nil }); old != nil {
			e.key = old.key // of another request
		} else {
			e.request.Body = nil
		}
	}
	e.wrong = true
	return e
}

// accepted returns a late entry that was accepted and that fits; nil: none of a few tries.
func (k *worker) accepted(fits func(e *entry) bool) *entry {
	for range min(len(k.past), 8) {
		if e := k.past[k.random.IntN(len(k.past))]; fits(e) && e.first().accepted() {
			return e
		}
	}
	return nil
}

func (e *entry) first() answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.answers {
		if a.accepted() {
			return a
		}
	}
	return answer{}
}

// send makes the call of an entry; now and then twice at the same time.
func (k *worker) send(ctx context.Context, e *entry) {
	k.load.ledger.add(e)
	if !e.wrong {
		k.past = append(k.past, e)
		if len(k.past) > 100 {
			k.past = k.past[len(k.past)-60:]
		}
	}
	if k.random.IntN(20) == 0 {
		var twin sync.WaitGroup
		twin.Go(func() { e.try(ctx, 0) })
		e.try(ctx, 0)
		twin.Wait()
		return
	}
	if a := e.try(ctx, k.patience()); a.accepted() && k.load.found != nil && k.random.IntN(4) == 0 {
		k.lookFor(ctx, e, a.id)
	}
}

// lookFor looks for a message that was accepted, which is there at once, wherever it is asked for.
func (k *worker) lookFor(ctx context.Context, e *entry, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	var refused *api.Error
	if _, err := k.o.admin.GetMessage(ctx, id); errors.As(err, &refused) && refused.HTTPStatus < 500 {
		k.load.found.add("%s: message %s was accepted, and asked for at once: %d %s", e.reference, id, refused.HTTPStatus, refused.Code)
	}
	if e.inbound != nil || e.request.TTL > 0 || !e.request.SendAt.IsZero() {
		return
	}
	list, err := k.o.admin.ListMessages(ctx, api.MessageFilter{Reference: e.reference})
	if errors.As(err, &refused) && refused.HTTPStatus < 500 || err == nil && len(list.Data) == 0 {
		k.load.found.add("%s: message %s was accepted, and is not listed at once: %v", e.reference, id, err)
	}
}

// patience is after how long a client gives a call up; 0: it waits.
func (k *worker) patience() time.Duration {
	if k.random.IntN(6) > 0 {
		return 0
	}
	return time.Duration(k.random.IntN(6000)) * time.Microsecond
}

// try makes the call of an entry and writes the answer down.
func (e *entry) try(ctx context.Context, patience time.Duration) answer {
	a := e.call(ctx, patience)
	e.note(a)
	if a.status == 0 || a.status >= 500 {
		time.Sleep(20 * time.Millisecond) // the server is down, or busy
	}
	return a
}

// call makes the call of an entry. A worker that stops still waits for the answer.
func (e *entry) call(ctx context.Context, patience time.Duration) answer {
	if patience == 0 {
		patience = callLimit
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var head api.Answer
	var m *api.Message
	var err error
	if e.inbound != nil {
		m, err = e.client.PlayInbound(ctx, *e.inbound, api.IdempotencyKey(e.key), api.WithAnswer(&head))
	} else {
		m, err = e.client.Send(ctx, e.request, api.IdempotencyKey(e.key), api.WithAnswer(&head))
	}
	a := answer{asked: true, at: time.Now(), replayed: head.Replayed}
	var refused *api.Error
	switch {
	case err == nil:
		a.status, a.id, a.conversation = head.Status, m.ID, m.ConversationID
	case errors.As(err, &refused):
		a.status, a.code, a.detail, a.wait = refused.HTTPStatus, refused.Code, refused.Detail, refused.RetryAfter
	}
	return a
}

const callLimit = 20 * time.Second

// again repeats a request with its key, whether it was answered or not.
func (k *worker) again(ctx context.Context) {
	if len(k.past) == 0 {
		return
	}
	k.past[k.random.IntN(len(k.past))].try(ctx, 0)
}

// receive plays a message from outside; the provider repeats some.
func (k *worker) receive(ctx context.Context) {
	e := k.entry(k.o.admin, api.SendRequest{})
	e.inbound = &api.SandboxInbound{Channel: k.o.channels[k.random.IntN(len(k.o.channels))].id, Contact: k.o.contacts[k.random.IntN(len(k.o.contacts))],
		Body: api.Text(e.text), ProviderID: "in-" + e.reference}
	k.send(ctx, e)
	if k.random.IntN(3) == 0 {
		e.try(ctx, 0)
	}
}

// recall takes an accepted message back.
func (k *worker) recall(ctx context.Context) {
	e := k.accepted(func(e *entry) bool { return e.inbound == nil && e.request.To.Broadcast == "" })
	if e == nil {
		return
	}
	e.settle(&e.recalled, func(ctx context.Context) error {
		_, err := e.client.RecallMessage(ctx, e.first().id)
		return err
	})
}

func (k *worker) cancelScheduled(ctx context.Context) {
	e := k.accepted(func(e *entry) bool { return !e.request.SendAt.IsZero() })
	if e == nil {
		return
	}
	e.settle(&e.canceled, func(ctx context.Context) error {
		_, err := e.client.CancelMessage(ctx, e.first().id)
		return err
	})
}

// settle makes a call about an entry's message and writes down what came of it.
func (e *entry) settle(into *answer, call func(ctx context.Context) error) {
	e.mu.Lock()
	if into.asked {
		e.mu.Unlock()
		return
	}
	into.asked = true
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	err := call(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	into.at = time.Now()
	var refused *api.Error
	if err == nil {
		into.status = 200
	} else if errors.As(err, &refused) {
		into.status = refused.HTTPStatus
	}
}

func (k *worker) upload(ctx context.Context) {
	content := fmt.Sprintf("file %d of %s\n%s", k.load.ledger.number.Add(1), k.o.id, strings.Repeat("line\n", k.random.IntN(2000)))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	m, err := k.o.admin.UploadMedia(ctx, "file.txt", "text/plain", strings.NewReader(content))
	if err != nil {
		return
	}
	k.load.ledger.addFile(&upload{organization: k.o, id: m.ID, content: content, at: time.Now()})
	k.files = append(k.files, m.ID)
}

// read makes calls that only look, beside the others.
func (k *worker) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	if k.random.IntN(2) == 0 {
		_, _ = k.o.admin.ListConversations(ctx, api.ConversationFilter{})
		return
	}
	_, _ = k.o.users[0].client.ListMessages(ctx, api.MessageFilter{})
}
