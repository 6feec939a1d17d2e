package archtest

import (
	"path"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/parley-server/parley"

// rule says what the packages that match a pattern may import of this module, tests excepted. A pattern
// ending in "/*" stands for the packages one level below.
type rule struct {
	packages string
	imports  []string
}

// door is what packages that answer HTTP requests may import: none of them another door, none the store.
var door = []string{"api", "internal/core", "internal/core/*", "internal/httpd", "internal/parley"}

// layers is the direction of imports: the program, its composition, the doors, the core, what the core
// stands on, the domain. A package that no rule names fails.
//
// DO NOT CHANGE THIS DATA TO FIX A BUILD: move the code instead, or change the design first.
var layers = []rule{
	{"cmd/parley", []string{"api", "internal/app", "internal/bench", "internal/config", "internal/demo", "internal/importer", "internal/parley"}},
	{"internal/importer", []string{"api"}},
	{"internal/bench", []string{"api", "internal/bench/fill", "internal/bench/load", "internal/pgserver", "internal/procfs"}},
	{"internal/bench/fill", []string{"internal/connector", "internal/connector/sandbox", "internal/core/access",
		"internal/core/directory", "internal/core/search", "internal/parley", "internal/store"}},
	{"internal/bench/load", nil},
	{"internal/demo", []string{"api", "internal/app", "internal/config", "internal/core", "internal/parley"}},

	{"internal/app", []string{"api", "internal/cluster", "internal/config", "internal/connector", "internal/connector/*", "internal/core", "internal/core/*",
		"internal/dialect/*", "internal/httpd", "internal/inbound", "internal/live", "internal/media", "internal/parley",
		"internal/queue", "internal/store", "internal/store/*", "internal/web", "internal/webhook"}},

	{"internal/dialect/native", append([]string{"internal/dialect/native/*"}, door...)},
	{"internal/dialect/native/contract", []string{"api", "internal/parley"}},
	{"internal/dialect/native/door", append([]string{"internal/dialect/native/contract", "internal/dialect/native/wire"}, door...)},
	{"internal/dialect/native/wire", append([]string{"internal/connector", "internal/dialect/native/contract", "internal/plain"}, door...)},
	{"internal/dialect/native/*", append([]string{"internal/dialect/native/contract", "internal/dialect/native/door", "internal/dialect/native/wire"}, door...)},
	{"internal/dialect/bird", append([]string{"internal/dialect/bird/*"}, door...)},
	{"internal/dialect/bird/*", []string{"internal/parley", "internal/plain"}},
	{"internal/dialect/kustomer", append([]string{"internal/plain"}, door...)},
	{"internal/dialect/spruce", append([]string{"internal/plain"}, door...)},
	{"internal/dialect/tigerconnect", append([]string{"internal/plain"}, door...)},
	{"internal/dialect/*", door},
	{"internal/inbound", append([]string{"internal/connector"}, door...)},
	{"internal/live", door},
	{"internal/web", door},
	{"internal/webhook", append([]string{"internal/connector"}, door...)},

	{"internal/core/access", []string{"internal/parley", "internal/store", "internal/store/audit", "internal/store/grant"}},
	{"internal/core/audit", []string{"internal/core/access", "internal/parley", "internal/store", "internal/store/audit"}},
	{"internal/core/consent", []string{"internal/core/access", "internal/parley", "internal/store", "internal/store/people"}},
	{"internal/core/directory", []string{"internal/connector", "internal/core/access", "internal/core/attribute", "internal/core/escalation", "internal/core/hours", "internal/core/limits", "internal/parley", "internal/store", "internal/store/availability", "internal/store/clock", "internal/store/duty", "internal/store/group", "internal/store/hold", "internal/store/hours", "internal/store/inbox", "internal/store/limit", "internal/store/page", "internal/store/people", "internal/store/profile", "internal/store/record", "internal/store/view"}},
	{"internal/core/dossier", []string{"internal/core/access", "internal/core/files", "internal/parley", "internal/store", "internal/store/people"}},
	{"internal/core/holds", []string{"internal/core/access", "internal/core/audit", "internal/core/thread", "internal/media", "internal/parley", "internal/store", "internal/store/hold"}},
	{"internal/core/availability", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/availability", "internal/store/duty"}},
	{"internal/core/files", []string{"internal/core/access", "internal/media", "internal/parley", "internal/store", "internal/store/hold"}},
	{"internal/core/thread", []string{"internal/core/access", "internal/core/attribute", "internal/core/sla", "internal/parley", "internal/store", "internal/store/availability", "internal/store/duty", "internal/store/group", "internal/store/hours", "internal/store/inbox", "internal/store/interaction", "internal/store/profile", "internal/store/relation"}},
	{"internal/core/erasure", []string{"internal/core/access", "internal/core/escalation", "internal/core/hours", "internal/core/thread", "internal/parley", "internal/store", "internal/store/audit", "internal/store/hold", "internal/store/hours", "internal/store/interaction", "internal/store/limit", "internal/store/link", "internal/store/people", "internal/store/playground", "internal/store/record", "internal/store/relation"}},
	{"internal/core/attribute", []string{"internal/core/access", "internal/parley", "internal/store", "internal/store/people"}},
	{"internal/core/content", []string{"internal/parley", "internal/store", "internal/store/duty"}},
	{"internal/core/template", []string{"internal/core/access", "internal/core/content", "internal/core/thread", "internal/parley", "internal/store", "internal/store/template"}},
	{"internal/core/inbox", []string{"internal/core/access", "internal/core/sla", "internal/core/thread", "internal/parley", "internal/store", "internal/store/hold", "internal/store/hours", "internal/store/inbox", "internal/store/relation"}},
	{"internal/core/message", []string{"internal/connector", "internal/core/access", "internal/core/consent", "internal/core/content", "internal/core/fallback", "internal/core/thread", "internal/core/limits", "internal/parley", "internal/store", "internal/store/duty", "internal/store/link", "internal/store/people", "internal/store/relation"}},
	{"internal/core/delivery", []string{"internal/connector", "internal/core/access", "internal/core/consent", "internal/core/content", "internal/core/fallback", "internal/core/hours", "internal/parley", "internal/store", "internal/store/escalation", "internal/store/link"}},
	{"internal/core/profiles", []string{"internal/core/access", "internal/parley", "internal/store", "internal/store/profile"}},
	{"internal/core/sla", []string{"internal/calendar", "internal/core/access", "internal/core/hours", "internal/parley", "internal/store", "internal/store/hours"}},
	{"internal/core/hours", []string{"internal/calendar", "internal/core/access", "internal/parley", "internal/store", "internal/store/hours", "internal/store/people", "internal/store/template"}},
	{"internal/core/presence", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/availability"}},
	{"internal/core/pages", []string{"internal/core/access", "internal/core/message", "internal/core/thread", "internal/parley", "internal/store", "internal/store/duty", "internal/store/page"}},
	{"internal/core/views", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/view"}},
	{"internal/core/groups", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/duty", "internal/store/group"}},
	{"internal/core/escalation", []string{"internal/core/access", "internal/core/fallback", "internal/core/reminder", "internal/core/thread", "internal/parley", "internal/store", "internal/store/duty", "internal/store/escalation", "internal/store/group", "internal/store/relation"}},
	{"internal/core/fallback", []string{"internal/connector", "internal/core/access", "internal/core/consent", "internal/core/hours", "internal/core/limits", "internal/core/thread", "internal/parley", "internal/store", "internal/store/availability", "internal/store/escalation", "internal/store/fallback", "internal/store/people", "internal/store/profile", "internal/store/relation"}},
	{"internal/core/numbered", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/numbered", "internal/store/record"}},
	{"internal/core/limits", []string{"internal/core/access", "internal/parley", "internal/store", "internal/store/limit", "internal/store/record"}},
	{"internal/core/reminder", []string{"internal/core/thread", "internal/parley", "internal/store", "internal/store/availability", "internal/store/relation"}},
	{"internal/core/eventlog", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/inbox", "internal/store/place"}},
	{"internal/core/outside", []string{"internal/core", "internal/core/access", "internal/core/thread", "internal/parley", "internal/store"}},
	{"internal/core", []string{"internal/connector", "internal/core/access", "internal/core/availability", "internal/core/consent", "internal/core/content", "internal/core/directory", "internal/core/erasure", "internal/core/escalation", "internal/core/eventlog", "internal/core/fallback", "internal/core/files", "internal/core/groups", "internal/core/hours", "internal/core/inbox", "internal/core/limits", "internal/core/message", "internal/core/pages", "internal/core/presence", "internal/core/profiles", "internal/core/reminder", "internal/core/sla", "internal/core/template", "internal/core/thread", "internal/core/views", "internal/media", "internal/parley", "internal/store", "internal/store/duty", "internal/store/escalation", "internal/store/hold", "internal/store/interaction", "internal/store/link", "internal/store/people", "internal/store/record", "internal/store/relation"}},
	{"internal/core/playground", []string{"internal/connector", "internal/core/access", "internal/core/directory", "internal/parley", "internal/store", "internal/store/clock", "internal/store/playground"}},
	{"internal/core/webhooks", []string{"internal/connector", "internal/core/access", "internal/core/eventlog", "internal/parley", "internal/store", "internal/store/webhook"}},
	{"internal/core/search", []string{"internal/core/access", "internal/core/thread", "internal/parley", "internal/store", "internal/store/search", "internal/words"}},
	{"internal/core/coretest", []string{"internal/connector", "internal/connector/sandbox", "internal/core", "internal/core/*", "internal/media", "internal/parley", "internal/pgtest", "internal/store", "internal/store/fresh"}},
	{"internal/core/*", []string{"internal/connector", "internal/core", "internal/media", "internal/parley", "internal/store"}},

	{"internal/store", []string{"internal/parley", "internal/store/sqldb"}},
	{"internal/store/move", []string{"internal/parley", "internal/store", "internal/store/sqldb"}},
	{"internal/store/sqldb", []string{"internal/parley"}},
	{"internal/store/fresh", []string{"internal/pgtest", "internal/store"}},
	{"internal/store/storetest", []string{"internal/parley", "internal/store", "internal/store/*"}},
	{"internal/store/hold/holdtest", []string{"internal/parley", "internal/store", "internal/store/hold"}},
	{"internal/store/playground", []string{"internal/parley", "internal/store", "internal/store/move", "internal/store/sqldb"}},
	{"internal/store/playground/playgroundtest", []string{"internal/parley", "internal/store", "internal/store/playground"}},
	{"internal/store/clock/clocktest", []string{"internal/parley", "internal/store", "internal/store/clock"}},
	{"internal/store/audit/audittest", []string{"internal/parley", "internal/store", "internal/store/audit"}},
	{"internal/store/*", []string{"internal/parley", "internal/store", "internal/store/sqldb"}},
	{"internal/media", []string{"internal/parley"}},
	{"internal/plain", []string{"internal/parley"}},
	{"internal/connector", []string{"internal/parley", "internal/plain"}},
	{"internal/connector/connectortest", []string{"internal/connector", "internal/parley"}},
	{"internal/connector/*", []string{"internal/connector", "internal/parley"}},

	{"internal/cluster", []string{"internal/parley"}},
	{"internal/queue", []string{"internal/parley"}},
	{"internal/httpd", []string{"internal/parley"}},

	{"internal/proof/*", nil},
	{"api", nil},
	{"sdk/go/*", nil},
	{"internal/archtest", nil},
	{"internal/calendar", nil},
	{"internal/config", nil},
	{"internal/doctest", nil},
	{"internal/doortest", nil},
	{"internal/parley", nil},
	{"internal/pgserver", []string{"internal/procfs"}},
	{"internal/pgtest", []string{"internal/pgserver"}},
	{"internal/procfs", nil},
	{"internal/words", nil},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.test() {
			continue
		}
		allowed, listed := ruleOf(file.dir())
		if !listed {
			t.Errorf("%s: package %s is in no layer: add it to the list", file.path, file.dir())
			continue
		}
		for _, spec := range file.tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			inner, ours := strings.CutPrefix(imported, module+"/")
			if ours && !matchesAny(allowed.imports, inner) {
				t.Errorf("%s:%d: %s may not import %s", file.path, file.line(spec.Pos()), file.dir(), inner)
			}
		}
	}
}

// TestDomainIsALeaf: the domain and the public wire types need the standard library only.
func TestDomainIsALeaf(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.dir() != "internal/parley" && file.dir() != "api" || file.test() {
			continue
		}
		for _, spec := range file.tree.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("%s:%d: %s imports the standard library only, not %s", file.path, file.line(spec.Pos()), file.dir(), imported)
			}
		}
	}
}

func ruleOf(dir string) (rule, bool) {
	for _, r := range layers {
		if matches(r.packages, dir) {
			return r, true
		}
	}
	return rule{}, false
}

func matchesAny(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matches(p, dir) {
			return true
		}
	}
	return false
}

func matches(pattern, dir string) bool {
	ok, _ := path.Match(pattern, dir)
	return ok
}
