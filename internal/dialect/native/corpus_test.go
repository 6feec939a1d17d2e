package native_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/parley"
)

// record names a new file of the corpus. What is recorded stays as it is: clients that were written for it are out there.
var record = flag.String("record", "", "record the requests and answers of today in testdata/corpus/NAME.jsonl")

const corpus = "testdata/corpus"

// recorded is a request as a client made it, with words in braces for things that exist, and what its answer had.
type recorded struct {
	ID     string            `json:"id"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Body   string            `json:"body,omitempty"`
	As     string            `json:"as,omitempty"` // owner, personal, rehearsed; else an organization key with the scopes
	Scopes []parley.Scope    `json:"scopes,omitempty"`
	Status int               `json:"status"`
	Shape  map[string]string `json:"shape,omitempty"` // the type of each field, by its path
}

// TestCorpus: what clients asked of earlier versions, with the scopes that this took, is answered as they were used to:
// with the same status, and every field that they know.
func TestCorpus(t *testing.T) {
	if *record != "" {
		recordCorpus(t, filepath.Join(corpus, *record+".jsonl"))
	}
	files, err := filepath.Glob(corpus + "/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no corpus: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			things := w.things(t)
			for line := range bytes.Lines(content) {
				var r recorded
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatal(err)
				}
				answer, text := w.replay(t, &r, things)
				if answer.StatusCode != r.Status {
					t.Errorf("%s: %d %s, was %d", r.ID, answer.StatusCode, text, r.Status)
					continue
				}
				shape := shapeOf(text)
				for path, kind := range r.Shape {
					if now := shape[path]; now != kind && kind != "null" {
						t.Errorf("%s: %s was a %s, and is %q in %s", r.ID, path, kind, now, text)
					}
				}
				if r.Method == http.MethodDelete {
					things = w.things(t)
				}
			}
		})
	}
}

// replay makes a recorded request about things.
func (w *world) replay(t *testing.T, r *recorded, things map[string]string) (*http.Response, string) {
	t.Helper()
	s := sample{path: r.Path, body: r.Body}
	token := w.token
	switch r.As {
	case "":
		if len(r.Scopes) > 0 {
			token = w.with(t, r.Scopes...)
		}
	case "personal":
		token = things["secret"]
	case "rehearsed":
		var hook string
		token, hook = w.rehearsed(t, r.Scopes...)
		s = s.fill(map[string]string{"hook": hook})
	}
	s = s.fill(things)
	return w.raw(t, r.Method, s.path, token, s.body, s.headers()...)
}

// recordCorpus writes what today's samples ask and get.
func recordCorpus(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		t.Fatalf("%s is there, and stays as it is", file)
	}
	w := newWorld(t)
	things := w.things(t)
	var lines []byte
	for _, route := range native.Routes() {
		s := samples[route.ID]
		r := recorded{ID: route.ID, Method: route.Method, Path: s.path, Body: s.body}
		switch {
		case s.owner:
			r.As = "owner"
		case s.personal:
			r.As = "personal"
		case s.rehearsed:
			r.As, r.Scopes = "rehearsed", append(slices.Clone(s.more), route.Scope)
		case route.Scope != "":
			r.Scopes = append(slices.Clone(s.more), route.Scope, parley.ScopePrivateRead)
		}
		answer, text := w.replay(t, &r, things)
		r.Status, r.Shape = answer.StatusCode, shapeOf(text)
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
		if route.Method == http.MethodDelete {
			things = w.things(t)
		}
	}
	if err := os.MkdirAll(corpus, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, lines, 0o644); err != nil {
		t.Fatal(err)
	}
}

// shapeOf is the type of each value in a JSON text, by its path; nil where the text is something else.
func shapeOf(text string) map[string]string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	shape := map[string]string{}
	add(shape, "", value)
	return shape
}

func add(shape map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		shape[path] = "object"
		for key, inner := range v {
			add(shape, path+"."+key, inner)
		}
	case []any:
		shape[path] = "array"
		for _, inner := range v {
			add(shape, path+"[]", inner)
		}
	case nil:
		if shape[path] == "" {
			shape[path] = "null"
		}
	default:
		shape[path] = fmt.Sprintf("%T", v)
	}
}
