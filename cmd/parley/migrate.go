package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/parley-server/parley/internal/app"
)

// migrateCommand moves a database.
type migrateCommand struct {
	From string `name:"from" env:"PARLEY_MIGRATE_FROM" required:"" placeholder:"PLACE" help:"The database to move: sqlite:FOLDER, a data folder that no server uses, or postgres://USER:PASSWORD@HOST:PORT/NAME."`
	To   string `name:"to" env:"PARLEY_MIGRATE_TO" required:"" placeholder:"PLACE" help:"Where to move it: an empty database, or one that an interrupted move began to fill."`
}

// Run moves the database, or goes on with what an earlier run began.
func (c *migrateCommand) Run(ctx context.Context, std output) error {
	moved, err := app.Migrate(ctx, c.From, c.To, (&progressLines{out: std.err}).say)
	switch {
	case errors.Is(err, app.ErrMoved):
		_, err = fmt.Fprintf(std.out, "%v; nothing is left to do.\n", err)
		return err
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted; the same command goes on")
	case err != nil:
		return err
	}
	return tell(std.out, moved)
}

// tell prints what was compared, and what is left to do.
func tell(out io.Writer, moved *app.Moved) error {
	var rows int64
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "table\trows\tSHA-256 of all columns\n")
	for _, t := range moved.Tables {
		fmt.Fprintf(table, "%s\t%d\t%s\n", t.Name, t.Rows, t.Sum)
		rows += t.Rows
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, `
%d rows of %d tables were the same in both databases.
%d changed later, and were compared one by one. Writes were stopped for %d ms.
%s was moved to %s, and is closed.
%s
`, rows, len(moved.Tables), moved.Changed, moved.Stopped.Milliseconds(), moved.From, moved.To, moved.Next)
	return err
}

// progressEvery is how often it is said how far a move is.
const progressEvery = 2 * time.Second

// progressLines prints how far a move is, now and then.
type progressLines struct {
	out   io.Writer
	last  time.Time // when a line was printed, or the phase began
	phase app.MoveProgress
	begun time.Time // the phase
}

// say prints a line, if it is time.
func (p *progressLines) say(now app.MoveProgress) {
	at := time.Now()
	if p.last.IsZero() {
		p.last = at
	}
	if now.Phase != p.phase.Phase {
		p.begun, p.phase = at, now
	}
	if at.Sub(p.last) < progressEvery {
		return
	}
	p.last = at
	line := string(now.Phase)
	if now.Total > 0 {
		line += fmt.Sprintf(": %d of %d (%d %%)", now.Done, now.Total, 100*now.Done/now.Total)
	}
	if took := at.Sub(p.begun).Seconds(); took > 1 && now.Done > p.phase.Done {
		line += fmt.Sprintf(", %.0f a second", float64(now.Done-p.phase.Done)/took)
	}
	fmt.Fprintln(p.out, line)
}
