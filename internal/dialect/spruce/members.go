package spruce

import (
	"context"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// teammate is a user of the organization, who is a person.
type teammate struct {
	Object      string `json:"object"`
	ID          string `json:"id"`
	Type        string `json:"type"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email,omitempty"`
	IsAdmin     bool   `json:"isAdmin"`
	IsSuspended bool   `json:"isSuspended"`
}

// group is a team, or the organization itself.
type group struct {
	Object string `json:"object"`
	ID     string `json:"id"`
	Type   string `json:"type"`
	Name   string `json:"name"`
}

func teamOf(id parley.ID, name string) group {
	return group{Object: "team", ID: prefixEntity + string(id), Type: "team", Name: name}
}

// organization is the one that the credential is of.
func (c *call) organization() (group, error) {
	o, err := c.Directory.Organization(c.ctx, c.p)
	return group{Object: "organization", ID: prefixEntity + string(o.ID), Type: "organization", Name: o.Name}, err
}

func getOrganization(c *call) (any, error) {
	o, err := c.organization()
	return map[string]any{"organization": o}, err
}

// listed are users as they are shown.
func (c *call) listed(users []parley.User) ([]teammate, error) {
	ids := make([]parley.ID, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	admins, err := c.Keys.Admins(c.ctx, c.p, ids)
	list := make([]teammate, len(users))
	for i := range users {
		u := &users[i]
		list[i] = teammate{Object: "teammate", ID: prefixEntity + string(u.ID), Type: "teammate", DisplayName: u.Name, Email: u.Email,
			IsAdmin: admins[u.ID], IsSuspended: !u.Active}
	}
	return list, err
}

// teammates are those of some users who are people, by id.
func (c *call) teammates(ids []parley.ID) (map[parley.ID]teammate, error) {
	users, err := c.Directory.People(c.ctx, c.p, ids)
	if err != nil {
		return nil, err
	}
	list, err := c.listed(users)
	by := make(map[parley.ID]teammate, len(list))
	for i, t := range list {
		by[users[i].ID] = t
	}
	return by, err
}

func getMember(c *call) (any, error) {
	id, err := idOf("memberId", prefixEntity, c.r.PathValue("member"))
	if err != nil {
		return nil, err
	}
	if id == c.p.Organization {
		return c.organization()
	}
	found, err := c.teammates([]parley.ID{id})
	if err != nil {
		return nil, err
	}
	if t, ok := found[id]; ok {
		return t, nil
	}
	members, err := c.Directory.Members(c.ctx, c.p, []parley.ID{id})
	if err != nil {
		return nil, err
	}
	if who, ok := members[id]; ok && who.Kind == parley.ActorTeam {
		return teamOf(id, who.Name), nil
	}
	return nil, parley.NotFound("member", id)
}

// memberPage is a page of members.
type memberPage struct {
	Members []any `json:"members"`
	page
}

// The sorts of members, in the order of the list: the organization, its teams, its users.
const (
	stageTeams = "teams"
	stageUsers = "users"
)

func listMembers(c *call) (any, error) {
	p, err := c.paging("members", 2, 500)
	if err != nil {
		return nil, err
	}
	answer := memberPage{Members: []any{}}
	at, total := token{List: "members", After: stageTeams}, 0
	if p.token != nil {
		at, total = *p.token, p.token.Total
	} else {
		organization, err := c.organization()
		if err != nil {
			return nil, err
		}
		answer.Members = append(answer.Members, organization)
		if total, err = c.countMembers(); err != nil {
			return nil, err
		}
	}
	next := &at
	for next != nil && len(answer.Members) < p.size {
		var list []any
		if list, next, err = c.stage(next, p.size-len(answer.Members)); err != nil {
			return nil, err
		}
		answer.Members = append(answer.Members, list...)
	}
	answer.page = pageOf(total, next)
	return answer, nil
}

// stage is a piece of the list of members, and where it goes on.
func (c *call) stage(at *token, limit int) (list []any, next *token, err error) {
	switch at.After {
	case stageTeams:
		teams, after, err := c.Directory.Teams(c.ctx, c.p, "", at.ID, limit)
		for i := range teams {
			list = append(list, teamOf(teams[i].ID, teams[i].Name))
		}
		if next = (&token{List: at.List, After: stageTeams, ID: after}); after == "" {
			next.After = stageUsers
		}
		return list, next, err
	case stageUsers:
		users, after, err := c.Directory.Users(c.ctx, c.p, people, at.ID, limit)
		if err != nil {
			return nil, nil, err
		}
		shown, err := c.listed(users)
		for i := range shown {
			list = append(list, shown[i])
		}
		if after != "" {
			next = &token{List: at.List, After: stageUsers, ID: after}
		}
		return list, next, err
	}
	return nil, nil, parley.Invalid("paginationToken", "cursor-invalid", "must be that of an earlier page of the same list")
}

// people are the users who are not machines.
var people = directory.UserFilter{Machine: new(bool)}

// maxCounted is up to where members are counted.
const maxCounted = 10_000

// countMembers counts the organization, its teams and its users.
func (c *call) countMembers() (n int, err error) {
	n = 1
	for _, list := range []func(ctx context.Context, after parley.ID) (int, parley.ID, error){
		func(ctx context.Context, after parley.ID) (int, parley.ID, error) {
			teams, next, err := c.Directory.Teams(ctx, c.p, "", after, 1000)
			return len(teams), next, err
		},
		func(ctx context.Context, after parley.ID) (int, parley.ID, error) {
			users, next, err := c.Directory.Users(ctx, c.p, people, after, 1000)
			return len(users), next, err
		},
	} {
		for after := parley.ID(""); n < maxCounted; {
			found, next, err := list(c.ctx, after)
			if err != nil {
				return 0, err
			}
			n += found
			if after = next; next == "" {
				break
			}
		}
	}
	return n, nil
}
