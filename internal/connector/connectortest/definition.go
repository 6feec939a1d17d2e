package connectortest

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	settingPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9]{0,63}$`)
)

// testDefinition checks the entry in the catalog.
func testDefinition(t *testing.T, def connector.Definition) {
	if !namePattern.MatchString(def.Name) || def.Title == "" || def.Connector == nil {
		t.Errorf("%q: needs a lower-case name, a title and a connector", def.Name)
	}
	if len(def.Platforms) == 0 {
		t.Error("there is no platform")
	}
	for i, p := range def.Platforms {
		checkPlatform(t, p)
		if slices.ContainsFunc(def.Platforms[:i], func(other connector.Platform) bool { return other.Name == p.Name }) {
			t.Errorf("the platform %q is there twice", p.Name)
		}
		if found, ok := def.Platform(p.Name); !ok || found.Name != p.Name {
			t.Errorf("Platform(%q) does not find it", p.Name)
		}
	}
	for i, s := range def.Settings {
		checkSetting(t, s)
		if slices.ContainsFunc(def.Settings[:i], func(other connector.Setting) bool { return other.Name == s.Name }) {
			t.Errorf("the setting %q is there twice", s.Name)
		}
	}
}

func checkPlatform(t *testing.T, p connector.Platform) {
	t.Helper()
	if !namePattern.MatchString(p.Name) || p.AddressKind == "" {
		t.Errorf("the platform %q needs a lower-case name and a kind of addresses", p.Name)
	}
	if !slices.Contains([]parley.ThreadPolicy{parley.ThreadContact, parley.ThreadEmail, parley.ThreadEach}, p.Thread) {
		t.Errorf("the platform %q has the thread policy %q", p.Name, p.Thread)
	}
	if len(p.Parts) == 0 || p.MaxText < 0 || p.Attachments < 0 {
		t.Errorf("the platform %q must take a kind of parts, and have no negative limits", p.Name)
	}
	for _, kind := range p.Parts {
		if !slices.Contains(parley.PartKinds, kind) {
			t.Errorf("the platform %q takes %q, which is no kind of parts", p.Name, kind)
		}
	}
}

func checkSetting(t *testing.T, s connector.Setting) {
	t.Helper()
	types := []string{connector.TypeString, connector.TypeInteger, connector.TypeBoolean, connector.TypeURL}
	if !settingPattern.MatchString(s.Name) || !slices.Contains(types, s.Type) || s.Doc == "" {
		t.Errorf("the setting %q needs a camelCase name, a type and a doc", s.Name)
	}
	if s.Required && s.Default != "" || s.Secret && s.Default != "" {
		t.Errorf("the setting %q is required or secret and has a default", s.Name)
	}
	if len(s.Allowed) > 0 && (s.Type != connector.TypeString || s.Default != "" && !slices.Contains(s.Allowed, s.Default)) {
		t.Errorf("the setting %q: an enumeration is of strings, and its default is one of them", s.Name)
	}
}

// testSettings checks that the schema refuses what is none of its own, and takes the settings of the cases.
func testSettings(t *testing.T, def connector.Definition, cases []Case) {
	for _, c := range cases {
		ch := c.channel(t, c.Provider)
		if err := def.CheckSettings(ch.Settings); err != nil {
			t.Errorf("the settings of the case %q: %v", c.Name, err)
		}
		if _, found := def.Platform(ch.Platform); !found {
			t.Errorf("the case %q plays %q, which is no platform of %s", c.Name, ch.Platform, def.Name)
		}
		checkShown(t, def, ch)
	}
	refused := map[string]string{"": "[]"}
	refused["settings.noSuchSetting"] = `{"noSuchSetting": 1}`
	for _, s := range def.Settings {
		value, _ := json.Marshal(map[string]any{s.Name: []int{1}})
		refused["settings."+s.Name] = string(value)
	}
	for field, settings := range refused {
		err := def.CheckSettings(json.RawMessage(settings))
		if !parley.IsKind(err, parley.KindInvalid) {
			t.Errorf("CheckSettings(%s) returned %v, want an invalid *parley.Error", settings, err)
			continue
		}
		named := slices.ContainsFunc(parley.AsError(err).Fields, func(f parley.FieldError) bool { return f.Field == field })
		if field != "" && !named {
			t.Errorf("CheckSettings(%s) does not name %s: %v", settings, field, err)
		}
	}
	ch := parley.Channel{Platform: "no-such-platform"}
	if err := def.Check(t.Context(), ch); !parley.IsKind(err, parley.KindInvalid) {
		t.Errorf("Check of a channel on an unknown platform returned %v", err)
	}
}

// checkShown checks that the settings can be shown.
func checkShown(t *testing.T, def connector.Definition, ch parley.Channel) {
	t.Helper()
	shown := def.PublicSettings(ch.Settings)
	if !json.Valid(shown) {
		t.Errorf("PublicSettings is no JSON: %s", shown)
	}
	redactor := def.Redactor(ch.Settings)
	if redactor.Text(string(shown)) != string(shown) {
		t.Errorf("PublicSettings shows a secret: %s", shown)
	}
}
