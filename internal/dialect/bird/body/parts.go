package body

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// Parts are what a body becomes.
func (b *Body) Parts(files Files) []parley.Part {
	c := converter{files}
	parts := c.parts("body", b)
	if subject := b.subject(); subject != "" && len(parts) > 0 {
		Hint(parts, "subject", subject)
	}
	return parts
}

// Hint adds a hint to the first of some parts.
func Hint(parts []parley.Part, name, value string) {
	if value == "" {
		return
	}
	if parts[0].Hints == nil {
		parts[0].Hints = map[string]string{}
	}
	parts[0].Hints[name] = value
}

type converter struct{ files Files }

func (c converter) parts(field string, b *Body) []parley.Part {
	field += "." + b.Type
	switch {
	case b.Text != nil:
		part := parley.Part{Kind: parley.PartText, Text: b.Text.Text, Actions: c.actions(b.Text.Actions)}
		return c.attach([]parley.Part{part}, field, b.Text.Attachments, false)
	case b.HTML != nil:
		return c.html(field, b.HTML)
	case b.Image != nil:
		part := parley.Part{Kind: parley.PartImage, Text: b.Image.Text, Actions: c.actions(b.Image.Actions), Fallback: fallback(b.Image.Metadata)}
		for i, image := range b.Image.Images {
			file := c.files.At(fmt.Sprintf("%s.images[%d].mediaUrl", field, i), image.MediaURL)
			file.Alt = image.AltText
			part.Files = append(part.Files, file)
		}
		return []parley.Part{part}
	case b.File != nil:
		return []parley.Part{c.documents(field, b.File)}
	case b.GIF != nil:
		file := c.files.At(field+".mediaUrl", b.GIF.MediaURL)
		file.Alt, file.Animated = b.GIF.AltText, true
		return []parley.Part{{Kind: parley.PartGIF, Text: b.GIF.Text, Files: []parley.File{file}, Actions: c.actions(b.GIF.Actions)}}
	case b.Location != nil:
		part := parley.Part{Kind: parley.PartLocation, Latitude: b.Location.Coordinates.Latitude, Longitude: b.Location.Coordinates.Longitude}
		if place := b.Location.Location; place != nil {
			part.Label, part.Address = place.Label, place.Address
		}
		return []parley.Part{part}
	case b.Carousel != nil:
		return []parley.Part{{Kind: parley.PartCarousel, Text: b.Carousel.Text, Items: c.items(field, b.Carousel.Items)}}
	case b.List != nil:
		return []parley.Part{c.list(field, b.List)}
	case b.Section != nil:
		return []parley.Part{c.section(field, b.Section)}
	case b.Authentication != nil:
		part := parley.Part{Kind: parley.PartOTP}
		if otp := b.Authentication.OTP; otp != nil {
			part.Warning, part.CodeTTL, part.Actions = otp.Disclaimer, 60*otp.ExpirationTime, c.actions(otp.Actions)
		}
		return []parley.Part{part}
	case b.Permission != nil:
		return []parley.Part{{Kind: parley.PartOptions, Text: "May we call you?", Actions: []parley.Action{{Kind: parley.ActionPermission, Text: "Allow", Payload: b.Permission.Resource}}}}
	}
	return nil
}

func fallback(m *Metadata) string {
	if m == nil {
		return ""
	}
	return m.FallbackText
}

func (c converter) html(field string, h *HTML) []parley.Part {
	part := parley.Part{Kind: parley.PartHTML, Text: h.HTML, Fallback: h.Text, Actions: c.actions(h.Actions)}
	if h.HTML == "" {
		part = parley.Part{Kind: parley.PartText, Text: h.Text, Actions: part.Actions}
	}
	return c.attach([]parley.Part{part}, field, h.Attachments, h.HTML != "")
}

// attach adds files: those that HTML shows to it, others behind it.
func (c converter) attach(parts []parley.Part, field string, attachments []Attachment, html bool) []parley.Part {
	var beside []parley.File
	for i, a := range attachments {
		here := fmt.Sprintf("%s.attachments[%d]", field, i)
		var file parley.File
		if a.MediaURL != "" {
			file = c.files.At(here+".mediaUrl", a.MediaURL)
			file.Name = a.Filename
		} else {
			file = c.files.Inline(here, a)
		}
		file.ContentID = a.ContentID
		if html && (a.Inline || a.ContentID != "") {
			parts[0].Files = append(parts[0].Files, file)
		} else {
			beside = append(beside, file)
		}
	}
	if len(beside) > 0 {
		parts = append(parts, parley.Part{Kind: parley.PartFile, Files: beside})
	}
	return parts
}

func (c converter) documents(field string, f *File) parley.Part {
	part := parley.Part{Kind: parley.PartFile, Text: f.Text, Actions: c.actions(f.Actions), Fallback: fallback(f.Metadata)}
	for i, d := range f.Files {
		file := c.files.At(fmt.Sprintf("%s.files[%d].mediaUrl", field, i), d.MediaURL)
		file.Alt, file.ContentType, file.Name = d.AltText, cmp.Or(file.ContentType, d.ContentType), cmp.Or(d.Filename, file.Name)
		file.Animated = d.Metadata != nil && d.Metadata.IsAnimated
		part.Files = append(part.Files, file)
	}
	return part
}

func (c converter) list(field string, l *List) parley.Part {
	part := parley.Part{Kind: parley.PartOptions, Title: l.Title, Text: l.Text, Fallback: l.AltText, Items: c.items(field, l.Items), Actions: c.actions(l.Actions)}
	if m := l.Metadata; m != nil {
		if m.Button != nil {
			part.Button = m.Button.Label
		}
		if m.ReplyMessage != nil {
			part.ChosenAs, part.ChosenBy = m.ReplyMessage.Text, m.ReplyMessage.Title
		}
	}
	if len(part.Items) == 0 && len(part.Actions) == 0 { // nothing to choose: it says something
		return parley.Part{Kind: parley.PartText, Text: strings.TrimPrefix(l.Title+"\n\n"+l.Text, "\n\n")}
	}
	return part
}

func (c converter) section(field string, s *Section) parley.Part {
	part := parley.Part{Kind: parley.PartSection}
	for i := range s.Items {
		part.Parts = append(part.Parts, c.parts(fmt.Sprintf("%s.items[%d]", field, i), &s.Items[i])...)
	}
	for name, value := range s.Configurations {
		if part.Hints == nil {
			part.Hints = map[string]string{}
		}
		part.Hints["configurations."+name] = value
	}
	return part
}

func (c converter) items(field string, items []Item) (out []parley.Item) {
	for i, item := range items {
		o := parley.Item{Title: item.Title, Text: item.Description, Actions: c.actions(item.Actions)}
		if item.MediaURL != "" {
			file := c.files.At(fmt.Sprintf("%s.items[%d].mediaUrl", field, i), item.MediaURL)
			file.Alt = item.AltText
			o.File = &file
		}
		out = append(out, o)
	}
	return out
}

func (c converter) actions(actions []Action) (out []parley.Action) {
	for _, a := range actions {
		switch {
		case a.Link != nil:
			out = append(out, parley.Action{Kind: parley.ActionLink, Text: a.Link.Text, URL: a.Link.URL})
		case a.Reply != nil:
			out = append(out, c.answer(parley.ActionReply, a.Reply))
		case a.Postback != nil:
			out = append(out, c.answer(parley.ActionPostback, a.Postback))
		case a.Buy != nil:
			out = append(out, parley.Action{Kind: parley.ActionBuy, Text: a.Buy.Text, Amount: a.Buy.AmountCents, Currency: strings.ToUpper(a.Buy.Currency)})
		case a.Type == "locationRequest":
			text := "Send location"
			if a.LocationRequest != nil && a.LocationRequest.Text != "" {
				text = a.LocationRequest.Text
			}
			out = append(out, parley.Action{Kind: parley.ActionLocation, Text: text})
		}
	}
	return out
}

func (c converter) answer(kind parley.ActionKind, p *Postback) parley.Action {
	a := parley.Action{Kind: kind, Text: p.Text, Payload: p.Payload}
	if p.Metadata != nil && p.Metadata.Description != nil {
		a.Description = p.Metadata.Description.Label
	}
	if strings.HasPrefix(p.ImageURL, "http://") || strings.HasPrefix(p.ImageURL, "https://") {
		file := c.files.At("imageUrl", p.ImageURL)
		a.Image = &file
	}
	return a
}
