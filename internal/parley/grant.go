package parley

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// DoorNames are the doors at which keys may have grants of their own.
var DoorNames = []string{"bird", "kustomer", "spruce", "tigerconnect"}

// DoorGrants is what a key is permitted at a door, in its words. The door checks it, and the core the scopes of the key
// besides.
type DoorGrants struct {
	Roles    []string     `json:"roles,omitempty"`
	Policies []DoorPolicy `json:"policies,omitempty"`
}

// DoorPolicy allows or denies actions on paths. "*" in a path stands for one segment, "**" at its end for any.
type DoorPolicy struct {
	Effect    string   `json:"effect"` // "allow" or "deny"
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`
}

// Limits of the grants of a key.
const (
	maxGrants    = 500
	maxGrantText = 500
)

// CheckDoors returns what is wrong with grants by the name of the door, whose field is named.
func CheckDoors(field string, doors map[string]DoorGrants) (wrong []FieldError) {
	refuse := func(at, code, format string, args ...any) {
		wrong = append(wrong, FieldError{Field: at, Code: code, Message: fmt.Sprintf(format, args...)})
	}
	texts := func(at string, list []string) {
		if len(list) > maxGrants {
			refuse(at, "too-many", "must be at most %d", maxGrants)
		}
		for _, text := range list {
			if text == "" || len(text) > maxGrantText || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
				refuse(at, "text-invalid", "must be of 1 to %d bytes of UTF-8 each", maxGrantText)
				return
			}
		}
	}
	for name, grants := range doors {
		at := field + "." + name
		if !slices.Contains(DoorNames, name) {
			refuse(at, "value-unknown", "must be one of %s", strings.Join(DoorNames, ", "))
			continue
		}
		texts(at+".roles", grants.Roles)
		if len(grants.Policies) > maxGrants {
			refuse(at+".policies", "too-many", "must be at most %d", maxGrants)
		}
		for i, p := range grants.Policies {
			at := fmt.Sprintf("%s.policies[%d]", at, i)
			if p.Effect != "allow" && p.Effect != "deny" {
				refuse(at+".effect", "value-unknown", "must be allow or deny")
			}
			texts(at+".actions", p.Actions)
			texts(at+".resources", p.Resources)
		}
	}
	return wrong
}
