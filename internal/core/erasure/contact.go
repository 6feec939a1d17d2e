package erasure

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/limit"
	"github.com/parley-server/parley/internal/store/people"
	"github.com/parley-server/parley/internal/store/record"
)

// JobForget is the next step of the erasure of a contact, which the payload names; see forgetting.
const JobForget store.JobKind = "forget"

const (
	forgetMessages = 100 // whose content goes in a step
	forgetParked   = 500 // that a step looks at
	// heldAgain is when an erasure is tried again that a legal hold keeps.
	heldAgain = time.Hour
)

// forgetting is how far an erasure is: through which conversation, or after all of them through what is parked.
type forgetting struct {
	contact parley.ID
	stage   string
	after   parley.ID
}

// The stages of an erasure.
const (
	stageConversations = "conversations"
	stageParked        = "parked"
)

func (f *forgetting) payload() string {
	return string(f.contact) + "," + f.stage + "," + string(f.after)
}

func parseForgetting(payload string) (f forgetting) {
	contact, rest, _ := strings.Cut(payload, ",")
	stage, after, _ := strings.Cut(rest, ",")
	return forgetting{parley.ID(contact), stage, parley.ID(after)}
}

// EraseContact has all go that is kept about a contact: what it is like, its addresses and names, its conversations' content, of
// those with others too what it wrote itself, files, exports. It is done step by step, and what is left are tombstones with ids.
// To ask again changes nothing. What the contact did not want stays so, by hashes of its addresses. A legal hold outranks it.
func (e *Eraser) EraseContact(ctx context.Context, p *access.Principal, id parley.ID, i *access.Idempotency) (parley.ContactErasure, bool, error) {
	for _, scope := range []parley.Scope{parley.ScopeContactsWrite, parley.ScopeMessagesDelete} {
		if err := p.Require(scope); err != nil {
			return parley.ContactErasure{}, false, err
		}
	}
	var erasure parley.ContactErasure
	replay, err := p.Once(ctx, e.store, i, 202, id, func(tx *store.Tx) error {
		contact, err := tx.Survivor(p.Organization, id)
		if parley.IsKind(err, parley.KindNotFound) { // it may be done already
			erasure, err = people.Erasure(tx.Queries, p.Organization, id)
			if parley.IsKind(err, parley.KindNotFound) {
				err = parley.NotFound("contact", id)
			}
			return err
		}
		if err != nil {
			return err
		}
		if held, err := underHold(tx.Queries, p.Organization, contact.ID); err != nil || held {
			return parley.FirstError(err, heldError(held))
		}
		begun := false
		erasure, begun, err = people.BeginErasure(tx, p.Organization, parley.ContactErasure{Contact: contact.ID, Actor: p.User})
		if err != nil || !begun {
			return err
		}
		f := forgetting{contact: contact.ID, stage: stageConversations}
		return parley.FirstError(p.Did(tx, parley.ActContactErased, contact.ID, nil), tx.Schedule(f.job(p.Organization, tx.Now)))
	})
	if err != nil {
		return parley.ContactErasure{}, false, err
	}
	if replay != nil {
		erasure, err = e.erasure(e.store.Read(ctx), p.Organization, id)
		return erasure, true, err
	}
	e.kick()
	return erasure, false, nil
}

// underHold reports whether a legal hold keeps what there is of a contact.
func underHold(q store.Queries, organization, contact parley.ID) (bool, error) {
	return hold.Names(q, organization, organization, contact)
}

func heldError(held bool) error {
	if !held {
		return nil
	}
	return parley.Conflict("legal-hold", "a legal hold keeps what there is of the contact")
}

// Erasure returns the erasure of a contact.
func (e *Eraser) Erasure(ctx context.Context, p *access.Principal, contact parley.ID) (parley.ContactErasure, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.ContactErasure{}, err
	}
	return e.erasure(e.store.Read(ctx), p.Organization, contact)
}

func (e *Eraser) erasure(q store.Queries, organization, contact parley.ID) (parley.ContactErasure, error) {
	became, err := q.Became(organization, contact)
	if err != nil {
		return parley.ContactErasure{}, err
	}
	return people.Erasure(q, organization, became)
}

func (f *forgetting) job(organization parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobForget, string(f.contact)), Kind: JobForget, DueAt: due, Payload: f.payload()}
}

// ForgetContacts does the next step of one erasure of a contact, and says whether there was one.
func (e *Eraser) ForgetContacts(ctx context.Context) (int, error) {
	return e.store.WriteDue(ctx, JobForget, 1, func(tx *store.Tx, jobs []store.Job) error {
		job := jobs[0]
		f := parseForgetting(job.Payload)
		erasure, err := people.Erasure(tx.Queries, job.Organization, f.contact)
		if err != nil {
			return parley.FirstError(ignoreNotFound(err), tx.Done(jobs))
		}
		held, err := underHold(tx.Queries, job.Organization, f.contact)
		if err != nil {
			return err
		}
		if held {
			erasure.State = parley.DossierHeld
			return parley.FirstError(people.UpdateErasure(tx, job.Organization, &erasure), tx.Schedule(f.job(job.Organization, tx.Now.Add(heldAgain))))
		}
		erasure.State = parley.DossierPending
		s := &forget{unit: unit{tx: tx}, organization: job.Organization, erasure: &erasure, at: f}
		if s.contact, err = tx.Contact(job.Organization, f.contact); err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return err
		}
		s.contact.ID = f.contact // merged or deleted meanwhile: what is left of it goes
		done, err := s.step()
		if err != nil {
			return err
		}
		if err := people.UpdateErasure(tx, job.Organization, &erasure); err != nil || done {
			return parley.FirstError(err, tx.Done(jobs))
		}
		return tx.Schedule(s.at.job(job.Organization, tx.Now))
	})
}

func ignoreNotFound(err error) error {
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	return err
}

// forget is one step of an erasure.
type forget struct {
	unit
	organization parley.ID
	contact      parley.Contact
	erasure      *parley.ContactErasure
	at           forgetting
}

// step does something, and says whether nothing is left.
func (s *forget) step() (done bool, err error) {
	s.tx.Erased()
	if s.at.stage == stageParked {
		return s.parked()
	}
	next, err := people.ConversationsOf(s.tx.Queries, s.organization, &s.contact, s.at.after, 1)
	if err != nil {
		return false, err
	}
	if len(next) == 0 {
		s.at.stage, s.at.after = stageParked, ""
		return false, nil
	}
	return false, s.conversation(next[0])
}

// conversation erases some of what a conversation has, and goes on to the next where nothing is left.
func (s *forget) conversation(id parley.ID) error {
	parts, err := s.tx.Participants(s.organization, id)
	if err != nil {
		return err
	}
	conversation, err := s.tx.Conversation(s.organization, id)
	if err != nil {
		return err
	}
	own, alone := s.own(parts)
	external := conversation.Kind == parley.ConversationExternal || conversation.Kind == parley.ConversationSecure
	author := s.contact.ID
	if alone = alone && external; alone {
		author = ""
	}
	ids, err := people.WithContent(s.tx.Queries, s.organization, id, author, forgetMessages)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		return s.messages(ids)
	}
	s.at.after = id
	s.tx.Emit(s.organization, parley.Event{Type: parley.EventConversationUpdated, Conversation: id})
	return people.Forget(s.tx, s.organization, id, &s.contact, own, alone)
}

// own are the contact's parts in a conversation, and whether nobody else outside has one.
func (s *forget) own(parts []parley.Participant) (own []parley.Participant, alone bool) {
	alone = true
	for _, p := range parts {
		switch {
		case p.Kind == parley.ActorContact && p.ID == s.contact.ID,
			p.Kind == parley.ActorAddress && slices.ContainsFunc(s.contact.Addresses, func(a parley.Address) bool {
				return !a.Shared && a.Kind == p.Address.Kind && a.Value == p.Address.Value
			}):
			own = append(own, p)
		case p.Kind == parley.ActorContact || p.Kind == parley.ActorAddress:
			alone = false
		}
	}
	return own, alone
}

func (s *forget) messages(ids []parley.ID) error {
	found, err := s.tx.Messages(s.organization, ids)
	if err != nil {
		return err
	}
	var batch []store.Erasure
	for _, id := range ids {
		m := found[id]
		erasure := store.Erasure{Organization: s.organization, Message: m, Reason: parley.RemovedErased}
		if m.Sequence == 0 && m.RecordedState != parley.Canceled {
			s.emit(&erasure, parley.EventMessageCanceled, parley.EventData{Reason: string(parley.RemovedErased)})
			if err := s.tx.CancelScheduled(s.organization, id, string(parley.RemovedErased)); err != nil {
				return err
			}
			m.RecordedState = parley.Canceled
			if err := s.tx.Done([]store.Job{{Organization: s.organization, ID: store.JobID(store.JobPublish, string(id)), Kind: store.JobPublish}}); err != nil {
				return err
			}
		}
		batch = append(batch, erasure)
	}
	s.erasure.Messages += int64(len(batch))
	return s.erase(batch)
}

// parked erases what providers sent that has an address of the contact, and at the end the contact.
func (s *forget) parked() (done bool, err error) {
	page, err := s.tx.ParkedList(s.organization, s.at.after, forgetParked)
	if err != nil {
		return false, err
	}
	block, err := people.BlockedContact(s.tx.Queries, s.organization, s.contact.ID)
	if ignoreNotFound(err) != nil {
		return false, err
	}
	var theirs []parley.ID
	for _, row := range page {
		s.at.after = row.ID
		if block.ID != "" && row.Message == block.ID || slices.ContainsFunc(s.contact.Addresses, func(a parley.Address) bool {
			return !a.Shared && strings.Contains(row.Raw, a.Value)
		}) {
			theirs = append(theirs, row.ID)
		}
	}
	if err := people.DropParked(s.tx, s.organization, theirs); err != nil || len(page) == forgetParked {
		return false, err
	}
	wrote, err := people.WroteLately(s.tx.Queries, s.organization, s.contact.ID)
	if err != nil {
		return false, err
	}
	if wrote { // while the rest was erased
		s.at.stage, s.at.after = stageConversations, ""
		return false, nil
	}
	return true, s.last()
}

// last erases the contact itself.
func (s *forget) last() error {
	tx, o := s.tx, s.organization
	for after := parley.ID(""); ; {
		exports, err := people.Exports(tx.Queries, o, s.contact.ID, after, 100)
		if err != nil {
			return err
		}
		for i := range exports {
			if err := people.DropExport(tx, o, &exports[i]); err != nil {
				return err
			}
			after = exports[i].ID
		}
		if len(exports) < 100 {
			break
		}
	}
	var identifying, shared []parley.Address
	for _, a := range s.contact.Addresses {
		if a.Shared {
			shared = append(shared, a)
		} else {
			identifying = append(identifying, a)
		}
	}
	if err := people.ForgetNotes(tx, o, shared); err != nil {
		return err
	}
	if err := people.KeepBlock(tx, o, &s.contact); err != nil {
		return err
	}
	if err := limit.Forget(tx, o, s.contact.ID); err != nil {
		return err
	}
	if err := record.Forget(tx, o, s.contact.ID); err != nil {
		return err
	}
	if err := people.HashAddresses(tx, o, identifying); err != nil {
		return err
	}
	left, err := tx.LeaveBroadcasts(o, parley.BroadcastMember{Kind: parley.ActorContact, ID: s.contact.ID})
	if err != nil {
		return err
	}
	for _, id := range left {
		tx.Emit(o, parley.Event{Type: parley.EventBroadcastUpdated, Subject: id})
	}
	tx.Emit(o, parley.Event{Type: parley.EventContactDeleted, Subject: s.contact.ID})
	tx.Emit(o, parley.Event{Type: parley.EventContactErased, Subject: s.contact.ID})
	s.erasure.State, s.erasure.EndedAt = parley.DossierDone, tx.Now
	return ignoreNotFound(tx.DeleteContact(o, s.contact.ID))
}
