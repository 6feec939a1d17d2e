package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/parley-server/parley/internal/parley"
)

const (
	// pgCommitters is how many committers of the foreground a program has: while one waits for the database another
	// works. Beside them there is one of the background.
	pgCommitters = 2
	// transactionTime is how long a transaction may take, and a statement that reads. A database that does not answer is given up.
	transactionTime = 30 * time.Second
	// connectTime is how long a connection may take to be made.
	connectTime = 5 * time.Second
	// migrationLock is the advisory lock of whoever migrates.
	migrationLock = 0x7061726c6579
)

// session is how connections are set, where the address does not say otherwise. Every statement was written for one plan:
// its few rows are looked up by an index, one after another. The planner would leave it for tables of which it has no
// statistics yet, or old ones; to compile takes longer than to run.
var session = map[string]string{"application_name": "parley", "enable_seqscan": "off", "enable_hashjoin": "off",
	"enable_mergejoin": "off", "join_collapse_limit": "1", "enable_bitmapscan": "off", "jit": "off", "plan_cache_mode": "force_generic_plan"}

// SQLStateMoved is the SQLSTATE by which a database refuses writes that was moved away.
const SQLStateMoved = "PM001"

// postgres is a PostgreSQL database, which any number of programs use.
type postgres struct {
	*DB
	config *pgx.ConnConfig
	busy   atomic.Int64  // until when many wait for the foreground, in nanoseconds since 1970
	began  time.Time     // when the background's last transaction began, and
	spent  time.Duration // how long it took; of its committer
	node   membership
	texts  sync.Map // statements that go together: text → statement
}

func (p *postgres) open() (err error) {
	if p.options.Readers == 0 {
		p.options.Readers = 16
	}
	if p.options.patience == 0 {
		p.options.patience = transactionTime
	}
	if p.config, err = pgx.ParseConfig(p.options.URL); err != nil {
		return fmt.Errorf("the address of the database: %w", err)
	}
	if p.config.ConnectTimeout == 0 {
		p.config.ConnectTimeout = connectTime
	}
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	p.config.DialFunc = dialer.DialContext
	for name, value := range session {
		if p.config.RuntimeParams[name] == "" {
			p.config.RuntimeParams[name] = value
		}
	}
	return nil
}

func (p *postgres) close() error { return nil }

func (p *postgres) committers() int { return pgCommitters + 1 }

// used is one committer of the foreground where several programs work: then others work while it waits.
func (p *postgres) used() int {
	if p.nodes() > 1 {
		return 1
	}
	return pgCommitters
}

func (p *postgres) shared() bool { return true }

func (p *postgres) writing() (*sql.DB, error) {
	return stdlib.OpenDB(*p.config, stdlib.OptionAfterConnect(p.durable)), nil
}

func (p *postgres) apart() (*sql.DB, error) { return p.writing() }

// durable makes commits wait for the disk where the database's setting is that they do not. Stricter ones are kept.
func (p *postgres) durable(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if p.options.Sabotage == SabotageNoSync {
		_, err := conn.Exec(ctx, "SET synchronous_commit = off")
		return err
	}
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

func (p *postgres) reading() (*sql.DB, error) {
	db := stdlib.OpenDB(*p.config) // a caller that gives up costs a connection: a request to cancel might meet the next one's query
	db.SetMaxOpenConns(p.options.Readers + snapshotsAtOnce)
	db.SetMaxIdleConns(p.options.Readers + snapshotsAtOnce)
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

func (p *postgres) connected(*writer) error { return nil }

func (p *postgres) disconnecting() {}

// migrating holds a lock until the schema is up to date.
func (p *postgres) migrating(ctx context.Context, conn *sql.Conn) (done func() error, err error) {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return nil, p.translate(err)
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
		return err
	}, nil
}

// index makes an index beside those who write. One that was begun and not ended is made anew.
func (p *postgres) index(ctx context.Context, conn *sql.Conn, index Index) error {
	var broken bool
	err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE c.relname = $1 AND NOT i.indisvalid)`, index.Name).Scan(&broken)
	if err != nil {
		return err
	}
	if broken {
		if _, err := conn.ExecContext(ctx, "DROP INDEX CONCURRENTLY "+index.Name); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "CREATE INDEX CONCURRENTLY IF NOT EXISTS "+index.Name+" ON "+index.On)
	return err
}

func (p *postgres) beside(*writer) func() { return func() {} }

// gatherTime is how long a transaction waits for units: what it costs falls with how many share it.
const gatherTime = 3 * time.Millisecond

func (p *postgres) gathers() time.Duration { return gatherTime }

func (p *postgres) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, p.options.patience)
}

// begin begins a transaction and takes the keys of its units. Its time is the database's, after that: what has a key in
// common is in order of time too.
func (p *postgres) begin(tx *Tx, b *batch) error {
	p.giveWay(b)
	statements := []Statement{{Text: "BEGIN"}}
	if keys := p.keysOf(b.units); keys.Len() > 0 {
		statements = append(statements, Statement{Text: takeKeys, Args: []any{keys.Param()}})
	}
	statements = append(statements, Statement{Text: "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"})
	for _, s := range statements {
		if err := tx.x.before(s.Text); err != nil {
			return err
		}
	}
	var now int64
	err := p.send(tx, statements, func(r pgx.BatchResults) error {
		for range len(statements) - 1 {
			if _, err := r.Exec(); err != nil {
				return err
			}
		}
		return r.QueryRow().Scan(&now)
	})
	tx.Now = p.at(now)
	return err
}

// restShare is how many times as long as its last transaction the background waits with the next while the foreground is
// busy: the processors are shared, here and on the database's machine. The backgrounds of several programs share its part.
func (p *postgres) restShare() time.Duration { return time.Duration(4*p.nodes() - 1) }

// giveWay lets the foreground go first.
func (p *postgres) giveWay(b *batch) {
	if !b.units[0].Background {
		p.noteBusy(b)
		return
	}
	now := time.Now()
	for end := now.Add(p.restShare() * p.spent); now.Before(end) && p.busy.Load() > now.UnixNano(); now = time.Now() {
		time.Sleep(min(end.Sub(now), time.Millisecond))
	}
	p.began = now
}

// noteBusy notes that many wait for the foreground. Of several programs none sees what the others' do: there it is so when a
// transaction is shared at all.
func (p *postgres) noteBusy(b *batch) {
	if b.waited >= maxUnits/4 || p.nodes() > 1 && len(b.units) >= busyUnits/4 {
		p.busy.Store(time.Now().Add(2 * busyTime).UnixNano()) // a transaction may take that long
	}
}

// at is the time of a transaction: the database's, but where a test has its own.
func (p *postgres) at(ms int64) time.Time {
	if p.options.Now != nil {
		return p.options.Now().Truncate(time.Millisecond)
	}
	return time.UnixMilli(ms)
}

// send sends statements together; answers, nil for none, reads what they answer, as far as it is wanted.
func (p *postgres) send(tx *Tx, statements []Statement, answers func(pgx.BatchResults) error) error {
	batch := &pgx.Batch{}
	for _, s := range statements {
		adapted := p.adapted(s.Text)
		args, err := adapted.args(s.Args)
		if err != nil {
			return err
		}
		batch.Queue(adapted.text, args...)
	}
	err := tx.writer.conn.Raw(func(driverConn any) (err error) {
		results := driverConn.(*stdlib.Conn).Conn().SendBatch(tx.ctx, batch)
		if answers != nil {
			err = answers(results)
		}
		if end := results.Close(); err == nil {
			err = end
		}
		return err
	})
	return tx.x.failed(err)
}

func (p *postgres) execAll(tx *Tx, statements []Statement) error { return p.send(tx, statements, nil) }

func (p *postgres) execLast(tx *Tx, s Statement) error {
	tx.last = append(tx.last, s)
	return nil
}

// adapted is adapt, once for each text.
func (p *postgres) adapted(text string) statement {
	if s, ok := p.texts.Load(text); ok {
		return s.(statement)
	}
	s := p.adapt(text)
	p.texts.Store(text, s)
	return s
}

func (p *postgres) commit(tx *Tx, o outcome) error {
	if !tx.writer.sound() { // COMMIT would undo it, and say nothing
		return errors.Join(errIgnored, tx.writer.rollback(tx))
	}
	if err := tx.x.before("COMMIT"); err != nil {
		return errUnknown{err}
	}
	// Where one fails those after it are not run, nor is the commit.
	if err := p.send(tx, append(tx.last, Statement{Text: "COMMIT"}), nil); err != nil {
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && !isGone(pgErr) {
			return errors.Join(err, tx.writer.rollback(tx)) // it says that nothing was committed
		}
		return errUnknown{err}
	}
	if len(o.batch) > 0 && o.batch[0].Background { // sabotage has answered before
		p.spent = min(time.Since(p.began), busyTime)
	}
	p.finish(o)
	return nil
}

// errIgnored is a transaction in which a statement failed that no unit told of.
var errIgnored = errors.New("a unit ignored the failure of a statement")

// sound reports whether the transaction can be committed.
func (w *writer) sound() bool {
	status := byte(0)
	err := w.conn.Raw(func(driverConn any) error {
		status = driverConn.(*stdlib.Conn).Conn().PgConn().TxStatus()
		return nil
	})
	return err == nil && status == 'T'
}

// finish tells what was committed and answers its units.
func (p *postgres) finish(o outcome) {
	for _, f := range o.after { // before who listens is told: what it asks then must not be answered from before
		f()
	}
	if o.committed != nil {
		o.committed()
	}
	answer(o.batch, o.results)
	if p.options.Observe != nil {
		p.options.Observe(len(o.batch), time.Since(o.began))
	}
}

func (p *postgres) answer(o outcome) { answer(o.batch, o.results) }

func (p *postgres) snapshot() string { return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" }

// settled is always so: what PostgreSQL shows to others is durable.
func (p *postgres) settled(context.Context) error { return nil }

// erased has nothing to do: VACUUM and the archiving of the log are the operator's.
func (p *postgres) erased() {}

// translate is by SQLSTATE (Appendix A of PostgreSQL's documentation).
func (p *postgres) translate(err error) error {
	if err == nil || parley.IsKind(err, parley.KindUnavailable) {
		return err
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if isLost(err) {
			return parley.Unavailable("storage-unavailable", "the database cannot be used now; try again", err)
		}
		return err
	}
	switch {
	case pgErr.Code == "40001" || pgErr.Code == "40P01": // serialization failure, deadlock
		return parley.Unavailable(codeConflict, "the database was busy with the same things; try again", err)
	case pgErr.Code == "55P03" || pgErr.Code == "57014": // lock not available, statement cancelled
		return parley.Unavailable(codeBusy, "the database is busy; try again", err)
	case pgErr.Code == "53100": // disk full
		return parley.Unavailable(codeFull, "the disk is full; try again when there is room", err)
	case pgErr.Code == SQLStateMoved:
		return parley.Unavailable("moved", "the server has moved to another database; try again", err)
	case isGone(pgErr):
		return parley.Unavailable("storage-unavailable", "the database cannot be used now; try again", err)
	}
	return err
}

// isGone reports trouble of the server or the connection, not of a statement: connection exceptions, resources, an
// operator's intervention, a standby, errors of its system.
func isGone(err *pgconn.PgError) bool {
	switch err.Code[:2] {
	case "08", "53", "57", "58", "XX":
		return true
	}
	return err.Code == "25006" // read-only: it is not the primary
}

// isLost reports an error of the connection.
func isLost(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false // of the caller
	}
	if _, isNet := errors.AsType[net.Error](err); isNet {
		return true
	}
	if _, isConnect := errors.AsType[*pgconn.ConnectError](err); isConnect {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || slices.ContainsFunc([]error{sql.ErrConnDone, driver.ErrBadConn, io.EOF,
		io.ErrUnexpectedEOF, net.ErrClosed}, func(lost error) bool { return errors.Is(err, lost) })
}

func isUniqueInPostgres(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == "23505"
}
