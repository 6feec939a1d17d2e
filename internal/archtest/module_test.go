package archtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestLibcIsTheOneOfSQLite: the SQLite driver is generated against one version of its C library and may
// misbehave with any other, also a newer one that another requirement raises it to.
func TestLibcIsTheOneOfSQLite(t *testing.T) {
	const libc, sqlite = "modernc.org/libc", "modernc.org/sqlite"
	var built struct{ Version, GoMod string }
	goJSON(t, &built, "list", "-m", "-json", sqlite)
	var wanted struct {
		Require []struct{ Path, Version string }
	}
	goJSON(t, &wanted, "mod", "edit", "-json", built.GoMod)
	var used struct{ Version string }
	goJSON(t, &used, "list", "-m", "-json", libc)
	for _, r := range wanted.Require {
		if r.Path != libc {
			continue
		}
		if r.Version != used.Version {
			t.Errorf("%s is %s, but %s %s was made for %s: lower whatever requires more", libc, used.Version, sqlite, built.Version, r.Version)
		}
		return
	}
	t.Errorf("%s %s requires no %s: is this check still needed?", sqlite, built.Version, libc)
}

// TestDependenciesAreExplained: docs/dependencies.md has a row for each module that the code imports, and
// for none that is not required.
func TestDependenciesAreExplained(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	goJSON(t, &mod, "mod", "edit", "-json", "go.mod")
	required := map[string]bool{}
	for _, r := range mod.Require {
		required[r.Path] = !r.Indirect
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z.]+/[^`]+)` \\|").FindAllSubmatch(text, -1) {
		path := string(row[1])
		explained[path] = true
		if !required[path] {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not require", path)
		}
	}
	for _, file := range goFiles(t) {
		for _, spec := range file.tree.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			for path, direct := range required {
				if direct && !explained[path] && (imported == path || strings.HasPrefix(imported, path+"/")) {
					explained[path] = true // once is enough
					t.Errorf("%s imports %s: docs/dependencies.md has no row for %s", file.path, imported, path)
				}
			}
		}
	}
}

func goJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = root
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		t.Fatalf("go %v: %v", args, err)
	}
}
