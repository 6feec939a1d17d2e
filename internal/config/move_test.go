package config

import (
	"strings"
	"testing"
)

// TestMigrateTo: a database is moved to PostgreSQL, or to the data folder.
func TestMigrateTo(t *testing.T) {
	for _, c := range []struct{ to, says string }{
		{"", ""},
		{"postgres://ana:secret@127.0.0.1/parley", ""},
		{"sqlite:data", ""},
		{"sqlite:./data/", ""},
		{"sqlite:other", "must be sqlite: and the data folder"},
		{"mysql://ana:secret@127.0.0.1/parley", "must be postgres://"},
		{"data", "must be postgres://"},
	} {
		o := Default()
		o.Data, o.MigrateTo = "data", c.to
		err := o.Validate()
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), "migrate-to: ") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: got %v", c.to, err)
		}
	}
	o := Default()
	o.MigrateTo, o.NATS = "postgres://127.0.0.1/parley", "nats://127.0.0.1:4222"
	if err := o.Validate(); err != nil {
		t.Errorf("servers that will share a database: %v", err)
	}
}
