package words

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fragment is a piece of a text, as it is there.
type Fragment struct {
	Text  string
	Match bool // it is what was looked for
}

// The sizes of a snippet, in bytes: about how long it is, and how much of that comes before what was found.
const (
	snippetLength = 240
	snippetBefore = 60
)

type span struct{ start, end int }

// Snippet is the part of a text that shows best what a query found in it, in pieces; nil where it found nothing. Where the
// snippet does not begin or end with the text, that is shown by an ellipsis.
func (q *Query) Snippet(t Text) []Fragment {
	spans := q.spans(t)
	if len(spans) == 0 {
		return nil
	}
	from, to := window(t.text, spans)
	var list []Fragment
	at := from
	for _, s := range spans {
		if s.start < from || s.start >= to {
			continue
		}
		end := min(s.end, to)
		list = appendPiece(list, t.text[at:s.start], false)
		list = appendPiece(list, t.text[s.start:end], true)
		at = end
	}
	list = appendPiece(list, t.text[at:to], false)
	if from > 0 {
		list = ellipsis(list, 0)
	}
	if to < len(t.text) {
		list = ellipsis(list, len(list)-1)
	}
	return list
}

// Beginning is the part of a text that is shown where nothing was looked for in it.
func Beginning(text string) []Fragment {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	to := ending(text, min(snippetLength, len(text)), 0)
	list := appendPiece(nil, text[:to], false)
	if to < len(text) {
		list = ellipsis(list, len(list)-1)
	}
	return list
}

func appendPiece(list []Fragment, text string, match bool) []Fragment {
	if text == "" {
		return list
	}
	return append(list, Fragment{Text: text, Match: match})
}

// ellipsis shows at the first or last piece that there is more.
func ellipsis(list []Fragment, at int) []Fragment {
	const more = "…"
	switch piece := &list[at]; {
	case piece.Match && at == 0:
		return slices.Insert(list, 0, Fragment{Text: more})
	case piece.Match:
		return append(list, Fragment{Text: more})
	case at == 0 && len(list) > 1:
		piece.Text = more + strings.TrimLeftFunc(piece.Text, unicode.IsSpace)
	default:
		piece.Text = strings.TrimRightFunc(piece.Text, unicode.IsSpace) + more
	}
	return list
}

// spans are where a query found something, in order and apart.
func (q *Query) spans(t Text) (spans []span) {
	for i := range q.Terms {
		if q.Terms[i].Exclude {
			continue
		}
		t.find(&q.Terms[i], func(start, end int) bool {
			spans = append(spans, span{start, end})
			return true
		})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	apart := spans[:0]
	for _, s := range spans {
		if n := len(apart); n > 0 && s.start <= apart[n-1].end {
			apart[n-1].end = max(apart[n-1].end, s.end)
		} else {
			apart = append(apart, s)
		}
	}
	return apart
}

// window is the part of a text that has most of what was found, with whole words.
func window(text string, spans []span) (from, to int) {
	best, most := 0, 0
	for i := range spans {
		n := 0
		for k := i; k < len(spans) && spans[k].end <= spans[i].start+snippetLength-snippetBefore; k++ {
			n++
		}
		if n > most {
			best, most = i, n
		}
	}
	if len(text) <= snippetLength {
		return 0, len(text)
	}
	first := spans[best]
	from = beginning(text, max(0, min(first.start-snippetBefore, len(text)-snippetLength)), first.start)
	to = ending(text, min(len(text), max(from+snippetLength, min(first.end, from+2*snippetLength))), first.start)
	return from, to
}

// beginning is where a word begins at or after a place, but before what must be there.
func beginning(text string, at, before int) int {
	for at < before && !utf8.RuneStart(text[at]) {
		at++
	}
	if at == 0 {
		return 0
	}
	if space := strings.IndexFunc(text[at:before], unicode.IsSpace); space >= 0 && space < snippetBefore/2 {
		_, n := utf8.DecodeRuneInString(text[at+space:])
		return at + space + n
	}
	return at
}

// ending is where a word ends at or before a place, but after what must be there.
func ending(text string, at, after int) int {
	for at < len(text) && at > after && !utf8.RuneStart(text[at]) {
		at--
	}
	if at == len(text) {
		return at
	}
	if space := strings.LastIndexFunc(text[max(after, at-snippetBefore/2):at], unicode.IsSpace); space > 0 {
		return max(after, at-snippetBefore/2) + space
	}
	return at
}
