// Package presence is who is there, and who is writing. Both are hints: they are shown to those who look at that moment and
// kept nowhere, and any may be lost, which matters to nobody a minute later.
package presence

import (
	"context"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
)

const (
	beatLife   = time.Minute      // for which a sign of life holds
	grace      = 10 * time.Second // for whoever lost a stream to open another
	retell     = 20 * time.Second // between two tellings of what has not changed
	remoteLife = time.Minute      // for which another node's word holds
	maxAsked   = 100              // users in one request
	maxKnown   = 100_000          // people of whom a node knows where they are
)

// Options are what presence stands on.
type Options struct {
	Store *store.Store
	Now   func() time.Time // nil: the time that it is
}

// Presence is who is there, in all organizations.
type Presence struct {
	store *store.Store
	now   func() time.Time
	show  func(organization parley.ID, hint parley.Event)
	tell  func(Word)

	mu     sync.Mutex
	people map[person]*state
	dirty  map[person]bool
	wake   chan struct{} // of capacity 1
}

type person struct{ organization, user parley.ID }

// state is where somebody is, as far as this node knows.
type state struct {
	streams int
	until   time.Time // a sign of life, or the grace after a stream, holds until then
	chosen  parley.PresenceStatus
	told    parley.PresenceStatus // to other nodes, and
	toldAt  time.Time             // when
	others  map[string]remote     // by node
	shown   parley.PresenceStatus
}

type remote struct {
	status parley.PresenceStatus
	until  time.Time
}

// New returns the presence of everybody, of whom nobody is there.
func New(o Options) *Presence {
	p := &Presence{store: o.Store, now: o.Now, people: map[person]*state{}, dirty: map[person]bool{}, wake: make(chan struct{}, 1),
		show: func(parley.ID, parley.Event) {}, tell: func(Word) {}}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// Follow has hints shown to those who look, and told to other nodes; neither may block. It is called before anything else.
func (s *Presence) Follow(show func(organization parley.ID, hint parley.Event), tell func(Word)) {
	s.show, s.tell = show, tell
}

// change changes somebody's state, which is then looked at.
func (s *Presence) change(who person, change func(st *state)) {
	s.mu.Lock()
	st := s.people[who]
	if st == nil {
		if len(s.people) >= maxKnown {
			s.mu.Unlock()
			return
		}
		st = &state{others: map[string]remote{}, shown: parley.PresenceOffline, told: parley.PresenceOffline}
		s.people[who] = st
	}
	change(st)
	s.dirty[who] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Opened notes that the principal has a live stream, until closed is called.
func (s *Presence) Opened(p *access.Principal) (closed func()) {
	if !p.Personal || p.User == "" {
		return func() {}
	}
	who := person{p.Organization, p.User}
	s.change(who, func(st *state) { st.streams++ })
	return func() {
		s.change(who, func(st *state) {
			st.streams--
			if until := s.now().Add(grace); until.After(st.until) {
				st.until = until
			}
		})
	}
}

// Set is a sign of life of the principal's user, who is where it says for a minute, or as long as there is a stream.
func (s *Presence) Set(ctx context.Context, p *access.Principal, status parley.PresenceStatus) error {
	if err := p.Require(parley.ScopeUsersSelf); err != nil {
		return err
	}
	if p.User == "" || !p.Personal {
		return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-person", Message: "only people are somewhere: the key acts as the organization"}
	}
	switch status {
	case parley.PresenceOnline, parley.PresenceAway, parley.PresenceInvisible, parley.PresenceOffline:
	default:
		return parley.Invalid("status", "value-unknown", "must be online, away, invisible or offline")
	}
	s.change(person{p.Organization, p.User}, func(st *state) {
		st.chosen, st.until = status, s.now().Add(beatLife)
	})
	return nil
}

// Look has somebody looked at again, here and by other nodes, whose do-not-disturb has changed. It does not block.
func (s *Presence) Look(organization, user parley.ID) {
	who, local := person{organization, user}, parley.PresenceOffline
	s.mu.Lock()
	if st := s.people[who]; st != nil {
		local, s.dirty[who] = st.local(s.now()), true
	}
	s.mu.Unlock()
	s.tell(Word{Organization: organization, User: user, Status: string(local)})
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// local is where somebody is by what this node knows itself.
func (st *state) local(now time.Time) parley.PresenceStatus {
	switch {
	case st.streams <= 0 && !now.Before(st.until):
		return parley.PresenceOffline
	case st.chosen != "":
		return st.chosen
	}
	return parley.PresenceOnline
}

// status is where somebody is by what all nodes know, as others see it: who wants not to be seen is not there.
func (st *state) status(now time.Time) parley.PresenceStatus {
	seen := map[parley.PresenceStatus]bool{st.local(now): true}
	for _, r := range st.others {
		if now.Before(r.until) {
			seen[r.status] = true
		}
	}
	switch {
	case seen[parley.PresenceInvisible]:
		return parley.PresenceOffline
	case seen[parley.PresenceOnline]:
		return parley.PresenceOnline
	case seen[parley.PresenceAway]:
		return parley.PresenceAway
	}
	return parley.PresenceOffline
}

// hidden reports whether somebody wants not to be seen.
func (s *Presence) hidden(who person) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, now := s.people[who], s.now()
	if st == nil {
		return false
	}
	if st.local(now) == parley.PresenceInvisible {
		return true
	}
	for _, r := range st.others {
		if r.status == parley.PresenceInvisible && now.Before(r.until) {
			return true
		}
	}
	return false
}

// Typing shows those who see a conversation that the principal's user is writing in it, or not any more; not of somebody who
// wants not to be seen.
func (s *Presence) Typing(ctx context.Context, p *access.Principal, conversation parley.ID, writing bool) error {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return err
	}
	sight := thread.NewSight(s.store.Read(ctx), p)
	c, err := sight.Conversation(conversation)
	if err != nil {
		return err
	}
	if err := sight.MayChange(&c); err != nil {
		return err
	}
	if p.User == "" || s.hidden(person{p.Organization, p.User}) {
		return nil
	}
	status := "off"
	if writing {
		status = "on"
	}
	word := Word{Organization: p.Organization, User: p.User, Conversation: c.ID, Status: status}
	s.tell(word)
	s.show(p.Organization, typing(word, s.store.Now(ctx, p.Organization)))
	return nil
}

func typing(w Word, at time.Time) parley.Event {
	return parley.Event{Type: parley.EventConversationTyping, At: at, Conversation: w.Conversation, Data: parley.EventData{User: w.User, Status: w.Status}}
}

// Of returns where some users are. Who does not want to be disturbed is away at most.
func (s *Presence) Of(ctx context.Context, p *access.Principal, users []parley.ID) ([]parley.Presence, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, err
	}
	switch {
	case len(users) == 0:
		return nil, parley.Invalid("user", "required", "must name at least one user")
	case len(users) > maxAsked:
		return nil, parley.Invalid("user", "too-many", "must be at most %d", maxAsked)
	}
	found, err := s.found(ctx, p.Organization, users)
	if err != nil {
		return nil, err
	}
	var list []parley.Presence
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range users {
		u := found[id]
		if u == nil {
			return nil, parley.NotFound("user", id)
		}
		list = append(list, parley.Presence{User: id, Status: s.visible(person{p.Organization, id}, u)})
	}
	return list, nil
}

// found are users, with whether they want to be disturbed.
func (s *Presence) found(ctx context.Context, organization parley.ID, users []parley.ID) (map[parley.ID]*parley.User, error) {
	q := s.store.Read(ctx)
	found, err := q.UsersByID(organization, users)
	if err != nil {
		return nil, err
	}
	all := make([]*parley.User, 0, len(found))
	for _, u := range found {
		all = append(all, u)
	}
	return found, availability.Fill(q, organization, s.store.Now(ctx, organization), all...)
}

// visible is where a user is for others.
func (s *Presence) visible(who person, u *parley.User) parley.PresenceStatus {
	st := s.people[who]
	switch {
	case st == nil || u == nil || !u.Active:
		return parley.PresenceOffline
	case u.DoNotDisturb != nil && st.status(s.now()) == parley.PresenceOnline:
		return parley.PresenceAway
	}
	return st.status(s.now())
}
