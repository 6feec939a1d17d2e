package fill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/parley-server/parley/internal/parley"
)

// Place is where a server has its data: a folder, and where it does not use an embedded database, one of PostgreSQL.
type Place struct {
	Folder string
	URL    string // of PostgreSQL
}

// String names the place, without the password of its database.
func (p Place) String() string {
	if p.URL == "" {
		return p.Folder
	}
	config, err := pgx.ParseConfig(p.URL)
	if err != nil {
		return "the database"
	}
	return "the database " + config.Database
}

// known returns what is in a place, and nothing where nothing is.
func (p Place) known(ctx context.Context, sizes Sizes) (*Prepared, error) {
	text, used, err := p.description(ctx)
	if err != nil {
		return nil, err
	}
	if text == nil && used {
		return nil, fmt.Errorf("%s has data that were not prepared for this, or not to the end: delete it", p)
	}
	if text == nil {
		return nil, nil
	}
	var prepared Prepared
	if err := json.Unmarshal(text, &prepared); err != nil {
		return nil, fmt.Errorf("what %s says of itself: %w", p, err)
	}
	if fmt.Sprint(prepared.Sizes) != fmt.Sprint(sizes) {
		return nil, fmt.Errorf("%s was prepared with other sizes (%+v): delete it, or give the same", p, prepared.Sizes)
	}
	return &prepared, nil
}

// A finished place holds its description: a folder in a file, a database in a table.
const (
	fileName  = "bench.json"
	tableName = "bench_prepared"
)

// description returns what a place says of itself, nothing where it does not, and whether anything is in it.
func (p Place) description(ctx context.Context) (text []byte, used bool, err error) {
	if p.URL != "" {
		return p.describedByTable(ctx)
	}
	if text, err = os.ReadFile(filepath.Join(p.Folder, fileName)); !errors.Is(err, fs.ErrNotExist) {
		return text, true, err
	}
	_, err = os.Stat(filepath.Join(p.Folder, "parley.db"))
	return nil, err == nil, nil
}

func (p Place) describedByTable(ctx context.Context) (text []byte, used bool, err error) {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var described bool
	err = conn.QueryRow(ctx, `SELECT to_regclass('`+tableName+`') IS NOT NULL,
		EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())`).Scan(&described, &used)
	if err != nil || !described {
		return nil, used, err
	}
	err = conn.QueryRow(ctx, "SELECT description FROM "+tableName).Scan(&text)
	return text, true, err
}

// finish leaves the description in a place that was filled.
func (p Place) finish(ctx context.Context, prepared *Prepared) error {
	text, err := json.Marshal(prepared)
	if err != nil {
		return err
	}
	if p.URL == "" {
		return os.WriteFile(filepath.Join(p.Folder, fileName), text, 0o600)
	}
	return p.finishDatabase(ctx, string(text))
}

// finishDatabase does at once what PostgreSQL would do sooner or later after so many rows, while something is measured.
func (p Place) finishDatabase(ctx context.Context, description string) (err error) {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, statement := range []string{"VACUUM (ANALYZE)", "CREATE TABLE " + tableName + " (description TEXT NOT NULL)"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, "INSERT INTO "+tableName+" VALUES ($1)", description); err != nil {
		return err
	}
	_, _ = conn.Exec(ctx, "CHECKPOINT") // where its user may
	return nil
}

// Hex is an id as 24 hexadecimal digits, which some doors write.
func Hex(id string) string { return parley.ID(id).Hex() }

// UUID is an id as another door writes it.
func UUID(id string) string { return parley.ID(id).UUID() }
