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

// Form checks what fallbacks say by themselves, which are the value of a field.
func Form(of string, list []parley.Fallback, refuse func(field, code, format string, args ...any)) {
	if len(list) > parley.MaxFallbacks {
		refuse(of, "too-many", "must be at most %d", parley.MaxFallbacks)
	}
	unread := -1
	for i, f := range list {
		field := fmt.Sprintf("%s[%d]", of, i)
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
				refuse(field+".after", "fallback-order", "must be longer than that of %s[%d]: both are counted from the same time", of, unread)
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
		ch, err := channel(tx.Queries, p, field, f.Channel)
		if err == nil && ch.ID == m.Channel {
			err = parley.Invalid(field+".channel", codeSame, "is the channel that the message goes out on anyway")
		}
		if err == nil && between {
			err = toUsers(field, i, &f, ch)
		}
		if err != nil {
			return err
		}
		if Reduces(m, policy) {
			continue
		}
		if m.DeleteOnRead {
			return parley.Invalid("fallback", "not-allowed", "does not go with deleteOnRead: what it says would stay where it goes")
		}
		if err := carries(m, ch, field, platform); err != nil {
			return err
		}
	}
	return nil
}

// channel returns the channel of a fallback, if the principal may name it.
func channel(q store.Queries, p *access.Principal, field string, id parley.ID) (*parley.Channel, error) {
	ch, err := q.Channel(p.Organization, id)
	switch {
	case parley.IsKind(err, parley.KindNotFound) || err == nil && p.Personal && !ch.Open && !slices.Contains(ch.Members, p.User):
		return nil, parley.Invalid(field+".channel", "channel-unknown", "must be the id of a channel")
	case err == nil && ch.Paused:
		return nil, parley.Invalid(field+".channel", "channel-paused", "the channel is paused")
	}
	return &ch, err
}

// toUsers refuses a fallback of a message between members that cannot be: the i-th, on a channel.
func toUsers(field string, i int, f *parley.Fallback, ch *parley.Channel) error {
	switch {
	case ch.AddressKind != parley.AddressPhone && ch.AddressKind != parley.AddressEmail:
		return parley.Invalid(field+".channel", "address-kind", "must take phone numbers or e-mail addresses, which users have")
	case f.On == parley.OnFailed && i == 0:
		return parley.Invalid(field+".on", "fallback-never", "must be unread: a message does not fail between members")
	}
	return nil
}

// CheckUsers checks fallbacks to users, which are the value of a field, against the channels that they name.
func CheckUsers(q store.Queries, p *access.Principal, of string, list []parley.Fallback) error {
	for i := range list {
		field := fmt.Sprintf("%s[%d]", of, i)
		ch, err := channel(q, p, field, list[i].Channel)
		if err == nil {
			err = toUsers(field, i, &list[i], ch)
		}
		if err != nil {
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
