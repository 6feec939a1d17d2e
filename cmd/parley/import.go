package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/importer"
)

// importCommand brings in what a file has.
type importCommand struct {
	remote
	Kind      string   `arg:"" enum:"contacts,users,teams,roles" help:"What the file has: ${enum}."`
	File      string   `arg:"" help:"The file; - reads the standard input."`
	Format    string   `name:"format" enum:",csv,jsonl" default:"" help:"csv, its first row naming the columns, or jsonl, an object a line; by default as the file's name ends."`
	Separator string   `name:"separator" help:"Between the values of CSV; by default what the first row has most of."`
	Map       []string `name:"map" sep:"none" placeholder:"COLUMN=FIELD" help:"Which field a column goes to, such as 'Customer No=externalIds.crm' or 'City=attributes.city'; COLUMN=- leaves one out. Columns that are called like fields need none."`
	DryRun    bool     `name:"dry-run" help:"Only say what would become of the rows."`
	After     int      `name:"after-line" help:"Leave out the lines up to this one, such as those that an import which was broken off had done."`
	Problems  string   `name:"problems" placeholder:"FILE" help:"Where to write what is wrong with rows, as JSON Lines; by default to the standard error, as text."`
}

// Run brings the rows in and prints a report as JSON. To do it again changes nothing.
func (c *importCommand) Run(ctx context.Context, std output) error {
	mapping, err := importer.NewMapping(c.Kind, c.Map)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	file, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	separator, _ := utf8.DecodeRuneInString(c.Separator)
	if c.Separator == "" {
		separator = 0
	}
	table, err := importer.Open(file, c.format(), separator)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	problem, closeProblems, err := c.problems(std)
	if err != nil {
		return err
	}
	report, err := importer.Run(ctx, table, importer.Options{Client: client, Kind: c.Kind, Mapping: mapping, DryRun: c.DryRun, After: c.After, Problem: problem})
	if closed := closeProblems(); err == nil {
		err = closed
	}
	if printed := printJSON(std, report); err == nil {
		err = printed
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s, after line %d: %w", c.File, report.Through, err)
	case report.Wrong > 0:
		return fmt.Errorf("%d of %d rows were not brought in", report.Wrong, report.Rows)
	}
	return nil
}

func (c *importCommand) open() (io.ReadCloser, error) {
	if c.File == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(c.File)
}

func (c *importCommand) format() string {
	switch {
	case c.Format != "":
		return c.Format
	case strings.HasSuffix(c.File, ".jsonl"), strings.HasSuffix(c.File, ".ndjson"):
		return importer.JSONL
	}
	return importer.CSV
}

// problems is where what is wrong with rows goes.
func (c *importCommand) problems(std output) (tell func(importer.Problem), closeFile func() error, err error) {
	if c.Problems == "" {
		return func(p importer.Problem) {
			field := p.Field
			if field != "" {
				field += ": "
			}
			fmt.Fprintf(std.err, "line %d: %s%s (%s)\n", p.Line, field, p.Message, p.Code)
		}, func() error { return nil }, nil
	}
	file, err := os.Create(c.Problems)
	if err != nil {
		return nil, nil, err
	}
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	var failed error
	return func(p importer.Problem) {
			if err := encoder.Encode(p); err != nil && failed == nil {
				failed = err
			}
		}, func() error {
			if err := file.Close(); failed == nil {
				failed = err
			}
			return failed
		}, nil
}
