package live

import (
	"sync"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// maxQueue is how many events wait for one reader. Whoever is slower reads them from the log again.
const maxQueue = 256

// subscriber is a reader of a feed.
type subscriber struct {
	principal *access.Principal
	all       bool // it sees every event
	filter    eventlog.Filter
	wake      chan struct{} // of capacity 1

	mu     sync.Mutex
	queue  []*entry
	hints  []*entry
	missed bool // something did not fit; nothing is queued until begin
	doubt  bool // its key or its user was changed: it is asked again before it gets more
}

func newSubscriber(p *access.Principal, filter eventlog.Filter) *subscriber {
	return &subscriber{principal: p, all: eventlog.SeesAll(p), filter: filter, wake: make(chan struct{}, 1)}
}

func (s *subscriber) push(e *entry) {
	s.mu.Lock()
	switch {
	case s.missed:
	case len(s.queue) == maxQueue:
		s.missed, s.queue = true, nil
	default:
		s.queue = append(s.queue, e)
	}
	s.mu.Unlock()
	signal(s.wake)
}

// begin empties the queue: what was in it is read from the log.
func (s *subscriber) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed, s.queue = false, nil
}

// take returns what is queued, whether something did not fit, and whether the reader is in doubt.
func (s *subscriber) take() (queue []*entry, missed, doubt bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, s.queue = s.queue, nil
	doubt, s.doubt = s.doubt, false
	return queue, s.missed, doubt
}

// readers are the subscribers of a feed, found by who they are.
type readers struct {
	all    map[*subscriber]bool
	byUser map[parley.ID][]*subscriber // people, who see what concerns them
	keys   []*subscriber               // of the organization, most of which see most
	narrow int                         // how many do not see everything
}

func newReaders() readers {
	return readers{all: map[*subscriber]bool{}, byUser: map[parley.ID][]*subscriber{}}
}

func (r *readers) add(s *subscriber) {
	r.all[s] = true
	if !s.all {
		r.narrow++
	}
	if s.principal.Personal {
		r.byUser[s.principal.User] = append(r.byUser[s.principal.User], s)
	} else {
		r.keys = append(r.keys, s)
	}
}

func (r *readers) remove(s *subscriber) (left int) {
	if !r.all[s] {
		return len(r.all)
	}
	delete(r.all, s)
	if !s.all {
		r.narrow--
	}
	if !s.principal.Personal {
		r.keys = without(r.keys, s)
		return len(r.all)
	}
	user := s.principal.User
	if r.byUser[user] = without(r.byUser[user], s); len(r.byUser[user]) == 0 {
		delete(r.byUser, user)
	}
	return len(r.all)
}

func without(list []*subscriber, s *subscriber) []*subscriber {
	for i := range list {
		if list[i] == s {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			return list[:len(list)-1]
		}
	}
	return list
}

// doubt marks the readers whose key or user an event is about, and all where it changes what users may do.
func (r *readers) doubt(e *parley.Event) {
	sets := e.Type == parley.EventPermissionsUpdated
	if e.Type != parley.EventKeyRevoked && e.Type != parley.EventUserUpdated && !sets {
		return
	}
	for s := range r.all {
		if sets || s.principal.Key == e.Subject || s.principal.User == e.Subject {
			s.mu.Lock()
			s.doubt = true
			s.mu.Unlock()
			signal(s.wake)
		}
	}
}

// choose finds the readers of an event. Without an audience, those who see everything are asked only: others
// came after the batch was committed, and find it in the log.
func (r *readers) choose(e *parley.Event, audience *eventlog.Audience) (chosen []*subscriber) {
	take := func(s *subscriber) {
		if s.filter.Passes(e) && (s.all || audience != nil && audience.Sees(s.principal)) {
			chosen = append(chosen, s)
		}
	}
	for _, s := range r.keys {
		take(s)
	}
	if audience == nil {
		return chosen // people never see everything
	}
	users, everybody := audience.Users()
	if everybody || len(users) > len(r.byUser) {
		for _, list := range r.byUser {
			for _, s := range list {
				take(s)
			}
		}
		return chosen
	}
	for user := range users {
		for _, s := range r.byUser[user] {
			take(s)
		}
	}
	return chosen
}
