package parley_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// TestSpellings: an id is the same in every spelling, and nothing else is one.
func TestSpellings(t *testing.T) {
	version4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for range 1000 {
		id := parley.NewID(time.Now())
		if got, ok := parley.IDFromHex(strings.ToUpper(id.Hex())); !ok || got != id {
			t.Fatalf("%s is %s in hex, which is %s", id, id.Hex(), got)
		}
		if got, ok := parley.IDFromUUID(strings.ToUpper(id.UUID())); !ok || got != id || !version4.MatchString(id.UUID()) {
			t.Fatalf("%s is the UUID %s, which is %s", id, id.UUID(), got)
		}
	}
	for _, text := range []string{"", "x", strings.Repeat("0", 23), strings.Repeat("g", 24), strings.Repeat("0", 25)} {
		if _, ok := parley.IDFromHex(text); ok {
			t.Errorf("%q is an id in hex", text)
		}
	}
	uuid := parley.NewID(time.Now()).UUID()
	for _, text := range []string{"", uuid[:35], uuid + "0", uuid[:35] + "1", uuid[:14] + "7" + uuid[15:], strings.ReplaceAll(uuid, "-", "_"),
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8", strings.Repeat("ä", 18)} {
		if _, ok := parley.IDFromUUID(text); ok {
			t.Errorf("%q is the UUID of an id", text)
		}
	}
	if parley.ID("x").Hex() != "" || parley.ID("x").UUID() != "" {
		t.Error("what is no id has another spelling")
	}
}
