package parley

import (
	"net/mail"
	"strings"
)

// AddressKind is a kind of address: an open set. SMS, WhatsApp and RCS all use phone.
type AddressKind string

// The kinds whose values have a form that is checked. Any other lower-case word is a kind too.
const (
	AddressEmail AddressKind = "email"
	AddressPhone AddressKind = "phone"
	AddressFax   AddressKind = "fax"
)

// Address is a kind and a normalized value. A shared address (a family's phone) identifies nobody.
type Address struct {
	Kind   AddressKind
	Value  string
	Shared bool
}

// String returns "kind:value".
func (a Address) String() string { return string(a.Kind) + ":" + a.Value }

const maxAddress = 320 // octets: the longest e-mail address (RFC 5321, 4.5.3.1)

// ParseAddress reads "kind:value" and normalizes the value.
func ParseAddress(text string) (Address, error) {
	kind, value, found := strings.Cut(text, ":")
	if !found {
		return Address{}, Invalid("address", "address-invalid", `must be "kind:value", such as "email:ana@example.org"`)
	}
	return NewAddress(AddressKind(kind), value)
}

// NewAddress normalizes the value: e-mail to lower case, phone and fax to "+" and digits.
func NewAddress(kind AddressKind, value string) (Address, error) {
	if !kind.valid() {
		return Address{}, Invalid("address", "address-invalid", "the kind %q must be 1 to 32 lower-case letters, digits, '-' or '_'", kind)
	}
	value = strings.TrimSpace(value)
	if value == "" || len(value) > maxAddress || strings.ContainsFunc(value, isControl) {
		return Address{}, Invalid("address", "address-invalid", "the value must be 1 to %d characters without control characters", maxAddress)
	}
	switch kind {
	case AddressEmail:
		return newEmail(value)
	case AddressPhone, AddressFax:
		return newPhone(kind, value)
	}
	return Address{Kind: kind, Value: value}, nil
}

func (k AddressKind) valid() bool {
	if k == "" || len(k) > 32 {
		return false
	}
	for _, r := range string(k) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func newEmail(value string) (Address, error) {
	parsed, err := mail.ParseAddress("<" + value + ">")
	if err != nil || parsed.Address == "" || strings.ContainsAny(value, "<> ") {
		return Address{}, Invalid("address", "address-invalid", "%q is no e-mail address", value)
	}
	return Address{Kind: AddressEmail, Value: strings.ToLower(parsed.Address)}, nil
}

// newPhone accepts "+" or "00" and 4 to 15 digits (E.164), or a short code of 3 to 8 digits without a
// prefix, and drops the punctuation that people write.
func newPhone(kind AddressKind, value string) (Address, error) {
	international := false
	digits := make([]byte, 0, len(value))
	for i, r := range value {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r == '+' && i == 0:
			international = true
		case strings.ContainsRune(" -.()/", r):
		default:
			return Address{}, Invalid("address", "address-invalid", "%q is no %s number: only digits, a leading '+' and punctuation are allowed", value, kind)
		}
	}
	if !international && len(digits) > 2 && digits[0] == '0' && digits[1] == '0' {
		international, digits = true, digits[2:]
	}
	switch {
	case international && len(digits) >= 4 && len(digits) <= 15:
		return Address{Kind: kind, Value: "+" + string(digits)}, nil
	case !international && len(digits) >= 3 && len(digits) <= 8:
		return Address{Kind: kind, Value: string(digits)}, nil
	}
	return Address{}, Invalid("address", "address-invalid",
		"%q must be an international number ('+' and 4 to 15 digits) or a short code (3 to 8 digits)", value)
}
