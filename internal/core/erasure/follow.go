package erasure

import (
	"context"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// What follows a message whose content goes, or parts of it: the copies of a broadcast, and forwards.
const (
	copies   = "copies"
	forwards = "forwards"
)

// followJob has what depends on a message follow it, from one on.
func followJob(organization, message parley.ID, which, after string) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(store.JobErase, string(message)+"|"+which), Kind: store.JobErase,
		Message: message, Payload: which + "," + after}
}

func (u *unit) followLater(e *store.Erasure, which string) error {
	job := followJob(e.Organization, e.Message.ID, which, "")
	job.DueAt = u.tx.Now
	return u.tx.Schedule(job)
}

// followCopies has the copies of a message follow it, if it has any: those of a broadcast, of whoever gets it for somebody else,
// and in the group of its escalation, which such a copy may have as well.
func (u *unit) followCopies(e *store.Erasure) error {
	if e.Message.Parent != "" && len(e.Message.OnBehalfOf) == 0 || e.Message.Direction != parley.NoDirection {
		return nil
	}
	found, err := u.tx.CopiesOf(e.Organization, e.Message.ID, "", 1)
	if err != nil || len(found) == 0 {
		return err
	}
	return u.followLater(e, copies)
}

// EraseCopies makes the next copies or forwards follow a message whose content went, or parts of it, and erases what a
// provider answered too late; it says whether there was something.
func (e *Eraser) EraseCopies(ctx context.Context) (n int, err error) {
	n, err = e.store.WriteDue(ctx, store.JobErase, 1, func(tx *store.Tx, jobs []store.Job) error {
		job, u := jobs[0], unit{tx: tx}
		if job.Payload == late {
			return parley.FirstError(tx.Done(jobs), u.eraseAnswers(&job))
		}
		m, err := tx.Message(job.Organization, job.Message)
		if parley.IsKind(err, parley.KindNotFound) {
			return tx.Done(jobs)
		}
		if err != nil {
			return err
		}
		which, after, _ := strings.Cut(job.Payload, ",")
		next, err := u.dependents(&job, which, parley.ID(after))
		if err != nil {
			return err
		}
		if err := u.follow(job.Organization, &m, next); err != nil {
			return err
		}
		if len(next) < erasuresAtOnce {
			return tx.Done(jobs)
		}
		last := next[len(next)-1]
		after = string(last.Conversation)
		if which == forwards {
			after = string(last.ID)
		}
		again := followJob(job.Organization, job.Message, which, after)
		again.ID, again.DueAt = job.ID, tx.Now
		return tx.Schedule(again)
	})
	if err == nil && n > 0 {
		e.kick()
	}
	return n, err
}

// dependents are the next messages that hold a copy of another's content.
func (u *unit) dependents(job *store.Job, which string, after parley.ID) ([]*parley.Message, error) {
	if which != forwards {
		return u.tx.CopiesOf(job.Organization, job.Message, after, erasuresAtOnce)
	}
	ids, err := relation.Forwards(u.tx.Queries, job.Organization, job.Message, after, erasuresAtOnce)
	if err != nil {
		return nil, err
	}
	found, err := u.tx.Messages(job.Organization, ids)
	list := make([]*parley.Message, 0, len(ids))
	for _, id := range ids {
		if m := found[id]; m != nil {
			list = append(list, m)
		}
	}
	return list, err
}

// follow makes messages lose what the one that they hold a copy of has lost.
func (u *unit) follow(organization parley.ID, of *parley.Message, dependents []*parley.Message) error {
	for _, m := range dependents {
		if m.Removed != "" {
			continue
		}
		e := store.Erasure{Organization: organization, Message: m, Reason: of.Removed, By: of.RemovedBy}
		var err error
		if of.Removed != "" {
			err = u.takeBack(&e)
		} else {
			err = u.reduce(&e, of)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
