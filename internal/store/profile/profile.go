// Package profile has the tables of what is kept with users, teams, broadcast lists and channels besides what they are: profiles
// and metadata. Its functions take the queries or the transaction of the store.
package profile

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

var profiles = "SELECT user_id, title, department, phone, avatar_id FROM profiles WHERE organization_id = $1 AND user_id IN " + store.IDSource

// Fill adds to users their profiles.
func Fill(q store.Queries, organization parley.ID, users ...*parley.User) error {
	if len(users) == 0 {
		return nil
	}
	ids := make([]parley.ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	found := map[parley.ID]parley.Profile{}
	err := q.Conn().Query(profiles, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var p parley.Profile
		err := r.Scan(&id, &p.Title, &p.Department, &p.Phone, &p.Avatar)
		found[id] = p
		return err
	})
	for _, u := range users {
		u.Profile = found[u.ID]
	}
	return err
}

// number is a telephone number without what people write between its digits. There is an index of it.
const number = "replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '.', ''), '(', ''), ')', '')"

var byPhone = "SELECT user_id, " + number + " FROM profiles WHERE organization_id = $1 AND " + number + " IN " + store.IDSource

// ByPhone returns the users whose profiles have one of some telephone numbers, which are digits after a plus sign, by those.
func ByPhone(q store.Queries, organization parley.ID, numbers []string) (map[string][]parley.ID, error) {
	found := map[string][]parley.ID{}
	if len(numbers) == 0 {
		return found, nil
	}
	err := q.Conn().Query(byPhone, []any{string(organization), store.TextRows(numbers)}, func(r *sql.Rows) error {
		var id parley.ID
		var number string
		err := r.Scan(&id, &number)
		found[number] = append(found[number], id)
		return err
	})
	return found, err
}

// Set writes the profile of a user.
func Set(tx *store.Tx, organization, user parley.ID, p parley.Profile) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO profiles (organization_id, user_id, title, department, phone, avatar_id) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (organization_id, user_id) DO UPDATE SET title = excluded.title, department = excluded.department, phone = excluded.phone,
			avatar_id = excluded.avatar_id`,
		string(organization), string(user), p.Title, p.Department, p.Phone, string(p.Avatar))
	return err
}

// Membership is an organization that an account belongs to, and its user there.
type Membership struct {
	Organization parley.ID
	Name         string // of the organization
	User         parley.User
}

// Memberships returns up to limit organizations in which an account has an active user, with its profile. It is one of the
// named reads across organizations.
func Memberships(q store.Queries, account parley.ID, limit int) ([]Membership, error) {
	var list []Membership
	err := q.Conn().Query(`SELECT u.organization_id, o.name, u.id, u.name, u.email, coalesce(p.title, ''), coalesce(p.department, ''), coalesce(p.phone, ''),
			coalesce(p.avatar_id, '')
		FROM users AS u JOIN organizations AS o ON o.id = u.organization_id
		LEFT JOIN profiles AS p ON p.organization_id = u.organization_id AND p.user_id = u.id
		WHERE u.account_id = $1 AND u.account_id <> '' AND u.active = 1 ORDER BY u.organization_id LIMIT $2`,
		[]any{string(account), limit}, func(r *sql.Rows) error {
			m := Membership{User: parley.User{Account: account, Active: true}}
			err := r.Scan(&m.Organization, &m.Name, &m.User.ID, &m.User.Name, &m.User.Email, &m.User.Profile.Title, &m.User.Profile.Department,
				&m.User.Profile.Phone, &m.User.Profile.Avatar)
			list = append(list, m)
			return err
		})
	return list, err
}

// The kinds of things that metadata is kept with in a table of its own.
const (
	Team      = "team"
	Broadcast = "broadcast"
	Channel   = "channel"
)

var metadata = "SELECT entity_id, metadata FROM entity_metadata WHERE organization_id = $1 AND entity_id IN " + store.IDSource + " AND kind = $3"

// Metadata returns that of things of a kind.
func Metadata(q store.Queries, organization parley.ID, kind string, ids ...parley.ID) (map[parley.ID]map[string]string, error) {
	found := map[parley.ID]map[string]string{}
	if len(ids) == 0 {
		return found, nil
	}
	err := q.Conn().Query(metadata, []any{string(organization), store.IDRows(ids), kind}, func(r *sql.Rows) error {
		var id parley.ID
		var encoded string
		if err := r.Scan(&id, &encoded); err != nil {
			return err
		}
		var facts map[string]string
		err := store.DecodeJSON(encoded, &facts)
		found[id] = facts
		return err
	})
	return found, err
}

// SetMetadata writes that of a thing; none is none.
func SetMetadata(tx *store.Tx, organization parley.ID, kind string, id parley.ID, facts map[string]string) error {
	tx.MustHave(organization)
	if len(facts) == 0 {
		_, err := tx.Conn().Exec("DELETE FROM entity_metadata WHERE organization_id = $1 AND kind = $2 AND entity_id = $3", string(organization), kind, string(id))
		return err
	}
	encoded, err := store.EncodeJSON(facts)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO entity_metadata (organization_id, kind, entity_id, metadata) VALUES ($1, $2, $3, $4)
		ON CONFLICT (organization_id, kind, entity_id) DO UPDATE SET metadata = excluded.metadata`, string(organization), kind, string(id), encoded)
	return err
}
