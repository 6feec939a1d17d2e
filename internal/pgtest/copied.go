package pgtest

import (
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/pgserver"
)

// template is the database of the shared server that others are copies of.
var template struct {
	sync.Once
	name string
	err  error
}

// Copied makes a database like Database does, but one with what prepare makes of an empty one. It is asked once a process, as
// copies are made sooner; on a server that is not this process's own it is asked each time. All of a process have the same.
func Copied(tb testing.TB, prepare func(address string) error) string {
	tb.Helper()
	if os.Getenv("PARLEY_TEST_POSTGRES") != "" {
		address := Database(tb)
		if err := prepare(address); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	template.Do(func() { template.name, template.err = newTemplate(prepare) })
	if template.err != nil {
		tb.Fatal(template.err)
	}
	return create(tb, template.name, "STRATEGY file_copy")
}

// newTemplate makes the database that others are copies of. It goes with the server.
func newTemplate(prepare func(address string) error) (name string, err error) {
	server, err := sharedURL()
	if err != nil {
		return "", err
	}
	address, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	name = newName()
	if err := pgserver.Execute(server, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	address.Path = "/" + name
	return name, prepare(address.String())
}
