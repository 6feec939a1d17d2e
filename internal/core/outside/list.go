package outside

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Filter narrows a list of messages. Empty fields do not.
type Filter struct {
	Channel   parley.ID
	Except    func(channel parley.ID) bool // channels whose messages are not shown
	Platforms []string
	Direction parley.Direction
	Since     time.Time // sent at or after
	Until     time.Time // sent before
	Sender    string    // the value of the address that it is from: one outside, or the channel's own
	Receiver  string    // the value of one that it is to
	Tag       string
	Subject   string // words that its subject has
	Batch     parley.ID
	States    []parley.MessageState
	Oldest    bool // from the oldest on
}

// mostPages is how many pages of messages one page of a list may be gathered from. It may be short then.
const mostPages = 20

// mostChannels is how many channels of an organization are looked at together.
const mostChannels = 1000

// List returns a page of messages with people outside, newest first; next is the cursor of the page after it, empty at the end. A page
// may be short of limit.
func (o *Outside) List(ctx context.Context, p *access.Principal, f Filter, after string, limit int) (page []Item, next string, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, "", err
	}
	channels, err := o.channels(ctx, p, f.Channel)
	if err != nil {
		return nil, "", err
	}
	inner, none, err := o.narrow(ctx, p, &f, channels)
	if err != nil || none {
		return nil, "", err
	}
	next = after
	for range mostPages {
		var messages []parley.Message
		if messages, next, err = o.core.Messages(ctx, p, inner, next, limit-len(page)); err != nil {
			return nil, "", err
		}
		items, err := o.complete(ctx, p, messages, channels)
		if err != nil {
			return nil, "", err
		}
		for i := range items {
			if f.passes(&items[i]) {
				page = append(page, items[i])
			}
		}
		if next == "" || len(page) >= limit {
			break
		}
	}
	return page, next, nil
}

// channels are those that a list may hold messages of.
func (o *Outside) channels(ctx context.Context, p *access.Principal, only parley.ID) (map[parley.ID]parley.Channel, error) {
	if only != "" {
		ch, err := o.Channel(ctx, p, only)
		return map[parley.ID]parley.Channel{only: ch}, err
	}
	list, _, err := o.store.Read(ctx).Channels(p.Organization, store.ChannelFilter{}, "", mostChannels)
	channels := make(map[parley.ID]parley.Channel, len(list))
	for _, ch := range list {
		if Sees(p, &ch) {
			channels[ch.ID] = ch
		}
	}
	return channels, err
}

// narrow is what the messages are looked for by. Who they are from or to narrows it where one kind of addresses has the value; none says
// that nobody has it.
func (o *Outside) narrow(ctx context.Context, p *access.Principal, f *Filter, channels map[parley.ID]parley.Channel) (inner thread.MessageFilter, none bool, err error) {
	inner = thread.MessageFilter{Outside: true, Channel: f.Channel, Platforms: f.Platforms, Direction: f.Direction, Since: f.Since, Until: f.Until,
		Tag: f.Tag, Batch: f.Batch, Oldest: f.Oldest}
	if slices.Equal(f.States, []parley.MessageState{parley.Scheduled}) && !f.Oldest {
		inner.Status = parley.Scheduled
	}
	for _, side := range []struct {
		value     string
		address   *parley.Address
		direction parley.Direction
	}{{f.Sender, &inner.SenderAddress, parley.Inbound}, {f.Receiver, &inner.RecipientAddress, parley.Outbound}} {
		if side.value == "" {
			continue
		}
		found, own, err := o.whose(ctx, p, side.value, channels)
		switch {
		case err != nil:
			return inner, false, err
		case len(found) == 0 && !own:
			return inner, true, nil
		case len(found) == 1 && !own:
			if inner.Direction != "" && inner.Direction != side.direction {
				return inner, true, nil
			}
			*side.address, inner.Direction = found[0], side.direction
		}
	}
	return inner, false, nil
}

// whose are the addresses outside with a value that there are conversations with, and whether a channel has it itself.
func (o *Outside) whose(ctx context.Context, p *access.Principal, value string, channels map[parley.ID]parley.Channel) (found []parley.Address, own bool, err error) {
	var kinds []parley.AddressKind
	for _, ch := range channels {
		own = own || isOwn(&ch, value)
		if !slices.Contains(kinds, ch.AddressKind) {
			kinds = append(kinds, ch.AddressKind)
		}
	}
	for _, kind := range kinds {
		address, err := parley.NewAddress(kind, value)
		if err != nil {
			continue
		}
		with, err := o.store.Read(ctx).ConversationsWith(p.Organization, address, 1)
		if err != nil {
			return nil, false, err
		}
		if len(with) > 0 {
			found = append(found, address)
		}
	}
	return found, own, nil
}

// isOwn reports whether a channel's own address has a value.
func isOwn(ch *parley.Channel, value string) bool {
	return ch.Address != "" && sameAddress(ch.AddressKind, ch.Address, value)
}

func sameAddress(kind parley.AddressKind, a, b string) bool {
	if strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) {
		return true
	}
	first, err := parley.NewAddress(kind, a)
	second, other := parley.NewAddress(kind, b)
	return err == nil && other == nil && first.Value == second.Value
}

// passes reports what a whole item says of the filter.
func (f *Filter) passes(i *Item) bool {
	return (f.Except == nil || !f.Except(i.Channel)) && (len(f.States) == 0 || slices.Contains(f.States, i.State)) &&
		(f.Sender == "" || i.isFrom(f.Sender)) && (f.Receiver == "" || i.isTo(f.Receiver)) && (f.Subject == "" || hasWords(i.Subject(), f.Subject))
}

func (i *Item) isFrom(value string) bool {
	if i.Direction == parley.Outbound {
		return isOwn(&i.Own, value)
	}
	return i.From.Value != "" && sameAddress(i.From.Kind, i.From.Value, value)
}

func (i *Item) isTo(value string) bool {
	if i.Direction == parley.Inbound {
		return isOwn(&i.Own, value)
	}
	return slices.ContainsFunc(i.Receivers(), func(r Receiver) bool { return sameAddress(r.Address.Kind, r.Address.Value, value) })
}

// Receiver is somebody outside whom a message goes to.
type Receiver struct {
	parley.Actor
	Address parley.Address
	Role    parley.ReceiverRole
}

// Receivers are those outside whom a message goes to: by its deliveries, or, before there are any, all who are outside in its conversation.
func (i *Item) Receivers() []Receiver {
	var list []Receiver
	for _, d := range i.Deliveries {
		list = append(list, Receiver{d.Recipient, d.Address, d.Role})
	}
	if len(list) == 0 && i.Direction == parley.Outbound {
		for _, who := range i.To {
			list = append(list, Receiver{parley.Actor{Kind: who.Kind, ID: who.ID, Name: who.Name}, who.Address, parley.ReceiverTo})
		}
	}
	return list
}

// HintSubject names the hint of a part that is the subject of an e-mail.
const HintSubject = "subject"

// Subject is what a message is about, of one that has a subject.
func (i *Item) Subject() string {
	for _, part := range i.Body {
		if subject := part.Hints[HintSubject]; subject != "" {
			return subject
		}
	}
	return ""
}

// hasWords reports whether a text has all words of a query.
func hasWords(text, query string) bool {
	has := wordsOf(text)
	for _, word := range wordsOf(query) {
		if !slices.Contains(has, word) {
			return false
		}
	}
	return true
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}
