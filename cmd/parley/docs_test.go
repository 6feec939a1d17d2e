package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/demo"
	"github.com/parley-server/parley/internal/doctest"
	"github.com/parley-server/parley/internal/pgtest"
)

var update = flag.Bool("update", false, "write the outputs of the documents' examples anew")

//go:generate go test -run ^TestDocuments$ -update

// TestDocuments runs the examples of the documents, each document's against a demo of its own.
func TestDocuments(t *testing.T) {
	needs(t, "sh", "curl", "jq", "go")
	for _, path := range []string{"../../README.md", "../../docs/api.md", "../../docs/operations.md"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			d, err := doctest.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := d.Run(whereDocumentsRun(t))
			if err != nil {
				t.Fatal(err)
			}
			if !*update {
				for _, wrong := range outcome.Wrong {
					t.Error(wrong)
				}
				if len(outcome.Fresh) > 0 {
					t.Log("where the program is right, make generate writes the outputs anew")
				}
				return
			}
			if err := d.Rewrite(outcome.Fresh); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// whereDocumentsRun is a folder with the demo in parley-data, as after the first command of the README, and with
// parley in the path.
func whereDocumentsRun(t *testing.T) doctest.Place {
	t.Helper()
	folder := t.TempDir()
	p, d := startDemo(t, filepath.Join(folder, "parley-data"))
	bin := filepath.Join(folder, "bin")
	write(t, filepath.Join(bin, "parley"), fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, executable(t)), 0o755)
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimPrefix(runtime.Version(), "go")
	write(t, filepath.Join(folder, "go.mod"), "module example\n\ngo "+version+"\n", 0o644)
	write(t, filepath.Join(folder, "go.work"), fmt.Sprintf("go %s\n\nuse .\nuse %s\n", version, repository), 0o644)
	own := regexp.MustCompile(regexp.QuoteMeta(d.URL))
	database := pgtest.Database(t)
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return doctest.Place{
		Folder: folder,
		Environment: append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GOFLAGS=", "LC_ALL=C",
			"DATABASE="+database),
		Settle: func(e *doctest.Example) { settle(t, p, d, e) },
		Present: func(output string) string {
			output = strings.ReplaceAll(output, "postgres://"+address.Host+address.Path, "postgres://127.0.0.1:5432/parley")
			return own.ReplaceAllString(strings.ReplaceAll(output, "\r\n", "\n"), "http://127.0.0.1:8080")
		},
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// settle waits as a reader would: until an example in the background follows the events, or until the log stands
// still and nothing but what waits for its next attempt is left to deliver.
func settle(t *testing.T, p *process, d demo.Description, e *doctest.Example) {
	t.Helper()
	if e.Background {
		p.until(t, "a stream is open", func() bool { return figure(t, d, "parley_http_streams_open") > 0 })
		return
	}
	const quiet, still = 150 * time.Millisecond, 500 * time.Millisecond
	c := client(t, d)
	last, since := int64(-1), time.Now()
	p.until(t, "the server is quiet", func() bool {
		page, err := c.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest})
		if err != nil {
			t.Fatal(err)
		}
		if page.Through != last {
			last, since = page.Through, time.Now()
		}
		silent := time.Since(since)
		return silent > still || silent > quiet && figure(t, d, "parley_queue_deliveries") == 0
	})
}

// figure is one of the server's metrics.
func figure(t *testing.T, d demo.Description, name string) (value float64) {
	t.Helper()
	_, rest, found := strings.Cut(metrics(t, d), "\n"+name+" ")
	if _, err := fmt.Sscan(rest, &value); !found || err != nil {
		t.Fatalf("no metric %s: %v", name, err)
	}
	return value
}

// metrics is what the server says to Prometheus.
func metrics(t *testing.T, d demo.Description) string {
	t.Helper()
	response, err := http.Get(d.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOperationsAreDocumented: docs/operations.md has a row for each metric of the program's own and for each file of
// a data folder, and no other.
func TestOperationsAreDocumented(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, d := startDemo(t, folder)
	c := client(t, d)
	if _, err := c.UploadMedia(t.Context(), "a.txt", "", strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(parley[a-z_.-]+|media|demo\\.json)` \\|").FindAllStringSubmatch(string(content), -1) {
		documented[row[1]] = true
	}
	var found []string
	for _, row := range regexp.MustCompile(`(?m)^# HELP (parley_\w+)`).FindAllStringSubmatch(metrics(t, d), -1) {
		found = append(found, row[1])
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		found = append(found, file.Name())
	}
	found = append(found, "parley.db-scrub") // now and then
	for _, name := range found {
		if !documented[name] {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
	for name := range documented {
		if !slices.Contains(found, name) {
			t.Errorf("docs/operations.md has a row for %s, which there is not", name)
		}
	}
}
