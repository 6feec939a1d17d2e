package store

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// AttemptRow is an attempt with its organization.
type AttemptRow struct {
	Organization parley.ID
	parley.Attempt
}

var writeAttempts = `INSERT INTO attempts (organization_id, message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status)
	SELECT organization_id, message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status FROM ` +
	sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "delivery BIGINT", "number BIGINT", "started_at BIGINT",
		"ended_at BIGINT", "outcome TEXT", "code TEXT", "text TEXT", "request TEXT", "status BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, message_id, delivery, number) DO UPDATE SET ended_at = excluded.ended_at,
		outcome = excluded.outcome, code = excluded.code, text = excluded.text, request = excluded.request, status = excluded.status`

// WriteAttempts inserts attempts, or writes how they ended.
func (tx *Tx) WriteAttempts(attempts []AttemptRow) error {
	var rows sqldb.Rows
	for _, a := range attempts {
		rows.Add(string(a.Organization), string(a.Message), a.Delivery, a.Number, millis(a.StartedAt), millis(a.EndedAt),
			string(a.Outcome), a.Code, a.Text, a.Request, a.Status)
	}
	return tx.bulk(writeAttempts, &rows)
}

var beginAttempts = `INSERT INTO attempts (organization_id, message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status)
	SELECT organization_id, message_id, delivery, number, started_at, 0, '', '', '', '', 0 FROM ` + sqldb.From("$1", "organization_id TEXT",
	"message_id TEXT", "delivery BIGINT", "number BIGINT", "started_at BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// BeginAttempts inserts attempts that begin.
func (tx *Tx) BeginAttempts(attempts []AttemptRow) error {
	var rows sqldb.Rows
	for _, a := range attempts {
		rows.Add(string(a.Organization), string(a.Message), a.Delivery, a.Number, millis(a.StartedAt))
	}
	return tx.bulk(beginAttempts, &rows)
}

// Most attempts end with nothing to say.
var endAttempts = `UPDATE attempts SET ended_at = j.ended_at, outcome = j.outcome FROM ` + sqldb.From("$1", "organization_id TEXT",
	"message_id TEXT", "delivery BIGINT", "number BIGINT", "ended_at BIGINT", "outcome TEXT") + ` AS j
	WHERE attempts.organization_id = j.organization_id AND attempts.message_id = j.message_id
	AND attempts.delivery = j.delivery AND attempts.number = j.number`

// EndAttempts writes how attempts that have begun ended.
func (tx *Tx) EndAttempts(attempts []AttemptRow) error {
	var brief sqldb.Rows
	var long []AttemptRow
	for _, a := range attempts {
		if a.Code != "" || a.Text != "" || a.Request != "" || a.Status != 0 {
			long = append(long, a)
			continue
		}
		brief.Add(string(a.Organization), string(a.Message), a.Delivery, a.Number, millis(a.EndedAt), string(a.Outcome))
	}
	if err := tx.bulk(endAttempts, &brief); err != nil {
		return err
	}
	return tx.WriteAttempts(long)
}

// bulk runs a statement over rows, if there are any.
func (tx *Tx) bulk(text string, rows *sqldb.Rows) error {
	if rows.Len() == 0 {
		return nil
	}
	_, err := tx.c.Exec(text, rows.Param())
	return err
}

// Attempts returns the attempts of a message, by delivery and number.
func (q Queries) Attempts(organization, message parley.ID) ([]parley.Attempt, error) {
	var attempts []parley.Attempt
	err := q.c.Query(`SELECT message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status FROM attempts
		WHERE organization_id = $1 AND message_id = $2 ORDER BY delivery, number`, []any{string(organization), string(message)},
		func(r *sql.Rows) error {
			var a parley.Attempt
			var started, ended int64
			err := r.Scan(&a.Message, &a.Delivery, &a.Number, &started, &ended, &a.Outcome, &a.Code, &a.Text, &a.Request, &a.Status)
			a.StartedAt, a.EndedAt = moment(started), moment(ended)
			attempts = append(attempts, a)
			return err
		})
	return attempts, err
}

var dropAttempts = `DELETE FROM attempts WHERE (organization_id, message_id, delivery, number) IN (
	SELECT organization_id, message_id, delivery, number FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT",
	"delivery BIGINT", "number BIGINT") + ` AS j)`

// DropAttempts deletes attempts that were claimed and never made.
func (tx *Tx) DropAttempts(attempts []AttemptRow) error {
	if len(attempts) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, a := range attempts {
		rows.Add(string(a.Organization), string(a.Message), a.Delivery, a.Number)
	}
	_, err := tx.c.Exec(dropAttempts, rows.Param())
	return err
}

// AttemptPosition is a place in the list of all attempts.
type AttemptPosition struct {
	Message          parley.ID
	Delivery, Number int
}

// AttemptFilter narrows a list of attempts. Empty fields do not.
type AttemptFilter struct {
	Connector string
	Channel   parley.ID
	Message   parley.ID
	To        parley.Address
	OpenOnly  bool        // of open channels, and of Members
	Members   []parley.ID // channels
}

// HandedRow is an attempt with what was called.
type HandedRow struct {
	parley.Attempt
	Channel parley.ID
	To      parley.Address
}

// AttemptsBefore returns up to limit attempts before a place (or from the newest message), in descending order,
// that pass the filter. It examines a bounded number: next is where to go on, nil at the end.
func (q Queries) AttemptsBefore(organization parley.ID, f AttemptFilter, before AttemptPosition, limit int) (rows []HandedRow, next *AttemptPosition, err error) {
	if before.Message == "" {
		before.Message = "~" // above every id
	}
	from := parley.ID("")
	if f.Message != "" {
		from, before = f.Message, minPosition(before, AttemptPosition{Message: f.Message, Delivery: 1 << 30})
	}
	examined := 0
	var last AttemptPosition
	err = q.c.Query(`SELECT a.message_id, a.delivery, a.number, a.started_at, a.ended_at, a.outcome, a.code, a.text, a.request, a.status,
			d.channel_id, d.address_kind, d.address, c.connector, c.open FROM attempts AS a
		JOIN deliveries AS d ON d.organization_id = a.organization_id AND d.message_id = a.message_id AND d.number = a.delivery
		JOIN channels AS c ON c.organization_id = d.organization_id AND c.id = d.channel_id
		WHERE a.organization_id = $1 AND (a.message_id, a.delivery, a.number) < ($2, $3, $4) AND a.message_id >= $5
		ORDER BY a.message_id DESC, a.delivery DESC, a.number DESC LIMIT $6`,
		[]any{string(organization), string(before.Message), before.Delivery, before.Number, string(from), maxExamined}, func(r *sql.Rows) error {
			var h HandedRow
			var started, ended int64
			var connector string
			var open bool
			if err := r.Scan(&h.Message, &h.Delivery, &h.Number, &started, &ended, &h.Outcome, &h.Code, &h.Text, &h.Request, &h.Status,
				&h.Channel, &h.To.Kind, &h.To.Value, &connector, &open); err != nil {
				return err
			}
			h.StartedAt, h.EndedAt = moment(started), moment(ended)
			if len(rows) == limit {
				next = &last
				return errEnough
			}
			examined++
			last = AttemptPosition{h.Message, h.Delivery, h.Number}
			if f.passes(&h, connector, open) {
				rows = append(rows, h)
			}
			return nil
		})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if examined == maxExamined {
		next = &last
	}
	return rows, next, err
}

func minPosition(a, b AttemptPosition) AttemptPosition {
	if a.Message < b.Message || a.Message == b.Message && (a.Delivery < b.Delivery || a.Delivery == b.Delivery && a.Number < b.Number) {
		return a
	}
	return b
}

func (f *AttemptFilter) passes(h *HandedRow, connector string, open bool) bool {
	return (f.Connector == "" || f.Connector == connector) && (f.Channel == "" || f.Channel == h.Channel) &&
		(f.To.Value == "" || f.To.Kind == h.To.Kind && f.To.Value == h.To.Value) &&
		(!f.OpenOnly || open || slices.Contains(f.Members, h.Channel))
}
