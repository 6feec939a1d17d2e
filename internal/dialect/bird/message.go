package bird

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/dialect/bird/body"
	"github.com/parley-server/parley/internal/dialect/bird/contract"
	"github.com/parley-server/parley/internal/parley"
)

// message is the resource.
type message struct {
	ID           string       `json:"id"`
	ChannelID    string       `json:"channelId"`
	Sender       any          `json:"sender"`
	Receiver     any          `json:"receiver"`
	Meta         contract.Raw `json:"meta,omitempty"`
	Reference    string       `json:"reference"`
	Parts        []part       `json:"parts"`
	Status       string       `json:"status"`
	Reason       string       `json:"reason"`
	Details      string       `json:"details,omitempty"`
	Failure      *failure     `json:"failure,omitempty"`
	Direction    string       `json:"direction"`
	Origin       *origin      `json:"origin,omitempty"`
	ReplyTo      any          `json:"replyTo,omitempty"`
	Tags         []string     `json:"tags"`
	ShortLinks   contract.Raw `json:"shortLinks,omitempty"`
	ScheduledFor string       `json:"scheduledFor,omitempty"`
	Body         any          `json:"body,omitempty"`
	Template     any          `json:"template,omitempty"`
	LastStatusAt string       `json:"lastStatusAt"`
	CreatedAt    string       `json:"createdAt"`
	UpdatedAt    string       `json:"updatedAt"`
}

// part is one message of the platform that a message became.
type part struct {
	PlatformReference string `json:"platformReference"`
}

// origin is who sent a message from here.
type origin struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// connectorEnd is the channel as an end of a message.
type connectorEnd struct {
	Connector struct {
		ID              string `json:"id"`
		IdentifierValue string `json:"identifierValue,omitempty"`
		Annotations     *named `json:"annotations,omitempty"`
	} `json:"connector"`
}

// named is what somebody is called.
type named struct {
	Name string `json:"name,omitempty"`
}

// person is somebody outside as an end of a message.
type person struct {
	ID              string `json:"id,omitempty"`
	IdentifierKey   string `json:"identifierKey"`
	IdentifierValue string `json:"identifierValue"`
	Type            string `json:"type,omitempty"`
	PlatformAddress string `json:"platformAddress,omitempty"`
	Annotations     *named `json:"annotations,omitempty"`
}

// stamp is a time as it is written.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// shown is a message as it is shown.
func (c *call) shown(i *outside.Item) message {
	k := keptOf(&i.Message)
	m := message{ID: i.ID.UUID(), ChannelID: i.Channel.UUID(), Reference: i.Reference, Parts: []part{}, Tags: append([]string{}, i.Tags...),
		Meta: k.Meta, ShortLinks: k.ShortLinks, CreatedAt: stamp(i.CreatedAt)}
	c.ends(&m, i, &k)
	s := statusOf(i)
	m.Status, m.Reason, m.Details, m.Failure, m.LastStatusAt = s.word, s.reason, s.details, s.failure, stamp(s.at)
	m.UpdatedAt = stamp(latest(s.at, i.EditedAt, i.RemovedAt))
	if i.Sequence == 0 && !i.SendAt.IsZero() || i.SendAt.After(i.CreatedAt) {
		m.ScheduledFor = stamp(i.SendAt)
	}
	if i.ReplyTo != "" {
		m.ReplyTo = map[string]string{"id": i.ReplyTo.UUID(), "type": replyType(i)}
		if k.ReplyTo != nil {
			m.ReplyTo = k.ReplyTo
		}
	}
	for _, id := range i.Parts {
		m.Parts = append(m.Parts, part{id})
	}
	c.content(&m, i, &k)
	return m
}

// replyType is click where the message chose an action of the one that it answers.
func replyType(i *outside.Item) string {
	if i.Click != nil {
		return "click"
	}
	return "message"
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// keptOf is what the door kept of a message. It goes with the content.
func keptOf(m *parley.Message) (k kept) {
	if raw := m.Ext[Name]; raw != nil && m.Removed == "" {
		_ = json.Unmarshal(raw, &k) // written by this door
	}
	return k
}

// ends says who a message is from and to.
func (c *call) ends(m *message, i *outside.Item, k *kept) {
	own := connectorEnd{}
	own.Connector.ID, own.Connector.IdentifierValue = i.Channel.UUID(), i.Own.Address
	if i.Direction == parley.Inbound {
		m.Direction, m.Receiver = "incoming", own
		from := person{ID: i.Author.ID.UUID(), IdentifierKey: keyOf(cmp.Or(i.From.Kind, i.Own.AddressKind)), IdentifierValue: i.From.Value, PlatformAddress: i.From.Value}
		if i.Author.Name != "" {
			from.Annotations = &named{i.Author.Name}
		}
		m.Sender = map[string]person{"contact": from}
		return
	}
	m.Direction = "outgoing"
	if k.Sender != nil {
		var sender connectorEnd
		if err := json.Unmarshal(k.Sender, &sender); err == nil {
			own.Connector.IdentifierValue, own.Connector.Annotations = cmp.Or(sender.Connector.IdentifierValue, i.Own.Address), sender.Connector.Annotations
		}
	}
	m.Sender = own
	if i.Actor.Kind == parley.ActorUser && i.Actor.ID != "" {
		m.Origin = &origin{Type: "user", ID: i.Actor.ID.UUID()}
	}
	list := []person{}
	for _, r := range i.Receivers() {
		to := person{ID: r.ID.UUID(), IdentifierKey: keyOf(r.Address.Kind), IdentifierValue: r.Address.Value, PlatformAddress: r.Address.Value}
		if r.Address.Kind == parley.AddressEmail {
			to.Type = string(r.Role)
		}
		if r.Name != "" {
			to.Annotations = &named{r.Name}
		}
		list = append(list, to)
	}
	m.Receiver = map[string][]person{"contacts": list}
}

// gone stands in place of content that is no more.
var gone = body.Body{Type: "text", Text: &body.Text{Text: "[deleted]"}}

// content is what a message says: as it was given, where nothing has changed it.
func (c *call) content(m *message, i *outside.Item, k *kept) {
	switch {
	case i.Removed != "":
		m.Body, m.Meta = gone, nil
	case k.Template != nil:
		m.Template = k.Template
	case k.Body != nil:
		m.Body = k.Body
	case i.Template != nil:
		m.Template = map[string]any{"projectId": i.Template.ID.UUID(), "version": strconv.Itoa(i.Template.Version), "locale": i.Template.Locale, "variables": i.Template.Variables}
	default:
		shown := body.Of(i.Body, i.Attachments, func(f parley.File) string {
			if f.Media == "" {
				return f.URL
			}
			return c.workspaceURL("/messages/" + i.ID.UUID() + "/media/" + f.Media.UUID())
		})
		if shown == nil {
			shown = &gone
		}
		m.Body = shown
	}
}
