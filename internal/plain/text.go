// Package plain renders the bodies of messages as plain text: for previews, for those who have nothing else, and for
// platforms that carry nothing else.
package plain

import (
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// Text is a body as text alone, to be read at a glance: without what can be chosen.
func Text(body []parley.Part) string { return text(body, Part) }

// Whole is a body as text alone, with what can be chosen.
func Whole(body []parley.Part) string { return text(body, WholePart) }

func text(body []parley.Part, render func(*parley.Part) string) string {
	if len(body) == 1 {
		return render(&body[0])
	}
	var out strings.Builder
	inline := true
	for i := range body {
		text := render(&body[i])
		if text == "" {
			continue
		}
		if !inline && !body[i].Inline() {
			out.WriteByte('\n')
		}
		out.WriteString(text)
		inline = body[i].Inline()
	}
	return out.String()
}

// Part is a part as text alone, without what can be chosen.
func Part(p *parley.Part) string {
	switch {
	case p.Kind == parley.PartText:
		return p.Text
	case p.Fallback != "":
		return p.Fallback
	}
	switch p.Kind {
	case parley.PartHTML:
		return HTML(p.Text)
	case parley.PartLocation:
		return location(p)
	case parley.PartPage, parley.PartMention:
		return "@" + p.Who.Name
	case parley.PartOTP:
		return words(" ", p.Text, p.Code)
	case parley.PartSection:
		return words("\n", p.Text, Text(p.Parts))
	}
	lines := []string{p.Title, p.Text}
	for i := range p.Files {
		lines = append(lines, file(&p.Files[i]))
	}
	for i := range p.Items {
		lines = append(lines, words(": ", p.Items[i].Title, p.Items[i].Text))
	}
	return words("\n", lines...)
}

// WholePart is a part as text alone, with what can be chosen. A part that says what stands in its place is that.
func WholePart(p *parley.Part) string {
	if p.Kind != parley.PartText && p.Fallback != "" {
		return p.Fallback
	}
	var lines []string
	switch p.Kind {
	case parley.PartSection:
		return words("\n", p.Text, Whole(p.Parts))
	case parley.PartCarousel, parley.PartOptions:
		lines = append(lines, p.Title, p.Text)
		for i := range p.Items {
			item := &p.Items[i]
			lines = append(lines, words(": ", item.Title, item.Text), actions(item.Actions))
		}
	default:
		lines = append(lines, Part(p))
	}
	return words("\n", append(lines, actions(p.Actions))...)
}

// words joins those that are not empty.
func words(between string, all ...string) string {
	some := all[:0:0]
	for _, word := range all {
		if word != "" {
			some = append(some, word)
		}
	}
	return strings.Join(some, between)
}

func location(p *parley.Part) string {
	place := strconv.FormatFloat(p.Latitude, 'f', -1, 64) + ", " + strconv.FormatFloat(p.Longitude, 'f', -1, 64)
	if name := words(", ", p.Label, p.Address); name != "" {
		place = name + " (" + place + ")"
	}
	return words("\n", p.Text, place)
}

// file is what there is to say of a file: what it shows, else what it is called, and where it is.
func file(f *parley.File) string {
	name := f.Alt
	if name == "" {
		name = f.Name
	}
	return words(": ", name, f.URL)
}

func actions(list []parley.Action) string {
	lines := make([]string, len(list))
	for i := range list {
		lines[i] = action(&list[i])
	}
	return words("\n", lines...)
}

func action(a *parley.Action) string {
	switch a.Kind {
	case parley.ActionLink:
		return words(": ", a.Text, a.URL)
	case parley.ActionPhone:
		return words(": ", a.Text, a.Phone)
	case parley.ActionBuy:
		return words(": ", a.Text, amount(a.Amount, a.Currency))
	}
	return "- " + words(": ", a.Text, a.Description)
}

// whole are the currencies whose smallest unit is the currency itself.
const whole = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "

// thousandths are the currencies whose smallest unit is a thousandth.
const thousandths = " BHD IQD JOD KWD LYD OMR TND "

// amount is money as people write it.
func amount(n int64, currency string) string {
	digits := 2
	switch name := " " + currency + " "; {
	case strings.Contains(whole, name):
		digits = 0
	case strings.Contains(thousandths, name):
		digits = 3
	}
	text := strconv.FormatInt(n, 10)
	if digits > 0 {
		text = strings.Repeat("0", max(digits+1-len(text), 0)) + text
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + currency
}
