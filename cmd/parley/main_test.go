package main

import (
	"bytes"
	"strings"
	"testing"
)

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
	for _, args := range [][]string{{}, {"serv"}, {"version", "--nope"}, {"version", "more"}} {
		code, out, errors := command(t, args...)
		if code != exitUsage || out != "" || strings.Count(errors, "\n") != 1 || !strings.HasPrefix(errors, "parley: ") {
			t.Errorf("parley %v: exit %d, %q, %q", args, code, out, errors)
		}
	}
}
