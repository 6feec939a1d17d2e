package thread

import (
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Sight is what one principal sees; it remembers, for one request, what it had to look up.
//
// A principal sees a conversation of members where it takes or took part, and in it the messages of that time;
// an organization key sees them all with conversations:read.private. It sees a conversation of the organization
// unless its channel is closed and it is not a member of the channel; an organization key sees them all. A
// scheduled message between members is seen by whoever wrote it. What may not be seen does not exist.
type Sight struct {
	q      store.Queries
	p      *access.Principal
	parts  map[parley.ID]*parley.Participant // by conversation; nil: takes no part
	closed map[parley.ID]bool                // channels that it does not see; nil: not looked up yet

	judged map[parley.ID]*parley.Conversation // with what says who sees them; nil: not there, or not visible
	extent extent
}

// NewSight returns the sight of a principal.
func NewSight(q store.Queries, p *access.Principal) *Sight {
	return &Sight{q: q, p: p, parts: map[parley.ID]*parley.Participant{}, judged: map[parley.ID]*parley.Conversation{}}
}

// Principal is whose sight it is.
func (s *Sight) Principal() *access.Principal { return s.p }

// private reports whether it sees every conversation of members.
func (s *Sight) private() bool {
	return s.p.User == "" || !s.p.Personal && s.p.Has(parley.ScopePrivateRead)
}

// channels reports whether it sees every channel.
func (s *Sight) channels() bool { return s.p.User == "" || !s.p.Personal }

// Look looks up what is needed to judge conversations.
func (s *Sight) Look(conversations ...*parley.Conversation) error {
	var unknown []parley.ID
	closed := false
	for _, c := range conversations {
		if c.Visibility == parley.VisibleToOrganization {
			closed = closed || c.Channel != ""
		} else if _, known := s.parts[c.ID]; !known && !s.private() {
			unknown = append(unknown, c.ID)
		}
	}
	if closed {
		if err := s.lookClosed(); err != nil {
			return err
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	parts, err := s.q.PartsOf(s.p.Organization, s.p.User, unknown)
	if err != nil {
		return err
	}
	for _, id := range unknown {
		s.parts[id] = parts[id]
	}
	return nil
}

func (s *Sight) lookClosed() error {
	if s.closed != nil || s.channels() {
		return nil
	}
	closed, member, err := s.q.ClosedChannels(s.p.Organization, s.p.User)
	if err != nil {
		return err
	}
	s.closed = make(map[parley.ID]bool, len(closed))
	for _, id := range closed {
		s.closed[id] = true
	}
	for _, id := range member {
		delete(s.closed, id)
	}
	return nil
}

// Sees reports whether the principal sees a conversation that has been looked up.
func (s *Sight) Sees(c *parley.Conversation) bool {
	if c.Visibility == parley.VisibleToOrganization {
		return !s.closed[c.Channel]
	}
	return s.private() || s.parts[c.ID] != nil
}

// judge looks up who sees conversations, for visible.
func (s *Sight) judge(ids []parley.ID) error {
	unknown := make([]parley.ID, 0, len(ids))
	for _, id := range ids {
		if _, known := s.judged[id]; known {
			continue
		}
		s.judged[id] = nil
		if s.extent.all == nil || s.extent.all[id] {
			unknown = append(unknown, id)
		}
	}
	rows, err := s.q.ActivityOf(s.p.Organization, unknown)
	if err != nil {
		return err
	}
	conversations, err := s.look(rows)
	if err != nil {
		return err
	}
	for _, c := range conversations {
		if s.Sees(c) {
			s.judged[c.ID] = c
		}
	}
	return nil
}

// look looks up what is needed to judge conversations of which the places are known.
func (s *Sight) look(rows []store.ActivityRow) ([]*parley.Conversation, error) {
	conversations := make([]*parley.Conversation, len(rows))
	for i, r := range rows {
		conversations[i] = &parley.Conversation{ID: r.ID, Visibility: r.Visibility, Channel: r.Channel, ActivityAt: r.At, CreatedAt: r.CreatedAt}
	}
	return conversations, s.Look(conversations...)
}

// showPlaces puts those of the conversations that the principal has left where they are shown to it.
func (s *Sight) showPlaces(rows []store.ActivityRow) error {
	conversations, err := s.look(rows)
	for i, c := range conversations {
		s.withhold(c)
		rows[i].At = c.ActivityAt
	}
	return err
}

// visible reports whether the principal sees a conversation that has been judged.
func (s *Sight) visible(id parley.ID) bool { return s.judged[id] != nil }

// withhold takes from a conversation that has been looked up what tells somebody who has left it of what came
// after: its newest item, when that was, and that it brought the conversation to the inbox. It does so before anything
// comes as well: that it changes would tell, too.
func (s *Sight) withhold(c *parley.Conversation) {
	if left := s.left(c); left != 0 {
		c.LastSequence, c.LastMessage, c.ActivityAt, c.Inbox = left-1, "", c.CreatedAt, false
	}
}

// left is the sequence from which on a conversation that has been looked up goes on without the principal, who has
// left it; 0 where it may know how it goes on.
func (s *Sight) left(c *parley.Conversation) int64 {
	part := s.parts[c.ID]
	if s.private() || c.Visibility == parley.VisibleToOrganization || part == nil {
		return 0
	}
	return part.LeftSequence
}

// withholdParticipants takes from the participants of a conversation that has been looked up what tells somebody
// who has left it of what came after: who joined, who left and how far they have read. Whoever joined after the last
// item before is taken for later: whether it was before or after cannot be told.
func (s *Sight) withholdParticipants(c *parley.Conversation, all []parley.Participant) []parley.Participant {
	left := s.left(c)
	if left == 0 {
		return all
	}
	shown := make([]parley.Participant, 0, len(all))
	for _, who := range all {
		if who.ID != s.p.User && who.JoinedSequence >= left-1 {
			continue
		}
		if who.LeftSequence > left {
			who.LeftSequence = 0
		}
		who.DeliveredThrough, who.ReadThrough = min(who.DeliveredThrough, left-1), min(who.ReadThrough, left-1)
		shown = append(shown, who)
	}
	return shown
}

// SeesMessage reports whether the principal sees a message of a conversation that has been looked up.
func (s *Sight) SeesMessage(c *parley.Conversation, m *parley.Message) bool {
	switch {
	case !s.Sees(c):
		return false
	case c.Visibility == parley.VisibleToOrganization || s.private():
		return true
	case m.Sequence == 0:
		return m.Author.ID == s.p.User || m.Actor.ID == s.p.User
	}
	return s.parts[c.ID].Receives(m.Sequence)
}

// SeesChange reports whether the principal sees what became of a conversation that has been looked up, when it had so many
// items: of one of members, while it took part.
func (s *Sight) SeesChange(c *parley.Conversation, sequence int64) bool {
	if c.Visibility == parley.VisibleToOrganization || s.private() {
		return true
	}
	part := s.parts[c.ID]
	return part != nil && part.Receives(sequence+1)
}

// Conversation returns a conversation that the principal sees, without its participants.
func (s *Sight) Conversation(id parley.ID) (parley.Conversation, error) {
	c, err := s.q.Conversation(s.p.Organization, id)
	if err != nil {
		return c, err
	}
	if err := s.Look(&c); err != nil {
		return parley.Conversation{}, err
	}
	if !s.Sees(&c) {
		return parley.Conversation{}, parley.NotFound("conversation", id)
	}
	return c, nil
}

// Message returns a message that the principal sees, and its conversation, without its state.
func (s *Sight) Message(id parley.ID) (parley.Message, parley.Conversation, error) {
	m, err := s.q.Message(s.p.Organization, id)
	if err != nil {
		return m, parley.Conversation{}, err
	}
	c, err := s.Conversation(m.Conversation)
	if err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return parley.Message{}, c, err
	}
	if err != nil || !s.SeesMessage(&c, &m) {
		return parley.Message{}, parley.Conversation{}, parley.NotFound("message", id)
	}
	return m, c, nil
}

// Content returns a message that the principal sees, and whether its content is gone for it.
func (s *Sight) Content(id parley.ID, now time.Time) (m parley.Message, gone bool, err error) {
	if m, _, err = s.Message(id); err == nil {
		err = s.conceal([]*parley.Message{&m}, now)
	}
	return m, m.Removed != "", err
}

// conceal replaces the content of messages that the principal has read and that were to be deleted on read, of
// those whose life has ended and that nobody has come round to yet, and of those that were edited after it had left.
func (s *Sight) conceal(messages []*parley.Message, now time.Time) error {
	if err := s.unedit(messages); err != nil {
		return err
	}
	var ids []parley.ID
	for _, m := range messages {
		ConcealExpired(m, now)
		if m.DeleteOnRead && m.Removed == "" {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 || s.p.User == "" {
		return nil
	}
	hidden, err := s.q.HiddenFrom(s.p.Organization, ids)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if at, ok := hidden[m.ID][s.p.User]; ok {
			Conceal(m, parley.RemovedOnRead, at)
		}
	}
	return nil
}

// ConcealExpired takes out the content of a message whose life has ended.
func ConcealExpired(m *parley.Message, now time.Time) {
	if m.Removed == "" && !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(now) {
		Conceal(m, parley.RemovedExpired, m.ExpiresAt)
	}
}

// Conceal takes the content out of a message that is shown: what stays is a tombstone.
func Conceal(m *parley.Message, reason parley.Removal, at time.Time) {
	m.Body, m.AsText, m.Attachments, m.Metadata, m.Tags, m.Reference = nil, nil, nil, nil, nil, ""
	m.Template, m.Click, m.Reactions, m.Ext = m.Template.Bare(), nil, nil, nil
	m.Removed, m.RemovedAt = reason, at
}

// extent is how much a principal sees, as far as it was looked up.
type extent struct {
	own      *int // conversations that it takes or took part in, up to maxWalk+1
	few      *bool
	channels []store.ChannelSight
	all      map[parley.ID]bool // no fewer than the conversations that it sees; nil: not looked up
}

// walks reports whether the conversations of members that the principal sees are those that it takes or took part
// in, and few.
func (s *Sight) walks() (bool, error) {
	if s.private() {
		return false, nil
	}
	n, err := s.countOwn()
	return n <= maxWalk, err
}

func (s *Sight) countOwn() (int, error) {
	if s.extent.own == nil {
		n, err := s.q.CountOf(s.p.Organization, s.p.User, maxWalk+1)
		if err != nil {
			return 0, err
		}
		s.extent.own = &n
	}
	return *s.extent.own, nil
}

// seesFew reports whether the principal sees few conversations.
func (s *Sight) seesFew() (bool, error) {
	if s.private() {
		return false, nil
	}
	if s.extent.few == nil {
		n, err := s.countOwn()
		if err == nil && n <= maxWalk {
			var on int
			on, err = s.countShared(maxWalk + 1 - n)
			n += on
		}
		if err != nil {
			return false, err
		}
		s.extent.few = new(n <= maxWalk)
	}
	return *s.extent.few, nil
}

func (s *Sight) countShared(limit int) (int, error) {
	channels, err := s.seenChannels()
	if err != nil {
		return 0, err
	}
	return s.q.CountOn(s.p.Organization, channels, limit)
}

// channelsOf are the channels whose conversations a list may hold.
func (s *Sight) channelsOf(f *ConversationFilter) ([]parley.ID, error) {
	if f.Channel != "" {
		return []parley.ID{f.Channel}, nil
	}
	return s.seenChannels()
}

// seenChannels are the channels, deleted ones too, whose conversations the principal sees, and none: that of
// conversations without.
func (s *Sight) seenChannels() (channels []parley.ID, err error) {
	if s.extent.channels == nil {
		if s.extent.channels, err = s.q.ChannelSights(s.p.Organization, s.p.User); err != nil {
			return nil, err
		}
	}
	channels = append(channels, "")
	for _, c := range s.extent.channels {
		if c.Open || c.Member || s.channels() {
			channels = append(channels, c.ID)
		}
	}
	return channels, nil
}

// survey looks up all that the principal sees, where that is little, so that nothing else has to be judged.
func (s *Sight) survey() error {
	few, err := s.seesFew()
	if err != nil || !few || s.extent.all != nil {
		return err
	}
	own, err := s.q.ConversationsOf(s.p.Organization, s.p.User, maxWalk+1)
	if err != nil {
		return err
	}
	channels, err := s.seenChannels()
	if err != nil {
		return err
	}
	shared, err := s.q.ConversationsOn(s.p.Organization, channels, maxWalk+1)
	if err != nil || len(own) > maxWalk || len(shared) > maxWalk { // there are more by now
		return err
	}
	s.extent.all = make(map[parley.ID]bool, len(own)+len(shared))
	for _, ids := range [][]parley.ID{own, shared} {
		for _, id := range ids {
			s.extent.all[id] = true
		}
	}
	return nil
}
