package native

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *domain) organization(c *door.Call) (api.Organization, error) {
	o, err := d.Directory.Organization(c.Ctx(), c.P)
	return wire.Organization(&o), err
}

func (d *domain) patchOrganization(c *door.Call, b *api.OrganizationPatch) (api.Organization, error) {
	patch := directory.OrganizationPatch{Name: b.Name}
	if b.Policy != nil {
		patch.DefaultTTL, patch.MaxTTL = wire.OptionalSeconds(b.Policy.DefaultTTL), wire.OptionalSeconds(b.Policy.MaxTTL)
		patch.LockTTL, patch.DefinedAttributesOnly, patch.AckWords = b.Policy.LockTTL, b.Policy.DefinedAttributesOnly, b.Policy.AckWords
		patch.Quiet = wire.QuietHours(b.Policy.QuietHours)
		patch.Keywords = wire.Keywords(b.Policy.Keywords)
		patch.Limits = wire.ContactLimits(b.Policy.ContactLimits)
		patch.Retention = wire.Retention(b.Policy.Retention)
		patch.FallbackText, patch.FallbackReplies = b.Policy.FallbackText, b.Policy.FallbackReplies
		patch.NoHighPriority, patch.NoImages, patch.NoFiles = b.Policy.NoHighPriority, b.Policy.NoImages, b.Policy.NoFiles
		if b.Policy.FallbackContent != nil {
			patch.FallbackContent = new(parley.FallbackContent(*b.Policy.FallbackContent))
		}
		if r := b.Policy.Reminders; r != nil {
			patch.RemindEvery, patch.RemindTimes = wire.OptionalSeconds(r.Every), r.Times
		}
	}
	o, err := d.Directory.UpdateOrganization(c.Ctx(), c.P, patch, c.IfMatch())
	return wire.Organization(&o), err
}

func (d *domain) createOrganization(c *door.Call, b *api.OrganizationRequest) (api.NewOrganization, bool, error) {
	made, replayed, err := d.Directory.CreateOrganization(c.Ctx(), c.P, directory.OrganizationParams{Name: b.Name, Test: b.Test}, c.Idempotency())
	return api.NewOrganization{Organization: wire.Organization(&made.Organization), Key: wire.Key(&made.Key)}, replayed, err
}

func (d *domain) createUser(c *door.Call, b *api.UserRequest) (api.User, bool, error) {
	params := directory.UserParams{Name: b.Name, Email: b.Email, Machine: b.Machine, Metadata: b.Metadata}
	u, replayed, err := d.Directory.CreateUser(c.Ctx(), c.P, params, c.Idempotency())
	return wire.User(&u), replayed, err
}

func (d *domain) users(c *door.Call, f api.UserFilter) ([]api.User, string, error) {
	filter := directory.UserFilter{Email: f.Email, Active: wire.Optional(f.Active), Machine: wire.Optional(f.Machine)}
	users, next, err := d.Directory.Users(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(users, wire.User), string(next), err
}

func (d *domain) user(c *door.Call) (api.User, error) {
	u, err := d.Directory.User(c.Ctx(), c.P, c.ID())
	return wire.User(&u), err
}

func (d *domain) patchUser(c *door.Call, b *api.UserPatch) (api.User, error) {
	patch := directory.UserPatch{Name: b.Name, Email: b.Email, Active: b.Active, Metadata: b.Metadata}
	u, err := d.Directory.UpdateUser(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.User(&u), err
}

func (d *domain) createTeam(c *door.Call, b *api.TeamRequest) (api.Team, bool, error) {
	t, replayed, err := d.Directory.CreateTeam(c.Ctx(), c.P, directory.TeamParams{Name: b.Name, Members: wire.IDs(b.Members), Metadata: b.Metadata}, c.Idempotency())
	return wire.Team(&t), replayed, err
}

func (d *domain) teams(c *door.Call, f api.TeamFilter) ([]api.Team, string, error) {
	teams, next, err := d.Directory.Teams(c.Ctx(), c.P, parley.ID(f.Member), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(teams, wire.Team), string(next), err
}

func (d *domain) team(c *door.Call) (api.Team, error) {
	t, err := d.Directory.Team(c.Ctx(), c.P, c.ID())
	return wire.Team(&t), err
}

func (d *domain) patchTeam(c *door.Call, b *api.TeamPatch) (api.Team, error) {
	t, err := d.Directory.UpdateTeam(c.Ctx(), c.P, c.ID(), directory.TeamPatch{Name: b.Name, Metadata: b.Metadata}, c.IfMatch())
	return wire.Team(&t), err
}

func (d *domain) deleteTeam(c *door.Call) error {
	return d.Directory.DeleteTeam(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (d *domain) teamMembers(c *door.Call, f api.Page) ([]api.Member, string, error) {
	members, next, err := d.Directory.TeamMembers(c.Ctx(), c.P, c.ID(), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(members, wire.Member), string(next), err
}

func (d *domain) addTeamMembers(c *door.Call, b *api.TeamMembers) (api.Team, error) {
	t, err := d.Directory.AddTeamMembers(c.Ctx(), c.P, c.ID(), wire.IDs(b.Users))
	return wire.Team(&t), err
}

func (d *domain) removeTeamMember(c *door.Call) error {
	_, err := d.Directory.RemoveTeamMember(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("userId")))
	return err
}

func (d *domain) createBroadcast(c *door.Call, b *api.BroadcastRequest) (api.Broadcast, bool, error) {
	made, replayed, err := d.Directory.CreateBroadcast(c.Ctx(), c.P, directory.BroadcastParams{Name: b.Name, Metadata: b.Metadata, Selection: wire.Selection(b.Filter)}, c.Idempotency())
	return wire.Broadcast(&made), replayed, err
}

func (d *domain) broadcasts(c *door.Call, f api.Page) ([]api.Broadcast, string, error) {
	lists, next, err := d.Directory.Broadcasts(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(lists, wire.Broadcast), string(next), err
}

func (d *domain) broadcast(c *door.Call) (api.Broadcast, error) {
	b, err := d.Directory.Broadcast(c.Ctx(), c.P, c.ID())
	return wire.Broadcast(&b), err
}

func (d *domain) patchBroadcast(c *door.Call, b *api.BroadcastPatch) (api.Broadcast, error) {
	changed, err := d.Directory.UpdateBroadcast(c.Ctx(), c.P, c.ID(), directory.BroadcastPatch{Name: b.Name, Metadata: b.Metadata, Selection: wire.Selection(b.Filter)}, c.IfMatch())
	return wire.Broadcast(&changed), err
}

func (d *domain) deleteBroadcast(c *door.Call) error {
	return d.Directory.DeleteBroadcast(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (d *domain) broadcastMembers(c *door.Call, f api.Page) ([]api.Member, string, error) {
	after, err := wire.ReadMemberCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	members, next, err := d.Directory.BroadcastMembers(c.Ctx(), c.P, c.ID(), after, door.Limit(f.Limit))
	return wire.Each(members, wire.Member), wire.MemberCursor(next), err
}

func (d *domain) addBroadcastMembers(c *door.Call, b *api.BroadcastMembers) (api.Broadcast, error) {
	changed, err := d.Directory.AddBroadcastMembers(c.Ctx(), c.P, c.ID(), wire.IDs(b.Users), wire.IDs(b.Contacts))
	return wire.Broadcast(&changed), err
}

// removeBroadcastMember takes a user or a contact off a list: the path does not say which of them the id is of.
func (d *domain) removeBroadcastMember(c *door.Call) error {
	member := parley.BroadcastMember{Kind: parley.ActorContact, ID: parley.ID(c.Path("memberId"))}
	_, err := d.Directory.RemoveBroadcastMember(c.Ctx(), c.P, c.ID(), member)
	if parley.IsKind(err, parley.KindNotFound) {
		member.Kind = parley.ActorUser
		_, err = d.Directory.RemoveBroadcastMember(c.Ctx(), c.P, c.ID(), member)
	}
	return err
}

func (d *domain) createKey(c *door.Call, b *api.KeyRequest) (api.Key, bool, error) {
	params := access.KeyParams{Name: b.Name, User: parley.ID(b.User), Scopes: wire.Scopes(b.Scopes), RateLimit: b.RateLimit, Doors: wire.GivenGrants(b.Doors), ExpiresAt: b.ExpiresAt.Time}
	key, replayed, err := d.Keys.Create(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Key(&key), replayed, err
}

func (d *domain) keys(c *door.Call, f api.Page) ([]api.Key, string, error) {
	keys, next, err := d.Keys.List(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(keys, wire.KnownKey), string(next), err
}

func (d *domain) key(c *door.Call) (api.Key, error) {
	key, err := d.Keys.Get(c.Ctx(), c.P, c.ID())
	return wire.KnownKey(&key), err
}

func (d *domain) revokeKey(c *door.Call) error { return d.Keys.Revoke(c.Ctx(), c.P, c.ID()) }
