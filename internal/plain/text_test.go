package plain_test

import (
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

func part(kind parley.PartKind, text string) parley.Part { return parley.Part{Kind: kind, Text: text} }

func mention(name string) parley.Part {
	return parley.Part{Kind: parley.PartMention, Who: parley.Actor{Kind: parley.ActorUser, ID: "1", Name: name}}
}

var choices = []parley.Action{
	{Kind: parley.ActionReply, Text: "Yes", Description: "I come"}, {Kind: parley.ActionLink, Text: "Map", URL: "https://example.org/m"},
	{Kind: parley.ActionPhone, Text: "Call us", Phone: "+15550100"}, {Kind: parley.ActionBuy, Text: "Pay", Amount: 5, Currency: "EUR"},
	{Kind: parley.ActionBuy, Text: "Pay", Amount: 1234, Currency: "JPY"}, {Kind: parley.ActionBuy, Text: "Pay", Amount: 1234, Currency: "KWD"},
}

const chosen = "- Yes: I come\nMap: https://example.org/m\nCall us: +15550100\nPay: 0.05 EUR\nPay: 1234 JPY\nPay: 1.234 KWD"

func TestText(t *testing.T) {
	menu := parley.Part{Kind: parley.PartOptions, Title: "Lunch", Text: "What will it be?", Actions: choices[:1],
		Items: []parley.Item{{Title: "Hot", Text: "until 2", Actions: []parley.Action{{Kind: parley.ActionPostback, Text: "Soup"}}}}}
	for _, c := range []struct {
		what        string
		body        []parley.Part
		text, whole string // whole: empty where it is the same
	}{
		{"nothing", nil, "", ""},
		{"text", []parley.Part{part(parley.PartText, " as is\n")}, " as is\n", ""},
		{"two texts", []parley.Part{part(parley.PartText, "a"), part(parley.PartText, "b")}, "a\nb", ""},
		{"HTML", []parley.Part{part(parley.PartHTML, "<p>Hello <b>Ana</b>,</p>\n<div>see&nbsp;you &lt;soon&gt;<br/>Bo</div>")}, "Hello Ana,\nsee you <soon>\nBo", ""},
		{"a script", []parley.Part{part(parley.PartHTML, "a<script>x < y</script> b<style>p{}</style><")}, "a b", ""},
		{"a script without end", []parley.Part{part(parley.PartHTML, "<script>never ends")}, "", ""},
		{"HTML with an alternative", []parley.Part{{Kind: parley.PartHTML, Text: "<b>x</b>", Fallback: "y"}}, "y", ""},
		{"a place", []parley.Part{{Kind: parley.PartLocation, Latitude: 48.5, Longitude: -3, Label: "Harbour"}}, "Harbour (48.5, -3)", ""},
		{"a place with all", []parley.Part{{Kind: parley.PartLocation, Latitude: 1, Longitude: 2, Label: "Inn", Address: "Quay 1", Text: "Here"}}, "Here\nInn, Quay 1 (1, 2)", ""},
		{"a place alone", []parley.Part{{Kind: parley.PartLocation}}, "0, 0", ""},
		{"names in a line", []parley.Part{part(parley.PartText, "Dear "), mention("Ana"), part(parley.PartText, ", come."), part(parley.PartText, "Bo")}, "Dear @Ana, come.\nBo", ""},
		{"names after something else", []parley.Part{mention("Ana"), mention("Bo")}, "@Ana@Bo", ""},
		{"images", []parley.Part{{Kind: parley.PartImage, Text: "Look", Files: []parley.File{{Name: "a.png", Alt: "a cat"}, {Name: "b.png"}, {URL: "https://example.org/c"}}}},
			"Look\na cat\nb.png\nhttps://example.org/c", ""},
		{"a code", []parley.Part{{Kind: parley.PartOTP, Text: "Your code:", Code: "1234"}}, "Your code: 1234", ""},
		{"text with actions", []parley.Part{{Kind: parley.PartText, Text: "Come?", Actions: choices}}, "Come?", "Come?\n" + chosen},
		{"options", []parley.Part{menu}, "Lunch\nWhat will it be?\nHot: until 2", "Lunch\nWhat will it be?\nHot: until 2\n- Soup\n- Yes: I come"},
		{"a section", []parley.Part{{Kind: parley.PartSection, Text: "Today", Parts: []parley.Part{menu, part(parley.PartText, "Bon appetit")}}},
			"Today\nLunch\nWhat will it be?\nHot: until 2\nBon appetit", "Today\nLunch\nWhat will it be?\nHot: until 2\n- Soup\n- Yes: I come\nBon appetit"},
		{"what stands in the place", []parley.Part{{Kind: parley.PartCarousel, Fallback: "see the web", Items: menu.Items}}, "see the web", ""},
	} {
		if c.whole == "" {
			c.whole = c.text
		}
		if got := plain.Text(c.body); got != c.text {
			t.Errorf("%s: %q, want %q", c.what, got, c.text)
		}
		if got := plain.Whole(c.body); got != c.whole {
			t.Errorf("%s, whole: %q, want %q", c.what, got, c.whole)
		}
	}
}
