package connector_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// narrow carries text, images and links; options and mentions as text.
var narrow = connector.Platform{Name: "narrow", MaxText: 40, Parts: []parley.PartKind{parley.PartText, parley.PartImage, parley.PartHTML},
	AsText:  []parley.PartKind{parley.PartOptions, parley.PartCarousel, parley.PartMention, parley.PartFile, parley.PartGIF, parley.PartSection},
	Actions: []parley.ActionKind{parley.ActionLink}}

func text(s string) parley.Part { return parley.Part{Kind: parley.PartText, Text: s} }

func TestFit(t *testing.T) {
	ana := parley.Part{Kind: parley.PartMention, Who: parley.Actor{Kind: parley.ActorUser, Name: "Ana"}}
	link := []parley.Action{{ID: "1", Kind: parley.ActionLink, Text: "Map", URL: "https://example.org"}}
	reply := []parley.Action{{ID: "1", Kind: parley.ActionReply, Text: "Yes"}}
	linked := parley.Part{Kind: parley.PartText, Text: "See", Actions: link}
	here := []parley.File{{Media: "m", Name: "a.png"}}
	image := parley.Part{Kind: parley.PartImage, Files: here}
	imageReply := parley.Part{Kind: parley.PartImage, Files: here, Actions: reply}
	for _, c := range []struct {
		what   string
		body   []parley.Part
		want   []parley.Part
		asText []int
		field  string // of a refusal
		code   string
	}{
		{what: "text", body: []parley.Part{text("a"), text("b")}, want: []parley.Part{text("a"), text("b")}},
		{what: "text with a link", body: []parley.Part{linked, image}, want: []parley.Part{linked, image}},
		{what: "text with a reply", body: []parley.Part{text("a"), {Kind: parley.PartText, Text: "Come?", Actions: reply}},
			want: []parley.Part{text("a"), text("Come?\n- Yes")}, asText: []int{1}},
		{what: "an image with a reply", body: []parley.Part{imageReply}, want: []parley.Part{image, text("- Yes")}, asText: []int{0}},
		{what: "a name in a line", body: []parley.Part{text("Dear "), ana, text(", come."), text("Bo")},
			want: []parley.Part{text("Dear @Ana, come."), text("Bo")}, asText: []int{1}},
		{what: "a name after an image", body: []parley.Part{image, ana, text(" sees")}, want: []parley.Part{image, text("@Ana sees")}, asText: []int{1}},
		{what: "a section is opened", body: []parley.Part{{Kind: parley.PartSection, Text: "Now", Parts: []parley.Part{image, text("a"), ana}}},
			want: []parley.Part{text("Now"), image, text("a@Ana")}, asText: []int{0}},
		{what: "a file elsewhere", body: []parley.Part{{Kind: parley.PartFile, Files: []parley.File{{URL: "https://example.org/f"}}}},
			want: []parley.Part{text("https://example.org/f")}, asText: []int{0}},
		{what: "a file with a fallback", body: []parley.Part{{Kind: parley.PartGIF, Files: here, Fallback: "a cat"}}, want: []parley.Part{text("a cat")}, asText: []int{0}},
		{what: "cards with pictures", body: []parley.Part{{Kind: parley.PartCarousel, Items: []parley.Item{{Title: "One", File: &here[0]}}}},
			want: []parley.Part{text("One")}, asText: []int{0}},

		{what: "a file that is only here", body: []parley.Part{text("a"), {Kind: parley.PartFile, Files: here}}, field: "body[1]", code: "part-unsupported"},
		{what: "a place", body: []parley.Part{{Kind: parley.PartLocation}}, field: "body[0]", code: "part-unsupported"},
		{what: "a page", body: []parley.Part{{Kind: parley.PartPage, Who: ana.Who}}, field: "body[0]", code: "part-unsupported"},
		{what: "a place in a section", body: []parley.Part{{Kind: parley.PartSection, Parts: []parley.Part{text("a"), {Kind: parley.PartLocation}}}},
			field: "body[0].parts[1]", code: "part-unsupported"},
		{what: "a long text", body: []parley.Part{text(strings.Repeat("ä", 41))}, field: "body[0]", code: "too-long"},
		{what: "text that gets too long", body: []parley.Part{text(strings.Repeat("ä", 38)), ana}, field: "body[1]", code: "too-long"},
	} {
		before := parley.CloneBody(c.body)
		got, asText, err := narrow.Fit(c.body)
		if !reflect.DeepEqual(c.body, before) {
			t.Errorf("%s: the body itself became %+v", c.what, c.body)
		}
		if c.code != "" {
			var refused *parley.Error
			if !errors.As(err, &refused) || len(refused.Fields) != 1 || refused.Fields[0].Field != c.field || refused.Fields[0].Code != c.code {
				t.Errorf("%s: %v, want %s of %s", c.what, err, c.code, c.field)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) || !slices.Equal(asText, c.asText) {
			t.Errorf("%s: %+v, %v, %v; want %+v, %v", c.what, got, asText, err, c.want, c.asText)
		}
		again, _, err := narrow.Fit(got)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: what fits becomes %+v, %v", c.what, again, err)
		}
	}
}
