package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/audit"
)

// atOnce is how many entries are read together.
const atOnce = 500

// Broken says where an organization's log is first seen not to be what was written.
type Broken struct {
	Organization parley.ID
	Sequence     int64 // of the first row that is not there, or not as it was written; 0: it is no row but the head
	Why          string
}

func (b *Broken) Error() string {
	if b.Sequence == 0 {
		return fmt.Sprintf("organization %s: %s", b.Organization, b.Why)
	}
	return fmt.Sprintf("organization %s, row %d: %s", b.Organization, b.Sequence, b.Why)
}

// Known are hashes of entries that somebody has kept elsewhere, by organization and sequence.
type Known map[parley.ID]map[int64]string

// Add adds an entry's hash.
func (k Known) Add(organization parley.ID, sequence int64, hash string) {
	if k[organization] == nil {
		k[organization] = map[int64]string{}
	}
	k[organization][sequence] = hash
}

// Whole is a log that was found to be whole.
type Whole struct {
	parley.AuditHead
	Rows int64
}

// Verify follows an organization's log from its first row to its head. What is wrong with it is a *Broken; any other error
// means that it could not be read. Known may be nil.
func (l *Log) Verify(ctx context.Context, organization parley.ID, known Known) (Whole, error) {
	for {
		whole, err := l.verify(ctx, organization, known)
		if broken, is := errors.AsType[*Broken](err); !is || broken.Sequence == 0 {
			return whole, err
		}
		// What was old may have been dropped meanwhile.
		if head, again := audit.Head(l.store.Read(ctx), organization); again != nil || head.Dropped == whole.Dropped {
			return whole, err
		}
	}
}

func (l *Log) verify(ctx context.Context, organization parley.ID, known Known) (whole Whole, err error) {
	broken := func(sequence int64, why string, args ...any) error {
		return &Broken{organization, sequence, fmt.Sprintf(why, args...)}
	}
	whole.AuditHead, err = audit.Head(l.store.Read(ctx), organization)
	if errors.Is(err, audit.ErrNoHead) {
		return whole, broken(0, "the log has no head")
	}
	if err != nil {
		return whole, err
	}
	last, hash := whole.Dropped, whole.DroppedHash
	err = l.each(ctx, organization, whole.Last, func(e *parley.AuditEntry) error {
		switch {
		case e.Sequence <= last:
			return broken(e.Sequence, "is before the first row that should be there, %d", last+1)
		case e.Sequence > last+1:
			return broken(last+1, "is missing; the next is row %d", e.Sequence)
		case e.Chain(hash) != e.Hash:
			return broken(e.Sequence, "has another content or another row before it than when it was written: its hash is %s, and should be %s", e.Hash, e.Chain(hash))
		}
		last, hash = e.Sequence, e.Hash
		whole.Rows++
		return known.compare(organization, last, hash, broken)
	})
	switch {
	case err != nil:
		return whole, err
	case last < whole.Last:
		return whole, broken(last+1, "is missing, as are all up to the head, row %d", whole.Last)
	case last > whole.Last:
		return whole, broken(0, "the head says that %d was the last row, but rows up to %d were dropped", whole.Last, last)
	case hash != whole.LastHash:
		return whole, broken(last, "its hash is not that of the head, %s", whole.LastHash)
	}
	if err := known.compare(organization, whole.Dropped, whole.DroppedHash, broken); err != nil {
		return whole, err
	}
	return whole, errors.Join(l.beyond(ctx, organization, broken), known.ends(organization, whole.Last, broken))
}

// beyond looks for rows after the head. Between the two reads there may be new ones, but no row is without its head.
func (l *Log) beyond(ctx context.Context, organization parley.ID, broken func(int64, string, ...any) error) error {
	newest, err := audit.Newest(l.store.Read(ctx), organization)
	if err != nil {
		return err
	}
	head, err := audit.Head(l.store.Read(ctx), organization)
	if err == nil && newest > head.Last {
		err = broken(newest, "is after the head, row %d", head.Last)
	}
	return err
}

// compare compares a row with what is known of it.
func (k Known) compare(organization parley.ID, sequence int64, hash string, broken func(int64, string, ...any) error) error {
	if kept, ok := k[organization][sequence]; ok && !strings.EqualFold(kept, hash) {
		return broken(sequence, "its hash is %s, and was %s when it was noted elsewhere: the log was written anew", hash, kept)
	}
	return nil
}

// ends looks for rows that are known and after the last.
func (k Known) ends(organization parley.ID, last int64, broken func(int64, string, ...any) error) error {
	for sequence := range k[organization] {
		if sequence > last {
			return broken(sequence, "is missing; it was there when it was noted elsewhere, and the last is row %d now", last)
		}
	}
	return nil
}

// each calls f with every entry through a sequence, in order.
func (l *Log) each(ctx context.Context, organization parley.ID, through int64, f func(e *parley.AuditEntry) error) error {
	for after := int64(math.MinInt64); ; {
		entries, err := audit.Entries(l.store.Read(ctx), organization, after, through, atOnce)
		if err != nil {
			return fmt.Errorf("reading the audit log of organization %s after row %d: %w", organization, after, err)
		}
		for i := range entries {
			if err := f(&entries[i]); err != nil {
				return err
			}
			after = entries[i].Sequence
		}
		if len(entries) < atOnce {
			return nil
		}
	}
}

// Export calls f with every entry of an organization up to its head, in order.
func (l *Log) Export(ctx context.Context, organization parley.ID, f func(e *parley.AuditEntry) error) error {
	head, err := audit.Head(l.store.Read(ctx), organization)
	if err != nil {
		return err
	}
	return l.each(ctx, organization, head.Last, f)
}

// Head returns where an organization's log ends.
func (l *Log) Head(ctx context.Context, organization parley.ID) (parley.AuditHead, error) {
	return audit.Head(l.store.Read(ctx), organization)
}

// Organizations are all organizations, or the one that is named.
func (l *Log) Organizations(ctx context.Context, named parley.ID) (ids []parley.ID, err error) {
	q := l.store.Read(ctx)
	if named != "" {
		o, err := q.Organization(named)
		return []parley.ID{o.ID}, err
	}
	const page = 100
	for after := parley.ID(""); ; {
		organizations, err := q.Organizations(after, page)
		if err != nil {
			return nil, err
		}
		for _, o := range organizations {
			ids, after = append(ids, o.ID), o.ID
		}
		if len(organizations) < page {
			return ids, nil
		}
	}
}
