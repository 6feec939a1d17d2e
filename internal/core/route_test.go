package core_test

import (
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// TestNotesAndRecordsLeaveRoutesAlone: whoever writes a note or a record goes on reaching the people outside, and goes on
// being kept from those who do not want it.
func TestNotesAndRecordsLeaveRoutesAlone(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	customer(t, w, ch, connector.Inbound{})
	to := core.To{Conversation: inbound(w)[0].Conversation}
	record := &core.Record{Direction: parley.Inbound}
	for _, params := range []core.SendParams{{To: to, Internal: true}, {To: to, Record: record}} {
		params.Body = coretest.Text("aside")
		w.Send(w.Admin, params)
		if m := w.Say(w.Admin, to, "to the customer"); m.Direction != parley.Outbound || m.State != parley.Queued {
			t.Errorf("after %+v, a message is %s and %s", params, m.Direction, m.State)
		}
	}

	contacts, _, err := w.Directory.Contacts(t.Context(), w.Admin, directory.ContactFilter{}, "", 10)
	w.Must(err)
	out := true
	_, err = w.Directory.UpdateContact(t.Context(), w.Admin, contacts[0].ID, directory.ContactPatch{OptedOut: &out}, 0)
	w.Must(err)
	w.Send(w.Admin, core.SendParams{To: to, Body: coretest.Text("aside"), Record: record})
	_, err = w.Core.Send(t.Context(), w.Admin, core.SendParams{To: to, Body: coretest.Text("to the customer")})
	w.Refused(err, parley.KindInvalid, "contact-opted-out")
}

// TestDeactivatedUserIsNotReached, though the way to it was taken before.
func TestDeactivatedUserIsNotReached(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	to := core.To{User: users[1].User}
	w.Say(users[0], to, "one")
	w.Say(users[0], to, "two")
	active := false
	_, err := w.Directory.UpdateUser(t.Context(), w.Admin, users[1].User, directory.UserPatch{Active: &active}, 0)
	w.Must(err)
	_, err = w.Core.Send(t.Context(), users[0], core.SendParams{To: to, Body: coretest.Text("three")})
	w.Refused(err, parley.KindInvalid, "user-unknown")
}
