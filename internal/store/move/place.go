package move

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Place is where a database is: in a data folder, or in PostgreSQL.
type Place struct{ Folder, URL string }

// ParsePlace reads sqlite:FOLDER, or the address of a PostgreSQL database.
func ParsePlace(text string) (Place, error) {
	if folder, ok := strings.CutPrefix(text, "sqlite:"); ok && folder != "" {
		folder, err := filepath.Abs(folder)
		return Place{Folder: folder}, err
	}
	if u, err := url.Parse(text); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		return Place{URL: text}, nil
	}
	return Place{}, errors.New("must be sqlite:FOLDER or postgres://USER:PASSWORD@HOST:PORT/NAME") // without its password
}

// String is the place as people may see it.
func (p Place) String() string {
	if p.Folder != "" {
		return "sqlite:" + p.Folder
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return "postgres://"
	}
	shown := "postgres://" + u.Host + u.Path
	if u.Host == "" && u.Query().Get("host") != "" {
		shown += "?host=" + u.Query().Get("host")
	}
	return shown
}

// cacheKB is the memory for pages of a database that is moved and not served.
const cacheKB = 256 << 10

func (p Place) options() store.Options {
	return store.Options{Folder: p.Folder, URL: p.URL, CacheKB: cacheKB, Log: slog.New(slog.DiscardHandler)}
}

// Offline moves a database that no program on this machine serves from a folder. One in PostgreSQL may be in use: its
// programs are refused at the end what they would write.
func Offline(ctx context.Context, from, to Place, say func(Progress)) (_ *Report, err error) {
	if from == to {
		return nil, fmt.Errorf("%s is both the source and the destination", from)
	}
	if err := from.holdsDatabase(); err != nil {
		return nil, err
	}
	source, err := store.OpenEngine(ctx, from.options())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w; stop it, or start it with --migrate-to", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	destination, err := to.open(ctx, to.options(), store.OpenEngine)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, destination.Close()) }()
	return run(ctx, side{DB: source, name: from.String()}, side{DB: destination, name: to.String()}, say)
}

// Online moves the database of a store while it is served, and has the store go on with the destination. The options are
// of how that is opened. Where another program has moved the database, or moves it now, the store follows.
func Online(ctx context.Context, s *store.Store, from, to Place, o store.Options, say func(Progress)) (_ *Report, err error) {
	o.Folder, o.URL = to.Folder, to.URL
	destination, err := to.open(ctx, o, s.OpenEngine)
	if err != nil {
		return nil, err
	}
	report, err := run(ctx, side{DB: s.Engine(), name: from.String()}, side{DB: destination, name: to.String()}, say)
	if errors.Is(err, ErrMoved) {
		report, err = &Report{}, nil
	}
	if err == nil {
		err = destination.Migrate(ctx, store.Migrations()) // it is up to date; others learn of this program
	}
	if err != nil {
		return nil, errors.Join(err, destination.Close())
	}
	s.Switch(destination)
	if !report.halted.IsZero() {
		report.Stopped = time.Since(report.halted)
	}
	return report, nil
}

// holdsDatabase: a folder is not made into a source by being named as one.
func (p Place) holdsDatabase() error {
	if p.Folder == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(p.Folder, "parley.db")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no Parley database", p)
	}
	return nil
}

// open opens a destination. A folder is made where it is missing.
func (p Place) open(ctx context.Context, o store.Options, open func(context.Context, store.Options) (*sqldb.DB, error)) (*sqldb.DB, error) {
	if p.Folder != "" {
		if err := os.MkdirAll(p.Folder, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
	}
	db, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	return db, nil
}
