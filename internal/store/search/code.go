package search

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// Numbers are written with 64 characters of ASCII that follow each other, so that pages are text on every database. A
// number of no fixed length has five bits a character, the least first, and a sixth that says that more follow.
const (
	zero     = '0'
	moreBit  = 0x20
	fiveBits = 0x1f
)

// ErrDamaged is a page that nobody could have written.
var ErrDamaged = errors.New("the index of words has a damaged page")

func appendNumber(to []byte, n uint32) []byte {
	for n > fiveBits {
		to = append(to, zero+byte(n&fiveBits|moreBit))
		n >>= 5
	}
	return append(to, zero+byte(n))
}

// number reads a number, and returns what follows it.
func number(from string) (n uint32, rest string, err error) {
	for i := range min(len(from), 7) {
		c := from[i] - zero
		if c > 63 {
			return 0, "", ErrDamaged
		}
		n |= uint32(c&fiveBits) << (5 * i)
		if c&moreBit == 0 {
			return n, from[i+1:], nil
		}
	}
	return 0, "", ErrDamaged
}

func appendFixed(to []byte, v uint64, chars int) []byte {
	for i := range chars {
		to = append(to, zero+byte(v>>(6*i)&0x3f))
	}
	return to
}

func fixed(from string) (v uint64) {
	for i := range len(from) {
		v |= uint64((from[i]-zero)&0x3f) << (6 * i)
	}
	return v
}

// appendList writes numbers that rise: the first, and by how much more than one each of the others is greater.
func appendList(to []byte, docs []uint32) []byte {
	next := uint32(0)
	for _, d := range docs {
		to = appendNumber(to, d-next)
		next = d + 1
	}
	return to
}

// readList calls f with the numbers of a list.
func readList(list string, f func(doc uint32)) error {
	next, n, shift := uint32(0), uint32(0), 0
	for i := range len(list) {
		c := list[i] - zero
		if c > 63 || shift > 30 {
			return ErrDamaged
		}
		n |= uint32(c&fiveBits) << shift
		if c&moreBit != 0 {
			shift += 5
			continue
		}
		doc := next + n
		f(doc)
		next, n, shift = doc+1, 0, 0
	}
	return nil
}

// The places of a segment have an entry for each of what it holds.
const (
	idsPerPage = 68
	timeChars  = 8
	idChars    = parley.IDLength
	placeChars = timeChars + idChars
	timeZero   = 1 << 47
)

func appendPlace(to []byte, p Place) []byte {
	to = appendFixed(to, uint64(p.At+timeZero), timeChars)
	to = append(to, p.ID...)
	return append(to, strings.Repeat(" ", max(0, idChars-len(p.ID)))...)
}

func placeAt(page string, i int) (Place, error) {
	if len(page) < (i+1)*placeChars {
		return Place{}, ErrDamaged
	}
	entry := page[i*placeChars : (i+1)*placeChars]
	return Place{At: int64(fixed(entry[:timeChars])) - timeZero, ID: parley.ID(strings.TrimRight(entry[timeChars:], " "))}, nil
}

// entry is a word of a dictionary.
type entry struct {
	word   string
	count  int
	list   string // empty: it is in pages of its own
	scopes string // of a short list: who sees each
}

// shortList is up to how many numbers a list has that says who sees each.
const shortList = 160

// readWords calls f with the words of a page of a dictionary, in order, until it says no. Each is written as by how much it
// begins like the one before, and the rest.
func readWords(page string, f func(e entry) bool) error {
	word := ""
	for page != "" {
		var like, rest, count, length uint32
		var err error
		for _, n := range []*uint32{&like, &rest, &count, &length} {
			if *n, page, err = number(page); err != nil {
				return err
			}
		}
		scopes := uint32(0)
		if count <= shortList {
			scopes = count * scopeChars
		}
		if int(like) > len(word) || uint64(rest)+uint64(length)+uint64(scopes) > uint64(len(page)) {
			return ErrDamaged
		}
		e := entry{word: word[:like] + page[:rest], count: int(count), list: page[rest : rest+length], scopes: page[rest+length : rest+length+scopes]}
		word, page = e.word, page[rest+length+scopes:]
		if !f(e) {
			return nil
		}
	}
	return nil
}

func appendEntry(to []byte, before string, e entry) []byte {
	like := 0
	for like < len(before) && like < len(e.word) && before[like] == e.word[like] {
		like++
	}
	for like > 0 && like < len(e.word) && !utf8.RuneStart(e.word[like]) { // databases keep text, and no halves of a letter
		like--
	}
	to = appendNumber(to, uint32(like))
	to = appendNumber(to, uint32(len(e.word)-like))
	to = appendNumber(to, uint32(e.count))
	to = appendNumber(to, uint32(len(e.list)))
	to = append(to, e.word[like:]...)
	return append(append(to, e.list...), e.scopes...)
}

// readShort calls f with the numbers of a short list, and who sees each.
func readShort(list, scopes string, f func(doc uint32, s Scope)) error {
	return readList(list, func(doc uint32) {
		if len(scopes) >= scopeChars {
			f(doc, Scope(fixed(scopes[:scopeChars])))
			scopes = scopes[scopeChars:]
		}
	})
}

// readScopes calls f with the scopes of a page and the lists of what each sees.
func readScopes(page string, f func(s Scope, list string) error) error {
	for page != "" {
		if len(page) < scopeChars {
			return ErrDamaged
		}
		s := Scope(fixed(page[:scopeChars]))
		length, rest, err := number(page[scopeChars:])
		if err != nil || int(length) > len(rest) {
			return ErrDamaged
		}
		if err := f(s, rest[:length]); err != nil {
			return err
		}
		page = rest[length:]
	}
	return nil
}

func appendScopeList(to []byte, s Scope, list []byte) []byte {
	to = appendNumber(appendFixed(to, uint64(s), scopeChars), uint32(len(list)))
	return append(to, list...)
}
