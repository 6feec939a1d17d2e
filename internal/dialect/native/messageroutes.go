package native

import (
	"net/http"

	"github.com/parley-server/parley/internal/parley"
)

func (d *door) messageEndpoints() []*endpoint {
	const read, send = parley.ScopeMessagesRead, parley.ScopeMessagesSend
	return []*endpoint{
		d.sending(operation("POST /v1/messages", "sendMessage", send, "Send a message"), toBody),
		d.sending(operation("POST /v1/users/{id}/messages", "sendToUser", send, "Send a message to a user"), toUser),
		d.sending(operation("POST /v1/conversations/{id}/messages", "sendToConversation", send, "Send a message to a conversation, or record one in it"), toConversation),
	}
}

func (d *door) conversationEndpoints() []*endpoint { return nil }

func (d *door) eventEndpoints() []*endpoint {
	return []*endpoint{d.following(operation("GET /v1/events", "listEvents", parley.ScopeEventsRead, "Read the event log, or follow it"))}
}

func (d *door) healthEndpoints() []*endpoint {
	return []*endpoint{
		get(operation("GET /healthz", "getHealth", "", "Whether the server runs"), d.health),
		get(operation("GET /readyz", "getReadiness", "", "Whether the server takes requests"), d.readiness),
	}
}

var _ = http.StatusOK
