package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// The types of settings.
const (
	TypeString  = "string"
	TypeInteger = "integer"
	TypeBoolean = "boolean"
	TypeURL     = "url" // absolute, http or https
)

// Platform returns the platform of this name.
func (d Definition) Platform(name string) (Platform, bool) {
	for _, p := range d.Platforms {
		if p.Name == name {
			return p, true
		}
	}
	return Platform{}, false
}

// Check checks a channel before it is saved: its platform, its settings against their schema, and then what
// the connector's own Checker says. Errors are *parley.Error with fields "platform" or "settings.NAME".
func (d Definition) Check(ctx context.Context, ch parley.Channel) error {
	if _, found := d.Platform(ch.Platform); !found {
		names := make([]string, len(d.Platforms))
		for i, p := range d.Platforms {
			names[i] = p.Name
		}
		return parley.Invalid("platform", "platform-unknown", "must be one of %s", strings.Join(names, ", "))
	}
	if err := d.CheckSettings(ch.Settings); err != nil {
		return err
	}
	if checker, ok := d.Connector.(Checker); ok {
		return checker.Check(ctx, ch)
	}
	return nil
}

// CheckSettings checks settings against their schema: a JSON object of known names with values of the
// right types. Nothing, null and {} are the same; a null value counts as absent.
func (d Definition) CheckSettings(raw json.RawMessage) error {
	values, err := settingValues(raw)
	if err != nil {
		return parley.Invalid("settings", "type", "must be a JSON object")
	}
	var wrong []parley.FieldError
	refuse := func(name, code, format string, args ...any) {
		wrong = append(wrong, parley.FieldError{Field: "settings." + name, Code: code, Message: fmt.Sprintf(format, args...)})
	}
	names := make([]string, len(d.Settings))
	for i, setting := range d.Settings {
		names[i] = setting.Name
		value, found := values[setting.Name]
		delete(values, setting.Name)
		if !found {
			if setting.Required {
				refuse(setting.Name, "required", "is required")
			}
			continue
		}
		if code, problem := setting.problem(value); code != "" {
			refuse(setting.Name, code, "%s", problem)
		}
	}
	for _, name := range sortedNames(values) {
		refuse(name, "unknown-field", "is no setting of %s; there are: %s", d.Name, strings.Join(names, ", "))
	}
	return parley.InvalidFields(wrong)
}

// settingValues decodes settings; a null value counts as absent.
func settingValues(raw json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	for name, value := range values {
		if value == nil {
			delete(values, name)
		}
	}
	return values, nil
}

func sortedNames(values map[string]any) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// problem says what is allowed where value is not, and the code of what is wrong; an empty code: nothing.
func (s Setting) problem(value any) (code, message string) {
	switch s.Type {
	case TypeBoolean:
		if _, ok := value.(bool); !ok {
			return "type", "must be true or false"
		}
		return "", ""
	case TypeInteger:
		number, ok := value.(json.Number)
		if !ok || strings.ContainsAny(number.String(), ".eE") {
			return "type", "must be a whole number"
		}
		if n, err := number.Int64(); err != nil || n > math.MaxInt32 || n < math.MinInt32 {
			return "out-of-range", fmt.Sprintf("must be %d to %d", math.MinInt32, math.MaxInt32)
		}
		return "", ""
	}
	text, ok := value.(string)
	if !ok {
		return "type", "must be a string"
	}
	return s.textProblem(text)
}

func (s Setting) textProblem(text string) (code, message string) {
	switch {
	case strings.ContainsRune(text, 0):
		return "text-invalid", "must not contain the character U+0000"
	case s.Required && text == "":
		return "required", "must not be empty"
	case len(s.Allowed) > 0 && !slices.Contains(s.Allowed, text):
		return "value-unknown", "must be one of " + strings.Join(s.Allowed, ", ")
	case s.Type == TypeURL && !absolute(text):
		return "setting-invalid", "must be an absolute http or https URL"
	}
	return "", ""
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// Redactor returns a redactor of the secrets in a channel's settings.
func (d Definition) Redactor(settings json.RawMessage) Redactor {
	return NewRedactor(d.Secrets(settings)...)
}

// Secrets returns the secrets in a channel's settings: the values of secret settings, and what other URLs
// carry in their userinfo and token-like parameters.
func (d Definition) Secrets(settings json.RawMessage) []string {
	values, err := settingValues(settings)
	if err != nil {
		return nil
	}
	var secrets []string
	for _, setting := range d.Settings {
		text := plainText(values[setting.Name])
		if text == "" {
			continue
		}
		if setting.Secret {
			secrets = append(secrets, text)
		}
		if setting.Type != TypeURL {
			continue
		}
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		secrets = append(secrets, urlSecrets(u)...)
		if setting.Secret && len(u.EscapedPath()) > 1 {
			secrets = append(secrets, u.EscapedPath())
		}
		if setting.Secret && u.RawQuery != "" {
			secrets = append(secrets, u.RawQuery)
		}
	}
	return secrets
}

func plainText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// PublicSettings returns settings as they may be shown: secret values are replaced by "***", and so is
// what URLs carry in their userinfo and token-like parameters.
func (d Definition) PublicSettings(settings json.RawMessage) json.RawMessage {
	values, err := settingValues(settings)
	if err != nil || len(values) == 0 {
		return json.RawMessage("{}")
	}
	var redactor Redactor
	for _, setting := range d.Settings {
		value, found := values[setting.Name]
		text, isText := value.(string)
		switch {
		case !found:
		case setting.Secret:
			values[setting.Name] = mask
		case setting.Type == TypeURL && isText:
			values[setting.Name] = redactor.URL(text)
		}
	}
	shown, err := json.Marshal(values)
	if err != nil {
		return json.RawMessage("{}")
	}
	return shown
}

// ShortLinks is the setting of channels whose messages go out with short links. A connector that lets them lists it.
func ShortLinks() Setting {
	return Setting{Name: "shortLinks", Type: TypeBoolean, Default: "false",
		Doc: "Whether web addresses in messages go out as short links of this server, which count clicks, unless a message says otherwise."}
}

// ShortensLinks reports whether a channel has the setting ShortLinks.
func ShortensLinks(ch *parley.Channel) bool {
	if ch == nil || !bytes.Contains(ch.Settings, []byte(`"shortLinks"`)) {
		return false
	}
	var set struct {
		ShortLinks bool `json:"shortLinks"`
	}
	return json.Unmarshal(ch.Settings, &set) == nil && set.ShortLinks
}
