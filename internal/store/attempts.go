package store

import (
	"database/sql"
	"encoding/json"
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

var writeAttempts = `INSERT INTO attempts (organization_id, message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status, provider_ids)
	SELECT organization_id, message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status, provider_ids FROM ` +
	sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "delivery BIGINT", "number BIGINT", "started_at BIGINT",
		"ended_at BIGINT", "outcome TEXT", "code TEXT", "text TEXT", "request TEXT", "status BIGINT", "provider_ids TEXT") + ` AS j WHERE true
	ON CONFLICT (organization_id, message_id, delivery, number) DO UPDATE SET ended_at = excluded.ended_at,
		outcome = excluded.outcome, code = excluded.code, text = excluded.text, request = excluded.request, status = excluded.status, provider_ids = excluded.provider_ids`

// WriteAttempts keeps attempts that have ended. One under way is a claim of its job; see JobsOf.
func (tx *Tx) WriteAttempts(attempts []AttemptRow) error {
	var rows sqldb.Rows
	for _, a := range attempts {
		rows.Add(string(a.Organization), string(a.Message), a.Delivery, a.Number, Millis(a.StartedAt), Millis(a.EndedAt),
			string(a.Outcome), a.Code, a.Text, a.Request, a.Status, listText(a.ProviderIDs))
	}
	return tx.bulk(writeAttempts, &rows)
}

var countLost = `UPDATE deliveries SET attempts = deliveries.attempts + 1 FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT",
	"number BIGINT") + ` AS j
	WHERE deliveries.organization_id = j.organization_id AND deliveries.message_id = j.message_id AND deliveries.number = j.number`

// LoseAttempts writes that attempts were lost, and counts them: whoever made them cannot any more.
func (tx *Tx) LoseAttempts(attempts []AttemptRow) error {
	var rows sqldb.Rows
	for _, a := range attempts {
		rows.Add(string(a.Organization), string(a.Message), a.Delivery)
	}
	if err := tx.WriteAttempts(attempts); err != nil {
		return err
	}
	return tx.bulk(countLost, &rows)
}

// Attempts returns the attempts of a message, by delivery and number.
func (q Queries) Attempts(organization, message parley.ID) ([]parley.Attempt, error) {
	var attempts []parley.Attempt
	err := q.c.Query(`SELECT message_id, delivery, number, started_at, ended_at, outcome, code, text, request, status, provider_ids FROM attempts
		WHERE organization_id = $1 AND message_id = $2 ORDER BY delivery, number`, []any{string(organization), string(message)},
		func(r *sql.Rows) error {
			var a parley.Attempt
			var started, ended int64
			var ids string
			err := r.Scan(&a.Message, &a.Delivery, &a.Number, &started, &ended, &a.Outcome, &a.Code, &a.Text, &a.Request, &a.Status, &ids)
			a.StartedAt, a.EndedAt = Moment(started), Moment(ended)
			if err == nil && ids != "" {
				err = json.Unmarshal([]byte(ids), &a.ProviderIDs)
			}
			attempts = append(attempts, a)
			return err
		})
	return attempts, err
}

// listText is a list as a column holds it; empty: none.
func listText(list []string) string {
	if len(list) == 0 {
		return ""
	}
	text, _ := json.Marshal(list) // texts always can be
	return string(text)
}

var providerIDsOf = `SELECT message_id, provider_ids FROM attempts WHERE organization_id = $1 AND message_id IN ` + IDSource + `
	AND provider_ids <> '' ORDER BY message_id, delivery, number`

// ProviderIDs returns the ids that providers gave what became of messages, in the order of their deliveries.
func (q Queries) ProviderIDs(organization parley.ID, messages []parley.ID) (map[parley.ID][]string, error) {
	found := make(map[parley.ID][]string, len(messages))
	if len(messages) == 0 {
		return found, nil
	}
	err := q.c.Query(providerIDsOf, []any{string(organization), IDRows(messages)}, func(r *sql.Rows) error {
		var id parley.ID
		var text string
		var list []string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(text), &list)
		for _, one := range list {
			if !slices.Contains(found[id], one) { // else it went to several at once
				found[id] = append(found[id], one)
			}
		}
		return err
	})
	return found, err
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
			h.StartedAt, h.EndedAt = Moment(started), Moment(ended)
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
