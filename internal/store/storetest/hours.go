package storetest

import (
	"errors"
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
