package archtest

import (
	"encoding/json"
	"os/exec"
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
