package doctest

import (
	"fmt"
	"strings"
	"time"
)

// Place is where a document's examples run.
type Place struct {
	Folder      string
	Environment []string
	// Settle is called after each example, and returns when what it set going has ended.
	Settle func(e *Example)
	// Present makes an output what the document shows: an address that everybody has, for example.
	Present func(output string) string
}

// Outcome is how a document compares with what its examples did.
type Outcome struct {
	Wrong []string       // what a reader would stumble over; empty where nothing
	Fresh map[int]string // outputs to put in the place of the document's own, by the index of their example: all where one is wrong, as they name the same things
}

// Run runs all examples of a document. An example without an output must end without an error.
func (d *Document) Run(p Place) (*Outcome, error) {
	s, err := Start(p.Folder, p.Environment)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	o, fresh := &Outcome{}, map[int]string{}
	expected, actual := NewNames(), NewNames()
	compare := func(i int, output string) {
		e := &d.Examples[i]
		want, got := expected.Replace(e.Output), actual.Replace(output)
		fresh[i] = strings.TrimRight(p.Present(output), "\n")
		if want == got {
			return
		}
		o.Fresh = fresh
		o.Wrong = append(o.Wrong, fmt.Sprintf("%s:%d: %s\nprints\n%s\nand not\n%s", d.Path, e.Line, e.Text, got, want))
	}
	for i := range d.Examples {
		e := &d.Examples[i]
		output, status, err := s.Run(e)
		if err != nil {
			return o, fmt.Errorf("%s:%d: %w\n%s", d.Path, e.Line, err, output)
		}
		p.Settle(e)
		switch {
		case e.Background || e.File != "":
		case e.HasOutput:
			compare(i, output)
		case status != 0:
			o.Wrong = append(o.Wrong, fmt.Sprintf("%s:%d: %s\nends with %d and prints\n%s", d.Path, e.Line, e.Text, status, output))
		}
	}
	for i := range d.Examples {
		if e := &d.Examples[i]; e.Background && e.HasOutput {
			compare(i, s.until(e))
		}
	}
	return o, nil
}

// until waits for an example in the background to print as many lines as its document shows, and returns so
// many.
func (s *Session) until(e *Example) string {
	wanted := strings.Count(e.Output, "\n") + 1
	deadline := time.Now().Add(10 * time.Second)
	for {
		output, err := s.Background(e)
		if err != nil {
			output = err.Error()
		}
		if lines := strings.SplitAfterN(output, "\n", wanted+1); len(lines) > wanted || time.Now().After(deadline) {
			return strings.Join(lines[:min(wanted, len(lines))], "")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
