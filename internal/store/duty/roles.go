package duty

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Insert adds a role without members.
func Insert(tx *store.Tx, organization parley.ID, r *parley.Role) error {
	tx.MustHave(organization)
	metadata, err := store.EncodeJSON(r.Metadata)
	if err != nil {
		return err
	}
	tags, err := store.EncodeJSON(r.Tags)
	if err != nil {
		return err
	}
	r.CreatedAt, r.Rev = tx.Now, 1
	_, err = tx.Conn().Exec(`INSERT INTO roles (organization_id, id, name, description, metadata, tags, owner_required, single_owner,
			replay_history, away_text, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)`, string(organization), string(r.ID), r.Name, r.Description, metadata, tags,
		r.OwnerRequired, r.SingleOwner, r.ReplayHistory, r.AwayText, store.Millis(r.CreatedAt))
	if sqldb.IsUnique(err) {
		return parley.Conflict("id-taken", "there is something with the id %q", r.ID)
	}
	return err
}

// Update writes what can be changed of a role, raises the revision and returns it.
func Update(tx *store.Tx, organization parley.ID, r *parley.Role) error {
	tx.MustHave(organization)
	metadata, err := store.EncodeJSON(r.Metadata)
	if err != nil {
		return err
	}
	tags, err := store.EncodeJSON(r.Tags)
	if err != nil {
		return err
	}
	err = tx.Conn().Row(`UPDATE roles SET name = $1, description = $2, metadata = $3, tags = $4, owner_required = $5, single_owner = $6,
			replay_history = $7, away_text = $8, rev = rev + 1 WHERE organization_id = $9 AND id = $10 RETURNING rev`,
		[]any{r.Name, r.Description, metadata, tags, r.OwnerRequired, r.SingleOwner, r.ReplayHistory, r.AwayText,
			string(organization), string(r.ID)}, &r.Rev)
	return store.Found(err, "role", r.ID)
}

// Delete deletes a role with its members, its owners and its shifts. Its conversations are left as they are.
func Delete(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	for _, text := range []string{
		"DELETE FROM role_members WHERE organization_id = $1 AND role_id = $2",
		"DELETE FROM role_owners WHERE organization_id = $1 AND role_id = $2",
		"DELETE FROM shifts WHERE organization_id = $1 AND role_id = $2",
	} {
		if _, err := tx.Conn().Exec(text, string(organization), string(id)); err != nil {
			return err
		}
	}
	n, err := tx.Conn().Exec("DELETE FROM roles WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("role", id)
	}
	return err
}

const columns = "r.id, r.name, r.description, r.metadata, r.tags, r.owner_required, r.single_owner, r.replay_history, r.away_text, r.rev, r.created_at"

func scan(rows *sql.Rows, r *parley.Role) error {
	var metadata, tags string
	var created int64
	err := rows.Scan(&r.ID, &r.Name, &r.Description, &metadata, &tags, &r.OwnerRequired, &r.SingleOwner, &r.ReplayHistory, &r.AwayText, &r.Rev, &created)
	if err != nil {
		return err
	}
	r.CreatedAt = store.Moment(created)
	if err := store.DecodeJSON(metadata, &r.Metadata); err != nil {
		return err
	}
	return store.DecodeJSON(tags, &r.Tags)
}

// Get returns a role with its members and who is on duty.
func Get(q store.Queries, organization, id parley.ID) (parley.Role, error) {
	roles, err := collect(q, organization, "SELECT "+columns+" FROM roles AS r WHERE r.organization_id = $1 AND r.id = $2", string(organization), string(id))
	if err == nil && len(roles) == 0 {
		return parley.Role{}, parley.NotFound("role", id)
	}
	if err != nil {
		return parley.Role{}, err
	}
	return roles[0], nil
}

// Filter narrows a list of roles. Empty fields do not.
type Filter struct {
	Member parley.ID // who may hold it
	OnDuty parley.ID // who is on duty
}

// List returns up to limit roles that pass the filter, with ids after one; next is where to go on, empty at the end.
func List(q store.Queries, organization parley.ID, f Filter, after parley.ID, limit int) ([]parley.Role, parley.ID, error) {
	const order = " AND r.id > $2 ORDER BY r.id LIMIT $3"
	text := "SELECT " + columns + " FROM roles AS r WHERE r.organization_id = $1" + order
	args := []any{string(organization), string(after), limit + 1}
	const member = " EXISTS (SELECT 1 FROM role_members AS m WHERE m.organization_id = $1 AND m.role_id = r.id AND m.user_id = "
	const owner = " EXISTS (SELECT 1 FROM role_owners AS o WHERE o.organization_id = $1 AND o.role_id = r.id AND o.user_id = "
	switch {
	case f.Member != "" && f.OnDuty != "":
		text = "SELECT " + columns + " FROM roles AS r WHERE r.organization_id = $1 AND" + member + "$4) AND" + owner + "$5)" + order
		args = append(args, string(f.Member), string(f.OnDuty))
	case f.Member != "":
		text = "SELECT " + columns + " FROM roles AS r WHERE r.organization_id = $1 AND" + member + "$4)" + order
		args = append(args, string(f.Member))
	case f.OnDuty != "":
		text = "SELECT " + columns + " FROM roles AS r WHERE r.organization_id = $1 AND" + owner + "$4)" + order
		args = append(args, string(f.OnDuty))
	}
	roles, err := collect(q, organization, text, args...)
	if err != nil || len(roles) <= limit {
		return roles, "", err
	}
	return roles[:limit], roles[limit-1].ID, nil
}

// collect returns the roles of a statement, with their members and who is on duty.
func collect(q store.Queries, organization parley.ID, text string, args ...any) ([]parley.Role, error) {
	var roles []parley.Role
	err := q.Conn().Query(text, args, func(rows *sql.Rows) error {
		var r parley.Role
		err := scan(rows, &r)
		roles = append(roles, r)
		return err
	})
	if err != nil || len(roles) == 0 {
		return nil, err
	}
	return roles, addPeople(q, organization, roles)
}

var (
	membersOf = "SELECT m.role_id, m.user_id FROM role_members AS m WHERE m.organization_id = $1 AND m.role_id IN " + store.IDSource + " ORDER BY m.role_id, m.user_id"
	ownersOf  = "SELECT o.role_id, o.user_id FROM role_owners AS o WHERE o.organization_id = $1 AND o.role_id IN " + store.IDSource + " ORDER BY o.role_id, o.user_id"
)

func addPeople(q store.Queries, organization parley.ID, roles []parley.Role) error {
	ids := make([]parley.ID, len(roles))
	byID := make(map[parley.ID]*parley.Role, len(roles))
	for i := range roles {
		ids[i] = roles[i].ID
		byID[ids[i]] = &roles[i]
	}
	for _, people := range []struct {
		text string
		of   func(*parley.Role) *[]parley.ID
	}{
		{membersOf, func(r *parley.Role) *[]parley.ID { return &r.Members }},
		{ownersOf, func(r *parley.Role) *[]parley.ID { return &r.OnDuty }},
	} {
		err := q.Conn().Query(people.text, []any{string(organization), store.IDRows(ids)}, func(rows *sql.Rows) error {
			var role, user parley.ID
			if err := rows.Scan(&role, &user); err != nil {
				return err
			}
			list := people.of(byID[role])
			*list = append(*list, user)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var insertMembers = `INSERT INTO role_members (organization_id, role_id, user_id)
	SELECT $1, $3, j.id FROM ` + sqldb.From("$2", "id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// AddMembers lets users hold a role, and says how many could not before.
func AddMembers(tx *store.Tx, organization, role parley.ID, users []parley.ID) (int64, error) {
	tx.MustHave(organization)
	if len(users) == 0 {
		return 0, nil
	}
	return tx.Conn().Exec(insertMembers, string(organization), store.IDRows(users), string(role))
}

// RemoveMember takes a role, and the shifts that are to come, from a user. NotFound where the user may not hold it.
func RemoveMember(tx *store.Tx, organization, role, user parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM role_members WHERE organization_id = $1 AND role_id = $2 AND user_id = $3",
		string(organization), string(role), string(user))
	if err == nil && n == 0 {
		err = parley.NotFound("member", user)
	}
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec("DELETE FROM shifts WHERE organization_id = $1 AND role_id = $2 AND state = 'planned' AND user_id = $3",
		string(organization), string(role), string(user))
	return err
}
