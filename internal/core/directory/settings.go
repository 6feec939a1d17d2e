package directory

import (
	"encoding/json"
	"reflect"

	"github.com/parley-server/parley/internal/connector"
)

// shownSettings are a channel's settings without what must not be shown: a secret that is set is null.
func shownSettings(definition connector.Definition, settings json.RawMessage) json.RawMessage {
	var shown map[string]any
	if err := json.Unmarshal(definition.PublicSettings(settings), &shown); err != nil || len(shown) == 0 {
		return json.RawMessage("{}")
	}
	known := make(map[string]bool, len(definition.Settings))
	for _, s := range definition.Settings {
		known[s.Name] = true
		if _, isSet := shown[s.Name]; isSet && s.Secret {
			shown[s.Name] = nil
		}
	}
	for name := range shown {
		if !known[name] { // of a connector that is no longer there: perhaps a secret
			delete(shown, name)
		}
	}
	encoded, err := json.Marshal(shown)
	if err != nil {
		return json.RawMessage("{}")
	}
	return encoded
}

// mergedSettings are new settings in which what came back as it was shown stays as it is stored.
func mergedSettings(definition connector.Definition, stored, given json.RawMessage) json.RawMessage {
	var old, shown, merged map[string]any
	if json.Unmarshal(stored, &old) != nil || json.Unmarshal(given, &merged) != nil || merged == nil {
		return given
	}
	_ = json.Unmarshal(shownSettings(definition, stored), &shown)
	for _, s := range definition.Settings {
		value, isGiven := merged[s.Name]
		before, isShown := shown[s.Name]
		if isGiven && isShown && reflect.DeepEqual(value, before) {
			merged[s.Name] = old[s.Name]
		}
	}
	encoded, err := json.Marshal(merged)
	if err != nil {
		return given
	}
	return encoded
}
