package doortest

import "testing"

// Says is a test of one statement about the documented call of a door: of a parameter, or of one of the words Answer, Errors and
// Around. docs/calls.md lists the statements of all tests, so both must be constants.
func Says(t *testing.T, parameter, statement string, test func(t *testing.T)) {
	t.Helper()
	t.Run(parameter+": "+statement, test)
}

// What a statement is about where it is about no parameter.
const (
	Answer = "answer" // what a success is answered with
	Errors = "errors" // what is refused, and how
	Around = "around" // what the call needs around it: ids, lists, events, limits
)

// Call is a documented call.
type Call struct {
	Name       string
	Door       string   // its package in internal/dialect
	Sources    []string // patterns of the files whose statements are about it
	Parameters []string // by the vendor's names; bodies' members are joined with dots
}

// Calls are those of docs/calls.md, in its order.
var Calls = []Call{
	{"TigerConnect: sendToUser", "tigerconnect",
		[]string{"internal/dialect/tigerconnect/*_test.go", "sdk/typescript/test/sendToUser*.mjs", "sdk/go/*/*_test.go"},
		[]string{"userId", "body", "organizationId", "senderOrganizationId", "recipientOrganizationId", "attachmentFile", "attachmentFiles", "avatarFile", "deleteOnRead",
			"description", "escalate", "groupMetadata", "groupName", "metadata", "priority", "senderId", "ttl"}},
	{"Kustomer: createMessageFromConversation", "kustomer",
		[]string{"internal/dialect/kustomer/*_test.go", "sdk/typescript/test/kustomer*.mjs"},
		[]string{"id", "externalId", "customer", "conversation", "reference", "channel", "preview", "subject", "direction", "app", "size", "related", "status", "error", "errorAt",
			"auto", "sentAt", "source", "shortcuts", "kbArticles", "attachments", "location", "meta", "custom", "sentiment", "createdAt", "modifiedAt", "createdBy", "modifiedBy",
			"importedAt", "lang", "queue"}},
	{"Spruce: post a message", "spruce",
		[]string{"internal/dialect/spruce/*_test.go"},
		[]string{"conversationId", "body", "internal", "author", "attachments", "stayArchived", "s-idempotency-key", "internalEndpointId", "destination.smsOrEmailEndpoint",
			"destination.faxEndpoint", "destination.secureEndpoint", "sendAt"}},
	{"Bird: Messaging", "bird",
		[]string{"internal/dialect/bird/*_test.go"},
		[]string{"workspaceId", "channelId", "receiver", "body", "template", "sender", "reference", "replyTo", "meta", "tags", "shortLinks", "enableLinkTracking", "scheduledFor", "validity",
			"capFrequency", "ignoreQuietHours", "ignoreGlobalHoldout", "notification", "limit", "pageToken", "reverse", "platform", "direction", "startAt", "endAt", "sender of a list",
			"receiver of a list", "tag", "subject", "batchId", "channelId of a list", "messageId", "interactions", "presigned-upload", "upload", "download"}},
}
