package escalation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
)

// run is a step of an escalation inside a unit.
type run struct {
	*store.Tx
	organization parley.ID
	e            *parley.Escalation
	by           parley.Actor    // who does it
	m            *parley.Message // whose it is; nil: what is done leads to no other level
	next         time.Time       // when a fallback is to be looked at that waits for another; zero: none is
}

// system is who does what its time makes be done.
func system() parley.Actor { return parley.Actor{Kind: parley.ActorSystem, Name: "system"} }

// user is who does it, where that is somebody.
func (r *run) user() parley.ID {
	if r.by.Kind == parley.ActorSystem {
		return ""
	}
	return r.by.ID
}

// codeOf is what people call an escalation.
func codeOf(id parley.ID) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:3])
}

// Start has a message that is in its conversation go from one to the next by a policy, until somebody acknowledges it. Where
// nobody is on duty for the role it goes on at once.
func Start(tx *store.Tx, organization parley.ID, by parley.Actor, m *parley.Message, policy *parley.EscalationPolicy) error {
	_, err := start(tx, organization, parley.NewID(tx.Now), by, m, policy)
	return err
}

func start(tx *store.Tx, organization, id parley.ID, by parley.Actor, m *parley.Message, policy *parley.EscalationPolicy) (*parley.Escalation, error) {
	e := &parley.Escalation{ID: id, Code: codeOf(id), Message: m.ID, Conversation: m.Conversation, Role: policy.Role, Originator: m.Actor.ID,
		State: parley.EscalationActive, StartedAt: tx.Now, DueAt: tx.Now.Add(policy.After), Policy: *policy}
	r := &run{Tx: tx, organization: organization, e: e, by: by, m: m}
	e.StartedBy = r.user()
	if err := escalation.Insert(tx, organization, e); err != nil {
		return nil, err
	}
	role, err := duty.Get(tx.Queries, organization, policy.Role)
	if err != nil {
		return nil, err
	}
	err = r.tell(parley.Notice{Kind: parley.NoticeEscalationStarted, Who: []parley.Actor{{Kind: parley.ActorRole, ID: role.ID, Name: role.Name}}},
		"%s wants to know that somebody takes note: escalation %s.", by.Name, e.Code)
	if err == nil && !attended(&role, e.Originator) {
		err = r.raise(m, parley.EscalationUnattended)
	}
	if err != nil {
		return nil, err
	}
	return e, r.save()
}

// attended reports whether somebody else than one is on duty for a role.
func attended(role *parley.Role, but parley.ID) bool {
	for _, id := range role.OnDuty {
		if id != but {
			return true
		}
	}
	return false
}

// save writes what became of the escalation, tells the log, and sees to what is next.
func (r *run) save() error {
	e := r.e
	r.Emit(r.organization, parley.Event{Type: parley.EventEscalationUpdated, Conversation: e.Conversation, Subject: e.ID, Data: parley.EventData{
		Status: string(e.State), Level: e.Level, Reason: e.Reason, Actor: r.user(), Group: e.Group}})
	if err := escalation.Update(r.Tx, r.organization, e); err != nil {
		return err
	}
	switch {
	case e.State == parley.EscalationActive:
		return r.schedule(r.due())
	case e.Group != "":
		return r.schedule(e.EndedAt.Add(e.Policy.GroupLife))
	}
	return r.Done([]store.Job{escalation.Job(r.organization, e)})
}

// schedule sees to the escalation at a time.
func (r *run) schedule(at time.Time) error {
	job := escalation.Job(r.organization, r.e)
	job.DueAt = at
	return r.Schedule(job)
}

// raise brings the escalation to the next level at which somebody can be asked who has not been; after the last it ends.
func (r *run) raise(m *parley.Message, reason string) error {
	e := r.e
	r.next = time.Time{}
	for level := e.Level + 1; level <= len(e.Policy.Steps); level++ {
		step := &e.Policy.Steps[level-1]
		next, err := r.reach(step)
		if err != nil {
			return err
		}
		if len(next.fresh) == 0 {
			if err := r.pass(level, next.why()); err != nil {
				return err
			}
			continue
		}
		e.Level, e.DueAt = level, r.Now.Add(step.After)
		if err := r.include(m, next); err != nil {
			return err
		}
		notice := parley.Notice{Kind: parley.NoticeEscalationRaised, Who: next.fresh, Level: level, Reason: reason}
		if reason == parley.EscalationSkipped {
			return r.tell(notice, "%s passed escalation %s on to level %d: %s.", r.by.Name, e.Code, level, called(next.fresh))
		}
		return r.tell(notice, "Escalation %s came to level %d: %s.", e.Code, level, called(next.fresh))
	}
	r.by = system()
	return r.end(parley.EscalationUnanswered, "")
}

// passed says for people why nobody of a level is asked.
var passed = map[string]string{
	parley.EscalationUnattended: "nobody is there",
	parley.EscalationCircle:     "whoever is there has it already",
}

func (r *run) pass(level int, why string) error {
	return r.tell(parley.Notice{Kind: parley.NoticeEscalationPassed, Level: level, Reason: why}, "Escalation %s passes level %d: %s.", r.e.Code, level, passed[why])
}

// end ends the escalation. Its group stays for as long as the policy says.
func (r *run) end(state parley.EscalationState, reason string) error {
	e := r.e
	e.State, e.Reason, e.EndedBy, e.EndedAt, e.DueAt = state, reason, r.user(), r.Now, time.Time{}
	switch {
	case state == parley.EscalationAcknowledged:
		if err := r.quiet(store.JobRemind, store.JobFallback); err != nil {
			return err
		}
		return r.tell(parley.Notice{Kind: parley.NoticeEscalationAcknowledged}, "%s acknowledged escalation %s.", r.by.Name, e.Code)
	case state == parley.EscalationUnanswered:
		return r.tell(parley.Notice{Kind: parley.NoticeEscalationUnanswered}, "Nobody acknowledged escalation %s.", e.Code)
	case reason != "":
		return r.tell(parley.Notice{Kind: parley.NoticeEscalationCanceled, Reason: reason}, "Escalation %s ended: the message is gone.", e.Code)
	}
	if err := r.quiet(store.JobFallback); err != nil {
		return err
	}
	return r.tell(parley.Notice{Kind: parley.NoticeEscalationCanceled}, "%s canceled escalation %s.", r.by.Name, e.Code)
}

// quiet ends timers of the message and its copy: reminders and fallbacks.
func (r *run) quiet(kinds ...store.JobKind) error {
	var timers []store.Job
	for _, message := range []parley.ID{r.e.Message, r.e.Copy} {
		for _, kind := range kinds {
			if message != "" {
				timers = append(timers, store.Job{Organization: r.organization, ID: store.JobID(kind, string(message)), Kind: kind})
			}
		}
	}
	return r.Done(timers)
}

// tell adds a system item about the escalation to the conversation of the message, and to the group.
func (r *run) tell(notice parley.Notice, format string, args ...any) error {
	appends := []*store.Append{r.item(r.e.Conversation, notice, format, args...)}
	if r.e.Group != "" {
		appends = append(appends, r.item(r.e.Group, notice, format, args...))
	}
	if err := r.Append(appends...); err != nil {
		return err
	}
	r.e.Sequence = appends[0].Sequence
	if len(appends) > 1 {
		r.e.GroupSequence = appends[1].Sequence
	}
	return nil
}

func (r *run) item(conversation parley.ID, notice parley.Notice, format string, args ...any) *store.Append {
	notice.Escalation = r.e.ID
	return Item(r.Tx, r.organization, conversation, r.by, notice, fmt.Sprintf(format, args...))
}

// Item is a system item that tells of an escalation, to be added to a conversation.
func Item(tx *store.Tx, organization, conversation parley.ID, by parley.Actor, notice parley.Notice, text string) *store.Append {
	m := parley.Message{ID: parley.NewID(tx.Now), Conversation: conversation, Kind: parley.KindSystem, Direction: parley.NoDirection, Author: by, Actor: by,
		Body: []parley.Part{{Kind: parley.PartText, Text: text}}, Priority: parley.PriorityNormal, Notice: &notice, State: parley.Delivered}
	event := parley.Event{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: m.ID}
	if by.Kind == parley.ActorUser {
		event.Data.Actor = by.ID
	}
	return &store.Append{Organization: organization, Message: m, Events: []parley.Event{event}}
}

// called are the names of some of those whom an item is about.
func called(who []parley.Actor) string {
	const most = 10
	var names []string
	for _, a := range who[:min(len(who), most)] {
		names = append(names, a.Name)
	}
	text := strings.Join(names, ", ")
	if more := len(who) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// acknowledged ends the escalation of a message that somebody has acknowledged, wherever that was done.
func acknowledged(tx *store.Tx, organization parley.ID, m *parley.Message, by parley.Actor) error {
	e, err := escalation.Active(tx.Queries, organization, m.ID)
	if err != nil || e == nil {
		return err
	}
	r := &run{Tx: tx, organization: organization, e: e, by: by}
	return parley.FirstError(r.end(parley.EscalationAcknowledged, ""), r.save())
}

// Gone cancels the escalations of messages whose content goes, and returns those that have copies in groups. What was only read
// goes on: nobody has taken note, and who got the copy may not have read that.
func Gone(tx *store.Tx, batch []store.Erasure) (copied []store.Erasure, err error) {
	found, err := escalation.OfMessages(tx.Queries, batch)
	if err != nil {
		return nil, err
	}
	for _, of := range found {
		b := batch[of.Place]
		if b.Reason == parley.RemovedOnRead {
			continue
		}
		if of.Copied {
			copied = append(copied, b)
		}
		if !of.Active {
			continue
		}
		e, err := escalation.Get(tx.Queries, b.Organization, of.ID)
		if err != nil {
			return nil, err
		}
		r := &run{Tx: tx, organization: b.Organization, e: &e, by: system()}
		if err := parley.FirstError(r.end(parley.EscalationCanceled, string(b.Reason)), r.save()); err != nil {
			return nil, err
		}
	}
	return copied, nil
}

// Turn does what is due about up to limit escalations, and says how many there were.
func (e *Escalations) Turn(ctx context.Context, limit int) (int, error) {
	n, err := e.store.WriteDue(ctx, escalation.JobEscalate, limit, func(tx *store.Tx, jobs []store.Job) error {
		for i := range jobs {
			if err := turn(tx, &jobs[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && n > 0 {
		e.kick()
	}
	return n, err
}

// turn does what is due about one escalation. What it leads to has a time of its own: however late it is done, it is done once.
func turn(tx *store.Tx, job *store.Job) error {
	e, err := escalation.Get(tx.Queries, job.Organization, parley.ID(job.Payload))
	if parley.IsKind(err, parley.KindNotFound) {
		return tx.Done([]store.Job{*job})
	}
	if err != nil {
		return err
	}
	r := &run{Tx: tx, organization: job.Organization, e: &e, by: system()}
	if e.State != parley.EscalationActive {
		if closes := e.EndedAt.Add(e.Policy.GroupLife); e.Group != "" && closes.After(tx.Now) {
			return r.schedule(closes)
		}
		return parley.FirstError(tx.Done([]store.Job{*job}), r.close())
	}
	m, err := tx.Message(job.Organization, e.Message)
	if parley.IsKind(err, parley.KindNotFound) {
		m.Removed, err = parley.RemovedErased, nil
	}
	if err != nil {
		return err
	}
	r.m = &m
	fell, err := r.fallBack()
	switch {
	case err != nil:
		return err
	case !e.DueAt.After(tx.Now):
		return parley.FirstError(r.goOn(&m, parley.EscalationTimeout), r.save())
	case fell:
		return r.save()
	}
	return r.schedule(r.due())
}

// goOn is raise, unless the message is gone.
func (r *run) goOn(m *parley.Message, reason string) error {
	if m.Removed != "" && m.Removed != parley.RemovedOnRead {
		return r.end(parley.EscalationCanceled, string(m.Removed))
	}
	return r.raise(m, reason)
}
