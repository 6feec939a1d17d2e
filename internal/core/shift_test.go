package core_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// plan plans a shift from and to hours from a time.
func (w *ward) plan(p *access.Principal, at time.Time, from, to int) (parley.Shift, error) {
	s, _, err := w.Directory.CreateShift(w.T.Context(), w.Admin, w.role, directory.ShiftParams{User: p.User,
		StartsAt: at.Add(time.Duration(from) * time.Hour), EndsAt: at.Add(time.Duration(to) * time.Hour)}, nil)
	return s, err
}

// turn does what is due, on several nodes at once.
func (w *ward) turn() {
	w.T.Helper()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := w.Directory.TurnShifts(w.T.Context(), 10); err != nil {
				w.T.Error(err)
			}
		})
	}
	all.Wait()
}

func (w *ward) wantOnDuty(what string, want ...*access.Principal) {
	w.T.Helper()
	w.turn()
	role, err := w.Directory.Role(w.T.Context(), w.Admin, w.role)
	w.Must(err)
	var ids []parley.ID
	for _, p := range want {
		ids = append(ids, p.User)
	}
	slices.Sort(ids)
	if !slices.Equal(role.OnDuty, ids) {
		w.T.Errorf("%s: on duty are %v, want %v", what, role.OnDuty, ids)
	}
}

// duties are the changes of duty that were logged.
func (w *ward) duties() (list []string) {
	w.T.Helper()
	for _, e := range w.Events(w.Admin, 0) {
		if e.Type == parley.EventRoleDuty {
			list = append(list, fmt.Sprint(e.Data.User, e.Data.Status, e.Data.Reason))
		}
	}
	return list
}

// A day of shifts: each begins and ends at its time, without a gap in between, and what is done by hand stays.
func TestShiftsTurn(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	w.makeRole(directory.RoleParams{SingleOwner: true}, ana, ben)
	at := w.Now().Truncate(time.Hour).Add(time.Hour)
	for _, s := range []struct {
		p        *access.Principal
		from, to int
	}{{ana, 1, 3}, {ben, 3, 5}, {ben, 5, 6}, {ana, 6, 7}, {ben, 20, 21}} {
		_, err := w.plan(s.p, at, s.from, s.to)
		w.Must(err)
	}
	w.wantOnDuty("before all")
	c := w.ask(cleo, "early").Conversation
	w.Advance(at.Add(90 * time.Minute).Sub(w.Now()))
	w.wantOnDuty("in the first", ana)
	w.ask(cleo, "for-ana")
	w.Advance(2 * time.Hour)
	w.wantOnDuty("in the second", ben)
	w.ask(cleo, "for-ben")
	w.Advance(2 * time.Hour)
	w.wantOnDuty("in the third, of the same", ben)
	w.Advance(time.Hour)
	w.wantOnDuty("in the fourth", ana)
	w.out(ana)
	w.wantOnDuty("gone by hand")
	w.Advance(10 * time.Hour)
	w.in(ana)
	w.Advance(20 * time.Hour)
	w.wantOnDuty("after one that was missed", ana)
	w.wantSees(c, map[*access.Principal]string{ana: "early for-ana", ben: "for-ben", cleo: "early for-ana for-ben"})
	a, b := string(ana.User), string(ben.User)
	if got, want := w.duties(), []string{a + "onshift", b + "onshift", a + "offshift", a + "onshift", b + "offshift", a + "off", a + "on"}; !slices.Equal(got, want) {
		t.Errorf("duties %v\nwant %v", got, want)
	}
	shifts, _, err := w.Directory.Shifts(t.Context(), w.Admin, w.role, directory.ShiftFilter{}, "", 10)
	w.Must(err)
	for _, s := range shifts {
		if s.State != parley.ShiftOver {
			t.Errorf("shift %+v", s)
		}
	}
}

func TestShiftsAreRefused(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	w.makeRole(directory.RoleParams{}, ana, ben)
	at := w.Now().Add(time.Hour)
	first, err := w.plan(ana, at, 0, 8)
	w.Must(err)
	_, err = w.plan(ben, at, 4, 12)
	w.Must(err)
	before := len(w.Events(w.Admin, 0))
	for name, c := range map[string]struct {
		p        *access.Principal
		from, to int
		code     string
	}{"overlaps": {ana, 7, 9, "shift-overlaps"}, "no member": {cleo, 20, 21, "member-unknown"}, "backwards": {ana, 30, 29, "out-of-range"},
		"past": {ana, -9, -8, "out-of-range"}, "long": {ana, 30, 2000, "out-of-range"}} {
		_, err := w.plan(c.p, at, c.from, c.to)
		if e := parley.AsError(err); err == nil || e.Kind != parley.KindInvalid || e.Fields[0].Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	single := true
	_, err = w.Directory.UpdateRole(t.Context(), w.Admin, w.role, directory.RolePatch{SingleOwner: &single}, 0)
	w.Refused(err, parley.KindInvalid, "shift-overlaps")
	beta := w.Organization("Beta")
	w.Refused(w.Directory.DeleteShift(t.Context(), beta, w.role, first.ID), parley.KindNotFound, "not-found")
	if after := len(w.Events(w.Admin, 0)); after != before {
		t.Errorf("%d events of what was refused", after-before)
	}
	w.Advance(2 * time.Hour)
	w.wantOnDuty("begun", ana)
	w.Must(w.Directory.DeleteShift(t.Context(), w.Admin, w.role, first.ID))
	w.wantOnDuty("taken back")
	w.Must(w.Directory.RemoveRoleMember(t.Context(), w.Admin, w.role, ben.User))
	w.Advance(4 * time.Hour)
	w.wantOnDuty("of no member")
	now, err := w.plan(ana, w.Now(), -1, 1)
	w.Must(err)
	if now.State != parley.ShiftBegun {
		t.Errorf("a shift whose time has come is %s", now.State)
	}
	w.wantOnDuty("begun at once", ana)
}
