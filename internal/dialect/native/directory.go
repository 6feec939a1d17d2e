package native

import (
	"errors"
	"net/http"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *door) organization(c *call) (api.Organization, error) {
	o, err := d.Directory.Organization(c.ctx(), c.p)
	return wire.Organization(&o), err
}

func (d *door) patchOrganization(c *call, b *api.OrganizationPatch) (api.Organization, error) {
	patch := directory.OrganizationPatch{Name: b.Name}
	if b.Policy != nil {
		patch.DefaultTTL, patch.MaxTTL = wire.OptionalSeconds(b.Policy.DefaultTTL), wire.OptionalSeconds(b.Policy.MaxTTL)
		patch.LockTTL, patch.DefinedAttributesOnly = b.Policy.LockTTL, b.Policy.DefinedAttributesOnly
	}
	o, err := d.Directory.UpdateOrganization(c.ctx(), c.p, patch, c.ifMatch())
	if err == nil {
	}
	return wire.Organization(&o), err
}

func (d *door) createOrganization(c *call, b *api.OrganizationRequest) (api.NewOrganization, bool, error) {
	made, replayed, err := d.Directory.CreateOrganization(c.ctx(), c.p, directory.OrganizationParams{Name: b.Name}, c.idempotency())
	return api.NewOrganization{Organization: wire.Organization(&made.Organization), Key: wire.Key(&made.Key)}, replayed, err
}

func (d *door) createUser(c *call, b *api.UserRequest) (api.User, bool, error) {
	params := directory.UserParams{Name: b.Name, Email: b.Email, Metadata: b.Metadata}
	u, replayed, err := d.Directory.CreateUser(c.ctx(), c.p, params, c.idempotency())
	return wire.User(&u), replayed, err
}

func (d *door) users(c *call, f api.UserFilter) ([]api.User, string, error) {
	filter := directory.UserFilter{Email: f.Email, Active: wire.Optional(f.Active), Machine: wire.Optional(f.Machine)}
	users, next, err := d.Directory.Users(c.ctx(), c.p, filter, parley.ID(f.After), limit(f.Limit))
	return wire.Each(users, wire.User), string(next), err
}

func (d *door) user(c *call) (api.User, error) {
	u, err := d.Directory.User(c.ctx(), c.p, c.id())
	return wire.User(&u), err
}

func (d *door) patchUser(c *call, b *api.UserPatch) (api.User, error) {
	patch := directory.UserPatch{Name: b.Name, Email: b.Email, Active: b.Active, Metadata: b.Metadata}
	u, err := d.Directory.UpdateUser(c.ctx(), c.p, c.id(), patch, c.ifMatch())
	return wire.User(&u), err
}

func (d *door) createTeam(c *call, b *api.TeamRequest) (api.Team, bool, error) {
	t, replayed, err := d.Directory.CreateTeam(c.ctx(), c.p, b.Name, wire.IDs(b.Members), c.idempotency())
	return wire.Team(&t), replayed, err
}

func (d *door) teams(c *call, f api.TeamFilter) ([]api.Team, string, error) {
	teams, next, err := d.Directory.Teams(c.ctx(), c.p, parley.ID(f.Member), parley.ID(f.After), limit(f.Limit))
	return wire.Each(teams, wire.Team), string(next), err
}

func (d *door) team(c *call) (api.Team, error) {
	t, err := d.Directory.Team(c.ctx(), c.p, c.id())
	return wire.Team(&t), err
}

func (d *door) patchTeam(c *call, b *api.TeamPatch) (api.Team, error) {
	t, err := d.Directory.UpdateTeam(c.ctx(), c.p, c.id(), directory.TeamPatch{Name: b.Name}, c.ifMatch())
	return wire.Team(&t), err
}

func (d *door) deleteTeam(c *call) error {
	return d.Directory.DeleteTeam(c.ctx(), c.p, c.id(), c.ifMatch())
}

func (d *door) teamMembers(c *call, f api.Page) ([]api.Member, string, error) {
	members, next, err := d.Directory.TeamMembers(c.ctx(), c.p, c.id(), parley.ID(f.After), limit(f.Limit))
	return wire.Each(members, wire.Member), string(next), err
}

func (d *door) addTeamMembers(c *call, b *api.TeamMembers) (api.Team, error) {
	t, err := d.Directory.AddTeamMembers(c.ctx(), c.p, c.id(), wire.IDs(b.Users))
	return wire.Team(&t), err
}

func (d *door) removeTeamMember(c *call) error {
	_, err := d.Directory.RemoveTeamMember(c.ctx(), c.p, c.id(), parley.ID(c.r.PathValue("userId")))
	return err
}

func (d *door) createBroadcast(c *call, b *api.BroadcastRequest) (api.Broadcast, bool, error) {
	made, replayed, err := d.Directory.CreateBroadcast(c.ctx(), c.p, b.Name, c.idempotency())
	return wire.Broadcast(&made), replayed, err
}

func (d *door) broadcasts(c *call, f api.Page) ([]api.Broadcast, string, error) {
	lists, next, err := d.Directory.Broadcasts(c.ctx(), c.p, parley.ID(f.After), limit(f.Limit))
	return wire.Each(lists, wire.Broadcast), string(next), err
}

func (d *door) broadcast(c *call) (api.Broadcast, error) {
	b, err := d.Directory.Broadcast(c.ctx(), c.p, c.id())
	return wire.Broadcast(&b), err
}

func (d *door) patchBroadcast(c *call, b *api.BroadcastPatch) (api.Broadcast, error) {
	changed, err := d.Directory.UpdateBroadcast(c.ctx(), c.p, c.id(), directory.BroadcastPatch{Name: b.Name}, c.ifMatch())
	return wire.Broadcast(&changed), err
}

func (d *door) deleteBroadcast(c *call) error {
	return d.Directory.DeleteBroadcast(c.ctx(), c.p, c.id(), c.ifMatch())
}

func (d *door) broadcastMembers(c *call, f api.Page) ([]api.Member, string, error) {
	after, err := wire.ReadMemberCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	members, next, err := d.Directory.BroadcastMembers(c.ctx(), c.p, c.id(), after, limit(f.Limit))
	return wire.Each(members, wire.Member), wire.MemberCursor(next), err
}

func (d *door) addBroadcastMembers(c *call, b *api.BroadcastMembers) (api.Broadcast, error) {
	changed, err := d.Directory.AddBroadcastMembers(c.ctx(), c.p, c.id(), wire.IDs(b.Users), wire.IDs(b.Contacts))
	return wire.Broadcast(&changed), err
}

// removeBroadcastMember takes a user or a contact off a list: the path does not say which of them the id is of.
func (d *door) removeBroadcastMember(c *call) error {
	member := parley.BroadcastMember{Kind: parley.ActorContact, ID: parley.ID(c.r.PathValue("memberId"))}
	_, err := d.Directory.RemoveBroadcastMember(c.ctx(), c.p, c.id(), member)
	if parley.IsKind(err, parley.KindNotFound) {
		member.Kind = parley.ActorUser
		_, err = d.Directory.RemoveBroadcastMember(c.ctx(), c.p, c.id(), member)
	}
	return err
}

func (d *door) createKey(c *call, b *api.KeyRequest) (api.Key, bool, error) {
	params := access.KeyParams{Name: b.Name, User: parley.ID(b.User), Scopes: wire.Scopes(b.Scopes), RateLimit: b.RateLimit, ExpiresAt: b.ExpiresAt.Time}
	key, replayed, err := d.Keys.Create(c.ctx(), c.p, params, c.idempotency())
	return wire.Key(&key), replayed, err
}

func (d *door) keys(c *call, f api.Page) ([]api.Key, string, error) {
	keys, next, err := d.Keys.List(c.ctx(), c.p, parley.ID(f.After), limit(f.Limit))
	return wire.Each(keys, wire.KnownKey), string(next), err
}

func (d *door) key(c *call) (api.Key, error) {
	key, err := d.Keys.Get(c.ctx(), c.p, c.id())
	return wire.KnownKey(&key), err
}

func (d *door) revokeKey(c *call) error { return d.Keys.Revoke(c.ctx(), c.p, c.id()) }

func (d *door) createContact(c *call, b *api.ContactRequest) (api.Contact, bool, error) {
	params := directory.ContactParams{Name: b.Name, Addresses: wire.Addresses(b.Addresses), Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID}
	made, replayed, err := d.Directory.CreateContact(c.ctx(), c.p, params, c.idempotency())
	return wire.Contact(&made), replayed, err
}

func (d *door) contacts(c *call, f api.ContactFilter) ([]api.Contact, string, error) {
	filter := directory.ContactFilter{ExternalID: f.ExternalID, Tag: f.Tag, Saved: wire.Optional(f.Saved)}
	if f.Address != "" {
		address, err := parley.ParseAddress(f.Address)
		if err != nil {
			return nil, "", err
		}
		filter.Address = address
	}
	contacts, next, err := d.Directory.Contacts(c.ctx(), c.p, filter, parley.ID(f.After), limit(f.Limit))
	return wire.Each(contacts, wire.Contact), string(next), err
}

func (d *door) findContact(c *call, b *api.ContactLookup) (api.Contact, error) {
	lookup := directory.Lookup{ExternalID: b.ExternalID, Name: b.Name}
	if b.Address != "" {
		address, err := parley.ParseAddress(b.Address)
		if err != nil {
			return api.Contact{}, err
		}
		lookup.Address = address
	}
	found, made, err := d.Directory.FindOrCreateContact(c.ctx(), c.p, lookup)
	if made {
		c.status = http.StatusCreated
	}
	return wire.Contact(&found), err
}

func (d *door) contact(c *call) (api.Contact, error) {
	found, err := d.Directory.Contact(c.ctx(), c.p, c.id())
	return wire.Contact(&found), err
}

func (d *door) patchContact(c *call, b *api.ContactPatch) (api.Contact, error) {
	patch := directory.ContactPatch{Name: b.Name, Attributes: b.Attributes, Tags: b.Tags, ExternalID: b.ExternalID, OptedOut: b.OptedOut}
	changed, err := d.Directory.UpdateContact(c.ctx(), c.p, c.id(), patch, c.ifMatch())
	return wire.Contact(&changed), err
}

func (d *door) deleteContact(c *call) error {
	return d.Directory.DeleteContact(c.ctx(), c.p, c.id(), c.ifMatch())
}

func (d *door) mergeContact(c *call, b *api.ContactMerge) (api.Contact, error) {
	survivor, err := d.Directory.MergeContact(c.ctx(), c.p, c.id(), parley.ID(b.Into), c.ifMatch())
	return wire.Contact(&survivor), err
}

func (d *door) addContactAddress(c *call, b *api.Address) (api.Contact, error) {
	changed, err := d.Directory.AddAddresses(c.ctx(), c.p, c.id(), wire.Addresses([]api.Address{*b}), c.ifMatch())
	return wire.Contact(&changed), single(err, "addresses[0]", "value")
}

// single renames the field of the one entry of a list that a request gave by itself.
func single(err error, field, as string) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok {
		return err
	}
	renamed := *e
	renamed.Message = strings.ReplaceAll(e.Message, field+": ", as+": ")
	renamed.Fields = append([]parley.FieldError(nil), e.Fields...)
	for i := range renamed.Fields {
		if renamed.Fields[i].Field == field {
			renamed.Fields[i].Field = as
		}
	}
	return &renamed
}

func (d *door) removeContactAddress(c *call) error {
	address, err := parley.ParseAddress(c.r.PathValue("address"))
	if err != nil {
		return parley.NotFound("address", parley.ID(c.r.PathValue("address")))
	}
	_, err = d.Directory.RemoveAddress(c.ctx(), c.p, c.id(), address, c.ifMatch())
	return err
}

func (d *door) defineAttribute(c *call, b *api.AttributeRequest) (api.Attribute, error) {
	key := c.r.PathValue("key")
	if !parley.AttributeKey(key) {
		e := parley.NotFound("attribute", parley.ID(key))
		e.Message = "there can be no such attribute: a key is 1 to 100 letters, digits, _, . and -"
		return api.Attribute{}, e
	}
	a := parley.Attribute{Key: key, Type: parley.AttributeType(b.Type), Label: b.Label, Choices: b.Choices, Archived: b.Archived}
	defined, err := d.Directory.DefineAttribute(c.ctx(), c.p, a, c.ifMatch())
	return wire.Attribute(&defined), err
}

func (d *door) attribute(c *call) (api.Attribute, error) {
	a, err := d.Directory.Attribute(c.ctx(), c.p, c.r.PathValue("key"))
	return wire.Attribute(&a), err
}

// keyCursor marks a cursor that is a key.
const keyCursor = "key:"

func (d *door) attributes(c *call, f api.Page) ([]api.Attribute, string, error) {
	after, found := strings.CutPrefix(f.After, keyCursor)
	if f.After != "" && !found {
		return nil, "", errCursor()
	}
	list, next, err := d.Directory.Attributes(c.ctx(), c.p, after, limit(f.Limit))
	if next != "" {
		next = keyCursor + next
	}
	return wire.Each(list, wire.Attribute), next, err
}
