// Package pages is calling somebody to a conversation: whom a message pages, who has come, and who is reminded.
package pages

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/message"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/page"
)

// How often somebody is reminded, where a page does not say.
const (
	everyUsually   = 10 * time.Minute
	everyUrgently  = 2 * time.Minute
	usualReminders = 10
)

// Options are what pages stand on.
type Options struct {
	Store *store.Store
	// Send writes a note, and says which message it is, and whether the request was a repeat.
	Send func(ctx context.Context, p *access.Principal, n Note) (parley.ID, bool, error)
}

// Pages are those of all organizations.
type Pages struct {
	store *store.Store
	send  func(ctx context.Context, p *access.Principal, n Note) (parley.ID, bool, error)
}

// New returns the pages of a store.
func New(o Options) *Pages { return &Pages{store: o.Store, send: o.Send} }

// Called finds whom a body pages in a conversation, each once. One who does not see it is refused, as is a team of whom nobody
// does; a role is called also while nobody is on duty, for who comes.
func Called(q store.Queries, organization parley.ID, c *parley.Conversation, body []parley.Part) (list []parley.Page, err error) {
	parley.EachPart(body, func(path string, p *parley.Part) {
		same := func(other parley.Page) bool { return other.Who.Kind == p.Who.Kind && other.Who.ID == p.Who.ID }
		if p.Kind != parley.PartPage || err != nil || slices.ContainsFunc(list, same) {
			return
		}
		called := pageOf(p)
		users, wrong := there(q, organization, c, called.Who)
		switch empty := called.Who.Kind == parley.ActorOrganization || called.Who.Kind == parley.ActorRole && len(users.all) == 0; {
		case wrong != nil:
			err = wrong
		case !empty && len(users.seeing) == 0:
			err = parley.Invalid(path+".who.id", "page-unseen", "must be somebody who sees the conversation")
		}
		list = append(list, called)
	})
	return list, err
}

// pageOf is the page that a part of a body makes.
func pageOf(p *parley.Part) parley.Page {
	made := parley.Page{Who: p.Who, Urgency: parley.UrgencyNormal, RemindEvery: everyUsually}
	how := p.Paging
	if how == nil {
		return made
	}
	made.Each = how.Each
	if how.Urgency == parley.UrgencyHigh {
		made.Urgency, made.RemindEvery, made.Reminders = how.Urgency, everyUrgently, usualReminders
	}
	if how.RemindEvery > 0 {
		made.RemindEvery, made.Reminders = time.Duration(how.RemindEvery)*time.Second, usualReminders
	}
	if how.Reminders != nil {
		made.Reminders = *how.Reminders
	}
	return made
}

// those are users who are called.
type those struct {
	all    []parley.ID
	seeing []parley.ID // of them, who see the conversation
}

// there are the users behind who was called, as they are now; of the organization it names none.
func there(q store.Queries, organization parley.ID, c *parley.Conversation, who parley.Actor) (t those, err error) {
	if t.all, err = message.Behind(q, organization, who); err != nil || len(t.all) == 0 {
		return t, err
	}
	active, err := q.UsersByID(organization, t.all)
	if err != nil {
		return t, err
	}
	sees, err := thread.Seeing(q, organization, c)
	if err != nil {
		return t, err
	}
	for _, id := range t.all {
		if u := active[id]; u != nil && u.Active && sees(id) {
			t.seeing = append(t.seeing, id)
		}
	}
	return t, nil
}

// Add keeps whom a message has called, and tells the log.
func Add(tx *store.Tx, organization, by parley.ID, m *parley.Message, list []parley.Page) error {
	if len(list) == 0 {
		return nil
	}
	made := slices.Clone(list)
	var jobs []store.Job
	for i := range made {
		p := &made[i]
		p.ID, p.Conversation, p.Message, p.By = parley.NewID(tx.Now), m.Conversation, m.ID, by
		emit(tx, organization, parley.EventPageCreated, p, parley.EventData{Actor: by, Status: string(p.Urgency)})
		if p.Reminders > 0 {
			jobs = append(jobs, page.RemindJob(organization, p.ID, tx.Now.Add(p.RemindEvery)))
		}
	}
	if err := page.Insert(tx, organization, made); err != nil || len(jobs) == 0 {
		return err
	}
	return tx.Schedule(jobs...)
}

func emit(tx *store.Tx, organization parley.ID, kind parley.EventType, p *parley.Page, data parley.EventData) {
	if p.Who.Kind == parley.ActorUser && data.User == "" {
		data.User = p.Who.ID
	}
	tx.Emit(organization, parley.Event{Type: kind, Conversation: p.Conversation, Message: p.Message, Subject: p.ID, Data: data})
}

// seen returns a page whose message the principal sees, with its conversation.
func seen(s *thread.Sight, q store.Queries, id parley.ID) (parley.Page, parley.Message, parley.Conversation, error) {
	p, err := page.Get(q, s.Principal().Organization, id)
	if err != nil {
		return p, parley.Message{}, parley.Conversation{}, err
	}
	m, c, err := s.Message(p.Message)
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.NotFound("page", id)
	}
	return p, m, c, err
}

// Get returns a page.
func (g *Pages) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.Page, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return parley.Page{}, err
	}
	q := g.store.Read(ctx)
	found, _, _, err := seen(thread.NewSight(q, p), q, id)
	return found, err
}

// of returns the first page of a message.
func (g *Pages) of(ctx context.Context, organization, message parley.ID) (parley.Page, error) {
	list, err := page.List(g.store.Read(ctx), organization, page.Of{Message: message}, "", 1)
	if err == nil && len(list) == 0 {
		err = parley.NotFound("page", message)
	}
	if err != nil {
		return parley.Page{}, err
	}
	return list[0], nil
}

// Of returns the pages of some messages, by message, in the order in which they were called, to who sees these.
func (g *Pages) Of(ctx context.Context, p *access.Principal, messages []parley.ID) (map[parley.ID][]parley.Page, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, err
	}
	q := g.store.Read(ctx)
	found, err := page.OfMessages(q, p.Organization, messages)
	if err != nil {
		return nil, err
	}
	list, err := shown(thread.NewSight(q, p), q, found, &Filter{})
	by := make(map[parley.ID][]parley.Page, len(messages))
	for _, called := range list {
		by[called.Message] = append(by[called.Message], called)
	}
	return by, err
}

// Filter narrows a list of pages. What is empty does not.
type Filter struct {
	State        parley.PageState
	Mine         bool // that call the principal's user; of open ones, those that it has not resolved
	Conversation parley.ID
	Message      parley.ID
}

// examined is how many pages one page of a list looks at.
const examined = 500

// List returns up to limit pages whose messages the principal sees, with ids below one, newest first; next is where to go on,
// empty at the end. It may be short of limit.
func (g *Pages) List(ctx context.Context, p *access.Principal, f Filter, before parley.ID, limit int) (list []parley.Page, next parley.ID, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, "", err
	}
	q := g.store.Read(ctx)
	s := thread.NewSight(q, p)
	if f.Conversation != "" {
		c, err := s.Conversation(f.Conversation) // of one that was merged, the other
		if err != nil {
			if parley.IsKind(err, parley.KindNotFound) {
				err = nil
			}
			return nil, "", err
		}
		f.Conversation = c.ID
	}
	of, err := f.of(q, p)
	if err != nil {
		return nil, "", err
	}
	for looked := 0; len(list) < limit && looked < examined; {
		n := limit - len(list)
		found, err := page.List(q, p.Organization, of, before, n+1)
		if err != nil {
			return nil, "", err
		}
		if next = ""; len(found) > n {
			found = found[:n]
			next = found[n-1].ID
		}
		shown, err := shown(s, q, found, &f)
		if err != nil {
			return nil, "", err
		}
		list, looked = append(list, shown...), looked+len(found)
		if before = next; next == "" {
			break
		}
	}
	return list, next, nil
}

// of is what of the filter an index finds.
func (f *Filter) of(q store.Queries, p *access.Principal) (page.Of, error) {
	of := page.Of{Message: f.Message, Conversation: f.Conversation, States: []parley.PageState{parley.PageOpen, parley.PageResolved, parley.PageCanceled}}
	if f.State != "" {
		of.States = []parley.PageState{f.State}
	}
	if !f.Mine {
		return of, nil
	}
	of.Message, of.Conversation = "", ""
	of.Called = []parley.Actor{{Kind: parley.ActorUser, ID: p.User}, {Kind: parley.ActorOrganization}}
	if f.State == parley.PageOpen {
		of.Unanswered = p.User
	}
	teams, err := q.TeamsOf(p.Organization, p.User)
	if err != nil {
		return of, err
	}
	roles, err := duty.RolesOf(q, p.Organization, p.User)
	for _, id := range teams {
		of.Called = append(of.Called, parley.Actor{Kind: parley.ActorTeam, ID: id})
	}
	for _, id := range roles {
		of.Called = append(of.Called, parley.Actor{Kind: parley.ActorRole, ID: id})
	}
	return of, err
}

// shown are those of some pages that pass and whose messages the principal sees.
func shown(s *thread.Sight, q store.Queries, found []parley.Page, f *Filter) ([]parley.Page, error) {
	var ids []parley.ID
	passes := func(p *parley.Page) bool {
		return (f.State == "" || f.State == p.State) && (f.Conversation == "" || f.Conversation == p.Conversation) && (f.Message == "" || f.Message == p.Message)
	}
	for i := range found {
		if passes(&found[i]) && !slices.Contains(ids, found[i].Message) {
			ids = append(ids, found[i].Message)
		}
	}
	messages, err := q.Messages(s.Principal().Organization, ids)
	if err != nil {
		return nil, err
	}
	all := make([]*parley.Message, 0, len(messages))
	for _, m := range messages {
		all = append(all, m)
	}
	seen, err := s.Seen(all)
	return slices.DeleteFunc(found, func(p parley.Page) bool {
		return !passes(&p) || !slices.ContainsFunc(seen, func(m *parley.Message) bool { return m.ID == p.Message })
	}), err
}
