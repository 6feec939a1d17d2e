package sandbox

import (
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// behaviour is what the sandbox does with messages to an address.
type behaviour int

const (
	behaviourDelivered behaviour = iota
	behaviourBounce
	behaviourRetry
	behaviourSlow
	behaviourNoRead
	behaviourAck
	behaviourReply
	behaviourOptOut
	behaviourBlock
)

// behaviours are the names and trailing digits that pick a behaviour.
var behaviours = [...]struct{ name, digits string }{
	behaviourDelivered: {"delivered", "0000"},
	behaviourBounce:    {"bounce", "0001"},
	behaviourRetry:     {"retry", "0002"},
	behaviourSlow:      {"slow", "0003"},
	behaviourNoRead:    {"noread", "0004"},
	behaviourAck:       {"ack", "0005"},
	behaviourReply:     {"reply", "0006"},
	behaviourOptOut:    {"optout", "0007"},
	behaviourBlock:     {"block", "0008"},
}

// behaviourOf reads the behaviour from the last four digits of a number, or from what stands before the
// first "+" or "@" of any other address, upper or lower case.
func behaviourOf(address parley.Address) behaviour {
	if isNumber(address.Value) {
		for b, words := range behaviours {
			if strings.HasSuffix(address.Value, words.digits) {
				return behaviour(b)
			}
		}
		return behaviourDelivered
	}
	local := address.Value
	if end := strings.IndexAny(local, "+@"); end >= 0 {
		local = local[:end]
	}
	for b, words := range behaviours {
		if strings.EqualFold(local, words.name) {
			return behaviour(b)
		}
	}
	return behaviourDelivered
}

// isNumber reports whether value is digits alone, after a "+" or not.
func isNumber(value string) bool {
	digits := strings.TrimPrefix(value, "+")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return digits != ""
}
