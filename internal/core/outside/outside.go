// Package outside is what goes on with people outside, by the channel that it goes on: messages with who has them and what became of each
// copy, for doors that know channels and no conversations. Messages between members do not exist here.
package outside

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what it stands on.
type Options struct {
	Store *store.Store
	Core  *core.Core
	// Fetch asks for a file on the web; an error says that nobody can have it. Nil: nobody can have any.
	Fetch func(ctx context.Context, url string) error
}

// Outside is the messages with people outside, of all organizations.
type Outside struct {
	store *store.Store
	core  *core.Core
	fetch func(ctx context.Context, url string) error

	recent sync.Map // channels as they were a moment ago: *recentChannel by channelKey
}

// recentLife is how old a channel may be that somebody is about to send on: sending looks at it as it is.
const recentLife = time.Second

type (
	channelKey    struct{ organization, channel parley.ID }
	recentChannel struct {
		parley.Channel
		until time.Time
	}
)

// New returns them over a core.
func New(o Options) *Outside {
	if o.Fetch == nil {
		o.Fetch = func(context.Context, string) error {
			return errors.New("nothing is fetched from here")
		}
	}
	return &Outside{store: o.Store, core: o.Core, fetch: o.Fetch}
}

// Item is a message with somebody outside.
type Item struct {
	parley.Message
	Own        parley.Channel       // that it went or came on
	From       parley.Address       // of one that came in
	To         []parley.Participant // who is outside in its conversation; not of one that was just sent, which has deliveries
	Deliveries []parley.Delivery    // on this channel, the last to each recipient; none of one that came in, is scheduled or recorded
	Parts      []string             // the platform's ids of what it became there, as far as it said any
}

// Channel returns a channel that the principal sees. It needs no scope: what is done with it does.
func (o *Outside) Channel(ctx context.Context, p *access.Principal, id parley.ID) (parley.Channel, error) {
	ch, err := o.store.Read(ctx).Channel(p.Organization, id)
	if err == nil && !Sees(p, &ch) {
		err = parley.NotFound("channel", id)
	}
	return ch, err
}

// Recent is Channel for whoever sends on it: perhaps as it was a moment ago.
func (o *Outside) Recent(ctx context.Context, p *access.Principal, id parley.ID) (parley.Channel, error) {
	key, now := channelKey{p.Organization, id}, o.store.Now(ctx, "")
	if v, ok := o.recent.Load(key); ok && now.Before(v.(*recentChannel).until) {
		ch := v.(*recentChannel).Channel
		if !Sees(p, &ch) {
			return o.Channel(ctx, p, id)
		}
		return ch, nil
	}
	ch, err := o.Channel(ctx, p, id)
	if err == nil {
		o.recent.Store(key, &recentChannel{ch, now.Add(recentLife)})
	}
	return ch, err
}

// Now is the time in the principal's organization.
func (o *Outside) Now(ctx context.Context, p *access.Principal) time.Time {
	return o.store.Now(ctx, p.Organization)
}

// Sees is the rule of who sees a channel.
func Sees(p *access.Principal, ch *parley.Channel) bool {
	return !p.Personal || ch.Open || slices.Contains(ch.Members, p.User)
}

// Message returns a message of a channel.
func (o *Outside) Message(ctx context.Context, p *access.Principal, channel, id parley.ID) (Item, error) {
	ch, err := o.Channel(ctx, p, channel)
	if err != nil {
		return Item{}, err
	}
	m, err := o.core.Message(ctx, p, id)
	if err != nil {
		return Item{}, err
	}
	items, err := o.complete(ctx, p, []parley.Message{m}, map[parley.ID]parley.Channel{ch.ID: ch})
	if err == nil && (len(items) == 0 || m.Channel != channel) {
		err = parley.NotFound("message", id)
	}
	if err != nil {
		return Item{}, err
	}
	return items[0], nil
}

// Any returns a message with somebody outside, on whichever channel.
func (o *Outside) Any(ctx context.Context, p *access.Principal, id parley.ID) (Item, error) {
	m, err := o.core.Message(ctx, p, id)
	if err != nil {
		return Item{}, err
	}
	if m.Channel == "" {
		return Item{}, parley.NotFound("message", id)
	}
	return o.Message(ctx, p, m.Channel, id)
}

// Interactions returns a message of a channel, and what people did with it, oldest first.
func (o *Outside) Interactions(ctx context.Context, p *access.Principal, channel, id parley.ID) (Item, []parley.Interaction, error) {
	item, err := o.Message(ctx, p, channel, id)
	if err != nil {
		return item, nil, err
	}
	list, err := o.core.Interactions(ctx, p, id)
	return item, list, err
}

// complete adds what is known of messages; those that are not with people outside are left out.
func (o *Outside) complete(ctx context.Context, p *access.Principal, messages []parley.Message, channels map[parley.ID]parley.Channel) ([]Item, error) {
	q := o.store.Read(ctx)
	var conversations, sent []parley.ID
	for i := range messages {
		m := &messages[i]
		if !slices.Contains(conversations, m.Conversation) {
			conversations = append(conversations, m.Conversation)
		}
		if m.Direction == parley.Outbound && !m.Recorded {
			sent = append(sent, m.ID)
		}
	}
	known, err := q.Conversations(p.Organization, conversations)
	if err != nil {
		return nil, err
	}
	people, err := q.ParticipantsOf(p.Organization, conversations)
	if err != nil {
		return nil, err
	}
	deliveries, err := q.DeliveriesByMessage(p.Organization, sent)
	if err != nil {
		return nil, err
	}
	parts, err := q.ProviderIDs(p.Organization, sent)
	if err != nil {
		return nil, err
	}
	items := make([]Item, 0, len(messages))
	for i := range messages {
		if c := known[messages[i].Conversation]; c == nil || !isOutside(&messages[i], c) {
			continue
		}
		item := Item{Message: messages[i], Own: channels[messages[i].Channel], Parts: parts[messages[i].ID]}
		if item.ProviderID != "" {
			item.Parts = []string{item.ProviderID}
		}
		item.people(people[item.Conversation])
		item.Deliveries = latest(&item.Message, deliveries[item.ID])
		items = append(items, item)
	}
	return items, nil
}

// isOutside reports whether a message of a conversation is one that people outside sent or get.
func isOutside(m *parley.Message, c *parley.Conversation) bool {
	return (c.Kind == parley.ConversationExternal || c.Kind == parley.ConversationSecure) && m.Channel != "" && !m.Internal &&
		m.Kind == parley.KindMessage && m.Direction != parley.NoDirection && m.Removed != parley.RemovedMoved
}

// people finds who is outside in the conversation, and from which address a message came.
func (i *Item) people(participants []parley.Participant) {
	for _, who := range participants {
		if who.Address.Value == "" || who.Kind != parley.ActorContact && who.Kind != parley.ActorAddress {
			continue
		}
		i.To = append(i.To, who)
		if i.Direction == parley.Inbound && who.Kind == i.Author.Kind && who.ID == i.Author.ID && i.From.Value == "" {
			i.From = who.Address
		}
	}
	if i.Direction == parley.Inbound && i.From.Value == "" && len(i.To) == 1 {
		i.From = i.To[0].Address
	}
}

// latest are the deliveries of a message on its own channel, of those that were tried again by hand the last, with their roles.
func latest(m *parley.Message, deliveries []parley.Delivery) (list []parley.Delivery) {
	for _, d := range deliveries {
		if d.Channel != m.Channel || d.Fallback != 0 {
			continue
		}
		d.Role = m.Receivers.Role(d.Number)
		if at := slices.IndexFunc(list, func(l parley.Delivery) bool { return d.RetryOf != 0 && l.Address == d.Address }); at >= 0 {
			d.Role, list[at] = list[at].Role, d
			list[at].Role = d.Role
			continue
		}
		list = append(list, d)
	}
	return list
}
