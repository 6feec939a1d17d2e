package duty

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Owners returns who is on duty for a role, in order of their ids.
func Owners(q store.Queries, organization, role parley.ID) ([]parley.Owner, error) {
	var owners []parley.Owner
	err := q.Conn().Query(`SELECT o.user_id, u.name, o.shift_id, o.since FROM role_owners AS o
		JOIN users AS u ON u.organization_id = o.organization_id AND u.id = o.user_id
		WHERE o.organization_id = $1 AND o.role_id = $2 ORDER BY o.user_id`, []any{string(organization), string(role)}, func(r *sql.Rows) error {
		var o parley.Owner
		var since int64
		err := r.Scan(&o.User, &o.Name, &o.Shift, &since)
		o.Since = store.Moment(since)
		owners = append(owners, o)
		return err
	})
	return owners, err
}

// RolesOf returns the roles that a user is on duty for.
func RolesOf(q store.Queries, organization, user parley.ID) ([]parley.ID, error) {
	return idsOf(q.Conn(), "SELECT role_id FROM role_owners WHERE organization_id = $1 AND user_id = $2 ORDER BY role_id",
		string(organization), string(user))
}

// SetOwner puts a user on duty, or changes the shift that a user is on duty for.
func SetOwner(tx *store.Tx, organization, role parley.ID, o parley.Owner) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO role_owners (organization_id, role_id, user_id, shift_id, since) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (organization_id, role_id, user_id) DO UPDATE SET shift_id = excluded.shift_id`,
		string(organization), string(role), string(o.User), string(o.Shift), store.Millis(tx.Now))
	return err
}

// DropOwner takes a user off duty.
func DropOwner(tx *store.Tx, organization, role, user parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM role_owners WHERE organization_id = $1 AND role_id = $2 AND user_id = $3",
		string(organization), string(role), string(user))
	return err
}

// The conversations of a role are those in which it takes part. Whoever asks takes part in one anyway, also while on
// duty; in a group so do its guests, and who is on duty for another of its roles.
var (
	keepParts = `INSERT INTO past_parts (organization_id, conversation_id, user_id, joined_sequence, left_sequence)
		SELECT p.organization_id, p.conversation_id, p.participant_id, p.joined_sequence, p.left_sequence FROM participants AS r
		JOIN participants AS p ON p.organization_id = r.organization_id AND p.conversation_id = r.conversation_id
			AND p.kind = 'user' AND p.participant_id = $3
		WHERE r.organization_id = $1 AND r.participant_id = $2 AND r.participant_id <> '' AND r.kind = 'role'
			AND p.left_sequence > p.joined_sequence + 1
		ON CONFLICT DO NOTHING`

	joinConversations = `INSERT INTO participants (organization_id, conversation_id, kind, participant_id, name, address_kind, address,
			joined_sequence, left_sequence, delivered_through, read_through)
		SELECT r.organization_id, r.conversation_id, 'user', $3, $4, '', '',
			CASE WHEN $5 = 1 OR EXISTS (SELECT 1 FROM groups AS g WHERE g.organization_id = $1 AND g.conversation_id = r.conversation_id
				AND g.replay_history = 1) THEN 0
			WHEN EXISTS (SELECT 1 FROM participants AS o WHERE o.organization_id = $1 AND o.conversation_id = r.conversation_id
				AND o.kind = 'user' AND o.left_sequence = 0 AND c.thread_key <> $6 || o.participant_id) THEN c.last_sequence
			ELSE coalesce((SELECT max(h.left_sequence) - 1 FROM participants AS h WHERE h.organization_id = $1
				AND h.conversation_id = r.conversation_id AND h.kind = 'user' AND h.left_sequence > 0), 0) END, 0, 0, 0
		FROM participants AS r JOIN conversations AS c ON c.organization_id = r.organization_id AND c.id = r.conversation_id
		WHERE r.organization_id = $1 AND r.participant_id = $2 AND r.participant_id <> '' AND r.kind = 'role' AND r.left_sequence = 0
			AND c.thread_key <> $6 || $3
		ON CONFLICT (organization_id, conversation_id, kind, participant_id, address_kind, address) DO UPDATE SET left_sequence = 0,
			joined_sequence = CASE WHEN participants.left_sequence = 0 THEN participants.joined_sequence ELSE excluded.joined_sequence END
		RETURNING conversation_id`

	leaveConversations = `UPDATE participants SET left_sequence = 1 + (SELECT c.last_sequence FROM conversations AS c
			WHERE c.organization_id = $1 AND c.id = participants.conversation_id)
		WHERE organization_id = $1 AND kind = 'user' AND participant_id = $3 AND participant_id <> '' AND left_sequence = 0
			AND conversation_id IN (SELECT r.conversation_id FROM participants AS r WHERE r.organization_id = $1 AND r.participant_id = $2
				AND r.participant_id <> '' AND r.kind = 'role' AND r.left_sequence = 0)
			AND conversation_id NOT IN (SELECT c.id FROM conversations AS c WHERE c.organization_id = $1 AND c.thread_key = $4 AND c.thread_key <> '')
			AND conversation_id NOT IN (SELECT g.conversation_id FROM role_guests AS g WHERE g.organization_id = $1 AND g.user_id = $3)
			AND NOT EXISTS (SELECT 1 FROM role_owners AS o JOIN participants AS also ON also.organization_id = o.organization_id
				AND also.conversation_id = participants.conversation_id AND also.kind = 'role' AND also.participant_id = o.role_id
				AND also.left_sequence = 0 WHERE o.organization_id = $1 AND o.user_id = $3 AND o.role_id <> $2)
		RETURNING conversation_id`

	touchConversations = `UPDATE conversations SET rev = rev + 1 WHERE organization_id = $1 AND id IN
		(SELECT r.conversation_id FROM participants AS r WHERE r.organization_id = $1 AND r.participant_id = $2
			AND r.participant_id <> '' AND r.kind = 'role')`

	closeConversations = `UPDATE conversations SET status = 'closed', snoozed_until = 0, rev = rev + 1 WHERE organization_id = $1 AND status <> 'closed'
		AND kind = 'role' AND id IN
		(SELECT r.conversation_id FROM participants AS r WHERE r.organization_id = $1 AND r.participant_id = $2
			AND r.participant_id <> '' AND r.kind = 'role') RETURNING id`
)

// Join lets a user who came on duty take part in the role's conversations, and returns them. Of what was said before the
// user receives all where the role replays it, else what came while nobody was on duty.
func Join(tx *store.Tx, organization parley.ID, role *parley.Role, user parley.Actor) ([]parley.ID, error) {
	tx.MustHave(organization)
	c := tx.Conn()
	if _, err := c.Exec(keepParts, string(organization), string(role.ID), string(user.ID)); err != nil {
		return nil, err
	}
	replay := 0
	if role.ReplayHistory {
		replay = 1
	}
	joined, err := idsOf(c, joinConversations, string(organization), string(role.ID), string(user.ID), user.Name, replay, ThreadKey(role.ID, ""))
	if err != nil {
		return nil, err
	}
	return joined, Touch(tx, organization, role.ID)
}

// Leave ends the part of a user who went off duty in the role's conversations, and returns them.
func Leave(tx *store.Tx, organization, role, user parley.ID) ([]parley.ID, error) {
	tx.MustHave(organization)
	left, err := idsOf(tx.Conn(), leaveConversations, string(organization), string(role), string(user), ThreadKey(role, user))
	if err != nil {
		return nil, err
	}
	return left, Touch(tx, organization, role)
}

// Touch raises the revisions of a role's conversations: what sends to them saw is stale.
func Touch(tx *store.Tx, organization, role parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(touchConversations, string(organization), string(role))
	return err
}

// Close closes the conversations of a role, and returns those that were not closed.
func Close(tx *store.Tx, organization, role parley.ID) ([]parley.ID, error) {
	tx.MustHave(organization)
	return idsOf(tx.Conn(), closeConversations, string(organization), string(role))
}
