package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// JobSuppress is work on a failure that may mean that the address is not to be written to any more; the payload is its code. It
// is a job of its own, as results are written beside others of the organization, and this changes what all sends look at.
const JobSuppress store.JobKind = "suppress"

// says reports whether a code may mean so.
func says(code string) bool {
	return code == connector.CodeBounced || code == connector.CodeComplained || code == connector.CodeRecipient
}

func suppressJob(ref store.DeliveryRef, code string, now time.Time) store.Job {
	return store.Job{Organization: ref.Organization, Kind: JobSuppress, ID: store.JobID(JobSuppress, fmt.Sprintf("%s.%d", ref.Message, ref.Number)),
		DueAt: now, Message: ref.Message, Delivery: ref.Number, Payload: code}
}

// Suppress suppresses the addresses of up to limit failures whose connectors say so, and says how many failures there were.
func (d *Deliveries) Suppress(ctx context.Context, limit int) (int, error) {
	return d.store.WriteDue(ctx, JobSuppress, limit, func(tx *store.Tx, jobs []store.Job) error {
		refs := make([]store.DeliveryRef, len(jobs))
		for i := range jobs {
			refs[i] = refOf(&jobs[i])
		}
		deliveries, err := tx.DeliveriesOf(refs)
		if err != nil {
			return err
		}
		for i := range jobs {
			if del := deliveries[refs[i]]; del != nil && del.Address.Value != "" {
				if err := d.suppress(tx, &jobs[i], del); err != nil {
					return err
				}
			}
		}
		return tx.Done(jobs)
	})
}

func (d *Deliveries) suppress(tx *store.Tx, job *store.Job, del *parley.Delivery) error {
	ch, err := tx.Channel(job.Organization, del.Channel)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	suppressor, ok := d.connectors[ch.Connector].Connector.(connector.Suppressor)
	if !ok {
		return nil
	}
	reason := suppressor.Suppresses(ch, job.Payload)
	if reason == "" {
		return nil
	}
	_, err = consent.Add(tx, access.System(job.Organization), parley.Suppression{ID: parley.NewID(tx.Now),
		Address: parley.Address{Kind: del.Address.Kind, Value: del.Address.Value}, Platform: ch.Platform, Class: parley.ClassAll, Reason: reason,
		Message: job.Message})
	return err
}
