package duty

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Groups in which roles take part have guests: users who take part by name as well, and stay when they go off duty.

var addGuests = `INSERT INTO role_guests (organization_id, user_id, conversation_id) SELECT $1, j.id, $3 FROM ` +
	sqldb.From("$2", "id TEXT") + ` AS j WHERE EXISTS (SELECT 1 FROM participants AS r WHERE r.organization_id = $1 AND r.conversation_id = $3
		AND r.kind = 'role' AND r.left_sequence = 0)
	ON CONFLICT DO NOTHING`

// AddGuests makes users guests of a conversation, if roles take part in it.
func AddGuests(tx *store.Tx, organization, conversation parley.ID, users ...parley.ID) error {
	tx.MustHave(organization)
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Conn().Exec(addGuests, string(organization), store.IDRows(users), string(conversation))
	return err
}

// DropGuest makes a user who leaves a conversation no guest of it any more.
func DropGuest(tx *store.Tx, organization, conversation, user parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM role_guests WHERE organization_id = $1 AND user_id = $2 AND conversation_id = $3",
		string(organization), string(user), string(conversation))
	return err
}

const dropGuests = `DELETE FROM role_guests WHERE organization_id = $1 AND conversation_id = $2 AND user_id IN
	(SELECT p.participant_id FROM participants AS p WHERE p.organization_id = $1 AND p.conversation_id = $2 AND p.kind = 'user')`

// DropGuests makes a conversation one without guests.
func DropGuests(tx *store.Tx, organization, conversation parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(dropGuests, string(organization), string(conversation))
	return err
}

var someRoles = "SELECT " + columns + " FROM roles AS r WHERE r.organization_id = $1 AND r.id IN " + store.IDSource

// Some returns those of some roles that there are, with their members and who is on duty.
func Some(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Role, error) {
	found := make(map[parley.ID]*parley.Role, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	roles, err := collect(q, organization, someRoles, string(organization), store.IDRows(ids))
	for i := range roles {
		found[roles[i].ID] = &roles[i]
	}
	return found, err
}
