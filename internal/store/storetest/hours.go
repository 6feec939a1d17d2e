package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

// schedules: when organizations are open, of which one is the default.
func schedules(w *world) {
	o, other := w.organization(), w.organization()
	first := parley.Schedule{ID: w.id(), Name: "Office", TimeZone: "Europe/Berlin", Default: true, Weekly: []parley.DayHours{{Day: time.Monday, Hours: parley.Hours{From: 540, To: 1020}}},
		Exceptions: []parley.ScheduleException{{Name: "Christmas", First: "2026-12-24", Last: "2026-12-26", Hours: []parley.Hours{{From: 0, To: 60}}}}}
	second := parley.Schedule{ID: w.id(), Name: "Night", TimeZone: "UTC"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.InsertSchedule(tx, o, &first), hours.InsertSchedule(tx, o, &second), hours.InsertSchedule(tx, other, &parley.Schedule{ID: w.id(), Default: true}))
	})
	got, err := hours.Schedule(w.read(), o, first.ID)
	w.must(err)
	w.equal("a schedule", got, first)
	_, err = hours.Schedule(w.read(), other, first.ID)
	w.notFound(err)
	second.Default, second.Name = true, "Nights"
	w.do(func(tx *store.Tx) error { return hours.UpdateSchedule(tx, o, &second) })
	w.equal("the revision", second.Rev, int64(2))
	first.Default, first.Rev = false, 2
	page, next, err := hours.Schedules(w.read(), o, "", 1)
	w.must(err)
	w.equal("a page", []any{page, next}, []any{[]parley.Schedule{first}, first.ID})
	page, next, err = hours.Schedules(w.read(), o, next, 1)
	w.must(err)
	w.equal("the next page", []any{page, next}, []any{[]parley.Schedule{second}, parley.ID("")})
	n, err := hours.CountSchedules(w.read(), o)
	w.must(err)
	w.equal("how many", n, 2)
	w.do(func(tx *store.Tx) error { return hours.DeleteSchedule(tx, o, first.ID) })
	w.notFound(w.try(func(tx *store.Tx) error { return hours.DeleteSchedule(tx, o, first.ID) }))
	w.notFound(w.try(func(tx *store.Tx) error { return hours.UpdateSchedule(tx, o, &first) }))
}

// autoReplies: rules that answer, and when they did.
func autoReplies(w *world) {
	o, other := w.organization(), w.organization()
	first := parley.AutoReply{ID: w.id(), Name: "Closed", Enabled: true, Position: 3, When: parley.AutoClosed, Schedule: "s", Channels: []parley.ID{"c"}, Teams: []parley.ID{"t"},
		Platforms: []string{"sms"}, Text: "x", Class: parley.ClassService, Throttle: time.Minute, Each: parley.ActorContact, Limit: 2}
	second := parley.AutoReply{ID: w.id(), Name: "First", When: parley.AutoFirst, Template: "t", Locale: "de"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.InsertReply(tx, o, &first), hours.InsertReply(tx, o, &second))
	})
	got, err := hours.Reply(w.read(), o, first.ID)
	w.must(err)
	w.equal("a rule", got, first)
	_, err = hours.Reply(w.read(), other, first.ID)
	w.notFound(err)
	second.Enabled = true
	w.do(func(tx *store.Tx) error { return hours.UpdateReply(tx, o, &second) })
	w.equal("the revision", second.Rev, int64(2))
	page, next, err := hours.Replies(w.read(), o, "", 1)
	w.must(err)
	w.equal("a page", []any{page, next}, []any{[]parley.AutoReply{first}, first.ID})
	page, _, err = hours.Replies(w.read(), o, next, 1)
	w.must(err)
	w.equal("the next page", page, []parley.AutoReply{second})
	at := w.now().UTC()
	marks := []hours.Mark{{Rule: first.ID, About: "ana", At: at, Times: 2}, {Rule: second.ID, About: "ana", At: at, Times: 1}, {About: "c", At: at.Add(-time.Hour), Times: 5}}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.SetMarks(tx, o, marks), hours.SetMarks(tx, o, marks[:1]), hours.SetMarks(tx, other, []hours.Mark{{About: "c", At: at, Times: 9}}))
	})
	seen := func() []hours.Mark {
		list := []hours.Mark{{About: "c"}, {Rule: first.ID, About: "ana"}, {Rule: first.ID, About: "bo"}}
		w.must(hours.Marks(w.read(), o, list))
		return list
	}
	w.equal("marks", seen(), []hours.Mark{marks[2], marks[0], {Rule: first.ID, About: "bo"}})
	w.marksGo(o, second.ID, at)
	w.do(func(tx *store.Tx) error { return hours.DeleteReply(tx, o, first.ID) })
	w.equal("marks without the rule", seen()[1], hours.Mark{Rule: first.ID, About: "ana"})
	w.notFound(w.try(func(tx *store.Tx) error { return hours.DeleteReply(tx, o, first.ID) }))
	w.notFound(w.try(func(tx *store.Tx) error { return hours.UpdateReply(tx, o, &first) }))
}

// marksGo: those of what was merged are those of the other; those that are spent are forgotten, unless they are new since.
func (w *world) marksGo(o, rule parley.ID, at time.Time) {
	marks := []hours.Mark{{Rule: rule, About: "a", At: at, Times: 1}, {Rule: rule, About: "b", At: at.Add(time.Second), Times: 2}, {Rule: rule, About: "c", At: at.Add(time.Second), Times: 4}}
	seen := func() string {
		list := []hours.Mark{{Rule: rule, About: "a"}, {Rule: rule, About: "b"}, {Rule: rule, About: "c"}}
		w.must(hours.Marks(w.read(), o, list))
		return fmt.Sprint(list[0].Times, list[1].Times, list[2].Times, list[1].At.Sub(at))
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.SetMarks(tx, o, marks), hours.MergeMarks(tx, o, "a", "b"))
	})
	w.equal("merged", seen(), "0 3 4 1s")
	spent, err := hours.Spent(w.read(), o, rule, at, 10)
	w.must(err)
	w.equal("none of a but the one from before", len(spent), 1)
	spent, err = hours.Spent(w.read(), o, rule, at.Add(time.Second), 10)
	w.must(err)
	w.equal("spent", len(spent), 3)
	renewed := []hours.Mark{{Rule: rule, About: "b", At: at.Add(time.Minute), Times: 4}}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.SetMarks(tx, o, renewed), hours.Forget(tx, o, spent))
	})
	w.equal("forgotten", seen(), "0 4 0 1m0s")
}

// slas: policies, and how conversations stand with them, in the order of when something is due.
func slas(w *world) {
	o, other := w.organization(), w.organization()
	first := parley.SLAPolicy{ID: w.id(), Name: "Gold", Enabled: true, Position: 2, Business: true, Schedule: "s", Conditions: parley.SLAConditions{Channels: []parley.ID{"c"}, Tags: []string{"vip"}},
		Targets: []parley.SLATarget{{First: time.Minute}, {Priority: 5, Resolution: time.Hour}}, Warn: time.Second, Snoozed: true}
	second := parley.SLAPolicy{ID: w.id(), Name: "Silver"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.InsertPolicy(tx, o, &first), hours.InsertPolicy(tx, o, &second))
	})
	got, err := hours.Policy(w.read(), o, first.ID)
	w.must(err)
	w.equal("a policy", got, first)
	_, err = hours.Policy(w.read(), other, first.ID)
	w.notFound(err)
	second.Closed = true
	w.do(func(tx *store.Tx) error { return hours.UpdatePolicy(tx, o, &second) })
	page, next, err := hours.Policies(w.read(), o, "", 1)
	w.must(err)
	w.equal("a page", []any{page, next}, []any{[]parley.SLAPolicy{first}, first.ID})
	page, _, err = hours.Policies(w.read(), o, next, 1)
	w.must(err)
	w.equal("the next page", page, []parley.SLAPolicy{second})
	standard, err := hours.DefaultSchedule(w.read(), o)
	w.must(err)
	w.equal("no default schedule", standard, parley.Schedule{})

	at := w.now().UTC()
	running := func(due time.Time) *parley.SLAClock {
		return &parley.SLAClock{Target: time.Minute, Since: at, StartedAt: at, DueAt: due}
	}
	broken := running(at)
	broken.BreachedAt = at
	a, b := parley.SLA{Policy: first.ID, First: running(at.Add(2 * time.Minute)), Resolution: broken}, parley.SLA{Policy: first.ID, Next: running(at.Add(time.Minute))}
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.SetClocks(tx, o, "a", &a), hours.SetClocks(tx, o, "b", &parley.SLA{}), hours.SetClocks(tx, o, "b", &b), hours.SetClocks(tx, other, "c", &b))
	})
	found, err := hours.Clocks(w.read(), o, "a", "b", "c")
	w.must(err)
	w.equal("clocks", []any{len(found), found["a"].Policy, *found["a"].First, *found["a"].Resolution, *found["b"].Next}, []any{2, first.ID, *a.First, *a.Resolution, *b.Next})
	c := parley.Conversation{ID: "b"}
	w.must(hours.FillClocks(w.read(), o, &c))
	w.equal("of a conversation", *c.SLA.Next, *b.Next)
	ids := func(list []hours.ClockPlace, err error) (ids []parley.ID) {
		w.must(err)
		for _, p := range list {
			ids = append(ids, p.ID)
		}
		return ids
	}
	w.equal("due", ids(hours.Due(w.read(), o, hours.ClockPlace{}, 9)), []parley.ID{"b", "a"})
	w.equal("due after one", ids(hours.Due(w.read(), o, hours.ClockPlace{At: at.Add(time.Minute), ID: "b"}, 9)), []parley.ID{"a"})
	w.equal("breached", ids(hours.Breached(w.read(), o, hours.ClockPlace{}, 9)), []parley.ID{"a"})
	w.do(func(tx *store.Tx) error {
		return errors.Join(hours.DropClocks(tx, o, "a"), hours.DeletePolicy(tx, o, first.ID))
	})
	w.equal("breached, of what is left", ids(hours.Breached(w.read(), o, hours.ClockPlace{}, 9)), []parley.ID(nil))
	w.notFound(w.try(func(tx *store.Tx) error { return hours.DeletePolicy(tx, o, first.ID) }))
	w.notFound(w.try(func(tx *store.Tx) error { return hours.UpdatePolicy(tx, o, &first) }))
}

// deferredDeliveries: what waits until a time goes out then, one after another; what does not wait overtakes it, and the place of
// the first is taken by the next, no sooner.
func deferredDeliveries(w *world) {
	o := w.organization()
	th := w.thread(o)
	until := w.now().Add(time.Hour)
	var waiting []parley.ID
	for i := range 4 {
		a := th.message(fmt.Sprint(i))
		a.Message.NotBefore = until
		w.must(w.append(a))
		waiting = append(waiting, a.Message.ID)
	}
	now := th.say("now").Message.ID
	w.done(w.claim(w.jobOf(w.ready(now), now))...)
	w.ready()
	for _, id := range []parley.ID{waiting[2], waiting[0]} { // one that waits behind the first, then the first
		m, err := w.read().Message(o, id)
		w.must(err)
		w.equal("until when", m.NotBefore.UnixMilli(), until.UnixMilli())
		jobs, err := w.read().JobsOf(o, &m)
		w.must(err)
		w.do(func(tx *store.Tx) error { return tx.Done(jobs) })
		w.ready()
	}
	w.advance(time.Hour)
	second := w.claim(w.jobOf(w.ready(waiting[1]), waiting[1]))
	w.ready()
	w.done(second...)
	w.ready(waiting[3])
}
