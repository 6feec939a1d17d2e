package store

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertTeam adds a team without members.
func (tx *Tx) InsertTeam(organization parley.ID, t *parley.Team) error {
	t.CreatedAt, t.Rev = tx.Now, 1
	_, err := tx.c.Exec("INSERT INTO teams (organization_id, id, name, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(organization), string(t.ID), t.Name, Millis(t.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(t.ID)
	}
	return err
}

// UpdateTeam writes the name, raises the revision and returns it.
func (tx *Tx) UpdateTeam(organization parley.ID, t *parley.Team) error {
	err := tx.c.Row("UPDATE teams SET name = $1, rev = rev + 1 WHERE organization_id = $2 AND id = $3 RETURNING rev",
		[]any{t.Name, string(organization), string(t.ID)}, &t.Rev)
	return Found(err, "team", t.ID)
}

// DeleteTeam deletes a team and its members.
func (tx *Tx) DeleteTeam(organization, id parley.ID) error {
	if _, err := tx.c.Exec("DELETE FROM team_members WHERE organization_id = $1 AND team_id = $2", string(organization), string(id)); err != nil {
		return err
	}
	n, err := tx.c.Exec("DELETE FROM teams WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("team", id)
	}
	return err
}

var insertTeamMembers = `INSERT INTO team_members (organization_id, team_id, user_id)
	SELECT $1, $2, j.user_id FROM ` + sqldb.From("$3", "user_id TEXT") + ` AS j WHERE true
	ON CONFLICT DO NOTHING RETURNING user_id`

// AddTeamMembers adds users to a team and returns those who were not in it.
func (tx *Tx) AddTeamMembers(organization, team parley.ID, users []parley.ID) ([]parley.ID, error) {
	if len(users) == 0 {
		return nil, nil
	}
	return tx.ids(insertTeamMembers, string(organization), string(team), IDRows(users))
}

// RemoveTeamMember takes a user out of a team. NotFound where it is not in it.
func (tx *Tx) RemoveTeamMember(organization, team, user parley.ID) error {
	n, err := tx.c.Exec("DELETE FROM team_members WHERE organization_id = $1 AND team_id = $2 AND user_id = $3",
		string(organization), string(team), string(user))
	if err == nil && n == 0 {
		err = parley.NotFound("member", user)
	}
	return err
}

// ids runs a statement that answers ids.
func (q Queries) ids(text string, args ...any) ([]parley.ID, error) {
	var ids []parley.ID
	err := q.c.Query(text, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// errEnough ends a list before its rows end.
var errEnough = errors.New("enough")

// list collects up to limit rows that pass, from rows in the order of their ids. The statement's last
// parameter is how many rows it examines at most; next is where to go on, empty at the end.
func list[T any](c sqldb.Conn, text string, args []any, limit, examine int,
	scan func(r *sql.Rows, item *T) (id parley.ID, passes bool, err error)) (items []T, next parley.ID, err error) {
	var last parley.ID
	examined := 0
	err = c.Query(text, append(args, examine), func(r *sql.Rows) error {
		var item T
		id, passes, err := scan(r, &item)
		if err != nil {
			return err
		}
		if passes && len(items) == limit {
			next = last
			return errEnough
		}
		if passes {
			items = append(items, item)
		}
		last = id
		examined++
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if next == "" && examined == examine {
		next = last
	}
	return items, next, err
}

// examine is how many rows a list reads: one more than it gives, to know whether there are more, or a bounded
// number where a filter drops some.
func examine(filtered bool, limit int) int {
	if filtered {
		return maxExamined
	}
	return limit + 1
}

// TeamMembers returns the users of a team, in order of their ids.
func (q Queries) TeamMembers(organization, team parley.ID) ([]parley.ID, error) {
	return q.ids("SELECT user_id FROM team_members WHERE organization_id = $1 AND team_id = $2 ORDER BY user_id",
		string(organization), string(team))
}

// TeamMembersAfter returns up to limit users of a team with ids after one.
func (q Queries) TeamMembersAfter(organization, team, after parley.ID, limit int) ([]parley.ID, error) {
	return q.ids("SELECT user_id FROM team_members WHERE organization_id = $1 AND team_id = $2 AND user_id > $3 ORDER BY user_id LIMIT $4",
		string(organization), string(team), string(after), limit)
}

var teamNames = "SELECT id, name FROM teams WHERE organization_id = $1 AND id IN " + IDSource

// TeamNames returns what those of some ids are called that are teams.
func (q Queries) TeamNames(organization parley.ID, ids []parley.ID) (map[parley.ID]string, error) {
	names := make(map[parley.ID]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	err := q.c.Query(teamNames, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var name string
		err := r.Scan(&id, &name)
		names[id] = name
		return err
	})
	return names, err
}

// TeamsOf returns the teams that a user is in.
func (q Queries) TeamsOf(organization, user parley.ID) ([]parley.ID, error) {
	return q.ids("SELECT team_id FROM team_members WHERE organization_id = $1 AND user_id = $2 ORDER BY team_id",
		string(organization), string(user))
}

// Team returns a team with its members.
func (q Queries) Team(organization, id parley.ID) (t parley.Team, err error) {
	var created int64
	err = q.c.Row("SELECT id, name, rev, created_at FROM teams WHERE organization_id = $1 AND id = $2",
		[]any{string(organization), string(id)}, &t.ID, &t.Name, &t.Rev, &created)
	if err != nil {
		return t, Found(err, "team", id)
	}
	t.CreatedAt = Moment(created)
	t.Members, err = q.TeamMembers(organization, id)
	return t, err
}

// Teams returns up to limit teams with ids after one, with their members, of all or of those that a user is
// in; next is where to go on, empty at the end.
func (q Queries) Teams(organization, member, after parley.ID, limit int) ([]parley.Team, parley.ID, error) {
	text := "SELECT t.id, t.name, t.rev, t.created_at FROM teams AS t WHERE t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"
	args := []any{string(organization), string(after)}
	if member != "" {
		text = `SELECT t.id, t.name, t.rev, t.created_at FROM team_members AS m
			JOIN teams AS t ON t.organization_id = m.organization_id AND t.id = m.team_id
			WHERE m.organization_id = $1 AND m.user_id = $2 AND m.team_id > $3 ORDER BY m.team_id LIMIT $4`
		args = []any{string(organization), string(member), string(after)}
	}
	teams, next, err := list(q.c, text, args, limit, limit+1, func(r *sql.Rows, t *parley.Team) (parley.ID, bool, error) {
		var created int64
		err := r.Scan(&t.ID, &t.Name, &t.Rev, &created)
		t.CreatedAt = Moment(created)
		return t.ID, true, err
	})
	if err != nil {
		return nil, "", err
	}
	return teams, next, q.addTeamMembers(organization, teams)
}

var membersOfTeams = "SELECT m.team_id, m.user_id FROM team_members AS m WHERE m.organization_id = $1 AND m.team_id IN " + IDSource +
	" ORDER BY m.team_id, m.user_id"

// MembersOfTeams returns the users of several teams.
func (q Queries) MembersOfTeams(organization parley.ID, ids []parley.ID) (map[parley.ID][]parley.ID, error) {
	members := make(map[parley.ID][]parley.ID, len(ids))
	if len(ids) == 0 {
		return members, nil
	}
	err := q.c.Query(membersOfTeams, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		var team, user parley.ID
		err := r.Scan(&team, &user)
		members[team] = append(members[team], user)
		return err
	})
	return members, err
}

func (q Queries) addTeamMembers(organization parley.ID, teams []parley.Team) error {
	ids := make([]parley.ID, len(teams))
	for i := range teams {
		ids[i] = teams[i].ID
	}
	members, err := q.MembersOfTeams(organization, ids)
	for i := range teams {
		teams[i].Members = members[teams[i].ID]
	}
	return err
}

var leaveTogether = `UPDATE participants SET left_sequence = 1 + (SELECT last_sequence FROM conversations AS c
		WHERE c.organization_id = $1 AND c.id = $2)
	WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'user' AND left_sequence = 0
		AND participant_id IN (SELECT id FROM ` + sqldb.From("$3", "id TEXT") + ` AS j)`

// LeaveTogether ends the part of users in a conversation after its last item. Who takes no part is passed over.
func (tx *Tx) LeaveTogether(organization, conversation parley.ID, users []parley.ID) error {
	if len(users) == 0 {
		return nil
	}
	if _, err := tx.c.Exec(leaveTogether, string(organization), string(conversation), IDRows(users)); err != nil {
		return err
	}
	return tx.BumpConversation(organization, conversation)
}

// JobMembers deletes the members of a broadcast list that is gone; its payload is the list's id.
const JobMembers JobKind = "members"

// InsertBroadcast adds a broadcast list without members.
func (tx *Tx) InsertBroadcast(organization parley.ID, b *parley.Broadcast) error {
	b.CreatedAt, b.Rev, b.MemberCount = tx.Now, 1, 0
	_, err := tx.c.Exec("INSERT INTO broadcasts (organization_id, id, name, member_count, rev, created_at) VALUES ($1, $2, $3, 0, 1, $4)",
		string(organization), string(b.ID), b.Name, Millis(b.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(b.ID)
	}
	return err
}

// UpdateBroadcast writes name and member count, raises the revision and returns it.
func (tx *Tx) UpdateBroadcast(organization parley.ID, b *parley.Broadcast) error {
	err := tx.c.Row(`UPDATE broadcasts SET name = $1, member_count = $2, rev = rev + 1 WHERE organization_id = $3 AND id = $4
		RETURNING rev`, []any{b.Name, b.MemberCount, string(organization), string(b.ID)}, &b.Rev)
	return Found(err, "broadcast", b.ID)
}

// DeleteBroadcast deletes a list; see DropBroadcastMembers for its members.
func (tx *Tx) DeleteBroadcast(organization, id parley.ID) error {
	n, err := tx.c.Exec("DELETE FROM broadcasts WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("broadcast", id)
	}
	return err
}

// DropBroadcastMembers deletes up to limit members of a list, and says how many.
func (tx *Tx) DropBroadcastMembers(organization, broadcast parley.ID, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM broadcast_members WHERE organization_id = $1 AND broadcast_id = $2 AND (kind, member_id) IN
		(SELECT kind, member_id FROM broadcast_members WHERE organization_id = $1 AND broadcast_id = $2 ORDER BY kind, member_id LIMIT $3)`,
		string(organization), string(broadcast), limit)
}

// memberRows is a parameter of members, a row each.
func memberRows(members []parley.BroadcastMember) []byte {
	var rows sqldb.Rows
	for _, m := range members {
		rows.Add(string(m.Kind), string(m.ID))
	}
	return rows.Param()
}

var (
	insertBroadcastMembers = `INSERT INTO broadcast_members (organization_id, broadcast_id, kind, member_id)
		SELECT $1, $2, j.kind, j.id FROM ` + sqldb.From("$3", "kind TEXT", "id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	deleteBroadcastMembers = `DELETE FROM broadcast_members WHERE organization_id = $1 AND broadcast_id = $2 AND (kind, member_id) IN
		(SELECT kind, id FROM ` + sqldb.From("$3", "kind TEXT", "id TEXT") + ` AS j)`
)

// AddBroadcastMembers adds members to a list, and says how many were new. The list's count is the caller's.
func (tx *Tx) AddBroadcastMembers(organization, broadcast parley.ID, members []parley.BroadcastMember) (int64, error) {
	return tx.c.Exec(insertBroadcastMembers, string(organization), string(broadcast), memberRows(members))
}

// RemoveBroadcastMembers takes members off a list, and says how many were on it. The list's count is the caller's.
func (tx *Tx) RemoveBroadcastMembers(organization, broadcast parley.ID, members []parley.BroadcastMember) (int64, error) {
	return tx.c.Exec(deleteBroadcastMembers, string(organization), string(broadcast), memberRows(members))
}

// LeaveBroadcasts takes somebody off every list, and returns these lists.
func (tx *Tx) LeaveBroadcasts(organization parley.ID, member parley.BroadcastMember) ([]parley.ID, error) {
	left, err := tx.ids(`DELETE FROM broadcast_members WHERE organization_id = $1 AND kind = $2 AND member_id = $3
		AND broadcast_id IN (SELECT id FROM broadcasts WHERE organization_id = $1) RETURNING broadcast_id`,
		string(organization), string(member.Kind), string(member.ID))
	if err != nil {
		return nil, err
	}
	slices.Sort(left)
	for _, id := range left {
		_, err := tx.c.Exec(`UPDATE broadcasts SET member_count = member_count - 1, rev = rev + 1
			WHERE organization_id = $1 AND id = $2`, string(organization), string(id))
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}

func scanBroadcast(r *sql.Rows, b *parley.Broadcast) (parley.ID, bool, error) {
	var created int64
	err := r.Scan(&b.ID, &b.Name, &b.MemberCount, &b.Rev, &created)
	b.CreatedAt = Moment(created)
	return b.ID, true, err
}

// Broadcast returns a broadcast list.
func (q Queries) Broadcast(organization, id parley.ID) (b parley.Broadcast, err error) {
	absent := true
	err = q.c.Query("SELECT id, name, member_count, rev, created_at FROM broadcasts WHERE organization_id = $1 AND id = $2",
		[]any{string(organization), string(id)}, func(r *sql.Rows) error {
			absent = false
			_, _, err := scanBroadcast(r, &b)
			return err
		})
	if err == nil && absent {
		err = parley.NotFound("broadcast", id)
	}
	return b, err
}

// Broadcasts returns up to limit lists with ids after one; next is where to go on, empty at the end.
func (q Queries) Broadcasts(organization, after parley.ID, limit int) ([]parley.Broadcast, parley.ID, error) {
	return list(q.c, `SELECT id, name, member_count, rev, created_at FROM broadcasts
		WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3`, []any{string(organization), string(after)}, limit, limit+1, scanBroadcast)
}

// BroadcastMembers returns up to limit members of a list that come after one, in order of kind and id.
func (q Queries) BroadcastMembers(organization, broadcast parley.ID, after parley.BroadcastMember, limit int) ([]parley.BroadcastMember, error) {
	var members []parley.BroadcastMember
	err := q.c.Query(`SELECT kind, member_id FROM broadcast_members WHERE organization_id = $1 AND broadcast_id = $2
		AND (kind, member_id) > ($3, $4) ORDER BY kind, member_id LIMIT $5`,
		[]any{string(organization), string(broadcast), string(after.Kind), string(after.ID), limit}, func(r *sql.Rows) error {
			var m parley.BroadcastMember
			err := r.Scan(&m.Kind, &m.ID)
			members = append(members, m)
			return err
		})
	return members, err
}
