// Package audit has the tables of the audit log: what was done in each organization, row after row, each with a hash over
// the one before. A row is written in the transaction of what it tells of, under the organization's key.
package audit

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Append adds an entry to the log of an organization that the unit works on. It fills in the sequence, the time and the hash.
func Append(tx *store.Tx, e *parley.AuditEntry) error {
	tx.MustHave(e.Organization)
	head, err := Head(tx.Queries, e.Organization)
	if err != nil {
		return err
	}
	e.Sequence, e.At = head.Last+1, tx.Now
	e.Hash = e.Chain(head.LastHash)
	_, err = tx.Conn().Exec(`INSERT INTO audit (organization_id, sequence, at, actor, user_id, key_id, act, subject, subject_id, changes, address, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		string(e.Organization), e.Sequence, e.At.UnixMilli(), string(e.Actor.Kind), string(e.Actor.User), string(e.Actor.Key), string(e.Act),
		e.SubjectKind, string(e.Subject), e.Changes, e.Address, e.Hash)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec("UPDATE audit_heads SET last_sequence = $1, last_hash = $2 WHERE organization_id = $3",
		e.Sequence, e.Hash, string(e.Organization))
	return err
}

// ErrNoHead is returned for an organization whose log has no head: every organization is made with one.
var ErrNoHead = errors.New("the audit log has no head")

// Head returns where an organization's log ends.
func Head(q store.Queries, organization parley.ID) (parley.AuditHead, error) {
	h := parley.AuditHead{Organization: organization}
	err := q.Conn().Row("SELECT last_sequence, last_hash, dropped_sequence, dropped_hash FROM audit_heads WHERE organization_id = $1",
		[]any{string(organization)}, &h.Last, &h.LastHash, &h.Dropped, &h.DroppedHash)
	if errors.Is(err, sqldb.ErrNoRow) {
		err = fmt.Errorf("organization %s: %w", organization, ErrNoHead)
	}
	return h, err
}

const columns = "a.sequence, a.at, a.actor, a.user_id, a.key_id, a.act, a.subject, a.subject_id, a.changes, a.address, a.hash"

func scan(r *sql.Rows, e *parley.AuditEntry) error {
	var at int64
	err := r.Scan(&e.Sequence, &at, &e.Actor.Kind, &e.Actor.User, &e.Actor.Key, &e.Act, &e.SubjectKind, &e.Subject, &e.Changes, &e.Address, &e.Hash)
	e.At = time.UnixMilli(at).UTC()
	return err
}

// Entries returns up to limit entries of an organization in order, after a sequence and through another, also such as should
// not be there.
func Entries(q store.Queries, organization parley.ID, after, through int64, limit int) ([]parley.AuditEntry, error) {
	var entries []parley.AuditEntry
	err := q.Conn().Query("SELECT "+columns+" FROM audit AS a WHERE a.organization_id = $1 AND a.sequence > $2 AND a.sequence <= $3 ORDER BY a.sequence LIMIT $4",
		[]any{string(organization), after, through, limit}, func(r *sql.Rows) error {
			e := parley.AuditEntry{Organization: organization}
			err := scan(r, &e)
			entries = append(entries, e)
			return err
		})
	return entries, err
}

// Newest returns the greatest sequence that an organization has an entry with, 0 where it has none.
func Newest(q store.Queries, organization parley.ID) (sequence int64, err error) {
	err = q.Conn().Row("SELECT coalesce(max(a.sequence), 0) FROM audit AS a WHERE a.organization_id = $1", []any{string(organization)}, &sequence)
	return sequence, err
}

// Filter narrows a list of entries. Empty fields do not.
type Filter struct {
	User        parley.ID // whom the actor acted as
	Kind        parley.AuditActorKind
	Key         parley.ID
	Act         parley.Act
	Subject     parley.ID
	Since, Till time.Time // from Since on, before Till
}

func (f *Filter) passes(e *parley.AuditEntry) bool {
	return (f.User == "" || e.Actor.User == f.User) && (f.Kind == "" || e.Actor.Kind == f.Kind) && (f.Key == "" || e.Actor.Key == f.Key) &&
		(f.Act == "" || e.Act == f.Act) && (f.Subject == "" || e.Subject == f.Subject) &&
		!e.At.Before(f.Since) && (f.Till.IsZero() || e.At.Before(f.Till))
}

// maxExamined bounds what one page of a filtered list reads.
const maxExamined = 2000

// errEnough ends a page before its rows end.
var errEnough = errors.New("enough")

// List returns up to limit entries that pass the filter, newest first, from before a sequence on, or from the newest where it
// is 0. Next is where to go on, 0 at the end; a page may have fewer entries than there are.
func List(q store.Queries, organization parley.ID, f Filter, before int64, limit int) (entries []parley.AuditEntry, next int64, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	text, args := " FROM audit AS a WHERE a.organization_id = $1 AND a.sequence < $2", []any{string(organization), before}
	switch {
	case f.Subject != "":
		text, args = text+" AND a.subject_id = $3 ORDER BY a.sequence DESC LIMIT $4", append(args, string(f.Subject), maxExamined)
	case f.User != "":
		text, args = text+" AND a.user_id = $3 ORDER BY a.sequence DESC LIMIT $4", append(args, string(f.User), maxExamined)
	default:
		text, args = text+" ORDER BY a.sequence DESC LIMIT $3", append(args, maxExamined)
	}
	var last int64
	examined := 0
	err = q.Conn().Query("SELECT "+columns+text, args, func(r *sql.Rows) error {
		e := parley.AuditEntry{Organization: organization}
		if err := scan(r, &e); err != nil {
			return err
		}
		passes := f.passes(&e)
		if passes && len(entries) == limit {
			next = last
			return errEnough
		}
		if passes {
			entries = append(entries, e)
		}
		last = e.Sequence
		examined++
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if next == 0 && examined == maxExamined {
		next = last
	}
	return entries, next, err
}

// Drop deletes the oldest entries of an organization that are older than a time, up to limit of them, and says how many. Its
// head says from where on the rest is kept, so that the chain can still be followed.
func Drop(tx *store.Tx, organization parley.ID, before time.Time, limit int) (int, error) {
	tx.MustHave(organization)
	var through int64
	var hash string
	n := 0
	err := tx.Conn().Query("SELECT a.sequence, a.at, a.hash FROM audit AS a WHERE a.organization_id = $1 ORDER BY a.sequence LIMIT $2",
		[]any{string(organization), limit}, func(r *sql.Rows) error {
			var sequence, at int64
			var own string
			if err := r.Scan(&sequence, &at, &own); err != nil {
				return err
			}
			if at >= before.UnixMilli() {
				return errEnough
			}
			through, hash = sequence, own
			n++
			return nil
		})
	if err != nil && !errors.Is(err, errEnough) || n == 0 {
		return 0, ignoreEnough(err)
	}
	if _, err := tx.Conn().Exec("DELETE FROM audit WHERE organization_id = $1 AND sequence <= $2", string(organization), through); err != nil {
		return 0, err
	}
	_, err = tx.Conn().Exec("UPDATE audit_heads SET dropped_sequence = $1, dropped_hash = $2 WHERE organization_id = $3",
		through, hash, string(organization))
	return n, err
}

func ignoreEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
