package connector

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// Fit is a body as the platform carries it, and which of its parts became plain text for that. What the platform
// refuses is parley.Invalid, with the part's field.
func (p *Platform) Fit(body []parley.Part) ([]parley.Part, []int, error) {
	if p.asIs(body) {
		return body, nil, nil
	}
	f := fitting{platform: p}
	for i := range body {
		if f.add("body["+strconv.Itoa(i)+"]", &body[i]); f.err != nil {
			return nil, nil, f.err
		}
		if f.changed {
			f.asText, f.changed = append(f.asText, i), false
		}
	}
	return f.out, f.asText, nil
}

// asIs reports whether every part is plain text that is short enough.
func (p *Platform) asIs(body []parley.Part) bool {
	for i := range body {
		if !body[i].Plain() || p.tooLong(body[i].Text) || !p.takes(parley.PartText) {
			return false
		}
	}
	return true
}

// takes reports whether the platform carries a kind of parts as they are; text, where nothing is said.
func (p *Platform) takes(kind parley.PartKind) bool {
	return slices.Contains(p.Parts, kind) || len(p.Parts) == 0 && kind == parley.PartText
}

func (p *Platform) tooLong(text string) bool {
	return p.MaxText > 0 && len(text) > p.MaxText && utf8.RuneCountInString(text) > p.MaxText
}

// fitting is a body on its way onto a platform.
type fitting struct {
	platform *Platform
	out      []parley.Part
	glue     bool // the text that comes next stands in the line of the last
	asText   []int
	changed  bool // the present part, or one within it, became text
	err      error
}

func (f *fitting) add(field string, part *parley.Part) {
	switch {
	case f.native(part):
		f.append(field, *part, false)
	case part.Kind == parley.PartSection && part.Fallback == "":
		f.open(field, part)
	default:
		f.text(field, part)
	}
}

// native reports whether the platform carries a part with everything in it.
func (f *fitting) native(part *parley.Part) bool {
	if !f.platform.takes(part.Kind) || !f.carriesAll(part.Actions) {
		return false
	}
	for i := range part.Items {
		if !f.carriesAll(part.Items[i].Actions) {
			return false
		}
	}
	for i := range part.Parts {
		if !f.native(&part.Parts[i]) {
			return false
		}
	}
	return true
}

func (f *fitting) carriesAll(actions []parley.Action) bool {
	for i := range actions {
		if !slices.Contains(f.platform.Actions, actions[i].Kind) {
			return false
		}
	}
	return true
}

// open puts the parts of a section one after the other.
func (f *fitting) open(field string, section *parley.Part) {
	f.changed = true
	if section.Text != "" {
		f.append(field, parley.Part{Kind: parley.PartText, Text: section.Text}, false)
	}
	for i := range section.Parts {
		f.add(field+".parts["+strconv.Itoa(i)+"]", &section.Parts[i])
	}
}

// text puts a part as plain text, where that says all that matters: a file that is only here is not in its name.
func (f *fitting) text(field string, part *parley.Part) {
	p := f.platform
	native, asText := p.takes(part.Kind), slices.Contains(p.AsText, part.Kind)
	choice := part.Kind == parley.PartCarousel || part.Kind == parley.PartOptions || part.Kind == parley.PartSection
	text := plain.WholePart(part)
	switch {
	case native && part.Kind != parley.PartText && !choice: // its actions alone are what the platform does not carry
		f.apart(field, part)
	case !native && !asText || text == "" || !p.takes(parley.PartText):
		f.refuse(field, "part-unsupported", "the platform "+p.Name+" does not carry "+string(part.Kind))
	case part.Fallback == "" && onlyHere(part):
		f.refuse(field, "part-unsupported", "the platform "+p.Name+" does not carry "+string(part.Kind)+": say in its fallback what stands in its place")
	default:
		f.changed = true
		f.append(field, parley.Part{Kind: parley.PartText, Text: text}, part.Inline())
	}
}

// apart puts a part without its actions, and those as text behind it.
func (f *fitting) apart(field string, part *parley.Part) {
	f.changed = true
	alone := *part
	alone.Actions = nil
	f.append(field, alone, false)
	f.append(field, parley.Part{Kind: parley.PartText, Text: plain.WholePart(&parley.Part{Kind: parley.PartOptions, Actions: part.Actions})}, false)
}

// onlyHere reports whether a part is files of which some are nowhere else.
func onlyHere(part *parley.Part) bool {
	files := part.Kind == parley.PartImage || part.Kind == parley.PartFile || part.Kind == parley.PartGIF
	return files && slices.ContainsFunc(part.Files, func(f parley.File) bool { return f.Media != "" })
}

func (f *fitting) append(field string, part parley.Part, inline bool) {
	last := len(f.out) - 1
	if last >= 0 && (inline || f.glue) && part.Plain() && f.out[last].Plain() {
		f.out[last].Text += part.Text
	} else {
		f.out = append(f.out, part)
		last++
	}
	f.glue = inline
	if f.platform.tooLong(f.out[last].Text) {
		f.refuse(field, "too-long", "the platform "+f.platform.Name+" takes at most "+strconv.Itoa(f.platform.MaxText)+" characters")
	}
}

func (f *fitting) refuse(field, code, message string) {
	if f.err == nil {
		f.err = parley.Invalid(field, code, "%s", message)
	}
}
