package demo

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// Door is how programs that were written for another product's API reach the demo.
type Door struct {
	BaseURL    string            `json:"baseUrl"`
	Credential string            `json:"credential"` // a key of the door's own, as its API has them
	IDs        map[string]string `json:"ids"`        // as its API names them in paths and bodies
	Curl       []string          `json:"curl"`       // commands that work when pasted
}

// doors is the list of what the demo says of each door: how its key and ids are made, and what to try with them. In a command,
// BASE stands for the address, CREDENTIAL for the credential, and the name of an id in braces for that.
var doors = []struct {
	name string
	open func(ctx context.Context, d *Description, client *api.Client) (Door, error)
	curl []string
}{
	{"bird", openBird, []string{
		`curl -sS -H 'Authorization: AccessKey CREDENTIAL' 'BASE/workspaces/{workspaceId}/channels/{channelId}/messages' -H 'Content-Type: application/json' -d '{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"+15550101000"}]},"body":{"type":"text","text":{"text":"Parcel 8812 arrives today."}}}'`,
		`curl -sS -H 'Authorization: AccessKey CREDENTIAL' 'BASE/workspaces/{workspaceId}/channels/messages?limit=3'`,
		`curl -sS -H 'Authorization: AccessKey CREDENTIAL' 'BASE/workspaces/{workspaceId}/channels'`,
	}},
	{"kustomer", openKustomer, []string{
		`curl -sS 'BASE/v1/conversations/{conversationId}/messages' -H 'Authorization: Bearer CREDENTIAL' -H 'Content-Type: application/json' -d '{"channel":"sms","app":"acme-inbox","direction":"in","preview":"Where is parcel 4417?","custom":{"orderNumberStr":"4417"}}'`,
		`curl -sS 'BASE/v1/conversations/{conversationId}' -H 'Authorization: Bearer CREDENTIAL'`,
		`curl -sS 'BASE/v1/customers/{customerId}/conversations' -H 'Authorization: Bearer CREDENTIAL'`,
		`curl -sS 'BASE/v1/users/current' -H 'Authorization: Bearer CREDENTIAL'`,
	}},
	{"tigerconnect", openTigerConnect, []string{
		`curl -sS -u 'CREDENTIAL' 'BASE/v2/message?response_format=message' -H 'Content-Type: application/json' -d '{"recipient":"{userId}","body":"ICU bed 4 is ready","sender_organization":"{organizationId}","ttl":1440,"priority":1}'`,
		`curl -sS -u 'CREDENTIAL' 'BASE/v2/message?response_format=message' -H 'Content-Type: application/json' -d '{"recipient":"{otherUserId}","body":"The transfer is on its way","sender_organization":"{otherOrganizationId}"}'`,
		`curl -sS -u 'CREDENTIAL' 'BASE/v2/message?response_format=message' -H 'Content-Type: application/json' -d '{"recipient":"{userId}","body":"Rounds at nine","sender_organization":"{organizationId}","sender_token":"{roleId}"}'`,
		`curl -sS -u 'CREDENTIAL' 'BASE/v2/message?response_format=message' -H 'Content-Type: application/json' -d '{"recipient":"{groupId}","body":"I have the night","sender_organization":"{organizationId}"}'`,
		`curl -sS -u 'CREDENTIAL' -H 'TT-X-Organization-Key: {organizationId}' 'BASE/v2/user/{userId}'`,
		`curl -sS -u 'CREDENTIAL' 'BASE/v2/user/me/organization'`,
	}},
	{"spruce", openSpruce, []string{
		`curl -fsS 'BASE/v1/conversations/{conversationId}/messages' -H 'Authorization: Bearer CREDENTIAL' -H 'Content-Type: application/json' -d '{"body":[{"type":"text","value":"Your labs are ready."}]}'`,
		`curl -fsS 'BASE/v1/conversations/{noteConversationId}/messages' -H 'Authorization: Bearer CREDENTIAL' -H 'Content-Type: application/json' -d '{"internal":true,"author":"{teamId}","body":[{"type":"text","value":"BP 172/98, please call back today "},{"type":"page","value":"{memberId}"}]}'`,
		`curl -fsS 'BASE/v1/internalendpoints/{internalEndpointId}/conversations' -H 'Authorization: Bearer CREDENTIAL' -H 'Content-Type: application/json' -d '{"destination":{"smsOrEmailEndpoint":"(206) 555-0142"},"message":{"body":[{"type":"text","value":"See you on Monday."}]}}'`,
		`curl -fsS 'BASE/v1/conversations/{noteConversationId}/items' -H 'Authorization: Bearer CREDENTIAL'`,
		`curl -fsS 'BASE/v1/conversations?orderBy=last_message' -H 'Authorization: Bearer CREDENTIAL'`,
		`curl -fsS 'BASE/v1/organization/members' -H 'Authorization: Bearer CREDENTIAL'`,
		`curl -fsS 'BASE/v1/webhooks/endpoints' -H 'Authorization: Bearer CREDENTIAL' -H 'Content-Type: application/json' -d '{"name":"EMR sync","url":"http://127.0.0.1:9999/hooks"}'`,
		`curl -fsS 'BASE/v1/webhooks/endpoints' -H 'Authorization: Bearer CREDENTIAL'`,
	}},
}

// fillDoors opens the doors that the description does not have, and says of all how they are reached now.
func (d *Description) fillDoors(ctx context.Context, client *api.Client) error {
	if d.Doors == nil {
		d.Doors = map[string]Door{}
	}
	for _, door := range doors {
		made, have := d.Doors[door.name]
		if !have {
			var err error
			if made, err = door.open(ctx, d, client); err != nil {
				return fmt.Errorf("the door %s: %w", door.name, err)
			}
		}
		made.BaseURL = d.URL + "/" + door.name
		names := []string{"BASE", made.BaseURL, "CREDENTIAL", made.Credential}
		for name, id := range made.IDs {
			names = append(names, "{"+name+"}", id)
		}
		replace := strings.NewReplacer(names...)
		made.Curl = nil
		for _, line := range door.curl {
			made.Curl = append(made.Curl, replace.Replace(line))
		}
		d.Doors[door.name] = made
	}
	return nil
}

// memberScopes are those of the keys of users.
var memberScopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "conversations:write", "users:read", "users:self", "teams:read", "roles:read",
	"roles:duty", "escalations:read", "broadcasts:read", "media:read", "media:write", "events:read", "organization:read"}

// openKustomer makes a key with the role of whoever integrates something, for the external conversation and its contact.
func openKustomer(ctx context.Context, d *Description, client *api.Client) (Door, error) {
	key, err := client.CreateKey(ctx, api.KeyRequest{Name: "Kustomer", Doors: map[string]api.DoorGrants{"kustomer": {Roles: []string{"org"}}},
		Scopes: []string{"messages:send", "messages:record", "messages:read", "conversations:read", "contacts:read", "users:read", "media:read", "media:write"}})
	if err != nil {
		return Door{}, err
	}
	ids := map[string]string{"orgId": hexID(d.Organization.ID), "userId": hexID(key.User), "customerId": hexID(d.Contacts[0].ID)}
	for _, c := range d.Conversations {
		if c.Name == "external" {
			ids["conversationId"] = hexID(c.ID)
		}
	}
	return Door{Credential: key.Secret, IDs: ids}, nil
}

// hexID is an id as 24 hexadecimal digits.
func hexID(id string) string { return parley.ID(id).Hex() }

// spruceScopes are those of a credential there, which may do all that there is.
var spruceScopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "conversations:read.private", "conversations:write", "contacts:read",
	"contacts:write", "users:read", "teams:read", "channels:read", "media:read", "media:write", "events:read", "webhooks:read", "webhooks:write", "organization:read"}

// spruceLimit is how many requests a minute the credential has, so that answers tell what is left, as the vendor's do.
const spruceLimit = 6000

// openSpruce makes a key of the organization, and a Note conversation of everybody.
func openSpruce(ctx context.Context, d *Description, client *api.Client) (Door, error) {
	key, err := client.CreateKey(ctx, api.KeyRequest{Name: "Spruce", Scopes: spruceScopes, RateLimit: spruceLimit})
	if err != nil {
		return Door{}, err
	}
	participants := make([]api.NewParticipant, len(d.Users))
	for i, u := range d.Users {
		participants[i].User = u.ID
	}
	note, err := client.CreateConversation(ctx, api.ConversationRequest{Kind: "note", Title: "Care coordination", Participants: participants})
	if err != nil {
		return Door{}, err
	}
	ids := map[string]string{"organizationId": "entity_" + d.Organization.ID, "memberId": "entity_" + d.Users[0].ID, "teamId": "entity_" + d.Teams[0].ID,
		"contactId": "entity_" + d.Contacts[0].ID, "noteConversationId": "t_" + note.ID, "internalEndpointId": "endpoint_" + d.channel("Text messages"),
		"secureEndpointId": "organizationCode_" + d.channel("Patient portal"), "faxEndpointId": "endpoint_" + d.channel("Fax"), "emailEndpointId": "endpoint_" + d.channel("E-mail")}
	for kind, name := range map[string]string{"external": "conversationId", "team": "teamConversationId", "secure": "secureConversationId"} {
		for _, c := range d.Conversations {
			if c.Name == kind {
				ids[name] = "t_" + c.ID
			}
		}
	}
	// As its integrations have it: the id and the secret together.
	return Door{Credential: base64.StdEncoding.EncodeToString([]byte(key.ID + ":" + key.Secret)), IDs: ids}, nil
}
