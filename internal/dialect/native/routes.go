package native

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/parley"
)

// endpoints are all operations: the index of the door.
func (d *door) endpoints() []*endpoint {
	return slices.Concat(d.messageEndpoints(), d.conversationEndpoints(), d.userEndpoints(), d.permissionEndpoints(), d.listEndpoints(), d.roleEndpoints(), d.contactEndpoints(),
		d.channelEndpoints(), d.mediaEndpoints(), d.organizationEndpoints(), d.eventEndpoints(), d.healthEndpoints())
}

func (d *door) userEndpoints() []*endpoint {
	const read, write = parley.ScopeUsersRead, parley.ScopeUsersWrite
	return []*endpoint{
		create(operation("POST /v1/users", "createUser", write, "Make a user"), http.StatusCreated, d.createUser),
		byID(list(operation("GET /v1/users", "listUsers", read, "List users"), d.users)),
		get(operation("GET /v1/users/{id}", "getUser", read, "Get a user"), d.user),
		matched(change(operation("PATCH /v1/users/{id}", "patchUser", write, "Change a user"), d.patchUser)),
	}
}

func (d *door) listEndpoints() []*endpoint {
	const readTeams, writeTeams = parley.ScopeTeamsRead, parley.ScopeTeamsWrite
	const readLists, writeLists = parley.ScopeBroadcastsRead, parley.ScopeBroadcastsWrite
	return []*endpoint{
		create(operation("POST /v1/teams", "createTeam", writeTeams, "Make a team with its conversation"), http.StatusCreated, d.createTeam),
		byID(list(operation("GET /v1/teams", "listTeams", readTeams, "List teams"), d.teams)),
		get(operation("GET /v1/teams/{id}", "getTeam", readTeams, "Get a team"), d.team),
		matched(change(operation("PATCH /v1/teams/{id}", "patchTeam", writeTeams, "Change a team"), d.patchTeam)),
		matched(order(operation("DELETE /v1/teams/{id}", "deleteTeam", writeTeams, "Delete a team; its conversation is closed"), d.deleteTeam)),
		byID(list(operation("GET /v1/teams/{id}/members", "listTeamMembers", readTeams, "List the users of a team"), d.teamMembers)),
		change(operation("POST /v1/teams/{id}/members", "addTeamMembers", writeTeams, "Add users to a team"), d.addTeamMembers),
		order(operation("DELETE /v1/teams/{id}/members/{userId}", "removeTeamMember", writeTeams, "Take a user out of a team"), d.removeTeamMember),

		create(operation("POST /v1/broadcasts", "createBroadcast", writeLists, "Make a broadcast list"), http.StatusCreated, d.createBroadcast),
		byID(list(operation("GET /v1/broadcasts", "listBroadcasts", readLists, "List broadcast lists"), d.broadcasts)),
		get(operation("GET /v1/broadcasts/{id}", "getBroadcast", readLists, "Get a broadcast list"), d.broadcast),
		matched(change(operation("PATCH /v1/broadcasts/{id}", "patchBroadcast", writeLists, "Change a broadcast list"), d.patchBroadcast)),
		matched(order(operation("DELETE /v1/broadcasts/{id}", "deleteBroadcast", writeLists, "Delete a broadcast list"), d.deleteBroadcast)),
		list(operation("GET /v1/broadcasts/{id}/members", "listBroadcastMembers", readLists, "List the members of a broadcast list"), d.broadcastMembers),
		change(operation("POST /v1/broadcasts/{id}/members", "addBroadcastMembers", writeLists, "Add users and contacts to a broadcast list"), d.addBroadcastMembers),
		order(operation("DELETE /v1/broadcasts/{id}/members/{memberId}", "removeBroadcastMember", writeLists, "Take a user or contact off a broadcast list"),
			d.removeBroadcastMember),
	}
}

func (d *door) contactEndpoints() []*endpoint {
	const read, write = parley.ScopeContactsRead, parley.ScopeContactsWrite
	find := operation("POST /v1/contacts/find", "findContact", write, "Find a contact by external id or address, or make one")
	find.Details = "The external id is looked for first. A contact that is found gets the other of the two, if it has none such. " +
		"Answers 201 where the contact was made, else 200."
	find.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Responses["201"] = described.Responses["200"]
	}
	define := operation("PUT /v1/attributes/{key}", "defineAttribute", parley.ScopeOrganizationWrite, "Define an attribute of contacts, or change its definition")
	define.Details = "The type of one that is defined cannot be changed. Values that contacts have stay as they are until they are written again."
	merge := operation("POST /v1/contacts/{id}/merge", "mergeContact", write, "Make a contact a part of another")
	merge.Details = "Answers the contact that stays, and so does the id of the other from then on. To do it again changes nothing."
	return []*endpoint{
		create(operation("POST /v1/contacts", "createContact", write, "Make a contact"), http.StatusCreated, d.createContact),
		byID(list(operation("GET /v1/contacts", "listContacts", read, "List contacts"), d.contacts)),
		change(find, d.findContact),
		get(operation("GET /v1/contacts/{id}", "getContact", read, "Get a contact"), d.contact),
		matched(change(operation("PATCH /v1/contacts/{id}", "patchContact", write, "Change a contact"), d.patchContact)),
		matched(order(operation("DELETE /v1/contacts/{id}", "deleteContact", write, "Delete a contact; its conversations stay"), d.deleteContact)),
		matched(change(merge, d.mergeContact)),
		matched(change(define, d.defineAttribute)),
		get(operation("GET /v1/attributes/{key}", "getAttribute", read, "Get the definition of an attribute"), d.attribute),
		list(operation("GET /v1/attributes", "listAttributes", read, "List the attributes that are defined, by key"), d.attributes),
		matched(change(operation("POST /v1/contacts/{id}/addresses", "addContactAddress", write, "Add an address to a contact"), d.addContactAddress)),
		matched(order(operation("DELETE /v1/contacts/{id}/addresses/{address}", "removeContactAddress", write,
			"Take an address, as kind:value, from a contact"), d.removeContactAddress)),
	}
}

func (d *door) channelEndpoints() []*endpoint {
	const read, write = parley.ScopeChannelsRead, parley.ScopeChannelsWrite
	return []*endpoint{
		create(operation("POST /v1/channels", "createChannel", write, "Make a channel"), http.StatusCreated, d.createChannel),
		byID(list(operation("GET /v1/channels", "listChannels", read, "List channels"), d.channels)),
		get(operation("GET /v1/channels/{id}", "getChannel", read, "Get a channel"), d.channel),
		matched(change(operation("PATCH /v1/channels/{id}", "patchChannel", write, "Change a channel"), d.patchChannel)),
		matched(order(operation("DELETE /v1/channels/{id}", "deleteChannel", write, "Delete a channel; what it sent stays"), d.deleteChannel)),
		list(operation("GET /v1/connectors", "listConnectors", read, "List what channels can be made of"), d.connectors),
		get(operation("GET /v1/connectors/{name}", "getConnector", read, "Get an entry of the catalog"), d.connector),
	}
}

func (d *door) mediaEndpoints() []*endpoint {
	const read, write = parley.ScopeMediaRead, parley.ScopeMediaWrite
	return []*endpoint{
		upload(operation("POST /v1/media", "uploadMedia", write, "Upload a file"), d.upload),
		get(operation("GET /v1/media/{id}", "getMedia", read, "Get what is known about a file"), d.media),
		download(operation("GET /v1/media/{id}/content", "downloadMedia", read, "Get the bytes of a file"), d.download),
		order(operation("DELETE /v1/media/{id}", "deleteMedia", write, "Delete a file that no message has"), d.deleteMedia),
	}
}

func (d *door) organizationEndpoints() []*endpoint {
	const read, write = parley.ScopeOrganizationRead, parley.ScopeOrganizationWrite
	return []*endpoint{
		get(operation("GET /v1/organization", "getOrganization", read, "Get the organization that the key acts in"), d.organization),
		matched(change(operation("PATCH /v1/organization", "patchOrganization", write, "Change the organization"), d.patchOrganization)),
		create(operation("POST /v1/organizations", "createOrganization", parley.ScopeOrganizationsCreate, "Make a further organization, with its first key"),
			http.StatusCreated, d.createOrganization),
		create(operation("POST /v1/keys", "createKey", parley.ScopeKeysWrite, "Make a key; its secret is shown this once"), http.StatusCreated, d.createKey),
		byID(list(operation("GET /v1/keys", "listKeys", parley.ScopeKeysRead, "List keys"), d.keys)),
		get(operation("GET /v1/keys/{id}", "getKey", parley.ScopeKeysRead, "Get a key"), d.key),
		order(operation("DELETE /v1/keys/{id}", "revokeKey", parley.ScopeKeysWrite, "End a key at once"), d.revokeKey),
	}
}
