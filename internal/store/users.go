package store

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// EnsureAccount returns the account with an e-mail address, made now with this id and name if there was none.
func (tx *Tx) EnsureAccount(a parley.Account) (parley.Account, error) {
	_, err := tx.c.Exec("INSERT INTO accounts (id, email, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
		string(a.ID), a.Email, a.Name, Millis(tx.Now))
	if err != nil {
		return a, err
	}
	return tx.AccountByEmail(a.Email)
}

// AccountByEmail returns the account with an e-mail address.
func (q Queries) AccountByEmail(email string) (a parley.Account, err error) {
	var created int64
	err = q.c.Row("SELECT id, email, name, created_at FROM accounts WHERE email = $1", []any{email}, &a.ID, &a.Email, &a.Name, &created)
	a.CreatedAt = Moment(created)
	return a, Found(err, "account", parley.ID(email))
}

// Account returns an account.
func (q Queries) Account(id parley.ID) (a parley.Account, err error) {
	var created int64
	err = q.c.Row("SELECT id, email, name, created_at FROM accounts WHERE id = $1", []any{string(id)}, &a.ID, &a.Email, &a.Name, &created)
	a.CreatedAt = Moment(created)
	return a, Found(err, "account", id)
}

// Membership is an organization that an account belongs to, and its user there.
type Membership struct {
	Organization parley.ID
	Name         string // of the organization
	User         parley.ID
}

// Memberships returns up to limit organizations in which an account has an active user. It is one of the
// named reads across organizations, with an index of its own.
func (q Queries) Memberships(account parley.ID, limit int) ([]Membership, error) {
	var memberships []Membership
	err := q.c.Query(`SELECT u.organization_id, o.name, u.id FROM users AS u JOIN organizations AS o ON o.id = u.organization_id
		WHERE u.account_id = $1 AND u.account_id <> '' AND u.active = 1 ORDER BY u.organization_id LIMIT $2`,
		[]any{string(account), limit}, func(r *sql.Rows) error {
			var m Membership
			err := r.Scan(&m.Organization, &m.Name, &m.User)
			memberships = append(memberships, m)
			return err
		})
	return memberships, err
}

// InsertUser adds a user. An account that has one in the organization is parley.Conflict "email-taken".
func (tx *Tx) InsertUser(organization parley.ID, u *parley.User) error {
	metadata, err := EncodeJSON(u.Metadata)
	if err != nil {
		return err
	}
	u.CreatedAt, u.Rev = tx.Now, 1
	n, err := tx.c.Exec(`INSERT INTO users (organization_id, id, account_id, name, email, machine, active, metadata, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9) ON CONFLICT (organization_id, id) DO NOTHING`,
		string(organization), string(u.ID), string(u.Account), u.Name, u.Email, u.Machine, u.Active, metadata, Millis(u.CreatedAt))
	switch {
	case sqldb.IsUnique(err):
		return emailTaken(u.Email)
	case err == nil && n == 0:
		return idTaken(u.ID)
	}
	return err
}

func emailTaken(email string) error {
	return parley.Conflict("email-taken", "the organization has a user with the e-mail address %q", email)
}

// UpdateUser writes what can be changed, raises the revision and returns it.
func (tx *Tx) UpdateUser(organization parley.ID, u *parley.User) error {
	metadata, err := EncodeJSON(u.Metadata)
	if err != nil {
		return err
	}
	err = tx.c.Row(`UPDATE users SET account_id = $1, name = $2, email = $3, active = $4, metadata = $5, rev = rev + 1
		WHERE organization_id = $6 AND id = $7 RETURNING rev`, []any{string(u.Account), u.Name, u.Email, u.Active, metadata,
		string(organization), string(u.ID)}, &u.Rev)
	if sqldb.IsUnique(err) {
		return emailTaken(u.Email)
	}
	return Found(err, "user", u.ID)
}

const userColumns = "u.id, u.account_id, u.name, u.email, u.machine, u.active, u.metadata, u.rev, u.created_at"

func scanUser(r *sql.Rows, u *parley.User) error {
	var created int64
	var metadata string
	err := r.Scan(&u.ID, &u.Account, &u.Name, &u.Email, &u.Machine, &u.Active, &metadata, &u.Rev, &created)
	if err != nil {
		return err
	}
	u.CreatedAt = Moment(created)
	return DecodeJSON(metadata, &u.Metadata)
}

// User returns a user.
func (q Queries) User(organization, id parley.ID) (parley.User, error) {
	return q.user("u.id = $2", organization, id)
}

// UserOfAccount returns the user that an account has in an organization.
func (q Queries) UserOfAccount(organization, account parley.ID) (parley.User, error) {
	return q.user("u.account_id = $2 AND u.account_id <> ''", organization, account)
}

func (q Queries) user(where string, organization, id parley.ID) (u parley.User, err error) {
	absent := true
	err = q.c.Query("SELECT "+userColumns+" FROM users AS u WHERE u.organization_id = $1 AND "+where,
		[]any{string(organization), string(id)}, func(r *sql.Rows) error {
			absent = false
			return scanUser(r, &u)
		})
	if err == nil && absent {
		err = parley.NotFound("user", id)
	}
	return u, err
}

var usersByID = "SELECT " + userColumns + " FROM users AS u WHERE u.organization_id = $1 AND u.id IN " + IDSource

// UsersByID returns those of the users that exist.
func (q Queries) UsersByID(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.User, error) {
	users := make(map[parley.ID]*parley.User, len(ids))
	if len(ids) == 0 {
		return users, nil
	}
	err := q.c.Query(usersByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		u := &parley.User{}
		err := scanUser(r, u)
		users[u.ID] = u
		return err
	})
	return users, err
}

var usersByEmail = "SELECT " + userColumns + ` FROM users AS u JOIN accounts AS a ON a.id = u.account_id
	WHERE u.organization_id = $1 AND u.account_id <> '' AND u.active = 1 AND a.email IN ` + IDSource

// UsersByEmail returns the active users of accounts with some e-mail addresses, by those.
func (q Queries) UsersByEmail(organization parley.ID, emails []string) (map[string]*parley.User, error) {
	users := make(map[string]*parley.User, len(emails))
	if len(emails) == 0 {
		return users, nil
	}
	err := q.c.Query(usersByEmail, []any{string(organization), TextRows(emails)}, func(r *sql.Rows) error {
		u := &parley.User{}
		err := scanUser(r, u)
		users[u.Email] = u
		return err
	})
	return users, err
}

// EncodeJSON makes the text of a JSON column.
func EncodeJSON(v any) (string, error) {
	encoded, err := json.Marshal(v)
	return string(encoded), err
}

// DecodeJSON reads a JSON column, whose null and empty forms are common.
func DecodeJSON(text string, into any) error {
	if text == "" || text == "null" || text == "[]" || text == "{}" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}

// IDSource is the ids of IDRows, the second parameter. It is a list to look up rather than a table to join: SQLite
// would put the organization's whole table before such a table.
var IDSource = "(SELECT id FROM " + sqldb.From("$2", "id TEXT") + " AS j)"

// IDRows is a parameter of ids, a row each.
func IDRows(ids []parley.ID) []byte {
	var rows sqldb.Rows
	for _, id := range ids {
		rows.Add(string(id))
	}
	return rows.Param()
}

// TextRows is IDRows of other texts.
func TextRows(texts []string) []byte {
	var rows sqldb.Rows
	for _, text := range texts {
		rows.Add(text)
	}
	return rows.Param()
}

// UserFilter narrows a list of users. Empty fields do not.
type UserFilter struct {
	Email   string
	Active  *bool
	Machine *bool
}

// Users returns up to limit users that pass the filter, with ids after one; next is where to go on, empty at
// the end.
func (q Queries) Users(organization parley.ID, f UserFilter, after parley.ID, limit int) ([]parley.User, parley.ID, error) {
	scan := func(r *sql.Rows, u *parley.User) (parley.ID, bool, error) {
		err := scanUser(r, u)
		return u.ID, (f.Active == nil || *f.Active == u.Active) && (f.Machine == nil || *f.Machine == u.Machine), err
	}
	if f.Email != "" {
		return list(q.c, "SELECT "+userColumns+` FROM users AS u JOIN accounts AS a ON a.id = u.account_id
			WHERE u.organization_id = $1 AND a.email = $2 AND u.account_id <> '' AND u.id > $3 ORDER BY u.id LIMIT $4`,
			[]any{string(organization), f.Email, string(after)}, limit, limit+1, scan)
	}
	return list(q.c, "SELECT "+userColumns+" FROM users AS u WHERE u.organization_id = $1 AND u.id > $2 ORDER BY u.id LIMIT $3",
		[]any{string(organization), string(after)}, limit, examine(f.Active != nil || f.Machine != nil, limit), scan)
}

// InsertKey adds a key.
func (tx *Tx) InsertKey(k *parley.Key) error {
	scopes, err := EncodeJSON(k.Scopes)
	if err != nil {
		return err
	}
	doors := ""
	if len(k.Doors) > 0 {
		if doors, err = EncodeJSON(k.Doors); err != nil {
			return err
		}
	}
	k.CreatedAt = tx.real // credentials are the server's: they end by its time, too
	_, err = tx.c.Exec(`INSERT INTO keys (id, organization_id, account_id, user_id, name, scopes, rate_limit, secret_hash,
			expires_at, revoked_at, created_at, doors)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)`, string(k.ID), string(k.Organization), string(k.Account), string(k.User),
		k.Name, scopes, k.RateLimit, hex.EncodeToString(k.SecretHash), Millis(k.ExpiresAt), Millis(k.CreatedAt), doors)
	if sqldb.IsUnique(err) {
		return idTaken(k.ID)
	}
	return err
}

// RevokeKey ends a key; one that has been revoked keeps its time.
func (tx *Tx) RevokeKey(id parley.ID) error {
	_, err := tx.c.Exec("UPDATE keys SET revoked_at = $1 WHERE id = $2 AND revoked_at = 0", Millis(tx.real), string(id))
	return err
}

const keyColumns = "id, organization_id, account_id, user_id, name, scopes, rate_limit, secret_hash, expires_at, revoked_at, created_at, doors"

func scanKey(r *sql.Rows, k *parley.Key) error {
	var scopes, doors, hash string
	var expires, revoked, created int64
	err := r.Scan(&k.ID, &k.Organization, &k.Account, &k.User, &k.Name, &scopes, &k.RateLimit, &hash, &expires, &revoked, &created, &doors)
	if err != nil {
		return err
	}
	k.ExpiresAt, k.RevokedAt, k.CreatedAt = Moment(expires), Moment(revoked), Moment(created)
	if k.SecretHash, err = hex.DecodeString(hash); err != nil {
		return err
	}
	if doors != "" {
		if err := DecodeJSON(doors, &k.Doors); err != nil {
			return err
		}
	}
	return DecodeJSON(scopes, &k.Scopes)
}

// Key returns a key, revoked and expired ones too.
func (q Queries) Key(id parley.ID) (k parley.Key, err error) {
	absent := true
	err = q.c.Query("SELECT "+keyColumns+" FROM keys WHERE id = $1", []any{string(id)}, func(r *sql.Rows) error {
		absent = false
		return scanKey(r, &k)
	})
	if err == nil && absent {
		err = parley.NotFound("key", id)
	}
	return k, err
}

// OrganizationKeys returns up to limit keys that belong to an organization, with ids after one.
func (q Queries) OrganizationKeys(organization, after parley.ID, limit int) ([]parley.Key, error) {
	return q.keys("SELECT "+keyColumns+" FROM keys WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", organization, after, limit)
}

// AccountKeys returns up to limit keys of an account that belong to no organization, with ids after one.
func (q Queries) AccountKeys(account, after parley.ID, limit int) ([]parley.Key, error) {
	return q.keys("SELECT "+keyColumns+` FROM keys WHERE account_id = $1 AND account_id <> '' AND id > $2 AND organization_id = ''
		ORDER BY id LIMIT $3`, account, after, limit)
}

func (q Queries) keys(text string, owner, after parley.ID, limit int) ([]parley.Key, error) {
	var keys []parley.Key
	err := q.c.Query(text, []any{string(owner), string(after), limit}, func(r *sql.Rows) error {
		var k parley.Key
		err := scanKey(r, &k)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// MarkKind is a kind of marker.
type MarkKind string

// The kinds of markers.
const (
	MarkDelivered MarkKind = "delivered"
	MarkRead      MarkKind = "read"
)

// Mark moves a user's marker forward and remembers when; it says whether the marker moved.
func (tx *Tx) Mark(organization, conversation, user parley.ID, kind MarkKind, through int64) (bool, error) {
	column := "delivered_through"
	if kind == MarkRead {
		column = "read_through"
	}
	n, err := tx.c.Exec("UPDATE participants SET "+column+` = $1 WHERE organization_id = $2 AND conversation_id = $3
		AND participant_id = $4 AND participant_id <> '' AND kind = 'user' AND `+column+" < $1",
		through, string(organization), string(conversation), string(user))
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.c.Exec(`INSERT INTO marks (organization_id, conversation_id, user_id, kind, through, at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		string(organization), string(conversation), string(user), string(kind), through, Millis(tx.Now))
	return true, err
}

// UserMark is when a user's marker came to a place.
type UserMark struct {
	User    parley.ID
	Kind    MarkKind
	Through int64
	At      time.Time
}

// MarksFrom returns, for each user and kind, the first marker at or past a sequence.
func (q Queries) MarksFrom(organization, conversation parley.ID, sequence int64) ([]UserMark, error) {
	var marks []UserMark
	err := q.c.Query(`SELECT user_id, kind, min(through), min(at) FROM marks WHERE organization_id = $1 AND conversation_id = $2
		AND through >= $3 GROUP BY user_id, kind ORDER BY user_id, kind`, []any{string(organization), string(conversation), sequence},
		func(r *sql.Rows) error {
			var m UserMark
			var at int64
			err := r.Scan(&m.User, &m.Kind, &m.Through, &at)
			m.At = Moment(at)
			marks = append(marks, m)
			return err
		})
	return marks, err
}

// Link is a web address of a message that goes out as a short one: where its code leads.
type Link struct {
	Delivery int // each recipient has codes of its own
	Code     string
	URL      string
}

var insertLinks = `INSERT INTO links (organization_id, message_id, delivery, number, code, url)
	SELECT organization_id, message_id, delivery, number, code, url FROM ` +
	sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "delivery BIGINT", "number BIGINT", "code TEXT", "url TEXT") + ` AS j`

func addLinks(rows *sqldb.Rows, organization, message string, links []Link) {
	for i, l := range links {
		rows.Add(organization, message, l.Delivery, i+1, l.Code, l.URL)
	}
}

// AddLinks adds the links of a delivery that was made after its message.
func (tx *Tx) AddLinks(organization, message parley.ID, links []Link) error {
	if len(links) == 0 {
		return nil
	}
	var rows sqldb.Rows
	addLinks(&rows, string(organization), string(message), links)
	_, err := tx.c.Exec(insertLinks, rows.Param())
	return err
}
