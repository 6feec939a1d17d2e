package storetest

import (
	"errors"
	"fmt"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
	"github.com/parley-server/parley/internal/store/view"
)

// views: lists that are kept, of their owners, in their order, and what they may name.
func views(w *world) {
	o, other := w.organization(), w.organization()
	ana, team := parley.Actor{Kind: parley.ActorUser, ID: "ana"}, parley.Actor{Kind: parley.ActorTeam, ID: "team"}
	yes := true
	made := []parley.View{
		{ID: w.id(), Owner: ana, Name: "Mine", Place: 2, Filter: parley.ViewFilter{Assignee: parley.ViewerSelf, Status: parley.StatusOpen, Unread: &yes}},
		{ID: w.id(), Owner: team, Name: "Ours", Place: 1, Filter: parley.ViewFilter{Tag: "x", Priority: 2}},
		{ID: w.id(), Owner: parley.Actor{Kind: parley.ActorOrganization}, Name: "All", Place: 2},
	}
	w.do(func(tx *store.Tx) (err error) {
		for i := range made {
			err = errors.Join(err, view.Insert(tx, o, &made[i]))
		}
		return err
	})
	got, err := view.View(w.read(), o, made[0].ID)
	w.must(err)
	w.equal("a filter", got.Filter.Unread != nil && *got.Filter.Unread && got.Filter.Inbox == nil, true)
	got.Filter.Unread = made[0].Filter.Unread
	w.equal("the view", got, made[0])
	_, err = view.View(w.read(), other, made[0].ID)
	w.notFound(err)
	names := func(organization parley.ID, after view.Place, limit int, owners ...parley.Actor) (names []string) {
		list, err := view.Views(w.read(), organization, owners, after, limit)
		w.must(err)
		for _, v := range list {
			names = append(names, v.Name)
		}
		return names
	}
	all := []parley.Actor{ana, team, {Kind: parley.ActorOrganization}}
	w.equal("in order", names(o, view.Place{}, 9, all...), []string{"Ours", "Mine", "All"})
	w.equal("a page", names(o, view.Place{Place: 2, ID: made[0].ID}, 1, all...), []string{"All"})
	w.equal("of one owner", names(o, view.Place{}, 9, team), []string{"Ours"})
	w.equal("elsewhere", names(other, view.Place{}, 9, all...), []string(nil))
	byID, err := view.ByID(w.read(), o, []parley.ID{made[2].ID, "absent"})
	w.must(err)
	w.equal("by id", byID, made[2:])
	changed := made[0]
	changed.Name, changed.Place, changed.Filter = "Also mine", 0, parley.ViewFilter{Channel: "c"}
	w.do(func(tx *store.Tx) error { return view.Update(tx, o, &changed) })
	got, err = view.View(w.read(), o, changed.ID)
	w.must(err)
	w.equal("changed", got, changed)
	w.notFound(w.try(func(tx *store.Tx) error { return view.Update(tx, other, &changed) }))
	w.notFound(w.try(func(tx *store.Tx) error { return view.Delete(tx, other, changed.ID) }))
	w.do(func(tx *store.Tx) error {
		return errors.Join(view.Delete(tx, o, changed.ID), view.DeleteOf(tx, o, team))
	})
	n, err := view.Count(w.read(), o, ana)
	w.must(err)
	w.equal("what is left", fmt.Sprint(n, names(o, view.Place{}, 9, all...)), "0 [All]")
	u := parley.User{ID: w.id(), Name: "Ana", Active: true}
	w.do(func(tx *store.Tx) error { return tx.InsertUser(o, &u) })
	kinds, err := view.Existing(w.read(), o, []parley.ID{u.ID, "absent"})
	w.must(err)
	w.equal("existing", kinds, map[parley.ID]parley.ActorKind{u.ID: parley.ActorUser})
}

// labels: conversations are found by their tags and by whom they are given to, as these are.
func labels(w *world) {
	o, other := w.organization(), w.organization()
	ben := parley.Assignee{Kind: parley.ActorUser, ID: "ben"}
	made := func(status parley.ConversationStatus, tags ...string) *parley.Conversation {
		c := &parley.Conversation{ID: w.id(), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: status, Tags: tags, Assignees: []parley.Assignee{ben}}
		w.do(func(tx *store.Tx) error { return tx.InsertConversation(o, c) })
		return c
	}
	a, b := made(parley.StatusOpen, "x", "y"), made(parley.StatusClosed, "x")
	found := func(organization parley.ID, kind store.LabelKind, label string, status parley.ConversationStatus) []parley.ID {
		ids, err := w.read().Labelled(organization, kind, label, status, 9)
		w.must(err)
		n, err := w.read().CountLabelled(organization, kind, label, 9)
		w.must(err)
		if status == "" {
			w.equal("counted", n, len(ids))
		}
		return ids
	}
	w.equal("by tag", found(o, store.LabelTag, "x", ""), []parley.ID{a.ID, b.ID})
	w.equal("by tag and status", found(o, store.LabelTag, "x", parley.StatusClosed), []parley.ID{b.ID})
	w.equal("by assignee", found(o, store.LabelAssignee, "ben", ""), []parley.ID{a.ID, b.ID})
	w.equal("elsewhere", found(other, store.LabelTag, "x", ""), []parley.ID(nil))
	a.Tags, a.Assignees = []string{"z", "y"}, nil
	w.do(func(tx *store.Tx) error { return errors.Join(tx.Relabel(o, a), tx.UpdateConversation(o, a)) })
	w.equal("by the tag that went", found(o, store.LabelTag, "x", ""), []parley.ID{b.ID})
	w.equal("by the tag that stayed", found(o, store.LabelTag, "y", ""), []parley.ID{a.ID})
	w.equal("by the tag that came", found(o, store.LabelTag, "z", ""), []parley.ID{a.ID})
	w.equal("by who has one still", found(o, store.LabelAssignee, "ben", ""), []parley.ID{b.ID})
	teams, err := w.read().MembersOfTeams(o, []parley.ID{"absent"})
	w.must(err)
	w.equal("of no team", len(teams), 0)
}

// selections: which contacts are on a list, as they are at the moment.
func selections(w *world) {
	o, other := w.organization(), w.organization()
	made := []parley.Contact{{ID: w.id(), Name: "Ana", Tags: []string{"x"}}, {ID: w.id(), Name: "Ben"}, {ID: w.id(), Name: "Cleo", Tags: []string{"x"}}}
	s := &parley.Selection{Tag: "x"}
	w.do(func(tx *store.Tx) error {
		err := errors.Join(people.SetSelection(tx, o, "b", &parley.Selection{Tag: "y"}), people.SetSelection(tx, o, "b", s))
		for i := range made {
			err = errors.Join(err, tx.InsertContact(o, &made[i]))
		}
		return err
	})
	found, err := people.Selections(w.read(), o, "b", "absent")
	w.must(err)
	w.equal("the selection", fmt.Sprint(len(found), *found["b"]), fmt.Sprint(1, *s))
	found, err = people.Selections(w.read(), other, "b")
	w.must(err)
	w.equal("elsewhere", len(found), 0)
	page, next, err := people.Selected(w.read(), o, s, "", 1)
	w.must(err)
	rest, end, err := people.Selected(w.read(), o, s, next, 1)
	w.must(err)
	w.equal("selected", fmt.Sprint(page[0].Name, " ", rest[0].Name, " ", end == ""), "Ana Cleo true")
	w.do(func(tx *store.Tx) error { return people.SetSelection(tx, o, "b", nil) })
	found, err = people.Selections(w.read(), o, "b")
	w.must(err)
	w.equal("after it was dropped", len(found), 0)
}
