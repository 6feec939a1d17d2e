package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// emitted is an event that has no number yet.
type emitted struct {
	organization parley.ID
	event        parley.Event
}

// Emit adds a fact to the log of an organization that the unit works on. It is numbered when the transaction's units
// are through.
func (tx *Tx) Emit(organization parley.ID, e parley.Event) {
	tx.MustHave(organization)
	tx.emit(organization, e)
}

// MustHave stops a unit that changes an organization which it was not begun for: other nodes may change it too.
func (tx *Tx) MustHave(organization parley.ID) {
	if !slices.Contains(tx.taken, string(organization)) {
		panic("a unit changes organization " + string(organization) + ", which it was not begun for") // a programming error
	}
}

func (tx *Tx) emit(organization parley.ID, e parley.Event) {
	e.At = tx.Now
	tx.tx.Emit(emitted{organization, e})
}

// finish numbers what the units emitted, one counter update per organization, and tells the listeners.
func (s *Store) finish(tx *sqldb.Tx, values []any) (func(), error) {
	if len(values) == 0 {
		return nil, nil
	}
	logs := make(map[parley.ID]int, 8)
	var commits []Committed
	for _, v := range values {
		e := v.(emitted)
		i, ok := logs[e.organization]
		if !ok {
			i = len(commits)
			logs[e.organization] = i
			commits = append(commits, Committed{Organization: e.organization})
		}
		commits[i].Events = append(commits[i].Events, e.event)
	}
	slices.SortFunc(commits, func(a, b Committed) int { return strings.Compare(string(a.Organization), string(b.Organization)) })
	if err := s.number(tx, commits); err != nil {
		return nil, err
	}
	if err := writeEvents(tx, commits); err != nil {
		return nil, err
	}
	return func() { s.tell(commits) }, nil
}

func (s *Store) tell(commits []Committed) {
	s.listeners.mu.RLock()
	defer s.listeners.mu.RUnlock()
	for _, f := range s.listeners.all {
		f(commits)
	}
}

var numberEvents = `UPDATE organization_log SET last_event = last_event + j.n, channels_rev = channels_rev + j.of_channels
	FROM ` + sqldb.From("$1", "organization_id TEXT", "n BIGINT", "of_channels BIGINT") + ` AS j
	WHERE organization_log.organization_id = j.organization_id
	RETURNING organization_log.organization_id, last_event`

func (s *Store) number(tx *sqldb.Tx, commits []Committed) error {
	if s.options.Sabotage == SabotageCounter {
		return s.numberOutside(tx, commits)
	}
	var rows sqldb.Rows
	for _, c := range commits {
		rows.Add(string(c.Organization), len(c.Events), ofChannels(c.Events))
	}
	last := make(map[parley.ID]int64, len(commits))
	err := tx.Query(numberEvents, []any{rows.Param()}, func(r *sql.Rows) error {
		var organization parley.ID
		var sequence int64
		err := r.Scan(&organization, &sequence)
		last[organization] = sequence
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range commits {
		end, ok := last[c.Organization]
		if !ok {
			return fmt.Errorf("organization %s has no event log", c.Organization)
		}
		for i := range c.Events {
			c.Events[i].Sequence = end - int64(len(c.Events)) + int64(i) + 1
		}
	}
	return nil
}

// ofChannels is how many events change what channels there are, or what they are like.
func ofChannels(events []parley.Event) (n int) {
	for i := range events {
		switch events[i].Type {
		case parley.EventChannelCreated, parley.EventChannelUpdated, parley.EventChannelDeleted:
			n++
		}
	}
	return n
}

// ChannelsRev is the revision of an organization's channels: it is raised by every change of one of them.
func (q Queries) ChannelsRev(organization parley.ID) (rev int64, err error) {
	err = q.c.Row("SELECT channels_rev FROM organization_log WHERE organization_id = $1", []any{string(organization)}, &rev)
	return rev, Found(err, "organization", organization)
}

// numberOutside is the sabotage of numbering: its counter is in memory, and outlives a rollback.
func (s *Store) numberOutside(tx *sqldb.Tx, commits []Committed) error {
	for _, c := range commits {
		last := s.counters[c.Organization]
		if last == 0 {
			if err := tx.Row("SELECT last_event FROM organization_log WHERE organization_id = $1", []any{string(c.Organization)}, &last); err != nil {
				return err
			}
		}
		for i := range c.Events {
			last++
			c.Events[i].Sequence = last
		}
		s.counters[c.Organization] = last
		if _, err := tx.Exec("UPDATE organization_log SET last_event = $2 WHERE organization_id = $1", string(c.Organization), last); err != nil {
			return err
		}
	}
	return nil
}

// about is a part of a row of the log: events in a row that are about one message, or one conversation. A row is a run:
// what one transaction added to one organization's log, whose events have one time and consecutive numbers, of which
// the last is the row's key. A row for each event would be four for every message, most of them on a page of its own.
type about struct {
	Conversation parley.ID `json:"c,omitempty"`
	Message      parley.ID `json:"m,omitempty"`
	Facts        []fact    `json:"f"`
}

// fact is an event without what it shares with the run and the part that it is in.
type fact struct {
	Type    parley.EventType  `json:"t"`
	Subject parley.ID         `json:"s,omitempty"`
	Users   []parley.ID       `json:"u,omitempty"`
	Data    *parley.EventData `json:"d,omitempty"`
}

// maxRun is the most events of a run: about what a page of the database holds.
const maxRun = 32

var insertEvents = `INSERT INTO events (organization_id, through, count, at, facts)
	SELECT organization_id, through, count, at, facts FROM ` +
	sqldb.From("$1", "organization_id TEXT", "through BIGINT", "count BIGINT", "at BIGINT", "facts TEXT") + ` AS j`

func writeEvents(tx *sqldb.Tx, commits []Committed) error {
	var rows sqldb.Rows
	for _, c := range commits {
		for run := range runsOf(c.Events) {
			facts, err := factsOf(run)
			if err != nil {
				return err
			}
			rows.Add(string(c.Organization), run[len(run)-1].Sequence, len(run), Millis(run[0].At), facts)
		}
	}
	return tx.ExecLast(sqldb.Statement{Text: insertEvents, Args: []any{rows.Param()}})
}

// runsOf divides events into runs of one time: a clock may be set between two units.
func runsOf(events []parley.Event) iter.Seq[[]parley.Event] {
	return func(yield func([]parley.Event) bool) {
		for from, to := 0, 1; from < len(events); from, to = to, to+1 {
			for to < len(events) && to-from < maxRun && events[to].At.Equal(events[from].At) {
				to++
			}
			if !yield(events[from:to]) {
				return
			}
		}
	}
}

func factsOf(run []parley.Event) (json.RawMessage, error) {
	parts := make([]about, 0, len(run))
	for i := range run {
		e := &run[i]
		if i == 0 || e.Conversation != run[i-1].Conversation || e.Message != run[i-1].Message {
			parts = append(parts, about{Conversation: e.Conversation, Message: e.Message})
		}
		f := fact{Type: e.Type, Subject: e.Subject, Users: e.Users}
		if e.Data != (parley.EventData{}) {
			f.Data = &e.Data
		}
		last := &parts[len(parts)-1]
		last.Facts = append(last.Facts, f)
	}
	return json.Marshal(parts)
}

// LogRange is the part of an organization's log that is kept. It is empty when Oldest is Latest + 1.
type LogRange struct{ Oldest, Latest int64 }

// LogRange returns which events are kept.
func (q Queries) LogRange(organization parley.ID) (r LogRange, err error) {
	err = q.c.Row("SELECT oldest_event, last_event FROM organization_log WHERE organization_id = $1",
		[]any{string(organization)}, &r.Oldest, &r.Latest)
	return r, Found(err, "organization", organization)
}

var latestEvents = `SELECT l.organization_id, l.last_event FROM ` + sqldb.From("$1", "organization_id TEXT") + ` AS j
	JOIN organization_log AS l ON l.organization_id = j.organization_id`

// LatestEvents returns the sequences of the newest events of logs.
func (q Queries) LatestEvents(organizations []parley.ID) (map[parley.ID]int64, error) {
	latest := make(map[parley.ID]int64, len(organizations))
	err := q.c.Query(latestEvents, []any{IDRows(organizations)}, func(r *sql.Rows) error {
		var organization parley.ID
		var sequence int64
		err := r.Scan(&organization, &sequence)
		latest[organization] = sequence
		return err
	})
	return latest, err
}

// Events returns up to limit events after a sequence, in order.
func (q Queries) Events(organization parley.ID, after int64, limit int) ([]parley.Event, error) {
	events := make([]parley.Event, 0, min(limit, maxRun))
	err := q.c.Query(`SELECT through, count, at, facts FROM events WHERE organization_id = $1 AND through > $2 ORDER BY through LIMIT $3`,
		[]any{string(organization), after, limit}, func(r *sql.Rows) error {
			run, err := scanRun(r)
			for _, e := range run {
				if e.Sequence > after {
					events = append(events, e)
				}
			}
			if err == nil && len(events) >= limit {
				err = errEnough
			}
			return err
		})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return events[:min(limit, len(events))], err
}

func scanRun(r *sql.Rows) ([]parley.Event, error) {
	var through, count, at int64
	var text []byte
	if err := r.Scan(&through, &count, &at, &text); err != nil {
		return nil, err
	}
	var parts []about
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, err
	}
	run := make([]parley.Event, 0, count)
	for _, part := range parts {
		for _, f := range part.Facts {
			e := parley.Event{Sequence: through - count + 1 + int64(len(run)), Type: f.Type, At: Moment(at),
				Conversation: part.Conversation, Message: part.Message, Subject: f.Subject, Users: f.Users}
			if f.Data != nil {
				e.Data = *f.Data
			}
			run = append(run, e)
		}
	}
	if int64(len(run)) != count {
		return nil, fmt.Errorf("the run of events through %d has %d of %d", through, len(run), count)
	}
	return run, nil
}

// DropEvents deletes events made before a time, oldest first: those of up to limit transactions, of which it says how
// many there were.
func (tx *Tx) DropEvents(organization parley.ID, before int64, limit int) (int64, error) {
	oldest, err := tx.runsBefore(organization, before, 1) // most often there is none, and the others are on pages of their own
	if err != nil || oldest == 0 {
		return 0, err
	}
	through, err := tx.runsBefore(organization, before, limit)
	if err != nil {
		return 0, err
	}
	n, err := tx.c.Exec("DELETE FROM events WHERE organization_id = $1 AND through <= $2", string(organization), through)
	if err != nil {
		return 0, err
	}
	_, err = tx.c.Exec("UPDATE organization_log SET oldest_event = $2 WHERE organization_id = $1", string(organization), through+1)
	return n, err
}

// runsBefore returns up to where the first runs were made before a time; 0 where none was.
func (q Queries) runsBefore(organization parley.ID, before int64, limit int) (through int64, err error) {
	err = q.c.Row(`SELECT coalesce(max(through), 0) FROM (SELECT through, at FROM events WHERE organization_id = $1
		ORDER BY through LIMIT $2) AS oldest WHERE at < $3`, []any{string(organization), limit, before}, &through)
	return through, err
}

var eventsAt = `SELECT DISTINCT e.through, e.count, e.at, e.facts FROM ` + sqldb.From("$2", "sequence BIGINT") + ` AS j
	JOIN events AS e ON e.organization_id = $1 AND e.through = (SELECT min(n.through) FROM events AS n WHERE n.organization_id = $1 AND n.through >= j.sequence)`

// EventsAt returns those of some events, by their sequences, that are kept, in order.
func (q Queries) EventsAt(organization parley.ID, sequences []int64) (events []parley.Event, err error) {
	var rows sqldb.Rows
	for _, n := range sequences {
		rows.Add(n)
	}
	if rows.Len() == 0 {
		return nil, nil
	}
	err = q.c.Query(eventsAt, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		run, err := scanRun(r)
		for _, e := range run {
			if slices.Contains(sequences, e.Sequence) {
				events = append(events, e)
			}
		}
		return err
	})
	slices.SortFunc(events, func(a, b parley.Event) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return events, err
}
