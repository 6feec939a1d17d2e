package template

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/template"
)

// Use says which template is used, and with what.
type Use struct {
	ID        parley.ID
	Name      string // in place of the id
	Version   int    // 0: the published one
	Locale    string // empty: the default one
	Variables map[string]string
}

// Rendered is what a template came to.
type Rendered struct {
	Body []parley.Part
	Of   parley.Templated
}

// Preview renders a template as it would be sent; without a version the newest one, draft or not. Variables that are not
// given have their default or their example.
func (t *Templates) Preview(ctx context.Context, p *access.Principal, u Use) (Rendered, error) {
	if err := p.Require(parley.ScopeTemplatesRead); err != nil {
		return Rendered{}, err
	}
	q := t.store.Read(ctx)
	it, err := template.Get(q, p.Organization, u.ID)
	if err != nil {
		return Rendered{}, err
	}
	if u.Version == 0 {
		u.Version = it.Latest
	}
	v, err := template.Version(q, p.Organization, it.ID, u.Version)
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.Invalid("version", "version-unknown", "must be the number of a version")
	}
	if err != nil {
		return Rendered{}, err
	}
	given := map[string]string{}
	for _, variable := range v.Variables {
		if variable.Required && variable.Example != "" {
			given[variable.Name] = variable.Example
		}
	}
	for name, value := range u.Variables {
		given[name] = value
	}
	u.Variables = given
	return rendered(&v, u)
}

// Render renders a template for a message.
func Render(q store.Queries, organization parley.ID, u Use) (Rendered, error) {
	field := "template.id"
	switch {
	case (u.ID == "") == (u.Name == ""):
		return Rendered{}, parley.Invalid("template", "template-unknown", "must name a template, by its id or by its name")
	case u.ID == "":
		field = "template.name"
	}
	it, err := template.Template(q, organization, u.ID, u.Name)
	if parley.IsKind(err, parley.KindNotFound) {
		return Rendered{}, parley.Invalid(field, "template-unknown", "there is no such template")
	}
	if err != nil {
		return Rendered{}, err
	}
	if u.Version == 0 {
		if u.Version = it.Published; u.Version == 0 {
			return Rendered{}, parley.Invalid("template", "template-unpublished", "no version of the template is published")
		}
	}
	v, err := template.Version(q, organization, it.ID, u.Version)
	switch {
	case parley.IsKind(err, parley.KindNotFound):
		return Rendered{}, parley.Invalid("template.version", "version-unknown", "must be the number of a version")
	case err != nil:
		return Rendered{}, err
	case v.State == parley.TemplateDraft:
		return Rendered{}, parley.Invalid("template.version", "template-unpublished", "the version was never published")
	}
	out, err := rendered(&v, u)
	return out, under("template", err)
}

// rendered puts the values in the places of the variables, in the locale that fits best.
func rendered(v *parley.TemplateVersion, u Use) (Rendered, error) {
	out := Rendered{Of: parley.Templated{ID: v.Template, Version: v.Number, Variables: u.Variables}}
	values, err := valuesOf(v, u.Variables)
	if err != nil {
		return out, err
	}
	l, err := localeOf(v, u.Locale)
	if err != nil {
		return out, err
	}
	out.Of.Locale = l.Locale
	body, wrong := render(l.Body, func(name string) string { return values[name] })
	out.Body = body
	return out, parley.InvalidFields(wrong)
}

// valuesOf are the values of all variables of a version.
func valuesOf(v *parley.TemplateVersion, given map[string]string) (map[string]string, error) {
	c := check{}
	values := map[string]string{}
	for i := range v.Variables {
		declared := &v.Variables[i]
		value, ok := given[declared.Name]
		switch {
		case !ok && declared.Required:
			c.Refuse("variables."+declared.Name, "variable-missing", "the variable %s must be given", declared.Name)
		case !ok:
			value = declared.Default
		default:
			c.value("variables."+declared.Name, declared.Type, value)
		}
		values[declared.Name] = value
	}
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, ok := values[name]; !ok {
			c.Refuse("variables."+name, "variable-unknown", "the template has no variable %s", name)
		}
	}
	return values, c.Err()
}

// localeOf is the locale of a version that fits best: the one asked for, the same language with less said of it, the default.
func localeOf(v *parley.TemplateVersion, asked string) (*parley.TemplateLocale, error) {
	asked = strings.ReplaceAll(asked, "_", "-")
	if asked != "" && !localeForm.MatchString(asked) {
		return nil, parley.Invalid("locale", "locale-invalid", "must be a locale, such as en or pt-BR")
	}
	for _, wanted := range []string{asked, v.DefaultLocale} {
		for wanted != "" {
			for i := range v.Locales {
				if strings.EqualFold(v.Locales[i].Locale, wanted) {
					return &v.Locales[i], nil
				}
			}
			wanted = wanted[:max(strings.LastIndexByte(wanted, '-'), 0)]
		}
	}
	return &v.Locales[0], nil
}
