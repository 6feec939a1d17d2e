package body

import (
	"cmp"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// Of is the body that shows a message's parts and attachments; nil where it has none. Where a file is, at says.
func Of(parts []parley.Part, attachments []parley.Attachment, at func(parley.File) string) *Body {
	s := shower{at}
	bodies := s.bodies(parts)
	var files []parley.File
	for _, a := range attachments {
		files = append(files, parley.File{Media: a.Media, Name: a.Name, ContentType: a.ContentType, Size: a.Size})
	}
	if len(files) > 0 {
		if len(bodies) == 0 || !s.attach(&bodies[len(bodies)-1], files) {
			bodies = append(bodies, s.filesOf(files, "", nil))
		}
	}
	switch len(bodies) {
	case 0:
		return nil
	case 1:
		return &bodies[0]
	}
	return &Body{Type: "section", Section: &Section{Items: withoutHTML(bodies)}}
}

// withoutHTML makes text of HTML, which sections do not have.
func withoutHTML(bodies []Body) []Body {
	for i := range bodies {
		h := bodies[i].HTML
		if h == nil {
			continue
		}
		bodies[i] = Body{Type: "text", Text: &Text{Text: cmp.Or(h.Text, " "), Attachments: h.Attachments, Actions: h.Actions}}
	}
	return bodies
}

type shower struct{ at func(parley.File) string }

// bodies shows parts one after the other; what stands in a line of text is put into it.
func (s shower) bodies(parts []parley.Part) (out []Body) {
	glue := false
	for i := range parts {
		p := &parts[i]
		text := ""
		switch {
		case p.Inline():
			text = "@" + cmp.Or(p.Who.Name, string(p.Who.Kind))
		case p.Kind == parley.PartText && len(p.Actions) == 0:
			text = p.Text
		case p.Kind == parley.PartFile && p.Text == "" && len(p.Actions) == 0 && len(out) > 0 && s.attach(&out[len(out)-1], p.Files):
			glue = false
			continue
		default:
			out, glue = append(out, s.body(p)), false
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].Text != nil && len(out[last].Text.Actions) == 0 && (glue || p.Inline()) {
			out[last].Text.Text += text
		} else {
			out = append(out, Body{Type: "text", Text: &Text{Text: text, Metadata: subjectOf(p)}})
		}
		glue = p.Inline()
	}
	return out
}

// attach adds files to a text, if it is one.
func (s shower) attach(b *Body, files []parley.File) bool {
	switch {
	case b.Text != nil:
		b.Text.Attachments = append(b.Text.Attachments, s.attachments(files)...)
	case b.HTML != nil:
		b.HTML.Attachments = append(b.HTML.Attachments, s.attachments(files)...)
	default:
		return false
	}
	return true
}

func subjectOf(p *parley.Part) *Metadata {
	if p.Hints["subject"] == "" {
		return nil
	}
	return &Metadata{Subject: p.Hints["subject"]}
}

func (s shower) body(p *parley.Part) Body {
	switch p.Kind {
	case parley.PartHTML:
		return Body{Type: "html", HTML: &HTML{HTML: p.Text, Text: plain.Part(p), Attachments: s.attachments(p.Files), Actions: s.actions(p.Actions), Metadata: subjectOf(p)}}
	case parley.PartImage:
		return s.images(p)
	case parley.PartFile:
		return s.filesOf(p.Files, p.Text, p.Actions)
	case parley.PartGIF:
		return Body{Type: "gif", GIF: &GIF{Text: p.Text, MediaURL: s.at(p.Files[0]), AltText: p.Files[0].Alt, Actions: s.actions(p.Actions)}}
	case parley.PartLocation:
		l := &Location{Coordinates: Coordinates{p.Latitude, p.Longitude}}
		if p.Label != "" || p.Address != "" {
			l.Location = &Place{Address: p.Address, Label: p.Label}
		}
		return Body{Type: "location", Location: l}
	case parley.PartCarousel:
		return Body{Type: "carousel", Carousel: &Carousel{Text: p.Text, Items: s.items(p.Items)}}
	case parley.PartOptions:
		return s.options(p)
	case parley.PartSection:
		items := s.bodies(p.Parts)
		if p.Text != "" {
			items = append([]Body{{Type: "text", Text: &Text{Text: p.Text}}}, items...)
		}
		return Body{Type: "section", Section: &Section{Items: withoutHTML(items)}}
	case parley.PartOTP:
		return Body{Type: "authentication", Authentication: &Authentication{OTP: &OTP{Disclaimer: p.Warning, ExpirationTime: min((p.CodeTTL+59)/60, 90), Actions: s.actions(p.Actions)}}}
	}
	return Body{Type: "text", Text: &Text{Text: p.Text, Actions: s.actions(p.Actions), Metadata: subjectOf(p)}}
}

func (s shower) options(p *parley.Part) Body {
	if len(p.Actions) == 1 && p.Actions[0].Kind == parley.ActionPermission {
		return Body{Type: "permission_request", Permission: &Permission{p.Actions[0].Payload}}
	}
	list := &List{Title: p.Title, Text: p.Text, AltText: p.Fallback, Items: s.items(p.Items), Actions: s.actions(p.Actions)}
	if p.Button != "" || p.ChosenAs != "" || p.ChosenBy != "" {
		list.Metadata = &Metadata{}
		if p.Button != "" {
			list.Metadata.Button = &Label{short(p.Button, 20)}
		}
		if p.ChosenAs != "" || p.ChosenBy != "" {
			list.Metadata.ReplyMessage = &ReplyMessage{Title: short(p.ChosenBy, 512), Text: short(p.ChosenAs, 512)}
		}
	}
	return Body{Type: "list", List: list}
}

func short(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}

func (s shower) images(p *parley.Part) Body {
	image := &Image{Text: p.Text, Actions: s.actions(p.Actions)}
	for _, f := range p.Files {
		image.Images = append(image.Images, Picture{MediaURL: s.at(f), AltText: f.Alt})
	}
	return Body{Type: "image", Image: image}
}

// filesOf shows files: as images, where all are.
func (s shower) filesOf(files []parley.File, text string, actions []parley.Action) Body {
	images := true
	for _, f := range files {
		images = images && strings.HasPrefix(f.ContentType, "image/")
	}
	if images {
		return s.images(&parley.Part{Files: files, Text: text, Actions: actions})
	}
	file := &File{Text: text, Actions: s.actions(actions)}
	for _, f := range files {
		d := Document{MediaURL: s.at(f), ContentType: cmp.Or(f.ContentType, "application/octet-stream"), Filename: f.Name, AltText: f.Alt}
		if f.Animated {
			d.Metadata = &Animated{true}
		}
		file.Files = append(file.Files, d)
	}
	return Body{Type: "file", File: file}
}

func (s shower) attachments(files []parley.File) (out []Attachment) {
	for _, f := range files {
		out = append(out, Attachment{MediaURL: s.at(f), Filename: cmp.Or(f.Name, "file"), ContentID: f.ContentID})
	}
	return out
}

func (s shower) items(items []parley.Item) (out []Item) {
	for _, i := range items {
		o := Item{Title: i.Title, Description: i.Text, Actions: s.actions(i.Actions)}
		if i.File != nil {
			o.MediaURL, o.AltText = s.at(*i.File), i.File.Alt
		}
		out = append(out, o)
	}
	return out
}

func (s shower) actions(actions []parley.Action) (out []Action) {
	for _, a := range actions {
		p := &Postback{Text: a.Text, Payload: a.Payload}
		if a.Description != "" {
			p.Metadata = &Metadata{Description: &Label{short(a.Description, 72)}}
		}
		if a.Image != nil {
			p.ImageURL = s.at(*a.Image)
		}
		switch a.Kind {
		case parley.ActionLink:
			out = append(out, Action{Type: "link", Link: &Link{a.Text, a.URL}})
		case parley.ActionPhone:
			out = append(out, Action{Type: "link", Link: &Link{a.Text, "tel:" + a.Phone}})
		case parley.ActionReply:
			p.Payload = ""
			out = append(out, Action{Type: "reply", Reply: p})
		case parley.ActionLocation:
			out = append(out, Action{Type: "locationRequest", LocationRequest: &Ask{a.Text}})
		case parley.ActionBuy:
			out = append(out, Action{Type: "buy", Buy: &Buy{a.Text, a.Amount, a.Currency}})
		default:
			out = append(out, Action{Type: "postback", Postback: p})
		}
	}
	return out
}
