package move

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// TestWrongDestinations are refused with the reason, and nothing is changed on either side.
func TestWrongDestinations(t *testing.T) {
	t.Parallel()
	from := folder(t)
	made(t, from, 2, 6)
	for _, c := range []struct {
		name string
		make func(t *testing.T, p Place)
		says string
	}{
		{"not empty", func(t *testing.T, p Place) { made(t, p, 1, 7) }, "is not empty, its table accounts has 1 rows"},
		{"of a newer program", func(t *testing.T, p Place) {
			made(t, p, 0, 7)
			runIn(t, p, "INSERT INTO schema_migrations (number, name, oldest) VALUES (1000, 'later', 1)")
		}, "has schema 1000, and this program knows"},
		{"of another program", func(t *testing.T, p Place) { runIn(t, p, "CREATE TABLE users (id INTEGER)") }, "holds tables of another program"},
		{"moved away", func(t *testing.T, p Place) {
			made(t, p, 1, 7)
			_, err := Offline(t.Context(), p, folder(t), nil)
			check(t, err)
		}, "was moved to sqlite:"},
		{"a part of another move", func(t *testing.T, p Place) {
			other := folder(t)
			made(t, other, 1, 7)
			if _, err := moveFailing(t, other, p, 100); !errors.Is(err, errFault) {
				t.Fatal(err)
			}
		}, "holds a part of sqlite:"},
	} {
		for _, kind := range []func(*testing.T) Place{folder, database} {
			to := kind(t)
			c.make(t, to)
			tables, before := tablesIn(t, to), dump(t, from)
			_, err := Offline(t.Context(), from, to, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), to.String()) {
				t.Errorf("%s: got %v", c.name, err)
			}
			if after := tablesIn(t, to); !slices.Equal(after, tables) {
				t.Errorf("%s: it has %q, and had %q", c.name, after, tables)
			}
			same(t, dump(t, from), before)
			if got := tablesIn(t, from); slices.Contains(got, captureTable) {
				t.Errorf("%s: the source has %q", c.name, got)
			}
			opens(t, from)
		}
	}
}

// TestWrongSources: what holds no database, or is in use, is no source; and nothing is both source and destination.
func TestWrongSources(t *testing.T) {
	t.Parallel()
	used := folder(t)
	made(t, used, 1, 8)
	db := openEngine(t, used)
	defer func() { check(t, db.Close()) }()
	there := database(t)
	made(t, there, 1, 8)
	aliased := Place{URL: strings.Replace(there.URL, "127.0.0.1", "localhost", 1)}
	for _, c := range []struct {
		from, to Place
		says     string
	}{
		{folder(t), database(t), "holds no Parley database"},
		{database(t), folder(t), "holds no Parley database"},
		{used, database(t), "is in use by another server"},
		{used, used, "is both the source and the destination"},
		{there, there, "is both the source and the destination"},
		{there, aliased, "or is both the source and the destination"},
		{Place{URL: "postgres://127.0.0.1:1/none"}, folder(t), "postgres://127.0.0.1:1/none"},
	} {
		if _, err := Offline(t.Context(), c.from, c.to, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s to %s: got %v", c.from, c.to, err)
		}
		if c.from.Folder != "" && c.from != used {
			if files, _ := os.ReadDir(c.from.Folder); len(files) > 0 {
				t.Errorf("%s has %v", c.from, files)
			}
		}
	}
}

// TestPlaces: what a place may be, and that its password is shown to nobody.
func TestPlaces(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs("data")
	check(t, err)
	for text, shown := range map[string]string{
		"sqlite:data":  "sqlite:" + here,
		"sqlite:/data": "sqlite:/data",
		"postgres://ana:secret@h:5/x?sslmode=prefer": "postgres://h:5/x",
		"postgresql://ana:secret@h/x":                "postgres://h/x",
		"postgres:///x?host=/run/postgresql":         "postgres:///x?host=/run/postgresql",
		"sqlite:":                                    "",
		"data":                                       "",
		"mysql://ana:secret@h/x":                     "",
	} {
		p, err := ParsePlace(text)
		if (err != nil) != (shown == "") || err == nil && p.String() != shown || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s is %s: %v", text, p, err)
		}
	}
}

// TestDifferencesAreFound: where the destination is not what was copied, nothing is switched, and the source stays in use.
func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		phase     Phase
		statement string
		says      string
	}{
		{"a value", PhaseCompare, "UPDATE teams SET rev = rev + 1 WHERE id = (SELECT min(id) FROM teams)", "the table teams is not the same"},
		{"a text", PhaseCompare, "UPDATE messages SET body = body || ' ' WHERE id = (SELECT min(id) FROM messages)", "the table messages is not the same"},
		{"a row too few", PhaseCompare, "DELETE FROM media WHERE id = (SELECT min(id) FROM media)", "the table media is not the same"},
		{"a row lost at last", PhaseStopped, "DELETE FROM jobs WHERE id = (SELECT min(id) FROM jobs)", "the table jobs has 4 rows in sqlite:"},
	} {
		for _, kind := range []func(*testing.T) Place{folder, database} {
			from, to := folder(t), kind(t)
			made(t, from, 4, 9)
			source, destination := openEngine(t, from), openEngine(t, to)
			spoiled := false
			_, err := run(t.Context(), side{DB: source, name: from.String()}, side{DB: destination, name: to.String()}, func(p Progress) {
				if p.Phase == c.phase && !spoiled {
					spoiled = true
					check(t, destination.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
						_, err := tx.Exec(c.statement)
						return err
					}}))
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v", c.name, err)
			}
			check(t, source.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error { return nil }}))
			check(t, errors.Join(source.Close(), destination.Close()))
			opens(t, from)
			refuses(t, to, "is being filled from")
		}
	}
}

// TestGivenUp: a server that is started on the source of a move that was not ended notes nothing any more, and a move
// begins anew. A move that goes on elsewhere is left alone.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs[:2] {
		from, to := pair.from(t), pair.to(t)
		made(t, from, 4, 10)
		if _, err := moveFailing(t, from, to, 300); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), from.options())
		check(t, err)
		if from.URL != "" {
			running := side{DB: s.Engine(), name: "running"}
			check(t, running.begin(t.Context(), schemaOf(t)))
			check(t, GiveUp(t.Context(), s))
			if !slices.Contains(tablesIn(t, from), changesTable) {
				t.Error("a move that goes on was ended")
			}
			check(t, running.session.Close())
		}
		check(t, GiveUp(t.Context(), s))
		check(t, GiveUp(t.Context(), s)) // again
		check(t, s.Engine().Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
			_, err := tx.Exec("DELETE FROM teams WHERE id = (SELECT max(id) FROM teams)")
			return err
		}}))
		check(t, s.Close())
		before := dump(t, from)
		_, err = Offline(t.Context(), from, to, nil)
		check(t, err)
		same(t, dump(t, to), before)
	}
}

// TestTextThatIsNone: what PostgreSQL cannot hold as text is moved as it can, and is no difference.
func TestTextThatIsNone(t *testing.T) {
	t.Parallel()
	from, to := folder(t), database(t)
	made(t, from, 3, 11)
	runIn(t, from, "UPDATE teams SET name = 'a' || char(0) || 'b' || CAST(x'ff' AS TEXT)")
	_, err := Offline(t.Context(), from, to, nil)
	check(t, err)
	for _, row := range dump(t, to)["teams"] {
		if !strings.Contains(row, `"a\ufffdb\ufffd"`) && !strings.Contains(row, "a\ufffdb\ufffd") {
			t.Errorf("it became %s", row)
		}
	}
}

// runIn runs a statement in a place.
func runIn(t *testing.T, p Place, text string) {
	t.Helper()
	if p.URL != "" {
		_, err := pgtest.Open(t, p.URL).Exec(text)
		check(t, err)
		return
	}
	db := openEngine(t, p)
	check(t, db.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		_, err := tx.Exec(text)
		return err
	}}))
	check(t, db.Close())
}

// tablesIn are the names of the tables of a place.
func tablesIn(t *testing.T, p Place) []string {
	t.Helper()
	db := openEngine(t, p)
	defer func() { check(t, db.Close()) }()
	tables, err := namesFrom(db.Read(t.Context()), engineOf(db).tables())
	check(t, err)
	var list []string
	for name := range tables {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
