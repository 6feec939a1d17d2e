package bird

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/parley"
)

// keys are the identifier keys of kinds of addresses; other kinds are called as they are.
var keys = map[parley.AddressKind]string{parley.AddressEmail: "emailaddress", parley.AddressPhone: "phonenumber"}

func keyOf(kind parley.AddressKind) string {
	if key := keys[kind]; key != "" {
		return key
	}
	return string(kind)
}

// kindOf is the kind of addresses that an identifier key stands for; without one that of the channel.
func kindOf(key string, own *parley.Channel) parley.AddressKind {
	key = strings.ToLower(key)
	if key == "" {
		return own.AddressKind
	}
	for kind, name := range keys {
		if name == key {
			return kind
		}
	}
	return parley.AddressKind(key)
}

// receivers finds out whom the message is for.
func (s *sending) receivers() error {
	list := s.r.Receiver.Contacts
	several := len(list) > 1
	to := make([]core.Receiver, 0, len(list))
	for i := range list {
		field := fmt.Sprintf("receiver.contacts[%d]", i)
		several = several || list[i].Type == "cc" || list[i].Type == "bcc"
		found, err := s.receiver(field, &list[i])
		if err != nil {
			return err
		}
		found.Role = parley.ReceiverRole(list[i].Type)
		to = append(to, found)
	}
	if several && s.own.AddressKind != parley.AddressEmail {
		s.refuse("receiver.contacts", "too-many", "only e-mail channels take more than one receiver, and copies")
	}
	if err := parley.InvalidFields(s.wrong); err != nil {
		return err
	}
	if several {
		s.params.To.Receivers = to
	} else {
		s.params.To.Contact, s.params.To.Address = to[0].Contact, to[0].Address
	}
	return nil
}

// receiver finds one: by the literal address, by its id, or by the first identifier that the channel takes or that somebody is known by.
func (s *sending) receiver(field string, c *contact) (core.Receiver, error) {
	if c.PlatformAddress != "" {
		return s.address(field+".platformAddress", s.own.AddressKind, c.PlatformAddress), nil
	}
	if c.ID != "" {
		return s.known(field, c)
	}
	named := c.Identifiers
	if c.IdentifierValue != "" {
		named = append([]identifier{{c.IdentifierKey, c.IdentifierValue}}, named...)
	}
	for i, n := range named {
		if kindOf(n.Key, &s.own) == s.own.AddressKind {
			at := field + ".identifierValue"
			if c.IdentifierValue == "" || i > 0 {
				at = field + ".identifiers"
			}
			return s.address(at, s.own.AddressKind, n.Value), nil
		}
	}
	for _, n := range named {
		address, err := parley.NewAddress(kindOf(n.Key, &s.own), n.Value)
		if err != nil {
			continue
		}
		id, err := s.Outside.ContactWith(s.r0(), s.p, address)
		if err != nil || id != "" {
			return core.Receiver{Contact: id}, err
		}
	}
	if len(named) == 0 {
		s.refuse(field, "recipient-required", "needs an id, or an identifierValue")
	} else {
		s.refuse(field+".identifierKey", "identifier-unknown", "must be %s on this channel, or an identifier of a contact that is known", keyOf(s.own.AddressKind))
	}
	return core.Receiver{}, nil
}

// address is a receiver by an address, which is named as it is written.
func (s *sending) address(field string, kind parley.AddressKind, value string) core.Receiver {
	a, err := parley.NewAddress(kind, value)
	if err != nil {
		s.refuse(field, "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
	}
	return core.Receiver{Address: a.String()}
}

// known is a receiver by the id of a contact, at the address that it selects or names besides.
func (s *sending) known(field string, c *contact) (core.Receiver, error) {
	id, ok := parley.IDFromUUID(c.ID)
	names := c.IdentifierValue != "" && kindOf(c.IdentifierKey, &s.own) == s.own.AddressKind
	if ok && c.PlatformAddressSelector == "" && !names {
		return core.Receiver{Contact: id}, nil
	}
	var who parley.Contact
	if ok {
		var err error
		who, err = s.Outside.Contact(s.r0(), s.p, id)
		if ok = !parley.IsKind(err, parley.KindNotFound); ok && err != nil {
			return core.Receiver{}, err
		}
	}
	switch {
	case !ok:
		s.refuse(field+".id", "contact-unknown", "must be the id of a contact")
		return core.Receiver{}, nil
	case c.PlatformAddressSelector != "":
		return s.selected(field+".platformAddressSelector", c, &who), nil
	}
	field += ".identifierValue"
	to := s.address(field, s.own.AddressKind, c.IdentifierValue)
	if !slices.ContainsFunc(who.Addresses, func(a parley.Address) bool { return a.String() == to.Address }) {
		s.refuse(field, "address-unknown", "must be an address of the contact that id names")
	}
	return to, nil
}

// selected is a contact at the address that an attribute of it has.
func (s *sending) selected(field string, c *contact, who *parley.Contact) core.Receiver {
	name, _ := strings.CutPrefix(strings.Trim(c.PlatformAddressSelector, "{} "), "attributes.")
	value := who.Attributes[name]
	if value == "" {
		s.refuse(field, "address-required", "the contact has no attribute %q", name)
		return core.Receiver{}
	}
	return s.address(field, s.own.AddressKind, value)
}
