package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/parley-server/parley/internal/bench"
)

// benchCommand measures the program.
type benchCommand struct {
	Data      string   `name:"data" default:"parley-bench" help:"The folder for the prepared data, on the disk that is to be measured."`
	Keep      bool     `name:"keep" help:"Leave the prepared data, in the folder and in the databases. A later run with the same sizes begins with them."`
	Database  string   `name:"database" placeholder:"URL" help:"Measure PostgreSQL instead of the embedded database: postgres://USER:PASSWORD@HOST:PORT/NAME. The prepared data go into the databases NAME_main, NAME_reads and NAME_search of that server, which are made, and dropped at the end."`
	Postgres  bool     `name:"postgres" help:"Measure PostgreSQL, on a server of the installed programs that is started for the run in the folder."`
	Scenarios []string `name:"scenario" placeholder:"NAME" help:"What to measure, separated by commas: memory, one-connection, accept, deliver, broadcast, live, reads, search, doors. All of them when left out."`
	JSON      bool     `name:"json" help:"Print the report as JSON."`
	Check     bool     `name:"check" help:"Fail where a figure misses its floor, which holds on an idle machine of two cores."`
	ServeArgs []string `name:"serve-arg" sep:"none" placeholder:"ARG" help:"A further argument of the server, such as --serve-arg=--no-access-log. May be repeated."`
	Profile   string   `name:"profile" hidden:"" placeholder:"DIR" help:"Write processor profiles of the server while something is counted, and its allocations, to this folder."`
	Echo      string   `name:"echo" hidden:"" placeholder:"HOST:PORT" help:"Only answer requests there, as the measure of what loopback can do."`

	Stored        int           `name:"stored" default:"1000000" help:"Messages stored before anything is measured. reads and search have as many in an organization of their own."`
	Organizations int           `name:"organizations" default:"20" help:"Organizations; the first has half of the contacts, the stored messages and the load."`
	Contacts      int           `name:"contacts" default:"10000" help:"Contacts of the organizations."`
	Recipients    int           `name:"recipients" default:"100000" help:"Recipients of the broadcast."`
	Streams       int           `name:"streams" default:"1000" help:"Users who follow live streams."`
	Connections   int           `name:"connections" default:"64" help:"Connections that send at once."`
	Nodes         int           `name:"nodes" default:"1" help:"Servers over one PostgreSQL database: accept is measured on one, and then on so many with the same connections and streams."`
	Rate          float64       `name:"rate" help:"Sends a second of the scenario deliver; 0: it looks for the highest that is sustained."`
	Warmup        time.Duration `name:"warmup" default:"5s" help:"How long there is load before anything is counted."`
	Duration      time.Duration `name:"duration" default:"30s" help:"How long a measurement takes; deliver takes twice as long."`
}

func (c *benchCommand) options(std output) (bench.Options, error) {
	program, err := os.Executable()
	o := bench.Options{Executable: []string{program}, Data: c.Data, Keep: c.Keep, Scenarios: c.Scenarios, ServeArgs: c.ServeArgs,
		Profile: c.Profile, Database: c.Database, Postgres: c.Postgres, Stored: c.Stored, Organizations: c.Organizations, Contacts: c.Contacts, Recipients: c.Recipients,
		Streams: c.Streams, Connections: c.Connections, Nodes: c.Nodes, Rate: c.Rate, Warmup: c.Warmup, Duration: c.Duration, Out: std.out, Log: std.err}
	if c.JSON {
		o.Out = io.Discard
	}
	return o, err
}

// Run measures, and prints what it measured also where something failed.
func (c *benchCommand) Run(ctx context.Context, std output) error {
	if c.Echo != "" {
		return bench.Echo(ctx, c.Echo)
	}
	o, err := c.options(std)
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, o)
	if c.JSON {
		err = errors.Join(err, report.WriteJSON(std.out))
	} else {
		report.WriteFloors(std.out)
	}
	if missed := report.Missed(); c.Check && err == nil && len(missed) > 0 {
		names := make([]string, len(missed))
		for i, m := range missed {
			names[i] = m.Scenario + " " + m.Figure
		}
		return fmt.Errorf("%d of %d floors were missed: %s", len(missed), len(report.Floors), strings.Join(names, ", "))
	}
	return err
}

// profiledCommand runs another command, and writes where it spends its time from each SIGUSR1 to the SIGUSR2
// that follows.
type profiledCommand struct {
	Files   string   `arg:"" help:"The beginning of the profiles' names: FILES-1.cpu, FILES-2.cpu, … and, at the end, FILES.allocs."`
	Command []string `arg:"" passthrough:"" help:"The command to run."`
}

// Run runs the command to its end.
func (c *profiledCommand) Run(ctx context.Context, std output) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(asked)
	ended, profiled := make(chan struct{}), make(chan error, 1)
	go func() { profiled <- c.profile(asked, ended) }()
	code := run(ctx, c.Command, std)
	close(ended)
	if err := errors.Join(<-profiled, c.allocations()); err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("%s ended with %d", strings.Join(c.Command, " "), code)
	}
	return nil
}

// profile writes processor profiles as the signals say.
func (c *profiledCommand) profile(asked <-chan os.Signal, ended <-chan struct{}) (err error) {
	var file *os.File
	stop := func() {
		if file != nil {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
			file = nil
		}
	}
	defer stop()
	for n := 1; ; {
		select {
		case <-ended:
			return err
		case s := <-asked:
			stop()
			if s != syscall.SIGUSR1 {
				continue
			}
			if file, err = os.Create(fmt.Sprintf("%s-%d.cpu", c.Files, n)); err != nil {
				return err
			}
			n++
			err = pprof.StartCPUProfile(file)
		}
	}
}

func (c *profiledCommand) allocations() (err error) {
	file, err := os.Create(c.Files + ".allocs")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return pprof.Lookup("allocs").WriteTo(file, 0)
}
