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
func TestModel(t *testing.T) { compare(t, "", 40, 100) }

// TestModelOnPostgres is TestModel with the tables in PostgreSQL.
func TestModelOnPostgres(t *testing.T) { compare(t, pgtest.Database(t), 12, 100) }

// TestProveModel is the long form.
func TestProveModel(t *testing.T) {
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
	t.Run("SQLite", func(t *testing.T) { compare(t, "", 1500, 120) })
	t.Run("PostgreSQL", func(t *testing.T) { compare(t, pgtest.Database(t), 600, 120) })
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
		t.Repeat(m.steps())
	})
}

// steps are those of a sequence: sending, and some of the areas of the API, so that what a few of them do to each other comes up
// often.
func (m *machine) steps() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){"": m.as(m.check)}
	add := func(actions map[string]func()) {
		for name, action := range actions {
			all[name] = m.as(action)
		}
	}
	add(map[string]func(){"to a user": m.toUser, "to a contact": m.toContact, "to a conversation": m.toConversation, "from a contact": m.fromContact,
		"wait": m.wait, "read": m.read})
	areas := []map[string]func(){
		{"to users": m.toUsers, "to a team": m.toTeam, "a note": m.note, "a wrong send": m.wrongSend, "again": m.again},
		{"later": m.later, "cancel": m.cancel, "recall": m.recall},
		{"read a message": m.readMessage, "have a message": m.haveMessage, "edit": m.edit, "redact": m.redact},
		{"label": m.label, "mute": m.mute, "close": m.close, "assign": m.assign},
		{"to users": m.toUsers, "join": m.join, "leave": m.leave, "the team": m.team},
		{"opt out": m.optOut, "lock a channel": m.lock, "deactivate": m.deactivate},
		{"make a group": m.makeGroup, "let in": m.letIn, "let go": m.letGo, "leave a group": m.leaveGroup, "join a forum": m.joinForum, "replay": m.replay},
		{"a new contact": m.newContact, "merge contacts": m.mergeContacts, "merge conversations": m.mergeConversations, "move": m.move},
		{"make a view": m.makeView, "change a view": m.changeView},
		{"place a hold": m.placeHold, "lift a hold": m.liftHold, "recall": m.recall},
		{"write a draft": m.write, "rewrite": m.rewrite, "send a draft": m.sendDraft},
		{"search": m.search},
		{"call": m.call, "resolve": m.resolve, "deactivate": m.deactivate},
		{"not to be disturbed": m.disturb, "back": m.back, "recall": m.recall, "edit": m.edit, "to a user again": m.toUser, "later": m.later},
		{"suppress": m.suppress, "unsuppress": m.unsuppress, "opt out": m.optOut},
		{"make a list": m.makeList, "change a list": m.changeList, "to a list": m.toList, "to a list again": m.toList, "recall": m.recall, "redact": m.redact},
		{"retain": m.retain, "wait longer": m.wait, "place a hold": m.placeHold, "move": m.move, "merge conversations": m.mergeConversations},
		{"acknowledge": m.acknowledge, "acknowledge more": m.acknowledge, "from a contact again": m.fromContact, "to a contact again": m.toContact, "merge contacts": m.mergeContacts},
		{"keywords": m.keywords, "make a rule": m.makeRule, "from a contact again": m.fromContact, "unsuppress": m.unsuppress},
		{"make a rule": m.makeRule, "make another rule": m.makeRule, "from a contact again": m.fromContact, "merge contacts": m.mergeContacts, "merge conversations": m.mergeConversations},
		{"block": m.block, "unblock": m.unblock, "from a contact again": m.fromContact, "merge contacts": m.mergeContacts},
		{"quiet hours": m.quiet, "recall": m.recall, "suppress": m.suppress, "unsuppress": m.unsuppress, "to a contact again": m.toContact, "close": m.close},
		{"make a role": m.makeRole, "come on duty": m.dutyIn, "go off duty": m.dutyOut, "to a role": m.toRole, "answer": m.answer},
		{"make a role": m.makeRole, "come on duty": m.dutyIn, "go off duty": m.dutyOut, "to a role": m.toRole, "to the role": m.toRole, "answer": m.answer},
	}
	for range 4 {
		area := areas[rapid.IntRange(0, len(areas)-1).Draw(m.rapid, "area")]
		add(area)
		m.lifetimes = m.lifetimes || area["place a hold"] != nil
		m.acknowledging = m.acknowledging || area["acknowledge"] != nil
		m.classes = m.classes || area["suppress"] != nil
	}
	return all
}
