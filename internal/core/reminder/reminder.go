// Package reminder reminds members of messages of high priority that they have not read: as often as their organization says,
// and never more.
package reminder

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/relation"
)

// mostUsers is how many users one event names. More are named by several events with the same number.
const mostUsers = 100

// Job is the timer of a message that members are reminded of; false where nobody is. It is added with the message.
func Job(organization parley.ID, m *parley.Message, c *parley.Conversation, policy *parley.Policy) (store.Job, bool) {
	reminders := policy.Reminding()
	if !m.Reminds() || !reminders.On() {
		return store.Job{}, false
	}
	switch c.Kind {
	case parley.ConversationDirect, parley.ConversationGroup, parley.ConversationRole, parley.ConversationTeam:
		return store.Job{Organization: organization, ID: store.JobID(store.JobRemind, string(m.ID)), Kind: store.JobRemind, Message: m.ID,
			After: reminders.Every, Payload: "0"}, true
	}
	return store.Job{}, false
}

// Reminders are the timers.
type Reminders struct{ store *store.Store }

// New returns the reminders over a store.
func New(s *store.Store) *Reminders { return &Reminders{store: s} }

// Remind tells the log whom of those who have not read a message are to be reminded of it, for up to limit timers, and says how
// many there were. A timer goes on until everybody has read or acknowledged the message, or it is gone, or there were enough.
func (r *Reminders) Remind(ctx context.Context, limit int) (int, error) {
	return r.store.WriteDue(ctx, store.JobRemind, limit, func(tx *store.Tx, jobs []store.Job) error {
		var over, again []store.Job
		for _, organization := range store.OrganizationsOf(jobs) {
			own := slices.DeleteFunc(slices.Clone(jobs), func(j store.Job) bool { return j.Organization != organization })
			next, err := remind(tx, organization, own)
			if err != nil {
				return err
			}
			for _, job := range own {
				if due, goesOn := next[job.ID]; goesOn {
					again = append(again, due)
				} else {
					over = append(over, job)
				}
			}
		}
		if err := tx.Done(over); err != nil {
			return err
		}
		return tx.Schedule(again...)
	})
}

// remind does what is due in one organization, and returns the timers that go on.
func remind(tx *store.Tx, organization parley.ID, jobs []store.Job) (map[string]store.Job, error) {
	o, err := tx.Organization(organization)
	if err != nil {
		return nil, err
	}
	reminders := o.Policy.Reminding()
	if !reminders.On() {
		return nil, nil
	}
	ids := make([]parley.ID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].Message
	}
	found, err := tx.Messages(organization, ids)
	if err != nil {
		return nil, err
	}
	due := jobs[:0:0]
	var messages []*parley.Message
	for _, job := range jobs {
		if m := found[job.Message]; m != nil && !over(m, tx.Now) && reminded(&job) < reminders.Times {
			due, messages = append(due, job), append(messages, m)
		}
	}
	waiting, err := waitingFor(tx, organization, messages)
	if err != nil {
		return nil, err
	}
	next := make(map[string]store.Job, len(due))
	for i, job := range due {
		if waiting[i].nobody() {
			continue
		}
		number := reminded(&job) + 1
		tell(tx, organization, messages[i], number, waiting[i].disturbed)
		if number == reminders.Times {
			continue
		}
		job.Payload, job.DueAt = strconv.Itoa(number), job.DueAt.Add(reminders.Every)
		if !job.DueAt.After(tx.Now) { // nothing is made up for
			job.DueAt = tx.Now.Add(reminders.Every)
		}
		next[job.ID] = job
	}
	return next, nil
}

// reminded is how often there was a reminder.
func reminded(job *store.Job) int {
	n, _ := strconv.Atoi(job.Payload) // as it was written
	return n
}

// over reports whether there is nothing more to be reminded of.
func over(m *parley.Message, now time.Time) bool {
	return m.Removed != "" || m.Redactions != nil || !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(now)
}

func tell(tx *store.Tx, organization parley.ID, m *parley.Message, number int, users []parley.ID) {
	for chunk := range slices.Chunk(users, mostUsers) {
		tx.Emit(organization, parley.Event{Type: parley.EventMessageReminded, Conversation: m.Conversation, Message: m.ID, Users: chunk,
			Data: parley.EventData{Number: number}})
	}
}

// waiting is whom a message waits for.
type waiting struct {
	recipients int
	unread     []parley.ID // who has neither read nor acknowledged it
	disturbed  []parley.ID // those of them who may be disturbed
}

// nobody reports whether everybody has read or acknowledged the message. While it has no recipients, as nobody is on duty,
// somebody may come.
func (w *waiting) nobody() bool { return w.recipients > 0 && len(w.unread) == 0 }

// waitingFor looks whom messages wait for, with a constant number of queries. That a conversation is muted does not count.
func waitingFor(tx *store.Tx, organization parley.ID, messages []*parley.Message) ([]waiting, error) {
	list := make([]waiting, len(messages))
	if len(messages) == 0 {
		return list, nil
	}
	receiving, err := thread.Receiving(tx.Queries, organization, messages)
	if err != nil {
		return nil, err
	}
	ids := make([]parley.ID, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	acknowledged, err := relation.AcknowledgedBy(tx.Queries, organization, ids)
	if err != nil {
		return nil, err
	}
	var unread []parley.ID
	for i, m := range messages {
		for _, who := range receiving[m.ID] {
			list[i].recipients++
			if !who.Read && !acknowledged[m.ID][parley.Actor{Kind: parley.ActorUser, ID: who.User}] {
				list[i].unread = append(list[i].unread, who.User)
			}
		}
		unread = append(unread, list[i].unread...)
	}
	users, err := tx.UsersByID(organization, unread)
	if err != nil {
		return nil, err
	}
	all := make([]*parley.User, 0, len(users))
	for _, u := range users {
		all = append(all, u)
	}
	if err := availability.Fill(tx.Queries, organization, tx.Now, all...); err != nil {
		return nil, err
	}
	for i := range list {
		for _, id := range list[i].unread {
			if u := users[id]; u != nil && u.Active && u.DoNotDisturb == nil {
				list[i].disturbed = append(list[i].disturbed, id)
			}
		}
	}
	return list, nil
}
