package connector

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/parley"
)

func testDefinition() Definition {
	return Definition{Name: "test", Settings: []Setting{
		{Name: "account", Type: TypeString, Required: true},
		{Name: "token", Type: TypeString, Secret: true},
		{Name: "hook", Type: TypeURL, Secret: true},
		{Name: "base", Type: TypeURL},
		{Name: "mode", Type: TypeString, Allowed: []string{"fast", "safe"}},
		{Name: "size", Type: TypeInteger},
		{Name: "on", Type: TypeBoolean},
	}}
}

func TestCheckSettings(t *testing.T) {
	for _, test := range []struct{ settings, fields string }{
		{`{"account": "a"}`, ""},
		{`{"account": "a", "token": null, "hook": "https://h/x", "mode": "safe", "size": -3, "on": false}`, ""},
		{``, "settings.account"},
		{`null`, "settings.account"},
		{`{}`, "settings.account"},
		{`{"account": ""}`, "settings.account"},
		{`{"account": null}`, "settings.account"},
		{`{"account": 1}`, "settings.account"},
		{`{"account": "a\u0000"}`, "settings.account"},
		{`{"account": "a", "mode": "slow", "size": 1.5, "on": "yes", "base": "ftp://h"}`, "settings.base settings.mode settings.size settings.on"},
		{`{"account": "a", "size": "3", "base": "/x", "hook": 7}`, "settings.hook settings.base settings.size"},
		{`{"account": "a", "size": 99999999999999999999}`, "settings.size"},
		{`{"account": "a", "Token": "t", "extra": 1}`, "settings.Token settings.extra"},
		{`[]`, "settings"},
		{`{"account": "a"} {}`, "settings"},
		{`{`, "settings"},
	} {
		err := testDefinition().CheckSettings(json.RawMessage(test.settings))
		var fields []string
		if err != nil {
			for _, f := range parley.AsError(err).Fields {
				fields = append(fields, f.Field)
			}
		}
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%s: %q wrong, want %q (%v)", test.settings, got, test.fields, err)
		}
	}
}

func TestSecretsOfSettings(t *testing.T) {
	def := testDefinition()
	settings := json.RawMessage(`{"account": "a", "token": "tok", "hook": "https://hooks/T0/B0?x=1", "base": "https://u:pw@h/?key=k1&to=2"}`)
	want := []string{"/T0/B0", "https://hooks/T0/B0?x=1", "k1", "pw", "tok", "u:pw", "x=1"}
	got := def.Secrets(settings)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("secrets %q, want %q", got, want)
	}
	shown := string(def.PublicSettings(settings))
	if want := `{"account":"a","base":"https://***@h/?key=***\u0026to=2","hook":"***","token":"***"}`; shown != want {
		t.Errorf("shown %s, want %s", shown, want)
	}
	for _, broken := range []string{"", "null", "[", "[]"} {
		if got := string(def.PublicSettings(json.RawMessage(broken))); got != "{}" || def.Secrets(json.RawMessage(broken)) != nil {
			t.Errorf("PublicSettings(%q) = %s", broken, got)
		}
	}
}
