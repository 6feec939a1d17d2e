package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// schedule keeps the message outside of the timeline until its time comes. It has no sequence yet.
func (s *send) schedule(tx *store.Tx, a *store.Append) error {
	a.Jobs = []store.Job{{Organization: a.Organization, ID: store.JobID(store.JobPublish, string(a.Message.ID)), Kind: store.JobPublish,
		DueAt: s.params.SendAt, Message: a.Message.ID, Payload: schedulePayload(s.params)}}
	a.Deliveries = nil
	a.Events = []parley.Event{{Type: parley.EventMessageScheduled, Conversation: a.Message.Conversation, Message: a.Message.ID, Data: parley.EventData{Actor: s.p.User}}}
	return tx.InsertScheduled(a)
}

// escalates is in the payload of a message that does, which is for a role.
const escalates = "escalate"

// schedulePayload is what publishing must know beside the message.
func schedulePayload(params SendParams) string {
	payload := string(params.Reopen)
	switch {
	case params.To.Broadcast != "":
		payload += ",broadcast:" + string(params.To.Broadcast)
	case params.Escalate:
		payload += "," + escalates
	case len(params.To.Receivers) > 0:
		encoded, _ := json.Marshal(params.To.Receivers) // strings only
		payload += ",receivers:" + string(encoded)
	}
	return payload
}

// parseSchedule undoes it.
func parseSchedule(payload string) (reopening parley.ReopenPolicy, broadcast parley.ID, receivers []Receiver) {
	first, rest, _ := strings.Cut(payload, ",")
	if rest == escalates {
		return parley.ReopenPolicy(first), "", nil
	}
	if list, ok := strings.CutPrefix(rest, "receivers:"); ok {
		_ = json.Unmarshal([]byte(list), &receivers) // as it was written
	}
	return parley.ReopenPolicy(first), parley.ID(strings.TrimPrefix(rest, "broadcast:")), receivers
}

// Publish sends up to limit scheduled messages whose time has come, and says how many there were.
func (c *Core) Publish(ctx context.Context, limit int) (int, error) {
	n, err := c.store.WriteDue(ctx, store.JobPublish, limit, func(tx *store.Tx, jobs []store.Job) error {
		for _, job := range jobs {
			if err := c.publish(tx, &job); err != nil {
				return err
			}
		}
		return tx.Done(jobs)
	})
	if err == nil && n > 0 {
		c.kick()
	}
	return n, err
}

// publish moves one scheduled message into the timeline. One that may no longer be sent is canceled.
func (c *Core) publish(tx *store.Tx, job *store.Job) error {
	m, err := tx.Message(job.Organization, job.Message)
	if err != nil || m.Sequence != 0 || m.Removed != "" {
		return ignoreNotFound(err)
	}
	s, r, a, err := c.published(tx, job, &m)
	if err == nil {
		if err := tx.DeleteScheduled(job.Organization, m.ID); err != nil {
			return err
		}
		err := appendRelated(tx, a)
		if err == nil {
			err = s.notify(tx, &a.Message)
		}
		if err != nil {
			return err
		}
		if r.first {
			if err := s.answerAway(tx, r); err != nil {
				return err
			}
		}
		if err := s.escalateLate(tx, a, r); err != nil {
			return err
		}
		return s.passOn(tx, a, r)
	}
	if e := parley.AsError(err); e.Kind == parley.KindInternal || e.Kind == parley.KindUnavailable {
		return err
	}
	reason := parley.AsError(err).Code
	tx.Emit(job.Organization, parley.Event{Type: parley.EventMessageCanceled, Conversation: m.Conversation, Message: m.ID, Data: parley.EventData{Reason: reason}})
	return tx.CancelScheduled(job.Organization, m.ID, reason)
}

// escalateLate is escalate for a scheduled message, which is sent all the same where there is no policy any more: its author is
// told.
func (s *send) escalateLate(tx *store.Tx, a *store.Append, r *route) error {
	if !s.params.Escalate || r.policy != nil {
		return s.escalate(tx, a, r)
	}
	notice := parley.Notice{Kind: parley.NoticeEscalationCanceled, Reason: parley.EscalationPolicyGone}
	return tx.Append(escalation.Item(tx, s.p.Organization, a.Message.Conversation, parley.Actor{Kind: parley.ActorSystem, Name: "system"}, notice,
		"The message does not escalate: the role has no escalation policy any more."))
}

func ignoreNotFound(err error) error {
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	return err
}

// published is the scheduled message as it is sent now, by who wrote it then.
func (c *Core) published(tx *store.Tx, job *store.Job, m *parley.Message) (*send, *route, *store.Append, error) {
	user, err := tx.User(job.Organization, m.Actor.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := access.Acting(tx.Queries, job.Organization, user)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return nil, nil, nil, err
	}
	o, err := tx.Organization(job.Organization)
	if err != nil {
		return nil, nil, nil, err
	}
	s := &send{c: c, p: p, now: tx.Now, id: m.ID, policy: o.Policy, params: SendParams{
		To: To{Conversation: m.Conversation}, Body: m.Body, Internal: m.Internal, Priority: m.Priority, TTL: m.TTL, Validity: m.Validity,
		DeleteOnRead: m.DeleteOnRead, Metadata: m.Metadata, Tags: m.Tags, Reference: m.Reference, ReplyTo: m.ReplyTo,
		RequestAck: m.RequestAck, AckWithin: m.AckWithin, Fallback: m.Fallback, Batch: m.Batch, Class: m.Class, Ext: m.Ext,
		Bare: len(m.Body) == 0 && len(m.Attachments) == 0}}
	s.root, s.files, s.of = m.Root, m.Attachments, m.Template
	s.params.Links = m.Links
	if m.Author.Kind == parley.ActorRole {
		s.params.From.Role = m.Author.ID
	}
	reopening, broadcast, receivers := parseSchedule(job.Payload)
	s.params.Reopen = reopening
	s.params.Escalate = strings.HasSuffix(job.Payload, ","+escalates)
	if len(receivers) > 0 {
		s.params.To, s.into = To{Receivers: receivers, Channel: m.Channel}, m.Conversation
		broadcast = ""
	}
	r, err := s.resolve(tx)
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := s.build(r)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := s.named(tx, &r.conversation, m.Body); err != nil {
		return nil, nil, nil, err
	}
	if err := s.admit(tx, a, r); err != nil {
		return nil, nil, nil, err
	}
	a.Message.Author, a.Message.Actor = m.Author, m.Actor
	a.Message.SendAt, a.Message.CreatedAt = m.SendAt, m.CreatedAt
	if err := s.reopen(tx, r); err != nil {
		return nil, nil, nil, err
	}
	if broadcast != "" {
		a.Jobs = append(a.Jobs, fanOutJob(a, broadcast))
	}
	return s, r, a, nil
}

// maxBatch is how many messages one request may send.
const maxBatch = 100

// BatchItem is one message of a batch, or why it cannot be one. Its own Idempotency holds in however many batches it comes.
type BatchItem struct {
	Params SendParams
	Err    error
}

// BatchResult is what became of one message of a batch.
type BatchResult struct {
	Sent
	Err error
}

// SendBatch sends messages, each for itself: what is wrong with one does not keep the others. Those to one recipient are
// sent in order, others at once, so that they share commits. A repeat with the same key sends those that were not accepted
// before, under the same id. The error is that of the batch as a whole.
func (c *Core) SendBatch(ctx context.Context, p *Principal, items []BatchItem, i *access.Idempotency) (parley.ID, []BatchResult, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return "", nil, err
	}
	if len(items) == 0 || len(items) > maxBatch {
		return "", nil, parley.Invalid("messages", "out-of-range", "must be 1 to %d", maxBatch)
	}
	batch := parley.NewID(c.now(ctx, p.Organization))
	replay, err := p.Once(ctx, c.store, i, 200, batch, func(*store.Tx) error { return nil })
	if err != nil {
		return "", nil, err
	}
	if replay != nil {
		batch = replay.Resource
	}
	results := make([]BatchResult, len(items))
	var all sync.WaitGroup
	for _, line := range linesOf(items) {
		all.Go(func() {
			for _, n := range line {
				results[n] = c.sendItem(ctx, p, &items[n], batch, itemKey(i, n))
			}
		})
	}
	all.Wait()
	return batch, results, nil
}

// linesOf are the places of the messages that are sent one after another, as they are for one recipient.
func linesOf(items []BatchItem) [][]int {
	var lines [][]int
	at := map[string]int{}
	for n := range items {
		to := fmt.Sprintf("%+v", items[n].Params.To)
		line, known := at[to]
		if !known {
			line = len(lines)
			at[to] = line
			lines = append(lines, nil)
		}
		lines[line] = append(lines[line], n)
	}
	return lines
}

// itemKey is the key of a message without one of its own: that of the batch, at its place.
func itemKey(i *access.Idempotency, n int) *access.Idempotency {
	if i == nil {
		return nil
	}
	own := *i
	own.Path += "/" + strconv.Itoa(n)
	return &own
}

func (c *Core) sendItem(ctx context.Context, p *Principal, item *BatchItem, batch parley.ID, key *access.Idempotency) (result BatchResult) {
	defer func() {
		if v := recover(); v != nil { // as for every other request, one message is no reason to end the server
			result.Err = fmt.Errorf("a message of a batch: %v", v)
		}
	}()
	if item.Err != nil {
		return BatchResult{Err: item.Err}
	}
	params := item.Params
	params.Batch = batch
	if params.Idempotency == nil {
		params.Idempotency = key
	}
	result.Sent, result.Err = c.Send(ctx, p, params)
	return result
}

// appendRelated adds messages, with what they have to do with others.
func appendRelated(tx *store.Tx, appends ...*store.Append) error {
	if err := tx.Append(appends...); err != nil {
		return err
	}
	return relation.Add(tx, appends...)
}
