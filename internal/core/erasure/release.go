package erasure

import (
	"context"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

// releasesAtOnce is how many things that holds keep one transaction looks at.
const releasesAtOnce = 100

// Release makes the next of what only a hold kept go that was lifted, unless another hold keeps it, and says whether there was
// something to look at.
func (e *Eraser) Release(ctx context.Context) (n int, err error) {
	n, err = e.store.WriteDue(ctx, hold.JobRelease, 1, func(tx *store.Tx, jobs []store.Job) error {
		job := jobs[0]
		lifted, after, _ := strings.Cut(job.Payload, ",")
		list, next, err := hold.ListHeld(tx.Queries, job.Organization, "", parley.ID(after), releasesAtOnce)
		if err != nil {
			return err
		}
		free, err := released(tx, job.Organization, list)
		if err != nil {
			return err
		}
		if len(free) > 0 {
			if err := hold.Drop(tx, job.Organization, free); err != nil {
				return err
			}
			var changes parley.Changes
			changes.Gone("held", free)
			if err := access.System(job.Organization).Did(tx, parley.ActHeldErased, parley.ID(lifted), changes); err != nil {
				return err
			}
		}
		if next == "" {
			return tx.Done(jobs)
		}
		return tx.Schedule(hold.ReleaseJob(job.Organization, parley.ID(lifted), next, tx.Now))
	})
	if err == nil && n > 0 {
		e.kick()
	}
	return n, err
}

// released returns those of some things that holds kept which no hold is about any more.
func released(tx *store.Tx, organization parley.ID, list []parley.Held) ([]parley.ID, error) {
	ids := make([]parley.ID, len(list))
	for i, k := range list {
		ids[i] = k.ID
	}
	messages, err := tx.Messages(organization, ids)
	if err != nil {
		return nil, err
	}
	var batch []store.Erasure
	kept := map[parley.ID]bool{}
	for _, k := range list {
		if k.Kind == parley.HeldContact {
			if kept[k.ID], err = hold.Names(tx.Queries, organization, organization, k.ID); err != nil {
				return nil, err
			}
		} else if m := messages[k.ID]; m != nil {
			batch = append(batch, store.Erasure{Organization: organization, Message: m})
		}
	}
	held, err := hold.Which(tx.Queries, batch)
	for _, e := range held {
		kept[e.Message.ID] = true
	}
	var free []parley.ID
	for _, id := range ids {
		if !kept[id] {
			free = append(free, id)
		}
	}
	return free, err
}
