package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
	"github.com/parley-server/parley/internal/store/group"
)

// escalationPolicies: what is kept of one, that a role has one at most, and that they are an organization's own.
func escalationPolicies(w *world) {
	o, other := w.organization(), w.organization()
	p := parley.EscalationPolicy{ID: w.id(), Name: "Fast", Role: "r", Always: true, After: time.Minute, GroupLife: time.Hour,
		Steps: []parley.EscalationStep{{Targets: []parley.Actor{{Kind: parley.ActorUser, ID: "u"}, {Kind: parley.ActorRole, ID: "s"}}, After: time.Second,
			Fallback: []parley.Fallback{{Channel: "c", After: time.Second, On: parley.OnFailed}}}}, Fallback: []parley.Fallback{{Channel: "d", After: time.Minute, On: parley.OnUnread}}}
	second := parley.EscalationPolicy{ID: w.id(), Role: "s"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(escalation.InsertPolicy(tx, o, &p), escalation.InsertPolicy(tx, o, &second))
	})
	w.conflict(w.try(func(tx *store.Tx) error {
		return escalation.InsertPolicy(tx, o, &parley.EscalationPolicy{ID: w.id(), Role: "r"})
	}), "policy-exists")
	got, err := escalation.Policy(w.read(), o, p.ID)
	w.must(err)
	w.equal("the policy", got, p)
	p.Name, p.Always, p.After, p.Steps, p.GroupLife, p.Fallback = "Slow", false, time.Hour, p.Steps[:0], 0, nil
	w.do(func(tx *store.Tx) error { return escalation.UpdatePolicy(tx, o, &p) })
	w.notFound(w.try(func(tx *store.Tx) error { return escalation.UpdatePolicy(tx, other, &p) }))
	of, err := escalation.PolicyOf(w.read(), o, "r")
	w.must(err)
	w.equal("changed", fmt.Sprint(of.Name, " ", of.Always, of.After, len(of.Steps), len(of.Fallback), of.Rev), "Slow false 1h0m0s 0 0 2")
	none, err := escalation.PolicyOf(w.read(), other, "r")
	w.must(err)
	w.equal("elsewhere", none == nil, true)
	list, err := escalation.Policies(w.read(), o, p.ID, 5)
	w.must(err)
	w.equal("after the first", []int{len(list), len(list[0].Steps)}, []int{1, 0})
	w.notFound(w.try(func(tx *store.Tx) error { return escalation.DeletePolicy(tx, other, p.ID) }))
	w.do(func(tx *store.Tx) error { return escalation.DeletePolicy(tx, o, p.ID) })
	_, err = escalation.Policy(w.read(), o, p.ID)
	w.notFound(err)
}

// escalations: what is kept of one, how they are found, and that a message has one at a time.
func escalations(w *world) {
	o, other := w.organization(), w.organization()
	var all []parley.Escalation
	for i, message := range []parley.ID{"m1", "m2", "m3"} {
		e := parley.Escalation{ID: w.id(), Code: "abcdef", Message: message, Conversation: "c", Role: "r", Originator: "u", State: parley.EscalationActive, StartedBy: "v",
			StartedAt: w.now(), DueAt: w.now().Add(time.Minute), Policy: parley.EscalationPolicy{Name: "Fast", After: time.Minute}, Sequence: int64(i)}
		w.do(func(tx *store.Tx) error {
			return errors.Join(escalation.Insert(tx, o, &e), tx.Schedule(escalation.Job(o, &e)))
		})
		all = append(all, e)
	}
	again := all[0]
	again.ID = w.id()
	w.conflict(w.try(func(tx *store.Tx) error { return escalation.Insert(tx, o, &again) }), "already-escalating")
	w.do(func(tx *store.Tx) error { return escalation.Insert(tx, other, &again) })
	e := &all[1]
	e.Group, e.Copy, e.Level, e.GroupSequence, e.Sequence = "g", "copy", 1, 2, 9
	w.do(func(tx *store.Tx) error { return escalation.Update(tx, o, e) })
	w.notFound(w.try(func(tx *store.Tx) error { return escalation.Update(tx, other, e) }))
	got, err := escalation.Get(w.read(), o, e.ID)
	w.must(err)
	w.equal("the escalation", got, *e)
	for message, want := range map[parley.ID]parley.ID{"m2": e.ID, "copy": e.ID, "m1": all[0].ID, "m4": ""} {
		active, err := escalation.Active(w.read(), o, message)
		w.must(err)
		if found := active != nil; found != (want != "") || found && active.ID != want {
			w.T.Errorf("that of %s is %+v", message, active)
		}
	}
	end := &all[2]
	end.State, end.Reason, end.EndedBy, end.EndedAt, end.DueAt = parley.EscalationCanceled, "recalled", "v", w.now(), time.Time{}
	w.do(func(tx *store.Tx) error { return escalation.Update(tx, o, end) })
	var batch []store.Erasure
	for _, id := range []parley.ID{"m1", "m3", "copy"} {
		batch = append(batch, store.Erasure{Organization: o, Message: &parley.Message{ID: id}})
	}
	batch = append(batch, store.Erasure{Organization: o, Message: &parley.Message{ID: "m2"}}, store.Erasure{Organization: other, Message: &parley.Message{ID: "m2"}})
	of, err := escalation.OfMessages(w.read(), batch)
	w.must(err)
	w.equal("those of messages that go", of, []escalation.Of{{Place: 0, ID: all[0].ID, Active: true}, {Place: 1, ID: end.ID}, {Place: 3, ID: e.ID, Active: true, Copied: true}})
	for want, f := range map[string]escalation.Filter{
		"all 210": {}, "state 10": {State: parley.EscalationActive}, "role 210": {Role: "r"}, "another role ": {Role: "q"}, "conversation 210": {Conversation: "c"},
		"group 1": {Conversation: "g"}, "message 2": {Message: "m3"}, "both ": {Message: "m3", State: parley.EscalationActive}, "one 10": {Conversation: "c", Role: "r", State: parley.EscalationActive},
		"more 2": {Role: "r", State: parley.EscalationCanceled},
	} {
		w.equal(want, fmt.Sprintf("%s %s", want[:len(want)-len(lastWord(want))-1], w.numbers(o, f, "", all)), want)
	}
	w.equal("a page", w.numbers(o, escalation.Filter{}, all[2].ID, all), "10")
}

// escalationFallbacks: what is kept of the deliveries that fallbacks of an escalation made, and which of them are over.
func escalationFallbacks(w *world) {
	o, other := w.organization(), w.organization()
	th := w.thread(o)
	m := th.say("x").Message
	own := parley.Escalation{ID: w.id(), Message: m.ID, Conversation: th.id, Copy: "copy", State: parley.EscalationActive, DueAt: w.now().Add(time.Hour).UTC()}
	made := []parley.Delivery{
		{Message: m.ID, Number: 3, Conversation: th.id, Recipient: parley.Actor{Kind: parley.ActorUser, ID: "u", Name: "U"}, Channel: "x", State: parley.Skipped, Code: "c", Reason: "r",
			Fallback: 12, Step: 11, CreatedAt: w.now().UTC(), EndedAt: w.now().UTC()},
		{Message: m.ID, Number: 4, Conversation: th.id, Recipient: parley.Actor{Kind: parley.ActorUser, ID: "v", Name: "V"}, Channel: "x", State: parley.Skipped, Fallback: 1, Instead: 30000,
			CreatedAt: w.now().UTC(), EndedAt: w.now().UTC()},
	}
	first := parley.EscalationFallback{Level: 10, Fallback: 12, User: made[0].Recipient, Message: m.ID, Delivery: 3}
	second := parley.EscalationFallback{Level: 1, Fallback: 1, User: parley.Actor{ID: "v"}, Message: "copy", Delivery: 3}
	w.do(func(tx *store.Tx) error {
		return errors.Join(escalation.Insert(tx, o, &own), tx.Schedule(escalation.Job(o, &own)), tx.AddDeliveries(o, &m, made),
			escalation.AddFallbacks(tx, o, own.ID, []parley.EscalationFallback{first}), escalation.AddFallbacks(tx, o, own.ID, nil),
			escalation.AddFallbacks(tx, o, own.ID, []parley.EscalationFallback{second}))
	})
	kept, err := w.read().Deliveries(o, m.ID)
	w.must(err)
	w.equal("the deliveries", kept[len(kept)-2:], made)
	tried, err := escalation.Tried(w.read(), o, own.ID)
	w.must(err)
	w.equal("what was tried", tried, []escalation.Fallback{{Level: 10, Fallback: 12, User: "u", Message: m.ID, Delivery: 3}, {Level: 1, Fallback: 1, User: "v", Message: "copy", Delivery: 3}})
	list, err := escalation.Fallbacks(w.read(), o, own.ID, 0, 5)
	w.must(err)
	first.Number, first.Channel, first.At, first.State, first.Code, first.Reason = 1, "x", made[0].CreatedAt, parley.Skipped, "c", "r"
	w.equal("the list", list, []parley.EscalationFallback{first}) // the copy has no delivery
	list, err = escalation.Fallbacks(w.read(), o, own.ID, 1, 5)
	w.must(err)
	elsewhere, err := escalation.Fallbacks(w.read(), other, own.ID, 0, 5)
	w.must(err)
	w.equal("after the first, and elsewhere", len(list)+len(elsewhere), 0)

	w.overFallbacks(o, other, m.ID, &own)
}

// overFallbacks: whose timers a failure hastens, and when what was made is over: the third delivery of the message is one that the escalation made.
func (w *world) overFallbacks(o, other, message parley.ID, own *parley.Escalation) {
	w.Helper()
	due := func() bool {
		jobs, err := w.read().DueJobs(escalation.JobEscalate, w.now(), 1000)
		w.must(err)
		for _, j := range jobs {
			if j.Payload == string(own.ID) {
				return true
			}
		}
		return false
	}
	refs := []store.DeliveryRef{{Organization: o, Message: message, Number: 3}, {Organization: o, Message: message, Number: 4}, {Organization: o, Message: "copy", Number: 9},
		{Organization: o, Message: "another", Number: 3}}
	over := func(what string, want ...bool) {
		is, err := escalation.Over(w.read(), o, refs)
		w.must(err)
		var got []bool
		for _, ref := range refs {
			got = append(got, is[ref])
		}
		w.equal(what, got, want)
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(escalation.Hasten(tx, nil), escalation.Hasten(tx, refs[1:]))
	})
	w.equal("others failed", due(), false)
	w.do(func(tx *store.Tx) error { return escalation.Hasten(tx, refs) })
	w.equal("its own failed", due(), true)
	over("under way", false, false, false, false)
	w.do(func(tx *store.Tx) error {
		return errors.Join(escalation.EndFallbacks(tx, other, own.ID), escalation.EndFallbacks(tx, o, own.ID))
	})
	over("passed on", true, false, false, false)
	own.State = parley.EscalationAcknowledged
	w.do(func(tx *store.Tx) error { return escalation.Update(tx, o, own) })
	over("acknowledged", true, true, true, false)
	again := parley.Escalation{ID: w.id(), Message: message, Conversation: own.Conversation, State: parley.EscalationActive}
	w.do(func(tx *store.Tx) error { return escalation.Insert(tx, o, &again) })
	over("once more", true, false, true, false)
}

func lastWord(text string) string {
	for i := len(text) - 1; ; i-- {
		if text[i] == ' ' {
			return text[i+1:]
		}
	}
}

// numbers are the places among some of the escalations of a page.
func (w *world) numbers(o parley.ID, f escalation.Filter, before parley.ID, all []parley.Escalation) (text string) {
	list, err := escalation.List(w.read(), o, f, before, 5)
	w.must(err)
	for _, e := range list {
		for i := range all {
			if all[i].ID == e.ID {
				text += fmt.Sprint(i)
			}
		}
	}
	return text
}

// guests: who takes part by name in a group of roles stays when going off duty, and so does who is on duty for another one.
func guests(w *world) {
	o := w.organization()
	c := parley.Conversation{ID: w.id(), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
	plain := parley.Conversation{ID: w.id(), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
	r, s := parley.Role{ID: "r", Name: "R"}, parley.Role{ID: "s", Name: "S"}
	write := func(tx *store.Tx) error {
		return tx.Append(&store.Append{Organization: o, Message: parley.Message{ID: w.id(), Conversation: c.ID, Kind: parley.KindMessage, Direction: parley.NoDirection}})
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.Insert(tx, o, &r), duty.Insert(tx, o, &s), tx.InsertConversation(o, &c), tx.InsertConversation(o, &plain), group.Insert(tx, o, c.ID, parley.GroupRules{ReplayHistory: true}),
			tx.AddParticipants(o, c.ID, []parley.Participant{{Kind: parley.ActorRole, ID: "r"}, {Kind: parley.ActorRole, ID: "s"}, {Kind: parley.ActorUser, ID: "named"}}),
			duty.AddGuests(tx, o, c.ID, "named", "left"), duty.AddGuests(tx, o, c.ID), duty.AddGuests(tx, o, plain.ID, "named"), duty.DropGuest(tx, o, c.ID, "left"), write(tx))
	})
	known, err := duty.Some(w.read(), o, []parley.ID{"r", "absent"})
	w.must(err)
	none, err := duty.Some(w.read(), o, nil)
	w.must(err)
	w.equal("some roles", []any{len(known), known["r"].Name, len(none)}, []any{1, "R", 0})
	on := func(role *parley.Role, users ...parley.ID) {
		w.do(func(tx *store.Tx) error {
			for _, u := range users {
				_, err := duty.Join(tx, o, role, parley.Actor{ID: u, Name: "U"})
				if err := errors.Join(duty.SetOwner(tx, o, role.ID, parley.Owner{User: u}), err); err != nil {
					return err
				}
			}
			return nil
		})
	}
	off := func(role, user parley.ID) {
		w.do(func(tx *store.Tx) error {
			_, err := duty.Leave(tx, o, role, user)
			return errors.Join(duty.DropOwner(tx, o, role, user), err)
		})
	}
	in := func(user parley.ID) string {
		parts, err := w.read().PartsOf(o, user, []parley.ID{c.ID})
		w.must(err)
		p := parts[c.ID]
		return fmt.Sprint(p != nil && p.LeftSequence == 0, p != nil && p.Receives(1))
	}
	on(&r, "named", "left", "both", "once")
	on(&s, "both")
	for _, u := range []parley.ID{"named", "left", "both", "once"} {
		off("r", u)
	}
	w.equal("who is in it", []string{in("named"), in("left"), in("both"), in("once"), in("never")},
		[]string{"true true", "false true", "true true", "false true", "false false"})
	w.do(func(tx *store.Tx) error {
		return errors.Join(duty.DropGuests(tx, o, c.ID), escalation.LeaveAll(tx, o, c.ID))
	})
	on(&r, "late")
	on(&s, "both")
	w.equal("after all have left", []string{in("named"), in("both"), in("late")}, []string{"false true", "false true", "false false"})
}
