// Package fallback has messages go out on other channels to recipients whom they do not reach: each fallback once a recipient, in
// order, and none to whoever has read or acknowledged the message, or after it has gone.
package fallback

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Watched is for how long after a message was sent its fallbacks wait for failures.
const Watched = 14 * 24 * time.Hour

// Codes of deliveries that a fallback could not make, beside those of the rest of the core.
const (
	codeNoAddress = "address-required"
	codeNoChannel = "channel-deleted"
	codeSame      = "fallback-same-channel"
	codeDisturbed = "do-not-disturb"
	codeInactive  = "user-inactive"
	codeOptedOut  = "contact-opted-out"
)

// FirstOfMembers is the number of the first delivery that a fallback makes of a message between members: those to them have the
// numbers below, and are kept nowhere.
const FirstOfMembers = 30001

// Job is the timer of a message with fallbacks; false where it has none that could ever be due. It is added with the message.
func Job(organization parley.ID, m *parley.Message, c *parley.Conversation) (store.Job, bool) {
	if len(m.Fallback) == 0 || m.Kind != parley.KindMessage || m.Recorded || c.Kind == parley.ConversationBroadcast {
		return store.Job{}, false
	}
	job := store.Job{Organization: organization, ID: store.JobID(store.JobFallback, string(m.ID)), Kind: store.JobFallback, Message: m.ID, After: Watched}
	for _, f := range m.Fallback {
		if f.On == parley.OnUnread {
			job.After = min(job.After, f.After)
		}
	}
	return job, true
}

// Fallbacks are the timers.
type Fallbacks struct {
	store   *store.Store
	threads *thread.Threads
	kick    func()
}

// New returns the fallbacks over a store. The queue is woken by kick, which must not block.
func New(s *store.Store, threads *thread.Threads, kick func()) *Fallbacks {
	return &Fallbacks{store: s, threads: threads, kick: kick}
}

// FallBack does what is due of up to limit messages, and says how many there were.
func (f *Fallbacks) FallBack(ctx context.Context, limit int) (int, error) {
	n, err := f.store.WriteDue(ctx, store.JobFallback, limit, func(tx *store.Tx, jobs []store.Job) error {
		var over, again []store.Job
		for _, job := range jobs {
			next, err := fallBack(tx, &job)
			if err != nil {
				return err
			}
			if next.IsZero() {
				over = append(over, job)
				continue
			}
			job.DueAt = next
			again = append(again, job)
		}
		if err := tx.Done(over); err != nil {
			return err
		}
		return tx.Schedule(again...)
	})
	if err == nil && n > 0 {
		f.kick()
	}
	return n, err
}

// fallBack does what is due of a message, and says when there may be more; never where it is zero.
func fallBack(tx *store.Tx, job *store.Job) (time.Time, error) {
	m, err := tx.Message(job.Organization, job.Message)
	if parley.IsKind(err, parley.KindNotFound) {
		return time.Time{}, nil
	}
	if err != nil || gone(&m, tx.Now) {
		return time.Time{}, err
	}
	o, err := tx.Organization(job.Organization)
	if err != nil {
		return time.Time{}, err
	}
	list, err := recipientsOf(tx, job.Organization, &m, &o.Policy)
	if err != nil {
		return time.Time{}, err
	}
	t := &tries{tx: tx, organization: job.Organization, m: &m, policy: &o.Policy, recipients: list, number: nextNumber(list)}
	next := upcoming(&m, tx.Now)
	for _, r := range list {
		if until := r.quiet(&m, &o.Policy, tx.Now); !until.IsZero() {
			next = earlier(next, until)
			continue
		}
		then, err := r.fall(m.Fallback, since(&m), tx.Now, t.try)
		if err != nil {
			return time.Time{}, err
		}
		next = earlier(next, then)
	}
	if err := t.add(); err != nil {
		return time.Time{}, err
	}
	if until := m.SentAt.Add(Watched); next.After(until) {
		next = until
	}
	if !next.After(tx.Now) {
		return time.Time{}, nil
	}
	return next, nil
}

// gone reports whether there is nothing that could go out.
func gone(m *parley.Message, now time.Time) bool {
	return m.Removed != "" || m.Sequence == 0 || !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(now)
}

// since is when the recipients could have a message.
func since(m *parley.Message) time.Time {
	if m.NotBefore.After(m.SentAt) {
		return m.NotBefore
	}
	return m.SentAt
}

// upcoming is when the next fallback is due of those that wait for no failure, whoever the recipients will be then: those on
// duty may be others.
func upcoming(m *parley.Message, now time.Time) (next time.Time) {
	if m.Direction == parley.Outbound {
		return next
	}
	return Upcoming(m.Fallback, m.SentAt, now)
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
