// Package search has the tables and the format of the index of words: an inverted index in pages of text, the same on
// every database. Its functions take the queries or the transaction of the store.
//
// The things of one space are in segments, which are written once, each with its own numbers for what it holds, in order
// of time. A segment has a dictionary, in which each word has the list of the numbers of those that have it; who sees
// them, as a few characters each; and their ids and times. Small segments are brought together into larger ones, so that
// there are few; what is to go is left out when its segment is written anew.
package search

import (
	"cmp"
	"hash/fnv"

	"github.com/parley-server/parley/internal/parley"
)

// Space is what sort of things a segment holds.
type Space string

// The spaces.
const (
	Messages      Space = "messages"
	Contacts      Space = "contacts"
	Conversations Space = "conversations"
)

// Spaces are all of them.
var Spaces = []Space{Messages, Contacts, Conversations}

// Scope says in a few bits who sees a thing: whoever sees a channel, or a conversation of members. Several have the same
// one: it narrows, and does not decide.
type Scope uint32

const (
	scopeChars = 4
	scopeBits  = 6 * scopeChars
)

// Everybody is the scope of what everybody sees.
const Everybody Scope = 0

// ScopeOf is the scope of what whoever sees a channel sees, or what takes part in a conversation of members.
func ScopeOf(v parley.Visibility, channel, conversation parley.ID) Scope {
	id, private := channel, Scope(0)
	if v == parley.VisibleToMembers {
		id, private = conversation, 1
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return Scope(h.Sum64()>>(64-scopeBits))&^1 | private
}

// Private reports whether a scope is that of a conversation of members.
func (s Scope) Private() bool { return s&1 == 1 }

// Place is where something is in the order of its space.
type Place struct {
	At int64 // milliseconds since 1970
	ID parley.ID
}

// Unknown is the time of something that is not there any more, and of which nobody knows where it is.
const Unknown = -1 << 47

// Compare orders places from old to new.
func (p Place) Compare(o Place) int { return cmp.Or(cmp.Compare(p.At, o.At), cmp.Compare(p.ID, o.ID)) }

// Doc is something that is found by its words.
type Doc struct {
	Place
	Scope Scope
	Words []string // each once
}

// Segment is a part of an index.
type Segment struct {
	ID      int64
	Space   Space
	State   State
	Docs    int
	FirstAt int64
	LastAt  int64
	Changed int64 // when it came to its state, in milliseconds
}

// State says what is to be done with a segment.
type State string

// The states.
const (
	Building State = "building" // it is not whole yet; where nobody builds it, it goes
	Ready    State = "ready"
	Dropped  State = "dropped" // others hold what it held; it goes when nobody can still be reading it
	Going    State = "going"   // its pages are being deleted
)

// The kinds of pages.
const (
	kindWords  = "d" // a part of the dictionary, under its first word
	kindList   = "l" // a part of a long list, under its word
	kindScopes = "s"
	kindIDs    = "i"
)

// Page is a piece of a segment.
type Page struct {
	Kind string
	Word string
	Part int64
	Data string
}

// Size is about how many bytes a page takes.
func (p *Page) Size() int { return len(p.Data) + 2*len(p.Word) + 100 }
