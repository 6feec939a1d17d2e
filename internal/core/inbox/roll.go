package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// Bounds of a roll: conversations that one page looks at, those of its own that a person's is made of, up to where they are
// counted, and participants shown of each.
const (
	rollExamined     = 1000
	rollOwn          = 2000
	rollCounted      = 10_000
	rollParticipants = 20
)

// RollFilter is a list of conversations of some kinds in the order of a time, the earliest first.
type RollFilter struct {
	Kinds    []parley.ConversationKind
	Activity bool      // by when something was last in them, in place of by when they were made
	Since    time.Time // at or after; zero: from the first
}

// Place is where such a list has come to; the zero one is its beginning.
type Place = store.Activity

// Roll returns up to limit conversations after a place that the principal sees, and where to go on; nil at the end. A page
// may be short. What somebody has left is not in a list by activity, where its place would tell of what came after.
func (b *Inbox) Roll(ctx context.Context, p *access.Principal, f RollFilter, after Place, limit int) (page []parley.Conversation, next *Place, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, nil, err
	}
	q := b.store.Read(ctx)
	s := thread.NewSight(q, p)
	rolls, err := f.rolls(q, s)
	if err != nil {
		return nil, nil, err
	}
	for examined := 0; len(page) < limit && examined < rollExamined; {
		batch, more, err := merged(q, p.Organization, rolls, after, limit-len(page))
		if err != nil {
			return nil, nil, err
		}
		if page, err = f.show(s, page, batch); err != nil {
			return nil, nil, err
		}
		if !more {
			return page, nil, nil
		}
		after = batch[len(batch)-1]
		examined += len(batch)
	}
	return page, &after, nil
}

// RollCount returns how many conversations the principal sees that a list has, up to 10,000.
func (b *Inbox) RollCount(ctx context.Context, p *access.Principal, f RollFilter) (n int, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return 0, err
	}
	q := b.store.Read(ctx)
	s := thread.NewSight(q, p)
	reach, err := s.Reach(rollOwn)
	if err != nil {
		return 0, err
	}
	rolls, err := f.rolls(q, s)
	if err != nil {
		return 0, err
	}
	for _, r := range rolls {
		if r.Visibility == parley.VisibleToMembers && !reach.Private {
			continue
		}
		found, err := r.Count(q, p.Organization, rollCounted-n)
		if err != nil {
			return 0, err
		}
		n += found
	}
	if reach.Private {
		return n, nil
	}
	own, err := s.ShownConversations(reach.Own, 0)
	for _, c := range own {
		if slices.Contains(f.Kinds, c.Kind) && !f.at(c).Before(f.Since) && c.Visibility == parley.VisibleToMembers {
			n++
		}
	}
	return min(n, rollCounted), err
}

// rolls are the lists that one is made of.
func (f *RollFilter) rolls(q store.Queries, s *thread.Sight) ([]inbox.Roll, error) {
	p := s.Principal()
	reach, err := s.Reach(0)
	if err != nil {
		return nil, err
	}
	channels := reach.Channels
	if reach.Shared {
		all, err := q.ChannelSights(p.Organization, p.User)
		if err != nil {
			return nil, err
		}
		channels = []parley.ID{""}
		for _, c := range all {
			channels = append(channels, c.ID)
		}
	}
	order := inbox.ByCreation
	if f.Activity {
		order = inbox.ByActivity
	}
	return []inbox.Roll{{Order: order, Visibility: parley.VisibleToOrganization, Channels: channels, Kinds: f.Kinds, Since: f.Since},
		{Order: order, Visibility: parley.VisibleToMembers, Channels: []parley.ID{""}, Kinds: f.Kinds, Since: f.Since}}, nil
}

// merged are the first of several lists together after a place, and whether there are more.
func merged(q store.Queries, organization parley.ID, rolls []inbox.Roll, after Place, limit int) (all []Place, more bool, err error) {
	for _, r := range rolls {
		list, err := r.List(q, organization, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b Place) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	more = len(all) > limit
	return all[:min(limit, len(all))], more, nil
}

// show adds those of a batch to a page that the principal sees.
func (f *RollFilter) show(s *thread.Sight, page []parley.Conversation, batch []Place) ([]parley.Conversation, error) {
	ids := make([]parley.ID, len(batch))
	for i, b := range batch {
		ids[i] = b.ID
	}
	shown, err := s.ShownConversations(ids, rollParticipants)
	for _, b := range batch {
		if c := shown[b.ID]; c != nil && f.at(c).Equal(b.At) {
			page = append(page, *c)
		}
	}
	return page, err
}

// at is the time that a list goes by.
func (f *RollFilter) at(c *parley.Conversation) time.Time {
	if f.Activity {
		return c.ActivityAt
	}
	return c.CreatedAt
}
