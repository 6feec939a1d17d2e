package native

import (
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *domain) messages(c *door.Call, f api.MessageFilter) ([]api.Message, string, error) {
	filter := thread.MessageFilter{
		Conversation: parley.ID(f.Conversation), Kind: parley.MessageKind(f.Kind), Channel: parley.ID(f.Channel), Platform: f.Platform,
		Direction: parley.Direction(f.Direction), Status: parley.MessageState(f.Status), Tag: f.Tag, Reference: f.Reference, Parent: parley.ID(f.Parent), Batch: parley.ID(f.Batch),
		Since: f.Since, Until: f.Until,
	}
	var err error
	if filter.Sender, filter.SenderAddress, err = somebody("sender", f.Sender); err != nil {
		return nil, "", err
	}
	if filter.Recipient, filter.RecipientAddress, err = somebody("recipient", f.Recipient); err != nil {
		return nil, "", err
	}
	messages, next, err := d.Core.Messages(c.Ctx(), c.P, filter, f.After, door.Limit(f.Limit))
	return wire.Each(messages, wire.Message), next, err
}

// somebody is who a parameter names: an id, or an address as kind:value.
func somebody(field, text string) (parley.ID, parley.Address, error) {
	if !strings.Contains(text, ":") {
		return parley.ID(text), parley.Address{}, nil
	}
	address, err := parley.ParseAddress(text)
	return "", address, door.Renamed(err, "address", field)
}

func (d *domain) message(c *door.Call) (parley.Message, error) {
	return d.Core.Message(c.Ctx(), c.P, c.ID())
}

func (d *domain) recall(c *door.Call) (api.Message, error) {
	m, err := d.Core.Recall(c.Ctx(), c.P, c.ID())
	return wire.Message(&m), err
}

func (d *domain) cancel(c *door.Call) (api.Message, bool, error) {
	m, replayed, err := d.Core.CancelScheduled(c.Ctx(), c.P, c.ID(), c.Idempotency())
	return wire.Message(&m), replayed, err
}

func (d *domain) markDelivered(c *door.Call) error { return d.Core.MarkDelivered(c.Ctx(), c.P, c.ID()) }

func (d *domain) markRead(c *door.Call) error { return d.Core.MarkRead(c.Ctx(), c.P, c.ID()) }

func (d *domain) acknowledge(c *door.Call) error { return d.Core.Acknowledge(c.Ctx(), c.P, c.ID()) }

func (d *domain) deliveries(c *door.Call, f api.Page) ([]api.Delivery, string, error) {
	deliveries, err := d.Core.Deliveries(c.Ctx(), c.P, c.ID())
	return door.Part(deliveries, wire.Delivery, f, err)
}

func (d *domain) attempts(c *door.Call, f api.Page) ([]api.Attempt, string, error) {
	attempts, err := d.Core.Attempts(c.Ctx(), c.P, c.ID())
	return door.Part(attempts, wire.Attempt, f, err)
}

func (d *domain) interactions(c *door.Call, f api.Page) ([]api.Interaction, string, error) {
	interactions, err := d.Core.Interactions(c.Ctx(), c.P, c.ID())
	return door.Part(interactions, wire.Interaction, f, err)
}

func (d *domain) retry(c *door.Call) (api.Delivery, bool, error) {
	number, err := c.Number()
	if err != nil {
		return api.Delivery{}, false, err
	}
	retried, replayed, err := d.Core.RetryDelivery(c.Ctx(), c.P, c.ID(), number, c.Idempotency())
	return wire.Delivery(&retried), replayed, err
}

func (d *domain) react(c *door.Call, b *api.ReactionRequest) (api.Message, error) {
	m, err := d.Core.React(c.Ctx(), c.P, c.ID(), b.Emoji)
	return wire.Message(&m), err
}

func (d *domain) unreact(c *door.Call) error {
	return d.Core.Unreact(c.Ctx(), c.P, c.ID(), c.Path("emoji"))
}

func (d *domain) playInteraction(c *door.Call, b *api.SandboxInteraction) (api.Interaction, error) {
	params := core.DeedParams{Message: parley.ID(b.Message), Kind: parley.InteractionKind(b.Kind), From: b.From, Action: b.Action, URL: b.URL,
		Emoji: b.Emoji, Removed: b.Removed}
	i, err := d.Core.PlayDeed(c.Ctx(), c.P, params)
	return wire.Interaction(&i), err
}

func (d *domain) outbox(c *door.Call, f api.SandboxFilter) ([]api.SandboxMessage, string, error) {
	filter := core.OutboxFilter{Channel: parley.ID(f.Channel), To: f.To, Message: parley.ID(f.Message)}
	handed, next, err := d.Core.Outbox(c.Ctx(), c.P, filter, f.After, door.Limit(f.Limit))
	return wire.Each(handed, wire.SandboxMessage), next, err
}

func (d *domain) playInbound(c *door.Call, b *api.SandboxInbound) (api.Message, bool, error) {
	params := core.InboundParams{Channel: parley.ID(b.Channel), From: b.From, Contact: parley.ID(b.Contact), FromName: b.FromName, Body: wire.Parts(b.Body),
		Attachments: wire.IDs(b.Attachments), ProviderID: b.ProviderID, ReplyTo: parley.ID(b.ReplyTo), Action: b.Action, Automatic: b.Automatic}
	m, replayed, err := d.Core.PlayInbound(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Message(&m), replayed, err
}
