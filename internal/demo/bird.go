package demo

import (
	"context"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// openBird makes a key that sends and looks, by policies of its own.
func openBird(ctx context.Context, d *Description, client *api.Client) (Door, error) {
	any := []api.DoorPolicy{{Effect: "allow", Actions: []string{"any"}, Resources: []string{"/workspaces", "/workspaces/**"}}}
	key, err := client.CreateKey(ctx, api.KeyRequest{Name: "Bird", Doors: map[string]api.DoorGrants{"bird": {Policies: any}},
		Scopes: []string{"messages:send", "messages:read", "channels:read", "contacts:read", "media:read", "media:write", "templates:read", "organization:read"}})
	if err != nil {
		return Door{}, err
	}
	return Door{Credential: key.Secret, IDs: map[string]string{"workspaceId": parley.ID(d.Organization.ID).UUID(), "channelId": parley.ID(d.channel("Text messages")).UUID(),
		"emailChannelId": parley.ID(d.channel("E-mail")).UUID(), "contactId": parley.ID(d.Contacts[0].ID).UUID()}}, nil
}
