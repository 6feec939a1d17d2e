package proof

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to look into databases
	_ "modernc.org/sqlite"
)

// rules are what holds in the tables at every moment: each query finds what breaks one, at most a few.
var rules = []struct{ name, query string }{
	{"an organization's events have every number once", `
		SELECT l.organization_id, count(e.sequence), min(e.sequence), max(e.sequence), l.oldest_event, l.last_event
		FROM organization_log AS l LEFT JOIN logged AS e ON e.organization_id = l.organization_id GROUP BY l.organization_id
		HAVING count(e.sequence) <> l.last_event - l.oldest_event + 1 OR min(e.sequence) <> l.oldest_event OR max(e.sequence) <> l.last_event`},
	{"an organization's audit log has every number once", `
		SELECT h.organization_id, count(a.sequence), min(a.sequence), max(a.sequence), h.dropped_sequence, h.last_sequence
		FROM audit_heads AS h LEFT JOIN audit AS a ON a.organization_id = h.organization_id GROUP BY h.organization_id
		HAVING count(a.sequence) <> h.last_sequence - h.dropped_sequence OR min(a.sequence) <> h.dropped_sequence + 1 OR max(a.sequence) <> h.last_sequence`},
	{"what only a hold keeps is of something, and of what has gone", `
		SELECT t.organization_id, t.held_id, t.place FROM (SELECT organization_id, held_id, place FROM held_content
			UNION ALL SELECT organization_id, held_id, media_id FROM held_files) AS t
		LEFT JOIN held AS k ON k.organization_id = t.organization_id AND k.id = t.held_id
		LEFT JOIN messages AS m ON m.organization_id = t.organization_id AND m.id = t.held_id
		WHERE k.id IS NULL OR k.kind = 'message' AND k.reason <> 'redacted' AND coalesce(m.removed, '') = ''`},
	{"a conversation's messages have every number once", `
		SELECT c.id, count(m.id), count(DISTINCT m.sequence), max(m.sequence), c.last_sequence FROM conversations AS c
		LEFT JOIN messages AS m ON m.organization_id = c.organization_id AND m.conversation_id = c.id AND m.sequence > 0
		GROUP BY c.organization_id, c.id
		HAVING count(m.id) <> c.last_sequence OR count(DISTINCT m.sequence) <> c.last_sequence OR coalesce(max(m.sequence), 0) <> c.last_sequence`},
	{"a request makes one message", `
		SELECT reference, count(*) FROM messages WHERE reference <> '' AND parent_id = '' GROUP BY organization_id, reference HAVING count(*) > 1`},
	{"a message from outside that is no keyword is stored once", `
		SELECT body, count(*) FROM messages WHERE direction = 'inbound' AND removed_at = 0 AND body NOT LIKE '%"STOP"%' AND body NOT LIKE '%"Start!"%' GROUP BY organization_id, body HAVING count(*) > 1`},
	{"a broadcast has one copy in a conversation", `
		SELECT parent_id, conversation_id, count(*) FROM messages WHERE parent_id <> '' GROUP BY organization_id, parent_id, conversation_id HAVING count(*) > 1`},
	{"a message in a timeline has one event of its making", `
		SELECT m.id, count(e.sequence) FROM messages AS m LEFT JOIN logged AS e
		ON e.organization_id = m.organization_id AND e.message_id = m.id AND e.type = 'message.created'
		WHERE m.sequence > 0 AND m.removed <> 'moved' GROUP BY m.organization_id, m.id HAVING count(e.sequence) <> 1`},
	{"an event is about a message that is there", `
		SELECT e.sequence, e.type, e.message_id FROM logged AS e LEFT JOIN messages AS m ON m.organization_id = e.organization_id AND m.id = e.message_id
		WHERE e.message_id <> '' AND m.id IS NULL`},
	{"a request's record names its message", `
		SELECT i.resource_id FROM idempotency AS i LEFT JOIN messages AS m ON m.organization_id = i.organization_id AND m.id = i.resource_id
		WHERE i.status = 202 AND m.id IS NULL`},
	{"a delivery belongs to a message", `
		SELECT d.message_id, d.number FROM deliveries AS d LEFT JOIN messages AS m ON m.organization_id = d.organization_id AND m.id = d.message_id
		WHERE m.id IS NULL`},
	{"a queued delivery is in the queue", `
		SELECT d.message_id, d.number FROM deliveries AS d LEFT JOIN jobs AS j
		ON j.organization_id = d.organization_id AND j.message_id = d.message_id AND j.delivery = d.number AND j.kind = 'deliver'
		WHERE d.state = 'queued' AND j.id IS NULL`},
	{"what is in the queue is a queued delivery", `
		SELECT j.id, d.state FROM jobs AS j LEFT JOIN deliveries AS d
		ON d.organization_id = j.organization_id AND d.message_id = j.message_id AND d.number = j.delivery
		WHERE j.kind = 'deliver' AND (d.state IS NULL OR d.state <> 'queued')`},
	{"an attempt belongs to a delivery", `
		SELECT a.message_id, a.delivery, a.number FROM attempts AS a LEFT JOIN deliveries AS d
		ON d.organization_id = a.organization_id AND d.message_id = a.message_id AND d.number = a.delivery WHERE d.number IS NULL`},
	{"content that ends has a timer", `
		SELECT m.id FROM messages AS m LEFT JOIN jobs AS j ON j.organization_id = m.organization_id AND j.id = 'expire|' || m.id
		WHERE m.expires_at > 0 AND m.removed_at = 0 AND m.sequence > 0 AND j.id IS NULL`},
	{"a message's file is there", `
		SELECT r.message_id, r.media_id FROM media_references AS r LEFT JOIN media AS f ON f.organization_id = r.organization_id AND f.id = r.media_id
		WHERE f.id IS NULL`},
	{"the index of words is not ahead of the log", `
		SELECT s.organization_id, s.through, l.last_event FROM search_state AS s
		LEFT JOIN organization_log AS l ON l.organization_id = s.organization_id WHERE l.last_event IS NULL OR s.through > l.last_event`},
	{"a page of the index of words belongs to a segment", `
		SELECT p.segment, p.kind, p.part FROM search_pages AS p LEFT JOIN search_segments AS s
		ON s.organization_id = p.organization_id AND s.number = p.segment WHERE s.number IS NULL`},
	{"a segment of the index of words has the places of all that is in it", `
		SELECT s.number, s.docs, coalesce(sum(length(p.data)), 0) FROM search_segments AS s LEFT JOIN search_pages AS p
		ON p.organization_id = s.organization_id AND p.segment = s.number AND p.kind = 'i' WHERE s.state IN ('ready', 'dropped')
		GROUP BY s.organization_id, s.number, s.docs HAVING coalesce(sum(length(p.data)), 0) <> 28 * s.docs`},
}

// tables are those of a server, as they were at one moment.
type tables struct {
	*sql.Tx
	db       *sql.DB
	embedded bool
}

// tables opens the tables that a server has left, to look into them: copies of its files, or PostgreSQL's own, where
// other servers may go on.
func (s *server) tables(t *testing.T) *tables {
	t.Helper()
	if s.database == "" {
		return openTables(t, "sqlite", "file:"+filepath.Join(s.copyData(t), "parley.db"), logged)
	}
	return openTables(t, "pgx", s.database, loggedInPostgres)
}

func openTables(t *testing.T, driver, source, logged string) *tables {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: isolations[driver]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(logged + indexesOfLogged); err != nil {
		t.Logf("the log cannot be read: %v", err) // so whoever asks for it finds
	}
	return &tables{tx, db, driver == "sqlite"}
}

// isolations are those in which a transaction sees one moment.
var isolations = map[string]sql.IsolationLevel{"sqlite": sql.LevelDefault, "pgx": sql.LevelRepeatableRead}

func (t *tables) close() {
	_ = t.Rollback()
	_ = t.db.Close()
}

// check finds what breaks a rule.
func (t *tables) check(f *findings) {
	if t.embedded {
		for _, line := range t.lines(f, "PRAGMA integrity_check") {
			if line != "[ok]" {
				f.add("the database is damaged: %s", line)
			}
		}
	}
	for _, rule := range rules {
		for _, line := range t.lines(f, rule.query+" LIMIT 5") {
			f.add("it does not hold that %s: %s", rule.name, line)
		}
	}
}

// logged makes a table of the events, which the program keeps in runs.
const (
	logged = `CREATE TEMP TABLE logged AS SELECT organization_id,
		through - count + row_number() OVER (PARTITION BY organization_id, through ORDER BY part.key, f.key) AS sequence,
		json_extract(f.value, '$.t') AS type, coalesce(json_extract(part.value, '$.m'), '') AS message_id
	FROM events, json_each(events.facts) AS part, json_each(part.value, '$.f') AS f;`
	loggedInPostgres = `CREATE TEMP TABLE logged AS SELECT organization_id,
		through - count + row_number() OVER (PARTITION BY organization_id, through ORDER BY part.key, f.key) AS sequence,
		f.value->>'t' AS type, coalesce(part.value->>'m', '') AS message_id
	FROM events, json_array_elements(events.facts::json) WITH ORDINALITY AS part (value, key),
		json_array_elements(part.value->'f') WITH ORDINALITY AS f (value, key);`
	indexesOfLogged = `CREATE INDEX logged_message ON logged (organization_id, message_id);
	CREATE INDEX logged_sequence ON logged (organization_id, sequence);`
)

// lines are the rows of a query, as text. A query that fails is a finding: the database may be damaged.
func (t *tables) lines(f *findings, query string) []string {
	list, err := readLines(t, query)
	if err != nil {
		f.add("%v in %s", err, strings.Join(strings.Fields(query), " "))
	}
	return list
}

func readLines(t *tables, query string) ([]string, error) {
	rows, err := t.Query(query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var list []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := rows.Scan(values...); err != nil {
			return list, err
		}
		texts := make([]string, len(columns))
		for i, v := range values {
			texts[i] = v.(*sql.NullString).String
		}
		list = append(list, fmt.Sprint(texts))
	}
	return list, rows.Err()
}

// checkBroadcasts: every accepted broadcast reached each member once. The server has stopped.
func (s *stage) checkBroadcasts(f *findings, stopped *server) {
	tables := stopped.tables(s.t)
	defer tables.close()
	promises, _ := s.ledger.before(time.Now())
	for _, p := range promises {
		if p.request.To.Broadcast == "" {
			continue
		}
		copies := tables.lines(f, "SELECT id FROM messages WHERE parent_id = '"+p.id+"'")
		if len(copies) != p.organization.reached {
			f.add("%s: broadcast %s has %d copies, not %d", p.reference, p.id, len(copies), p.organization.reached)
		}
	}
}
