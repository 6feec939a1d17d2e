package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/pgserver"
	"github.com/parley-server/parley/internal/pgtest"
)

// part is the address of a database that the bench makes.
func part(t *testing.T, address, name string) string {
	t.Helper()
	before, options, _ := strings.Cut(address, "?")
	return before + "_" + name + "?" + options
}

// TestRatiosOnPostgres is TestRatios on PostgreSQL, by one node and by two. Nothing is left of it.
func TestRatiosOnPostgres(t *testing.T) {
	address := pgtest.Database(t)
	report := measured(t, "--database", address, "--nodes", "2", "--scenario", "one-connection,accept,live", "--warmup", "100ms", "--duration", "1s")
	const one, all, several, first, live = 0, 1, 2, 3, 4
	if many, alone := report.figure(t, all, "rate"), report.figure(t, one, "rate"); many < 1.5*alone {
		t.Errorf("64 connections accept %.0f a second, one %.0f", many, alone)
	}
	if ratio := report.figure(t, several, "against one node"); ratio < 0.2 {
		t.Errorf("two nodes accept %g times what one does", ratio)
	}
	for _, row := range []int{one, all, several, first} {
		if n := report.figure(t, row, "refused"); n != 0 {
			t.Errorf("%s: %.0f were refused", report.Rows[row].Title, n)
		}
	}
	if missed, received := report.figure(t, live, "missed"), report.figure(t, live, "received"); missed != 0 || received == 0 {
		t.Errorf("%.0f events were received, %.0f missed", received, missed)
	}
	if os.Getenv("PARLEY_TEST_POSTGRES") == "" && report.figure(t, all, "database CPU") <= 0 {
		t.Error("nothing is known of the database's processes")
	}
	d := report.Database
	if d.Name != postgresName || d.Version == "" || len(d.Settings) == 0 || len(d.Inserts) != 2 || min(d.Inserts[0].Rate, d.Inserts[1].Rate) <= 0 {
		t.Errorf("the database is %+v", d)
	}
	for _, name := range []string{mainFolder, readsFolder, "bare"} {
		if err := pgserver.Execute(part(t, address, name), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("the database %s is left: %v", name, err)
		}
	}
}

// TestOwnPostgres: a server is started for a run, with the settings that the report tells. What is kept stays where it is,
// the server does not, and the next run begins with it.
func TestOwnPostgres(t *testing.T) {
	folder := filepath.Join(pgtest.Folder(t), "data")
	args := []string{"--postgres", "--scenario", "memory", "--warmup", "0s", "--duration", "1s"}
	report, log := measuredIn(t, folder, append(args, "--keep")...)
	told := strings.Join(report.Database.Settings, ", ")
	for _, setting := range []string{"fsync on", "synchronous_commit on", "full_page_writes on", "shared_buffers 512MB", "max_wal_size 4GB"} {
		if !strings.Contains(told, setting) {
			t.Errorf("the settings are %s, without %s", told, setting)
		}
	}
	_, again := measuredIn(t, folder, args...)
	const filling = "storing 2000 messages"
	if !strings.Contains(log, filling) || strings.Contains(again, filling) {
		t.Errorf("the first run says:\n%s\nand the second:\n%s", log, again)
	}
	data := filepath.Join(folder, ownFolder, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		t.Errorf("its data are gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "postmaster.pid")); err == nil {
		t.Error("it runs on")
	}
}
