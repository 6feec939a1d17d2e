package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	sqlite "modernc.org/sqlite/lib"

	"github.com/parley-server/parley/internal/bench/load"
	"github.com/parley-server/parley/internal/pgserver"
	"github.com/parley-server/parley/internal/procfs"
)

// Database says which database was measured.
type Database struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Settings []string `json:"settings,omitempty"` // that speed depends on
	Inserts  []Insert `json:"inserts,omitempty"`  // what it can do at all, measured in the same run
}

// Insert is how fast connections commit one row after another, each durable.
type Insert struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"` // a second, of all of them
	P50         float64 `json:"p50Ms"`
}

const (
	embeddedName = "SQLite"
	postgresName = "PostgreSQL"
)

func (d *Database) write(out io.Writer) {
	fmt.Fprintf(out, "database: %s %s\n", d.Name, d.Version)
	if len(d.Settings) > 0 {
		fmt.Fprintf(out, "  %s\n", strings.Join(d.Settings, ", "))
	}
	for _, i := range d.Inserts {
		fmt.Fprintf(out, "  one durable row after another over %d connections: %.0f/s, p50 %.2f ms\n", i.Connections, i.Rate, i.P50)
	}
	fmt.Fprintln(out)
}

// postgres is the server whose databases are measured.
type postgres struct {
	address url.URL          // its path is what the names of the databases begin with
	own     *pgserver.Server // nil where somebody else started it
	made    []string         // databases
	first   int              // its first process, 0 where that is not on this machine
}

// ownSettings are those of a server that the bench starts; all others are as PostgreSQL comes.
var ownSettings = []string{"shared_buffers = 512MB", "max_wal_size = 4GB"}

// ownFolder is the folder, below Options.Data, of a server that the bench starts.
const ownFolder = "postgres"

// openDatabase finds or starts the server of the database, and measures what it can do.
func (b *bench) openDatabase(ctx context.Context) (err error) {
	o := b.options
	b.report.Database = Database{Name: embeddedName, Version: sqlite.SQLITE_VERSION}
	if o.Database == "" && !o.Postgres {
		return nil
	}
	b.postgres = &postgres{}
	address := o.Database
	if o.Postgres {
		b.say("starting PostgreSQL")
		if b.postgres.own, err = b.startPostgres(); err != nil {
			return err
		}
		address = b.postgres.own.URL("parley")
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	b.postgres.address = *parsed
	b.say("measuring PostgreSQL")
	b.report.Database, err = b.postgres.measure(ctx, max(min(insertTime, o.Duration/10), time.Second/4))
	return err
}

func (b *bench) startPostgres() (*pgserver.Server, error) {
	if os.Getuid() == 0 { // the server runs as another user, who must be able to enter the folder
		if err := os.Chmod(b.options.Data, 0o711); err != nil {
			return nil, err
		}
	}
	folder := b.folder(ownFolder)
	b.making(folder)
	return pgserver.Start(pgserver.Options{Folder: folder, Settings: ownSettings})
}

// longestName is how long the name of a database may be so that what is added to it still counts.
const longestName = 63 - len("_"+searchFolder)

// checkAddress says what is wrong with the address of a database, without its password.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("database: must be postgres://USER:PASSWORD@HOST:PORT/NAME")
	}
	if name := strings.TrimPrefix(u.Path, "/"); name == "" || len(name) > longestName {
		return fmt.Errorf("database: must end with a name of up to %d bytes, which the names of the databases to measure begin with", longestName)
	}
	return nil
}

// name is that of a database.
func (p *postgres) name(part string) string {
	return strings.TrimPrefix(p.address.Path, "/") + "_" + part
}

// url is the address of a database.
func (p *postgres) url(name string) string {
	address := p.address
	address.Path = "/" + name
	return address.String()
}

// connect connects to the database that the others are named after; where there is none, to the one that every server has.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, p.address.String())
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "3D000" { // it does not exist
		return pgx.Connect(ctx, p.url("postgres"))
	}
	return conn, err
}

// provide makes a database unless it is there, and returns its address.
func (p *postgres) provide(ctx context.Context, part string) (address string, err error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	name, present := p.name(part), false
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&present); err != nil || present {
		return p.url(name), err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return "", err
	}
	p.made = append(p.made, name)
	return p.url(name), nil
}

// close drops the databases that the run has made, unless they are kept, and stops a server of its own.
func (p *postgres) close(keep bool) (err error) {
	if !keep {
		err = p.drop(context.Background())
	}
	if p.own != nil {
		err = errors.Join(err, p.own.End())
	}
	return err
}

// drop drops the databases that the run has made so far.
func (p *postgres) drop(ctx context.Context) error {
	if len(p.made) == 0 {
		return nil
	}
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	for _, name := range p.made {
		_, failed := conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		err = errors.Join(err, failed)
	}
	p.made = nil
	return errors.Join(err, conn.Close(ctx))
}

// measure says what the server is, and measures it in a database that it drops again.
func (p *postgres) measure(ctx context.Context, each time.Duration) (d Database, err error) {
	d.Name = postgresName
	address, err := p.provide(ctx, "bare")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, p.drop(context.WithoutCancel(ctx))) }()
	if err := p.describe(ctx, address, &d); err != nil {
		return d, err
	}
	for _, connections := range []int{1, 16} {
		i, err := measureInserts(ctx, address, connections, each)
		if err != nil {
			return d, err
		}
		d.Inserts = append(d.Inserts, i)
	}
	return d, nil
}

// describe reads the version and the settings, finds the server's first process, and makes the table of measureInserts.
func (p *postgres) describe(ctx context.Context, address string, d *Database) (err error) {
	conn, err := durable(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	p.first = firstProcess(conn)
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&d.Version); err != nil {
		return err
	}
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers", "max_wal_size",
		"max_connections"} {
		value := ""
		if err := conn.QueryRow(ctx, "SHOW "+name).Scan(&value); err != nil {
			return err
		}
		d.Settings = append(d.Settings, name+" "+value)
	}
	_, err = conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body TEXT NOT NULL)")
	return err
}

// durable connects as the server under test does: commits wait for the disk whatever the database's setting is.
func durable(ctx context.Context, address string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

const insertTime = 2 * time.Second // of each measurement, at most

// measureInserts has connections commit one row after another.
func measureInserts(ctx context.Context, address string, connections int, most time.Duration) (Insert, error) {
	conns := make([]*pgx.Conn, connections)
	errs := make([]error, connections)
	for i := range conns {
		conn, err := durable(ctx, address)
		if err != nil {
			return Insert{}, err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		conns[i] = conn
	}
	took := make([]load.Histogram, connections)
	var all sync.WaitGroup
	began := time.Now()
	for i := range conns {
		all.Go(func() { errs[i] = insert(ctx, conns[i], began.Add(most), &took[i]) })
	}
	all.Wait()
	elapsed := time.Since(began)
	for i := range took[1:] {
		took[0].Merge(&took[i+1])
	}
	return Insert{connections, float64(took[0].Count()) / elapsed.Seconds(), ms(took[0].Quantile(.5))}, errors.Join(errs...)
}

// insert commits rows as large as a message until a time.
func insert(ctx context.Context, conn *pgx.Conn, until time.Time, took *load.Histogram) error {
	for time.Now().Before(until) {
		began := time.Now()
		if _, err := conn.Exec(ctx, "INSERT INTO bare (body) VALUES ($1)", markText); err != nil {
			return err
		}
		took.Add(time.Since(began))
	}
	return nil
}

// firstProcess is the server's process that started all others, 0 where it is not on this machine.
func firstProcess(conn *pgx.Conn) int {
	host := conn.Config().Host
	ip, _ := netip.ParseAddr(host)
	if host != "localhost" && !strings.HasPrefix(host, "/") && !ip.IsLoopback() {
		return 0
	}
	of, _ := procfs.Find(int(conn.PgConn().PID()))
	first, _ := procfs.Find(of.Parent)
	if of.Name != "postgres" || first.Name != "postgres" {
		return 0
	}
	return first.PID
}

// cpu is the processor time that the server's processes have taken, also those that have ended.
func (p *postgres) cpu() time.Duration {
	first, _ := procfs.Find(p.first)
	sum := first.CPU + first.ChildrenCPU
	for _, child := range procfs.Children(p.first) {
		sum += child.CPU
	}
	return sum
}
