package delivery

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// expiriesAtOnce is how many validities one transaction ends.
const expiriesAtOnce = 100

// NextExpiry returns when the first validity of a delivery ends; zero where none does.
func (d *Deliveries) NextExpiry(ctx context.Context) (time.Time, error) {
	return d.store.Read(ctx).NextDue(store.JobValidity)
}

// Expire ends deliveries whose validity has passed while they waited: for their next attempt, for those before
// them, for a channel that is paused or busy. One that is under way ends as it ends. It says how many timers there
// were.
func (d *Deliveries) Expire(ctx context.Context) (int, error) {
	return d.store.WriteDue(ctx, store.JobValidity, expiriesAtOnce, func(tx *store.Tx, timers []store.Job) error {
		refs := make([]store.DeliveryRef, len(timers))
		jobs := make([]store.JobRef, len(timers))
		for i := range timers {
			refs[i], jobs[i] = refOf(&timers[i]), store.JobRef{Organization: timers[i].Organization, ID: timers[i].Payload}
		}
		waiting, err := tx.HoldWaiting(jobs)
		if err != nil {
			return err
		}
		deliveries, err := tx.DeliveriesOf(refs)
		if err != nil {
			return err
		}
		b := newBatch(tx)
		b.done = timers
		for i := range timers {
			del := deliveries[refs[i]]
			job, waits := waiting[jobs[i]]
			if del == nil || del.State != parley.Queued || !waits {
				continue
			}
			end := (&Work{job: job}).end(parley.Expired, "", codeExpired, reasonExpired)
			b.move(refs[i], del, end.news, end.code, end.reason, tx.Now)
			b.done, b.followed = append(b.done, job), append(b.followed, job)
		}
		return b.write()
	})
}
