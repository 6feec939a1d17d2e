package native

import (
	"net/http"
	"slices"

	"github.com/parley-server/parley/internal/dialect/native/actions"
	"github.com/parley-server/parley/internal/dialect/native/auditing"
	"github.com/parley-server/parley/internal/dialect/native/availability"
	"github.com/parley-server/parley/internal/dialect/native/contacts"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/escalations"
	"github.com/parley-server/parley/internal/dialect/native/groups"
	"github.com/parley-server/parley/internal/dialect/native/holds"
	"github.com/parley-server/parley/internal/dialect/native/hours"
	"github.com/parley-server/parley/internal/dialect/native/inbox"
	"github.com/parley-server/parley/internal/dialect/native/pages"
	"github.com/parley-server/parley/internal/dialect/native/permissions"
	"github.com/parley-server/parley/internal/dialect/native/playground"
	"github.com/parley-server/parley/internal/dialect/native/presence"
	"github.com/parley-server/parley/internal/dialect/native/profiles"
	"github.com/parley-server/parley/internal/dialect/native/roles"
	"github.com/parley-server/parley/internal/dialect/native/search"
	"github.com/parley-server/parley/internal/dialect/native/templates"
	"github.com/parley-server/parley/internal/dialect/native/views"
	"github.com/parley-server/parley/internal/parley"
)

// endpoints are all operations: the index of the door. What is not in this package is in those beside it, one an area.
func (d *domain) endpoints() []*door.Endpoint {
	return slices.Concat(
		d.messageEndpoints(), actions.Endpoints(d.Core),
		d.conversationEndpoints(), inbox.Endpoints(d.Core, d.Directory), views.Endpoints(d.Core), pages.Endpoints(d.Core), presence.Endpoints(d.Core),
		d.userEndpoints(), availability.Endpoints(d.Core), profiles.Endpoints(d.Core, d.Directory), permissions.Endpoints(d.Keys),
		d.listEndpoints(), roles.Endpoints(d.Directory), escalations.Endpoints(d.Core), groups.Endpoints(d.Core),
		contacts.Endpoints(d.Core, d.Directory, d.Dossiers),
		d.channelEndpoints(),
		d.mediaEndpoints(), templates.Endpoints(d.Core), search.Endpoints(d.Searches),
		d.organizationEndpoints(), hours.Endpoints(d.Core), auditing.Endpoints(d.Audit), holds.Endpoints(d.Holds),
		d.eventEndpoints(), d.healthEndpoints(),
		playground.Endpoints(d.Playground, d.PublicURL),
	)
}

func (d *domain) userEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeUsersRead, parley.ScopeUsersWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/users", "createUser", write, "Make a user"), http.StatusCreated, d.createUser),
			parley.ActUserCreated),
		door.ByID(door.List(door.Operation("GET /v1/users", "listUsers", read, "List users"), d.users)),
		door.Get(door.Operation("GET /v1/users/{id}", "getUser", read, "Get a user"), d.user),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/users/{id}", "patchUser", write, "Change a user"), d.patchUser)),
			parley.ActUserUpdated, parley.ActDutyOff),
	}
}

func (d *domain) listEndpoints() []*door.Endpoint {
	const readTeams, writeTeams = parley.ScopeTeamsRead, parley.ScopeTeamsWrite
	const readLists, writeLists = parley.ScopeBroadcastsRead, parley.ScopeBroadcastsWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/teams", "createTeam", writeTeams, "Make a team with its conversation"), http.StatusCreated, d.createTeam),
			parley.ActTeamCreated),
		door.ByID(door.List(door.Operation("GET /v1/teams", "listTeams", readTeams, "List teams"), d.teams)),
		door.Get(door.Operation("GET /v1/teams/{id}", "getTeam", readTeams, "Get a team"), d.team),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/teams/{id}", "patchTeam", writeTeams, "Change a team"), d.patchTeam)),
			parley.ActTeamUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/teams/{id}", "deleteTeam", writeTeams, "Delete a team; its conversation is closed"), d.deleteTeam)),
			parley.ActTeamDeleted),
		door.ByID(door.List(door.Operation("GET /v1/teams/{id}/members", "listTeamMembers", readTeams, "List the users of a team"), d.teamMembers)),
		door.Audited(door.Change(door.Operation("POST /v1/teams/{id}/members", "addTeamMembers", writeTeams, "Add users to a team"), d.addTeamMembers),
			parley.ActTeamMembersAdded),
		door.Audited(door.Order(door.Operation("DELETE /v1/teams/{id}/members/{userId}", "removeTeamMember", writeTeams, "Take a user out of a team"), d.removeTeamMember),
			parley.ActTeamMembersRemoved),

		door.Audited(door.Create(door.Operation("POST /v1/broadcasts", "createBroadcast", writeLists, "Make a broadcast list"), http.StatusCreated, d.createBroadcast),
			parley.ActBroadcastCreated),
		door.ByID(door.List(door.Operation("GET /v1/broadcasts", "listBroadcasts", readLists, "List broadcast lists"), d.broadcasts)),
		door.Get(door.Operation("GET /v1/broadcasts/{id}", "getBroadcast", readLists, "Get a broadcast list"), d.broadcast),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/broadcasts/{id}", "patchBroadcast", writeLists, "Change a broadcast list"), d.patchBroadcast)),
			parley.ActBroadcastUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/broadcasts/{id}", "deleteBroadcast", writeLists, "Delete a broadcast list"), d.deleteBroadcast)),
			parley.ActBroadcastDeleted),
		door.List(door.Operation("GET /v1/broadcasts/{id}/members", "listBroadcastMembers", readLists, "List the members of a broadcast list"), d.broadcastMembers),
		door.Audited(door.Change(door.Operation("POST /v1/broadcasts/{id}/members", "addBroadcastMembers", writeLists, "Add users and contacts to a broadcast list"), d.addBroadcastMembers),
			parley.ActBroadcastMembersAdded),
		door.Audited(door.Order(door.Operation("DELETE /v1/broadcasts/{id}/members/{memberId}", "removeBroadcastMember", writeLists, "Take a user or contact off a broadcast list"),
			d.removeBroadcastMember), parley.ActBroadcastMembersRemoved),
	}
}

func (d *domain) channelEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeChannelsRead, parley.ScopeChannelsWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/channels", "createChannel", write, "Make a channel"), http.StatusCreated, d.createChannel),
			parley.ActChannelCreated, parley.ActChannelUpdated),
		door.ByID(door.List(door.Operation("GET /v1/channels", "listChannels", read, "List channels"), d.channels)),
		door.Get(door.Operation("GET /v1/channels/{id}", "getChannel", read, "Get a channel"), d.channel),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/channels/{id}", "patchChannel", write, "Change a channel"), d.patchChannel)),
			parley.ActChannelUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/channels/{id}", "deleteChannel", write, "Delete a channel; what it sent stays"), d.deleteChannel)),
			parley.ActChannelDeleted),
		door.List(door.Operation("GET /v1/connectors", "listConnectors", read, "List what channels can be made of"), d.connectors),
		door.Get(door.Operation("GET /v1/connectors/{name}", "getConnector", read, "Get an entry of the catalog"), d.connector),
	}
}

func (d *domain) mediaEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeMediaRead, parley.ScopeMediaWrite
	return []*door.Endpoint{
		upload(door.Operation("POST /v1/media", "uploadMedia", write, "Upload a file"), d.upload),
		door.Get(door.Operation("GET /v1/media/{id}", "getMedia", read, "Get what is known about a file"), d.media),
		door.Download(door.Operation("GET /v1/media/{id}/content", "downloadMedia", read, "Get the bytes of a file"), d.download),
		door.Audited(door.Order(door.Operation("DELETE /v1/media/{id}", "deleteMedia", write, "Delete a file that no message has"), d.deleteMedia),
			parley.ActMediaDeleted),
	}
}

func (d *domain) organizationEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeOrganizationRead, parley.ScopeOrganizationWrite
	return []*door.Endpoint{
		door.Get(door.Operation("GET /v1/organization", "getOrganization", read, "Get the organization that the key acts in"), d.organization),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/organization", "patchOrganization", write, "Change the organization"), d.patchOrganization)),
			parley.ActOrganizationUpdated, parley.ActPolicyUpdated),
		door.Audited(door.Create(door.Operation("POST /v1/organizations", "createOrganization", parley.ScopeOrganizationsCreate, "Make a further organization, with its first key"),
			http.StatusCreated, d.createOrganization), parley.ActOrganizationCreated),
		door.Audited(door.Create(door.Operation("POST /v1/keys", "createKey", parley.ScopeKeysWrite, "Make a key; its secret is shown this once"), http.StatusCreated, d.createKey),
			parley.ActKeyCreated, parley.ActUserCreated),
		door.ByID(door.List(door.Operation("GET /v1/keys", "listKeys", parley.ScopeKeysRead, "List keys"), d.keys)),
		door.Get(door.Operation("GET /v1/keys/{id}", "getKey", parley.ScopeKeysRead, "Get a key"), d.key),
		door.Audited(door.Order(door.Operation("DELETE /v1/keys/{id}", "revokeKey", parley.ScopeKeysWrite, "End a key at once"), d.revokeKey),
			parley.ActKeyRevoked),
	}
}
