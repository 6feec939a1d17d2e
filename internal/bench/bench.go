// Package bench measures the program: it prepares a data folder, runs the server as a process of its own on it,
// makes load from this process, and says how fast the server answered and what it took of the machine, beside
// what the machine can do at all.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
)

// Options say what is measured.
type Options struct {
	Executable []string // the program, and arguments that come before its own
	Data       string   // the folder of the prepared data
	Keep       bool     // leave them there for a later run
	Scenarios  []string // names; none: all
	ServeArgs  []string // further arguments of the server
	Profile    string   // a folder for the server's processor profiles; empty: none
	Database   string   // postgres://USER:PASSWORD@HOST:PORT/NAME to measure databases there; empty: the embedded one
	Postgres   bool     // measure databases on a PostgreSQL that is started for the run

	Stored        int           // messages stored before
	Organizations int           // the first has half of contacts, stored messages and load
	Contacts      int           // of these
	Recipients    int           // of the broadcast list
	Streams       int           // users who follow streams
	Connections   int           // that send at once
	Nodes         int           // servers over one database; more than one are measured beside one
	Rate          float64       // of the scenario deliver; 0: the highest is looked for
	Warmup        time.Duration // before anything is counted
	Duration      time.Duration // of a measurement; deliver takes twice as long

	Out io.Writer // rows as they come
	Log io.Writer // what is going on
}

// Default are the options of the fixed workload that floors hold for.
func Default() Options {
	return Options{Data: "parley-bench", Stored: 1_000_000, Organizations: 20, Contacts: 10_000, Recipients: 100_000, Streams: 1000,
		Connections: 64, Nodes: 1, Warmup: 5 * time.Second, Duration: 30 * time.Second, Out: io.Discard, Log: io.Discard}
}

// Validate says what cannot be measured.
func (o Options) Validate() error {
	for _, name := range o.Scenarios {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(Scenarios(), ", "))
		}
	}
	for _, least := range []struct {
		option string
		value  int
		from   int
	}{{"stored", o.Stored, 1000}, {"organizations", o.Organizations, 1}, {"contacts", o.Contacts, 2 * o.Organizations},
		{"recipients", o.Recipients, 1}, {"streams", o.Streams, 2}, {"connections", o.Connections, 1}, {"nodes", o.Nodes, 1}} {
		if least.value < least.from {
			return fmt.Errorf("%s: must be at least %d", least.option, least.from)
		}
	}
	if o.Database != "" && o.Postgres {
		return errors.New("database, postgres: only one of them")
	}
	if o.Nodes > 1 && o.Database == "" && !o.Postgres {
		return errors.New("nodes: an embedded database has one; more of them need PostgreSQL")
	}
	if o.Database != "" {
		if err := checkAddress(o.Database); err != nil {
			return err
		}
	}
	if o.Duration < time.Second || o.Warmup < 0 || o.Rate < 0 {
		return errors.New("duration must be at least 1s; warmup and rate must not be negative")
	}
	return nil
}

// scenario is something to measure.
type scenario struct {
	name string
	run  func(b *bench, ctx context.Context) error
}

// scenarios are all that can be measured, in their order.
func scenarios() []scenario {
	return []scenario{
		{"memory", (*bench).memory},
		{"one-connection", (*bench).oneConnection},
		{"accept", (*bench).accept},
		{"deliver", (*bench).deliver},
		{"broadcast", (*bench).broadcast},
		{"live", (*bench).live},
		{"reads", (*bench).reads},
		{"search", (*bench).search},
		{"doors", (*bench).doors},
	}
}

// Scenarios are the names of all scenarios.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// bench is one run.
type bench struct {
	options  Options
	report   Report
	scenario string
	served   int       // servers started, for the names of profiles
	made     []string  // folders
	postgres *postgres // nil: the embedded database is measured
	main     *fill.Prepared
	read     *fill.Prepared
	searched *fill.Prepared
}

// Run measures, and returns what it measured also where it ended early.
func Run(ctx context.Context, o Options) (*Report, error) {
	b := &bench{options: o, report: Report{Stored: o.Stored}}
	if err := o.Validate(); err != nil {
		return &b.report, err
	}
	for _, folder := range []string{o.Data, o.Profile} {
		if folder == "" {
			continue
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return &b.report, err
		}
	}
	err := b.run(ctx)
	b.report.check()
	return &b.report, errors.Join(err, b.clear())
}

func (b *bench) run(ctx context.Context) (err error) {
	b.say("measuring the machine")
	if b.report.Machine, err = b.measureMachine(ctx); err != nil {
		return fmt.Errorf("measuring the machine: %w", err)
	}
	b.report.Machine.write(b.options.Out)
	if err := b.openDatabase(ctx); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	b.report.Database.write(b.options.Out)
	for _, s := range scenarios() {
		if len(b.options.Scenarios) > 0 && !slices.Contains(b.options.Scenarios, s.name) {
			continue
		}
		b.scenario = s.name
		failed := s.run(b, ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failed != nil {
			failed = fmt.Errorf("%s: %w", s.name, failed)
			b.say("%v", failed)
			err = errors.Join(err, failed) // the others can still be measured
		}
	}
	return err
}

// clear removes what the run has prepared, unless it is to be kept.
func (b *bench) clear() error {
	var errs []error
	if b.postgres != nil {
		errs = append(errs, b.postgres.close(b.options.Keep))
	}
	if b.options.Keep {
		return errors.Join(errs...)
	}
	for _, folder := range b.made {
		errs = append(errs, os.RemoveAll(folder))
	}
	if len(b.made) > 0 {
		_ = os.Remove(filepath.Join(b.options.Data, "echo.log"))
		_ = os.Remove(b.options.Data) // where nothing else is in it
	}
	return errors.Join(errs...)
}

// say tells whoever waits what is going on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.options.Log, format+"\n", args...)
}

// row keeps and prints what was measured.
func (b *bench) row(r Row) {
	r.Scenario = b.scenario
	r.write(b.options.Out)
	b.report.Rows = append(b.report.Rows, r)
}

// The folders below Options.Data, and the parts of the names of databases.
const (
	mainFolder   = "main"
	readsFolder  = "reads"
	searchFolder = "search"
)

func (b *bench) folder(name string) string { return filepath.Join(b.options.Data, name) }

// making notes a folder that the run makes, so that it is removed at the end.
func (b *bench) making(folder string) {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		b.made = append(b.made, folder)
	}
}

// place is where a server has its data.
func (b *bench) place(name string) fill.Place {
	if b.postgres == nil {
		return fill.Place{Folder: b.folder(name)}
	}
	return fill.Place{Folder: b.folder(name + "-postgres"), URL: b.postgres.url(b.postgres.name(name))}
}

// prepare fills a place, once a run.
func (b *bench) prepare(ctx context.Context, name string, into **fill.Prepared, sizes fill.Sizes) (*fill.Prepared, error) {
	if *into != nil {
		return *into, nil
	}
	place := b.place(name)
	b.making(place.Folder)
	if err := os.MkdirAll(place.Folder, 0o700); err != nil {
		return nil, err
	}
	if b.postgres != nil {
		if _, err := b.postgres.provide(ctx, name); err != nil {
			return nil, err
		}
	}
	prepared, err := fill.Prepare(ctx, place, sizes, b.say)
	*into = prepared
	return prepared, err
}

// mainData is what all scenarios but reads and search run on.
func (b *bench) mainData(ctx context.Context) (*fill.Prepared, error) {
	o := b.options
	return b.prepare(ctx, mainFolder, &b.main, fill.Sizes{Organizations: o.Organizations, Contacts: o.Contacts, Stored: o.Stored,
		Recipients: o.Recipients, Users: o.Streams})
}

// readsData are up to three organizations, each ten times as large as the one before.
func (b *bench) readsData(ctx context.Context) (*fill.Prepared, error) {
	n := b.options.Stored
	return b.prepare(ctx, readsFolder, &b.read, fill.Sizes{Reads: slices.Compact([]int{max(n/100, 1000), max(n/10, 1000), n})})
}
