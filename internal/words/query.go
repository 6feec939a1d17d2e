package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Term is one thing that a query asks for.
type Term struct {
	Words   []string // one after another
	Prefix  bool     // the last of them is the beginning of a word
	Phone   string   // or this word, of a telephone number
	Exclude bool     // it must not be there
}

// Query is what somebody looks for. All of its terms are to be found.
type Query struct {
	Terms []Term
	Blank bool // there was text, but no word in it
}

// leastPrefix is how many characters a word has at least that is looked for by its beginning, but for those of
// scripts that are taken apart into pairs.
const leastPrefix = 2

// Parse reads a query: words, of which the last may be unfinished; "several of them" in a row; and -words that must not
// be there. No text is wrong: whatever is no word separates some.
func Parse(text string) Query {
	p := parser{rest: strings.Map(straight, strings.ToValidUTF8(text, " "))}
	p.parse()
	p.q.Blank = len(p.q.Terms) == 0 && strings.TrimSpace(text) != ""
	return p.q
}

// straight makes all quotation marks one, and everything that is no text a space.
func straight(r rune) rune {
	switch r {
	case '“', '”', '„', '‟', '«', '»', '＂', '「', '」', '『', '』':
		return '"'
	case '−', '–', '—', '－':
		return '-'
	}
	if unicode.IsSpace(r) || unicode.IsControl(r) {
		return ' '
	}
	return r
}

type parser struct {
	rest string
	q    Query
}

func (p *parser) parse() {
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.rest == "" {
			return
		}
		exclude := len(p.rest) > 1 && p.rest[0] == '-' && p.rest[1] != ' ' && p.rest[1] != '-'
		if exclude {
			p.rest = p.rest[1:]
		}
		if p.rest[0] == '"' {
			phrase, rest, closed := strings.Cut(p.rest[1:], `"`)
			p.rest = rest
			p.add(phrase, exclude, !closed)
			continue
		}
		if n := p.number(); n != "" {
			p.add(n, exclude, p.rest == "")
			continue
		}
		end := strings.IndexAny(p.rest, ` "`)
		if end < 0 {
			end = len(p.rest)
		}
		chunk := p.rest[:end]
		p.rest = p.rest[end:]
		p.add(chunk, exclude, p.rest == "")
	}
}

// number takes a telephone number with spaces in it, if the query goes on with one.
func (p *parser) number() string {
	text, _, _ := strings.Cut(p.rest, `"`)
	begin := len(text) - len(strings.TrimLeft(text, "+("))
	if begin == len(text) || !digit(text[begin]) {
		return ""
	}
	n, _ := readNumber(text, begin)
	if n.key == "" || !n.spaced {
		return ""
	}
	p.rest = p.rest[n.end:]
	return text[:n.end]
}

// add adds what one chunk of the query asks for. Its last word may be unfinished where it is last.
func (p *parser) add(chunk string, exclude, last bool) {
	tokens := Split(chunk)
	if n := len(tokens); n > 1 && tokens[n-1].Spare {
		tokens = tokens[:n-1]
	}
	if len(tokens) == 0 {
		return
	}
	t := Term{Exclude: exclude, Phone: wholeNumber(chunk)}
	for _, token := range tokens {
		t.Words = append(t.Words, token.Word)
	}
	end := t.Words[len(t.Words)-1]
	first, _ := utf8.DecodeRuneInString(end)
	finished := endsFinished(chunk)
	switch length := utf8.RuneCountInString(end); {
	case pairs(first):
		t.Prefix = length == 1
	case exclude:
	case last && !finished:
		t.Prefix = length >= leastPrefix && length < MaxLength
	}
	p.q.Terms = append(p.q.Terms, t)
}

// wholeNumber is the word of a telephone number that is all of a chunk.
func wholeNumber(chunk string) string {
	trimmed := strings.TrimLeft(chunk, "+( ")
	for _, n := range numbers(trimmed) {
		if n.start == 0 && strings.Trim(trimmed[n.end:], " .-/()") == "" {
			return n.key
		}
	}
	return ""
}

// endsFinished reports whether a chunk ends with something after its last word.
func endsFinished(chunk string) bool {
	r, _ := utf8.DecodeLastRuneInString(chunk)
	return !(unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}
