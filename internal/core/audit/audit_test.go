package audit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is one with two organizations in which things were done.
type world struct {
	*coretest.World
	log *audit.Log
}

const rows = 8 // of the admin's organization

func newWorld(t *testing.T) *world {
	w := &world{World: coretest.New(t)}
	w.log = audit.New(w.Store)
	other := w.Organization("Beta")
	for i := range rows - 1 { // the first is the organization's own
		w.User(w.Admin, fmt.Sprint("u", i))
		w.User(other, fmt.Sprint("u", i))
	}
	return w
}

// change runs a statement that the program never would, in a transaction of the admin's organization.
func (w *world) change(text string, args ...any) {
	w.T.Helper()
	w.Must(w.Store.Write(w.T.Context(), w.Admin.Organization, func(tx *store.Tx) error {
		n, err := tx.Conn().Exec(text, args...)
		if err == nil && n == 0 {
			err = errors.New("changes nothing")
		}
		return err
	}))
}

// broken verifies the admin's log and returns where it breaks; -1 where it does not.
func (w *world) broken() (int64, string) {
	w.T.Helper()
	_, err := w.log.Verify(w.T.Context(), w.Admin.Organization, nil)
	if err == nil {
		return -1, ""
	}
	broken, is := errors.AsType[*audit.Broken](err)
	if !is {
		w.T.Fatal(err)
	}
	return broken.Sequence, broken.Error()
}

func (w *world) wantBroken(what string, sequence int64) {
	w.T.Helper()
	if at, why := w.broken(); at != sequence {
		w.T.Errorf("%s: found at %d (%s), want %d", what, at, why, sequence)
	}
}

// entries are the admin's.
func (w *world) entries() (list []parley.AuditEntry) {
	w.T.Helper()
	w.Must(w.log.Export(w.T.Context(), w.Admin.Organization, func(e *parley.AuditEntry) error {
		list = append(list, *e)
		return nil
	}))
	return list
}

var (
	texts   = []string{"actor", "user_id", "key_id", "act", "subject", "subject_id", "changes", "address", "hash"}
	numbers = []string{"at"}
)

// TestEveryChangeIsFound: one byte of any column of any row.
func TestEveryChangeIsFound(t *testing.T) {
	w := newWorld(t)
	o := string(w.Admin.Organization)
	w.wantBroken("as it was written", -1)
	for _, e := range w.entries() {
		n := e.Sequence
		for _, column := range texts {
			var value string
			w.Must(w.Store.Read(t.Context()).Conn().Row("SELECT "+column+" FROM audit WHERE organization_id = $1 AND sequence = $2", []any{o, n}, &value))
			for _, changed := range []string{value + "x", flipped(value, rand.IntN(1+len(value)))} {
				set := "UPDATE audit SET " + column + " = $1 WHERE organization_id = $2 AND sequence = $3"
				w.change(set, changed, o, n)
				w.wantBroken(fmt.Sprintf("%s of row %d from %q to %q", column, n, value, changed), n)
				w.change(set, value, o, n)
			}
		}
		for _, column := range numbers {
			w.change("UPDATE audit SET "+column+" = "+column+" + 1 WHERE organization_id = $1 AND sequence = $2", o, n)
			w.wantBroken(fmt.Sprintf("%s of row %d", column, n), n)
			w.change("UPDATE audit SET "+column+" = "+column+" - 1 WHERE organization_id = $1 AND sequence = $2", o, n)
		}
		w.change("UPDATE audit SET sequence = -sequence WHERE organization_id = $1 AND sequence = $2", o, n)
		w.wantBroken(fmt.Sprintf("sequence of row %d", n), -n)
		w.change("UPDATE audit SET sequence = -sequence WHERE organization_id = $1 AND sequence = $2", o, -n)
		w.change("UPDATE audit SET organization_id = 'x' WHERE organization_id = $1 AND sequence = $2", o, n)
		w.wantBroken(fmt.Sprintf("organization of row %d", n), n)
		w.change("UPDATE audit SET organization_id = $1 WHERE organization_id = 'x' AND sequence = $2", o, n)
	}
	w.wantBroken("put right again", -1)
}

// flipped is a text with one other byte, or a byte more.
func flipped(text string, at int) string {
	if at == len(text) || text[at] >= 0x80 {
		return text + "~"
	}
	other := byte('a')
	if text[at] == other {
		other = 'b'
	}
	return text[:at] + string(other) + text[at+1:]
}

// TestRowsThatGoAreFound: in the middle, at the end, all of them; and rows that are exchanged, or added.
func TestRowsThatGoAreFound(t *testing.T) {
	const middle, end = 4, rows
	for name, c := range map[string]struct {
		at         int64
		statements []string
	}{
		"the first row":     {1, []string{"DELETE FROM audit WHERE organization_id = $1 AND sequence = 1"}},
		"one in the middle": {middle, []string{"DELETE FROM audit WHERE organization_id = $1 AND sequence = 4"}},
		"the last":          {end, []string{"DELETE FROM audit WHERE organization_id = $1 AND sequence = 8"}},
		"the last three":    {6, []string{"DELETE FROM audit WHERE organization_id = $1 AND sequence >= 6"}},
		"all":               {1, []string{"DELETE FROM audit WHERE organization_id = $1"}},
		"two exchanged": {middle, []string{"UPDATE audit SET sequence = 1000 WHERE organization_id = $1 AND sequence = 4",
			"UPDATE audit SET sequence = 4 WHERE organization_id = $1 AND sequence = 5",
			"UPDATE audit SET sequence = 5 WHERE organization_id = $1 AND sequence = 1000"}},
		"one after the head": {9, []string{`INSERT INTO audit (organization_id, sequence, at, actor, user_id, key_id, act, subject, subject_id, changes, address, hash)
			SELECT organization_id, 9, at, actor, user_id, key_id, act, subject, subject_id, changes, address, hash FROM audit
			WHERE organization_id = $1 AND sequence = 8`}},
		"the head's number, up":   {9, []string{"UPDATE audit_heads SET last_sequence = 9 WHERE organization_id = $1"}},
		"the head's number, down": {7, []string{"UPDATE audit_heads SET last_sequence = 7 WHERE organization_id = $1"}},
		"the head's hash":         {end, []string{"UPDATE audit_heads SET last_hash = 'x' WHERE organization_id = $1"}},
		"the beginning":           {1, []string{"UPDATE audit_heads SET dropped_sequence = 1 WHERE organization_id = $1"}},
		"the beginning's hash":    {1, []string{"UPDATE audit_heads SET dropped_hash = 'x' WHERE organization_id = $1"}},
		"the head":                {0, []string{"DELETE FROM audit_heads WHERE organization_id = $1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, text := range c.statements {
				w.change(text, string(w.Admin.Organization))
			}
			w.wantBroken(name, c.at)
			for _, other := range must[[]parley.ID](t)(w.log.Organizations(t.Context(), "")) {
				if _, err := w.log.Verify(t.Context(), other, nil); other != w.Admin.Organization && err != nil {
					t.Errorf("another organization's: %v", err)
				}
			}
		})
	}
}

// TestWrittenAnew: a chain that was made anew as a whole is one; who kept a hash sees that it is another.
func TestWrittenAnew(t *testing.T) {
	w := newWorld(t)
	o, known := w.Admin.Organization, audit.Known{}
	entries := w.entries()
	known.Add(o, 5, strings.ToUpper(entries[4].Hash))
	if _, err := w.log.Verify(t.Context(), o, known); err != nil {
		t.Fatal(err)
	}
	hash := entries[2].Hash
	for i := 3; i < len(entries); i++ {
		e := &entries[i]
		if i == 3 {
			e.Subject = "somebody else"
		}
		e.Hash = e.Chain(hash)
		hash = e.Hash
		w.change("UPDATE audit SET subject_id = $1, hash = $2 WHERE organization_id = $3 AND sequence = $4", string(e.Subject), e.Hash, string(o), e.Sequence)
	}
	w.change("UPDATE audit_heads SET last_hash = $1 WHERE organization_id = $2", hash, string(o))
	w.wantBroken("a chain made anew", -1)
	_, err := w.log.Verify(t.Context(), o, known)
	if broken, is := errors.AsType[*audit.Broken](err); !is || broken.Sequence != 5 {
		t.Errorf("with a hash that was kept: %v", err)
	}
	known = audit.Known{}
	known.Add(o, 100, hash)
	if _, err = w.log.Verify(t.Context(), o, known); err == nil {
		t.Error("a row that was there and is no more is not missed")
	}
}

// TestAnyActs: whatever is done, drops between, the log is whole; and a byte changed anywhere is found.
func TestAnyActs(t *testing.T) {
	w := newWorld(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	o := string(w.Admin.Organization)
	for i := range 40 {
		switch r.IntN(4) {
		case 0:
			w.User(w.Admin, "somebody")
		case 1:
			w.Contact(w.Admin, "Ana", fmt.Sprintf("phone:+1555%07d", i))
		case 2:
			keys := access.NewKeys(w.Store, w.Auth)
			made, _, err := keys.Create(t.Context(), w.Admin, access.KeyParams{Name: "k", Scopes: []parley.Scope{parley.ScopeAuditRead}}, nil)
			w.Must(err)
			w.Must(keys.Revoke(t.Context(), w.Admin, made.ID))
		default:
			w.drop(time.Duration(1+r.IntN(200)) * time.Millisecond)
		}
		w.wantBroken(fmt.Sprint("seed ", seed), -1)
		entries := w.entries()
		if len(entries) == 0 {
			continue
		}
		e, column := entries[r.IntN(len(entries))], texts[r.IntN(len(texts))]
		var value string
		w.Must(w.Store.Read(t.Context()).Conn().Row("SELECT "+column+" FROM audit WHERE organization_id = $1 AND sequence = $2", []any{o, e.Sequence}, &value))
		set := "UPDATE audit SET " + column + " = $1 WHERE organization_id = $2 AND sequence = $3"
		changed := flipped(value, r.IntN(1+len(value)))
		w.change(set, changed, o, e.Sequence)
		w.wantBroken(fmt.Sprintf("seed %d: %s of row %d from %q to %q", seed, column, e.Sequence, value, changed), e.Sequence)
		w.change(set, value, o, e.Sequence)
	}
}

// drop sweeps with a retention of the audit log.
func (w *world) drop(keep time.Duration) {
	w.T.Helper()
	w.Must(erasure.NewSweeper(erasure.SweeperOptions{Store: w.Store, Retention: erasure.Retention{Audit: keep}}).Sweep(w.T.Context()))
}

// TestRetention: what is old goes, and what is left is whole; without a retention nothing goes.
func TestRetention(t *testing.T) {
	w := newWorld(t)
	time.Sleep(5 * time.Millisecond)
	w.drop(0)
	if n := len(w.entries()); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
	w.drop(time.Millisecond)
	whole := must[audit.Whole](t)(w.log.Verify(t.Context(), w.Admin.Organization, nil))
	if whole.Rows != 0 || whole.Dropped != rows || whole.Last != rows {
		t.Errorf("%+v", whole)
	}
	w.User(w.Admin, "another")
	whole = must[audit.Whole](t)(w.log.Verify(t.Context(), w.Admin.Organization, nil))
	if whole.Rows != 1 || whole.Dropped != rows || whole.Last != rows+1 {
		t.Errorf("%+v", whole)
	}
	w.change("DELETE FROM audit WHERE organization_id = $1", string(w.Admin.Organization))
	w.wantBroken("a row after the dropped ones", rows+1)
}

// TestRead: a reading of held content has an entry, or does not take place.
func TestRead(t *testing.T) {
	w := newWorld(t)
	read := func(*store.Tx) (string, parley.Act, error) { return "content", parley.ActHeldRead, nil }
	got, err := audit.Read(t.Context(), w.log, w.Admin, "m1", read)
	w.Must(err)
	entries := w.entries()
	last := entries[len(entries)-1]
	if got != "content" || last.Act != parley.ActHeldRead || last.Subject != "m1" || last.SubjectKind != "message" || last.Actor.Key != w.Admin.Key {
		t.Errorf("read %q with %+v", got, last)
	}
	fails := errors.New("fails")
	if _, err := audit.Read(t.Context(), w.log, w.Admin, "m2", func(*store.Tx) (string, parley.Act, error) { return "content", "", fails }); !errors.Is(err, fails) {
		t.Error(err)
	}
	w.change("DELETE FROM audit_heads WHERE organization_id = $1", string(w.Admin.Organization))
	if got, err := audit.Read(t.Context(), w.log, w.Admin, "m3", read); err == nil || got != "" {
		t.Errorf("read %q without an entry", got)
	}
}

// TestActsAreWhole: an act that fails leaves no entry, and one whose entry cannot be written is not done.
func TestActsAreWhole(t *testing.T) {
	w := newWorld(t)
	before := len(w.entries())
	user := w.User(w.Admin, "Ana")
	if _, err := w.Directory.AddTeamMembers(t.Context(), w.Admin, "none", []parley.ID{user.User}); err == nil {
		t.Error("there is such a team")
	}
	if after := len(w.entries()); after != before+1 {
		t.Errorf("%d entries, want %d", after, before+1)
	}
	w.change("DELETE FROM audit_heads WHERE organization_id = $1", string(w.Admin.Organization))
	q := w.Store.Read(t.Context())
	users, _, err := q.Users(w.Admin.Organization, store.UserFilter{}, "", 100)
	w.Must(err)
	if _, _, err := w.Directory.CreateBroadcast(t.Context(), w.Admin, directory.BroadcastParams{Name: "News"}, nil); err == nil {
		t.Error("done without an entry")
	}
	lists, _, err := q.Broadcasts(w.Admin.Organization, "", 100)
	if err != nil || len(lists) != 0 || !slices.ContainsFunc(users, func(u parley.User) bool { return u.ID == user.User }) {
		t.Errorf("%v: %v", err, lists)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
