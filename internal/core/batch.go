package core

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// maxBatch is how many messages one request may send.
const maxBatch = 100

// BatchItem is one message of a batch, or why it cannot be one. Its own Idempotency holds in however many batches it comes.
type BatchItem struct {
	Params SendParams
	Err    error
}

// BatchResult is what became of one message of a batch.
type BatchResult struct {
	Sent
	Err error
}

// SendBatch sends messages, each for itself: what is wrong with one does not keep the others. Those to one recipient are
// sent in order, others at once, so that they share commits. A repeat with the same key sends those that were not accepted
// before, under the same id. The error is that of the batch as a whole.
func (c *Core) SendBatch(ctx context.Context, p *Principal, items []BatchItem, i *access.Idempotency) (parley.ID, []BatchResult, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return "", nil, err
	}
	if len(items) == 0 || len(items) > maxBatch {
		return "", nil, parley.Invalid("messages", "out-of-range", "must be 1 to %d", maxBatch)
	}
	batch := parley.NewID(c.now(ctx, p.Organization))
	replay, err := p.Once(ctx, c.store, i, 200, batch, func(*store.Tx) error { return nil })
	if err != nil {
		return "", nil, err
	}
	if replay != nil {
		batch = replay.Resource
	}
	results := make([]BatchResult, len(items))
	var all sync.WaitGroup
	for _, line := range linesOf(items) {
		all.Go(func() {
			for _, n := range line {
				results[n] = c.sendItem(ctx, p, &items[n], batch, itemKey(i, n))
			}
		})
	}
	all.Wait()
	return batch, results, nil
}

// linesOf are the places of the messages that are sent one after another, as they are for one recipient.
func linesOf(items []BatchItem) [][]int {
	var lines [][]int
	at := map[string]int{}
	for n := range items {
		to := fmt.Sprintf("%+v", items[n].Params.To)
		line, known := at[to]
		if !known {
			line = len(lines)
			at[to] = line
			lines = append(lines, nil)
		}
		lines[line] = append(lines[line], n)
	}
	return lines
}

// itemKey is the key of a message without one of its own: that of the batch, at its place.
func itemKey(i *access.Idempotency, n int) *access.Idempotency {
	if i == nil {
		return nil
	}
	own := *i
	own.Path += "/" + strconv.Itoa(n)
	return &own
}

func (c *Core) sendItem(ctx context.Context, p *Principal, item *BatchItem, batch parley.ID, key *access.Idempotency) (result BatchResult) {
	defer func() {
		if v := recover(); v != nil { // as for every other request, one message is no reason to end the server
			result.Err = fmt.Errorf("a message of a batch: %v", v)
		}
	}()
	if item.Err != nil {
		return BatchResult{Err: item.Err}
	}
	params := item.Params
	params.Batch = batch
	if params.Idempotency == nil {
		params.Idempotency = key
	}
	result.Sent, result.Err = c.Send(ctx, p, params)
	return result
}

// appendRelated adds messages, with what they have to do with others.
func appendRelated(tx *store.Tx, appends ...*store.Append) error {
	if err := tx.Append(appends...); err != nil {
		return err
	}
	return relation.Add(tx, appends...)
}
