package message

import (
	"context"
	"strconv"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/relation"
)

// Replies returns a page of the replies of the thread that a message is in, or that it began, oldest first; next is the
// cursor of the page after it, empty at the end.
func (a *Actions) Replies(ctx context.Context, p *access.Principal, message parley.ID, after string, limit int) (page []parley.Message, next string, err error) {
	s, m, err := a.seenMessage(ctx, p, message)
	if err != nil {
		return nil, "", err
	}
	from := int64(0)
	if after != "" {
		if from, err = strconv.ParseInt(after, 10, 64); err != nil || from < 0 {
			return nil, "", errCursor()
		}
	}
	limit = pageOf(limit)
	q := a.store.Read(ctx)
	ids, err := relation.Replies(q, p.Organization, m.Thread(), from, limit+1)
	if err != nil {
		return nil, "", err
	}
	more := len(ids) > limit
	if more {
		ids = ids[:limit]
	}
	found, err := q.Messages(p.Organization, ids)
	if err != nil {
		return nil, "", err
	}
	replies := make([]*parley.Message, 0, len(ids))
	for _, id := range ids {
		if m := found[id]; m != nil {
			replies = append(replies, m)
		}
	}
	if more && len(replies) > 0 {
		next = strconv.FormatInt(replies[len(replies)-1].Sequence, 10)
	}
	page, err = s.Those(replies, a.store.Now(ctx, p.Organization))
	return page, next, err
}
