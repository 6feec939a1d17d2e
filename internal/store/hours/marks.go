package hours

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Mark is when a rule answered last about a conversation or a sender, and how often; without a rule, how often all of them
// have since then.
type Mark struct {
	Rule  parley.ID
	About string
	At    time.Time
	Times int
}

var marks = `SELECT m.rule_id, m.about, m.at, m.times FROM ` + sqldb.From("$2", "rule_id TEXT", "about TEXT") + ` AS j
	JOIN auto_reply_marks AS m ON m.organization_id = $1 AND m.rule_id = j.rule_id AND m.about = j.about`

// Marks fills in what is known of some marks.
func Marks(q store.Queries, organization parley.ID, list []Mark) error {
	var rows sqldb.Rows
	for _, m := range list {
		rows.Add(string(m.Rule), m.About)
	}
	return q.Conn().Query(marks, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var m Mark
		var at int64
		if err := r.Scan(&m.Rule, &m.About, &at, &m.Times); err != nil {
			return err
		}
		m.At = store.Moment(at)
		for i := range list {
			if list[i].Rule == m.Rule && list[i].About == m.About {
				list[i] = m
			}
		}
		return nil
	})
}

var setMarks = `INSERT INTO auto_reply_marks (organization_id, rule_id, about, at, times)
	SELECT $1, rule_id, about, at, times FROM ` + sqldb.From("$2", "rule_id TEXT", "about TEXT", "at BIGINT", "times BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, about, rule_id) DO UPDATE SET at = excluded.at, times = excluded.times`

// SetMarks writes marks.
func SetMarks(tx *store.Tx, organization parley.ID, list []Mark) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for _, m := range list {
		rows.Add(string(m.Rule), m.About, store.Millis(m.At), m.Times)
	}
	_, err := tx.Conn().Exec(setMarks, string(organization), rows.Param())
	return err
}

var (
	mergeMarks = `INSERT INTO auto_reply_marks (organization_id, rule_id, about, at, times)
		SELECT organization_id, rule_id, $3, at, times FROM auto_reply_marks WHERE organization_id = $1 AND about = $2
		ON CONFLICT (organization_id, about, rule_id) DO UPDATE SET times = auto_reply_marks.times + excluded.times,
			at = CASE WHEN excluded.at > auto_reply_marks.at THEN excluded.at ELSE auto_reply_marks.at END`
	dropMarks = `DELETE FROM auto_reply_marks WHERE organization_id = $1 AND about = $2`
)

// MergeMarks has what was answered about one conversation or sender have been answered about another, of which it becomes a part.
func MergeMarks(tx *store.Tx, organization, from, into parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(mergeMarks, string(organization), string(from), string(into))
	if err == nil {
		_, err = tx.Conn().Exec(dropMarks, string(organization), string(from))
	}
	return err
}

// Spent returns up to limit marks of a rule that were made until a time.
func Spent(q store.Queries, organization, rule parley.ID, until time.Time, limit int) ([]Mark, error) {
	var list []Mark
	err := q.Conn().Query("SELECT about, at FROM auto_reply_marks WHERE organization_id = $1 AND rule_id = $2 AND at <= $3 LIMIT $4",
		[]any{string(organization), string(rule), store.Millis(until), limit}, func(r *sql.Rows) error {
			m := Mark{Rule: rule}
			var at int64
			err := r.Scan(&m.About, &at)
			m.At = store.Moment(at)
			list = append(list, m)
			return err
		})
	return list, err
}

var forgetMarks = `DELETE FROM auto_reply_marks WHERE organization_id = $1 AND (rule_id, about, at) IN
	(SELECT rule_id, about, at FROM ` + sqldb.From("$2", "rule_id TEXT", "about TEXT", "at BIGINT") + ` AS j)`

// Forget deletes marks that are as Spent found them.
func Forget(tx *store.Tx, organization parley.ID, list []Mark) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for _, m := range list {
		rows.Add(string(m.Rule), m.About, store.Millis(m.At))
	}
	_, err := tx.Conn().Exec(forgetMarks, string(organization), rows.Param())
	return err
}
