package model

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/internal/pgtest"
)

// TestModel: random sequences of calls do what the model does.
func TestModel(t *testing.T) { compare(t, "", 50, 50) }

// TestModelOnPostgres is TestModel with the tables in PostgreSQL.
func TestModelOnPostgres(t *testing.T) { compare(t, pgtest.Database(t), 15, 50) }

// TestProveModel is the long form.
func TestProveModel(t *testing.T) {
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
	t.Run("SQLite", func(t *testing.T) { compare(t, "", 1500, 60) })
	t.Run("PostgreSQL", func(t *testing.T) { compare(t, pgtest.Database(t), 600, 60) })
}

// compare runs sequences of about that many steps, with the tables in a database of PostgreSQL, or embedded where none is
// named. A failure says with which flags it is run again.
func compare(t *testing.T, database string, sequences, steps int) {
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(sequences), "rapid.steps": strconv.Itoa(steps),
		"rapid.nofailfile": "true", "rapid.shrinktime": "20s"} {
		f := flag.Lookup(name)
		if f.Value.String() != f.DefValue {
			continue // given
		}
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	}
	s := start(t, database)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		m := &machine{rapid: t, organizations: [2]*organization{s.furnish(fmt.Sprintf("North %d", round)), s.furnish(fmt.Sprintf("South %d", round))}}
		t.Repeat(map[string]func(*rapid.T){
			"to a user":         m.as(m.toUser),
			"to users":          m.as(m.toUsers),
			"to a team":         m.as(m.toTeam),
			"to a contact":      m.as(m.toContact),
			"to a conversation": m.as(m.toConversation),
			"a note":            m.as(m.note),
			"later":             m.as(m.later),
			"from a contact":    m.as(m.fromContact),
			"a wrong send":      m.as(m.wrongSend),
			"again":             m.as(m.again),
			"cancel":            m.as(m.cancel),
			"recall":            m.as(m.recall),
			"read":              m.as(m.read),
			"read a message":    m.as(m.readMessage),
			"have a message":    m.as(m.haveMessage),
			"edit":              m.as(m.edit),
			"redact":            m.as(m.redact),
			"label":             m.as(m.label),
			"mute":              m.as(m.mute),
			"join":              m.as(m.join),
			"leave":             m.as(m.leave),
			"close":             m.as(m.close),
			"opt out":           m.as(m.optOut),
			"lock a channel":    m.as(m.lock),
			"deactivate":        m.as(m.deactivate),
			"the team":          m.as(m.team),
			"":                  m.as(m.check),
		})
	})
}
