package inbox

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// examinedEntries bounds how many entries one page of a history looks at.
const examinedEntries = 1000

// History returns a page of what became of a conversation, newest first. Somebody who took part for a while sees what became
// of it then: a page may be short of limit before the end. next is where to go on, empty at the end.
func (i *Inbox) History(ctx context.Context, p *access.Principal, conversation parley.ID, after string, limit int) (page []parley.HistoryEntry, next string, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, "", err
	}
	place, err := parsePlace(after)
	if err != nil {
		return nil, "", err
	}
	q := i.store.Read(ctx)
	s := thread.NewSight(q, p)
	c, err := s.Conversation(conversation)
	if err != nil {
		return nil, "", err
	}
	for examined := 0; examined < examinedEntries; {
		batch, err := inbox.History(q, p.Organization, c.ID, place, limit+1)
		if err != nil {
			return nil, "", err
		}
		examined += len(batch)
		for n := range batch {
			if len(page) == limit {
				return page, placeText(place), named(q, p.Organization, page)
			}
			place = inbox.HistoryPlace{At: batch[n].At, ID: batch[n].ID}
			if s.SeesChange(&c, batch[n].Sequence) {
				page = append(page, batch[n])
			}
		}
		if len(batch) <= limit {
			return page, "", named(q, p.Organization, page)
		}
	}
	return page, placeText(place), named(q, p.Organization, page)
}

// named adds what the users are called who did what is in a page.
func named(q store.Queries, organization parley.ID, page []parley.HistoryEntry) error {
	var ids []parley.ID
	for n := range page {
		if page[n].Actor.Kind == parley.ActorUser {
			ids = append(ids, page[n].Actor.ID)
		}
	}
	users, err := q.UsersByID(organization, ids)
	for n := range page {
		if u := users[page[n].Actor.ID]; u != nil {
			page[n].Actor.Name = u.Name
		}
	}
	return err
}

func placeText(p inbox.HistoryPlace) string {
	return strconv.FormatInt(p.At.UnixMilli(), 10) + "." + string(p.ID)
}

func parsePlace(text string) (p inbox.HistoryPlace, err error) {
	if text == "" {
		return p, nil
	}
	at, id, found := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || ms <= 0 || !parley.ID(id).Valid() {
		return p, errCursor()
	}
	return inbox.HistoryPlace{At: time.UnixMilli(ms), ID: parley.ID(id)}, nil
}
