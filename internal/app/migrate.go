package app

import (
	"context"
	"fmt"

	"github.com/parley-server/parley/internal/store/move"
)

// MoveProgress is how far a move is.
type MoveProgress = move.Progress

// Moved is what a move did.
type Moved struct {
	move.Report
	From, To string // as people may see them
	// Next is what is left to the operator: where uploaded files are to be, and how the destination is served.
	Next string
}

// ErrMoved is returned by Migrate where an earlier run did all there is to do.
var ErrMoved = move.ErrMoved

// Migrate moves a database from a place to another, each of them sqlite:FOLDER or the address of a PostgreSQL database.
func Migrate(ctx context.Context, from, to string, say func(MoveProgress)) (*Moved, error) {
	source, err := move.ParsePlace(from)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	destination, err := move.ParsePlace(to)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	report, err := move.Offline(ctx, source, destination, say)
	if err != nil {
		return nil, err
	}
	return &Moved{Report: *report, From: source.String(), To: destination.String(), Next: next(source, destination)}, nil
}

// next says what a move leaves to the operator.
func next(from, to move.Place) string {
	switch {
	case from.Folder != "" && to.Folder != "":
		return fmt.Sprintf("Uploaded files are not in the database: move %s/media to %s/media. Then: parley serve --data %s", from.Folder, to.Folder, to.Folder)
	case from.Folder != "":
		return fmt.Sprintf("Uploaded files are not in the database, and stay in %s/media: parley serve --data %s --database %s", from.Folder, from.Folder, to)
	case to.Folder != "":
		return fmt.Sprintf("Uploaded files are not in the database: %s/media must be the folder media of the servers' data folder. Then: parley serve --data %s", to.Folder, to.Folder)
	default:
		return fmt.Sprintf("Uploaded files are not in the database, and stay in the servers' data folder: parley serve --data FOLDER --database %s", to)
	}
}
