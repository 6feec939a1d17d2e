package store

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertTeam adds a team without members.
func (tx *Tx) InsertTeam(organization parley.ID, t *parley.Team) error {
	t.CreatedAt, t.Rev = tx.Now, 1
	_, err := tx.c.Exec("INSERT INTO teams (organization_id, id, name, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(organization), string(t.ID), t.Name, millis(t.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(t.ID)
	}
	return err
}

// UpdateTeam writes the name, raises the revision and returns it.
func (tx *Tx) UpdateTeam(organization parley.ID, t *parley.Team) error {
	err := tx.c.Row("UPDATE teams SET name = $1, rev = rev + 1 WHERE organization_id = $2 AND id = $3 RETURNING rev",
		[]any{t.Name, string(organization), string(t.ID)}, &t.Rev)
	return found(err, "team", t.ID)
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
	return tx.ids(insertTeamMembers, string(organization), string(team), idRows(users))
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
		return t, found(err, "team", id)
	}
	t.CreatedAt = moment(created)
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
		t.CreatedAt = moment(created)
		return t.ID, true, err
	})
	if err != nil {
		return nil, "", err
	}
	return teams, next, q.addTeamMembers(organization, teams)
}

var membersOfTeams = "SELECT m.team_id, m.user_id FROM " + sqldb.From("$1", "id TEXT") + ` AS j
	JOIN team_members AS m ON m.organization_id = $2 AND m.team_id = j.id ORDER BY m.team_id, m.user_id`

func (q Queries) addTeamMembers(organization parley.ID, teams []parley.Team) error {
	if len(teams) == 0 {
		return nil
	}
	ids := make([]parley.ID, len(teams))
	byID := make(map[parley.ID]*parley.Team, len(teams))
	for i := range teams {
		ids[i] = teams[i].ID
		byID[ids[i]] = &teams[i]
	}
	return q.c.Query(membersOfTeams, []any{idRows(ids), string(organization)}, func(r *sql.Rows) error {
		var team, user parley.ID
		if err := r.Scan(&team, &user); err != nil {
			return err
		}
		byID[team].Members = append(byID[team].Members, user)
		return nil
	})
}
