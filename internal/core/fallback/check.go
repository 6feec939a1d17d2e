package fallback

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// How long a fallback may wait.
const (
	minAfter = time.Second
	maxAfter = 7 * 24 * time.Hour
)

// Form checks what fallbacks of a send say by themselves.
func Form(list []parley.Fallback, refuse func(field, code, format string, args ...any)) {
	if len(list) > parley.MaxFallbacks {
		refuse("fallback", "too-many", "must be at most %d", parley.MaxFallbacks)
	}
	unread := -1
	for i, f := range list {
		field := fmt.Sprintf("fallback[%d]", i)
		if f.Channel == "" {
			refuse(field+".channel", "required", "must name a channel")
		} else if slices.ContainsFunc(list[:i], func(other parley.Fallback) bool { return other.Channel == f.Channel }) {
			refuse(field+".channel", "duplicate", "is named twice")
		}
		if f.After < minAfter || f.After > maxAfter {
			refuse(field+".after", "out-of-range", "must be %d to %d seconds", int64(minAfter.Seconds()), int64(maxAfter.Seconds()))
		}
		switch f.On {
		case parley.OnFailed:
		case parley.OnUnread:
			if unread >= 0 && f.After <= list[unread].After {
				refuse(field+".after", "fallback-order", "must be longer than that of fallback[%d]: both are counted from when the message is sent", unread)
			}
			unread = i
		default:
			refuse(field+".on", "value-unknown", "must be failed or unread")
		}
	}
}

// Check checks the fallbacks of a message that is about to be accepted against the channels that they name.
func Check(tx *store.Tx, p *access.Principal, m *parley.Message, policy *parley.Policy, broadcast bool,
	platform func(ch *parley.Channel) (connector.Definition, connector.Platform, error)) error {
	between := m.Direction == parley.NoDirection && !broadcast
	for i, f := range m.Fallback {
		field := fmt.Sprintf("fallback[%d]", i)
		ch, err := tx.Channel(p.Organization, f.Channel)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && p.Personal && !ch.Open && !slices.Contains(ch.Members, p.User) {
			return parley.Invalid(field+".channel", "channel-unknown", "must be the id of a channel")
		}
		if err != nil {
			return err
		}
		switch {
		case ch.Paused:
			return parley.Invalid(field+".channel", "channel-paused", "the channel is paused")
		case ch.ID == m.Channel:
			return parley.Invalid(field+".channel", codeSame, "is the channel that the message goes out on anyway")
		case between && ch.AddressKind != parley.AddressPhone && ch.AddressKind != parley.AddressEmail:
			return parley.Invalid(field+".channel", "address-kind", "must take phone numbers or e-mail addresses, which users have")
		case between && f.On == parley.OnFailed && i == 0:
			return parley.Invalid(field+".on", "fallback-never", "must be unread: a message does not fail between members")
		}
		if Reduces(m, policy) {
			continue
		}
		if m.DeleteOnRead {
			return parley.Invalid("fallback", "not-allowed", "does not go with deleteOnRead: what it says would stay where it goes")
		}
		if err := carries(m, &ch, field, platform); err != nil {
			return err
		}
	}
	return nil
}

// carries refuses content that a channel's platform does not carry.
func carries(m *parley.Message, ch *parley.Channel, field string, platform func(ch *parley.Channel) (connector.Definition, connector.Platform, error)) error {
	_, on, err := platform(ch)
	if err != nil {
		return parley.Invalid(field+".channel", parley.AsError(err).Code, "%s", parley.AsError(err).Message)
	}
	if len(m.Attachments) > on.Attachments {
		return parley.Invalid(field+".channel", "too-many", "the platform %s takes at most %d attachments", on.Name, on.Attachments)
	}
	if _, _, err := on.Fit(m.Body); err != nil {
		return parley.Invalid(field+".channel", "part-unsupported", "%s", parley.AsError(err).Fields[0].Message)
	}
	return nil
}
