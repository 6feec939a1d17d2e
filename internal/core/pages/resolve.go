package pages

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/page"
)

// Resolve notes that the principal's user has come, or that whoever called needs nobody any more. Of a page that each resolves
// it is for that user alone, and the page ends when all have. To do it again changes nothing.
func (g *Pages) Resolve(ctx context.Context, p *access.Principal, id parley.ID) (parley.Page, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return parley.Page{}, err
	}
	err := g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s := thread.NewSight(tx.Queries, p)
		called, _, c, err := seen(s, tx.Queries, id)
		if err != nil {
			return err
		}
		if err := s.MayChange(&c); err != nil || called.State != parley.PageOpen {
			return err
		}
		users, err := there(tx.Queries, p.Organization, &c, called.Who)
		if err != nil {
			return err
		}
		among := slices.Contains(users.all, p.User) || called.Who.Kind == parley.ActorOrganization && p.User != ""
		switch {
		case !among && (p.User == "" || p.User != called.By):
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-paged", Message: "only those who were called, and who called, resolve a page"}
		case !called.Each || !among:
			return end(tx, p, &c, &called, parley.PageResolved)
		}
		return answer(tx, p, &c, &called, users)
	})
	if err != nil {
		return parley.Page{}, err
	}
	return g.Get(ctx, p, id)
}

// answer notes that one of those has come who each resolve a page.
func answer(tx *store.Tx, p *access.Principal, c *parley.Conversation, called *parley.Page, users those) error {
	first, err := page.Answer(tx, p.Organization, called.ID, p.User)
	if err != nil || !first {
		return err
	}
	called.Answers = append(called.Answers, parley.PageAnswer{User: p.User})
	if allCame(called, users) {
		return end(tx, p, c, called, parley.PageResolved)
	}
	emit(tx, p.Organization, parley.EventPageResolved, called, parley.EventData{Actor: p.User, User: p.User, Status: string(parley.PageOpen)})
	return tell(tx, p, c, called)
}

// allCame reports whether all who are called now, and can, have resolved a page.
func allCame(called *parley.Page, users those) bool {
	return !slices.ContainsFunc(users.seeing, func(id parley.ID) bool {
		return !slices.ContainsFunc(called.Answers, func(a parley.PageAnswer) bool { return a.User == id })
	})
}

// end ends an open page.
func end(tx *store.Tx, p *access.Principal, c *parley.Conversation, called *parley.Page, state parley.PageState) error {
	called.State, called.EndedBy = state, p.User
	if err := page.End(tx, p.Organization, called); err != nil {
		return err
	}
	emit(tx, p.Organization, parley.EventPageResolved, called, parley.EventData{Actor: p.User, Status: string(state)})
	if p.User == "" {
		return nil
	}
	return tell(tx, p, c, called)
}

// tell adds to the conversation that somebody has come.
func tell(tx *store.Tx, p *access.Principal, c *parley.Conversation, called *parley.Page) error {
	m := parley.Message{ID: parley.NewID(tx.Now), Conversation: c.ID, Kind: parley.KindSystem, Direction: parley.NoDirection, Author: p.Actor(), Actor: p.Actor(),
		Internal: c.Visibility == parley.VisibleToOrganization,
		Body:     []parley.Part{{Kind: parley.PartText, Text: fmt.Sprintf("%s resolved the page of %s.", p.UserName, called.Who.Name)}},
		Priority: parley.PriorityNormal, Notice: &parley.Notice{Kind: parley.NoticePage, Who: []parley.Actor{called.Who}, Reason: string(called.ID)}, State: parley.Delivered}
	return tx.Append(&store.Append{Organization: p.Organization, Message: m,
		Events: []parley.Event{{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: m.ID, Data: parley.EventData{Actor: p.User}}}})
}

// Remind reminds those who were called by up to limit pages and have not come, and says how many there were. A page ends when
// there is nobody any more to come, or nothing to come for.
func (g *Pages) Remind(ctx context.Context, limit int) (int, error) {
	return g.store.WriteDue(ctx, page.JobRemind, limit, func(tx *store.Tx, jobs []store.Job) error {
		if err := tx.Done(jobs); err != nil {
			return err
		}
		for _, job := range jobs {
			if err := remind(tx, access.System(job.Organization), parley.ID(job.Payload)); err != nil {
				return err
			}
		}
		return nil
	})
}

func remind(tx *store.Tx, p *access.Principal, id parley.ID) error {
	called, m, c, err := seen(thread.NewSight(tx.Queries, p), tx.Queries, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && called.State != parley.PageOpen {
		return nil
	}
	if err != nil {
		return err
	}
	users, err := there(tx.Queries, p.Organization, &c, called.Who)
	gone := parley.IsKind(err, parley.KindNotFound)
	switch {
	case err != nil && !gone:
		return err
	case gone || m.Removed == parley.RemovedRecalled || called.Who.Kind == parley.ActorUser && len(users.seeing) == 0:
		return end(tx, p, &c, &called, parley.PageCanceled)
	case called.Each && len(called.Answers) > 0 && allCame(&called, users):
		return end(tx, p, &c, &called, parley.PageResolved)
	}
	if err := page.Reminded(tx, p.Organization, &called); err != nil {
		return err
	}
	emit(tx, p.Organization, parley.EventPageReminded, &called, parley.EventData{Status: string(called.Urgency), Number: called.Reminded})
	if called.Reminded >= called.Reminders {
		return nil
	}
	return tx.Schedule(page.RemindJob(p.Organization, id, tx.Now.Add(called.RemindEvery)))
}
