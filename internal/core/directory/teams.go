package directory

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/group"
	"github.com/parley-server/parley/internal/store/inbox"
	"github.com/parley-server/parley/internal/store/profile"
	"github.com/parley-server/parley/internal/store/view"
)

// maxTeam is how many users a team has at most: a message to it reaches them all in one commit.
const maxTeam = 10_000

// TeamKey is the thread key of a team's conversation.
func TeamKey(team parley.ID) string { return "team:" + string(team) }

// TeamParams are a team to make.
type TeamParams struct {
	Name     string
	Members  []parley.ID
	Metadata map[string]string
}

// CreateTeam makes a team with its conversation, and says whether the request was a repeat.
func (d *Directory) CreateTeam(ctx context.Context, p *access.Principal, params TeamParams, i *access.Idempotency) (parley.Team, bool, error) {
	if err := p.Require(parley.ScopeTeamsWrite); err != nil {
		return parley.Team{}, false, err
	}
	var c check
	c.name(params.Name)
	c.facts("metadata", params.Metadata)
	c.atMost("members", len(params.Members), maxMembers)
	if err := c.Err(); err != nil {
		return parley.Team{}, false, err
	}
	now := d.now(ctx, p.Organization)
	id, conversation := parley.NewID(now), parley.NewID(now)
	var team parley.Team
	replay, err := p.Once(ctx, d.store, i, 201, id, func(tx *store.Tx) error {
		team = parley.Team{ID: id, Name: params.Name, Metadata: params.Metadata}
		if err := tx.InsertTeam(p.Organization, &team); err != nil {
			return err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Team, id, params.Metadata); err != nil {
			return err
		}
		if err := openTeam(tx, p, team, conversation); err != nil {
			return err
		}
		emit(tx, p, parley.EventTeamCreated, id)
		joined, err := join(tx, p, &team, "members", params.Members)
		if err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("name", params.Name)
		changes.Name("metadata", len(params.Metadata) > 0)
		changes.Made("members", joined)
		return p.Did(tx, parley.ActTeamCreated, id, changes)
	})
	if err != nil {
		return parley.Team{}, false, err
	}
	if replay != nil {
		team, err = findTeam(d.store.Read(ctx), p.Organization, replay.Resource)
	}
	return team, replay != nil, err
}

// openTeam makes the conversation of a team.
func openTeam(tx *store.Tx, p *access.Principal, team parley.Team, id parley.ID) error {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventConversationCreated, Conversation: id, Data: parley.EventData{Actor: p.User}})
	return tx.InsertConversation(p.Organization, &parley.Conversation{ID: id, Kind: parley.ConversationTeam, Visibility: parley.VisibleToMembers,
		Status: parley.StatusOpen, Title: team.Name, ThreadKey: TeamKey(team.ID), Inbox: true})
}

// join adds users to a team and to its conversation, and says which of them were not in it.
func join(tx *store.Tx, p *access.Principal, team *parley.Team, field string, users []parley.ID) ([]parley.ID, error) {
	users = unique(users)
	if err := requireUsers(tx.Queries, p.Organization, field, users); err != nil {
		return nil, err
	}
	joined, err := tx.AddTeamMembers(p.Organization, team.ID, users)
	if err != nil || len(joined) == 0 {
		return nil, err
	}
	if team.Members, err = tx.TeamMembers(p.Organization, team.ID); err != nil {
		return nil, err
	}
	if len(team.Members) > maxTeam {
		return nil, parley.About(parley.Conflict("team-full", "a team has at most %d users", maxTeam), "team-full", field)
	}
	conversation, err := tx.ConversationByKey(p.Organization, TeamKey(team.ID))
	if err != nil {
		return nil, err
	}
	known, err := tx.UsersByID(p.Organization, joined)
	if err != nil {
		return nil, err
	}
	members := make([]parley.Actor, len(joined))
	for i, id := range joined {
		members[i] = parley.Actor{Kind: parley.ActorUser, ID: id, Name: known[id].Name}
	}
	emitParticipants(tx, p, conversation.ID, joined)
	return joined, group.Join(tx, p.Organization, conversation.ID, members, false)
}

// emitParticipants tells that users joined or left a conversation; it names one who did alone.
func emitParticipants(tx *store.Tx, p *access.Principal, conversation parley.ID, users []parley.ID) {
	e := parley.Event{Type: parley.EventParticipantsChanged, Conversation: conversation, Data: parley.EventData{Actor: p.User}}
	if len(users) == 1 {
		e.Subject = users[0]
	}
	if len(users) > 0 {
		tx.Emit(p.Organization, e)
	}
}

// Team returns a team with its members.
func (d *Directory) Team(ctx context.Context, p *access.Principal, id parley.ID) (parley.Team, error) {
	if err := p.Require(parley.ScopeTeamsRead); err != nil {
		return parley.Team{}, err
	}
	return findTeam(d.store.Read(ctx), p.Organization, id)
}

// findTeam returns a team with what is kept beside it.
func findTeam(q store.Queries, organization, id parley.ID) (parley.Team, error) {
	team, err := q.Team(organization, id)
	if err != nil {
		return team, err
	}
	return team, describe(q, organization, profile.Team, teamFacts, &team)
}

func teamFacts(t *parley.Team) (parley.ID, *map[string]string) { return t.ID, &t.Metadata }

// Teams returns up to limit teams with ids after one, of all or of those that a user is in; next is where to
// go on, empty at the end.
func (d *Directory) Teams(ctx context.Context, p *access.Principal, member, after parley.ID, limit int) ([]parley.Team, parley.ID, error) {
	if err := p.Require(parley.ScopeTeamsRead); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	teams, next, err := q.Teams(p.Organization, member, after, limit)
	if err != nil {
		return nil, "", err
	}
	return teams, next, describe(q, p.Organization, profile.Team, teamFacts, pointers(teams)...)
}

// TeamMembers returns up to limit users of a team with ids after one; next is where to go on, empty at the end.
func (d *Directory) TeamMembers(ctx context.Context, p *access.Principal, id, after parley.ID, limit int) ([]Member, parley.ID, error) {
	if err := p.Require(parley.ScopeTeamsRead); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	if _, err := q.Team(p.Organization, id); err != nil {
		return nil, "", err
	}
	users, err := q.TeamMembersAfter(p.Organization, id, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	var next parley.ID
	if len(users) > limit {
		users = users[:limit]
		next = users[limit-1]
	}
	members := make([]Member, len(users))
	for i, user := range users {
		members[i] = Member{BroadcastMember: parley.BroadcastMember{Kind: parley.ActorUser, ID: user}}
	}
	return members, next, nameMembers(q, p.Organization, members)
}

// changeTeam is what every change of a team has in common. A change that says it made no difference leaves no
// trace.
func (d *Directory) changeTeam(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64,
	change func(tx *store.Tx, team *parley.Team) (bool, error)) (parley.Team, error) {
	if err := p.Require(parley.ScopeTeamsWrite); err != nil {
		return parley.Team{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Team, error) {
		team, err := findTeam(tx.Queries, p.Organization, id)
		if err != nil {
			return team, err
		}
		if err := parley.MatchRev(ifMatch, team.Rev); err != nil {
			return team, err
		}
		changed, err := change(tx, &team)
		if err != nil || !changed {
			return team, err
		}
		emit(tx, p, parley.EventTeamUpdated, id)
		err = tx.UpdateTeam(p.Organization, &team)
		return team, err
	})
}

// TeamPatch changes a team. What is nil stays as it is.
type TeamPatch struct {
	Name     *string
	Metadata map[string]*string // one by one; nil removes one
}

// UpdateTeam changes a team, and the name of its conversation. An ifMatch that is not 0 must be the team's revision.
func (d *Directory) UpdateTeam(ctx context.Context, p *access.Principal, id parley.ID, patch TeamPatch, ifMatch int64) (parley.Team, error) {
	return d.changeTeam(ctx, p, id, ifMatch, func(tx *store.Tx, team *parley.Team) (bool, error) {
		var changes parley.Changes
		if patch.Name != nil {
			changes.Set("name", team.Name, *patch.Name)
		}
		parley.Set(&team.Name, patch.Name)
		changes.Name("metadata", patch.Metadata != nil)
		team.Metadata = changeFacts(team.Metadata, patch.Metadata)
		var c check
		c.name(team.Name)
		c.facts("metadata", team.Metadata)
		if err := c.Err(); err != nil {
			return false, err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Team, id, team.Metadata); err != nil {
			return false, err
		}
		if err := p.Did(tx, parley.ActTeamUpdated, id, changes); err != nil {
			return false, err
		}
		return true, changeTeamConversation(tx, p, id, func(conversation *parley.Conversation) { conversation.Title = team.Name })
	})
}

func changeTeamConversation(tx *store.Tx, p *access.Principal, team parley.ID, change func(*parley.Conversation)) error {
	conversation, err := tx.ConversationByKey(p.Organization, TeamKey(team))
	if err != nil {
		return err
	}
	before := conversation
	change(&conversation)
	if changes := parley.Differences(&before, &conversation); len(changes) > 0 {
		if err := inbox.AddHistory(tx, p.Organization, parley.HistoryEntry{Conversation: conversation.ID, Sequence: conversation.LastSequence,
			Actor: p.Actor(), Changes: changes}); err != nil {
			return err
		}
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventConversationUpdated, Conversation: conversation.ID,
		Data: parley.EventData{Actor: p.User, Status: string(conversation.Status)}})
	return tx.UpdateConversation(p.Organization, &conversation)
}

// AddTeamMembers adds users to a team, and so to its conversation. Who is in it stays in it.
func (d *Directory) AddTeamMembers(ctx context.Context, p *access.Principal, id parley.ID, users []parley.ID) (parley.Team, error) {
	var c check
	c.atMost("users", len(users), maxMembers)
	if len(users) == 0 {
		c.Refuse("users", "required", "must be at least one")
	}
	if err := c.Err(); err != nil {
		return parley.Team{}, err
	}
	return d.changeTeam(ctx, p, id, 0, func(tx *store.Tx, team *parley.Team) (bool, error) {
		joined, err := join(tx, p, team, "users", users)
		if err != nil || len(joined) == 0 {
			return false, err
		}
		var changes parley.Changes
		changes.Made("members", joined)
		return true, p.Did(tx, parley.ActTeamMembersAdded, id, changes)
	})
}

// RemoveTeamMember takes a user out of a team, and so out of its conversation.
func (d *Directory) RemoveTeamMember(ctx context.Context, p *access.Principal, id, user parley.ID) (parley.Team, error) {
	return d.changeTeam(ctx, p, id, 0, func(tx *store.Tx, team *parley.Team) (bool, error) {
		err := tx.RemoveTeamMember(p.Organization, id, user)
		if err != nil {
			return false, err
		}
		if team.Members, err = tx.TeamMembers(p.Organization, id); err != nil {
			return false, err
		}
		var changes parley.Changes
		changes.Gone("members", string(user))
		if err := p.Did(tx, parley.ActTeamMembersRemoved, id, changes); err != nil {
			return false, err
		}
		return true, leave(tx, p, id, []parley.ID{user})
	})
}

// leave ends the part of users in a team's conversation.
func leave(tx *store.Tx, p *access.Principal, team parley.ID, users []parley.ID) error {
	conversation, err := tx.ConversationByKey(p.Organization, TeamKey(team))
	if err != nil {
		return err
	}
	emitParticipants(tx, p, conversation.ID, users)
	return tx.LeaveTogether(p.Organization, conversation.ID, users)
}

// DeleteTeam deletes a team. Its conversation is closed and left by all; what was said stays with those who
// took part. An ifMatch that is not 0 must be the team's revision.
func (d *Directory) DeleteTeam(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeTeamsWrite); err != nil {
		return err
	}
	return d.write(ctx, p, func(tx *store.Tx) error {
		team, err := tx.Team(p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, team.Rev); err != nil {
			return err
		}
		if err := leave(tx, p, id, team.Members); err != nil {
			return err
		}
		err = changeTeamConversation(tx, p, id, func(c *parley.Conversation) { c.Status = parley.StatusClosed })
		if err != nil {
			return err
		}
		if err := endPages(tx, p, parley.Actor{Kind: parley.ActorTeam, ID: id}); err != nil {
			return err
		}
		emit(tx, p, parley.EventTeamDeleted, id)
		var changes parley.Changes
		changes.Gone("name", team.Name)
		if err := p.Did(tx, parley.ActTeamDeleted, id, changes); err != nil {
			return err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Team, id, nil); err != nil {
			return err
		}
		if err := view.DeleteOf(tx, p.Organization, parley.Actor{Kind: parley.ActorTeam, ID: id}); err != nil {
			return err
		}
		return tx.DeleteTeam(p.Organization, id)
	})
}
