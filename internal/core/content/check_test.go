package content_test

import (
	"math"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

func TestCheck(t *testing.T) {
	media := []parley.File{{Media: "m"}}
	link := parley.Action{Kind: parley.ActionLink, Text: "Map", URL: "https://example.org/a?b=c"}
	long := strings.Repeat("x", 100_001)
	section := func(parts ...parley.Part) parley.Part { return parley.Part{Kind: parley.PartSection, Parts: parts} }
	words := parley.Part{Kind: parley.PartText, Text: "x"}
	for _, c := range []struct {
		what        string
		part        parley.Part
		field, code string // empty: it is right
	}{
		{what: "text", part: words},
		{"no text", parley.Part{Kind: parley.PartText}, "body", "required"},
		{"a long text", parley.Part{Kind: parley.PartText, Text: long}, "body", "too-long"},
		{"no text with actions", parley.Part{Kind: parley.PartText, Actions: []parley.Action{link}}, "body[0].text", "required"},
		{"text with a fallback", parley.Part{Kind: parley.PartText, Text: "x", Fallback: "y"}, "body[0].fallback", "not-allowed"},
		{what: "HTML", part: parley.Part{Kind: parley.PartHTML, Text: "<b>", Fallback: "b", Files: []parley.File{{Media: "m", ContentID: "logo"}}}},
		{"no kind", parley.Part{Text: "x"}, "body[0].kind", "value-unknown"},
		{what: "an image", part: parley.Part{Kind: parley.PartImage, Files: append(media, parley.File{URL: "https://example.org/i.png", ContentType: "image/png"})}},
		{"no file", parley.Part{Kind: parley.PartFile}, "body[0].files", "required"},
		{"two in a gif", parley.Part{Kind: parley.PartGIF, Files: []parley.File{{Media: "m"}, {Media: "n"}}}, "body[0].files", "required"},
		{"a file that is nowhere", parley.Part{Kind: parley.PartImage, Files: []parley.File{{Media: "m"}, {Name: "x"}}}, "body[0].files[1]", "file-required"},
		{"a file in two places", parley.Part{Kind: parley.PartImage, Files: []parley.File{{Media: "m", URL: "https://example.org"}}}, "body[0].files[0]", "file-required"},
		{"a file at a path", parley.Part{Kind: parley.PartImage, Files: []parley.File{{URL: "file:///etc/passwd"}}}, "body[0].files[0].url", "url-invalid"},
		{"a place off the earth", parley.Part{Kind: parley.PartLocation, Latitude: math.NaN()}, "body[0]", "out-of-range"},
		{"a place with files", parley.Part{Kind: parley.PartLocation, Files: media}, "body[0].files", "not-allowed"},
		{"cards without cards", parley.Part{Kind: parley.PartCarousel}, "body[0].items", "required"},
		{"an empty card", parley.Part{Kind: parley.PartCarousel, Items: []parley.Item{{Title: "a"}, {}}}, "body[0].items[1]", "required"},
		{"a long title", parley.Part{Kind: parley.PartCarousel, Items: []parley.Item{{Title: long[:1001]}}}, "body[0].items[0].title", "too-long"},
		{"a script as a link", parley.Part{Kind: parley.PartCarousel, Items: []parley.Item{{Title: "a", Actions: []parley.Action{{Kind: parley.ActionLink, Text: "x", URL: "javascript:alert(1)"}}}}},
			"body[0].items[0].actions[0].url", "url-invalid"},
		{"a link with a space", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionLink, Text: "x", URL: "https://a.example/ b"}}}, "body[0].actions[0].url", "url-invalid"},
		{"a link without a host", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionLink, Text: "x", URL: "https:///a"}}}, "body[0].actions[0].url", "url-invalid"},
		{"a link without a name", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionLink, URL: "https://example.org"}}}, "body[0].actions[0].text", "required"},
		{"a reply with a link", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionReply, Text: "x", URL: "https://example.org"}}}, "body[0].actions[0].url", "not-allowed"},
		{"no phone", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionPhone, Text: "x", Phone: "nobody"}}}, "body[0].actions[0].phone", "phone-invalid"},
		{"nothing to pay", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionBuy, Text: "x", Currency: "EUR"}}}, "body[0].actions[0].amount", "out-of-range"},
		{"no money", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionBuy, Text: "x", Amount: 1, Currency: "eur"}}}, "body[0].actions[0].currency", "currency-invalid"},
		{"no permission", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionPermission}}}, "body[0].actions[0].payload", "required"},
		{what: "a location request", part: parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: parley.ActionLocation}}}},
		{"an unknown action", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{Kind: "dance", Text: "x"}}}, "body[0].actions[0].kind", "value-unknown"},
		{"two actions of one id", parley.Part{Kind: parley.PartText, Text: "x", Actions: []parley.Action{{ID: "a", Kind: parley.ActionReply, Text: "x"}, {ID: "a", Kind: parley.ActionReply, Text: "y"}}},
			"body[0].actions[1].id", "duplicate"},
		{"no options", parley.Part{Kind: parley.PartOptions, Text: "x"}, "body[0].items", "required"},
		{what: "options", part: parley.Part{Kind: parley.PartOptions, Title: "x", Button: "choose", ChosenAs: "you chose", ChosenBy: "choice", Actions: []parley.Action{{Kind: parley.ActionReply, Text: "x"}}}},
		{"an empty section", section(), "body[0].parts", "required"},
		{what: "a section in a section", part: section(section(words))},
		{"sections too deep", section(section(section(words))), "body[0].parts[0].parts[0]", "too-deep"},
		{"a wrong part in a section", section(words, parley.Part{Kind: parley.PartGIF}), "body[0].parts[1].files", "required"},
		{what: "a code", part: parley.Part{Kind: parley.PartOTP, Code: "1234", CodeTTL: 600, Warning: true}},
		{"no code", parley.Part{Kind: parley.PartOTP, Text: "x"}, "body[0].code", "required"},
		{"a code for ever", parley.Part{Kind: parley.PartOTP, Code: "1", CodeTTL: 86401}, "body[0].codeTtl", "out-of-range"},
		{"a text with a code", parley.Part{Kind: parley.PartText, Text: "x", Code: "1", Hints: map[string]string{"a": "b"}}, "body[0].code", "not-allowed"},
		{what: "a mention", part: parley.Part{Kind: parley.PartMention, Who: parley.Actor{Kind: parley.ActorContact, ID: "c"}}},
		{"a mention of nobody", parley.Part{Kind: parley.PartMention}, "body[0].who.kind", "value-unknown"},
		{"a page of a contact", parley.Part{Kind: parley.PartPage, Who: parley.Actor{Kind: parley.ActorContact, ID: "c"}}, "body[0].who.kind", "value-unknown"},
		{"a page without an id", parley.Part{Kind: parley.PartPage, Who: parley.Actor{Kind: parley.ActorTeam}}, "body[0].who.id", "required"},
		{"a page with text", parley.Part{Kind: parley.PartPage, Text: "x", Who: parley.Actor{Kind: parley.ActorOrganization}}, "body[0].text", "not-allowed"},
		{"a hint without a name", parley.Part{Kind: parley.PartImage, Files: media, Hints: map[string]string{"": "x"}}, "body[0].hints", "required"},
		{"a hint that is too long", parley.Part{Kind: parley.PartImage, Files: media, Hints: map[string]string{"a": long[:4001]}}, "body[0].hints.a", "too-long"},
		{"no text at all", parley.Part{Kind: parley.PartLocation, Label: "a\x00b"}, "body[0].label", "text-invalid"},
	} {
		wrong := content.Check([]parley.Part{c.part})
		switch {
		case c.code == "" && len(wrong) > 0:
			t.Errorf("%s: %v", c.what, wrong)
		case c.code != "" && (len(wrong) != 1 || wrong[0].Field != c.field || wrong[0].Code != c.code):
			t.Errorf("%s: %v, want %s of %s", c.what, wrong, c.code, c.field)
		}
	}
}

// Every action of a body has an id of its own, and those that were given stay.
func TestActionsAreNamed(t *testing.T) {
	reply := func(id string) parley.Action { return parley.Action{ID: id, Kind: parley.ActionReply, Text: "x"} }
	body := []parley.Part{{Kind: parley.PartText, Text: "x", Actions: []parley.Action{reply(""), reply("3")}},
		{Kind: parley.PartSection, Parts: []parley.Part{{Kind: parley.PartOptions, Actions: []parley.Action{reply("")},
			Items: []parley.Item{{Title: "x", Actions: []parley.Action{reply("yes"), reply("")}}}}}}}
	if wrong := content.Check(body); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	inner := body[1].Parts[0]
	got := []string{body[0].Actions[0].ID, body[0].Actions[1].ID, inner.Actions[0].ID, inner.Items[0].Actions[0].ID, inner.Items[0].Actions[1].ID}
	if want := "1 3 2 yes 4"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if a := parley.ActionOf(body, "4"); a != &inner.Items[0].Actions[1] {
		t.Errorf("the action 4 is %v", a)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	many := make([]parley.Part, 101)
	for i := range many {
		many[i] = parley.Part{Kind: parley.PartText, Text: "x"}
	}
	if wrong := content.Check(many); len(wrong) != 1 || wrong[0].Code != "too-many" || wrong[0].Field != "body" {
		t.Errorf("101 parts: %v", wrong)
	}
	var cards []parley.Item
	for range 100 {
		cards = append(cards, parley.Item{Title: "x", Actions: []parley.Action{{Kind: parley.ActionReply, Text: "a"}}})
	}
	for i := range 6 {
		many[i] = parley.Part{Kind: parley.PartCarousel, Items: cards}
	}
	if wrong := content.Check(many[:6]); len(wrong) != 1 || wrong[0].Code != "too-many" {
		t.Errorf("1206 elements: %v", wrong)
	}
}
