package native

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/parley"
)

func (d *door) messageEndpoints() []*endpoint {
	const read, send, remove = parley.ScopeMessagesRead, parley.ScopeMessagesSend, parley.ScopeMessagesDelete
	return []*endpoint{
		d.sending(operation("POST /v1/messages", "sendMessage", send, "Send a message"), toBody),
		d.sending(operation("POST /v1/users/{id}/messages", "sendToUser", send, "Send a message to a user"), toUser),
		d.sending(operation("POST /v1/conversations/{id}/messages", "sendToConversation", send, "Send a message to a conversation, or record one in it"), toConversation),
		list(operation("GET /v1/messages", "listMessages", read, "List messages, newest first"), d.messages),
		message(operation("GET /v1/messages/{id}", "getMessage", read, "Get a message"), d.message),
		get(operation("DELETE /v1/messages/{id}", "recallMessage", remove, "Take a message back; what is left is answered"), d.recall),
		again(operation("POST /v1/messages/{id}/cancel", "cancelMessage", send, "Withdraw a scheduled message"), http.StatusOK, d.cancel),
		order(operation("POST /v1/messages/{id}/delivered", "markDelivered", read, "Confirm that the key's user has a message"), d.markDelivered),
		order(operation("POST /v1/messages/{id}/read", "markRead", read, "Mark a message as read by the key's user"), d.markRead),
		order(operation("POST /v1/messages/{id}/acknowledge", "acknowledge", read, "Take note of a message, for the key's user"), d.acknowledge),
		list(operation("GET /v1/messages/{id}/deliveries", "listDeliveries", read, "List a message's deliveries, by number"), d.deliveries),
		list(operation("GET /v1/messages/{id}/attempts", "listAttempts", read, "List the provider calls made for a message"), d.attempts),
		list(operation("GET /v1/messages/{id}/interactions", "listInteractions", read, "List what recipients did with a message, oldest first"), d.interactions),
		again(operation("POST /v1/messages/{id}/deliveries/{number}/retry", "retryDelivery", send, "Try a delivery that ended without success once more"),
			http.StatusAccepted, d.retry),
		list(operation("GET /v1/sandbox/messages", "listSandboxMessages", parley.ScopeSandboxRead, "List what sandbox channels were handed, newest first"), d.outbox),
		create(operation("POST /v1/sandbox/messages", "playInbound", parley.ScopeSandboxWrite, "Play a message from outside on a sandbox channel"),
			http.StatusCreated, d.playInbound),
	}
}

func (d *door) conversationEndpoints() []*endpoint {
	const read, write = parley.ScopeConversationsRead, parley.ScopeConversationsWrite
	return []*endpoint{
		create(operation("POST /v1/conversations", "createConversation", write, "Make a conversation without a message"), http.StatusCreated, d.createConversation),
		list(operation("GET /v1/conversations", "listConversations", read, "List conversations, most recently active first"), d.conversations),
		get(operation("GET /v1/conversations/{id}", "getConversation", read, "Get a conversation with all its participants"), d.conversation),
		matched(change(operation("PATCH /v1/conversations/{id}", "patchConversation", write, "Change a conversation"), d.patchConversation)),
		list(operation("GET /v1/conversations/{id}/messages", "listConversationMessages", parley.ScopeMessagesRead, "List a conversation's items, newest first"), d.thread),
		list(operation("GET /v1/conversations/{id}/participants", "listParticipants", read, "List who takes part in a conversation, or has left it"), d.participants),
		change(operation("POST /v1/conversations/{id}/participants", "addParticipant", write, "Add somebody to a conversation"), d.addParticipant),
		order(operation("DELETE /v1/conversations/{id}/participants/{participantId}", "removeParticipant", write,
			"Take a user or contact (id) or an address (kind:value) out of a conversation"), d.removeParticipant),
		orderOf(operation("POST /v1/conversations/{id}/read", "readConversation", parley.ScopeMessagesRead, "Mark a conversation as read by the key's user"), d.readConversation),
	}
}

func (d *door) eventEndpoints() []*endpoint {
	return []*endpoint{d.following(operation("GET /v1/events", "listEvents", parley.ScopeEventsRead, "Read the event log, or follow it"))}
}

func (d *door) healthEndpoints() []*endpoint {
	health, ready := operation("GET /healthz", "getHealth", "", "Whether the server runs"), operation("GET /readyz", "getReadiness", "", "Whether the server takes requests")
	health.Tag, ready.Tag = "health", "health"
	ready.Details = "Answers 503 while it does not."
	ready.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Responses["503"] = &huma.Response{Description: "Service Unavailable", Content: described.Responses["200"].Content}
	}
	return []*endpoint{get(health, d.health), get(ready, d.readiness)}
}
