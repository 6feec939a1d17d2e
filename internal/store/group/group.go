// Package group has the table of groups: what they are besides conversations. Its functions take the queries or the
// transaction of the store.
package group

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Insert adds what a new conversation of a group is besides.
func Insert(tx *store.Tx, organization, id parley.ID, g parley.GroupRules) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("INSERT INTO groups (organization_id, conversation_id, forum, replay_history) VALUES ($1, $2, $3, $4)",
		string(organization), string(id), g.Forum, g.ReplayHistory)
	return err
}

// SetReplay changes whether who joins sees what was said before.
func SetReplay(tx *store.Tx, organization, id parley.ID, replay bool) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE groups SET replay_history = $1 WHERE organization_id = $2 AND conversation_id = $3",
		replay, string(organization), string(id))
	return err
}

var rules = "SELECT conversation_id, forum, replay_history FROM groups WHERE organization_id = $1 AND conversation_id IN " + store.IDSource

// Rules returns what those of some conversations are that are groups.
func Rules(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]parley.GroupRules, error) {
	found := make(map[parley.ID]parley.GroupRules, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := q.Conn().Query(rules, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var g parley.GroupRules
		err := r.Scan(&id, &g.Forum, &g.ReplayHistory)
		found[id] = g
		return err
	})
	return found, err
}

var counts = `SELECT conversation_id, count(*) FROM participants WHERE organization_id = $1 AND conversation_id IN ` + store.IDSource + `
	AND kind = 'user' AND left_sequence = 0 GROUP BY conversation_id`

// Counts returns how many users take part in each of some conversations.
func Counts(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]int64, error) {
	found := make(map[parley.ID]int64, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := q.Conn().Query(counts, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var n int64
		err := r.Scan(&id, &n)
		found[id] = n
		return err
	})
	return found, err
}

func ids(q store.Queries, text string, args ...any) (found []parley.ID, err error) {
	err = q.Conn().Query(text, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		found = append(found, id)
		return err
	})
	return found, err
}

// All returns up to limit groups with ids after one.
func All(q store.Queries, organization, after parley.ID, limit int) ([]parley.ID, error) {
	return ids(q, "SELECT conversation_id FROM groups WHERE organization_id = $1 AND conversation_id > $2 ORDER BY conversation_id LIMIT $3",
		string(organization), string(after), limit)
}

// Forums returns up to limit of those that every user may join.
func Forums(q store.Queries, organization, after parley.ID, limit int) ([]parley.ID, error) {
	return ids(q, `SELECT conversation_id FROM groups WHERE organization_id = $1 AND conversation_id > $2 AND forum = 1
		ORDER BY conversation_id LIMIT $3`, string(organization), string(after), limit)
}

// Of returns up to limit of those that a user takes part in.
func Of(q store.Queries, organization, user, after parley.ID, limit int) ([]parley.ID, error) {
	return ids(q, `SELECT p.conversation_id FROM participants AS p
		JOIN groups AS g ON g.organization_id = p.organization_id AND g.conversation_id = p.conversation_id
		WHERE p.organization_id = $1 AND p.participant_id = $2 AND p.participant_id <> '' AND p.conversation_id > $3
			AND p.kind = 'user' AND p.left_sequence = 0 ORDER BY p.conversation_id LIMIT $4`,
		string(organization), string(user), string(after), limit)
}

// Members returns up to limit users who take part in a group, with ids after one.
func Members(q store.Queries, organization, id, after parley.ID, limit int) ([]parley.Actor, error) {
	var members []parley.Actor
	err := q.Conn().Query(`SELECT participant_id, name FROM participants WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'user'
		AND participant_id > $3 AND left_sequence = 0 ORDER BY participant_id LIMIT $4`,
		[]any{string(organization), string(id), string(after), limit}, func(r *sql.Rows) error {
			a := parley.Actor{Kind: parley.ActorUser}
			err := r.Scan(&a.ID, &a.Name)
			members = append(members, a)
			return err
		})
	return members, err
}

var (
	keepParts = `INSERT INTO past_parts (organization_id, conversation_id, user_id, joined_sequence, left_sequence)
		SELECT p.organization_id, p.conversation_id, p.participant_id, p.joined_sequence, p.left_sequence FROM participants AS p
		WHERE p.organization_id = $1 AND p.participant_id IN ` + store.IDSource + ` AND p.conversation_id = $3 AND p.kind = 'user'
			AND p.left_sequence > p.joined_sequence + 1
		ON CONFLICT DO NOTHING`

	join = `INSERT INTO participants (organization_id, conversation_id, kind, participant_id, name, address_kind, address,
			joined_sequence, left_sequence, delivered_through, read_through)
		SELECT $1, $2, 'user', j.id, j.name, '', '', CASE WHEN $3 = 1 THEN 0 ELSE c.last_sequence END, 0, 0, 0
		FROM ` + sqldb.From("$4", "id TEXT", "name TEXT") + ` AS j
		JOIN conversations AS c ON c.organization_id = $1 AND c.id = $2 WHERE true
		ON CONFLICT (organization_id, conversation_id, kind, participant_id, address_kind, address) DO UPDATE SET left_sequence = 0,
			joined_sequence = CASE WHEN participants.left_sequence = 0 THEN participants.joined_sequence ELSE excluded.joined_sequence END`
)

// Join lets users take part in a group: from its beginning where it replays, else from now on. Who comes back keeps what was
// seen before.
func Join(tx *store.Tx, organization, id parley.ID, users []parley.Actor, replay bool) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	var who []parley.ID
	for _, u := range users {
		who = append(who, u.ID)
		rows.Add(string(u.ID), u.Name)
	}
	if _, err := tx.Conn().Exec(keepParts, string(organization), store.IDRows(who), string(id)); err != nil {
		return err
	}
	from := 0
	if replay {
		from = 1
	}
	if _, err := tx.Conn().Exec(join, string(organization), string(id), from, rows.Param()); err != nil {
		return err
	}
	return tx.BumpConversation(organization, id)
}
