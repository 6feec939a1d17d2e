// Package words takes texts apart into words, so that a search finds them however they are written: accents, case and
// width do not matter, scripts that put no spaces between words are found by any two characters in a row, and telephone
// numbers by their digits. It reads queries, says what matches them, and shows where.
package words

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of what is looked at. What is beyond them is not found.
const (
	MaxWords  = 5000 // of a text
	MaxLength = 48   // characters of a word; longer ones are known by their beginning
)

// Token is a word of a text.
type Token struct {
	Word       string // folded
	Start, End int    // in the text, in bytes
	Place      int    // words that follow each other have consecutive places
	Spare      bool   // the last character of a run without spaces, which the pair before it has too
}

// Split returns the words of a text, in order.
func Split(text string) []Token {
	s := splitter{text: text}
	s.split()
	return s.tokens
}

// splitter takes one text apart.
type splitter struct {
	text   string
	tokens []Token
	place  int

	word  []byte // that is being read, folded
	chars int
	start int
	end   int

	before rune // of a run without spaces: the character before
	from   int  // where it is
	to     int
	run    int // characters of it
}

func (s *splitter) split() {
	for at := 0; at < len(s.text) && len(s.tokens) < MaxWords; {
		c := s.text[at]
		next := at + 1
		if c < utf8.RuneSelf && (next == len(s.text) || s.text[next] < utf8.RuneSelf) {
			s.take(asciiFold[c], at, next)
			at = next
			continue
		}
		n := norm.NFKC.NextBoundaryInString(s.text[at:], true)
		next = at + max(n, 1)
		for _, r := range norm.NFKC.String(s.text[at:next]) {
			s.fold(r, at, next)
		}
		at = next
	}
	s.endWord()
	s.endRun()
}

// asciiFold maps letters and digits to themselves in lower case, and everything else to a space.
var asciiFold = func() (fold [utf8.RuneSelf]rune) {
	for c := range fold {
		switch r := rune(c); {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			fold[c] = r
		case r >= 'A' && r <= 'Z':
			fold[c] = r + 'a' - 'A'
		default:
			fold[c] = ' '
		}
	}
	return fold
}()

// alike are letters that no decomposition makes plain.
var alike = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ħ': "h", 'ł': "l", 'þ': "th", 'ı': "i", 'ς': "σ"}

// fold takes a character that is composed.
func (s *splitter) fold(r rune, start, end int) {
	switch {
	case r == utf8.RuneError, r == '\u00ad', r >= '\u200b' && r <= '\u200f', r >= '\u2060' && r <= '\u2064', r == '\ufeff', accent(r):
		return // it is not seen, or not told apart
	case pairs(r):
		s.take(r, start, end)
		return
	}
	if r = unicode.ToLower(r); r < utf8.RuneSelf {
		s.take(asciiFold[r], start, end)
		return
	}
	if plain, ok := alike[r]; ok {
		for _, r := range plain {
			s.take(r, start, end)
		}
		return
	}
	for _, r := range norm.NFKD.String(string(r)) {
		if accent(r) {
			continue
		}
		r = unicode.ToLower(r)
		if plain, ok := alike[r]; ok {
			r, _ = utf8.DecodeRuneInString(plain) // of an accented one: its letter
		}
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || unicode.Is(unicode.So, r) {
			s.take(r, start, end)
		} else {
			s.take(' ', start, end)
		}
	}
}

// accents are marks that are not told apart: those of alphabets, not the vowels of scripts that write them as marks.
var accents = &unicode.RangeTable{R16: []unicode.Range16{{0x0300, 0x036f, 1}, {0x0483, 0x0487, 1}, {0x0591, 0x05bd, 1}, {0x05bf, 0x05bf, 1},
	{0x05c1, 0x05c2, 1}, {0x05c4, 0x05c5, 1}, {0x05c7, 0x05c7, 1}, {0x0610, 0x061a, 1}, {0x064b, 0x065f, 1}, {0x0670, 0x0670, 1},
	{0x1ab0, 0x1aff, 1}, {0x1dc0, 0x1dff, 1}, {0x20d0, 0x20ff, 1}, {0x3099, 0x309a, 1}, {0xfe00, 0xfe0f, 1}, {0xfe20, 0xfe2f, 1}}}

func accent(r rune) bool { return r >= 0x300 && unicode.Is(accents, r) }

// pairs reports whether a character is of a script that puts no spaces between words, or not only there.
func pairs(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// take adds a folded character; a space is anything between words.
func (s *splitter) take(r rune, start, end int) {
	switch {
	case r == ' ':
		s.endWord()
		s.endRun()
	case pairs(r):
		s.endWord()
		s.pair(r, start, end)
	case r >= utf8.RuneSelf && unicode.Is(unicode.So, r): // a picture is a word
		s.endWord()
		s.endRun()
		s.add(string(r), start, end)
	default:
		s.endRun()
		if s.chars == 0 {
			s.start = start
		}
		if s.chars < MaxLength {
			s.word = utf8.AppendRune(s.word, r)
		}
		s.chars++
		s.end = end
	}
}

func (s *splitter) pair(r rune, start, end int) {
	if s.before != 0 {
		s.add(string([]rune{s.before, r}), s.from, end)
	}
	s.before, s.from, s.to = r, start, end
	s.run++
}

func (s *splitter) endRun() {
	if s.before == 0 {
		return
	}
	if n := len(s.tokens); s.add(string(s.before), s.from, s.to) && s.run > 1 {
		s.tokens[n].Spare = true
	}
	s.before, s.run = 0, 0
}

func (s *splitter) endWord() {
	if s.chars == 0 {
		return
	}
	s.add(string(s.word), s.start, s.end)
	s.word, s.chars = s.word[:0], 0
}

// add adds a word, if there is room for more.
func (s *splitter) add(word string, start, end int) bool {
	if len(s.tokens) == MaxWords {
		return false
	}
	s.tokens = append(s.tokens, Token{Word: word, Start: start, End: end, Place: s.place})
	s.place++
	return true
}
