package native

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/parley"
)

func (d *domain) messageEndpoints() []*door.Endpoint {
	const read, send, remove = parley.ScopeMessagesRead, parley.ScopeMessagesSend, parley.ScopeMessagesDelete
	return []*door.Endpoint{
		d.sending(door.Operation("POST /v1/messages", "sendMessage", send, "Send a message"), toBody),
		d.sending(door.Operation("POST /v1/users/{id}/messages", "sendToUser", send, "Send a message to a user"), toUser),
		d.sending(door.Operation("POST /v1/conversations/{id}/messages", "sendToConversation", send, "Send a message to a conversation, or record one in it"), toConversation),
		door.List(door.Operation("GET /v1/messages", "listMessages", read, "List messages, newest first"), d.messages),
		door.Message(door.Operation("GET /v1/messages/{id}", "getMessage", read, "Get a message"), d.message),
		door.Audited(door.Get(door.Operation("DELETE /v1/messages/{id}", "recallMessage", remove, "Take a message back; what is left is answered"), d.recall),
			parley.ActMessageRecalled),
		door.Audited(door.Again(door.Operation("POST /v1/messages/{id}/cancel", "cancelMessage", send, "Withdraw a scheduled message"), http.StatusOK, d.cancel),
			parley.ActMessageCanceled),
		door.Order(door.Operation("POST /v1/messages/{id}/delivered", "markDelivered", read, "Confirm that the key's user has a message"), d.markDelivered),
		door.Order(door.Operation("POST /v1/messages/{id}/read", "markRead", read, "Mark a message as read by the key's user"), d.markRead),
		door.Order(door.Operation("POST /v1/messages/{id}/acknowledge", "acknowledge", read, "Take note of a message, for the key's user"), d.acknowledge),
		door.List(door.Operation("GET /v1/messages/{id}/deliveries", "listDeliveries", read, "List a message's deliveries, by number"), d.deliveries),
		door.List(door.Operation("GET /v1/messages/{id}/attempts", "listAttempts", read, "List the provider calls made for a message"), d.attempts),
		door.List(door.Operation("GET /v1/messages/{id}/interactions", "listInteractions", read, "List what people did with a message, oldest first"), d.interactions),
		door.Change(door.Operation("POST /v1/messages/{id}/reactions", "react", parley.ScopeMessagesSend, "Add a reaction of the key's user to a message"), d.react),
		door.Order(door.Operation("DELETE /v1/messages/{id}/reactions/{emoji}", "unreact", parley.ScopeMessagesSend, "Take a reaction of the key's user back"), d.unreact),
		door.Audited(door.Again(door.Operation("POST /v1/messages/{id}/deliveries/{number}/retry", "retryDelivery", send, "Try a delivery that ended without success once more"),
			http.StatusAccepted, d.retry), parley.ActDeliveryRetried),
		door.List(door.Operation("GET /v1/sandbox/messages", "listSandboxMessages", parley.ScopeSandboxRead, "List what sandbox channels were handed, newest first"), d.outbox),
		door.Change(door.Operation("POST /v1/sandbox/interactions", "playInteraction", parley.ScopeSandboxWrite,
			"Play what somebody outside does with a message of a sandbox channel"), d.playInteraction),
		door.Create(door.Operation("POST /v1/sandbox/messages", "playInbound", parley.ScopeSandboxWrite, "Play a message from outside on a sandbox channel"),
			http.StatusCreated, d.playInbound),
	}
}

func (d *domain) conversationEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeConversationsRead, parley.ScopeConversationsWrite
	return []*door.Endpoint{
		door.Create(door.Operation("POST /v1/conversations", "createConversation", write, "Make a conversation without a message"), http.StatusCreated, d.createConversation),
		door.List(door.Operation("GET /v1/conversations", "listConversations", read, "List conversations, most recently active first"), d.conversations),
		door.Get(door.Operation("GET /v1/conversations/{id}", "getConversation", read, "Get a conversation with all its participants"), d.conversation),
		door.Matched(door.Change(door.Operation("PATCH /v1/conversations/{id}", "patchConversation", write, "Change a conversation"), d.patchConversation)),
		door.List(door.Operation("GET /v1/conversations/{id}/messages", "listConversationMessages", parley.ScopeMessagesRead, "List a conversation's items, newest first"), d.thread),
		door.List(door.Operation("GET /v1/conversations/{id}/participants", "listParticipants", read, "List who takes part in a conversation, or has left it"), d.participants),
		door.Audited(door.Change(door.Operation("POST /v1/conversations/{id}/participants", "addParticipant", write, "Add somebody to a conversation"), d.addParticipant),
			parley.ActParticipantAdded),
		door.Audited(door.Order(door.Operation("DELETE /v1/conversations/{id}/participants/{participantId}", "removeParticipant", write,
			"Take a user or contact (id) or an address (kind:value) out of a conversation"), d.removeParticipant), parley.ActParticipantRemoved),
		door.OrderOf(door.Operation("POST /v1/conversations/{id}/read", "readConversation", parley.ScopeMessagesRead, "Mark a conversation as read by the key's user"), d.readConversation),
	}
}

func (d *domain) eventEndpoints() []*door.Endpoint {
	return []*door.Endpoint{d.following(door.Operation("GET /v1/events", "listEvents", parley.ScopeEventsRead, "Read the event log, or follow it"))}
}

func (d *domain) healthEndpoints() []*door.Endpoint {
	health, ready := door.Operation("GET /healthz", "getHealth", "", "Whether the server runs"), door.Operation("GET /readyz", "getReadiness", "", "Whether the server takes requests")
	health.Tag, ready.Tag = "health", "health"
	ready.Details = "Answers 503 while it does not."
	ready.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Responses["503"] = &huma.Response{Description: "Service Unavailable", Content: described.Responses["200"].Content}
	}
	return []*door.Endpoint{door.Get(health, d.health), door.Get(ready, d.readiness)}
}
