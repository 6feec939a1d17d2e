package webhook

import (
	"context"
	"sync"

	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

const (
	// takenAtOnce is how many endpoints are taken in one transaction.
	takenAtOnce = 50
	// together is how many posts of one endpoint are tried again at the same time.
	together = 4
)

// Retry begins to post again what is due to be, and says to how many endpoints. Each goes on by itself.
func (w *Worker) Retry(ctx context.Context) (int, error) {
	if w.stop.Err() != nil {
		return 0, nil
	}
	taken, n, err := w.Webhooks.TakeRetries(ctx, takenAtOnce)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range taken {
		if w.stop.Err() == nil { // or they are taken again when their time is over
			w.running.Go(func() { w.retry(r) })
		}
	}
	return n, err
}

// retry posts what was taken of an endpoint, and writes what became of it.
func (w *Worker) retry(r *webhooks.Retry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.stop), webhooks.RetryFor)
	defer cancel()
	err := w.Webhooks.Load(ctx, r)
	if err == nil {
		err = w.Webhooks.Finish(ctx, r, append(w.sendAll(ctx, r), r.Gone...))
	}
	if err != nil {
		w.Log.Error("posting to an endpoint again", "organization", r.Organization, "error", err)
	}
}

// sendAll posts some at a time, and returns those that were tried.
func (w *Worker) sendAll(ctx context.Context, r *webhooks.Retry) []parley.Post {
	var tried []parley.Post
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, together)
	for i := range r.Posts {
		p := &r.Posts[i]
		slots <- struct{}{}
		if w.stop.Err() != nil || ctx.Err() != nil {
			break // they are due again when their time is over
		}
		work.Go(func() {
			defer func() { <-slots }()
			status, code := w.send(ctx, &r.Webhook, &r.Format, p)
			w.Webhooks.Settle(ctx, r, &p.Post, status, code)
			mu.Lock()
			defer mu.Unlock()
			tried = append(tried, p.Post)
		})
	}
	work.Wait()
	return tried
}
