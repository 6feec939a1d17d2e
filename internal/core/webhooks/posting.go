package webhooks

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/webhook"
)

// Place is how far an endpoint is.
type Place = webhook.Place

// batch is how many events are rendered together.
const batch = 50

// Follow calls f after every commit with the organization whose log it added to, and whether endpoints were changed. It must not
// block.
func (w *Webhooks) Follow(f func(organization parley.ID, endpoints bool)) {
	w.Log.Follow(func(organization parley.ID, events []parley.Event) {
		changed := false
		for i := range events {
			changed = changed || events[i].Type == parley.EventWebhookCreated || events[i].Type == parley.EventWebhookUpdated
		}
		f(organization, changed)
	})
}

// Behind returns those endpoints of organizations, or of all, that this node is to work on and that have not come to the end of
// the log, and which organizations have endpoints that are not paused.
func (w *Webhooks) Behind(ctx context.Context, organizations []parley.ID) (behind []Place, have []parley.ID, err error) {
	if organizations != nil {
		return w.behind(ctx, organizations)
	}
	q := w.Store.Read(ctx)
	for after := parley.ID(""); ; {
		page, err := q.Organizations(after, 100)
		if err != nil || len(page) == 0 {
			return behind, have, err
		}
		ids := make([]parley.ID, len(page))
		for i := range page {
			ids[i] = page[i].ID
		}
		after = ids[len(ids)-1]
		more, some, err := w.behind(ctx, ids)
		if err != nil {
			return nil, nil, err
		}
		behind, have = append(behind, more...), append(have, some...)
	}
}

func (w *Webhooks) behind(ctx context.Context, organizations []parley.ID) (behind []Place, have []parley.ID, err error) {
	q := w.Store.Read(ctx)
	places, err := webhook.Places(q, organizations)
	if err != nil || len(places) == 0 {
		return nil, nil, err
	}
	for i := range places {
		if n := len(have); n == 0 || have[n-1] != places[i].Organization {
			have = append(have, places[i].Organization)
		}
	}
	latest, err := q.LatestEvents(have)
	for _, p := range places {
		if p.Through < latest[p.Organization] && w.Mine(p) {
			behind = append(behind, p)
		}
	}
	return behind, have, err
}

// Mine reports whether, of the nodes, this one is to post to an endpoint for the first time.
func (w *Webhooks) Mine(p Place) bool { return w.Store.Mine("webhook/" + string(p.Webhook)) }

// Hold lets a holder post to an endpoint for a while, and returns where it goes on. Not found: somebody else does, or it is gone or
// paused. On a database of one server nobody else does.
func (w *Webhooks) Hold(ctx context.Context, at Place, holder string, lasts time.Duration) (p Place, found bool, err error) {
	err = w.apart(ctx, at, func(tx *store.Tx) error {
		p, found, err = webhook.Hold(tx, at.Organization, at.Webhook, holder, lasts, !w.Store.Shared())
		return err
	})
	return p, found, err
}

// Release lets others post to an endpoint.
func (w *Webhooks) Release(ctx context.Context, at Place, holder string) error {
	return w.apart(ctx, at, func(tx *store.Tx) error { return webhook.Release(tx, at.Organization, at.Webhook, holder) })
}

// apart runs a unit on the place of an endpoint, for which nothing else that changes the organization waits.
func (w *Webhooks) apart(ctx context.Context, at Place, f func(tx *store.Tx) error) error {
	return w.Store.WriteApart(ctx, "webhook/"+string(at.Webhook), 0, f)
}

// Batch is what is to be posted to an endpoint next, and up to where the log was considered.
type Batch struct {
	Webhook parley.Webhook
	Format  Format
	Posts   []Outgoing
	Through int64
	End     bool // of the log
}

// Outgoing is a post and its content.
type Outgoing struct {
	parley.Post
	Body []byte
}

// Next returns what comes in the log after the place of an endpoint, as its key sees it now. An endpoint whose key does not work any
// more is paused. Nil: there is nothing to post to.
func (w *Webhooks) Next(ctx context.Context, at Place) (*Batch, error) {
	endpoint, p, err := w.endpoint(ctx, at.Organization, at.Webhook)
	if err != nil || p == nil {
		return nil, err
	}
	b := &Batch{Webhook: endpoint, Format: w.formats[endpoint.Format], Through: at.Through}
	page, err := w.Log.Events(ctx, p, eventlog.Filter{After: at.Through, Types: b.Format.Events, With: b.Format.With}, batch)
	if parley.IsKind(err, parley.KindGone) { // it was paused for longer than the log goes back
		oldest, _, err := w.Log.EventRange(ctx, p)
		b.Through = max(at.Through, oldest-1)
		return b, err
	}
	if err != nil {
		return nil, err
	}
	b.Through, b.End = page.Through, page.Next == 0
	b.Posts, err = w.posts(ctx, &b.Format, p, page.Events)
	return b, err
}

// posts are the posts that events make, in order.
func (w *Webhooks) posts(ctx context.Context, f *Format, p *access.Principal, events []eventlog.Detail) (list []Outgoing, err error) {
	if len(events) == 0 {
		return nil, nil
	}
	rendered, err := f.Render(ctx, p, events)
	if err != nil {
		return nil, err
	}
	for i, parts := range rendered {
		for _, r := range parts {
			key := parley.PostKey{At: events[i].At, Sequence: events[i].Sequence, Part: r.Part}
			list = append(list, Outgoing{Post: parley.Post{PostKey: key, Kind: r.Kind, State: parley.PostWaiting}, Body: r.Body})
		}
	}
	return list, w.Store.Settled(ctx) // what was read for it is told outside
}

// endpoint returns an endpoint and whose sight it has; nil: nothing is posted to it.
func (w *Webhooks) endpoint(ctx context.Context, organization, id parley.ID) (parley.Webhook, *access.Principal, error) {
	endpoint, err := webhook.Get(w.Store.Read(ctx), organization, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && endpoint.Paused {
		return endpoint, nil, nil
	}
	if err != nil {
		return endpoint, nil, err
	}
	f, known := w.formats[endpoint.Format]
	if !known { // of a later program
		return endpoint, nil, nil
	}
	p, err := w.Authenticator.Of(ctx, organization, endpoint.Key)
	if parley.IsKind(err, parley.KindUnauthorized) || err == nil && f.require(p) != nil {
		return endpoint, nil, w.suspend(ctx, organization, id, endpoint.Key)
	}
	return endpoint, p, err
}

// suspend pauses an endpoint whose key does not work any more.
func (w *Webhooks) suspend(ctx context.Context, organization, id, key parley.ID) error {
	return w.Store.Write(ctx, organization, func(tx *store.Tx) error {
		endpoint, err := webhook.Get(tx.Queries, organization, id)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && (endpoint.Paused || endpoint.Key != key) {
			return nil
		}
		if err != nil {
			return err
		}
		var changes parley.Changes
		changes.Set("paused", false, true)
		endpoint.Paused, endpoint.Reason = true, parley.PausedByKey
		if err := webhook.Update(tx, organization, &endpoint); err != nil {
			return err
		}
		p := access.System(organization)
		emit(tx, p, parley.EventWebhookUpdated, id, endpoint.Reason)
		return p.Did(tx, parley.ActWebhookUpdated, id, changes)
	})
}

// Tried notes the outcome of the first attempt of a post: the status of the answer, and a code where it failed.
func (w *Webhooks) Tried(ctx context.Context, b *Batch, post *parley.Post, organization parley.ID, status int, code string) {
	post.Attempts++
	b.Format.settle(post, w.Store.Now(ctx, organization), status, code)
}

// Advance writes what was posted to an endpoint, and moves its place on, for its holder, who may go on for a while. False: it is not
// where it was, or somebody else has it.
func (w *Webhooks) Advance(ctx context.Context, holder string, from int64, to Place, posts []parley.Post, lasts time.Duration) (moved bool, err error) {
	var next time.Time
	for i := range posts {
		if at := posts[i].NextAt; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	unit := func(tx *store.Tx) error {
		if moved, err = webhook.Advance(tx, holder, from, to, lasts); err != nil || !moved {
			return err
		}
		if err := webhook.Add(tx, to.Organization, to.Webhook, posts); err != nil || next.IsZero() {
			return err
		}
		tx.After(w.Kick)
		return tx.ScheduleSooner(webhook.RetryJob(to.Organization, to.Webhook, next))
	}
	if next.IsZero() {
		err = w.apart(ctx, to, unit)
		return moved, err
	}
	err = w.Store.WriteBackground(ctx, []parley.ID{to.Organization}, unit) // the queue is the organization's
	return moved, err
}
