package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// snapshotsAtOnce is how many snapshots are read at once. Each has a connection of its own: one that waited for another
// of the readers' could wait for itself.
const snapshotsAtOnce = 2

// snapshot is a connection that reads in transactions: all statements of one see the same.
type snapshot struct {
	*pool
	conn       *sql.Conn
	statements map[string]*prepared
}

// Snapshot runs f with a connection whose statements all see what was committed when the first of them began. They
// only read.
func (db *DB) Snapshot(ctx context.Context, f func(Conn) error) error {
	ctx, cancel := db.backend.patience(ctx)
	defer cancel()
	var s *snapshot
	select {
	case s = <-db.readers.snapshots:
	case <-ctx.Done():
		return db.readers.failed(ctx.Err())
	}
	defer func() { db.readers.snapshots <- s }()
	if err := s.begin(ctx); err != nil {
		return s.failed(err)
	}
	err := f(Conn{ctx: ctx, x: s})
	last, done := db.backend.patience(context.WithoutCancel(ctx))
	defer done()
	if _, end := s.conn.ExecContext(last, "ROLLBACK"); end != nil {
		s.discard()
		return errors.Join(err, s.failed(end))
	}
	return err
}

func (s *snapshot) begin(ctx context.Context) (err error) {
	if s.conn == nil {
		if s.conn, err = s.db.Conn(ctx); err != nil {
			s.conn = nil
			return err
		}
		s.statements = map[string]*prepared{}
	}
	if _, err = s.conn.ExecContext(ctx, s.backend.snapshot()); err != nil {
		s.discard()
	}
	return err
}

// discard lets go of a connection that may still be in a transaction.
func (s *snapshot) discard() {
	for _, stmt := range s.statements {
		stmt.close()
	}
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
	s.conn, s.statements = nil, nil
}

func (s *snapshot) prepare(ctx context.Context, text string) (*prepared, error) {
	return prepareOn(ctx, s.conn, s.backend, s.statements, text)
}

// prepareOn prepares a statement on a connection, once.
func prepareOn(ctx context.Context, conn *sql.Conn, b backend, known map[string]*prepared, text string) (*prepared, error) {
	if stmt, ok := known[text]; ok {
		return stmt, nil
	}
	adapted := b.adapt(text)
	stmt, err := conn.PrepareContext(ctx, adapted.text)
	if err != nil {
		return nil, err
	}
	known[text] = &prepared{stmt, adapted}
	return known[text], nil
}

// Session is a connection of its own for long work. Its user begins and ends transactions by statements; what it commits
// is durable.
type Session struct {
	db         *DB
	pool       *sql.DB
	conn       *sql.Conn
	statements map[string]*prepared
}

// Session opens a connection. It is closed before the database is.
func (db *DB) Session(ctx context.Context) (*Session, error) {
	pool, err := db.backend.apart()
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(db.backend.translate(err), pool.Close())
	}
	return &Session{db: db, pool: pool, conn: conn, statements: map[string]*prepared{}}, nil
}

// With runs statements under a context. One that ends breaks the transaction.
func (s *Session) With(ctx context.Context) Conn { return Conn{ctx: ctx, x: s} }

// Run runs statements as they are written, in the database's own words.
func (s *Session) Run(ctx context.Context, text string) error {
	if err := s.before(text); err != nil {
		return err
	}
	_, err := s.conn.ExecContext(ctx, text)
	return s.failed(err)
}

// Close ends the session, and the transaction that it may be in.
func (s *Session) Close() error {
	for _, stmt := range s.statements {
		stmt.close()
	}
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
	return s.pool.Close()
}

func (s *Session) prepare(ctx context.Context, text string) (*prepared, error) {
	return prepareOn(ctx, s.conn, s.db.backend, s.statements, text)
}

func (s *Session) before(text string) error {
	if s.db.options.Fault == nil {
		return nil
	}
	return s.failed(s.db.options.Fault(text))
}

func (s *Session) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

func (s *Session) failed(err error) error { return s.db.backend.translate(err) }
