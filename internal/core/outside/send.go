package outside

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
)

// Send accepts a message that goes out on a channel. One that is paused takes none.
func (o *Outside) Send(ctx context.Context, p *access.Principal, ch parley.Channel, params core.SendParams) (Item, bool, error) {
	params.To.Channel, params.Takes, params.Answers = ch.ID, inactive, isOutside
	sent, err := o.core.Send(ctx, p, params)
	if err != nil {
		return o.Again(ctx, p, &ch, params.Idempotency, err)
	}
	if !sent.Replayed && len(sent.Deliveries) > 0 { // which are all that has to be known of it
		return Item{Message: sent.Message, Own: *sent.Channel, Deliveries: latest(&sent.Message, sent.Deliveries)}, false, nil
	}
	items, err := o.complete(ctx, p, []parley.Message{sent.Message}, map[parley.ID]parley.Channel{ch.ID: ch})
	if err == nil && len(items) == 0 {
		err = parley.NotFound("message", sent.Message.ID)
	}
	if err != nil {
		return Item{}, false, err
	}
	return items[0], sent.Replayed, nil
}

// inactive refuses a paused channel.
func inactive(ch *parley.Channel) error {
	if ch.Paused {
		return parley.Conflict(codeInactive, "the channel %q is paused: it takes no messages", ch.Name)
	}
	return nil
}

const codeInactive = "channel-inactive"

// Again answers a request that is refused by now, if it was made before: the channel may be paused meanwhile, or a file gone. What is
// refused because the channel is not there any more is not found.
func (o *Outside) Again(ctx context.Context, p *access.Principal, ch *parley.Channel, i *access.Idempotency, refusal error) (Item, bool, error) {
	if _, err := o.Channel(ctx, p, ch.ID); err != nil {
		return Item{}, false, err
	}
	if kind := parley.AsError(refusal).Kind; kind != parley.KindInvalid && kind != parley.KindConflict {
		return Item{}, false, refusal
	}
	replay, err := p.Before(ctx, o.store, i)
	if replay == nil {
		return Item{}, false, parley.FirstError(err, refusal)
	}
	item, err := o.Message(ctx, p, ch.ID, replay.Resource)
	return item, true, err
}

// Limits of looking for files on the web.
const (
	fetchesAtOnce = 4
	fetchTime     = 15 * time.Second // of all files of a message
)

// Reachable looks for files on the web, and returns the addresses of those that cannot be had.
func (o *Outside) Reachable(ctx context.Context, urls []string) (missing []string) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	urls = slices.Compact(slices.Sorted(slices.Values(urls)))
	failed := make([]bool, len(urls))
	free := make(chan struct{}, fetchesAtOnce)
	var all sync.WaitGroup
	for i, url := range urls {
		free <- struct{}{}
		all.Go(func() {
			failed[i] = o.fetch(ctx, url) != nil
			<-free
		})
	}
	all.Wait()
	for i, url := range urls {
		if failed[i] {
			missing = append(missing, url)
		}
	}
	return missing
}

// ContactWith returns the contact that an address identifies; none: a zero one.
func (o *Outside) ContactWith(ctx context.Context, p *access.Principal, address parley.Address) (parley.ID, error) {
	id, err := o.store.Read(ctx).AddressOwner(p.Organization, address)
	if parley.IsKind(err, parley.KindNotFound) {
		return "", nil
	}
	return id, err
}

// Contact returns a contact, or the one that it was merged into, for somebody who writes to it.
func (o *Outside) Contact(ctx context.Context, p *access.Principal, id parley.ID) (parley.Contact, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Contact{}, err
	}
	return o.store.Read(ctx).Survivor(p.Organization, id)
}
