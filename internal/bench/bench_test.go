package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
	"github.com/parley-server/parley/internal/pgtest"
)

// measured builds the program as it is released, without the race detector that the tests may run under, and
// lets it measure itself with small sizes.
func measured(t *testing.T, args ...string) *Report {
	t.Helper()
	folder := filepath.Join(pgtest.Folder(t), "data")
	report, _ := measuredIn(t, folder, args...)
	if _, err := os.Stat(folder); !slices.Contains(args, "--keep") && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left in %s: %v", folder, err)
	}
	return report
}

// measuredIn is measured with a folder for the data. It returns also what the program said meanwhile.
func measuredIn(t *testing.T, folder string, args ...string) (report *Report, said string) {
	t.Helper()
	parley := filepath.Join(t.TempDir(), "parley")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", parley, "../../cmd/parley")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, said)
	}
	args = append([]string{"bench", "--json", "--data", folder, "--stored", "2000", "--organizations", "4",
		"--contacts", "80", "--recipients", "500", "--streams", "20", "--serve-arg=--no-access-log"}, args...)
	run := exec.CommandContext(t.Context(), parley, args...)
	var log bytes.Buffer
	run.Stderr = &log
	text, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, text, &log)
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, row := range report.Rows {
		row.write(t.Output())
	}
	return report, log.String()
}

// figure returns one of a row, which must have it.
func (r *Report) figure(t *testing.T, row int, name string) float64 {
	t.Helper()
	value, ok := r.Rows[row].get(name)
	if !ok {
		t.Errorf("%s has no %q", r.Rows[row].Title, name)
	}
	return value
}

// TestRatios compares figures of one run, so that it holds on any machine: many connections share what one pays
// for alone, most are answered about as soon as the middle one, and everything arrives.
func TestRatios(t *testing.T) {
	report := measured(t, "--scenario", "one-connection,accept,live", "--warmup", "200ms", "--duration", "1500ms")
	const one, all, first, live = 0, 1, 2, 3
	if many, alone := report.figure(t, all, "rate"), report.figure(t, one, "rate"); many < 1.5*alone {
		t.Errorf("64 connections accept %.0f a second, one %.0f", many, alone)
	}
	if p90, p50 := report.figure(t, all, "p90"), report.figure(t, all, "p50"); p90 > 10*p50 {
		t.Errorf("one in ten waits more than %.1f ms, the middle one %.1f ms", p90, p50)
	}
	for _, row := range []int{one, all, first} {
		if n := report.figure(t, row, "refused"); n != 0 {
			t.Errorf("%s: %.0f were refused", report.Rows[row].Title, n)
		}
	}
	if missed, received := report.figure(t, live, "missed"), report.figure(t, live, "received"); missed != 0 || received == 0 {
		t.Errorf("%.0f events were received, %.0f missed", received, missed)
	}
}

func TestProveEverythingIsMeasured(t *testing.T) {
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
	for database, args := range map[string][]string{embeddedName: nil, postgresName: {"--postgres", "--nodes", "3"}} {
		report := measured(t, append(args, "--warmup", "100ms", "--duration", "1s", "--rate", "50")...)
		if report.Database.Name != database || len(report.Floors) != len(floors(database)) {
			t.Errorf("%s: %d of %d floors were compared: %+v", report.Database.Name, len(report.Floors), len(floors(database)), report.Floors)
		}
		for _, row := range report.Rows {
			for _, f := range row.Figures {
				if strings.HasPrefix(f.Name, "p9") && f.Value <= 0 {
					t.Errorf("%s: %s", row.Title, f)
				}
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Scenarios = []string{"nothing"} },
		func(o *Options) { o.Stored = 1 },
		func(o *Options) { o.Organizations = 0 },
		func(o *Options) { o.Contacts = o.Organizations },
		func(o *Options) { o.Recipients = 0 },
		func(o *Options) { o.Streams = 1 },
		func(o *Options) { o.Connections = 0 },
		func(o *Options) { o.Duration = 0 },
		func(o *Options) { o.Rate = -1 },
		func(o *Options) { o.Nodes = 2 },
		func(o *Options) { o.Nodes, o.Postgres = 0, true },
		func(o *Options) { o.Database = "sqlite:parley.db" },
		func(o *Options) { o.Database = "postgres://user:hidden@127.0.0.1:1" },
		func(o *Options) { o.Database = "postgres://user:hidden@127.0.0.1:1/" + strings.Repeat("a", 58) },
		func(o *Options) { o.Database = "postgres://user:hidden@127.0.0.1:one/parley" },
		func(o *Options) { o.Database, o.Postgres = "postgres://user:hidden@127.0.0.1:1/parley", true },
	} {
		o := Default()
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestFloors(t *testing.T) {
	rows := []Row{
		{Scenario: "accept", Figures: []Figure{{"rate", 4501, "/s"}, {"p99", 41, "ms"}, {"refused", 0, ""}}},
		{Scenario: "accept", Part: "3 nodes", Figures: []Figure{{"against one node", .8, "×"}}},
		{Scenario: "accept", Part: "one organization", Figures: []Figure{{"rate", 2500, "/s"}}},
		{Scenario: "deliver", Figures: []Figure{{"p99", 1, "ms"}}},
	}
	for database, want := range map[string]map[string]bool{
		embeddedName: {"accept rate": false, "accept p99": false, "accept refused": true, "deliver rate": false, "deliver refused": false},
		postgresName: {"accept rate": true, "accept p99": true, "accept refused": true, "accept, 3 nodes against one node": false,
			"accept, one organization rate": true, "deliver rate": false, "deliver refused": false},
	} {
		report := Report{Database: Database{Name: database}, Rows: rows}
		report.check()
		var text bytes.Buffer
		report.WriteFloors(&text)
		verdicts, missed := map[string]bool{}, 0
		for _, c := range report.Floors {
			verdicts[c.Scenario+" "+c.Figure] = c.OK
			if !c.OK {
				missed++
			}
		}
		if !maps.Equal(verdicts, want) || len(report.Missed()) != missed || strings.Count(text.String(), "MISSED") != missed {
			t.Errorf("%s: %v\n%s", database, verdicts, &text)
		}
	}
}

func TestSender(t *testing.T) {
	organizations := []fill.Organization{{Key: "one", Contacts: []string{strings.Repeat("a", 20), strings.Repeat("b", 20)}},
		{Key: "two", Contacts: []string{strings.Repeat("c", 20)}}, {Key: "three", Contacts: []string{strings.Repeat("d", 20)}}}
	seen, keys := map[string]int{}, map[string]bool{}
	s := newSender(organizations, 7, 1)
	for range 4000 {
		head, body, _ := strings.Cut(string(s.next()), "\r\n\r\n")
		var message struct {
			To   struct{ Contact string }
			Body string
		}
		if err := json.Unmarshal([]byte(body), &message); err != nil || len(message.Body) != 200 {
			t.Fatalf("%s: %v", body, err)
		}
		if !strings.Contains(head, fmt.Sprintf("Content-Length: %d", len(body))) || strings.Contains(head, "KK") {
			t.Fatal(head)
		}
		_, rest, _ := strings.Cut(head, "Idempotency-Key: ")
		key, _, _ := strings.Cut(rest, "\r\n")
		keys[key] = true
		seen[message.To.Contact[:1]+" "+head[strings.Index(head, "Bearer ")+7:][:3]]++
	}
	if len(keys) != 4000 || len(seen) != 4 || seen["a one"] < 800 || seen["a one"]+seen["b one"] > 2200 || seen["c two"] < 800 {
		t.Errorf("%d keys, %v", len(keys), seen)
	}
	s.each = new(atomic.Int64)
	order := ""
	for range 5 {
		request := string(s.next())
		order += request[strings.Index(request, `"contact":"`)+11:][:1]
	}
	if order != "abcda" {
		t.Errorf("one to each: %s", order)
	}
}

func TestJudge(t *testing.T) {
	grown := func(from, step int64) (values []int64) {
		for i := range int64(40) {
			values = append(values, from+i*step)
		}
		return values
	}
	for _, c := range []struct {
		backlog  []int64
		accepted int
		want     bool
	}{{grown(100, 0), 10_000, true}, {grown(100, 1), 10_000, true}, {grown(100, 10), 10_000, false}, {grown(2500, 0), 10_000, false},
		{grown(100, 0), 9000, false}, {nil, 10_000, true}} {
		h := held{rate: 1000, backlog: c.backlog, result: &load.Result{Elapsed: 10 * time.Second}}
		for range c.accepted {
			h.result.Latency.Add(time.Millisecond)
		}
		if h.judge(10 * time.Second); h.sustained != c.want {
			t.Errorf("%v, %d accepted: %v %s", c.backlog, c.accepted, h.sustained, h.why)
		}
	}
}

func TestParsed(t *testing.T) {
	kind, at, ok := eventHead([]byte(`{"sequence":12,"type":"message.created","time":"2026-05-17T09:30:00.123Z","data":{"text":"\"type\":\"x\""}}`))
	if !ok || string(kind) != "message.created" || at.UnixMilli() != 1779010200123 {
		t.Errorf("%s %s %v", kind, at, ok)
	}
	for _, text := range []string{"", "{}", `{"type":"a"}`, `{"type":"a","time":"now"}`, `{"type":"a`} {
		if _, _, ok := eventHead([]byte(text)); ok {
			t.Errorf("%q was read", text)
		}
	}
	for text, want := range map[string]string{`{"data":[{"next":"x"}],"next":"abc"}`: "abc", `{"data":[],"next":null}`: "", `{}`: "", "{\"next\":\"a\"}\n": "a"} {
		if got := nextOf([]byte(text)); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
