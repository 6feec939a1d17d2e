package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// Template renders a template.
func Template(t *parley.Template) api.Template {
	return api.Template{ID: string(t.ID), Name: t.Name, Description: t.Description, Latest: t.Latest, Published: t.Published, Rev: t.Rev, CreatedAt: stamp(t.CreatedAt)}
}

// TemplateVersion renders a version of a template.
func TemplateVersion(v *parley.TemplateVersion) api.TemplateVersion {
	out := api.TemplateVersion{TemplateID: string(v.Template), Number: v.Number, State: api.TemplateState(v.State), DefaultLocale: v.DefaultLocale,
		Locales: make([]api.TemplateLocale, len(v.Locales)), Variables: make([]api.TemplateVariable, len(v.Variables)),
		CreatedAt: stamp(v.CreatedAt), PublishedAt: stamp(v.PublishedAt)}
	for i := range v.Locales {
		out.Locales[i] = api.TemplateLocale{Locale: v.Locales[i].Locale, Body: Body(v.Locales[i].Body)}
	}
	for i, d := range v.Variables {
		out.Variables[i] = api.TemplateVariable{Name: d.Name, Type: api.VariableType(d.Type), Required: d.Required, Default: d.Default, Example: d.Example,
			Description: d.Description}
	}
	return out
}

// TemplateText is what a version of a template is to say.
func TemplateText(b *api.TemplateText) template.Text {
	out := template.Text{DefaultLocale: b.DefaultLocale}
	for _, l := range b.Locales {
		out.Locales = append(out.Locales, parley.TemplateLocale{Locale: l.Locale, Body: Parts(l.Body)})
	}
	for _, d := range b.Variables {
		out.Variables = append(out.Variables, parley.TemplateVariable{Name: d.Name, Type: parley.VariableType(d.Type), Required: d.Required, Default: d.Default,
			Example: d.Example, Description: d.Description})
	}
	return out
}

// Rendered renders what a template or a saved reply comes to.
func Rendered(body []parley.Part, missing []string) api.Rendered {
	return api.Rendered{Body: Body(body), Text: plain.Text(body), Missing: missing}
}

// SavedReply renders a saved reply.
func SavedReply(r *parley.SavedReply) api.SavedReply {
	return api.SavedReply{ID: string(r.ID), Owner: api.ReplyOwner{Kind: api.ActorKind(r.Owner.Kind), ID: string(r.Owner.ID)}, Title: r.Title, Shortcut: r.Shortcut,
		Folder: r.Folder, Tags: filledList(r.Tags), Body: Body(r.Body), Text: plain.Text(r.Body), Rev: r.Rev, CreatedAt: stamp(r.CreatedAt)}
}

func templated(t *parley.Templated) *api.Templated {
	if t == nil {
		return nil
	}
	return &api.Templated{ID: string(t.ID), Version: t.Version, Locale: t.Locale, Variables: t.Variables}
}
