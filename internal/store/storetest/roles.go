package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/grant"
	"github.com/parley-server/parley/internal/store/group"
	"github.com/parley-server/parley/internal/store/profile"
)

// roles: roles, who may hold them, and who is on duty.
func roles(w *world) {
	o, other := w.organization(), w.organization()
	r := parley.Role{ID: w.id(), Name: "A role", Description: "x", Metadata: map[string]string{"k": "v"}, Tags: []string{"t"}, OwnerRequired: true,
		SingleOwner: true, ReplayHistory: true, AwayText: "away"}
	second := parley.Role{ID: w.id(), Name: "Another"}
	w.do(func(tx *store.Tx) error {
		n, err := duty.AddMembers(tx, o, r.ID, []parley.ID{"b", "a"})
		none, err2 := duty.AddMembers(tx, o, r.ID, nil)
		w.equal("added", fmt.Sprint(n, none), "2 0")
		for _, id := range []parley.ID{"a", "b"} {
			err = errors.Join(err, tx.InsertUser(o, &parley.User{ID: id, Name: "User " + string(id), Active: true}))
		}
		return errors.Join(duty.Insert(tx, o, &r), duty.Insert(tx, o, &second), err, err2)
	})
	if err := w.try(func(tx *store.Tx) error { return duty.Insert(tx, o, &parley.Role{ID: r.ID}) }); !parley.IsKind(err, parley.KindConflict) {
		w.Errorf("a taken id: %v", err)
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.SetOwner(tx, o, r.ID, parley.Owner{User: "b"}), duty.SetOwner(tx, o, r.ID, parley.Owner{User: "b", Shift: "s"}))
	})
	r.Members, r.OnDuty = []parley.ID{"a", "b"}, []parley.ID{"b"}
	got, err := duty.Get(w.read(), o, r.ID)
	w.must(err)
	w.equal("the role", got, r)
	owners, err := duty.Owners(w.read(), o, r.ID)
	w.must(err)
	w.equal("owners", owners, []parley.Owner{{User: "b", Name: "User b", Shift: "s", Since: owners[0].Since}})
	of, err := duty.RolesOf(w.read(), o, "b")
	w.must(err)
	w.equal("of b", of, []parley.ID{r.ID})
	for want, f := range map[string]duty.Filter{"2": {}, "1 of a": {Member: "a"}, "1 of b": {OnDuty: "b"}, "1 of both": {Member: "b", OnDuty: "b"},
		"0": {Member: "a", OnDuty: "a"}} {
		list, next, err := duty.List(w.read(), o, f, "", 5)
		w.must(err)
		w.equal(want, fmt.Sprint(len(list))+string(next), want[:1])
	}
	page, next, err := duty.List(w.read(), o, duty.Filter{}, "", 1)
	w.must(err)
	w.equal("a page", fmt.Sprint(page[0].ID, next), fmt.Sprint(r.ID, r.ID))

	r.Name, r.Tags = "New", nil
	w.do(func(tx *store.Tx) error { return duty.Update(tx, o, &r) })
	w.notFound(w.try(func(tx *store.Tx) error { return duty.Update(tx, other, &r) }))
	w.do(func(tx *store.Tx) error { return duty.RemoveMember(tx, o, r.ID, "a") })
	w.notFound(w.try(func(tx *store.Tx) error { return duty.RemoveMember(tx, o, r.ID, "a") }))
	w.do(func(tx *store.Tx) error { return duty.DropOwner(tx, o, r.ID, "b") })
	got, err = duty.Get(w.read(), o, r.ID)
	w.must(err)
	w.equal("changed", fmt.Sprint(got.Rev, got.Name, fmt.Sprint(got.Tags, got.Members, got.OnDuty)), fmt.Sprint(2, "New", "[] [b] []"))
	w.notFound(w.try(func(tx *store.Tx) error { return duty.Delete(tx, other, r.ID) }))
	w.do(func(tx *store.Tx) error { return duty.Delete(tx, o, r.ID) })
	_, err = duty.Get(w.read(), o, r.ID)
	w.notFound(err)
}

// roleConversations: who comes on duty joins all conversations of a role, and earlier parts are remembered.
func roleConversations(w *world) {
	o := w.organization()
	r := parley.Role{ID: w.id(), Name: "A role"}
	asked := parley.Conversation{ID: w.id(), Kind: parley.ConversationRole, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen, ThreadKey: duty.ThreadKey(r.ID, "asker")}
	own := parley.Conversation{ID: w.id(), Kind: parley.ConversationRole, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen, ThreadKey: duty.ThreadKey(r.ID, "a")}
	role := parley.Participant{Kind: parley.ActorRole, ID: r.ID}
	write := func(tx *store.Tx) error {
		return tx.Append(&store.Append{Organization: o, Message: parley.Message{ID: w.id(), Conversation: asked.ID, Kind: parley.KindMessage, Direction: parley.NoDirection}})
	}
	join := func(role *parley.Role, user parley.ID, want ...parley.ID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			ids, err := duty.Join(tx, o, role, parley.Actor{ID: user, Name: "User"})
			w.equal(string(user)+" joined", ids, want)
			return err
		}
	}
	leave := func(user parley.ID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := duty.Leave(tx, o, r.ID, user)
			return err
		}
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.Insert(tx, o, &r), tx.InsertConversation(o, &asked), tx.InsertConversation(o, &own),
			tx.AddParticipants(o, asked.ID, []parley.Participant{role, {Kind: parley.ActorUser, ID: "asker"}}),
			tx.AddParticipants(o, own.ID, []parley.Participant{role, {Kind: parley.ActorUser, ID: "a"}}))
	})
	replayed := r
	replayed.ReplayHistory = true
	for _, step := range []func(tx *store.Tx) error{write, // 1, for nobody
		join(&r, "a", asked.ID), write, leave("a"), write, // a has 1 and 2; 3 is for nobody
		join(&r, "b", asked.ID, own.ID), write, // b has 3 and 4
		join(&r, "a", asked.ID), write, leave("a"), leave("b"), join(&replayed, "c", asked.ID, own.ID)} {
		w.do(step)
	}
	parts, err := w.read().Participants(o, asked.ID)
	w.must(err)
	var got []string
	for _, p := range parts {
		if p.Kind == parley.ActorUser {
			got = append(got, fmt.Sprintf("%s %d %d %v", p.ID, p.JoinedSequence, p.LeftSequence, p.Earlier))
		}
	}
	w.equal("parts", got, []string{"a 4 6 [{0 3}]", "asker 0 0 []", "b 2 6 []", "c 0 0 []"})
	mine, err := w.read().PartsOf(o, "a", []parley.ID{asked.ID, own.ID})
	w.must(err)
	w.equal("of a", fmt.Sprint(mine[asked.ID].Earlier, mine[own.ID].LeftSequence, mine[own.ID].Earlier), "[{0 3}] 0 []")
	members, err := w.read().MembersOf(o, []parley.ID{asked.ID})
	w.must(err)
	w.equal("a receives", fmt.Sprint(members[asked.ID][0].Receives(2), members[asked.ID][0].Receives(3), members[asked.ID][0].Receives(5)), "true false true")
	w.do(func(tx *store.Tx) error {
		closed, err := duty.Close(tx, o, r.ID)
		again, err2 := duty.Close(tx, o, r.ID)
		w.equal("closed", fmt.Sprint(len(closed), len(again)), "2 0")
		return errors.Join(err, err2)
	})
}

// shifts: shifts of a role.
func shifts(w *world) {
	o, other := w.organization(), w.organization()
	at := w.now().UTC()
	var all []parley.Shift
	for i := range 4 {
		all = append(all, parley.Shift{ID: w.id(), Role: "r", User: parley.ID("u" + fmt.Sprint(i%2)), StartsAt: at.Add(time.Duration(i) * time.Hour), EndsAt: at.Add(time.Duration(i+1) * time.Hour)})
		w.do(func(tx *store.Tx) error { return duty.InsertShift(tx, o, &all[i]) })
	}
	got, err := duty.Shift(w.read(), o, "r", all[0].ID)
	w.must(err)
	w.equal("the shift", got, all[0])
	_, err = duty.Shift(w.read(), o, "other", all[0].ID)
	w.notFound(err)
	_, err = duty.Shift(w.read(), other, "r", all[0].ID)
	w.notFound(err)
	all[0].State, all[1].State = parley.ShiftOver, parley.ShiftBegun
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.SetShift(tx, o, &all[0]), duty.SetShift(tx, o, &all[1]))
	})
	ahead, err := duty.Ahead(w.read(), o, "r")
	w.must(err)
	w.equal("ahead", ahead, all[1:])
	page, err := duty.Shifts(w.read(), o, "r", "", at.Add(-time.Hour), at.Add(time.Hour*9), duty.Place{StartsAt: all[0].StartsAt, ID: all[0].ID}, 2)
	w.must(err)
	w.equal("a page", page, all[1:3])
	page, err = duty.Shifts(w.read(), o, "r", "u0", at.Add(time.Hour), at.Add(time.Hour*9), duty.Place{}, 9)
	w.must(err)
	w.equal("of a user", page, all[2:3])
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.DeleteShift(tx, o, all[1].ID), tx.Schedule(duty.ShiftJob(o, "r", at)))
	})
	w.do(func(tx *store.Tx) error {
		_, err := duty.AddMembers(tx, o, "r", []parley.ID{"u1"})
		return errors.Join(err, duty.RemoveMember(tx, o, "r", "u1"))
	})
	ahead, err = duty.Ahead(w.read(), o, "r")
	w.must(err)
	w.equal("ahead", ahead, all[2:3])
}

// permissionSets: permission sets, and who has which.
func permissionSets(w *world) {
	o, other := w.organization(), w.organization()
	set := parley.PermissionSet{ID: w.id(), Name: "Desk", Scopes: []parley.Scope{parley.ScopeMessagesRead}}
	w.do(func(tx *store.Tx) error {
		return errors.Join(grant.Insert(tx, o, &set), tx.InsertUser(o, &parley.User{ID: "a", Active: true}), tx.InsertUser(o, &parley.User{ID: "b", Active: true}))
	})
	if err := w.try(func(tx *store.Tx) error {
		return grant.Insert(tx, o, &parley.PermissionSet{ID: w.id(), Name: "Desk"})
	}); !parley.IsKind(err, parley.KindConflict) {
		w.Errorf("a taken name: %v", err)
	}
	sets, err := grant.Sets(w.read(), o)
	w.must(err)
	w.equal("sets", sets, []parley.PermissionSet{set})
	w.do(func(tx *store.Tx) error {
		return errors.Join(grant.Give(tx, o, "a", []parley.ID{set.ID, parley.SetAdmin}), grant.Give(tx, o, "b", []parley.ID{}))
	})
	held := func(user parley.ID) string {
		h, err := grant.Of(w.read(), o, user)
		w.must(err)
		return fmt.Sprintf("%v %d %v", h.Limited, len(h.Scopes), len(h.Sets))
	}
	admin, _ := parley.BuiltInSet(parley.SetAdmin)
	w.equal("held", []string{held("a"), held("b"), held("c")}, []string{fmt.Sprintf("true %d 2", len(admin.Scopes)+1), "true 0 0", "false 0 0"})
	n, err := grant.Holders(w.read(), o, parley.SetAdmin, "b")
	w.must(err)
	none, err := grant.Holders(w.read(), o, parley.SetAdmin, "a")
	w.must(err)
	holders, err := grant.HoldersOf(w.read(), o, parley.SetAdmin, []parley.ID{"a", "b"})
	w.must(err)
	strangers, err := grant.HoldersOf(w.read(), other, parley.SetAdmin, []parley.ID{"a", "b"})
	w.must(err)
	w.equal("holders among some", []any{holders, len(strangers)}, []any{map[parley.ID]bool{"a": true}, 0})
	used, err := grant.Used(w.read(), o, set.ID)
	w.must(err)
	unused, err := grant.Used(w.read(), other, set.ID)
	w.must(err)
	w.equal("use", fmt.Sprintf("%d %d %v %v", n, none, used, unused), "1 0 true false")
	set.Name = "Front"
	w.do(func(tx *store.Tx) error { return errors.Join(grant.Update(tx, o, &set), grant.Give(tx, o, "a", nil)) })
	w.equal("revision", fmt.Sprint(set.Rev, held("a")), fmt.Sprint(2, "false 0 0"))
	w.notFound(w.try(func(tx *store.Tx) error { return grant.Update(tx, other, &set) }))
	w.notFound(w.try(func(tx *store.Tx) error { return grant.Delete(tx, other, set.ID) }))
	w.do(func(tx *store.Tx) error { return grant.Delete(tx, o, set.ID) })
}

// available: who does not want to be disturbed, and by what.
func available(w *world) {
	o, other := w.organization(), w.organization()
	u := parley.User{ID: w.id(), Name: "A user", Active: true}
	c := parley.Conversation{ID: w.id(), Kind: parley.ConversationDirect, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertUser(o, &u), tx.InsertConversation(o, &c), tx.AddParticipants(o, c.ID, []parley.Participant{{Kind: parley.ActorUser, ID: u.ID}}))
	})
	now := w.now()
	d := parley.DoNotDisturb{Since: now.UTC(), Until: now.Add(time.Hour).UTC(), Text: "away", ForwardTo: parley.Actor{Kind: parley.ActorRole, ID: "r"}}
	w.do(func(tx *store.Tx) error {
		return errors.Join(availability.Set(tx, o, u.ID, &parley.DoNotDisturb{Since: now}), availability.Set(tx, o, u.ID, &d))
	})
	got, err := availability.Get(w.read(), o, u.ID, now)
	w.must(err)
	w.equal("do-not-disturb", *got, d)
	filled := u
	w.must(availability.Fill(w.read(), o, now, &filled))
	w.equal("of the user", *filled.DoNotDisturb, d)
	for what, none := range map[string]func() (*parley.DoNotDisturb, error){
		"later":     func() (*parley.DoNotDisturb, error) { return availability.Get(w.read(), o, u.ID, now.Add(time.Hour)) },
		"elsewhere": func() (*parley.DoNotDisturb, error) { return availability.Get(w.read(), other, u.ID, now) },
	} {
		d, err := none()
		w.must(err)
		w.equal(what, d == nil, true)
	}
	user, err := w.read().User(o, u.ID)
	w.must(err)
	conversation, err := w.read().Conversation(o, c.ID)
	w.must(err)
	w.equal("revisions", fmt.Sprint(user.Rev, conversation.Rev), "3 4")

	w.do(func(tx *store.Tx) error {
		var told []bool
		for _, text := range []string{"a", "a", "b"} {
			news, err := availability.Tell(tx, o, c.ID, u.ID, text)
			told = append(told, news)
			w.must(err)
		}
		w.equal("news", told, []bool{true, false, true})
		on, err := availability.Clear(tx, o, u.ID)
		again, err2 := availability.Clear(tx, o, u.ID)
		w.equal("turned off", []bool{on, again}, []bool{true, false})
		return errors.Join(err, err2)
	})
}

// mutes: conversations that users do not want to be notified of.
func mutes(w *world) {
	o, other := w.organization(), w.organization()
	now, u, c := w.now(), w.id(), w.id()
	w.do(func(tx *store.Tx) error {
		return errors.Join(availability.Mute(tx, o, u, c, now), availability.Mute(tx, o, u, c, now.Add(time.Hour)))
	})
	muted := func(o, user parley.ID, at time.Time) bool {
		shown := parley.Conversation{ID: c}
		w.must(availability.FillMutes(w.read(), o, user, at, &shown))
		return shown.Muted != nil
	}
	w.equal("muted", []bool{muted(o, u, now), muted(o, u, now.Add(time.Hour)), muted(o, "another", now), muted(other, u, now)}, []bool{true, false, false, false})
	w.do(func(tx *store.Tx) error {
		ended, err := availability.Unmute(tx, o, u, c)
		again, err2 := availability.Unmute(tx, o, u, c)
		w.equal("ended", []bool{ended, again}, []bool{true, false})
		return errors.Join(err, err2)
	})
}

// profiles: what is kept with users, teams, lists and channels besides.
func profiles(w *world) {
	o, other := w.organization(), w.organization()
	u := parley.User{ID: w.id(), Account: w.id(), Name: "A user", Email: "a@example.org", Active: true}
	p := parley.Profile{Title: "Nurse", Department: "Ward", Phone: "100", Avatar: "m"}
	w.do(func(tx *store.Tx) error {
		_, err := tx.EnsureAccount(parley.Account{ID: u.Account, Email: u.Email, Name: u.Name})
		return errors.Join(err, tx.InsertUser(o, &u), profile.Set(tx, o, u.ID, parley.Profile{}), profile.Set(tx, o, u.ID, p))
	})
	account, err := w.read().Account(u.Account)
	w.must(err)
	w.equal("the account", account.Email, u.Email)
	_, err = w.read().Account("another")
	w.notFound(err)
	filled, elsewhere := parley.User{ID: u.ID}, parley.User{ID: u.ID}
	w.must(errors.Join(profile.Fill(w.read(), o, &filled), profile.Fill(w.read(), other, &elsewhere), profile.Fill(w.read(), o)))
	w.equal("profiles", []parley.Profile{filled.Profile, elsewhere.Profile}, []parley.Profile{p, {}})
	w.do(func(tx *store.Tx) error {
		called := p
		called.Phone = "+1 (555) 010-0.200"
		return profile.Set(tx, o, u.ID, called)
	})
	for where, id := range map[parley.ID]parley.ID{o: u.ID, other: ""} {
		phones, err := profile.ByPhone(w.read(), where, []string{"+15550100200", "100"})
		w.must(err)
		emails, err := w.read().UsersByEmail(where, []string{u.Email, "b@example.org"})
		w.must(err)
		var called, mailed parley.ID
		for _, list := range phones {
			called = list[0]
		}
		for _, found := range emails {
			mailed = found.ID
		}
		w.equal("by phone and e-mail", []parley.ID{called, mailed}, []parley.ID{id, id})
	}
	w.do(func(tx *store.Tx) error { return profile.Set(tx, o, u.ID, p) })
	memberships, err := profile.Memberships(w.read(), u.Account, 5)
	w.must(err)
	w.equal("memberships", []any{len(memberships), memberships[0].Organization, memberships[0].User.Profile, memberships[0].User.ID}, []any{1, o, p, u.ID})

	facts := map[string]string{"a": "b"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(profile.SetMetadata(tx, o, profile.Team, "t", map[string]string{"x": "y"}), profile.SetMetadata(tx, o, profile.Team, "t", facts))
	})
	for want, c := range map[string]struct {
		o    parley.ID
		kind string
		ids  []parley.ID
	}{"1": {o, profile.Team, []parley.ID{"t", "u"}}, "0": {o, profile.Channel, []parley.ID{"t"}}, "0 elsewhere": {other, profile.Team, []parley.ID{"t"}}, "0 of none": {o, profile.Team, nil}} {
		found, err := profile.Metadata(w.read(), c.o, c.kind, c.ids...)
		w.must(err)
		w.equal(want, fmt.Sprint(len(found)), want[:1])
	}
	w.do(func(tx *store.Tx) error { return profile.SetMetadata(tx, o, profile.Team, "t", nil) })
	found, err := profile.Metadata(w.read(), o, profile.Team, "t")
	w.must(err)
	w.equal("dropped", len(found), 0)
}

// groups: who is in which, who may join, and who comes back.
func groups(w *world) {
	o := w.organization()
	var ids []parley.ID
	for i := range 3 {
		ids = append(ids, w.id())
		c := parley.Conversation{ID: ids[i], Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertConversation(o, &c), group.Insert(tx, o, c.ID, parley.GroupRules{Forum: i == 1}))
		})
	}
	write := func(tx *store.Tx) error {
		return tx.Append(&store.Append{Organization: o, Message: parley.Message{ID: w.id(), Conversation: ids[0], Kind: parley.KindMessage, Direction: parley.NoDirection}})
	}
	a, b := parley.Actor{ID: "a", Name: "A"}, parley.Actor{ID: "b", Name: "B"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(group.Join(tx, o, ids[0], []parley.Actor{a, b}, false), write(tx), tx.LeaveConversation(o, ids[0], &parley.Participant{Kind: parley.ActorUser, ID: "a"}),
			write(tx), group.Join(tx, o, ids[0], []parley.Actor{a, b}, false), group.Join(tx, o, ids[1], []parley.Actor{a}, false), group.SetReplay(tx, o, ids[1], true))
	})
	parts, err := w.read().PartsOf(o, "a", ids)
	w.must(err)
	w.equal("who came back", fmt.Sprint(parts[ids[0]].Receives(1), parts[ids[0]].Receives(2), parts[ids[0]].Receives(3)), "true false true")
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.LeaveConversation(o, ids[0], &parley.Participant{Kind: parley.ActorUser, ID: "a"}), group.Join(tx, o, ids[0], []parley.Actor{a}, true))
	})
	parts, err = w.read().PartsOf(o, "a", ids)
	w.must(err)
	w.equal("with what was before", parts[ids[0]].Receives(2), true)

	rules, err := group.Rules(w.read(), o, append(ids, "another"))
	w.must(err)
	w.equal("rules", rules, map[parley.ID]parley.GroupRules{ids[0]: {}, ids[1]: {Forum: true, ReplayHistory: true}, ids[2]: {}})
	counts, err := group.Counts(w.read(), o, ids)
	w.must(err)
	w.equal("counts", counts, map[parley.ID]int64{ids[0]: 2, ids[1]: 1})
	all, err := group.All(w.read(), o, "", 2)
	w.must(err)
	forums, err := group.Forums(w.read(), o, "", 5)
	w.must(err)
	of, err := group.Of(w.read(), o, "a", ids[0], 5)
	w.must(err)
	w.equal("lists", [][]parley.ID{all, forums, of}, [][]parley.ID{ids[:2], ids[1:2], ids[1:2]})
	members, err := group.Members(w.read(), o, ids[0], "a", 5)
	w.must(err)
	b.Kind = parley.ActorUser
	w.equal("members", members, []parley.Actor{b})
}
