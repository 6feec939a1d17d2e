package kustomer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exceptions are response paths of the contract that an answer need not have, as they are of what only some examples of it hold.
var exceptions = []string{"meta.inReplyTo", "meta.recipient", "meta.cc", "meta.to", "meta.from", "meta.subject", "sentiment.confidence", "sentiment.polarity",
	"attributes.preview.", "sharedEmails[].", "socials[].", "urls[].", "locations[].", "phones[].", "emails[].", "externalIds[]."}

// conforms checks that an answer has every path that the contract says its operation has.
func conforms(t *testing.T, operation string, body map[string]any) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "specs", "kustomer", "required-response-fields.json")
	text, err := os.ReadFile(path)
	if err != nil {
		if text, err = os.ReadFile(os.Getenv("PARLEY_SPECS") + "/kustomer/required-response-fields.json"); err != nil {
			t.Logf("NOT CHECKED: the contract of %s is not at %s", operation, path)
			return
		}
	}
	var contract map[string]struct{ Required []string }
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	required := contract[operation].Required
	if len(required) == 0 {
		t.Fatalf("the contract has no %s", operation)
	}
	for _, path := range required {
		if !slices.ContainsFunc(exceptions, func(e string) bool { return strings.Contains(path, e) }) && !there(body, strings.Split(path, ".")) {
			t.Errorf("%s has no %s", operation, path)
		}
	}
}

func there(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	o, ok := v.(map[string]any)
	name, list := strings.CutSuffix(path[0], "[]")
	inner, known := o[name]
	if !ok || !known {
		return false
	}
	if !list {
		return there(inner, path[1:])
	}
	values, ok := inner.([]any)
	for _, one := range values {
		ok = ok && there(one, path[1:])
	}
	return ok
}
