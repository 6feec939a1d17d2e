package sdk_test

import (
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/parley"
)

// kustomerWorld makes a conversation with a customer, and describes it as programs of Kustomer's know it.
func kustomerWorld(t *testing.T, a *app.App, admin *api.Client) map[string]string {
	t.Helper()
	channel := must[*api.Channel](t)(admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "Text messages", Connector: "sandbox", Platform: "sms", Default: true})).ID
	contact := must[*api.Contact](t)(admin.CreateContact(t.Context(), api.ContactRequest{Name: "Vera", Addresses: []api.Address{{Kind: "phone", Value: "+31612345678"}}})).ID
	conversation := must[*api.Conversation](t)(admin.CreateConversation(t.Context(), api.ConversationRequest{Kind: "external", Channel: channel,
		Participants: []api.NewParticipant{{Contact: contact}}})).ID
	key := must[*api.Key](t)(admin.CreateKey(t.Context(), api.KeyRequest{Name: "Integration", Doors: map[string]api.DoorGrants{"kustomer": {Roles: []string{"org.user"}}},
		Scopes: []string{"messages:send", "messages:record", "messages:read", "conversations:read", "contacts:read"}})).Secret
	return map[string]string{"baseUrl": a.URL() + "/kustomer/v1", "auth": key, "customer": parley.ID(contact).Hex(), "conversation": parley.ID(conversation).Hex()}
}
