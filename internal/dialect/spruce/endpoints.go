package spruce

import (
	"cmp"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// endpoint is an address that messages go to or come from.
type endpoint struct {
	Object       string `json:"object"`
	ID           string `json:"id"`
	Channel      string `json:"channel"`
	DisplayValue string `json:"displayValue"`
	RawValue     string `json:"rawValue"`
	Label        string `json:"label,omitempty"`
	IsInternal   bool   `json:"isInternal"`
}

// internalEndpoint is one of the organization's own, with who has it.
type internalEndpoint struct {
	Object            string   `json:"object"`
	Endpoint          endpoint `json:"endpoint"`
	Owner             any      `json:"owner"`
	AdditionalMembers []any    `json:"additionalMembers"`
}

// endpointChannels are the platforms that are channels at this door, with what they are called. A conversation on any other is of
// the type other.
var endpointChannels = map[string]string{"sms": "phone", "email": "email", "fax": "fax", "secure": "secure"}

// endpointOf is a channel of ours as an endpoint; false where it is none at this door.
func endpointOf(ch *parley.Channel) (e endpoint, ok bool) {
	channel, ok := endpointChannels[ch.Platform]
	if !ok {
		return e, false
	}
	prefix := prefixEndpoint
	if channel == "secure" {
		prefix = prefixLink
	}
	raw := cmp.Or(ch.Address, string(ch.ID)) // one that has no address of its own is told apart by what it is known by
	return endpoint{Object: "endpoint", ID: prefix + string(ch.ID), Channel: channel, RawValue: raw,
		DisplayValue: cmp.Or(shown(channel, ch.Address), ch.Name), Label: ch.Name, IsInternal: true}, true
}

// outside is the address of somebody outside as an endpoint; nil where it is none at this door.
func outside(platform string, a parley.Address) *endpoint {
	channel := endpointChannels[platform]
	if channel == "" || channel == "secure" || a.Value == "" {
		return nil
	}
	return &endpoint{Object: "endpoint", ID: prefixEndpoint + text64(a.String()), Channel: channel, RawValue: a.Value, DisplayValue: shown(channel, a.Value)}
}

// shown is an address as people read it: North American numbers as they are written there.
func shown(channel, value string) string {
	digits := strings.TrimPrefix(value, "+1")
	if channel != "phone" && channel != "fax" || len(digits) != 10 || len(value) != 12 {
		return value
	}
	return "(" + digits[:3] + ") " + digits[3:6] + "-" + digits[6:]
}

// maxChannels is how many channels of an organization are looked at.
const maxChannels = 1000

// channels are those of the organization, by id.
func (c *call) channels() (map[parley.ID]*parley.Channel, []parley.Channel, error) {
	var all []parley.Channel
	for after := parley.ID(""); len(all) < maxChannels; {
		list, next, err := c.Directory.Channels(c.ctx, c.p, directory.ChannelFilter{}, after, 200)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, list...)
		if after = next; next == "" {
			break
		}
	}
	by := make(map[parley.ID]*parley.Channel, len(all))
	for i := range all {
		by[all[i].ID] = &all[i]
	}
	return by, all, nil
}

func listEndpoints(c *call) (any, error) {
	_, all, err := c.channels()
	if err != nil {
		return nil, err
	}
	organization, err := c.organization()
	if err != nil {
		return nil, err
	}
	var ids []parley.ID
	for i := range all {
		if !all[i].Open {
			ids = append(ids, all[i].Members...)
		}
	}
	members, err := c.teammates(ids)
	if err != nil {
		return nil, err
	}
	list := []internalEndpoint{}
	for i := range all {
		e, ok := endpointOf(&all[i])
		if !ok {
			continue
		}
		own := internalEndpoint{Object: "internalEndpoint", Endpoint: e, Owner: organization, AdditionalMembers: []any{}}
		if !all[i].Open {
			for _, id := range all[i].Members {
				if m, ok := members[id]; ok {
					own.AdditionalMembers = append(own.AdditionalMembers, m)
				}
			}
		}
		list = append(list, own)
	}
	return map[string]any{"internalEndpoints": list}, nil
}

// destination is where a message goes: exactly one of its fields.
type destination struct {
	SMSOrEmail *string `json:"smsOrEmailEndpoint"`
	Fax        *string `json:"faxEndpoint"`
	Secure     *struct {
		Contact  string `json:"contactId"`
		Delivery string `json:"deliveryMethod"`
		Subject  string `json:"subject"`
	} `json:"secureEndpoint"`
}

// endpointPost is a message that an endpoint of ours sends.
type endpointPost struct {
	Destination *destination `json:"destination"`
	Message     *messagePost `json:"message"`
	SendAt      string       `json:"sendAt"`
}

func postFromEndpoint(c *call) (any, error) {
	var post endpointPost
	if err := c.read(&post); err != nil {
		return nil, err
	}
	ch, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	if post.Message == nil || post.Destination == nil {
		missing := map[bool]string{true: "message", false: "destination"}[post.Message == nil]
		return nil, parley.Invalid(missing, "required", "must be there")
	}
	params, err := c.params(post.Message)
	if err != nil {
		return nil, within("message", err)
	}
	if params.SendAt, err = c.sendAt(post.SendAt); err != nil {
		return nil, err
	}
	if params.To, err = c.destined(post.Destination, &ch); err != nil {
		return nil, err
	}
	answer, err := c.send(params)
	return answer, within("message", err)
}

// endpoint is the channel that the path names.
func (c *call) endpoint() (ch parley.Channel, err error) {
	text := c.r.PathValue("endpoint")
	prefix := prefixEndpoint
	if strings.HasPrefix(text, prefixLink) {
		prefix = prefixLink
	}
	id, err := idOf("internalEndpointId", prefix, text)
	if err != nil {
		return ch, err
	}
	ch, err = c.Directory.Channel(c.ctx, c.p, id)
	if err != nil {
		return ch, err
	}
	if e, ok := endpointOf(&ch); !ok || e.ID != text {
		return ch, parley.NotFound("internal endpoint", id)
	}
	return ch, nil
}

// sendAt reads when a message is to be sent; zero: now.
func (c *call) sendAt(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !at.After(c.Core.Now(c.ctx, c.p.Organization)) {
		return at, parley.Invalid("sendAt", "time-invalid", "must be a time in the future, as of RFC 3339")
	}
	return at, nil
}

// destined is where a message goes from a channel.
func (c *call) destined(d *destination, ch *parley.Channel) (to core.To, err error) {
	named := 0
	for _, there := range []bool{d.SMSOrEmail != nil, d.Fax != nil, d.Secure != nil} {
		if there {
			named++
		}
	}
	if named != 1 {
		return to, parley.Invalid("destination", "recipient-ambiguous", "must have exactly one of smsOrEmailEndpoint, faxEndpoint, secureEndpoint")
	}
	to.Channel = ch.ID
	channel := endpointChannels[ch.Platform]
	switch {
	case d.SMSOrEmail != nil && (channel == "phone" || channel == "email"):
		to.Address = string(ch.AddressKind) + ":" + dialed(channel, *d.SMSOrEmail)
	case d.Fax != nil && channel == "fax":
		to.Address = string(ch.AddressKind) + ":" + dialed(channel, *d.Fax)
	case d.Secure != nil && channel == "secure":
		return c.securely(d, ch)
	default:
		return to, parley.Invalid("destination", "address-kind", "must be one that the internal endpoint, of the channel %s, sends to", channel)
	}
	return to, nil
}

// dialed is a number as it is stored: one without a country is North American.
func dialed(channel, number string) string {
	if channel == "email" || strings.HasPrefix(strings.TrimSpace(number), "+") {
		return number
	}
	var digits strings.Builder
	for _, r := range number {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case !strings.ContainsRune(" ()-.", r):
			return number // which is refused as it is
		}
	}
	switch text := digits.String(); {
	case len(text) == 10:
		return "+1" + text
	case len(text) == 11 && text[0] == '1':
		return "+" + text
	}
	return number
}

// The ways to choose a secure conversation.
const (
	anySecure  = "any_available_secure_conversation"
	thisSecure = "only_conversations_matching_internal_endpoint"
	newSecure  = "new_conversation"
)

// securely is the secure conversation with nobody but a contact that a message goes to: the most recently active one on the channel,
// else on any, else one that is made with the message.
func (c *call) securely(d *destination, ch *parley.Channel) (to core.To, err error) {
	s := d.Secure
	id, err := idOf("destination.secureEndpoint.contactId", prefixEntity, s.Contact)
	if err != nil {
		return to, err
	}
	to = core.To{Contact: id, Channel: ch.ID, Title: s.Subject, New: s.Delivery == newSecure}
	filters := []core.ConversationFilter{{Kind: parley.ConversationSecure, Participant: id, Alone: true, Channel: ch.ID}}
	switch s.Delivery {
	case "", anySecure:
		filters = append(filters, core.ConversationFilter{Kind: parley.ConversationSecure, Participant: id, Alone: true})
	case thisSecure:
	case newSecure:
		return to, nil
	default:
		return to, parley.Invalid("destination.secureEndpoint.deliveryMethod", "value-unknown", "must be one of %v", []string{anySecure, thisSecure, newSecure})
	}
	for _, f := range filters {
		found, err := c.latest(f)
		if err != nil {
			return to, err
		}
		if found != "" {
			return core.To{Conversation: found}, nil
		}
	}
	return to, nil
}

// latest is the most recently active conversation that passes a filter and whose channel is there; empty: there is none.
func (c *call) latest(f core.ConversationFilter) (parley.ID, error) {
	for after := ""; ; {
		list, next, err := c.Core.Conversations(c.ctx, c.p, f, after, 10)
		if err != nil {
			return "", err
		}
		for i := range list {
			_, err := c.Directory.Channel(c.ctx, c.p, list[i].Channel)
			if err == nil {
				return list[i].ID, nil
			}
			if !parley.IsKind(err, parley.KindNotFound) {
				return "", err
			}
		}
		if after = next; next == "" {
			return "", nil
		}
	}
}
