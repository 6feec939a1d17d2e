// Package interaction has the table of what recipients did with messages: opening, clicking, reacting. Its functions take
// the queries or the transaction of the store.
package interaction

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// detail is the content of an interaction.
type detail struct {
	Action string `json:"a,omitempty"`
	URL    string `json:"u,omitempty"`
	Emoji  string `json:"e,omitempty"`
}

// onceOf names who did what with what. Somebody outside is named by the address, which stays when contacts are merged.
func onceOf(i *parley.Interaction) string {
	who := string(i.Actor.Kind) + ":" + string(i.Actor.ID)
	if i.Address.Value != "" {
		who = i.Address.String()
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(i.Kind), who, i.Action, i.URL, i.Emoji}, "\n")))
	return hex.EncodeToString(sum[:])
}

// Add adds an interaction, or counts one that there is. It says whether it is the first.
func Add(tx *store.Tx, organization parley.ID, i *parley.Interaction) (first bool, err error) {
	tx.MustHave(organization)
	content, err := store.EncodeJSON(detail{Action: i.Action, URL: i.URL, Emoji: i.Emoji})
	if err != nil {
		return false, err
	}
	var at, last int64
	err = tx.Conn().Row(`INSERT INTO interactions (organization_id, message_id, once, kind, actor_kind, actor_id, address_kind, address,
			detail, times, at, last_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
		ON CONFLICT (organization_id, message_id, once) DO UPDATE SET times = interactions.times + 1,
			last_at = CASE WHEN excluded.last_at > interactions.last_at THEN excluded.last_at ELSE interactions.last_at END
		RETURNING times, at, last_at`,
		[]any{string(organization), string(i.Message), onceOf(i), string(i.Kind), string(i.Actor.Kind), string(i.Actor.ID),
			string(i.Address.Kind), i.Address.Value, content, store.Millis(i.At)}, &i.Times, &at, &last)
	i.At, i.LastAt = store.Moment(at), store.Moment(last)
	return i.Times == 1, err
}

// Remove takes an interaction back, and says whether it was there.
func Remove(tx *store.Tx, organization parley.ID, i *parley.Interaction) (bool, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM interactions WHERE organization_id = $1 AND message_id = $2 AND once = $3",
		string(organization), string(i.Message), onceOf(i))
	return n > 0, err
}

// Of returns the interactions with a message, oldest first; the names are the caller's.
func Of(q store.Queries, organization, message parley.ID) ([]parley.Interaction, error) {
	var list []parley.Interaction
	err := q.Conn().Query(`SELECT kind, actor_kind, actor_id, address_kind, address, detail, times, at, last_at FROM interactions
		WHERE organization_id = $1 AND message_id = $2 ORDER BY at, once`, []any{string(organization), string(message)}, func(r *sql.Rows) error {
		i := parley.Interaction{Message: message}
		var content string
		var at, last int64
		if err := r.Scan(&i.Kind, &i.Actor.Kind, &i.Actor.ID, &i.Address.Kind, &i.Address.Value, &content, &i.Times, &at, &last); err != nil {
			return err
		}
		i.At, i.LastAt = store.Moment(at), store.Moment(last)
		var d detail
		if err := store.DecodeJSON(content, &d); err != nil {
			return err
		}
		i.Action, i.URL, i.Emoji = d.Action, d.URL, d.Emoji
		list = append(list, i)
		return nil
	})
	return list, err
}

var erase = `DELETE FROM interactions WHERE (organization_id, message_id) IN (SELECT organization_id, id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// Erase deletes the interactions with messages whose content goes: they say what was clicked, and what of it was liked.
func Erase(tx *store.Tx, batch []store.Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		rows.Add(string(e.Organization), string(e.Message.ID))
	}
	_, err := tx.Conn().Exec(erase, rows.Param())
	return err
}
