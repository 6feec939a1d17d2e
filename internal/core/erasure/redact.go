package erasure

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// Redaction says what of a message's content is taken away: parts by their places in the body, and files. Empty: all.
type Redaction struct {
	Parts       []int
	Attachments []parley.ID
}

// Redact takes content of a message away for everybody, and leaves that it was, when and by whom. What is left of it stays
// as it is; where nothing is left the message is a tombstone. Copies of a broadcast and forwards lose the same. Its author
// may, and an organization key.
func (e *Eraser) Redact(ctx context.Context, p *access.Principal, message parley.ID, r Redaction) (parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesDelete); err != nil {
		return parley.Message{}, err
	}
	err := e.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		m, err := mine(tx, p, message)
		if err != nil {
			return err
		}
		if m.Removed != "" {
			return parley.Conflict("content-removed", "the content of the message is gone")
		}
		left := m
		if err := r.apply(&left); err != nil {
			return err
		}
		changes := inConversation(&m)
		changes.Gone("parts", len(m.Body)-len(left.Body))
		changes.Gone("attachments", len(m.Attachments)-len(left.Attachments))
		if err := p.Did(tx, parley.ActMessageRedacted, m.ID, changes); err != nil {
			return err
		}
		u := unit{tx: tx, p: p}
		erasure := store.Erasure{Organization: p.Organization, Message: &m, Reason: parley.RemovedRedacted, By: p.Actor()}
		if len(left.Body)+len(left.Attachments) == 0 {
			return u.takeBack(&erasure)
		}
		return u.rewrite(&erasure, &left)
	})
	if err != nil {
		return parley.Message{}, err
	}
	e.kick()
	return e.threads.Shown(ctx, p, message)
}

// apply takes out of a message what is redacted.
func (r *Redaction) apply(m *parley.Message) error {
	if len(r.Parts)+len(r.Attachments) == 0 {
		m.Body, m.Attachments = nil, nil
		return nil
	}
	var wrong []parley.FieldError
	for i, place := range r.Parts {
		if place < 0 || place >= len(m.Body) {
			wrong = append(wrong, parley.FieldError{Field: fmt.Sprintf("parts[%d]", i), Code: "out-of-range",
				Message: fmt.Sprintf("must be 0 to %d: the place of a part of the body", len(m.Body)-1)})
		}
	}
	for i, id := range r.Attachments {
		if !slices.ContainsFunc(m.Attachments, func(a parley.Attachment) bool { return a.Media == id }) {
			wrong = append(wrong, parley.FieldError{Field: fmt.Sprintf("attachments[%d]", i), Code: "media-unknown", Message: "must be the id of a file of the message"})
		}
	}
	if len(wrong) > 0 {
		return parley.InvalidFields(wrong)
	}
	body, own := m.Body, 0
	m.Body = nil
	for place, part := range body {
		if slices.Contains(r.Parts, place) {
			continue
		}
		if m.Forward != nil && place < m.Forward.Own {
			own++
		}
		m.Body = append(m.Body, part)
	}
	if m.Forward != nil {
		forward := *m.Forward
		forward.Own = own
		m.Forward = &forward
	}
	m.Attachments = slices.DeleteFunc(slices.Clone(m.Attachments), func(a parley.Attachment) bool { return slices.Contains(r.Attachments, a.Media) })
	return nil
}

// rewrite leaves of a message's content what is left, wherever it is.
func (u *unit) rewrite(e *store.Erasure, left *parley.Message) error {
	before := e.Message
	redactions := parley.Redactions{By: e.By, At: u.tx.Now, Parts: len(before.Body) - len(left.Body), Attachments: len(before.Attachments) - len(left.Attachments)}
	if r := before.Redactions; r != nil {
		redactions.Parts, redactions.Attachments = redactions.Parts+r.Parts, redactions.Attachments+r.Attachments
	}
	left.Redactions = &redactions
	left.AsText, left.Ext = placesIn(before, left.Body), nil
	kept := parley.MediaOf(left)
	gone := slices.DeleteFunc(parley.MediaOf(before), func(id parley.ID) bool { return slices.Contains(kept, id) })
	batch := []store.Erasure{*e}
	if err := keep(u.tx, batch); err != nil {
		return err
	}
	u.tx.Erased()
	u.emit(e, parley.EventMessageRedacted, parley.EventData{})
	if err := parley.FirstError(u.tx.Rewrite(e.Organization, left), u.tx.ReleaseFiles(e.Organization, left.ID, gone), u.tx.EraseParked(batch),
		u.tx.EraseAttempts(batch), u.tx.EraseReasons(batch), relation.EraseVersions(u.tx, batch)); err != nil {
		return err
	}
	forwarded, err := relation.Forwarded(u.tx.Queries, batch)
	if err == nil && len(forwarded) > 0 {
		err = u.followLater(e, forwards)
	}
	return parley.FirstError(err, u.followCopies(e))
}

// placesIn are the places, in what is left of a message's body, of the parts that its platform gets as plain text.
func placesIn(m *parley.Message, left []parley.Part) (places []int) {
	at := 0
	for place := range left {
		for at < len(m.Body) && !reflect.DeepEqual(m.Body[at], left[place]) {
			at++
		}
		if slices.Contains(m.AsText, at) {
			places = append(places, place)
		}
		at++
	}
	return places
}

// reduce leaves of a copy what is left of the message that it is a copy of.
func (u *unit) reduce(e *store.Erasure, of *parley.Message) error {
	left := *e.Message
	own := 0
	if left.Forward != nil && left.Parent == "" {
		own = min(left.Forward.Own, len(left.Body))
	}
	left.Body = slices.Concat(left.Body[:own], of.Body)
	left.Attachments = of.Attachments
	if len(left.Body) > len(e.Message.Body) || len(left.Attachments) > len(e.Message.Attachments) {
		left.Body, left.Attachments = e.Message.Body[:own], nil // it is of another version: nothing of it is safe
	}
	if e.By = of.RemovedBy; of.Redactions != nil {
		e.By = of.Redactions.By
	}
	e.Reason = parley.RemovedRedacted
	if len(left.Body)+len(left.Attachments) == 0 {
		return u.takeBack(e)
	}
	return u.rewrite(e, &left)
}
