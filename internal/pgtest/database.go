// Package pgtest gives tests a real PostgreSQL. The first test of a process that asks for a database starts a
// server of the installed programs, which all tests of the process share and which ends with it, however it
// ends. Where PARLEY_TEST_POSTGRES holds the URL of a server, that one is used instead; its user must be
// allowed to create databases. A proof that stops or kills its server starts one of its own. Only tests may
// import this package; pgserver is what starts a server.
package pgtest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/parley-server/parley/internal/pgserver"
)

// shared is the server of this process. It is a variable of the package since only so one server can serve all
// tests without a TestMain in each package.
var shared = sync.OnceValues(func() (*Server, error) { return pgserver.Start(Options{NoFsync: true}) })

// sharedURL is the address of the server that databases are made on.
func sharedURL() (string, error) {
	if external := os.Getenv("PARLEY_TEST_POSTGRES"); external != "" {
		return external, nil
	}
	s, err := shared()
	if err != nil {
		return "", err
	}
	return s.URL("postgres"), nil
}

// Database makes an empty database on the shared server and returns its URL. The database is dropped, whoever
// is still connected to it, when the test ends.
func Database(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0", "")
}

// DatabaseICU makes a database like Database does, but one that sorts as people do unless told otherwise: its
// default collation is ICU's for American English.
func DatabaseICU(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0", "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
}

// Open opens a database for as long as the test takes.
func Open(tb testing.TB, database string) *sql.DB {
	tb.Helper()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		tb.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// newName is what a new database is called.
func newName() string { return "parley_test_" + strings.ToLower(rand.Text()) }

// create makes a database of one that nobody is connected to, so that tests may do so at once.
func create(tb testing.TB, of, options string) string {
	tb.Helper()
	server, err := sharedURL()
	if err != nil {
		tb.Fatal(err)
	}
	name := newName()
	if err := pgserver.Execute(server, "CREATE DATABASE "+name+" TEMPLATE "+of+" "+options); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := pgserver.Execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	address, err := url.Parse(server)
	if err != nil {
		tb.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}
