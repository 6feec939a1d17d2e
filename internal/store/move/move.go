// Package move brings a database to another one, of the same kind or the other, while programs may go on using it. It
// knows tables and rows, and nothing of messages.
//
// Triggers note the keys of the rows that change while the tables are copied. What changed is then brought over in
// rounds, each to what the source was at one moment, until little is left. Then nobody may write; the last round is
// made; the source is closed for good; and only then is the destination opened. At no moment do both take writes: both
// are marked in the database itself, so that no program opens a source that is closed, or a destination that is not whole.
//
// The destination holds how far the move is, and each step is committed together with that. Whenever it ends, another
// run goes on from there, as long as the source has noted its changes since; else it begins anew.
package move

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Progress is how far a move is. What is counted depends on the phase.
type Progress struct {
	Phase       Phase
	Done, Total int64
}

// Phase is a part of a move.
type Phase string

// The phases of a move, in order.
const (
	PhaseCopy    Phase = "rows are copied"
	PhaseChanges Phase = "changes are brought over"
	PhaseIndexes Phase = "indexes are made"
	PhaseCompare Phase = "rows are compared"
	PhaseStopped Phase = "writes are stopped for the last changes"
)

// Report is what a move did.
type Report struct {
	// Tables were compared while the source was of one moment.
	Tables []Compared
	// Changed rows were brought over later, and compared one by one.
	Changed int64
	// Stopped is how long nobody could write; 0 where the last step was left to this run.
	Stopped time.Duration

	halted time.Time // since when
}

// Compared is a table that is the same on both sides.
type Compared struct {
	Name string
	Rows int64
	Sum  string // of all columns of all rows in order of the key, SHA-256 in hexadecimal digits
}

var (
	// ErrElsewhere is returned where another program moves one of the databases; or both are the same.
	ErrElsewhere = errors.New("it is being moved by another program, or is both the source and the destination")
	// ErrMoved is returned for a source that was moved to this destination before.
	ErrMoved = errors.New("it was moved there before")

	errStopped = parley.Unavailable("moving", "the server moves to another database; try again", nil)
)

// move is one run.
type move struct {
	migrations []sqldb.Migration
	schema     *schema
	from, to   *side
	state      *state
	report     Report
	changes    bool // were brought over

	telling sync.Mutex
	tell    func(Progress) // nil: nobody listens
}

// say tells how far it is.
func (m *move) say(p Progress) {
	m.telling.Lock()
	defer m.telling.Unlock()
	if m.tell != nil {
		m.tell(p)
	}
}

// run moves a database. After an error, also one that nobody could return, the source is as usable as before, unless
// what is left is to open the destination; another run goes on. The destination was opened without migrations. What say
// is told must not block.
func run(ctx context.Context, from, to side, say func(Progress)) (_ *Report, err error) {
	m := &move{tell: say, from: &from, to: &to, migrations: store.Migrations()}
	if m.schema, err = readSchema(ctx, m.migrations); err != nil {
		return nil, err
	}
	for _, s := range []*side{m.from, m.to} {
		if err := s.begin(ctx, m.schema); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.session.Close()) }()
	}
	finished, err := m.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if !finished {
		if err := m.work(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.open(ctx); err != nil {
		return nil, fmt.Errorf("the source is closed, and the destination is not open yet; run it again: %w", err)
	}
	if !finished {
		m.report.Stopped = time.Since(m.report.halted)
	}
	return &m.report, nil
}

// work does everything but to open the destination.
func (m *move) work(ctx context.Context) error {
	for _, step := range []func(context.Context) error{m.copy, m.catchUp, m.makeIndexes, m.compare, m.tidy, m.catchUp, m.change} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeIndexes makes the indexes that are missing. All rows are of one moment, or unique ones could not be made.
func (m *move) makeIndexes(ctx context.Context) error {
	present, err := m.to.names(ctx, m.to.indexes())
	if err != nil {
		return err
	}
	for n, i := range m.schema.indexes {
		m.say(Progress{PhaseIndexes, int64(n), int64(len(m.schema.indexes))})
		if present[i.name] {
			continue
		}
		if err := m.to.session.Run(ctx, i.create); err != nil {
			return fmt.Errorf("the index %s: %w", i.name, err)
		}
	}
	return nil
}

const (
	// shortRound is what the last round before the stop may take, so that the one in it takes less; longRound is what it
	// may take where rounds do not get shorter any more.
	shortRound = 500 * time.Millisecond
	longRound  = 2 * time.Second
	// stopTime is how long writes are stopped at most.
	stopTime = 30 * time.Second
)

// catchUp makes rounds until one is short. Where more changes than can be brought over it does not end.
func (m *move) catchUp(ctx context.Context) error {
	for before := time.Duration(0); ; {
		began := time.Now()
		if err := m.round(ctx, nil); err != nil {
			return err
		}
		took := time.Since(began)
		if took < shortRound || took < longRound && before > 0 && took > before*3/4 {
			return nil
		}
		before = took
	}
}

// tidy leaves the destination as one is that has been used for a while.
func (m *move) tidy(ctx context.Context) error {
	if m.changes {
		m.to.Erased() // content may have ended since it was copied
	}
	for _, t := range m.schema.tables {
		if err := m.to.session.Run(ctx, m.to.tend(t.name)); err != nil {
			return err
		}
	}
	return nil
}

// change stops writes, brings the last changes over, and closes the source. Where it fails before that, writes go on.
func (m *move) change(ctx context.Context) error {
	m.report.halted = time.Now()
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	m.say(Progress{Phase: PhaseStopped})
	closing := false
	err := m.from.Halt(ctx, errStopped)
	if err == nil {
		closing, err = m.last(ctx)
	}
	if err != nil && !closing {
		m.from.Proceed()
	}
	return err
}

// last is what is done while nobody writes. closing: the source may be closed, whatever the error says.
func (m *move) last(ctx context.Context) (closing bool, err error) {
	if err := m.from.freeze(ctx, m.from); err != nil {
		return false, err
	}
	defer func() { err = m.from.leave(ctx, err) }()
	if err := m.apply(ctx); err != nil {
		return false, err
	}
	if err := m.sameCounts(ctx); err != nil {
		return false, err
	}
	why := fmt.Sprintf("was moved to %s on %s", m.to.name, time.Now().UTC().Format(time.RFC3339))
	if err := m.from.shut(ctx, m.from, why); err != nil {
		return false, err
	}
	return true, m.from.session.Run(ctx, "COMMIT")
}

// open lets programs use the destination.
func (m *move) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime) // nobody is served meanwhile
	defer cancel()
	m.report.Tables = m.state.compared(m.schema)
	return m.to.within(ctx, func(c sqldb.Conn) error {
		if err := m.to.session.Run(ctx, "DROP TABLE "+progressTable); err != nil {
			return err
		}
		_, err := c.Exec("DELETE FROM schema_migrations WHERE number = $1", sqldb.Closing)
		return err
	})
}
