package eventlog

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// Audience is who may see one event. It is made once for an event, for all who follow the log.
type Audience struct {
	scope     parley.Scope // that the key must have
	everybody bool         // all who have it
	private   bool         // of organization keys only those that see conversations of members
	users     map[parley.ID]bool
}

// Sees reports whether a principal of the organization may see the event.
func (a *Audience) Sees(p *access.Principal) bool {
	switch {
	case !p.Has(a.scope):
		return false
	case a.everybody || p.User == "":
		return true
	case !p.Personal && (!a.private || p.Has(parley.ScopePrivateRead)):
		return true
	}
	return a.users[p.User]
}

// Users are the people who see the event besides the keys of the organization, where these are not everybody.
func (a *Audience) Users() (users map[parley.ID]bool, everybody bool) { return a.users, a.everybody }

// scopes are what a key needs to see the events of a kind of thing.
var scopes = map[string]parley.Scope{
	"message":           parley.ScopeMessagesRead,
	"delivery":          parley.ScopeMessagesRead,
	"interaction":       parley.ScopeMessagesRead,
	"conversation":      parley.ScopeConversationsRead,
	"draft":             parley.ScopeMessagesRead,
	"contact":           parley.ScopeContactsRead,
	"attribute":         parley.ScopeContactsRead,
	"suppression":       parley.ScopeContactsRead,
	"sender":            parley.ScopeContactsRead,
	"user":              parley.ScopeUsersRead,
	"team":              parley.ScopeTeamsRead,
	"role":              parley.ScopeRolesRead,
	"escalation":        parley.ScopeEscalationsRead,
	"escalation-policy": parley.ScopeEscalationsRead,
	"broadcast":         parley.ScopeBroadcastsRead,
	"channel":           parley.ScopeChannelsRead,
	"template":          parley.ScopeTemplatesRead,
	"reply":             parley.ScopeRepliesRead,
	"page":              parley.ScopeMessagesRead,
	"view":              parley.ScopeConversationsRead,
	"organization":      parley.ScopeOrganizationRead,
	"permissions":       parley.ScopePermissionsRead,
	"hold":              parley.ScopeHoldsRead,
	"webhook":           parley.ScopeWebhooksRead,
	"key":               parley.ScopeKeysRead,
}

func scopeOf(t parley.EventType) parley.Scope {
	resource, _, _ := strings.Cut(string(t), ".")
	return scopes[resource]
}

// SeesAll reports whether a principal sees every event, so that audiences need not be asked.
func SeesAll(p *access.Principal) bool {
	if p.User != "" && (p.Personal || !p.Has(parley.ScopePrivateRead)) {
		return false
	}
	for _, scope := range scopes {
		if !p.Has(scope) {
			return false
		}
	}
	return true
}

// Audiences returns who may see each of some events of one organization, with a constant number of queries.
func (l *Log) Audiences(ctx context.Context, organization parley.ID, events []parley.Event) ([]*Audience, error) {
	return audiences(l.store.Read(ctx), organization, events)
}

func audiences(q store.Queries, organization parley.ID, events []parley.Event) ([]*Audience, error) {
	s := sights{q: q, organization: organization}
	if err := s.load(events); err != nil {
		return nil, err
	}
	list := make([]*Audience, len(events))
	for i := range events {
		list[i] = s.audience(&events[i])
	}
	return list, nil
}

// sights are what the audiences of a batch of events are made from.
type sights struct {
	q             store.Queries
	organization  parley.ID
	conversations map[parley.ID]*store.ActivityRow
	channels      map[parley.ID]*parley.Channel
	members       map[parley.ID][]store.Member
	places        map[parley.ID]store.MessagePlace // of messages: one that was moved is seen by who sees it there
	messages      map[parley.ID]*parley.Message    // that may be scheduled
	shared        map[key]*Audience
	teams         map[parley.ID][]parley.ID // members of teams that events are for
}

// key names an audience that several events have.
type key struct {
	conversation parley.ID
	scope        parley.Scope
}

func (s *sights) load(events []parley.Event) error {
	if err := s.loadPlaces(events); err != nil {
		return err
	}
	var ids, scheduled []parley.ID
	asked := map[parley.ID]bool{}
	for i := range events {
		e := &events[i]
		if c := s.home(e); c != "" && !asked[c] {
			asked[c] = true
			ids = append(ids, c)
		}
		if e.Data.Group != "" && !asked[e.Data.Group] {
			asked[e.Data.Group] = true
			ids = append(ids, e.Data.Group)
		}
		if mayBeScheduled(e) && !asked[e.Message] {
			asked[e.Message] = true
			scheduled = append(scheduled, e.Message)
		}
	}
	rows, err := s.q.ActivityOf(s.organization, ids)
	if err != nil {
		return err
	}
	became, err := s.became(ids, &rows)
	if err != nil {
		return err
	}
	s.conversations, s.shared = make(map[parley.ID]*store.ActivityRow, len(rows)), map[key]*Audience{}
	var private, channels []parley.ID
	for i := range rows {
		r := &rows[i]
		s.conversations[r.ID] = r
		if r.Visibility == parley.VisibleToMembers {
			private = append(private, r.ID)
		} else if r.Channel != "" && !asked[r.Channel] {
			asked[r.Channel] = true
			channels = append(channels, r.Channel)
		}
	}
	for id, into := range became {
		s.conversations[id] = s.conversations[into]
	}
	if s.channels, err = s.q.ChannelsByID(s.organization, channels); err != nil {
		return err
	}
	if s.members, err = s.q.MembersOf(s.organization, private); err != nil {
		return err
	}
	if s.messages, err = s.q.Messages(s.organization, scheduled); err != nil {
		return err
	}
	return s.loadTeams(events)
}

// loadPlaces looks up where messages are by now, but for those that were just written.
func (s *sights) loadPlaces(events []parley.Event) (err error) {
	var ids []parley.ID
	asked := map[parley.ID]bool{}
	for i := range events {
		if e := &events[i]; e.Message != "" && e.Created == nil && !asked[e.Message] {
			asked[e.Message] = true
			ids = append(ids, e.Message)
		}
	}
	s.places, err = s.q.PlacesOf(s.organization, ids)
	for i := range events {
		if e := &events[i]; e.Created != nil && !asked[e.Message] {
			s.places[e.Message] = store.MessagePlace{Conversation: e.Conversation, Sequence: e.Created.Sequence}
		}
	}
	return err
}

// home is the conversation of which somebody must see what an event is about: that of its message, where that is by now.
func (s *sights) home(e *parley.Event) parley.ID {
	if at, ok := s.places[e.Message]; ok && e.Message != "" {
		return at.Conversation
	}
	return e.Conversation
}

func (s *sights) loadTeams(events []parley.Event) (err error) {
	var ids []parley.ID
	for i := range events {
		if team := events[i].Data.Team; team != "" && !slices.Contains(ids, team) {
			ids = append(ids, team)
		}
	}
	s.teams, err = s.q.MembersOfTeams(s.organization, ids)
	return err
}

func set(ids []parley.ID) map[parley.ID]bool {
	all := make(map[parley.ID]bool, len(ids))
	for _, id := range ids {
		all[id] = true
	}
	return all
}

// became returns what those of the conversations became that were merged into others, which it adds to the rows: who sees
// the others sees what happened in them.
func (s *sights) became(ids []parley.ID, rows *[]store.ActivityRow) (map[parley.ID]parley.ID, error) {
	known := make(map[parley.ID]bool, len(*rows))
	for i := range *rows {
		known[(*rows)[i].ID] = true
	}
	absent := slices.DeleteFunc(slices.Clone(ids), func(id parley.ID) bool { return known[id] })
	became, err := inbox.Became(s.q, s.organization, absent...)
	if err != nil || len(became) == 0 {
		return nil, err
	}
	others := slices.DeleteFunc(slices.Collect(maps.Values(became)), func(id parley.ID) bool { return known[id] })
	more, err := s.q.ActivityOf(s.organization, others)
	*rows = append(*rows, more...)
	return became, err
}

// mayBeScheduled reports whether an event is about a message that may never have been in its conversation.
func mayBeScheduled(e *parley.Event) bool {
	switch e.Type {
	case parley.EventMessageScheduled, parley.EventMessageCanceled, parley.EventMessageRemoved, parley.EventMessageEdited, parley.EventMessageRedacted:
		return true
	}
	return false
}

// changed reports whether the members of a conversation were not always the same.
func changed(members []store.Member) bool {
	for i := range members {
		if members[i].JoinedSequence > 0 || members[i].LeftSequence > 0 {
			return true
		}
	}
	return false
}

func (s *sights) audience(e *parley.Event) *Audience {
	scope := scopeOf(e.Type)
	c := s.conversations[s.home(e)]
	switch {
	case e.Data.Team != "":
		return &Audience{scope: scope, users: set(s.teams[e.Data.Team])}
	case strings.HasPrefix(string(e.Type), "view.") && e.Data.User != "": // one's own
		return &Audience{scope: scope, private: true, users: map[parley.ID]bool{e.Data.User: true}}
	case e.Conversation == "":
		return s.share(key{scope: scope}, func() *Audience { return &Audience{scope: scope, everybody: true} })
	case c == nil:
		return &Audience{scope: scope, private: true}
	case e.Type == parley.EventMessageRemoved && e.Subject != "", // gone for one reader
		e.Type == parley.EventConversationMuted:
		return &Audience{scope: scope, private: true, users: map[parley.ID]bool{e.Subject: true}}
	case e.Type == parley.EventMessageReminded:
		a := &Audience{scope: scope, private: true, users: make(map[parley.ID]bool, len(e.Users))}
		for _, id := range e.Users {
			a.users[id] = true
		}
		return a
	case e.Type == parley.EventMessageMentioned:
		return &Audience{scope: scope, private: true, users: map[parley.ID]bool{e.Subject: true}}
	case e.Type == parley.EventDraftUpdated && e.Data.User != "": // one's own
		return &Audience{scope: scope, private: true, users: map[parley.ID]bool{e.Data.User: true}}
	case c.Visibility == parley.VisibleToOrganization:
		return s.share(key{c.ID, scope}, func() *Audience { return s.ofChannel(scope, c.Channel) })
	}
	if m := s.messages[e.Message]; m != nil && mayBeScheduled(e) &&
		(m.Sequence == 0 || e.Type == parley.EventMessageScheduled || e.Type == parley.EventMessageCanceled) {
		return &Audience{scope: scope, private: true, users: map[parley.ID]bool{m.Author.ID: true, m.Actor.ID: true}}
	}
	members := s.members[e.Conversation]
	if at, ok := s.places[e.Message]; ok && e.Message != "" && changed(members) {
		a := &Audience{scope: scope, private: true, users: receivers(members, at.Sequence)}
		if e.Type == parley.EventMessageEdited { // of which whoever has left sees nothing
			there := present(members)
			maps.DeleteFunc(a.users, func(user parley.ID, _ bool) bool { return !there[user] })
		}
		return a
	}
	if e.Type == parley.EventParticipantsChanged && e.Subject != "" {
		a := &Audience{scope: scope, private: true, users: present(members)}
		a.users[e.Subject] = true // who left
		return a
	}
	if e.Data.Group != "" {
		a := &Audience{scope: scope, private: true, users: present(members)}
		maps.Copy(a.users, present(s.members[e.Data.Group]))
		return a
	}
	return s.share(key{e.Conversation, scope}, func() *Audience {
		return &Audience{scope: scope, private: true, users: present(members)}
	})
}

func (s *sights) share(k key, make func() *Audience) *Audience {
	a := s.shared[k]
	if a == nil {
		a = make()
		s.shared[k] = a
	}
	return a
}

func (s *sights) ofChannel(scope parley.Scope, channel parley.ID) *Audience {
	ch := s.channels[channel]
	if ch == nil || ch.Open {
		return &Audience{scope: scope, everybody: true}
	}
	a := &Audience{scope: scope, users: make(map[parley.ID]bool, len(ch.Members))}
	for _, id := range ch.Members {
		a.users[id] = true
	}
	return a
}

// present are the users who take part now.
func present(members []store.Member) map[parley.ID]bool {
	users := make(map[parley.ID]bool, len(members))
	for i := range members {
		if members[i].LeftSequence == 0 {
			users[members[i].User] = true
		}
	}
	return users
}

// receivers are the users who took part when an item came.
func receivers(members []store.Member, sequence int64) map[parley.ID]bool {
	users := make(map[parley.ID]bool, len(members))
	for i := range members {
		if members[i].Receives(sequence) {
			users[members[i].User] = true
		}
	}
	return users
}
