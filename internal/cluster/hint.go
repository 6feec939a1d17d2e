package cluster

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// Hint is what a node tells the others of an organization.
type Hint struct {
	Organization parley.ID
	Latest       int64 // the sequence of the newest event of its log
	Access       bool  // keys or users were changed
	Setup        bool  // the organization or its channels were changed
}

// with is what a hint and a later one say together.
func (h Hint) with(later Hint) Hint {
	return Hint{Organization: h.Organization, Latest: max(h.Latest, later.Latest),
		Access: h.Access || later.Access, Setup: h.Setup || later.Setup}
}

// The words behind an organization and its sequence.
const (
	wordAccess = "access"
	wordSetup  = "setup"
)

// mostLines is how many hints a message has at most: far below what NATS takes, 1 MiB.
const mostLines = 1000

// encode writes hints into messages of a line each: the organization, its sequence and the words for what was changed.
func encode(hints []Hint) (messages [][]byte) {
	for len(hints) > 0 {
		n := min(len(hints), mostLines)
		var message []byte
		for _, h := range hints[:n] {
			message = h.append(message)
		}
		messages, hints = append(messages, message), hints[n:]
	}
	return messages
}

func (h Hint) append(to []byte) []byte {
	to = append(append(to, h.Organization...), ' ')
	to = strconv.AppendInt(to, h.Latest, 10)
	if h.Access {
		to = append(to, " "+wordAccess...)
	}
	if h.Setup {
		to = append(to, " "+wordSetup...)
	}
	return append(to, '\n')
}

// decode yields the hints of a message. Lines that are none are left out, and so are words that it does not know, of a
// newer node.
func decode(message []byte) iter.Seq[Hint] {
	return func(yield func(Hint) bool) {
		for line := range bytes.Lines(message) {
			if h, ok := parse(string(line)); ok && !yield(h) {
				return
			}
		}
	}
}

func parse(line string) (h Hint, ok bool) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return h, false
	}
	h.Organization = parley.ID(words[0])
	latest, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || latest < 1 || !h.Organization.Valid() {
		return h, false
	}
	h.Latest = latest
	for _, word := range words[2:] {
		h.Access = h.Access || word == wordAccess
		h.Setup = h.Setup || word == wordSetup
	}
	return h, true
}
