package template

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

// Limits of templates, in characters and entries.
const (
	maxName        = 200
	maxDescription = 2000
	maxLocales     = 100
	maxVariables   = 100
	maxValue       = 4000
)

var localeForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,5}$`)

// check collects what is wrong with a request.
type check struct{ parley.Check }

func (c *check) template(t *parley.Template) {
	c.Text("name", t.Name, true, maxName)
	c.Text("description", t.Description, false, maxDescription)
}

func localeField(i int) string { return fmt.Sprintf("locales[%d]", i) }

// under is an error whose fields stand within another one.
func under(field string, err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok {
		return err
	}
	placed := *e
	placed.Message = field + "." + e.Message
	placed.Fields = nil
	for _, f := range e.Fields {
		f.Field = field + "." + f.Field
		placed.Fields = append(placed.Fields, f)
	}
	return &placed
}

// version checks what a version says: its locales, its variables, and that the one names no others of the other.
func (c *check) version(v *parley.TemplateVersion) {
	types := c.variables(v.Variables)
	if len(v.Locales) == 0 {
		c.Refuse("locales", "required", "must have at least one")
	}
	if len(v.Locales) > maxLocales {
		c.Refuse("locales", "too-many", "must be at most %d", maxLocales)
	}
	seen := map[string]bool{}
	for i := range v.Locales {
		l := &v.Locales[i]
		l.Locale = strings.ReplaceAll(l.Locale, "_", "-")
		if !localeForm.MatchString(l.Locale) {
			c.Refuse(localeField(i)+".locale", "locale-invalid", "must be a locale, such as en or pt-BR")
		}
		if seen[strings.ToLower(l.Locale)] {
			c.Refuse(localeField(i)+".locale", "duplicate", "must not be there twice")
		}
		seen[strings.ToLower(l.Locale)] = true
		if len(l.Body) == 0 {
			c.Refuse(localeField(i)+".body", "required", "must not be empty")
		}
		for _, f := range content.CheckTemplate(l.Body) {
			c.Refuse(localeField(i)+"."+f.Field, f.Code, "%s", f.Message)
		}
		c.body(localeField(i), l.Body, types)
	}
	if v.DefaultLocale == "" && len(v.Locales) == 1 {
		v.DefaultLocale = v.Locales[0].Locale
	}
	if v.DefaultLocale = strings.ReplaceAll(v.DefaultLocale, "_", "-"); !seen[strings.ToLower(v.DefaultLocale)] {
		c.Refuse("defaultLocale", "locale-unknown", "must be one of the locales")
	}
}

// variables checks declarations, and returns the types by name.
func (c *check) variables(list []parley.TemplateVariable) map[string]parley.VariableType {
	types := map[string]parley.VariableType{}
	if len(list) > maxVariables {
		c.Refuse("variables", "too-many", "must be at most %d", maxVariables)
	}
	for i := range list {
		v, field := &list[i], fmt.Sprintf("variables[%d]", i)
		if v.Type == "" {
			v.Type = parley.VariableText
		}
		if !nameForm.MatchString(v.Name) {
			c.Refuse(field+".name", "name-invalid", "must be letters, digits, _ and ., and begin with a letter or _")
		}
		if types[v.Name] != "" {
			c.Refuse(field+".name", "duplicate", "must not be there twice")
		}
		types[v.Name] = v.Type
		c.Text(field+".description", v.Description, false, maxDescription)
		c.Text(field+".example", v.Example, false, maxValue)
		if v.Default != "" {
			c.value(field+".default", v.Type, v.Default)
		}
		if v.Required && v.Default != "" {
			c.Refuse(field+".default", "not-allowed", "does not go with required")
		}
		switch v.Type {
		case parley.VariableText, parley.VariableNumber, parley.VariableBoolean, parley.VariableDate, parley.VariableURL:
		default:
			c.Refuse(field+".type", "value-unknown", "must be one of %v", parley.VariableTypes)
		}
	}
	return types
}

// body checks the variables of a body: that they are declared, and stand where their values are text.
func (c *check) body(under string, body []parley.Part, types map[string]parley.VariableType) {
	parley.EachText(body, func(path string, form parley.Form, text *string) {
		field := path
		if under != "" {
			field = under + "." + path
		}
		pieces, err := parse(*text)
		if err != nil {
			c.Refuse(field, "template-syntax", "%s", err)
			return
		}
		for _, p := range pieces {
			if p.variable != "" && types[p.variable] == "" {
				c.Refuse(field, "variable-undeclared", "the variable %s is not declared", p.variable)
				return
			}
		}
		if form != parley.FormHTML {
			return
		}
		if name := misplaced(pieces, func(name string) bool { return types[name] == parley.VariableURL }); name != "" {
			c.Refuse(field, "variable-misplaced", "the variable %s may only stand in text and in the quoted values of attributes; where an address begins, only one of the type url", name)
		}
	})
}

var (
	numberForm = regexp.MustCompile(`^-?[0-9]{1,30}([.,][0-9]{1,30})?$`)
	dateForm   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// value checks a value of a variable.
func (c *check) value(field string, kind parley.VariableType, value string) {
	c.Text(field, value, false, maxValue)
	ok, wanted := true, ""
	switch kind {
	case parley.VariableNumber:
		ok, wanted = numberForm.MatchString(value), "a number, such as 12.50"
	case parley.VariableBoolean:
		ok, wanted = value == "true" || value == "false", "true or false"
	case parley.VariableDate:
		ok, wanted = dateForm.MatchString(value), "a date, such as 2031-05-17"
	case parley.VariableURL:
		ok, wanted = content.IsURL(value), "an absolute http or https URL"
	}
	if !ok {
		c.Refuse(field, "variable-invalid", "must be %s", wanted)
	}
}
