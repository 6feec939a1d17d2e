package move

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/store/sqldb"
)

const (
	// noteRows is how many notes of changes are read at a time, and keyRows of how many rows one statement has the keys.
	noteRows = 5000
	keyRows  = 250
)

// round brings the destination to what the source is at one moment. Then, while the source is still seen as it was,
// it calls also, if there is one.
func (m *move) round(ctx context.Context, also func(ctx context.Context) error) (err error) {
	if err := m.from.session.Run(ctx, m.from.snapshot()); err != nil {
		return err
	}
	defer func() { err = m.from.leave(ctx, err) }()
	through, err := m.noted(ctx)
	if err != nil {
		return err
	}
	if err := m.apply(ctx); err != nil {
		return err
	}
	if also != nil {
		if err := also(ctx); err != nil {
			return err
		}
	}
	return m.from.forget(ctx, m.from, through)
}

// noted is the number of the last change that the source's transaction sees.
func (m *move) noted(ctx context.Context) (through int64, err error) {
	err = m.from.session.With(ctx).Row("SELECT coalesce(max(n), 0) FROM "+changesTable, nil, &through)
	return through, err
}

// apply brings over what the source's transaction sees of changes, in one transaction: all rows that changed are deleted
// before one is inserted, so that no unique index sees rows of two moments.
func (m *move) apply(ctx context.Context) error {
	var total int64
	err := m.from.session.With(ctx).Row("SELECT count(*) FROM "+changesTable, nil, &total)
	if err != nil || total == 0 {
		return err
	}
	m.changes = true
	changed := int64(0)
	err = m.to.within(ctx, func(c sqldb.Conn) error {
		for _, do := range []func(context.Context, sqldb.Conn, *table, [][]any) error{m.deleteRows, m.insertRows} {
			err := m.notes(ctx, func(t *table, keys [][]any) error {
				changed += int64(len(keys))
				m.say(Progress{PhaseChanges, changed / 2, total})
				return do(ctx, c, t, keys)
			})
			if err != nil {
				return err
			}
		}
		return m.from.Settled(ctx)
	})
	m.report.Changed += changed / 2
	return err
}

// notes reads the notes of changes, and calls f with the keys of rows of one table, each once of some that follow each other.
func (m *move) notes(ctx context.Context, f func(t *table, keys [][]any) error) error {
	const text = "SELECT n, name, key FROM " + changesTable + " WHERE n > $1 ORDER BY n LIMIT $2"
	for after, read := int64(0), noteRows; read == noteRows; {
		read = 0
		byTable := map[string]map[string]bool{}
		err := m.from.session.With(ctx).Query(text, []any{after, noteRows}, func(r *sql.Rows) error {
			var name, key string
			err := r.Scan(&after, &name, &key)
			if byTable[name] == nil {
				byTable[name] = map[string]bool{}
			}
			byTable[name][key] = true
			read++
			return err
		})
		if err != nil {
			return err
		}
		for name, texts := range byTable {
			if err := m.keys(name, texts, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// keys calls f with the keys of a table, some at a time.
func (m *move) keys(name string, texts map[string]bool, f func(t *table, keys [][]any) error) error {
	t, err := m.schema.table(name)
	if err != nil {
		return err
	}
	keys := make([][]any, 0, len(texts))
	for text := range texts {
		key, err := t.parseKey([]byte(text))
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	for some := range slices.Chunk(keys, keyRows) {
		if err := f(t, some); err != nil {
			return err
		}
	}
	return nil
}

func (m *move) deleteRows(_ context.Context, c sqldb.Conn, t *table, keys [][]any) error {
	_, err := c.Exec(t.deleteBy, rowsOf(keys))
	return err
}

// insertRows inserts what the source has of some rows, and reads back what it inserted. What a note before these has
// brought is there already.
func (m *move) insertRows(ctx context.Context, c sqldb.Conn, t *table, keys [][]any) error {
	theirs, err := t.fetch(m.from.session.With(ctx), keys)
	if err != nil {
		return err
	}
	if len(theirs) > 0 {
		if _, err := c.Exec(t.insertMissing, theirs); err != nil {
			return err
		}
	}
	ours, err := t.fetch(c, keys)
	if err == nil && !bytes.Equal(ours, theirs) {
		err = fmt.Errorf("rows of the table %s are not the same after they were brought over", t.name)
	}
	return err
}

// fetch returns the rows of some keys that there are, in order of the key.
func (t *table) fetch(c sqldb.Conn, keys [][]any) ([]byte, error) {
	var rows sqldb.Rows
	read := t.reader()
	err := c.Query(t.byKeys, []any{rowsOf(keys)}, func(r *sql.Rows) error {
		values, err := read(r)
		if err == nil {
			rows.Add(values...)
		}
		return err
	})
	return rows.Param(), err
}

func rowsOf(keys [][]any) []byte {
	var rows sqldb.Rows
	for _, key := range keys {
		rows.Add(key...)
	}
	return rows.Param()
}
