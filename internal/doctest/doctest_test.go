package doctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/doctest"
)

const example = "# Title\n\n```sh\nNAME=world\necho \"hello $NAME\"\n```\n\n```text\nhello world\n```\n\nText.\n\n" +
	"```sh background\necho first; echo second; sleep 60\n```\n\n```text\nfirst\nsecond\n```\n\n" +
	"```go note.txt\na file\n```\n\n```sh\ncat note.txt\n```\n\n```json\na file\n```\n\n" +
	"```console\nfor the reader only\n```\n\n```sh\ntest -n \"$NAME\"\n```\n"

// run runs a document whose text is given, and returns what it was before.
func run(t *testing.T, text string) (*doctest.Document, *doctest.Outcome, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document.md")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := doctest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := d.Run(doctest.Place{Folder: t.TempDir(), Environment: os.Environ(), Settle: func(*doctest.Example) {},
		Present: func(output string) string { return output }})
	return d, outcome, err
}

func TestDocumentIsRight(t *testing.T) {
	_, outcome, err := run(t, example)
	if err != nil || len(outcome.Wrong) > 0 {
		t.Errorf("%v: %v", err, outcome)
	}
}

// TestDocumentIsStale: what a document says wrongly is found, and written anew.
func TestDocumentIsStale(t *testing.T) {
	stale := strings.NewReplacer("\nhello world\n", "\nhello, world\n", "\nsecond\n```", "\nthird\n```").Replace(example)
	d, outcome, err := run(t, stale)
	if err != nil || len(outcome.Wrong) != 2 {
		t.Fatalf("%v: %v", err, outcome)
	}
	if err := d.Rewrite(outcome.Fresh); err != nil {
		t.Fatal(err)
	}
	if fresh, err := os.ReadFile(d.Path); err != nil || string(fresh) != example {
		t.Errorf("%v:\n%s", err, fresh)
	}
}

func TestExampleThatFails(t *testing.T) {
	if _, outcome, err := run(t, example+"\n```sh\nfalse\n```\n"); err != nil || len(outcome.Wrong) != 1 || !strings.Contains(outcome.Wrong[0], "ends with 1") {
		t.Errorf("%v: %v", err, outcome)
	}
	if _, _, err := run(t, "```sh\nexit 3\n```\n"); err == nil {
		t.Error("a shell that ends is no error")
	}
}

func TestNames(t *testing.T) {
	const first, second = "d0l3kq0s7k0c5vsr9ehg", "d0l3kq0s7k0c5vsr9ei0"
	names := doctest.NewNames()
	for _, c := range []struct{ text, want string }{
		{`{"id":"` + first + `","messageId":"` + second + `.1"}`, `{"id":"<id 1>","messageId":"<id 2>.1"}`},
		{`again ` + first + "\n", `again <id 1>`},
		{`pk_` + second + `_9hOyoHsgNTpCN9WwLnEH1hJV4zyw1IF6SuOubnym5I4`, `<key>`},
		{"at 2031-05-17T09:30:00.123Z on http://127.0.0.1:43210/docs", "at <time> on <url>/docs"},
		{`{"sequence": 7, "text": "kept"}`, `{"sequence": 7, "text": "kept"}`},
		{`{"sequence":71,"type":"message.created"}`, `{"sequence":<number>,"type":"message.created"}`},
		{"moved to postgres://127.0.0.1:40123/one_2 in 12 ms, " + strings.Repeat("0f", 32), "moved to <database> in <time>, <checksum>"},
		{"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 14:29:55 GMT\r\n", "HTTP/1.1 200 OK\nDate: <time>"},
	} {
		if got := names.Replace(c.text); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}
