package webhooks

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/webhook"
)

// Retry is what is to be posted to an endpoint again. Its job is taken: nobody else posts it meanwhile.
type Retry struct {
	Batch
	Organization parley.ID
	Gone         []parley.Post // of which there is nothing to post any more

	endpoint parley.ID
	job      store.Job
	due      []parley.Post
}

// RetryFor is how long posts of one endpoint are tried again by whoever took them. Then somebody else may.
const RetryFor = 30 * time.Second

// RetryAtOnce is how many posts of an endpoint are tried again together.
const RetryAtOnce = 16

// TakeRetries takes up to limit endpoints that something is to be posted to again.
func (w *Webhooks) TakeRetries(ctx context.Context, limit int) (taken []*Retry, n int, err error) {
	n, err = w.Store.WriteDue(ctx, webhook.JobRetry, limit, func(tx *store.Tx, jobs []store.Job) error {
		taken = nil
		for i := range jobs {
			r, err := take(tx, jobs[i])
			if err != nil {
				return err
			}
			if r != nil {
				taken = append(taken, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return taken, n, nil
}

// take begins an attempt of the posts of an endpoint that are due; nil: there are none.
func take(tx *store.Tx, job store.Job) (*Retry, error) {
	id := parley.ID(job.Payload)
	endpoint, err := webhook.Get(tx.Queries, job.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && endpoint.Paused {
		return nil, tx.Done([]store.Job{job})
	}
	if err != nil {
		return nil, err
	}
	due, err := webhook.Begin(tx, job.Organization, id, RetryAtOnce)
	if err != nil {
		return nil, err
	}
	if len(due) == 0 {
		return nil, reschedule(tx, job, id)
	}
	if err := tx.Take(&job, RetryFor); err != nil {
		return nil, err
	}
	return &Retry{Organization: job.Organization, endpoint: id, job: job, due: due}, nil
}

// reschedule has a job due when the next post of its endpoint is, or ends it.
func reschedule(tx *store.Tx, job store.Job, id parley.ID) error {
	next, err := webhook.Next(tx.Queries, job.Organization, id)
	if err != nil {
		return err
	}
	if next.IsZero() {
		return tx.Done([]store.Job{job})
	}
	job.DueAt = next
	return tx.GiveBack(&job)
}

// Load makes the content of what was taken, as the endpoint's key sees it now. What is not to be seen any more has failed for good.
func (w *Webhooks) Load(ctx context.Context, r *Retry) error {
	endpoint, p, err := w.endpoint(ctx, r.Organization, r.endpoint)
	if err != nil || p == nil { // nothing is posted: what was taken waits until it goes on
		return err
	}
	r.Webhook, r.Format = endpoint, w.formats[endpoint.Format]
	posts, err := w.render(ctx, p, &r.Format, r.due)
	if err != nil {
		return err
	}
	for i := range r.due {
		if body := posts[i]; body != nil {
			r.Posts = append(r.Posts, Outgoing{r.due[i], body})
			continue
		}
		gone := r.due[i]
		gone.State, gone.Code, gone.NextAt = parley.PostFailed, "gone", time.Time{}
		r.Gone = append(r.Gone, gone)
	}
	return nil
}

// Settle notes the outcome of a further attempt.
func (w *Webhooks) Settle(ctx context.Context, r *Retry, post *parley.Post, status int, code string) {
	r.Format.settle(post, w.Store.Now(ctx, r.Organization), status, code)
}

// Finish writes what became of posts that were tried again.
func (w *Webhooks) Finish(ctx context.Context, r *Retry, posts []parley.Post) error {
	return w.Store.WriteBackground(ctx, []parley.ID{r.Organization}, func(tx *store.Tx) error {
		if err := webhook.Finish(tx, r.Organization, r.endpoint, posts); err != nil {
			return err
		}
		holds, err := tx.Holds(&r.job)
		if err != nil || !holds {
			return err
		}
		tx.After(w.Kick)
		if endpoint, err := webhook.Get(tx.Queries, r.Organization, r.endpoint); err != nil || endpoint.Paused {
			return tx.Done([]store.Job{r.job}) // it is scheduled when it goes on
		}
		return reschedule(tx, r.job, r.endpoint)
	})
}
