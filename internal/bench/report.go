package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/bench/load"
)

// Figure is one number that was measured.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func (f Figure) String() string {
	format := "%.0f"
	switch {
	case f.Unit == "/s" || f.Unit == "" || f.Value >= 100:
	case f.Value >= 10:
		format = "%.1f"
	default:
		format = "%.2f"
	}
	return strings.TrimSpace(f.Name + " " + strings.TrimSpace(fmt.Sprintf(format, f.Value)+" "+f.Unit))
}

// Row is what was measured under one set of circumstances.
type Row struct {
	Scenario string   `json:"scenario"`
	Part     string   `json:"part,omitempty"` // of the scenario, where it has several that have floors
	Title    string   `json:"title"`
	Figures  []Figure `json:"figures"`
	Notes    []string `json:"notes,omitempty"`
}

func (r *Row) add(figures ...Figure) { r.Figures = append(r.Figures, figures...) }

func (r *Row) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// get returns a figure of the row.
func (r *Row) get(name string) (float64, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value, true
		}
	}
	return 0, false
}

// latencies adds the usual figures of a histogram.
func (r *Row) latencies(h *load.Histogram) {
	r.add(Figure{"p50", ms(h.Quantile(.5)), "ms"}, Figure{"p90", ms(h.Quantile(.9)), "ms"}, Figure{"p95", ms(h.Quantile(.95)), "ms"},
		Figure{"p99", ms(h.Quantile(.99)), "ms"}, Figure{"max", ms(h.Max()), "ms"})
}

// load adds what came of a load.
func (r *Row) load(result *load.Result) {
	r.add(Figure{"rate", result.Rate(), "/s"})
	r.latencies(&result.Latency)
	r.add(Figure{"refused", float64(result.Refused() + result.Failed), ""})
	r.note("%d counted in %.1f s, %d before or after that discarded; slowest second %s", result.Latency.Count(), result.Elapsed.Seconds(),
		result.Discarded, slowest(result.PerSecond))
	if result.Refused() > 0 || result.Failed > 0 {
		r.note("answers %v; %d requests without an answer (%v)", result.Statuses, result.Failed, result.Failure)
	}
}

func slowest(perSecond []int64) string {
	if len(perSecond) == 0 {
		return "unknown"
	}
	least := perSecond[0]
	for _, n := range perSecond {
		least = min(least, n)
	}
	return fmt.Sprint(least)
}

// Report is all that a run measured.
type Report struct {
	Machine  Machine  `json:"machine"`
	Database Database `json:"database"`
	Stored   int      `json:"stored"`
	Rows     []Row    `json:"rows"`
	Floors   []Check  `json:"floors"`
}

// floor is what a figure must reach.
type floor struct {
	scenario, part, figure string
	least                  bool // else at most
	value                  float64
}

// The parts of the scenario accept that have floors of their own.
const (
	partOrganization = "one organization"
	partNodes        = "%d nodes"
)

// floors are what the program promises of a database on an idle machine of two cores.
func floors(database string) []floor {
	if database == postgresName {
		return []floor{
			{"accept", "", "rate", true, 4500},
			{"accept", "", "p99", false, 60},
			{"accept", "", "refused", false, 0},
			{"accept", fmt.Sprintf(partNodes, 3), "against one node", true, 0.85},
			{"accept", partOrganization, "rate", true, 2500},
			{"deliver", "", "rate", true, 2000},
			{"deliver", "", "refused", false, 0},
			{"live", "", "missed", false, 0},
			{"doors", "", "least", true, doorShare},
			{"doors", "", "refused", false, 0},
		}
	}
	return []floor{
		{"accept", "", "rate", true, 5000},
		{"accept", "", "p99", false, 40},
		{"accept", "", "refused", false, 0},
		{"one-connection", "", "p50 without fsync", false, 2},
		{"deliver", "", "rate", true, 3000},
		{"deliver", "", "refused", false, 0},
		{"broadcast", "", "p99", false, 60},
		{"broadcast", "", "high priority max", false, 1000},
		{"live", "", "p99", false, 50},
		{"live", "", "missed", false, 0},
		{"memory", "", "idle", false, 60},
		{"memory", "", "with streams", false, 150},
		{"memory", "", "start to ready", false, 1000},
		{"reads", "", "worst p95", false, 10},
		{"search", rarePart, "worst p95", false, 10},
		{"search", commonPart, "worst p95", false, 50},
		{"doors", "", "least", true, doorShare},
		{"doors", "", "refused", false, 0},
	}
}

// Check is a floor and what was measured.
type Check struct {
	Scenario string  `json:"scenario"` // and its part
	Figure   string  `json:"figure"`
	Want     string  `json:"want"`
	Got      float64 `json:"got"`
	OK       bool    `json:"ok"`
}

// check compares what was measured with the floors. The first row of a scenario, or of its part, is the one that counts.
func (r *Report) check() {
	for _, f := range floors(r.Database.Name) {
		at := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Scenario == f.scenario && row.Part == f.part })
		if at < 0 {
			continue
		}
		got, found := r.Rows[at].get(f.figure)
		want, ok := fmt.Sprintf("at most %g", f.value), got <= f.value
		if f.least {
			want, ok = fmt.Sprintf("at least %g", f.value), got >= f.value
		}
		what := f.scenario
		if f.part != "" {
			what += ", " + f.part
		}
		r.Floors = append(r.Floors, Check{what, f.figure, want, got, ok && found})
	}
}

// Missed are the floors that were not reached.
func (r *Report) Missed() []Check {
	var missed []Check
	for _, c := range r.Floors {
		if !c.OK {
			missed = append(missed, c)
		}
	}
	return missed
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteFloors writes how the floors were met.
func (r *Report) WriteFloors(out io.Writer) {
	if len(r.Floors) == 0 {
		return
	}
	fmt.Fprintln(out, "\nfloors")
	for _, c := range r.Floors {
		verdict := "ok"
		if !c.OK {
			verdict = "MISSED"
		}
		fmt.Fprintf(out, "  %-6s  %-24s %s %s, got %.4g\n", verdict, c.Scenario, c.Figure, c.Want, c.Got)
	}
}

// write writes a row for people: the figures in one line, the notes below.
func (r *Row) write(out io.Writer) {
	texts := make([]string, len(r.Figures))
	for i, f := range r.Figures {
		texts[i] = f.String()
	}
	fmt.Fprintf(out, "%-34s %s\n", r.Title, strings.Join(texts, " · "))
	for _, n := range r.Notes {
		fmt.Fprintf(out, "%-34s   %s\n", "", n)
	}
}

func (m *Machine) write(out io.Writer) {
	fmt.Fprintf(out, "machine: %d CPUs, %s, %s\n", m.CPUs, m.Model, m.Go)
	for _, s := range m.Syncs {
		fmt.Fprintf(out, "  %s\n", s)
	}
	fmt.Fprintf(out, "  echo over loopback without a store: %.0f/s, p50 %.2f ms; one core copies %.1f GB/s, sha256 %.0f MB/s\n\n",
		m.EchoRate, m.EchoP50, m.CopyRate, m.HashRate)
}
