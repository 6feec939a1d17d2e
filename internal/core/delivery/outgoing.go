package delivery

import (
	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

// outgoing is the message as the channel's platform carries it.
func (w *Work) outgoing(definition connector.Definition, url string) (connector.Outgoing, error) {
	m, del := w.message, w.delivery
	if w.standing != nil {
		m = &w.standing.Message
	}
	out := connector.Outgoing{
		Reference: Reference(m.ID, del.Number), Message: m.ID, Attempt: w.made() + 1, Priority: m.Priority, Author: m.Author,
		Body: m.Body, Attachments: m.Attachments,
		Recipients: []connector.Recipient{w.recipient(del)}, Shown: w.shown(),
	}
	platform, ok := definition.Platform(w.channel.Platform)
	if !ok {
		return out, parley.Conflict("platform-unknown", "the connector %q has no platform %q", definition.Name, w.channel.Platform)
	}
	if w.standing != nil && len(m.Attachments) > platform.Attachments {
		return out, parley.Invalid("attachments", "too-many", "the platform %s takes at most %d attachments", platform.Name, platform.Attachments)
	}
	var err error
	out.Body, _, err = platform.Fit(content.Shortened(m.Body, url, w.links))
	return out, err
}

func (w *Work) recipient(del *parley.Delivery) connector.Recipient {
	r := connector.Recipient{Delivery: del.Number, Address: del.Address, Reference: Reference(w.message.ID, del.Number)}
	if w.message.Receivers.Several && w.standing == nil {
		r.Role = w.message.Receivers.Role(del.Number)
	}
	return r
}

// shown are the receivers of a message to several that everybody may see.
func (w *Work) shown() (list []connector.Recipient) {
	for _, del := range w.several {
		if del.RetryOf == 0 && w.message.Receivers.Role(del.Number) != parley.ReceiverBCC {
			list = append(list, w.recipient(del))
		}
	}
	return list
}
