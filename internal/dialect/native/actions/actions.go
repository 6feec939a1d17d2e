// Package actions answers requests about what people do with messages besides sending one: batches, threads of replies,
// acknowledgements.
package actions

import (
	"net/http"
	"reflect"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(core *core.Core) []*door.Endpoint {
	a := area{core}
	const read, send, remove = parley.ScopeMessagesRead, parley.ScopeMessagesSend, parley.ScopeMessagesDelete
	return []*door.Endpoint{
		a.sendingBatch(door.Operation("POST /v1/messages/batch", "sendBatch", send, "Send up to 100 messages, each for itself")),
		door.List(door.Operation("GET /v1/messages/{id}/acknowledgements", "listAcknowledgements", read, "List who has acknowledged a message, those first who have not"), a.acknowledgements),
		a.forwarding(door.Operation("POST /v1/messages/{id}/forward", "forwardMessage", send, "Send a copy of a message to somebody")),
		door.Change(door.Operation("PATCH /v1/messages/{id}", "editMessage", send, "Change what a message says, where its channel allows it"), a.edit),
		door.Audited(door.ChangeOf(door.Operation("POST /v1/messages/{id}/redact", "redactMessage", remove, "Take content of a message away for everybody"), a.redact), parley.ActMessageRedacted),
		door.List(door.Operation("GET /v1/messages/{id}/versions", "listVersions", read, "List what a message said before it was edited"), a.versions),
		door.List(door.Operation("GET /v1/messages/{id}/replies", "listReplies", read, "List the thread of a message, oldest first"), a.replies),
	}
}

func (a area) acknowledgements(c *door.Call, f api.Page) ([]api.Acknowledgement, string, error) {
	list, err := a.core.Acknowledgements(c.Ctx(), c.P, c.ID())
	return door.Part(list, wire.Acknowledgement, f, err)
}

func (a area) replies(c *door.Call, f api.Page) ([]api.Message, string, error) {
	replies, next, err := a.core.Replies(c.Ctx(), c.P, c.ID(), f.After, door.Limit(f.Limit))
	return wire.Each(replies, wire.Message), next, err
}

// forwarding is the endpoint that sends a copy of a message.
func (a area) forwarding(o contract.Operation) *door.Endpoint {
	o.Body, o.Answer, o.Status, o.Keyed = reflect.TypeFor[api.SendRequest](), reflect.TypeFor[api.Message](), http.StatusAccepted, true
	o.Details = "The body, which may be left out, comes before the copy. The copy goes when what it is a copy of goes."
	return door.Does(o, func(c *door.Call) error {
		var body api.SendRequest
		if err := c.ReadBody(&body); err != nil {
			return err
		}
		params := wire.SendParams(&body)
		params.Forward, params.Idempotency = c.ID(), c.Idempotency()
		sent, err := a.core.Send(c.Ctx(), c.P, params)
		if err != nil {
			return err
		}
		c.Replayed = sent.Replayed
		return c.AnswerMessage(&sent.Message)
	})
}

func (a area) edit(c *door.Call, b *api.MessagePatch) (api.Message, error) {
	m, err := a.core.Edit(c.Ctx(), c.P, c.ID(), wire.Parts(b.Body))
	return wire.Message(&m), err
}

func (a area) redact(c *door.Call, b *api.RedactRequest) (api.Message, error) {
	m, err := a.core.Redact(c.Ctx(), c.P, c.ID(), erasure.Redaction{Parts: b.Parts, Attachments: wire.IDs(b.Attachments)})
	return wire.Message(&m), err
}

func (a area) versions(c *door.Call, f api.Page) ([]api.MessageVersion, string, error) {
	list, err := a.core.Versions(c.Ctx(), c.P, c.ID())
	return door.Part(list, wire.Version, f, err)
}
