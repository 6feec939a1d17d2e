package parley

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestActs: each act is listed once, with the kind of thing that it is done to.
func TestActs(t *testing.T) {
	seen := map[Act]bool{}
	for _, info := range Acts {
		if seen[info.Act] || info.Subject == "" || info.Means == "" || info.Act.Subject() != info.Subject {
			t.Errorf("%+v", info)
		}
		seen[info.Act] = true
	}
	if Act("none").Subject() != "" {
		t.Error("what is no act has a subject")
	}
}

// TestChangesEncode: what is stored is what is said, and no more.
func TestChangesEncode(t *testing.T) {
	var c Changes
	c.Set("name", "a <b>", "ü")
	c.Set("same", 1, 1)
	c.Set("policy.maxTtl", time.Minute, time.Duration(0))
	c.Made("members", []ID{"x", "y"})
	c.Made("nothing", []ID{})
	c.Made("never", time.Time{})
	c.Gone("scopes", []Scope{ScopeKeysRead})
	c.Name("secret", true)
	c.Name("kept", false)
	got, err := c.Encode()
	const want = `[{"field":"name","old":"a <b>","new":"ü"},{"field":"policy.maxTtl","old":"60","new":"0"},{"field":"members","new":"x,y"},` +
		`{"field":"scopes","old":"keys:read"},{"field":"secret"}]`
	if err != nil || got != want {
		t.Errorf("%v: %s, want %s", err, got, want)
	}
	if got, err := Changes(nil).Encode(); err != nil || got != "[]" {
		t.Errorf("%v: %s", err, got)
	}
}

// TestChainIsOfEverything: entries that differ anywhere have another hash, also where one field's end is another's beginning.
func TestChainIsOfEverything(t *testing.T) {
	// The fields in a text each, of letters that the encoding itself uses.
	entry := func(f []string) (string, *AuditEntry) {
		return f[0], &AuditEntry{Organization: ID(f[1]), Sequence: int64(len(f[2])), At: time.UnixMilli(int64(len(f[3]))),
			Actor: AuditActor{AuditActorKind(f[4]), ID(f[5]), ID(f[6])}, Act: Act(f[7]), SubjectKind: f[8], Subject: ID(f[9]), Changes: f[10], Address: f[11]}
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]string{}
	for range 20_000 {
		fields := make([]string, 12)
		for i := range fields {
			for range r.IntN(3) {
				fields[i] += string("01:,"[r.IntN(4)])
			}
		}
		fields[2], fields[3] = strings.Repeat("1", len(fields[2])), strings.Repeat("1", len(fields[3]))
		before, e := entry(fields)
		hash, text := e.Chain(before), strings.Join(fields, "|")
		if other, ok := seen[hash]; ok && other != text {
			t.Fatalf("seed %d: %q and %q have one hash", seed, other, text)
		}
		seen[hash] = text
	}
}
