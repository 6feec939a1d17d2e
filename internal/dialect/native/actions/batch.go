package actions

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// sendingBatch is the endpoint that sends several messages, of which each is read, refused and answered by itself.
func (a area) sendingBatch(o contract.Operation) *door.Endpoint {
	o.Body, o.Answer, o.Status, o.Keyed = reflect.TypeFor[api.BatchRequest](), reflect.TypeFor[api.Batch](), http.StatusOK, true
	return door.Does(o, func(c *door.Call) error {
		if err := c.Receive(); err != nil {
			return err
		}
		var items []core.BatchItem
		if err := c.DecodeEach("messages", func(raw []byte, err error) { items = append(items, batchItem(c, raw, err)) }); err != nil {
			return err
		}
		id, results, err := a.core.SendBatch(c.Ctx(), c.P, items, c.Idempotency())
		if err != nil {
			return err
		}
		answer := api.Batch{ID: string(id), Results: make([]api.BatchResult, len(results))}
		c.Replayed = true
		for n := range results {
			answer.Results[n] = batchResult(c.Ctx(), &results[n])
			c.Replayed = c.Replayed && results[n].Replayed
		}
		return c.Answer(answer, 0)
	})
}

func batchItem(c *door.Call, raw []byte, err error) core.BatchItem {
	var body api.BatchMessage
	if err == nil && json.Unmarshal(raw, &body) != nil { // what its schema cannot say
		err = &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the message does not fit"}
	}
	if err != nil {
		return core.BatchItem{Err: err}
	}
	item := core.BatchItem{Params: wire.SendParams(&body.SendRequest)}
	if body.IdempotencyKey != "" {
		item.Params.Idempotency = &access.Idempotency{Key: body.IdempotencyKey, Method: c.R.Method, Path: c.R.URL.EscapedPath() + "/", Body: raw}
	}
	return item
}

func batchResult(ctx context.Context, r *core.BatchResult) api.BatchResult {
	if r.Err == nil {
		return api.BatchResult{Status: http.StatusAccepted, Replayed: r.Replayed, Message: new(wire.Message(&r.Message))}
	}
	e := parley.AsError(r.Err)
	p := httpd.NewProblem(ctx, e)
	out := &api.Problem{Type: p.Type, Title: p.Title, Status: p.Status, Code: p.Code, Detail: p.Detail, RequestID: p.RequestID, Facts: p.Facts}
	for _, f := range p.Errors {
		out.Errors = append(out.Errors, api.FieldError(f))
	}
	return api.BatchResult{Status: p.Status, Problem: out}
}
