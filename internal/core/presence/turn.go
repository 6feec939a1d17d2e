package presence

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// Word is what a node tells the others: that somebody is somewhere, or is writing in a conversation.
type Word struct {
	Node         string    `json:"n,omitempty"` // whose it is; filled in by who sends it
	Organization parley.ID `json:"o"`
	User         parley.ID `json:"u"`
	Conversation parley.ID `json:"c,omitempty"`
	Status       string    `json:"s"`
}

// Encode writes a word as other nodes read it.
func (w Word) Encode() []byte {
	text, _ := json.Marshal(w) // strings only
	return text
}

// maxWord bounds the bytes of a word.
const maxWord = 1000

// Decode reads a word of another node; false: it is none.
func Decode(text []byte) (w Word, ok bool) {
	if len(text) > maxWord || json.Unmarshal(text, &w) != nil {
		return Word{}, false
	}
	if len(w.Node) == 0 || len(w.Node) > 100 || !w.Organization.Valid() || !w.User.Valid() || w.Conversation != "" && !w.Conversation.Valid() {
		return Word{}, false
	}
	if w.Conversation != "" {
		return w, w.Status == "on" || w.Status == "off"
	}
	switch parley.PresenceStatus(w.Status) {
	case parley.PresenceOnline, parley.PresenceAway, parley.PresenceInvisible, parley.PresenceOffline:
		return w, true
	}
	return Word{}, false
}

// Heard takes the word of another node. It does not block.
func (s *Presence) Heard(w Word) {
	if w.Conversation != "" {
		s.show(w.Organization, typing(w, s.now().UTC()))
		return
	}
	s.change(person{w.Organization, w.User}, func(st *state) {
		if w.Status == string(parley.PresenceOffline) {
			delete(st.others, w.Node)
			return
		}
		st.others[w.Node] = remote{parley.PresenceStatus(w.Status), s.now().Add(remoteLife)}
	})
}

// Run shows and tells what changes, until the context ends.
func (s *Presence) Run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-ticker.C:
			s.age()
		}
		if err := s.Turn(ctx); err != nil && ctx.Err() == nil {
			log.Warn("showing who is there", "error", err)
		}
	}
}

// age has those looked at of whom what is known has become too old, or is to be told again.
func (s *Presence) age() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for who, st := range s.people {
		if local := st.local(now); local != st.told || local != parley.PresenceOffline && now.Sub(st.toldAt) >= retell {
			s.dirty[who] = true
		}
		for node, r := range st.others {
			if !now.Before(r.until) {
				delete(st.others, node)
				s.dirty[who] = true
			}
		}
	}
}

// Turn shows and tells what has changed.
func (s *Presence) Turn(ctx context.Context) error {
	s.mu.Lock()
	byOrganization := map[parley.ID][]parley.ID{}
	for who := range s.dirty {
		byOrganization[who.organization] = append(byOrganization[who.organization], who.user)
	}
	clear(s.dirty)
	s.mu.Unlock()
	for organization, users := range byOrganization {
		if err := s.turn(ctx, organization, users); err != nil {
			s.again(organization, users)
			return err
		}
	}
	return nil
}

// again has users looked at once more.
func (s *Presence) again(organization parley.ID, users []parley.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range users {
		s.dirty[person{organization, id}] = true
	}
}

func (s *Presence) turn(ctx context.Context, organization parley.ID, users []parley.ID) error {
	found, err := s.found(ctx, organization, users)
	if err != nil {
		return err
	}
	at := s.store.Now(ctx, organization)
	var shown []parley.Event
	var told []Word
	s.mu.Lock()
	now := s.now()
	for _, id := range users {
		who := person{organization, id}
		st := s.people[who]
		if st == nil {
			continue
		}
		if local := st.local(now); local != st.told || local != parley.PresenceOffline && now.Sub(st.toldAt) >= retell {
			st.told, st.toldAt = local, now
			told = append(told, Word{Organization: organization, User: id, Status: string(local)})
		}
		if status := s.visible(who, found[id]); status != st.shown {
			st.shown = status
			shown = append(shown, parley.Event{Type: parley.EventUserPresence, At: at, Subject: id, Data: parley.EventData{Status: string(status)}})
		}
		if st.streams <= 0 && st.local(now) == parley.PresenceOffline && len(st.others) == 0 {
			delete(s.people, who)
		}
	}
	s.mu.Unlock()
	for _, w := range told {
		s.tell(w)
	}
	for _, e := range shown {
		s.show(organization, e)
	}
	return nil
}
