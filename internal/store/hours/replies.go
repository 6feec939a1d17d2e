package hours

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// storedRule is a rule as it is stored.
type storedRule struct {
	Name      string              `json:"n"`
	Enabled   bool                `json:"e"`
	Position  int                 `json:"p,omitempty"`
	When      parley.AutoWhen     `json:"w"`
	Schedule  parley.ID           `json:"s,omitempty"`
	Channels  []parley.ID         `json:"ch,omitempty"`
	Teams     []parley.ID         `json:"te,omitempty"`
	Platforms []string            `json:"pl,omitempty"`
	Text      string              `json:"t,omitempty"`
	Template  parley.ID           `json:"tm,omitempty"`
	Locale    string              `json:"l,omitempty"`
	Class     parley.MessageClass `json:"c"`
	Throttle  int64               `json:"th,omitempty"`
	Each      parley.ActorKind    `json:"ea,omitempty"`
	Limit     int                 `json:"li,omitempty"`
}

func encodeRule(r *parley.AutoReply) (string, error) {
	return store.EncodeJSON(storedRule{Name: r.Name, Enabled: r.Enabled, Position: r.Position, When: r.When, Schedule: r.Schedule, Channels: r.Channels,
		Teams: r.Teams, Platforms: r.Platforms, Text: r.Text, Template: r.Template, Locale: r.Locale, Class: r.Class,
		Throttle: r.Throttle.Milliseconds(), Each: r.Each, Limit: r.Limit})
}

// InsertReply adds a rule for automatic answers.
func InsertReply(tx *store.Tx, organization parley.ID, r *parley.AutoReply) error {
	tx.MustHave(organization)
	r.CreatedAt, r.Rev = tx.Now, 1
	rule, err := encodeRule(r)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec("INSERT INTO auto_replies (organization_id, id, rule, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(organization), string(r.ID), rule, store.Millis(r.CreatedAt))
	return err
}

// UpdateReply writes what can be changed of a rule, and raises the revision.
func UpdateReply(tx *store.Tx, organization parley.ID, r *parley.AutoReply) error {
	tx.MustHave(organization)
	rule, err := encodeRule(r)
	if err != nil {
		return err
	}
	err = tx.Conn().Row("UPDATE auto_replies SET rule = $1, rev = rev + 1 WHERE organization_id = $2 AND id = $3 RETURNING rev",
		[]any{rule, string(organization), string(r.ID)}, &r.Rev)
	return store.Found(err, "auto-reply", r.ID)
}

// DeleteReply deletes a rule, with what is remembered of its answers.
func DeleteReply(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM auto_replies WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("auto-reply", id)
	}
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec("DELETE FROM auto_reply_marks WHERE organization_id = $1 AND rule_id = $2 AND rule_id <> ''", string(organization), string(id))
	return err
}

func replies(q store.Queries, where string, args ...any) ([]parley.AutoReply, error) {
	var all []parley.AutoReply
	err := q.Conn().Query("SELECT a.id, a.rule, a.rev, a.created_at FROM auto_replies AS a WHERE "+where, args, func(rows *sql.Rows) error {
		var r parley.AutoReply
		var rule string
		var created int64
		if err := rows.Scan(&r.ID, &rule, &r.Rev, &created); err != nil {
			return err
		}
		var s storedRule
		if err := store.DecodeJSON(rule, &s); err != nil {
			return err
		}
		all = append(all, parley.AutoReply{ID: r.ID, Name: s.Name, Enabled: s.Enabled, Position: s.Position, When: s.When, Schedule: s.Schedule,
			Channels: s.Channels, Teams: s.Teams, Platforms: s.Platforms, Text: s.Text, Template: s.Template, Locale: s.Locale, Class: s.Class,
			Throttle: time.Duration(s.Throttle) * time.Millisecond, Each: s.Each, Limit: s.Limit, Rev: r.Rev, CreatedAt: store.Moment(created)})
		return nil
	})
	return all, err
}

// Reply returns a rule.
func Reply(q store.Queries, organization, id parley.ID) (parley.AutoReply, error) {
	all, err := replies(q, "a.organization_id = $1 AND a.id = $2", string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = parley.NotFound("auto-reply", id)
	}
	if err != nil {
		return parley.AutoReply{}, err
	}
	return all[0], nil
}

// Replies returns up to limit rules with ids after one; next is where to go on, empty at the end.
func Replies(q store.Queries, organization, after parley.ID, limit int) (all []parley.AutoReply, next parley.ID, err error) {
	all, err = replies(q, "a.organization_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3", string(organization), string(after), limit+1)
	if err == nil && len(all) > limit {
		all = all[:limit]
		next = all[limit-1].ID
	}
	return all, next, err
}
