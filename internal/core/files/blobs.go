package files

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

const (
	blobsAtOnce = 100
	blobRetry   = time.Minute // after a failure of the disk

	// sweepAge is how old a blob without a row must be to be swept: older than any upload that is under way.
	sweepAge = 6 * time.Hour
)

// RemoveBlobs does some of the due work on files that no message has, and says whether there may be more: their
// rows go first, in a transaction, then their blobs, then the jobs, so that a crash repeats what is not done.
func (f *Files) RemoveBlobs(ctx context.Context) (bool, error) {
	var due []store.Job
	n, err := f.store.WriteDue(ctx, store.JobBlob, blobsAtOnce, func(tx *store.Tx, jobs []store.Job) (err error) {
		due, err = dropRows(tx, jobs)
		return err
	})
	if err != nil {
		return false, err
	}
	more := n == blobsAtOnce
	if len(due) == 0 {
		return more, nil
	}
	var done, failed []store.Job
	for _, job := range due {
		if err := f.blobs.Remove(job.Organization, parley.ID(job.Payload)); err != nil {
			f.log.Error("removing a blob", "organization", job.Organization, "media", job.Payload, "error", err)
			failed = append(failed, job)
			continue
		}
		done = append(done, job)
	}
	err = f.store.WriteBackground(ctx, store.OrganizationsOf(due), func(tx *store.Tx) error {
		for i := range failed {
			failed[i].DueAt = tx.Now.Add(blobRetry)
		}
		if err := tx.Schedule(failed...); err != nil {
			return err
		}
		return tx.Done(done)
	})
	return more, err
}

// dropRows deletes the rows of due files, and returns the jobs whose blobs are to go. A file that a message has
// stays, as does the blob of one that a legal hold keeps; another job comes when that message goes, or the hold.
func dropRows(tx *store.Tx, jobs []store.Job) (due []store.Job, err error) {
	var kept []store.Job
	for _, job := range jobs {
		id := parley.ID(job.Payload)
		dropped, err := tx.DropMedia(job.Organization, id)
		if err != nil {
			return nil, err
		}
		held, err := hold.FilesHeld(tx.Queries, job.Organization, []parley.ID{id})
		if err != nil {
			return nil, err
		}
		if dropped {
			tx.Erased() // a file's name is content too
		}
		if dropped && !held[id] {
			due = append(due, job)
		} else {
			kept = append(kept, job)
		}
	}
	return due, tx.Done(kept)
}

// Sweep removes the blobs that crashes left without rows, and says how many. Those of an organization that the database
// does not have are another database's, which was used with this folder, or will be again.
func (f *Files) Sweep(ctx context.Context) (int, error) {
	return f.blobs.Sweep(ctx, f.now(ctx, "").Add(-sweepAge), func(organization parley.ID, ids []parley.ID) (map[parley.ID]bool, error) {
		known := make(map[parley.ID]bool, len(ids))
		q := f.store.Read(ctx)
		if _, err := q.Organization(organization); parley.IsKind(err, parley.KindNotFound) {
			for _, id := range ids {
				known[id] = true
			}
			return known, nil
		} else if err != nil {
			return nil, err
		}
		rows, err := q.MediaByID(organization, ids)
		if err != nil {
			return nil, err
		}
		for id := range rows {
			known[id] = true
		}
		held, err := hold.FilesHeld(q, organization, ids)
		for id := range held {
			known[id] = true
		}
		return known, err
	})
}
