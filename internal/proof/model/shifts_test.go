package model

import (
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

// shift is a time for which somebody is to be on duty.
type shift struct {
	id       string
	role     *role
	user     *principal
	from, to time.Time
	gone     bool // taken back
}

// plan plans a shift, that begins at once or later.
func (m *machine) plan() {
	r := m.role()
	s := &shift{role: r, user: one(m, "user", r.members)}
	o := s.user.org
	s.from = o.now.Add(-time.Minute)
	if one(m, "when", []string{"now", "later", "later"}) == "later" {
		s.from = o.moment(m)
	}
	m.number++
	s.to = s.from.Add(one(m, "how long", []time.Duration{30 * time.Minute, 8 * time.Hour, 25 * time.Hour}) + time.Duration(m.number)*time.Second)
	got, err := o.admin.client.CreateShift(background, r.id, api.ShiftRequest{User: s.user.user, StartsAt: api.NewTime(s.from), EndsAt: api.NewTime(s.to)})
	m.log("%s is to be on duty for %s from %s to %s: %v", s.user, r.id, s.from, s.to, err)
	if slices.ContainsFunc(r.shifts, func(other *shift) bool {
		return !other.gone && other.to.After(o.now) && (r.single || other.user == s.user) && other.from.Before(s.to) && s.from.Before(other.to)
	}) {
		m.refused(err, 422, "a shift that overlaps another")
		return
	}
	m.ok(err, "planning a shift")
	s.id = got.ID
	r.shifts = append(r.shifts, s)
	if s.from.After(o.now) {
		o.at(s.from, s.begin)
	} else {
		s.begin()
		o.moving = true
	}
	o.at(s.to, s.end)
}

// begin brings whoever has a shift on duty; who is by hand stays so.
func (s *shift) begin() {
	r := s.role
	if s.gone {
		return
	}
	on := slices.Contains(r.duty, s.user)
	if on && r.by[s.user] == nil {
		return
	}
	r.by[s.user] = s
	if !on {
		r.comes(s.user)
	}
	r.alone(s.user)
}

// end takes whoever came by the shift off duty.
func (s *shift) end() {
	if r := s.role; r.by[s.user] == s {
		delete(r.by, s.user)
		r.goes(s.user)
	}
}

// alone has all others go, where one at a time is on duty.
func (r *role) alone(u *principal) {
	for _, other := range slices.Clone(r.duty) {
		if r.single && other != u {
			r.goes(other)
		}
	}
}

// takeBack takes a shift back. Whom it brought on duty goes off.
func (m *machine) takeBack() {
	r := m.role()
	if len(r.shifts) == 0 {
		m.rapid.Skip("no shift yet")
	}
	s := one(m, "shift", r.shifts)
	o := s.user.org
	err := o.admin.client.DeleteShift(background, r.id, s.id)
	m.log("the shift of %s is taken back: %v", s.user, err)
	if s.gone {
		m.refused(err, 404, "taking a shift back twice")
		return
	}
	m.ok(err, "taking a shift back")
	s.end()
	s.gone = true
	o.moving = true
}
