package native

import (
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *door) messages(c *call, f api.MessageFilter) ([]api.Message, string, error) {
	filter := thread.MessageFilter{
		Conversation: parley.ID(f.Conversation), Kind: parley.MessageKind(f.Kind), Channel: parley.ID(f.Channel), Platform: f.Platform,
		Direction: parley.Direction(f.Direction), Status: parley.MessageState(f.Status), Tag: f.Tag, Reference: f.Reference, Parent: parley.ID(f.Parent),
		Since: f.Since, Until: f.Until,
	}
	var err error
	if filter.Sender, filter.SenderAddress, err = somebody("sender", f.Sender); err != nil {
		return nil, "", err
	}
	if filter.Recipient, filter.RecipientAddress, err = somebody("recipient", f.Recipient); err != nil {
		return nil, "", err
	}
	messages, next, err := d.Core.Messages(c.ctx(), c.p, filter, f.After, limit(f.Limit))
	return wire.Each(messages, wire.Message), next, err
}

// somebody is who a parameter names: an id, or an address as kind:value.
func somebody(field, text string) (parley.ID, parley.Address, error) {
	if !strings.Contains(text, ":") {
		return parley.ID(text), parley.Address{}, nil
	}
	address, err := parley.ParseAddress(text)
	return "", address, single(err, "address", field)
}

func (d *door) message(c *call) error {
	m, err := d.Core.Message(c.ctx(), c.p, c.id())
	if err != nil {
		return err
	}
	return c.answerMessage(&m)
}

func (d *door) recall(c *call) (api.Message, error) {
	m, err := d.Core.Recall(c.ctx(), c.p, c.id())
	return wire.Message(&m), err
}

func (d *door) cancel(c *call) (api.Message, bool, error) {
	m, replayed, err := d.Core.CancelScheduled(c.ctx(), c.p, c.id(), c.idempotency())
	return wire.Message(&m), replayed, err
}

func (d *door) markDelivered(c *call) error { return d.Core.MarkDelivered(c.ctx(), c.p, c.id()) }

func (d *door) markRead(c *call) error { return d.Core.MarkRead(c.ctx(), c.p, c.id()) }

func (d *door) acknowledge(c *call) error { return d.Core.Acknowledge(c.ctx(), c.p, c.id()) }

func (d *door) deliveries(c *call, f api.Page) ([]api.Delivery, string, error) {
	deliveries, err := d.Core.Deliveries(c.ctx(), c.p, c.id())
	return part(deliveries, wire.Delivery, f, err)
}

func (d *door) attempts(c *call, f api.Page) ([]api.Attempt, string, error) {
	attempts, err := d.Core.Attempts(c.ctx(), c.p, c.id())
	return part(attempts, wire.Attempt, f, err)
}

func (d *door) interactions(c *call, f api.Page) ([]api.Interaction, string, error) {
	interactions, err := d.Core.Interactions(c.ctx(), c.p, c.id())
	return part(interactions, wire.Interaction, f, err)
}

func (d *door) retry(c *call) (api.Delivery, bool, error) {
	number, err := c.number()
	if err != nil {
		return api.Delivery{}, false, err
	}
	retried, replayed, err := d.Core.RetryDelivery(c.ctx(), c.p, c.id(), number, c.idempotency())
	return wire.Delivery(&retried), replayed, err
}

func (d *door) outbox(c *call, f api.SandboxFilter) ([]api.SandboxMessage, string, error) {
	filter := core.OutboxFilter{Channel: parley.ID(f.Channel), To: f.To, Message: parley.ID(f.Message)}
	handed, next, err := d.Core.Outbox(c.ctx(), c.p, filter, f.After, limit(f.Limit))
	return wire.Each(handed, wire.SandboxMessage), next, err
}

func (d *door) playInbound(c *call, b *api.SandboxInbound) (api.Message, bool, error) {
	params := core.InboundParams{Channel: parley.ID(b.Channel), From: b.From, Contact: parley.ID(b.Contact), FromName: b.FromName, Body: wire.Parts(b.Body),
		Attachments: wire.IDs(b.Attachments), ProviderID: b.ProviderID, ReplyTo: parley.ID(b.ReplyTo)}
	m, replayed, err := d.Core.PlayInbound(c.ctx(), c.p, params, c.idempotency())
	return wire.Message(&m), replayed, err
}
