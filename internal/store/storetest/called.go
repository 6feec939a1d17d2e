package storetest

import (
	"errors"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	kept "github.com/parley-server/parley/internal/store/inbox"
	"github.com/parley-server/parley/internal/store/page"
)

// called: pages, by whom they call, where, and what became of them.
func called(w *world) {
	o, other := w.organization(), w.organization()
	u := parley.User{ID: w.id(), Name: "Ana", Active: true}
	w.do(func(tx *store.Tx) error { return tx.InsertUser(o, &u) })
	ana, team := parley.Actor{Kind: parley.ActorUser, ID: u.ID, Name: "Ana"}, parley.Actor{Kind: parley.ActorTeam, ID: "team"}
	made := []parley.Page{
		{ID: w.id(), Conversation: "c", Message: "m", Who: ana, By: "ben", Urgency: parley.UrgencyHigh, RemindEvery: time.Minute, Reminders: 2},
		{ID: w.id(), Conversation: "c", Message: "m", Who: team, By: "ben", Urgency: parley.UrgencyNormal, Each: true, RemindEvery: time.Minute},
		{ID: w.id(), Conversation: "d", Message: "n", Who: parley.Actor{Kind: parley.ActorOrganization}, By: "ben", Urgency: parley.UrgencyNormal, RemindEvery: time.Minute},
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(page.Insert(tx, o, made), tx.Schedule(page.RemindJob(o, made[0].ID, tx.Now.Add(time.Hour))))
	})
	got, err := page.Get(w.read(), o, made[0].ID)
	w.must(err)
	w.equal("the page", got, made[0])
	_, err = page.Get(w.read(), other, made[0].ID)
	w.notFound(err)
	all := []parley.PageState{parley.PageOpen, parley.PageResolved}
	ids := func(organization parley.ID, of page.Of, before parley.ID, limit int) (ids []parley.ID) {
		list, err := page.List(w.read(), organization, of, before, limit)
		w.must(err)
		for _, p := range list {
			ids = append(ids, p.ID)
		}
		return ids
	}
	a, b, c := made[0].ID, made[1].ID, made[2].ID
	w.equal("all", ids(o, page.Of{States: all}, "", 9), []parley.ID{c, b, a})
	w.equal("a page of all", ids(o, page.Of{States: all}, c, 1), []parley.ID{b})
	w.equal("of a message and a conversation", [][]parley.ID{ids(o, page.Of{Message: "m"}, "", 9), ids(o, page.Of{Conversation: "d"}, "", 9)}, [][]parley.ID{{b, a}, {c}})
	w.calledBy(o, other)
	mine := page.Of{Called: []parley.Actor{ana, team, {Kind: parley.ActorOrganization}}, States: all, Unanswered: u.ID}
	w.equal("of somebody", ids(o, mine, "", 9), []parley.ID{c, b, a})
	w.equal("elsewhere", ids(other, mine, "", 9), []parley.ID(nil))
	var first []bool
	w.do(func(tx *store.Tx) error {
		first = nil
		for range 2 {
			was, err := page.Answer(tx, o, b, u.ID)
			if first = append(first, was); err != nil {
				return err
			}
		}
		made[0].State, made[0].EndedBy = parley.PageResolved, u.ID
		return errors.Join(page.Reminded(tx, o, &made[0]), page.End(tx, o, &made[0]))
	})
	w.equal("answered once", first, []bool{true, false})
	w.equal("not answered", ids(o, mine, "", 9), []parley.ID{c, a})
	w.equal("open", ids(o, page.Of{States: all[:1]}, "", 9), []parley.ID{c, b})
	got, err = page.Get(w.read(), o, a)
	w.must(err)
	w.equal("resolved", got, made[0])
	got, err = page.Get(w.read(), o, b)
	w.must(err)
	w.equal("answers", len(got.Answers), 1)
	next, err := w.read().NextDue(page.JobRemind)
	w.must(err)
	w.equal("reminded no more", next.IsZero(), true)
}

// calledBy: the pages of several messages.
func (w *world) calledBy(o, other parley.ID) {
	w.Helper()
	of, err := page.OfMessages(w.read(), o, []parley.ID{"n", "m", "absent"})
	w.must(err)
	elsewhere, err := page.OfMessages(w.read(), other, []parley.ID{"n", "m"})
	w.must(err)
	w.equal("of messages", []int{len(of), len(elsewhere)}, []int{3, 0})
}

// rolled: conversations of some kinds in the order of a time, by channel, a page at a time; and what teams are called.
func rolled(w *world) {
	o, other := w.organization(), w.organization()
	a := w.thread(o)
	w.advance(time.Minute)
	b := w.threadOn(o, a.channel)
	c := w.thread(o)
	w.room(o, 2)
	w.thread(other)
	w.advance(time.Minute)
	w.must(w.append(a.message("x")))
	for order, want := range map[kept.RollOrder][]parley.ID{kept.ByCreation: {a.id, b.id}, kept.ByActivity: {b.id, a.id}} {
		roll := kept.Roll{Order: order, Visibility: parley.VisibleToOrganization, Channels: []parley.ID{a.channel, "absent"},
			Kinds: []parley.ConversationKind{parley.ConversationExternal, parley.ConversationNote}}
		var got []parley.ID
		for place := (store.Activity{}); len(got) < 5; {
			page, err := roll.List(w.read(), o, place, 1)
			w.must(err)
			if len(page) == 0 {
				break
			}
			place = page[0]
			got = append(got, place.ID)
		}
		w.equal(string(order), got, want)
		roll.Channels = append(roll.Channels, c.channel)
		n, err := roll.Count(w.read(), o, 9)
		w.must(err)
		most, err := roll.Count(w.read(), o, 2)
		w.must(err)
		roll.Since = w.now().Add(-30 * time.Second)
		since, err := roll.Count(w.read(), o, 9)
		w.must(err)
		w.equal("counted "+string(order), []int{n, most, since}, []int{3, 2, map[kept.RollOrder]int{kept.ByActivity: 1}[order]})
	}
	team := parley.Team{ID: w.id(), Name: "Desk"}
	w.do(func(tx *store.Tx) error { return tx.InsertTeam(o, &team) })
	names, err := w.read().TeamNames(o, []parley.ID{team.ID, a.id})
	w.must(err)
	none, err := w.read().TeamNames(other, []parley.ID{team.ID})
	w.must(err)
	w.equal("names of teams", []any{names, len(none)}, []any{map[parley.ID]string{team.ID: "Desk"}, 0})
}
