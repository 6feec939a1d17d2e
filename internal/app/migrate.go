package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/store"
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
	return &Moved{Report: *report, From: shown(source, from), To: shown(destination, to), Next: next(source, destination, from, to)}, nil
}

// shown is a place as it was given, but for passwords.
func shown(p move.Place, text string) string {
	if p.Folder != "" {
		return text
	}
	return p.String()
}

// next says what a move leaves to the operator.
func next(from, to move.Place, fromText, toText string) string {
	const files = "Uploaded files are not in the database"
	source, destination := strings.TrimPrefix(fromText, "sqlite:"), strings.TrimPrefix(toText, "sqlite:")
	switch {
	case from.Folder != "" && to.Folder != "":
		return fmt.Sprintf("%s: copy %s/media to %s/media. Then: parley serve --data %s", files, source, destination, destination)
	case from.Folder != "":
		return fmt.Sprintf("%s, and stay in %s/media. Now: parley serve --data %s --database %s", files, source, source, to)
	case to.Folder != "":
		return fmt.Sprintf("%s: %s/media must be that of the servers' data folder. Then: parley serve --data %s", files, destination, destination)
	}
	return fmt.Sprintf("%s, and stay in the servers' data folder. Now: parley serve --data FOLDER --database %s", files, to)
}

// places are where the database is, and where it is moved to; the same where it stays.
func (a *App) places() (from, to move.Place, err error) {
	c := a.options.Config
	text := "sqlite:" + c.Data
	if c.Database != "" {
		text = c.Database
	}
	if from, err = move.ParsePlace(text); err != nil || c.MigrateTo == "" {
		return from, from, err
	}
	to, err = move.ParsePlace(c.MigrateTo)
	return from, to, err
}

// openStore opens the store where it is: at its destination, where it was moved there before.
func (a *App) openStore(ctx context.Context, o store.Options) (*store.Store, error) {
	from, to, err := a.places()
	if err != nil {
		return nil, err
	}
	o.WillShare = to.URL != ""
	s, err := store.Open(ctx, a.at(from, o))
	switch {
	case err == nil && from == to:
		if err := move.GiveUp(ctx, s); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	case err == nil:
		a.moves = func(ctx context.Context) { a.moveAway(ctx, from, to, a.at(to, o)) }
		return s, nil
	case from == to || !errors.Is(err, store.ErrClosed):
		return nil, err
	}
	if _, err := move.Offline(ctx, from, to, nil); err != nil && !errors.Is(err, move.ErrMoved) {
		return nil, err
	}
	a.log.Info("the database was moved; it is named by --database alone from now on", "from", from.String(), "to", to.String())
	return store.Open(ctx, a.at(to, o))
}

// at are the options of a store in a place.
func (a *App) at(p move.Place, o store.Options) store.Options {
	o.Folder, o.URL, o.Readers = p.Folder, p.URL, 0
	if p.URL != "" {
		o.Readers = a.options.Config.Connections
	}
	return o
}

const (
	// moveAgain is how long after a failure a move goes on, and moveFollow how soon where another server moves, or nobody
	// can write.
	moveAgain  = time.Minute
	moveFollow = 100 * time.Millisecond
	// moveTold is how often the log says how far a move is.
	moveTold = 10 * time.Second
)

// moveAway moves the database while it is served, however often that must be begun.
func (a *App) moveAway(ctx context.Context, from, to move.Place, o store.Options) {
	log := a.log.With("from", from.String(), "to", to.String())
	log.Info("the database is moved")
	for {
		report, err := move.Online(ctx, a.store, from, to, o, telling(log))
		wait := moveAgain
		switch {
		case err == nil:
			log.Info("the database was moved; it is named by --database alone from now on", "stopped", report.Stopped, "changed", report.Changed)
			a.look() // for what was due while writes were stopped
			return
		case errors.Is(err, move.ErrElsewhere):
			wait = moveFollow
		case a.store.Engine().Halted() && ctx.Err() == nil:
			log.Error("the database is not moved yet, and takes no writes", "error", err)
			wait = moveFollow
		case ctx.Err() == nil:
			log.Error("the database is not moved yet, and is served where it is", "error", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// watchEvery is how often a server looks whether it may still use its database.
const watchEvery = time.Second

// watch ends the server when it may not use its database any more: what it shows of one that was moved away is old, and who
// lost access since still has it there.
func (a *App) watch(ctx context.Context) {
	if !a.store.Engine().Shared() {
		return
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := a.store.Engine().Outcast(); err != nil {
			a.outcast <- err
			return
		}
	}
}

// telling logs how far a move is.
func telling(log *slog.Logger) func(MoveProgress) {
	last := time.Now()
	return func(p MoveProgress) {
		if time.Since(last) < moveTold {
			return
		}
		last = time.Now()
		log.Info("moving", "phase", p.Phase, "done", p.Done, "of", p.Total)
	}
}

// startMove moves the database, if it is to be moved, until the server stops, and then watches whether it stays there.
func (a *App) startMove() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if a.moves != nil {
			a.moves(ctx)
		}
		a.watch(ctx)
	}()
	a.onStop(func(context.Context) error {
		cancel()
		<-ended
		return nil
	})
}
