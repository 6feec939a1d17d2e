package thread

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/hours"
)

// listParticipants is how many participants of each conversation a list shows.
const listParticipants = 10

// Conversation returns a conversation with all its participants.
func (t *Threads) Conversation(ctx context.Context, p *access.Principal, id parley.ID) (parley.Conversation, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return parley.Conversation{}, err
	}
	return t.whole(ctx, p, id)
}

// whole returns a conversation with its participants, and whether the principal has it muted.
func (t *Threads) whole(ctx context.Context, p *access.Principal, id parley.ID) (parley.Conversation, error) {
	s := NewSight(t.read(ctx), p)
	c, err := Whole(s, id)
	if err != nil {
		return c, err
	}
	if err := hours.FillClocks(s.q, p.Organization, &c); err != nil {
		return c, err
	}
	return c, availability.FillMutes(s.q, p.Organization, p.User, t.now(ctx, p.Organization), &c)
}

// Whole returns a conversation with its participants.
func Whole(s *Sight, id parley.ID) (parley.Conversation, error) {
	c, err := s.Conversation(id)
	if err != nil {
		return c, err
	}
	s.withhold(&c)
	if err := s.countUnread(&c); err != nil {
		return c, err
	}
	participants, err := s.q.Participants(s.p.Organization, c.ID)
	c.Participants = s.withholdParticipants(&c, participants)
	return c, err
}

// ConversationFilter narrows a list of conversations. Empty fields do not.
type ConversationFilter struct {
	Kind        parley.ConversationKind
	Status      parley.ConversationStatus
	Channel     parley.ID
	Assignee    parley.ID // a user or team
	Unassigned  bool      // given to nobody
	Tag         string
	Inbox       *bool     // whether inbox views show it
	Participant parley.ID // a user or contact
	Alone       bool      // the participant is the only one outside
	Address     parley.Address
	ThreadKey   string
	ExternalID  string
	Priority    int   // of this priority
	Unread      *bool // whether there is something in it that the principal's user has not read
	SLA         Clocks

	visibility parley.Visibility // of those that are added by id
}

func (f *ConversationFilter) passes(c *parley.Conversation) bool {
	switch {
	case f.Kind != "" && f.Kind != c.Kind,
		f.Status != "" && f.Status != c.Status,
		f.Channel != "" && f.Channel != c.Channel,
		f.Unassigned && len(c.Assignees) > 0,
		f.Assignee != "" && !slices.ContainsFunc(c.Assignees, func(a parley.Assignee) bool { return a.ID == f.Assignee }),
		f.Tag != "" && !slices.Contains(c.Tags, f.Tag),
		f.Inbox != nil && *f.Inbox != c.Inbox,
		f.ThreadKey != "" && f.ThreadKey != c.ThreadKey,
		f.ExternalID != "" && f.ExternalID != c.ExternalID,
		f.Priority != 0 && f.Priority != c.Priority:
		return false
	}
	return true
}

// narrow is what of the filter a statement may look for.
func (f *ConversationFilter) narrow(user parley.ID) store.Narrow {
	n := store.Narrow{Kind: f.Kind, Status: f.Status, Tag: f.Tag, Assignee: f.Assignee, Unassigned: f.Unassigned, Inbox: f.Inbox,
		Priority: f.Priority, Participant: f.Participant, Address: f.Address}
	if f.Unread != nil && *f.Unread {
		n.UnreadBy = user
	}
	return n
}

// withParticipant reports whether it asks for somebody's conversations.
func (f *ConversationFilter) withParticipant() bool {
	return f.Participant != "" || f.Address.Value != ""
}

// statuses are those that a list may hold.
func (f *ConversationFilter) statuses() []parley.ConversationStatus {
	if f.Status != "" {
		return []parley.ConversationStatus{f.Status}
	}
	return parley.ConversationStatuses
}

// shared and private report whether a list may hold conversations of the organization, and of members.
func (f *ConversationFilter) shared() bool {
	switch f.Kind {
	case "", parley.ConversationExternal, parley.ConversationSecure, parley.ConversationNote:
		return true
	}
	return false
}

func (f *ConversationFilter) private() bool {
	return f.Channel == "" && f.Kind != parley.ConversationExternal && f.Kind != parley.ConversationSecure
}

// examinedConversations bounds how many conversations one page of a list looks at.
const examinedConversations = 1000

// Conversations returns a page of the conversations that the principal sees and that pass the filter, most
// recently active first, each with some of its participants. It examines a bounded number, so that a page may
// be short of limit: next is the cursor of the page after it, empty at the end.
func (t *Threads) Conversations(ctx context.Context, p *access.Principal, f ConversationFilter, after string, limit int) (page []parley.Conversation, next string, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, "", err
	}
	from, err := parseCursor(after, "c")
	if err != nil {
		return nil, "", err
	}
	place := store.Activity{ID: parley.ID(from.key)}
	if from.plan != 0 {
		place.At = time.UnixMilli(from.at)
	}
	s := NewSight(t.read(ctx), p)
	if f.Participant != "" {
		if f.Participant, err = s.q.Became(p.Organization, f.Participant); err != nil {
			return nil, "", err
		}
	}
	if f.SLA != "" {
		return t.byClock(ctx, s, &f, from, pageOf(limit))
	}
	m := &merge{s: s, shown: true, after: place}
	if err := m.find(&f, pageOf(limit)+1); err != nil {
		return nil, "", err
	}
	page, last, more, err := s.collect(m, &f, pageOf(limit))
	if err != nil || len(page) == 0 && !more {
		return nil, "", err
	}
	if more {
		next = cursor{'c', last.At.UnixMilli(), string(last.ID)}.String()
	}
	err = t.fill(ctx, s, &f, page)
	if f.Alone {
		page = slices.DeleteFunc(page, func(c parley.Conversation) bool { return !alone(c.Participants, f.Participant) })
	}
	return page, next, err
}

// alone reports whether, of those outside, only one contact takes part.
func alone(participants []parley.Participant, contact parley.ID) bool {
	there := false
	for i := range participants {
		switch p := &participants[i]; {
		case p.LeftSequence != 0 || p.Kind == parley.ActorUser:
		case p.Kind != parley.ActorContact || p.ID != contact:
			return false
		default:
			there = true
		}
	}
	return there
}

// fill adds to the conversations of a page what a list shows of them.
func (t *Threads) fill(ctx context.Context, s *Sight, f *ConversationFilter, page []parley.Conversation) error {
	organization := s.p.Organization
	if err := availability.FillMutes(s.q, organization, s.p.User, t.now(ctx, organization), pointersTo(page)...); err != nil {
		return err
	}
	if err := hours.FillClocks(s.q, organization, pointersTo(page)...); err != nil {
		return err
	}
	if f.Unread == nil {
		if err := s.countUnread(pointersTo(page)...); err != nil {
			return err
		}
	}
	return s.addParticipants(page)
}

func pointersTo[T any](list []T) []*T {
	pointers := make([]*T, len(list))
	for i := range list {
		pointers[i] = &list[i]
	}
	return pointers
}

// collect takes candidates until a page is full, and says where it ends and whether there are more.
func (s *Sight) collect(m *merge, f *ConversationFilter, limit int) (page []parley.Conversation, last store.Activity, more bool, err error) {
	for examined := 0; len(page) < limit && examined < examinedConversations; {
		batch, err := m.take(limit-len(page), examinedConversations-examined)
		if err != nil {
			return nil, last, false, err
		}
		if len(batch) == 0 {
			return page, last, false, nil
		}
		examined += len(batch)
		kept, err := s.filter(batch, f)
		if err != nil {
			return nil, last, false, err
		}
		for _, a := range batch {
			last = a.Activity
			if c := kept[a.ID]; c != nil {
				page = append(page, *c)
			}
		}
	}
	more, err = m.more()
	return page, last, more, err
}

// filter returns those of the candidates that the principal sees and that pass, as they are shown to it.
func (s *Sight) filter(batch []store.Candidate, f *ConversationFilter) (map[parley.ID]*parley.Conversation, error) {
	ids := make([]parley.ID, 0, len(batch))
	for _, c := range batch {
		if c.Passes {
			ids = append(ids, c.ID)
		}
	}
	found, err := s.q.Conversations(s.p.Organization, ids)
	if err != nil {
		return nil, err
	}
	if err := s.Look(slices.Collect(maps.Values(found))...); err != nil {
		return nil, err
	}
	for id, c := range found {
		if !s.Sees(c) {
			delete(found, id)
			continue
		}
		s.withhold(c)
		if !f.passes(c) {
			delete(found, id)
		}
	}
	if err := s.dropLeft(found, f); err != nil || f.Unread == nil {
		return found, err
	}
	if err := s.countUnread(slices.Collect(maps.Values(found))...); err != nil {
		return nil, err
	}
	maps.DeleteFunc(found, func(_ parley.ID, c *parley.Conversation) bool { return (c.Unread > 0) != *f.Unread })
	return found, nil
}

// dropLeft drops conversations that the principal has left and that do not show it the participant who is asked for.
func (s *Sight) dropLeft(found map[parley.ID]*parley.Conversation, f *ConversationFilter) error {
	if !f.withParticipant() {
		return nil
	}
	var left []parley.ID
	for id, c := range found {
		if s.left(c) != 0 {
			left = append(left, id)
		}
	}
	parts, err := s.q.PartsOf(s.p.Organization, f.Participant, left) // of users: nobody else is a member
	for _, id := range left {
		if part := parts[id]; part == nil || len(s.withholdParticipants(found[id], []parley.Participant{*part})) == 0 {
			delete(found, id)
		}
	}
	return err
}

func (s *Sight) addParticipants(page []parley.Conversation) error {
	ids := make([]parley.ID, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	participants, err := s.q.FirstParticipants(s.p.Organization, ids, listParticipants)
	for i := range page {
		page[i].Participants = s.withholdParticipants(&page[i], participants[page[i].ID])
	}
	return err
}

// Reach is what conversations a principal sees, as far as little says it. There may be some among those that are named
// of which it sees nothing.
type Reach struct {
	Shared   bool        // all of the organization; else
	Channels []parley.ID // those on these channels
	Private  bool        // all of members; else
	Own      []parley.ID // those that it takes or took part in
	Whole    bool        // Own are not only some of them
}

// Reach returns what the principal sees. Of the conversations of members it names up to most.
func (s *Sight) Reach(most int) (r Reach, err error) {
	r = Reach{Shared: s.channels(), Private: s.private(), Whole: true}
	if !r.Shared {
		if r.Channels, err = s.seenChannels(); err != nil {
			return r, err
		}
	}
	if !r.Private {
		r.Own, err = s.q.ConversationsOf(s.p.Organization, s.p.User, most+1)
		r.Whole = len(r.Own) <= most
	}
	return r, err
}

// ShownConversations returns those of the conversations that the principal sees, as they are shown to it, with up to
// some participants each.
func (s *Sight) ShownConversations(ids []parley.ID, participants int) (map[parley.ID]*parley.Conversation, error) {
	found, err := s.q.Conversations(s.p.Organization, ids)
	if err != nil {
		return nil, err
	}
	if err := s.Look(slices.Collect(maps.Values(found))...); err != nil {
		return nil, err
	}
	all, err := s.q.FirstParticipants(s.p.Organization, ids, participants)
	for id, c := range found {
		if !s.Sees(c) {
			delete(found, id)
			continue
		}
		s.withhold(c)
		c.Participants = s.withholdParticipants(c, all[id])
	}
	return found, err
}

// ConversationsByID returns those of some conversations that the principal sees, by id, with up to some participants each.
func (t *Threads) ConversationsByID(ctx context.Context, p *access.Principal, ids []parley.ID, participants int) (map[parley.ID]*parley.Conversation, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, err
	}
	return NewSight(t.read(ctx), p).ShownConversations(ids, participants)
}
