// Package availability has the tables of what users do not want to be disturbed by: do-not-disturb with whom it forwards to,
// what those who write are told of it, and muted conversations. Its functions take the queries or the transaction of the store.
package availability

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// JobEnd is the end of a user's do-not-disturb; its payload is the user's id.
const JobEnd store.JobKind = "undisturb"

// EndJob is the job of a user.
func EndJob(organization, user parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobEnd, string(user)), Kind: JobEnd, DueAt: due, Payload: string(user)}
}

const columns = "d.user_id, d.since, d.until, d.text, d.forward_kind, d.forward_id"

func scan(r *sql.Rows, user *parley.ID, d *parley.DoNotDisturb) error {
	var since, until int64
	err := r.Scan(user, &since, &until, &d.Text, &d.ForwardTo.Kind, &d.ForwardTo.ID)
	d.Since, d.Until = store.Moment(since), store.Moment(until)
	return err
}

// Get returns a user's do-not-disturb, or nil where it is off at a time.
func Get(q store.Queries, organization, user parley.ID, now time.Time) (found *parley.DoNotDisturb, err error) {
	err = q.Conn().Query("SELECT "+columns+" FROM do_not_disturb AS d WHERE d.organization_id = $1 AND d.user_id = $2",
		[]any{string(organization), string(user)}, func(r *sql.Rows) error {
			var id parley.ID
			var d parley.DoNotDisturb
			err := scan(r, &id, &d)
			if d.On(now) {
				found = &d
			}
			return err
		})
	return found, err
}

var ofUsers = "SELECT " + columns + " FROM do_not_disturb AS d WHERE d.organization_id = $1 AND d.user_id IN " + store.IDSource

// Fill adds to users their do-not-disturb where it is on at a time.
func Fill(q store.Queries, organization parley.ID, now time.Time, users ...*parley.User) error {
	if len(users) == 0 {
		return nil
	}
	ids := make([]parley.ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	on := map[parley.ID]*parley.DoNotDisturb{}
	err := q.Conn().Query(ofUsers, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var d parley.DoNotDisturb
		err := scan(r, &id, &d)
		if d.On(now) {
			on[id] = &d
		}
		return err
	})
	for _, u := range users {
		u.DoNotDisturb = on[u.ID]
	}
	return err
}

// Set turns a user's do-not-disturb on.
func Set(tx *store.Tx, organization, user parley.ID, d *parley.DoNotDisturb) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO do_not_disturb (organization_id, user_id, since, until, text, forward_kind, forward_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization_id, user_id) DO UPDATE SET since = excluded.since, until = excluded.until,
			text = excluded.text, forward_kind = excluded.forward_kind, forward_id = excluded.forward_id`,
		string(organization), string(user), store.Millis(d.Since), store.Millis(d.Until), d.Text, string(d.ForwardTo.Kind), string(d.ForwardTo.ID))
	if err != nil {
		return err
	}
	return touch(tx, organization, user)
}

// Clear turns it off, and says whether there was something to turn off.
func Clear(tx *store.Tx, organization, user parley.ID) (bool, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM do_not_disturb WHERE organization_id = $1 AND user_id = $2", string(organization), string(user))
	if err != nil || n == 0 {
		return false, err
	}
	return true, touch(tx, organization, user)
}

// touch raises the revision of a user, and those of its direct conversations: what sends saw is stale.
func touch(tx *store.Tx, organization, user parley.ID) error {
	_, err := tx.Conn().Exec("UPDATE users SET rev = rev + 1 WHERE organization_id = $1 AND id = $2", string(organization), string(user))
	if err != nil {
		return err
	}
	return tx.BumpDirects(organization, user)
}

// Tell notes what is told in a conversation of a user who does not want to be disturbed, and says whether that is news.
func Tell(tx *store.Tx, organization, conversation, user parley.ID, told string) (bool, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec(`INSERT INTO away_notices (organization_id, conversation_id, user_id, told) VALUES ($1, $2, $3, $4)
		ON CONFLICT (organization_id, conversation_id, user_id) DO UPDATE SET told = excluded.told WHERE away_notices.told <> excluded.told`,
		string(organization), string(conversation), string(user), told)
	return n > 0, err
}

// Mute mutes a conversation for a user; without a time for good.
func Mute(tx *store.Tx, organization, user, conversation parley.ID, until time.Time) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO mutes (organization_id, user_id, conversation_id, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (organization_id, user_id, conversation_id) DO UPDATE SET until = excluded.until`,
		string(organization), string(user), string(conversation), store.Millis(until))
	return err
}

// Unmute ends that, and says whether there was something to end.
func Unmute(tx *store.Tx, organization, user, conversation parley.ID) (bool, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM mutes WHERE organization_id = $1 AND user_id = $2 AND conversation_id = $3",
		string(organization), string(user), string(conversation))
	return n > 0, err
}

var muted = "SELECT m.conversation_id, m.until FROM mutes AS m WHERE m.organization_id = $1 AND m.user_id = $3 AND m.conversation_id IN " + store.IDSource

// FillMutes adds to conversations whether a user has them muted at a time.
func FillMutes(q store.Queries, organization, user parley.ID, now time.Time, conversations ...*parley.Conversation) error {
	if user == "" || len(conversations) == 0 {
		return nil
	}
	ids := make([]parley.ID, len(conversations))
	for i, c := range conversations {
		ids[i] = c.ID
	}
	on := map[parley.ID]*parley.Mute{}
	err := q.Conn().Query(muted, []any{string(organization), store.IDRows(ids), string(user)}, func(r *sql.Rows) error {
		var id parley.ID
		var until int64
		err := r.Scan(&id, &until)
		if until == 0 || store.Moment(until).After(now) {
			on[id] = &parley.Mute{Until: store.Moment(until)}
		}
		return err
	})
	for _, c := range conversations {
		c.Muted = on[c.ID]
	}
	return err
}
