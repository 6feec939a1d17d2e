package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
	"github.com/parley-server/parley/internal/store/relation"
)

// organizations: organizations and their keys.
func organizations(w *world) {
	o := parley.Organization{ID: w.id(), Name: "Alpha", Policy: parley.Policy{DefaultTTL: time.Hour, MaxTTL: 24 * time.Hour, LockTTL: true}}
	w.do(func(tx *store.Tx) error { return tx.InsertOrganization(&o) })
	got, err := w.read().Organization(o.ID)
	w.must(err)
	w.equal("the organization", got, o)
	r, err := w.read().LogRange(o.ID)
	w.must(err)
	w.equal("its log", r, store.LogRange{Oldest: 1, Latest: 0})
	o.Name, o.Policy = "Beta", parley.Policy{}
	w.do(func(tx *store.Tx) error { return tx.UpdateOrganization(&o) })
	got, err = w.read().Organization(o.ID)
	w.must(err)
	w.equal("the organization", fmt.Sprint(got.Rev, got.Name, got.Policy), fmt.Sprint(2, "Beta", parley.Policy{}))
	_, err = w.read().Organization("absent")
	w.notFound(err)
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateOrganization(&parley.Organization{ID: "absent"}) }))

	k := parley.Key{ID: w.id(), Organization: o.ID, User: "machine", Name: "a key", Scopes: []parley.Scope{"messages:read", "messages:send"}, RateLimit: 7,
		Doors:      map[string]parley.DoorGrants{"kustomer": {Roles: []string{"org"}}},
		SecretHash: []byte{1, 2, 255}, ExpiresAt: w.now().Add(time.Hour).UTC()}
	w.do(func(tx *store.Tx) error { return tx.InsertKey(&k) })
	key, err := w.read().Key(k.ID)
	w.must(err)
	w.equal("the key", key, k)
	for range 2 {
		w.do(func(tx *store.Tx) error { return tx.RevokeKey(k.ID) })
		key, err = w.read().Key(k.ID)
		w.must(err)
		w.equal("revoked", key.RevokedAt, k.CreatedAt.UTC())
		w.advance(time.Second)
	}
	_, err = w.read().Key("absent")
	w.notFound(err)
}

// persons: accounts and users.
func persons(w *world) {
	o, other := w.organization(), w.organization()
	var account parley.Account
	w.do(func(tx *store.Tx) (err error) {
		account, err = tx.EnsureAccount(parley.Account{ID: w.id(), Email: "ana@example.org", Name: "Ana"})
		return err
	})
	got, err := w.read().AccountByEmail("ana@example.org")
	w.must(err)
	w.equal("the account", got, account)
	_, err = w.read().AccountByEmail("ANA@example.org")
	w.notFound(err)
	u := parley.User{ID: w.id(), Account: account.ID, Name: "Ana", Email: account.Email, Active: true, Metadata: map[string]string{"a": "b"}}
	elsewhere, machine := u, parley.User{ID: w.id(), Name: "A machine", Machine: true}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertUser(o, &u), tx.InsertUser(other, &elsewhere), tx.InsertUser(o, &machine))
	})
	found, err := w.read().User(o, u.ID)
	w.must(err)
	w.equal("the user", found, u)
	found, err = w.read().UserOfAccount(o, account.ID)
	w.must(err)
	w.equal("the account's user", found, u)
	list, err := w.read().UsersByID(o, []parley.ID{machine.ID, u.ID, "absent"})
	w.must(err)
	if len(list) != 2 {
		w.Errorf("found are %v", keys(list))
	}
	w.equal("the machine", *list[machine.ID], machine)
	memberships, err := w.read().Memberships(account.ID, 10)
	w.must(err)
	w.equal("memberships", memberships, []store.Membership{{Organization: o, Name: "An organization", User: u.ID}, {Organization: other, Name: "An organization", User: u.ID}})
	elsewhere.Active, elsewhere.Name = false, "Anna"
	w.do(func(tx *store.Tx) error { return tx.UpdateUser(other, &elsewhere) })
	memberships, err = w.read().Memberships(account.ID, 10)
	w.must(err)
	found, err = w.read().User(other, u.ID)
	w.must(err)
	if len(memberships) != 1 || found.Rev != 2 || found.Name != "Anna" || found.Active {
		w.Errorf("memberships %v, the user %+v", memberships, found)
	}
	_, err = w.read().User(other, machine.ID)
	w.notFound(err)
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateUser(other, &machine) }))
}

// teams: teams and who is in them.
func teams(w *world) {
	o, other := w.organization(), w.organization()
	t := parley.Team{ID: w.id(), Name: "A team"}
	w.do(func(tx *store.Tx) error {
		if err := tx.InsertTeam(o, &t); err != nil {
			return err
		}
		for want, users := range map[string][]parley.ID{"[b c]": {"b", "c"}, "[]": nil} {
			added, err := tx.AddTeamMembers(o, t.ID, users)
			if err != nil || fmt.Sprint(added) != want {
				w.Errorf("added are %v, %v", added, err)
			}
		}
		added, err := tx.AddTeamMembers(o, t.ID, []parley.ID{"c", "a", "b"})
		w.equal("added", added, "[a]")
		return err
	})
	t.Members = []parley.ID{"a", "b", "c"}
	got, err := w.read().Team(o, t.ID)
	w.must(err)
	w.equal("the team", got, t)
	members, err := w.read().TeamMembers(o, t.ID)
	w.must(err)
	of, err := w.read().TeamsOf(o, "b")
	w.must(err)
	w.equal("members, and a member's teams", fmt.Sprint(members, of), fmt.Sprint(t.Members, []parley.ID{t.ID}))
	t.Name = "Another name"
	w.do(func(tx *store.Tx) error { return errors.Join(tx.UpdateTeam(o, &t), tx.RemoveTeamMember(o, t.ID, "b")) })
	w.notFound(w.try(func(tx *store.Tx) error { return tx.RemoveTeamMember(o, t.ID, "b") }))
	got, err = w.read().Team(o, t.ID)
	w.must(err)
	w.equal("the team", fmt.Sprint(got.Rev, got.Name, got.Members), fmt.Sprint(2, "Another name", "[a c]"))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateTeam(other, &t) }))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteTeam(other, t.ID) }))
	w.do(func(tx *store.Tx) error { return tx.DeleteTeam(o, t.ID) })
	_, err = w.read().Team(o, t.ID)
	w.notFound(err)
	of, err = w.read().TeamsOf(o, "a")
	w.must(err)
	w.equal("a member's teams", len(of), 0)
}

// broadcasts: broadcast lists and who is on them.
func broadcasts(w *world) {
	o := w.organization()
	user := func(id parley.ID) parley.BroadcastMember {
		return parley.BroadcastMember{Kind: parley.ActorUser, ID: id}
	}
	same := parley.BroadcastMember{Kind: parley.ActorContact, ID: "a"}
	lists := []*parley.Broadcast{{ID: w.id(), Name: "One"}, {ID: w.id(), Name: "Two"}}
	for i, b := range lists {
		w.do(func(tx *store.Tx) error {
			if err := tx.InsertBroadcast(o, b); err != nil {
				return err
			}
			n, err := tx.AddBroadcastMembers(o, b.ID, []parley.BroadcastMember{user("a"), user("b"), same})
			again, err2 := tx.AddBroadcastMembers(o, b.ID, []parley.BroadcastMember{user("a"), user(parley.ID(fmt.Sprint("c", i)))})
			w.equal("added", fmt.Sprint(n, again), "3 1")
			b.MemberCount = n + again
			return errors.Join(err, err2, tx.UpdateBroadcast(o, b))
		})
	}
	w.do(func(tx *store.Tx) error {
		left, err := tx.LeaveBroadcasts(o, user("a"))
		w.equal("left", left, []parley.ID{lists[0].ID, lists[1].ID})
		return err
	})
	b, err := w.read().Broadcast(o, lists[0].ID)
	w.must(err)
	w.equal("the list", fmt.Sprint(b.Name, b.MemberCount, b.Rev, b.CreatedAt), fmt.Sprint("One", 3, 3, w.now().UTC()))
	members, err := w.read().BroadcastMembers(o, b.ID, parley.BroadcastMember{}, 10)
	w.must(err)
	w.equal("its members", members, []parley.BroadcastMember{same, user("b"), user("c0")})
	w.do(func(tx *store.Tx) error {
		n, err := tx.RemoveBroadcastMembers(o, b.ID, []parley.BroadcastMember{user("b"), user("absent")})
		w.equal("removed", n, 1)
		return errors.Join(err, tx.DeleteBroadcast(o, b.ID))
	})
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteBroadcast(o, b.ID) }))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateBroadcast(o, &b) }))
	_, err = w.read().Broadcast(o, b.ID)
	w.notFound(err)
	for _, want := range []int64{1, 1, 0} {
		w.do(func(tx *store.Tx) error {
			n, err := tx.DropBroadcastMembers(o, b.ID, 1)
			w.equal("dropped", n, want)
			return err
		})
	}
	w.do(func(tx *store.Tx) error { // of the members of a list that is gone nothing is told
		left, err := tx.LeaveBroadcasts(o, same)
		w.equal("left", left, []parley.ID{lists[1].ID})
		return err
	})
}

// contacts: contacts and their addresses.
func contacts(w *world) {
	o, other := w.organization(), w.organization()
	fax := parley.Address{Kind: parley.AddressFax, Value: "+491", Shared: true}
	c := parley.Contact{ID: w.id(), Name: "Ana", Saved: true, Addresses: []parley.Address{phone("+492"), fax}, Attributes: map[string]string{"a": "b"},
		Tags: []string{"x", "a"}, ExternalID: "e1", ExternalIDs: map[string]string{"crm": "1", "shop": "7"}, OptedOut: true, LastChannel: "ch"}
	w.do(func(tx *store.Tx) error { return tx.InsertContact(o, &c) })
	got, err := w.read().Contact(o, c.ID)
	w.must(err)
	w.equal("the contact", got, c)
	_, err = w.read().Contact(other, c.ID)
	w.notFound(err)
	fax.Shared = false
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.AddContactAddresses(o, c.ID, nil), tx.AddContactAddresses(o, c.ID, []parley.Address{fax, phone("+490")}),
			tx.RemoveContactAddress(o, c.ID, phone("+492")))
	})
	w.notFound(w.try(func(tx *store.Tx) error { return tx.RemoveContactAddress(o, c.ID, phone("+492")) }))
	owner, err := w.read().AddressOwner(o, fax)
	w.must(err)
	w.equal("whose it is now", owner, c.ID)
	c.Name, c.Saved, c.Tags, c.ExternalID, c.OptedOut, c.LastChannel, c.MergedInto = "Anna", false, nil, "", false, "", "another"
	w.do(func(tx *store.Tx) error { return tx.UpdateContact(o, &c) })
	c.Addresses = []parley.Address{fax, phone("+490")}
	list, err := w.read().ContactsByID(o, []parley.ID{c.ID, "absent"})
	w.must(err)
	if len(list) != 1 || c.Rev != 2 {
		w.Fatalf("found are %v, the revision is %d", keys(list), c.Rev)
	}
	w.equal("the contact", *list[c.ID], c)
	for i, rev := range []int64{3, 3, 4} {
		w.do(func(tx *store.Tx) error { return tx.WroteOn(o, c.ID, []parley.ID{"ch1", "ch1", "ch2"}[i]) })
		got, err = w.read().Contact(o, c.ID)
		w.must(err)
		w.equal("the revision", got.Rev, rev)
	}
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateContact(other, &c) }))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteContact(other, c.ID) }))
	w.do(func(tx *store.Tx) error { return tx.DeleteContact(o, c.ID) })
	_, err = w.read().Contact(o, c.ID)
	w.notFound(err)
	_, err = w.read().ContactByAddress(o, fax)
	w.notFound(err)
}

// merges: a contact becomes a part of another, with what names it.
func merges(w *world) {
	o, other := w.organization(), w.organization()
	from := parley.Contact{ID: w.id(), ExternalID: "e1", Addresses: []parley.Address{phone("+491")}}
	into := parley.Contact{ID: w.id(), Name: "Ana", Addresses: []parley.Address{phone("+492")}}
	before := parley.Contact{ID: w.id(), ExternalID: "e0", MergedInto: from.ID}
	stranger := parley.Contact{ID: from.ID, Addresses: []parley.Address{phone("+491")}}
	conversation := parley.Conversation{ID: w.id(), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization}
	elsewhere := conversation
	part := func(c *parley.Contact, a parley.Address) parley.Participant {
		return parley.Participant{Kind: parley.ActorContact, ID: c.ID, Name: c.Name, Address: a}
	}
	message := func(organization parley.ID) *store.Append {
		author := parley.Actor{Kind: parley.ActorContact, ID: from.ID}
		return &store.Append{Organization: organization, Message: parley.Message{ID: w.id(), Conversation: conversation.ID, Author: author, Actor: author},
			Deliveries: []parley.Delivery{{Number: 1, Recipient: author, Address: phone("+491"), State: parley.Queued}}}
	}
	theirs, ours := message(other), message(o)
	w.do(func(tx *store.Tx) error {
		err := errors.Join(tx.InsertContact(o, &from), tx.InsertContact(o, &into), tx.InsertContact(o, &before), tx.InsertContact(other, &stranger),
			tx.InsertConversation(o, &conversation), tx.InsertConversation(other, &elsewhere), tx.UpdateContact(o, &before),
			tx.AddParticipants(o, conversation.ID, []parley.Participant{part(&from, phone("+491")), part(&from, phone("+492")), part(&into, phone("+492"))}),
			tx.AddParticipants(other, conversation.ID, []parley.Participant{part(&stranger, phone("+491"))}), tx.Append(ours, theirs))
		gone := part(&into, phone("+492"))
		ours.Message.RequestAck, ours.Message.Receivers = true, parley.Receivers{Several: true, BCC: []int{1}}
		_, acked := tx.Acknowledge(o, ours.Message.ID, parley.Actor{Kind: parley.ActorContact, ID: from.ID})
		return errors.Join(err, acked, relation.Add(tx, ours), tx.LeaveConversation(o, conversation.ID, &gone), tx.Schedule(store.Job{Organization: o,
			ID: store.JobID(store.JobFanOut, "m"), Kind: store.JobFanOut, Payload: "a list", DueAt: w.now()}))
	})
	rev := func(organization parley.ID) int64 {
		c, err := w.read().Conversation(organization, conversation.ID)
		w.must(err)
		return c.Rev
	}
	was, stays := rev(o), rev(other)
	w.do(func(tx *store.Tx) error {
		return people.Merge(tx, people.Merging{Organization: o, From: from.ID, Into: into.ID, Name: "Ana"}, &from)
	})
	w.equal("revisions", fmt.Sprint(rev(o), rev(other)), fmt.Sprint(was+1, stays))
	participants, err := w.read().Participants(o, conversation.ID)
	w.must(err)
	w.equal("who takes part", participants, []parley.Participant{part(&into, phone("+491")), part(&into, phone("+492"))})
	for organization, want := range map[parley.ID]parley.ID{o: into.ID, other: stranger.ID} {
		id := map[parley.ID]parley.ID{o: ours.Message.ID, other: theirs.Message.ID}[organization]
		m, err := w.read().Message(organization, id)
		w.must(err)
		deliveries, err := w.read().Deliveries(organization, id)
		w.must(err)
		w.equal("who wrote it, and to whom", fmt.Sprint(m.Author.ID, m.Actor.ID, deliveries[0].Recipient.ID), fmt.Sprint(want, want, want))
	}
	acks, err := w.read().Acknowledgements(o, ours.Message.ID)
	w.must(err)
	w.equal("who acknowledged it", fmt.Sprint(len(acks), acks[0].Actor.ID), fmt.Sprint(1, into.ID))
	for id, want := range map[parley.ID]parley.ID{before.ID: into.ID, into.ID: into.ID, "absent": "absent"} {
		became, err := w.read().Became(o, id)
		w.must(err)
		w.equal("what it became", became, want)
	}
	w.mergedAliases(o, before.ID, from.ID, into.ID)
}

// mergedAliases looks at what is left of contacts that were merged into another.
func (w *world) mergedAliases(o, before, from, into parley.ID) {
	survivor, err := w.read().Survivor(o, before)
	w.must(err)
	w.equal("the survivor", survivor.ID, into)
	_, err = w.read().Survivor(o, "absent")
	w.notFound(err)
	left, err := w.read().Contact(o, from)
	w.must(err)
	w.equal("its addresses", len(left.Addresses), 0)
	payloads, err := people.FanOuts(w.read(), o)
	w.must(err)
	w.equal("fan-outs", payloads, []string{"a list"})
	list, _, err := w.read().Contacts(o, store.ContactFilter{ExternalID: "e0"}, "", 10)
	w.must(err)
	w.equal("by the external id of one that was merged", fmt.Sprint(len(list), list[0].ID), fmt.Sprint(1, into))
	list, _, err = w.read().Contacts(o, store.ContactFilter{ExternalID: "e0", Address: phone("+492")}, "", 10)
	w.must(err)
	w.equal("and by an address", len(list), 1)
	w.do(func(tx *store.Tx) error { return tx.DeleteContact(o, into) })
	_, err = w.read().Contact(o, before)
	w.notFound(err)
}

// attributes: what organizations keep of their contacts, and of their conversations.
func attributes(w *world) {
	w.attributesOf(parley.OfContacts)
	w.attributesOf(parley.OfConversations)
}

func (w *world) attributesOf(of parley.AttributeSubject) {
	o, other := w.organization(), w.organization()
	defined := []*parley.Attribute{{Of: of, Key: "a", Type: parley.AttributeChoice, Label: "A", Choices: []string{"x", "y"}}, {Of: of, Key: "b", Type: parley.AttributeDate, Archived: true}}
	for _, a := range defined {
		w.do(func(tx *store.Tx) error { return people.Define(tx, o, a) })
	}
	list, err := people.Attributes(w.read(), o, of, "", 10)
	w.must(err)
	w.equal("attributes", list, []parley.Attribute{*defined[0], *defined[1]})
	again := parley.Attribute{Of: of, Key: "a", Type: parley.AttributeString, Archived: true} // a type does not change
	w.advance(time.Second)
	w.do(func(tx *store.Tx) error { return people.Define(tx, o, &again) })
	found, err := people.AttributesByKey(w.read(), o, of, "a", "absent")
	w.must(err)
	again.Type = parley.AttributeChoice
	if len(found) != 1 || again.Rev != 2 || !again.CreatedAt.Equal(defined[0].CreatedAt) {
		w.Fatalf("found are %v, the revision is %d", found, again.Rev)
	}
	w.equal("changed", *found["a"], again)
	list, err = people.Attributes(w.read(), o, of, "a", 1)
	w.must(err)
	w.equal("the next", list, []parley.Attribute{*defined[1]})
	found, err = people.AttributesByKey(w.read(), other, of, "a")
	w.must(err)
	w.equal("another organization's", len(found), 0)
}

// channels: channels and who sees them.
func channels(w *world) {
	o, other := w.organization(), w.organization()
	c := parley.Channel{ID: w.id(), Name: "A channel", Connector: "sandbox", Platform: "sms", AddressKind: parley.AddressPhone, Address: "+491",
		Settings: []byte(`{"a": 1}`), Thread: parley.ThreadEach, Reopen: parley.ReopenNew, Conversational: true, Members: []parley.ID{"a", "b"}, Default: true,
		Rate: 5, Concurrency: 2, OnUnknown: parley.UnknownHold, Paused: true}
	open := parley.Channel{ID: w.id(), Open: true, Settings: []byte("{}")}
	w.do(func(tx *store.Tx) error { return errors.Join(tx.InsertChannel(o, &c), tx.InsertChannel(o, &open)) })
	got, err := w.read().Channel(o, c.ID)
	w.must(err)
	w.equal("the channel", got, c)
	got, err = w.read().DefaultChannel(o, parley.AddressPhone)
	w.must(err)
	w.equal("the default channel", got.ID, c.ID)
	_, err = w.read().DefaultChannel(o, parley.AddressEmail)
	w.notFound(err)
	c.Name, c.Members, c.Default, c.Paused = "Another name", []parley.ID{"b", "c"}, false, false
	w.do(func(tx *store.Tx) error { return tx.UpdateChannel(o, &c) })
	list, err := w.read().ChannelsByID(o, []parley.ID{c.ID, open.ID, "absent"})
	w.must(err)
	w.equal("the channel", *list[c.ID], c)
	for user, want := range map[parley.ID]string{"a": fmt.Sprint([]parley.ID{c.ID}, []parley.ID{}), "c": fmt.Sprint([]parley.ID{c.ID}, []parley.ID{c.ID})} {
		closed, member, err := w.read().ClosedChannels(o, user)
		w.must(err)
		w.equal("closed, and hers", fmt.Sprint(closed, member), want)
	}
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateChannel(other, &c) }))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteChannel(other, c.ID) }))
	sights, err := w.read().ChannelSights(o, "c")
	w.must(err)
	w.equal("sights", sights, []store.ChannelSight{{ID: c.ID, Member: true}, {ID: open.ID, Open: true}})
	w.do(func(tx *store.Tx) error { return tx.DeleteChannel(o, c.ID) })
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteChannel(o, c.ID) }))
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateChannel(o, &c) }))
	_, err = w.read().Channel(o, c.ID)
	w.notFound(err)
	list, err = w.read().ChannelsByID(o, []parley.ID{c.ID})
	w.must(err)
	w.equal("what is left of it", fmt.Sprint(list[c.ID].Name, string(list[c.ID].Settings), list[c.ID].Members), fmt.Sprint("Another name", "{}", "[]"))
}
