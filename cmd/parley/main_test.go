package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/config"
)

// asProgram, in the environment, makes the test binary the program: tests start it as a process of its own.
const asProgram = "TEST_AS_PARLEY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PARLEY_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// command runs the program as from a shell.
func command(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, output{out: &stdout, err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestVersion(t *testing.T) {
	code, out, errors := command(t, "version")
	if code != 0 || !strings.HasPrefix(out, "parley ") || errors != "" {
		t.Errorf("version: exit %d, %q, %q", code, out, errors)
	}
}

func TestWrongUsageIsOneLine(t *testing.T) {
	for _, args := range [][]string{{}, {"serv"}, {"version", "--nope"}, {"version", "more"},
		{"config", "--max-body", "lots"}, {"config", "--listen", "8080"}, {"config", "--log-level", "loud"}, {"config", "--config", "none.yaml"}} {
		code, out, errors := command(t, args...)
		if code != exitUsage || out != "" || strings.Count(errors, "\n") != 1 || !strings.HasPrefix(errors, "parley: ") {
			t.Errorf("parley %v: exit %d, %q, %q", args, code, out, errors)
		}
	}
}

// TestConfigurationWithoutFlags: the command line's defaults are the configuration's.
func TestConfigurationWithoutFlags(t *testing.T) {
	if code, out, errors := command(t, "config"); code != 0 || out != config.Default().String() {
		t.Errorf("exit %d, %s%s", code, out, errors)
	}
}

func TestConfigurationWins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(file, []byte("max-streams: 1\nmax-requests: 1\nallow-networks: [10.0.0.0/8]\nmetrics: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARLEY_CONFIG", file)
	t.Setenv("PARLEY_MAX_STREAMS", "2")
	t.Setenv("PARLEY_MAX_REQUESTS", "2")
	t.Setenv("PARLEY_EVENT_RETENTION", "3d")
	_, out, errors := command(t, "config", "--max-requests", "3", "--allow-loopback", "--no-access-log")
	for _, want := range []string{"max-requests: 3", "max-streams: 2", `allow-networks: "10.0.0.0/8"`, "metrics: false",
		"event-retention: 3d", "allow-loopback: true", "access-log: false"} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("no %q in %s%s", want, out, errors)
		}
	}

	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, again, errors := command(t, "config", "--max-requests", "3"); !strings.Contains(again, "max-streams: 2") || again != out {
		t.Errorf("its own output as the file:\n%s%s", again, errors)
	}
	if err := os.WriteFile(file, []byte(config.Default().String()+"lisen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errors := command(t, "config"); code != exitUsage || !strings.Contains(errors, `unknown option "lisen"`) {
		t.Errorf("exit %d, %s", code, errors)
	}
}
