package importer

import (
	"context"
	"slices"

	"github.com/parley-server/parley/api"
)

// byName returns the id of the team or role with a name; empty where there is none.
func (m *importer) byName(ctx context.Context, name string) (string, error) {
	if m.named != nil {
		return m.named[name], nil
	}
	m.named = map[string]string{}
	add := func(id, name string) {
		if m.named[name] == "" {
			m.named[name] = id
		}
	}
	if m.Kind == Teams {
		for t, err := range api.All(func(after string) (*api.List[api.Team], error) {
			return m.Client.ListTeams(ctx, api.TeamFilter{Page: api.Page{After: after, Limit: 200}})
		}) {
			if err != nil {
				return "", err
			}
			add(t.ID, t.Name)
		}
		return m.named[name], nil
	}
	for r, err := range api.All(func(after string) (*api.List[api.Role], error) {
		return m.Client.ListRoles(ctx, api.RoleFilter{Page: api.Page{After: after, Limit: 200}})
	}) {
		if err != nil {
			return "", err
		}
		add(r.ID, r.Name)
	}
	return m.named[name], nil
}

// group is what a team or role that a row is about is called, and who it has.
func (m *importer) group(ctx context.Context, r record) (name, id string, members []string, err error) {
	if name = r.one("name"); name == "" {
		return "", "", nil, refuse("name", "required", "must be given: it is found by it")
	}
	if id, err = m.byName(ctx, name); err != nil {
		return "", "", nil, err
	}
	members, err = m.members(ctx, r)
	return name, id, members, err
}

// planned stands for the id of what a dry run would make.
func planned(name string) string { return "planned " + name }

// getTeam returns a team, of a dry run as it would be by then.
func (m *importer) getTeam(ctx context.Context, id string) (api.Team, error) {
	if team, known := m.plan.teams[id]; known {
		return team, nil
	}
	team, err := m.Client.GetTeam(ctx, id)
	if err != nil {
		return api.Team{}, err
	}
	return *team, nil
}

// getRole returns a role, of a dry run as it would be by then.
func (m *importer) getRole(ctx context.Context, id string) (api.Role, error) {
	if role, known := m.plan.roles[id]; known {
		return role, nil
	}
	role, err := m.Client.GetRole(ctx, id)
	if err != nil {
		return api.Role{}, err
	}
	return *role, nil
}

func (m *importer) team(ctx context.Context, r record) (api.ImportOutcome, error) {
	name, id, members, err := m.group(ctx, r)
	switch {
	case err != nil:
		return "", err
	case id == "" && m.DryRun:
		m.named[name] = planned(name)
		m.plan.teams[planned(name)] = api.Team{ID: planned(name), Members: slices.Compact(slices.Sorted(slices.Values(members)))}
		return api.ImportCreated, nil
	case id == "":
		made, err := m.Client.CreateTeam(ctx, api.TeamRequest{Name: name, Members: members})
		if err == nil {
			m.named[name] = made.ID
		}
		return api.ImportCreated, err
	}
	team, err := m.getTeam(ctx, id)
	if err != nil {
		return "", err
	}
	missing := slices.DeleteFunc(members, func(id string) bool { return slices.Contains(team.Members, id) })
	if len(missing) == 0 {
		return api.ImportUnchanged, nil
	}
	if m.DryRun {
		team.Members = slices.Concat(team.Members, missing)
		m.plan.teams[id] = team
		return api.ImportUpdated, nil
	}
	_, err = m.Client.AddTeamMembers(ctx, id, api.TeamMembers{Users: missing})
	return api.ImportUpdated, err
}

func (m *importer) role(ctx context.Context, r record) (api.ImportOutcome, error) {
	name, id, members, err := m.group(ctx, r)
	switch {
	case err != nil:
		return "", err
	case id == "" && m.DryRun:
		m.named[name] = planned(name)
		m.plan.roles[planned(name)] = api.Role{ID: planned(name), Description: r.one("description"), AwayText: r.one("awayText"), Tags: r.list("tags"), Members: members}
		return api.ImportCreated, nil
	case id == "":
		made, err := m.Client.CreateRole(ctx, api.RoleRequest{Name: name, Description: r.one("description"), AwayText: r.one("awayText"), Tags: r.list("tags"),
			Members: members})
		if err == nil {
			m.named[name] = made.ID
		}
		return api.ImportCreated, err
	}
	role, err := m.getRole(ctx, id)
	if err != nil {
		return "", err
	}
	return m.changeRole(ctx, role, r, members)
}

func (m *importer) changeRole(ctx context.Context, role api.Role, r record, members []string) (api.ImportOutcome, error) {
	patch, differs := api.RolePatch{}, false
	if text := r.one("description"); text != "" && text != role.Description {
		patch.Description, differs = &text, true
	}
	if text := r.one("awayText"); text != "" && text != role.AwayText {
		patch.AwayText, differs = &text, true
	}
	tags := slices.Clone(role.Tags)
	for _, tag := range r.list("tags") {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
			patch.Tags, differs = &tags, true
		}
	}
	missing := slices.DeleteFunc(members, func(id string) bool { return slices.Contains(role.Members, id) })
	if !differs && len(missing) == 0 {
		return api.ImportUnchanged, nil
	}
	if m.DryRun {
		for field, value := range map[*string]*string{&role.Description: patch.Description, &role.AwayText: patch.AwayText} {
			if value != nil {
				*field = *value
			}
		}
		role.Members, role.Tags = slices.Concat(role.Members, missing), tags
		m.plan.roles[role.ID] = role
		return api.ImportUpdated, nil
	}
	if differs {
		if _, err := m.Client.PatchRole(ctx, role.ID, patch); err != nil {
			return "", err
		}
	}
	if len(missing) > 0 {
		if _, err := m.Client.AddRoleMembers(ctx, role.ID, api.RoleMembers{Users: missing}); err != nil {
			return "", err
		}
	}
	return api.ImportUpdated, nil
}
