package thread

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/group"
	"github.com/parley-server/parley/internal/store/inbox"
	"github.com/parley-server/parley/internal/store/profile"
	"github.com/parley-server/parley/internal/store/relation"
)

// Message returns a message as it is now for the principal.
func (t *Threads) Message(ctx context.Context, p *access.Principal, id parley.ID) (parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return parley.Message{}, err
	}
	return t.Shown(ctx, p, id)
}

// Shown is Message for the answer to somebody who has just done something with it, whatever else the key may read.
func (t *Threads) Shown(ctx context.Context, p *access.Principal, id parley.ID) (parley.Message, error) {
	s := NewSight(t.read(ctx), p)
	m, c, err := s.Message(id)
	if err != nil {
		return m, err
	}
	return m, s.show(&m, &c, t.now(ctx, p.Organization))
}

// MessageIn is Message with its conversation and all who take part in that, for those to whom a message says where it is.
func (t *Threads) MessageIn(ctx context.Context, p *access.Principal, id parley.ID) (parley.Message, parley.Conversation, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return parley.Message{}, parley.Conversation{}, err
	}
	s := NewSight(t.read(ctx), p)
	m, c, err := s.Message(id)
	if err != nil {
		return m, c, err
	}
	if c.Participants, err = s.q.Participants(p.Organization, c.ID); err != nil {
		return m, c, err
	}
	return m, c, s.show(&m, &c, t.now(ctx, p.Organization))
}

// show completes a message that is shown by itself.
func (s *Sight) show(m *parley.Message, c *parley.Conversation, now time.Time) error {
	if err := FillStates(s.q, s.p.Organization, []*parley.Message{m}); err != nil {
		return err
	}
	if c.Kind == parley.ConversationBroadcast && m.Sequence > 0 {
		if err := BroadcastState(s.q, s.p.Organization, m); err != nil {
			return err
		}
	}
	if err := s.countReplies([]*parley.Message{m}); err != nil {
		return err
	}
	return s.conceal([]*parley.Message{m}, now)
}

// countReplies says of messages how many replies to them the principal sees.
func (s *Sight) countReplies(messages []*parley.Message) error {
	var threads []relation.Thread
	for _, m := range messages {
		if m.Root != "" || m.Sequence == 0 {
			continue
		}
		part := s.parts[m.Conversation]
		if part == nil || s.private() {
			threads = append(threads, relation.Thread{Root: m.ID})
			continue
		}
		threads = append(threads, relation.Thread{Root: m.ID, After: part.JoinedSequence, Until: part.LeftSequence})
		for _, e := range part.Earlier {
			threads = append(threads, relation.Thread{Root: m.ID, After: e.Joined, Until: e.Left})
		}
	}
	counts, err := relation.CountReplies(s.q, s.p.Organization, threads)
	for _, m := range messages {
		m.Replies = counts[m.ID]
	}
	return err
}

// SeesAny reports whether the principal sees one of some messages, or of conversations and shared drafts among them, which
// have their images and files as messages have files.
func (t *Threads) SeesAny(ctx context.Context, p *access.Principal, messages []parley.ID) (bool, error) {
	s := NewSight(t.read(ctx), p)
	found, err := s.q.Messages(p.Organization, messages)
	if err != nil {
		return false, err
	}
	if len(found) < len(messages) {
		seen, err := s.seesConversation(messages)
		if err != nil || seen {
			return seen, err
		}
	}
	list := make([]*parley.Message, 0, len(found))
	for _, m := range found {
		list = append(list, m)
	}
	kept, err := s.Seen(list)
	return len(kept) > 0, err
}

func (s *Sight) seesConversation(ids []parley.ID) (bool, error) {
	conversations, err := s.q.Conversations(s.p.Organization, ids)
	if err != nil {
		return false, err
	}
	shared, err := inbox.SharedDrafts(s.q, s.p.Organization, ids)
	if err != nil {
		return false, err
	}
	of, err := s.q.Conversations(s.p.Organization, shared)
	if err != nil {
		return false, err
	}
	maps.Copy(conversations, of)
	for id, c := range conversations {
		if err := s.Look(c); err != nil || s.Sees(c) && (of[id] == nil || s.takesPart(c)) {
			return err == nil, err
		}
	}
	groups, err := group.Rules(s.q, s.p.Organization, ids)
	if err != nil {
		return false, err
	}
	for _, g := range groups {
		if g.Forum { // everybody finds it, with its image
			return true, nil
		}
	}
	users := make([]*parley.User, len(ids)) // everybody has their images
	for i, id := range ids {
		users[i] = &parley.User{ID: id}
	}
	err = profile.Fill(s.q, s.p.Organization, users...)
	return slices.ContainsFunc(users, func(u *parley.User) bool { return u.Profile.Avatar != "" }), err
}

// Seen returns those of the messages that the principal sees, in their order.
func (s *Sight) Seen(messages []*parley.Message) ([]*parley.Message, error) {
	if err := s.judge(conversationsOf(messages)); err != nil {
		return nil, err
	}
	var kept []*parley.Message
	for _, m := range messages {
		if c := s.judged[m.Conversation]; c != nil && s.SeesMessage(c, m) {
			kept = append(kept, m)
		}
	}
	return kept, nil
}

// Shown returns those of the messages that the principal sees, in their order, as they are shown to it but without
// their states.
func (s *Sight) Shown(messages []*parley.Message, now time.Time) ([]*parley.Message, error) {
	kept, err := s.Seen(messages)
	if err != nil {
		return nil, err
	}
	return kept, s.conceal(kept, now)
}

// Thread returns a page of a conversation's messages in display order, newest first; next is the cursor of the
// page after it, empty at the end. Scheduled messages are not in it.
func (t *Threads) Thread(ctx context.Context, p *access.Principal, conversation parley.ID, after string, limit int) (messages []parley.Message, next string, err error) {
	return t.Read(ctx, p, conversation, Reading{}, after, limit)
}

// Reading is how a conversation is read.
type Reading struct {
	OldestFirst bool
	Since       time.Time // what was sent at or after; zero: all
}

// Read is Thread in either direction.
func (t *Threads) Read(ctx context.Context, p *access.Principal, conversation parley.ID, r Reading, after string, limit int) (messages []parley.Message, next string, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, "", err
	}
	from, err := parseCursor(after, "t")
	if err != nil {
		return nil, "", err
	}
	s := NewSight(t.read(ctx), p)
	c, err := s.Conversation(conversation)
	if err != nil {
		return nil, "", err
	}
	place := from.position()
	if after == "" && r.OldestFirst {
		place = store.ThreadPosition{SentAt: r.Since, Sequence: -1}
	}
	return s.thread(&c, r, place, pageOf(limit), t.now(ctx, p.Organization))
}

// thread reads until a page is full, past what the principal does not see.
func (s *Sight) thread(c *parley.Conversation, r Reading, from store.ThreadPosition, limit int, now time.Time) (messages []parley.Message, next string, err error) {
	var shown []*parley.Message
	more, read := true, s.q.Thread
	if r.OldestFirst {
		read = s.q.ThreadAfter
	}
	for examined := 0; more && len(shown) < limit && examined < examinedMessages; {
		n := limit - len(shown)
		page, err := read(s.p.Organization, c.ID, from, n+1)
		if err != nil {
			return nil, "", err
		}
		if more = len(page) > n; more {
			page = page[:n]
		}
		for i := range page {
			if page[i].SentAt.Before(r.Since) { // and so are those after it
				more = false
				break
			}
			if s.SeesMessage(c, &page[i]) {
				shown = append(shown, &page[i])
			}
			from = store.ThreadPosition{SentAt: page[i].SentAt, Sequence: page[i].Sequence}
		}
		examined += len(page)
	}
	if more {
		next = cursor{'t', from.SentAt.UnixMilli(), strconv.FormatInt(from.Sequence, 10)}.String()
	}
	messages, err = s.list(shown, now)
	return messages, next, err
}

// Those completes messages that are shown in a list; those that the principal does not see are not in it.
func (s *Sight) Those(messages []*parley.Message, now time.Time) ([]parley.Message, error) {
	seen, err := s.Seen(messages)
	if err != nil {
		return nil, err
	}
	return s.list(seen, now)
}

// list completes messages that are shown in a list.
func (s *Sight) list(shown []*parley.Message, now time.Time) ([]parley.Message, error) {
	if err := FillStates(s.q, s.p.Organization, shown); err != nil {
		return nil, err
	}
	if err := s.countReplies(shown); err != nil {
		return nil, err
	}
	if err := s.conceal(shown, now); err != nil {
		return nil, err
	}
	messages := make([]parley.Message, len(shown))
	for i, m := range shown {
		messages[i] = *m
	}
	return messages, nil
}

// position is the place in a thread that a cursor names.
func (c cursor) position() store.ThreadPosition {
	if c.plan == 0 {
		return store.ThreadPosition{}
	}
	sequence, _ := strconv.ParseInt(c.key, 10, 64)
	return store.ThreadPosition{SentAt: time.UnixMilli(c.at), Sequence: sequence}
}

// unedit shows messages of conversations that have been looked up, and that the principal has left, as they were then.
func (s *Sight) unedit(messages []*parley.Message) error {
	if s.private() {
		return nil
	}
	return Unedit(s.q, s.p.Organization, messages, func(m *parley.Message) int64 {
		if part := s.parts[m.Conversation]; part != nil {
			return part.LeftSequence
		}
		return 0
	})
}

// Unedit makes messages what they were when somebody left their conversations; left is the sequence from which on one goes on
// without them, 0 where it does not. Where that is not kept any more, as some of it was taken away, nothing is shown. Whether an
// edit came before or after somebody left cannot be told where nothing was written between: it is taken for later.
func Unedit(q store.Queries, organization parley.ID, messages []*parley.Message, left func(m *parley.Message) int64) error {
	var later []*parley.Message
	var wanted []relation.VersionRef
	for _, m := range messages {
		if m.Edits == 0 || m.Removed != "" {
			continue
		}
		seen, until := m.Edits, left(m)
		for until > 0 && seen > 0 && seen <= len(m.EditedIn) && m.EditedIn[seen-1] >= until-1 {
			seen--
		}
		if seen == m.Edits {
			continue
		}
		m.Body, m.AsText, m.Edits, m.EditedAt, m.EditedIn = nil, nil, seen, time.Time{}, m.EditedIn[:seen]
		later, wanted = append(later, m), append(wanted, relation.VersionRef{Message: m.ID, Number: seen + 1})
	}
	if len(later) == 0 {
		return nil
	}
	versions, err := relation.VersionsAt(q, organization, wanted)
	for i, m := range later {
		if v, kept := versions[wanted[i]]; kept {
			if m.Body = v.Body; m.Edits > 0 {
				m.EditedAt = v.At
			}
		}
	}
	return err
}
