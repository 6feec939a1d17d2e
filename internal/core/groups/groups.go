// Package groups is groups as people think of them: who is in one, who may find and join it, and what is told of it. Each is a
// conversation of the kind group, with the same id.
package groups

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/group"
)

// Options are what groups stand on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
}

// Groups are those of all organizations.
type Groups struct {
	store   *store.Store
	threads *thread.Threads
}

// New returns the groups of a store.
func New(o Options) *Groups { return &Groups{store: o.Store, threads: o.Threads} }

// Group is a group as somebody finds it.
type Group struct {
	ID          parley.ID
	Name        string
	Description string
	Avatar      parley.ID
	Metadata    map[string]string
	parley.GroupRules
	MemberCount int64
	Member      bool // the one who asked is one
	Rev         int64
	CreatedAt   time.Time
}

// seesAll reports whether somebody sees the groups that it takes no part in.
func seesAll(p *access.Principal) bool {
	return p.User == "" || !p.Personal && p.Has(parley.ScopePrivateRead)
}

// look is a look at some groups, with a constant number of statements.
type look struct {
	rules  map[parley.ID]parley.GroupRules
	parts  map[parley.ID]*parley.Participant // of the principal's user
	counts map[parley.ID]int64
	found  map[parley.ID]*parley.Conversation
}

func lookAt(q store.Queries, p *access.Principal, ids []parley.ID) (l look, err error) {
	if l.rules, err = group.Rules(q, p.Organization, ids); err != nil {
		return l, err
	}
	if l.found, err = q.Conversations(p.Organization, ids); err != nil {
		return l, err
	}
	if l.counts, err = group.Counts(q, p.Organization, ids); err != nil || p.User == "" {
		return l, err
	}
	l.parts, err = q.PartsOf(p.Organization, p.User, ids)
	return l, err
}

// member reports whether the principal takes part in a group now.
func (l *look) member(id parley.ID) bool {
	part := l.parts[id]
	return part != nil && part.LeftSequence == 0
}

// group returns one that the principal finds: a forum, its own, and with conversations:read.private each.
func (l *look) group(p *access.Principal, id parley.ID) (Group, bool) {
	rules, isGroup := l.rules[id]
	c := l.found[id]
	if c == nil || !isGroup || !rules.Forum && !l.member(id) && !seesAll(p) {
		return Group{}, false
	}
	return Group{ID: id, Name: c.Title, Description: c.Description, Avatar: c.Avatar, Metadata: c.Metadata, GroupRules: rules,
		MemberCount: l.counts[id], Member: l.member(id), Rev: c.Rev, CreatedAt: c.CreatedAt}, true
}

func find(q store.Queries, p *access.Principal, id parley.ID) (Group, error) {
	l, err := lookAt(q, p, []parley.ID{id})
	if err != nil {
		return Group{}, err
	}
	g, found := l.group(p, id)
	if !found {
		return g, parley.NotFound("group", id)
	}
	return g, nil
}

// Params are a group to make.
type Params struct {
	Name        string
	Description string
	Avatar      parley.ID
	Metadata    map[string]string
	parley.GroupRules
	Members []parley.ID // besides whoever makes it
}

// Create makes a group, and says whether the request was a repeat.
func (g *Groups) Create(ctx context.Context, p *access.Principal, params Params, i *access.Idempotency) (Group, bool, error) {
	conversation := thread.ConversationParams{Kind: parley.ConversationGroup, Title: params.Name, Description: params.Description, Avatar: params.Avatar,
		Metadata: params.Metadata, Group: params.GroupRules}
	for _, id := range params.Members {
		conversation.Participants = append(conversation.Participants, thread.NewParticipant{User: id})
	}
	made, replayed, err := g.threads.CreateConversation(ctx, p, conversation, i)
	if err != nil {
		return Group{}, false, named(err)
	}
	found, err := find(g.store.Read(ctx), p, made.ID)
	return found, replayed, err
}

// names are what fields of a conversation are called in a group.
var names = strings.NewReplacer("participants[", "members[", "].user", "]", "title", "name", "participants", "members")

// named is an error about a conversation as one about its group.
func named(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		fields[i].Field = names.Replace(fields[i].Field)
	}
	return parley.InvalidFields(fields)
}

// Get returns a group that the principal finds.
func (g *Groups) Get(ctx context.Context, p *access.Principal, id parley.ID) (Group, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return Group{}, err
	}
	return find(g.store.Read(ctx), p, id)
}

// Filter narrows a list of groups.
type Filter struct {
	Forum bool // only those that everybody may join
	Mine  bool // only those that the principal's user is in
}

// List returns up to limit groups that the principal finds, with ids after one; next is where to go on, empty at the end. A
// page may be short of limit.
func (g *Groups) List(ctx context.Context, p *access.Principal, f Filter, after parley.ID, limit int) (list []Group, next parley.ID, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, "", err
	}
	q := g.store.Read(ctx)
	ids, err := candidates(q, p, f, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	l, err := lookAt(q, p, ids)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		if found, ok := l.group(p, id); ok && (!f.Forum || found.Forum) {
			list = append(list, found)
		}
	}
	return list, next, nil
}

// candidates are the next groups that may be in a list, in order of their ids.
func candidates(q store.Queries, p *access.Principal, f Filter, after parley.ID, limit int) ([]parley.ID, error) {
	switch {
	case f.Mine:
		return group.Of(q, p.Organization, p.User, after, limit)
	case f.Forum:
		return group.Forums(q, p.Organization, after, limit)
	case seesAll(p):
		return group.All(q, p.Organization, after, limit)
	}
	forums, err := group.Forums(q, p.Organization, after, limit)
	if err != nil {
		return nil, err
	}
	own, err := group.Of(q, p.Organization, p.User, after, limit)
	return merged(forums, own, limit), err
}

// merged are the first of two lists in order, each once.
func merged(a, b []parley.ID, limit int) []parley.ID {
	var all []parley.ID
	for (len(a) > 0 || len(b) > 0) && len(all) < limit {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			all, a = append(all, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, a[0]), a[1:], b[1:]
		}
	}
	return all
}

// Members returns up to limit users of a group, with ids after one; next is where to go on, empty at the end.
func (g *Groups) Members(ctx context.Context, p *access.Principal, id, after parley.ID, limit int) ([]parley.Actor, parley.ID, error) {
	if _, err := g.Get(ctx, p, id); err != nil {
		return nil, "", err
	}
	members, err := group.Members(g.store.Read(ctx), p.Organization, id, after, limit+1)
	if err != nil || len(members) <= limit {
		return members, "", err
	}
	return members[:limit], members[limit-1].ID, nil
}
