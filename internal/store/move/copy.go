package move

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/parley-server/parley/internal/store/sqldb"
)

const (
	// A page of rows that is copied in one transaction: so many, or so many bytes of them.
	pageRows  = 5000
	pageBytes = 8 << 20
)

// page is some rows of a table, in order of the key.
type page struct {
	rows sqldb.Rows
	last []any // the key of the last one
	end  bool  // there are no more
}

// copy copies the tables that are not copied yet.
func (m *move) copy(ctx context.Context) error {
	done, total := int64(0), int64(0)
	for _, t := range m.schema.tables {
		var rows int64
		if err := m.from.session.With(ctx).Row(t.count, nil, &rows); err != nil {
			return fmt.Errorf("%s: %w", m.from.name, err)
		}
		done, total = done+m.state.tables[t.name].Copied, total+rows
	}
	say := func(rows int) {
		done += int64(rows)
		m.say(Progress{PhaseCopy, done, max(done, total)})
	}
	say(0)
	for _, t := range m.schema.tables {
		if m.state.tables[t.name].Done {
			continue
		}
		copyTable := m.copyPages
		if t.unique {
			copyTable = m.copyWhole
		}
		if err := copyTable(ctx, t, say); err != nil {
			return fmt.Errorf("the table %s: %w", t.name, err)
		}
	}
	return nil
}

// copyPages copies a table page by page, each in a transaction. While one is written the next is read.
func (m *move) copyPages(ctx context.Context, t *table, say func(rows int)) error {
	ctx, cancel := context.WithCancel(ctx)
	pages, failed := make(chan *page), make(chan error, 1)
	go func() {
		defer close(pages)
		failed <- m.readPages(ctx, t, m.state.tables[t.name].After, pages)
	}()
	var err error
	for p := range pages {
		if err == nil {
			err = m.to.within(ctx, func(c sqldb.Conn) error { return m.writePage(c, t, p) })
		}
		if err != nil {
			cancel()
			continue
		}
		say(p.rows.Len())
	}
	cancel()
	if reading := <-failed; err == nil {
		err = reading
	}
	return err
}

// copyWhole copies a table as it is at one moment, in one transaction: its rows exclude each other.
func (m *move) copyWhole(ctx context.Context, t *table, say func(rows int)) error {
	if err := m.from.session.Run(ctx, m.from.snapshot()); err != nil {
		return err
	}
	err := m.to.within(ctx, func(c sqldb.Conn) error {
		for last := []any(nil); ; {
			p, err := m.readPage(ctx, t, last)
			if err != nil {
				return err
			}
			if err := m.writePage(c, t, p); err != nil {
				return err
			}
			say(p.rows.Len())
			if last = p.last; p.end {
				return nil
			}
		}
	})
	return errors.Join(err, m.from.session.Run(context.WithoutCancel(ctx), "ROLLBACK"))
}

// readPages reads the pages of a table after a key.
func (m *move) readPages(ctx context.Context, t *table, after json.RawMessage, into chan<- *page) error {
	var last []any
	if after != nil {
		var err error
		if last, err = t.parseKey(after); err != nil {
			return err
		}
	}
	for {
		p, err := m.readPage(ctx, t, last)
		if err != nil {
			return err
		}
		select {
		case into <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
		if last = p.last; p.end {
			return nil
		}
	}
}

// errFull ends a query whose page is full.
var errFull = errors.New("the page is full")

// readPage reads the page after a key, nil for the first. What it returns is durable at the source.
func (m *move) readPage(ctx context.Context, t *table, after []any) (*page, error) {
	text, args := t.first, []any{pageRows}
	if after != nil {
		text, args = t.next, append(append([]any{}, after...), pageRows)
	}
	p := &page{last: after}
	read := t.reader()
	err := m.from.session.With(ctx).Query(text, args, func(r *sql.Rows) error {
		values, err := read(r)
		if err != nil {
			return err
		}
		p.rows.Add(values...)
		p.last = t.keyOf(values)
		if len(p.rows.Param()) >= pageBytes {
			return errFull
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	p.end = err == nil && p.rows.Len() < pageRows
	return p, m.from.Settled(ctx)
}

// writePage writes a page, and that it is written.
func (m *move) writePage(c sqldb.Conn, t *table, p *page) error {
	if p.rows.Len() > 0 {
		if _, err := c.Exec(t.insert, p.rows.Param()); err != nil {
			return err
		}
	}
	s := m.state.tables[t.name]
	s.Copied += int64(p.rows.Len())
	s.Done = p.end
	var err error
	if s.After, err = json.Marshal(p.last); err != nil {
		return err
	}
	return m.state.put(c, t)
}

// reader returns a function that reads a row; what it returns is valid until it is called again.
func (t *table) reader() func(r *sql.Rows) ([]any, error) {
	values, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range values {
		into[i] = &values[i]
	}
	return func(r *sql.Rows) ([]any, error) {
		if err := r.Scan(into...); err != nil {
			return nil, err
		}
		for _, v := range values {
			if v == nil {
				return nil, fmt.Errorf("a row of %s has a column without a value", t.name)
			}
		}
		return values, nil
	}
}

// keyOf is the key of a row.
func (t *table) keyOf(row []any) []any {
	key := make([]any, len(t.keyAt))
	for i, at := range t.keyAt {
		key[i] = row[at]
	}
	return key
}
