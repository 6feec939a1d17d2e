package native

import (
	"net/http"
	"strings"

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
		patch.Retention = wire.Retention(b.Policy.Retention)
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
	made, replayed, err := d.Directory.CreateBroadcast(c.Ctx(), c.P, directory.BroadcastParams{Name: b.Name, Metadata: b.Metadata}, c.Idempotency())
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
	changed, err := d.Directory.UpdateBroadcast(c.Ctx(), c.P, c.ID(), directory.BroadcastPatch{Name: b.Name, Metadata: b.Metadata}, c.IfMatch())
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
	params := access.KeyParams{Name: b.Name, User: parley.ID(b.User), Scopes: wire.Scopes(b.Scopes), RateLimit: b.RateLimit, ExpiresAt: b.ExpiresAt.Time}
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

func (d *domain) createContact(c *door.Call, b *api.ContactRequest) (api.Contact, bool, error) {
	params := directory.ContactParams{Name: b.Name, Addresses: wire.Addresses(b.Addresses), Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID}
	made, replayed, err := d.Directory.CreateContact(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Contact(&made), replayed, err
}

func (d *domain) contacts(c *door.Call, f api.ContactFilter) ([]api.Contact, string, error) {
	filter := directory.ContactFilter{ExternalID: f.ExternalID, Tag: f.Tag, Saved: wire.Optional(f.Saved)}
	if f.Address != "" {
		address, err := parley.ParseAddress(f.Address)
		if err != nil {
			return nil, "", err
		}
		filter.Address = address
	}
	contacts, next, err := d.Directory.Contacts(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(contacts, wire.Contact), string(next), err
}

func (d *domain) findContact(c *door.Call, b *api.ContactLookup) (api.Contact, error) {
	lookup := directory.Lookup{ExternalID: b.ExternalID, Name: b.Name}
	if b.Address != "" {
		address, err := parley.ParseAddress(b.Address)
		if err != nil {
			return api.Contact{}, err
		}
		lookup.Address = address
	}
	found, made, err := d.Directory.FindOrCreateContact(c.Ctx(), c.P, lookup)
	if made {
		c.Status = http.StatusCreated
	}
	return wire.Contact(&found), err
}

func (d *domain) contact(c *door.Call) (api.Contact, error) {
	found, err := d.Directory.Contact(c.Ctx(), c.P, c.ID())
	return wire.Contact(&found), err
}

func (d *domain) patchContact(c *door.Call, b *api.ContactPatch) (api.Contact, error) {
	patch := directory.ContactPatch{Name: b.Name, Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID, OptedOut: b.OptedOut}
	changed, err := d.Directory.UpdateContact(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Contact(&changed), err
}

func (d *domain) deleteContact(c *door.Call) error {
	return d.Directory.DeleteContact(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (d *domain) mergeContact(c *door.Call, b *api.ContactMerge) (api.Contact, error) {
	survivor, err := d.Directory.MergeContact(c.Ctx(), c.P, c.ID(), parley.ID(b.Into), c.IfMatch())
	return wire.Contact(&survivor), err
}

func (d *domain) addContactAddress(c *door.Call, b *api.Address) (api.Contact, error) {
	changed, err := d.Directory.AddAddresses(c.Ctx(), c.P, c.ID(), wire.Addresses([]api.Address{*b}), c.IfMatch())
	return wire.Contact(&changed), door.Renamed(err, "addresses[0]", "value")
}

func (d *domain) removeContactAddress(c *door.Call) error {
	address, err := parley.ParseAddress(c.Path("address"))
	if err != nil {
		return parley.NotFound("address", parley.ID(c.Path("address")))
	}
	_, err = d.Directory.RemoveAddress(c.Ctx(), c.P, c.ID(), address, c.IfMatch())
	return err
}

func (d *domain) defineAttribute(c *door.Call, b *api.AttributeRequest) (api.Attribute, error) {
	key := c.Path("key")
	if !parley.AttributeKey(key) {
		e := parley.NotFound("attribute", parley.ID(key))
		e.Message = "there can be no such attribute: a key is 1 to 100 letters, digits, _, . and -"
		return api.Attribute{}, e
	}
	a := parley.Attribute{Of: parley.OfContacts, Key: key, Type: parley.AttributeType(b.Type), Label: b.Label, Choices: b.Choices, Archived: b.Archived}
	defined, err := d.Directory.DefineAttribute(c.Ctx(), c.P, a, c.IfMatch())
	return wire.Attribute(&defined), err
}

func (d *domain) attribute(c *door.Call) (api.Attribute, error) {
	a, err := d.Directory.Attribute(c.Ctx(), c.P, parley.OfContacts, c.Path("key"))
	return wire.Attribute(&a), err
}

// keyCursor marks a cursor that is a key.
const keyCursor = "key:"

func (d *domain) attributes(c *door.Call, f api.Page) ([]api.Attribute, string, error) {
	after, found := strings.CutPrefix(f.After, keyCursor)
	if f.After != "" && !found {
		return nil, "", door.ErrCursor()
	}
	list, next, err := d.Directory.Attributes(c.Ctx(), c.P, parley.OfContacts, after, door.Limit(f.Limit))
	if next != "" {
		next = keyCursor + next
	}
	return wire.Each(list, wire.Attribute), next, err
}
