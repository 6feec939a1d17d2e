package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// Body renders a body.
func Body(list []parley.Part) api.Body {
	out := make(api.Body, len(list))
	for i := range list {
		out[i] = part(&list[i])
	}
	return out
}

func part(p *parley.Part) api.Part {
	out := api.Part{Kind: api.PartKind(p.Kind), Text: p.Text, Title: p.Title, Fallback: p.Fallback, Label: p.Label, Address: p.Address,
		Actions: actions(p.Actions), Code: p.Code, CodeTTL: p.CodeTTL, Warning: p.Warning, Button: p.Button, ChosenText: p.ChosenAs,
		ChosenTitle: p.ChosenBy, Hints: p.Hints}
	if p.Kind == parley.PartLocation {
		out.Latitude, out.Longitude = &p.Latitude, &p.Longitude
	}
	for i := range p.Files {
		out.Files = append(out.Files, fileOf(&p.Files[i]))
	}
	for i := range p.Items {
		item := &p.Items[i]
		out.Items = append(out.Items, api.Item{Title: item.Title, Text: item.Text, File: file(item.File), Actions: actions(item.Actions)})
	}
	if len(p.Parts) > 0 {
		out.Parts = Body(p.Parts)
	}
	if p.Inline() {
		out.Who = new(actor(p.Who, parley.Address{}))
	}
	if how := p.Paging; how != nil {
		out.Paging = &api.Paging{Urgency: api.Urgency(how.Urgency), Each: how.Each, RemindEvery: how.RemindEvery, Reminders: how.Reminders}
	}
	return out
}

func fileOf(f *parley.File) api.File {
	return api.File{Media: string(f.Media), URL: f.URL, Name: f.Name, ContentType: f.ContentType, Size: f.Size, Alt: f.Alt,
		ContentID: f.ContentID, Animated: f.Animated}
}

func file(f *parley.File) *api.File {
	if f == nil {
		return nil
	}
	return new(fileOf(f))
}

func actions(list []parley.Action) []api.Action {
	var out []api.Action
	for i := range list {
		a := &list[i]
		out = append(out, api.Action{ID: a.ID, Kind: api.ActionKind(a.Kind), Text: a.Text, Description: a.Description, URL: a.URL,
			Payload: a.Payload, Phone: a.Phone, Amount: a.Amount, Currency: a.Currency, Image: file(a.Image)})
	}
	return out
}

// Parts is a body that a request gives.
func Parts(b api.Body) []parley.Part {
	if b == nil {
		return nil
	}
	out := make([]parley.Part, len(b))
	for i := range b {
		out[i] = givenPart(&b[i])
	}
	return out
}

func givenPart(p *api.Part) parley.Part {
	out := parley.Part{Kind: parley.PartKind(p.Kind), Text: p.Text, Title: p.Title, Fallback: p.Fallback, Label: p.Label, Address: p.Address,
		Actions: givenActions(p.Actions), Code: p.Code, CodeTTL: p.CodeTTL, Warning: p.Warning, Button: p.Button, ChosenAs: p.ChosenText,
		ChosenBy: p.ChosenTitle, Hints: p.Hints, Parts: Parts(p.Parts)}
	if p.Latitude != nil {
		out.Latitude = *p.Latitude
	}
	if p.Longitude != nil {
		out.Longitude = *p.Longitude
	}
	for i := range p.Files {
		out.Files = append(out.Files, *givenFile(&p.Files[i]))
	}
	for i := range p.Items {
		item := &p.Items[i]
		out.Items = append(out.Items, parley.Item{Title: item.Title, Text: item.Text, File: givenFile(item.File), Actions: givenActions(item.Actions)})
	}
	if p.Who != nil {
		out.Who = parley.Actor{Kind: parley.ActorKind(p.Who.Kind), ID: parley.ID(p.Who.ID)}
	}
	if how := p.Paging; how != nil {
		out.Paging = &parley.Paging{Urgency: parley.Urgency(how.Urgency), Each: how.Each, RemindEvery: how.RemindEvery, Reminders: how.Reminders}
	}
	return out
}

// givenFile is a file that a request names; of one that was uploaded its type and size are known.
func givenFile(f *api.File) *parley.File {
	if f == nil {
		return nil
	}
	out := &parley.File{Media: parley.ID(f.Media), URL: f.URL, Name: f.Name, Alt: f.Alt, ContentID: f.ContentID, Animated: f.Animated}
	if f.Media == "" {
		out.ContentType = f.ContentType
	}
	return out
}

func givenActions(list []api.Action) []parley.Action {
	var out []parley.Action
	for i := range list {
		a := &list[i]
		out = append(out, parley.Action{ID: a.ID, Kind: parley.ActionKind(a.Kind), Text: a.Text, Description: a.Description, URL: a.URL,
			Payload: a.Payload, Phone: a.Phone, Amount: a.Amount, Currency: a.Currency, Image: givenFile(a.Image)})
	}
	return out
}
