package doortest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Moved is the program of a document's section "Moving in ten minutes", in the named language, after the changes that the section
// tells: each is of a text that the program has and the section's table names.
func Moved(t testing.TB, document, language string, changes map[string]string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	content, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "docs", document))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(content), "\n## Moving in ten minutes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	table, rest, begun := strings.Cut(section, "```"+language+"\n")
	program, after, ended := strings.Cut(rest, "```\n")
	if !found || !begun || !ended {
		t.Fatalf("%s has no program in %s in its section on moving", document, language)
	}
	for old, changed := range changes {
		if !strings.Contains(program, old) {
			t.Errorf("the program of %s has no %q", document, old)
		}
		if !strings.Contains(table+after, "`"+old+"`") {
			t.Errorf("%s does not say to change %q", document, old)
		}
		program = strings.ReplaceAll(program, old, changed)
	}
	return program
}

// Node runs a program in Node and answers what it prints. Where Node is absent the test is skipped, but in CI.
func Node(t testing.TB, program string, env ...string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("PARLEY_CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
	file := filepath.Join(t.TempDir(), "program.mjs")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, file)
	run.Env = append(os.Environ(), env...)
	printed, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	return strings.TrimSpace(string(printed))
}
