// Package audit reads the audit log: for whoever may see it, to check that it is whole, and to take it elsewhere. What goes
// into it is said where it is done, by access.Principal.Did.
package audit

import (
	"context"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit"
)

// Log is the audit log of all organizations.
type Log struct{ store *store.Store }

// New returns the audit log of a store.
func New(s *store.Store) *Log { return &Log{store: s} }

// Filter narrows a list of entries. Empty fields do not.
type Filter struct {
	Actor       string // the id of a user, or operator or system
	Key         parley.ID
	Act         parley.Act
	Subject     parley.ID
	Since, Till time.Time // from Since on, before Till
}

// List returns up to limit entries that pass the filter, newest first. Next is where to go on, empty at the end; a page may
// have fewer entries though there are more.
func (l *Log) List(ctx context.Context, p *access.Principal, f Filter, after string, limit int) (entries []parley.AuditEntry, next string, err error) {
	if err := p.Require(parley.ScopeAuditRead); err != nil {
		return nil, "", err
	}
	filter := audit.Filter{Key: f.Key, Act: f.Act, Subject: f.Subject, Since: f.Since, Till: f.Till}
	switch kind := parley.AuditActorKind(f.Actor); kind {
	case parley.ByOperator, parley.BySystem:
		filter.Kind = kind
	default:
		filter.User = parley.ID(f.Actor)
	}
	if f.Act != "" && f.Act.Subject() == "" {
		return nil, "", parley.Invalid("act", "value-unknown", "must be an act of the audit log")
	}
	before, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	entries, on, err := audit.List(l.store.Read(ctx), p.Organization, filter, before, limit)
	if on != 0 {
		next = strconv.FormatInt(on, 10)
	}
	return entries, next, err
}

// Read runs a reading of held content, which says what act it is, and returns what it read when the entry that says so is durable: nobody reads such
// content without a trace. Whoever opens content to the scope admin:hold does it by this.
func Read[T any](ctx context.Context, l *Log, p *access.Principal, subject parley.ID, read func(tx *store.Tx) (T, parley.Act, error)) (T, error) {
	var result, none T
	if err := p.Require(parley.ScopeAdminHold); err != nil {
		return none, err
	}
	err := l.store.Write(ctx, p.Organization, func(tx *store.Tx) (err error) {
		var act parley.Act
		if result, act, err = read(tx); err != nil {
			return err
		}
		return p.Did(tx, act, subject, nil)
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// parseCursor reads the sequence of the last entry of a page. The empty one is the beginning.
func parseCursor(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != text {
		return 0, parley.Invalid("after", "cursor-invalid", "must be the next of a page of this list")
	}
	return n, nil
}
