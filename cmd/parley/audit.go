package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/parley"
)

// auditCommand checks the audit log and takes it elsewhere.
type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that every row is as it was written, and none is missing."`
	Export auditExportCommand `cmd:"" help:"Print all rows as JSON lines."`
	Heads  auditHeadsCommand  `cmd:"" help:"Print the last row's number and hash of each organization as JSON lines, to keep elsewhere."`
}

// auditPlace is where the audit log is.
type auditPlace struct {
	Data         string `name:"data" env:"PARLEY_DATA" default:"parley-data" help:"The data folder of a server that is stopped, or a copy of it."`
	Database     string `name:"database" env:"PARLEY_DATABASE" placeholder:"URL" help:"A PostgreSQL database in its place, which servers may be using."`
	Organization string `name:"organization" env:"PARLEY_ORGANIZATION" help:"The organization; without it, all."`
}

// each opens the log and calls f with the organizations that are asked for.
func (c *auditPlace) each(ctx context.Context, f func(log *app.AuditLog, organizations []parley.ID) error) (err error) {
	log, err := app.OpenAudit(ctx, c.Data, c.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	organizations, err := log.Organizations(ctx, parley.ID(c.Organization))
	if err != nil {
		return err
	}
	return f(log, organizations)
}

// auditVerifyCommand follows the chains.
type auditVerifyCommand struct {
	auditPlace
	Known string `name:"known" placeholder:"FILE" help:"Lines of parley audit heads or export from earlier on: rows must still have those hashes."`
}

// Run prints a line for each organization. It fails where any log is not whole.
func (c *auditVerifyCommand) Run(ctx context.Context, std output) error {
	known, err := readKnown(c.Known)
	if err != nil {
		return fmt.Errorf("--known: %w", err)
	}
	return c.each(ctx, func(log *app.AuditLog, organizations []parley.ID) error {
		var rows int64
		var first *app.AuditBroken
		for _, id := range organizations {
			whole, err := log.Verify(ctx, id, known)
			if broken, is := errors.AsType[*app.AuditBroken](err); is {
				fmt.Fprintln(std.out, broken)
				if first == nil {
					first = broken
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("the audit log cannot be read (a server of this version makes it when it starts): %w", err)
			}
			rows += whole.Rows
			fmt.Fprintf(std.out, "organization %s: %d rows from %d on, the last has the hash %s\n", id, whole.Rows, whole.Dropped+1, whole.LastHash)
		}
		for id := range known {
			if c.Organization == "" && !slices.Contains(organizations, id) && first == nil {
				first = &app.AuditBroken{Organization: id, Why: "it is not in the database, but in the file of --known"}
			}
		}
		if first != nil {
			return fmt.Errorf("the audit log is not as it was written: %w", first)
		}
		_, err := fmt.Fprintf(std.out, "%d rows of %d organizations are as they were written.\n", rows, len(organizations))
		return err
	})
}

// auditLine is a row as JSON. A head has the first, second and last field only.
type auditLine struct {
	Organization parley.ID       `json:"organization"`
	Sequence     int64           `json:"sequence"`
	At           *time.Time      `json:"at,omitempty"`
	Actor        *auditActor     `json:"actor,omitempty"`
	Act          parley.Act      `json:"act,omitempty"`
	Subject      *auditSubject   `json:"subject,omitempty"`
	Changes      json.RawMessage `json:"changes,omitempty"`
	Address      string          `json:"address,omitempty"`
	Hash         string          `json:"hash"`
}

type auditActor struct {
	Kind parley.AuditActorKind `json:"kind"`
	User parley.ID             `json:"user,omitempty"`
	Key  parley.ID             `json:"key,omitempty"`
}

type auditSubject struct {
	Kind string    `json:"kind"`
	ID   parley.ID `json:"id"`
}

// readKnown reads rows that were kept elsewhere; none without a file.
func readKnown(path string) (app.AuditKnown, error) {
	known := app.AuditKnown{}
	if path == "" {
		return known, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := json.NewDecoder(bufio.NewReader(file))
	for n := 1; ; n++ {
		var line auditLine
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return known, nil
		case err != nil:
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		case line.Organization == "" || line.Sequence < 0 || (line.Hash == "") != (line.Sequence == 0):
			return nil, fmt.Errorf("%s, line %d: must have organization, sequence and hash", path, n)
		}
		known.Add(line.Organization, line.Sequence, line.Hash)
	}
}

// lines writes JSON, a line for each value, with changes byte for byte as they are hashed.
func lines(out io.Writer) *json.Encoder {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder
}

// auditExportCommand prints rows.
type auditExportCommand struct{ auditPlace }

// Run prints the rows of one organization after another, oldest first.
func (c *auditExportCommand) Run(ctx context.Context, std output) error {
	return c.each(ctx, func(log *app.AuditLog, organizations []parley.ID) error {
		buffered := bufio.NewWriter(std.out)
		out := lines(buffered)
		for _, id := range organizations {
			err := log.Export(ctx, id, func(e *parley.AuditEntry) error {
				err := out.Encode(auditLine{Organization: id, Sequence: e.Sequence, At: &e.At, Act: e.Act, Address: e.Address, Hash: e.Hash,
					Actor: &auditActor{e.Actor.Kind, e.Actor.User, e.Actor.Key}, Subject: &auditSubject{e.SubjectKind, e.Subject},
					Changes: json.RawMessage(e.Changes)})
				if err != nil {
					err = fmt.Errorf("organization %s, row %d: %w", id, e.Sequence, err)
				}
				return err
			})
			if err != nil {
				return errors.Join(err, buffered.Flush())
			}
		}
		return buffered.Flush()
	})
}

// auditHeadsCommand prints where the logs end.
type auditHeadsCommand struct{ auditPlace }

// Run prints a line for each organization.
func (c *auditHeadsCommand) Run(ctx context.Context, std output) error {
	return c.each(ctx, func(log *app.AuditLog, organizations []parley.ID) error {
		out := lines(std.out)
		for _, id := range organizations {
			head, err := log.Head(ctx, id)
			if err != nil {
				return err
			}
			if err := out.Encode(auditLine{Organization: id, Sequence: head.Last, Hash: head.LastHash}); err != nil {
				return err
			}
		}
		return nil
	})
}
