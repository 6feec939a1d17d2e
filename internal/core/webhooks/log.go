package webhooks

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/webhook"
)

// Posts returns up to limit posts to an endpoint of events from one time until before another, newest first, from before one of
// them on, each as it would be posted now to whoever asks: without a body where it cannot be. Zero times and keys do not narrow.
func (w *Webhooks) Posts(ctx context.Context, p *access.Principal, format string, id parley.ID, since, until time.Time, before parley.PostKey, limit int) (list []Outgoing, next *parley.PostKey, err error) {
	endpoint, err := w.Get(ctx, p, format, id)
	if err == nil {
		err = p.Require(parley.ScopeEventsRead)
	}
	if err != nil {
		return nil, nil, err
	}
	last := time.UnixMilli(1 << 50) // later than anything is
	if until.IsZero() {
		until = last
	}
	if before.At.IsZero() {
		before.At = last
	}
	posts, err := webhook.Page(w.Store.Read(ctx), p.Organization, endpoint.ID, since, until, before, limit+1)
	if err != nil {
		return nil, nil, err
	}
	if len(posts) > limit {
		posts = posts[:limit]
		next = &posts[limit-1].PostKey
	}
	f := w.formats[format]
	bodies, err := w.render(ctx, p, &f, posts)
	for i := range posts {
		list = append(list, Outgoing{posts[i], bodies[i]})
	}
	return list, next, err
}

// render makes the content of posts as somebody sees it now; nil where there is none.
func (w *Webhooks) render(ctx context.Context, p *access.Principal, f *Format, posts []parley.Post) (bodies [][]byte, err error) {
	bodies = make([][]byte, len(posts))
	sequences := make([]int64, len(posts))
	for i := range posts {
		sequences[i] = posts[i].Sequence
	}
	events, err := w.Log.At(ctx, p, sequences, f.With)
	if err != nil {
		return bodies, err
	}
	made, err := w.posts(ctx, f, p, events)
	content := make(map[parley.PostKey][]byte, len(made))
	for i := range made {
		content[keyOf(&made[i].Post)] = made[i].Body
	}
	for i := range posts {
		bodies[i] = content[keyOf(&posts[i])]
	}
	return bodies, err
}

// keyOf is the key of a post without its time, which the sequence says.
func keyOf(p *parley.Post) parley.PostKey { return parley.PostKey{Sequence: p.Sequence, Part: p.Part} }
