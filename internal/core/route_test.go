package core_test

import (
	"encoding/json"
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

// TestDeactivatedWhileLooking: what is read for a route is of one moment, so that no permission is older than what guards
// it.
func TestDeactivatedWhileLooking(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	w.Say(users[1], core.To{User: users[0].User}, "so that there is a conversation")
	active := false
	w.Before("o.thread_key = $2", func() {
		_, err := w.Directory.UpdateUser(t.Context(), w.Admin, users[1].User, directory.UserPatch{Active: &active}, 0)
		w.Must(err)
	})
	for range 3 {
		_, err := w.Core.Send(t.Context(), users[0], core.SendParams{To: core.To{User: users[1].User}, Body: coretest.Text("to nobody")})
		w.Refused(err, parley.KindInvalid, "user-unknown")
	}
}

// TestRemovedWhileLooking is the same with a member of a closed channel.
func TestRemovedWhileLooking(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ch := w.Channel(w.Admin, "sms", users[0].User, users[1].User)
	customer(t, w, ch, connector.Inbound{})
	to := core.To{Conversation: inbound(w)[0].Conversation}
	members := []parley.ID{users[1].User}
	w.Before("FROM participants", func() {
		_, err := w.Directory.UpdateChannel(t.Context(), w.Admin, ch.ID, directory.ChannelPatch{Members: &members}, 0)
		w.Must(err)
	})
	for range 3 {
		if sent, err := w.Core.Send(t.Context(), users[0], core.SendParams{To: to, Body: coretest.Text("hello")}); err == nil {
			t.Errorf("a removed member's message is %s", sent.Message.State)
		}
	}
}

// TestRoutesFollowChannels: a contact without a channel is written to on the default channel of its first address that
// has one, also where the way was another before.
func TestRoutesFollowChannels(t *testing.T) {
	w := coretest.New(t)
	sms := w.Channel(w.Admin, "sms")
	contact, _, err := w.Directory.CreateContact(t.Context(), w.Admin, directory.ContactParams{Name: "Adam", Addresses: []parley.Address{
		{Kind: "fax", Value: "+15550101"}, {Kind: "phone", Value: "+15550100"}}}, nil)
	w.Must(err)
	to := core.To{Contact: contact.ID}
	for range 2 {
		if m := w.Say(w.Admin, to, "by phone"); m.Channel != sms.ID {
			t.Errorf("it goes by %s", m.Platform)
		}
	}
	fax := w.Channel(w.Admin, "fax")
	if m := w.Say(w.Admin, to, "by fax"); m.Channel != fax.ID {
		t.Errorf("it goes by %s", m.Platform)
	}
}

// TestChosenID: a message may have an id that was chosen, if nothing has it; and what a door gave back with it.
func TestChosenID(t *testing.T) {
	w := coretest.New(t)
	ana := w.User(w.Admin, "ana")
	ext := map[string]json.RawMessage{"door": json.RawMessage(`{"a":1}`)}
	params := core.SendParams{ID: parley.NewID(w.Now()), To: core.To{User: ana.User}, Body: coretest.Text("x"), Ext: ext}
	m := w.Send(w.Admin, params)
	m, err := w.Message(t.Context(), ana, m.ID)
	if w.Must(err); m.ID != params.ID || string(m.Ext["door"]) != `{"a":1}` {
		t.Errorf("%s has %s", m.ID, m.Ext)
	}
	for _, id := range []parley.ID{params.ID, ana.User, m.Conversation} {
		params.ID = id
		_, err := w.Core.Send(t.Context(), w.Admin, params)
		w.Refused(err, parley.KindConflict, "id-taken")
	}
	params.ID = "x"
	_, err = w.Core.Send(t.Context(), w.Admin, params)
	w.Refused(err, parley.KindInvalid, "id-invalid")
}
