package thread

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// MessageFilter narrows a list of messages. Empty fields do not.
type MessageFilter struct {
	Conversation     parley.ID
	Kind             parley.MessageKind
	Channel          parley.ID
	Platform         string
	Direction        parley.Direction
	Status           parley.MessageState
	Sender           parley.ID // a user or contact
	SenderAddress    parley.Address
	Recipient        parley.ID // a user or contact
	RecipientAddress parley.Address
	Tag              string
	Reference        string
	Parent           parley.ID // a broadcast message: its copies
	Batch            parley.ID // of the messages that were sent in one request
	Since            time.Time // sent at or after
	Until            time.Time // sent before
	Outside          bool      // that went or came on a channel
	Platforms        []string  // on one of these
	Oldest           bool      // from the oldest on, in order of ids
}

// passesHead reports what a message's head says of the filter.
func (f *MessageFilter) passesHead(h *store.MessageHead) bool {
	switch {
	case h.ID == "", // it is known not to pass
		f.Conversation != "" && f.Conversation != h.Conversation,
		f.Kind != "" && f.Kind != h.Kind,
		f.Channel != "" && f.Channel != h.Channel,
		f.Outside && (h.Channel == "" || h.Kind != parley.KindMessage || h.Direction == parley.NoDirection),
		len(f.Platforms) > 0 && !slices.Contains(f.Platforms, h.Platform),
		f.Platform != "" && f.Platform != h.Platform,
		f.Direction != "" && f.Direction != h.Direction,
		f.Sender != "" && f.Sender != h.Author,
		f.SenderAddress.Value != "" && f.Sender == "" && h.AuthorKind != parley.ActorAddress,
		!f.Since.IsZero() && h.SentAt.Before(f.Since),
		!f.Until.IsZero() && !h.SentAt.Before(f.Until):
		return false
	}
	switch f.Status {
	case parley.Scheduled, parley.Canceled:
		return true
	}
	return h.Sequence > 0 // others are in lists only where somebody asks for them
}

// narrow is what of the filter a statement looks for.
func (f *MessageFilter) narrow() store.NarrowHeads {
	return store.NarrowHeads{Kind: f.Kind, Channel: f.Channel, Platform: f.Platform, Direction: f.Direction, Author: f.Sender}
}

// passes reports what a message, without its state, says of the rest of the filter.
func (f *MessageFilter) passes(m *parley.Message) bool {
	return (f.Tag == "" || slices.Contains(m.Tags, f.Tag)) && (f.Reference == "" || m.Reference == f.Reference) &&
		(f.Parent == "" || m.Parent == f.Parent) && (f.Batch == "" || m.Batch == f.Batch)
}

// Bounds of what one page of a list of messages looks at: heads, and whole messages.
const (
	examinedHeads    = 2000
	examinedMessages = 500
)

// Messages returns a page of the messages that the principal sees and that pass the filter, newest first. It
// examines a bounded number, so that a page may be short of limit: next is the cursor of the page after it,
// empty at the end. Scheduled messages are in it only where the status asks for them.
func (t *Threads) Messages(ctx context.Context, p *access.Principal, f MessageFilter, after string, limit int) (page []parley.Message, next string, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, "", err
	}
	from, err := parseCursor(after, "tip")
	if err != nil {
		return nil, "", err
	}
	s := NewSight(t.read(ctx), p)
	if err := f.resolve(s); err != nil {
		return nil, "", err
	}
	source, err := s.plan(&f, from)
	if err != nil {
		return nil, "", err
	}
	l := finder{s: s, f: &f, source: source, limit: pageOf(limit)}
	if err := l.run(); err != nil {
		return nil, "", err
	}
	if l.last != nil && !l.end {
		next = source.cursor(l.last).String()
	}
	shown := make([]parley.Message, len(l.page))
	for i, m := range l.page {
		shown[i] = *m
	}
	if err := s.countReplies(pointersTo(shown)); err != nil {
		return nil, "", err
	}
	return shown, next, s.conceal(pointersTo(shown), t.now(ctx, p.Organization))
}

// resolve turns a sender's address into the contact that it identifies, and contacts and a conversation that were merged
// into those that they became.
func (f *MessageFilter) resolve(s *Sight) (err error) {
	if f.Conversation != "" {
		became, err := inbox.Became(s.q, s.p.Organization, f.Conversation)
		if err != nil {
			return err
		}
		f.Conversation = cmp.Or(became[f.Conversation], f.Conversation)
	}
	for _, who := range []*parley.ID{&f.Sender, &f.Recipient} {
		if *who == "" {
			continue
		}
		if *who, err = s.q.Became(s.p.Organization, *who); err != nil {
			return err
		}
	}
	if f.SenderAddress.Value == "" || f.Sender != "" {
		return nil
	}
	contact, err := s.q.AddressOwner(s.p.Organization, f.SenderAddress)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil // its messages are those of nobody in particular
	}
	f.Sender = contact
	return err
}

// finder collects a page of messages.
type finder struct {
	s      *Sight
	f      *MessageFilter
	source headSource
	limit  int
	page   []*parley.Message
	last   *store.MessageHead // up to where the list was considered
	end    bool               // there are no more
	whole  int                // messages read whole
}

func (l *finder) run() error {
	for examined := 0; examined < examinedHeads && l.whole < examinedMessages; {
		n := min(l.batch(examined), examinedHeads-examined)
		batch, err := l.source.take(n)
		if err != nil {
			return err
		}
		examined += len(batch)
		full, err := l.consider(batch)
		if err != nil || full {
			return err
		}
		l.end = len(batch) < n
		if l.end || len(l.page) == l.limit {
			return nil
		}
	}
	return nil
}

// batch is how many heads to look at next, going by how many of those so far have passed: enough to fill the page
// and to see whether there are more.
func (l *finder) batch(examined int) int {
	missing := l.limit - len(l.page) + 1
	if examined == 0 {
		return missing
	}
	return min(missing*examined/max(len(l.page), 1), 500)
}

// consider takes those of a batch that pass, and says whether the page is full before its end.
func (l *finder) consider(batch []store.MessageHead) (full bool, err error) {
	kept, err := l.s.seenHeads(batch, l.f)
	if err != nil {
		return false, err
	}
	for at := 0; at < len(batch); {
		// Read as many whole as the page may still take, and go on where they did not pass.
		upTo, ids := at, make([]parley.ID, 0, l.limit)
		for ; upTo < len(batch) && len(ids) <= l.limit-len(l.page); upTo++ {
			if kept[upTo] {
				ids = append(ids, batch[upTo].ID)
			}
		}
		passed, err := l.load(ids)
		if err != nil {
			return false, err
		}
		for ; at < upTo; at++ {
			m := passed[batch[at].ID]
			if m != nil && len(l.page) == l.limit {
				return true, nil
			}
			if m != nil {
				l.page = append(l.page, m)
			}
			l.last = &batch[at]
		}
		if l.whole >= examinedMessages {
			return at < len(batch), nil
		}
	}
	return false, nil
}

// load reads messages whole, and returns those that pass, with their states.
func (l *finder) load(ids []parley.ID) (map[parley.ID]*parley.Message, error) {
	l.whole += len(ids)
	found, err := l.s.q.Messages(l.s.p.Organization, ids)
	if err != nil {
		return nil, err
	}
	list := make([]*parley.Message, 0, len(found))
	for _, m := range found {
		if l.f.passes(m) {
			list = append(list, m)
		}
	}
	if list, err = l.s.Seen(list); err != nil {
		return nil, err
	}
	if list, err = l.received(list); err != nil {
		return nil, err
	}
	if err := FillStates(l.s.q, l.s.p.Organization, list); err != nil {
		return nil, err
	}
	passed := make(map[parley.ID]*parley.Message, len(list))
	for _, m := range list {
		if l.f.Status == "" || l.f.Status == m.State {
			passed[m.ID] = m
		}
	}
	return passed, nil
}

// received returns those of the messages that the recipient asked for receives.
func (l *finder) received(list []*parley.Message) ([]*parley.Message, error) {
	if l.f.Recipient == "" && l.f.RecipientAddress.Value == "" {
		return list, nil
	}
	to, err := l.s.q.DeliveredTo(l.s.p.Organization, idsOf(list), l.f.Recipient, l.f.RecipientAddress)
	if err != nil {
		return nil, err
	}
	parts, err := l.s.q.PartsOf(l.s.p.Organization, l.f.Recipient, conversationsOf(list))
	return slices.DeleteFunc(list, func(m *parley.Message) bool {
		part := parts[m.Conversation]
		return !to[m.ID] && (part == nil || m.Direction != parley.NoDirection || wrote(l.f.Recipient, m) ||
			!part.Receives(m.Sequence))
	}), err
}

func conversationsOf(messages []*parley.Message) []parley.ID {
	ids := make([]parley.ID, 0, len(messages))
	asked := make(map[parley.ID]bool, len(messages))
	for _, m := range messages {
		if !asked[m.Conversation] {
			asked[m.Conversation] = true
			ids = append(ids, m.Conversation)
		}
	}
	return ids
}

// seenHeads says which of a batch pass and are in conversations that the principal sees.
func (s *Sight) seenHeads(batch []store.MessageHead, f *MessageFilter) ([]bool, error) {
	kept := make([]bool, len(batch))
	asked := map[parley.ID]bool{}
	var ids []parley.ID
	for i := range batch {
		kept[i] = f.passesHead(&batch[i])
		if id := batch[i].Conversation; kept[i] && !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	if s.private() && s.channels() {
		return kept, nil
	}
	err := s.judge(ids)
	for i := range batch {
		kept[i] = kept[i] && s.visible(batch[i].Conversation)
	}
	return kept, err
}
