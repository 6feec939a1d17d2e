// Package actions answers requests about what people do with messages besides sending one: batches, threads of replies,
// acknowledgements.
package actions

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(core *core.Core) []*door.Endpoint {
	a := area{core}
	const read, send = parley.ScopeMessagesRead, parley.ScopeMessagesSend
	return []*door.Endpoint{
		a.sendingBatch(door.Operation("POST /v1/messages/batch", "sendBatch", send, "Send up to 100 messages, each for itself")),
		door.List(door.Operation("GET /v1/messages/{id}/acknowledgements", "listAcknowledgements", read, "List who has acknowledged a message, those first who have not"), a.acknowledgements),
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
