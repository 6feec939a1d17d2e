package words

import (
	"slices"
	"strings"
)

// Text is a text in which something is looked for.
type Text struct {
	text    string
	tokens  []Token
	numbers []number
}

// Read takes a text apart.
func Read(text string) Text {
	return Text{text: text, tokens: Split(text), numbers: numbers(text)}
}

// Index adds the words by which a text is found to a set of them.
func (t *Text) Index(words map[string]struct{}) {
	for _, token := range t.tokens {
		words[token.Word] = struct{}{}
	}
	for _, n := range t.numbers {
		words[n.key] = struct{}{}
	}
}

// Matches reports whether texts that belong together have all that a query asks for: each of its terms in any of them.
func (q *Query) Matches(texts []Text) bool {
	if q.Blank {
		return false
	}
	for i := range q.Terms {
		term := &q.Terms[i]
		if term.Exclude == slices.ContainsFunc(texts, func(t Text) bool { return t.has(term) }) {
			return false
		}
	}
	return true
}

func (t *Text) has(term *Term) bool {
	found := false
	t.find(term, func(int, int) bool {
		found = true
		return false
	})
	return found
}

// find calls f with where each of what a term asks for is, in bytes, until it says no.
func (t *Text) find(term *Term, f func(start, end int) bool) {
	n := len(term.Words)
	for i := range t.tokens {
		if i+n > len(t.tokens) {
			break
		}
		if t.isAt(i, term) && !f(t.tokens[i].Start, t.tokens[i+n-1].End) {
			return
		}
	}
	if term.Phone == "" {
		return
	}
	for _, found := range t.numbers {
		if found.key == term.Phone && !f(found.start, found.end) {
			return
		}
	}
}

func (t *Text) isAt(i int, term *Term) bool {
	last := len(term.Words) - 1
	for k, word := range term.Words {
		token := &t.tokens[i+k]
		if token.Place != t.tokens[i].Place+k {
			return false
		}
		if token.Word != word && !(k == last && term.Prefix && strings.HasPrefix(token.Word, word)) {
			return false
		}
	}
	return true
}

// Need is a word that whatever matches a query has, or one of some.
type Need struct {
	Words  []string // any of them
	Prefix string   // or one that begins with this; empty: none
}

// Needs are the words that whatever matches the query has, by which it is found in an index. It may match less.
func (q *Query) Needs() (needs []Need) {
	for _, term := range q.Terms {
		if term.Exclude {
			continue
		}
		if term.Phone != "" {
			longest := slices.MaxFunc(term.Words, func(a, b string) int { return len(a) - len(b) })
			need := Need{Words: []string{term.Phone, longest}}
			if term.Prefix && longest == term.Words[len(term.Words)-1] {
				need = Need{Words: []string{term.Phone}, Prefix: longest}
			}
			needs = append(needs, need)
			continue
		}
		for k, word := range term.Words {
			if term.Prefix && k == len(term.Words)-1 {
				needs = append(needs, Need{Prefix: word})
			} else {
				needs = append(needs, Need{Words: []string{word}})
			}
		}
	}
	return needs
}

// Without are words that nothing has which matches the query.
func (q *Query) Without() (words []string) {
	for _, term := range q.Terms {
		if term.Exclude && len(term.Words) == 1 && !term.Prefix && term.Phone == "" {
			words = append(words, term.Words[0])
		}
	}
	return words
}
