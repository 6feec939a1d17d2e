package directory

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
)

// Limits of shifts.
const (
	maxShift  = 31 * 24 * time.Hour // its length
	maxShifts = 2000                // of a role that are not over
)

// lastShift is before which a shift begins.
var lastShift = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// ShiftParams is a shift to plan.
type ShiftParams struct {
	User     parley.ID
	StartsAt time.Time
	EndsAt   time.Time
}

func (s *ShiftParams) validate(now time.Time) error {
	var c check
	s.StartsAt, s.EndsAt = s.StartsAt.UTC().Truncate(time.Millisecond), s.EndsAt.UTC().Truncate(time.Millisecond)
	if s.User == "" {
		c.Refuse("user", "required", "must be the id of a member of the role")
	}
	switch {
	case s.StartsAt.IsZero():
		c.Refuse("startsAt", "required", "must be when the shift begins")
	case !s.StartsAt.Before(lastShift):
		c.Refuse("startsAt", "out-of-range", "must be before %s", lastShift.Format(time.RFC3339))
	}
	switch {
	case s.EndsAt.IsZero():
		c.Refuse("endsAt", "required", "must be when the shift ends")
	case !s.EndsAt.After(now):
		c.Refuse("endsAt", "out-of-range", "must be in the future")
	case !s.EndsAt.After(s.StartsAt):
		c.Refuse("endsAt", "out-of-range", "must be after startsAt")
	case s.EndsAt.Sub(s.StartsAt) > maxShift:
		c.Refuse("endsAt", "out-of-range", "must be within %d days of startsAt", int(maxShift/(24*time.Hour)))
	}
	return c.Err()
}

// CreateShift plans a shift, and says whether the request was a repeat. One whose time has come begins at once.
func (d *Directory) CreateShift(ctx context.Context, p *access.Principal, id parley.ID, params ShiftParams, i *access.Idempotency) (parley.Shift, bool, error) {
	if err := p.Require(parley.ScopeRolesWrite); err != nil {
		return parley.Shift{}, false, err
	}
	now := d.now(ctx, p.Organization)
	if err := params.validate(now); err != nil {
		return parley.Shift{}, false, err
	}
	made := parley.Shift{ID: parley.NewID(now), Role: id, User: params.User, StartsAt: params.StartsAt, EndsAt: params.EndsAt}
	var shift parley.Shift
	replay, err := p.Once(ctx, d.store, i, 201, made.ID, func(tx *store.Tx) error {
		role, err := duty.Get(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if _, err := holder(tx, p, &role, "user", params.User); err != nil {
			return asMember(err)
		}
		planned, err := duty.Ahead(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		shift = made
		if err := fitsAmong(&role, &shift, planned); err != nil {
			return err
		}
		if err := duty.InsertShift(tx, p.Organization, &shift); err != nil {
			return err
		}
		emit(tx, p, parley.EventRoleUpdated, id)
		if err := auditShift(tx, p, parley.ActShiftCreated, &shift); err != nil {
			return err
		}
		if err := d.turn(tx, p, &role); err != nil {
			return err
		}
		shift, err = duty.Shift(tx.Queries, p.Organization, id, shift.ID)
		return err
	})
	if err != nil {
		return parley.Shift{}, false, err
	}
	if replay != nil {
		shift, err = duty.Shift(d.store.Read(ctx), p.Organization, id, replay.Resource)
	}
	return shift, replay != nil, err
}

// asMember makes the refusal of somebody who asks for themselves that of anybody.
func asMember(err error) error {
	if parley.IsKind(err, parley.KindForbidden) {
		return parley.Invalid("user", "member-unknown", "must be the id of a member of the role")
	}
	return err
}

// fitsAmong refuses a shift that overlaps another: of the same user, or any where one at a time is on duty.
func fitsAmong(role *parley.Role, s *parley.Shift, planned []parley.Shift) error {
	if len(planned) >= maxShifts {
		return parley.Conflict("shifts-full", "a role has at most %d shifts that are not over", maxShifts)
	}
	for _, other := range planned {
		if (role.SingleOwner || other.User == s.User) && other.StartsAt.Before(s.EndsAt) && s.StartsAt.Before(other.EndsAt) {
			return parley.Invalid("startsAt", "shift-overlaps", "the shift %s of user %s is from %s to %s", other.ID, other.User,
				other.StartsAt.Format(time.RFC3339), other.EndsAt.Format(time.RFC3339))
		}
	}
	return nil
}

// ShiftFilter narrows a list of shifts.
type ShiftFilter struct {
	User parley.ID // empty: all
	From time.Time // those that end after it; zero: all
	To   time.Time // those that begin before it; zero: all
}

// Shifts returns up to limit shifts of a role, in the order in which they begin, after a place that an earlier page gave;
// next is where to go on, empty at the end.
func (d *Directory) Shifts(ctx context.Context, p *access.Principal, id parley.ID, f ShiftFilter, after string, limit int) ([]parley.Shift, string, error) {
	if err := p.Require(parley.ScopeRolesRead); err != nil {
		return nil, "", err
	}
	place, err := parsePlace(after)
	if err != nil {
		return nil, "", err
	}
	if f.From.IsZero() {
		f.From = time.UnixMilli(0)
	}
	if f.To.IsZero() {
		f.To = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	q := d.store.Read(ctx)
	if _, err := duty.Get(q, p.Organization, id); err != nil {
		return nil, "", err
	}
	shifts, err := duty.Shifts(q, p.Organization, id, f.User, f.From, f.To, place, limit+1)
	if err != nil || len(shifts) <= limit {
		return shifts, "", err
	}
	last := shifts[limit-1]
	return shifts[:limit], strconv.FormatInt(last.StartsAt.UnixMilli(), 10) + "." + string(last.ID), nil
}

func parsePlace(after string) (duty.Place, error) {
	if after == "" {
		return duty.Place{}, nil
	}
	ms, id, found := strings.Cut(after, ".")
	at, err := strconv.ParseInt(ms, 10, 64)
	if !found || err != nil {
		return duty.Place{}, parley.Invalid("after", "cursor-invalid", "must be the next of a page of this list")
	}
	return duty.Place{StartsAt: time.UnixMilli(at), ID: parley.ID(id)}, nil
}

// auditShift tells the audit log of a shift that is new, or no more.
func auditShift(tx *store.Tx, p *access.Principal, act parley.Act, s *parley.Shift) error {
	var changes parley.Changes
	note := changes.Made
	if act == parley.ActShiftDeleted {
		note = changes.Gone
	}
	note("shift", string(s.ID))
	note("user", string(s.User))
	note("startsAt", s.StartsAt)
	note("endsAt", s.EndsAt)
	return p.Did(tx, act, s.Role, changes)
}

// DeleteShift takes back a shift. Whom it brought on duty goes off.
func (d *Directory) DeleteShift(ctx context.Context, p *access.Principal, id, shift parley.ID) error {
	_, err := d.changeRole(ctx, p, id, 0, func(tx *store.Tx, role *parley.Role) (bool, error) {
		s, err := duty.Shift(tx.Queries, p.Organization, id, shift)
		if err != nil {
			return false, err
		}
		if err := auditShift(tx, p, parley.ActShiftDeleted, &s); err != nil {
			return false, err
		}
		if err := endShift(tx, p, role, &s); err != nil {
			return false, err
		}
		if err := duty.DeleteShift(tx, p.Organization, shift); err != nil {
			return false, err
		}
		return true, d.turn(tx, p, role)
	})
	return err
}

// TurnShifts begins and ends shifts of up to limit roles whose time has come, and says how many roles there were.
func (d *Directory) TurnShifts(ctx context.Context, limit int) (int, error) {
	return d.store.WriteDue(ctx, duty.JobShift, limit, func(tx *store.Tx, jobs []store.Job) error {
		if err := tx.Done(jobs); err != nil {
			return err
		}
		for _, job := range jobs {
			role, err := duty.Get(tx.Queries, job.Organization, parley.ID(job.Payload))
			if parley.IsKind(err, parley.KindNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if err := d.turn(tx, access.System(job.Organization), &role); err != nil {
				return err
			}
		}
		return nil
	})
}

// turn begins and ends the shifts of a role whose time has come, and schedules the next. Those that begin do so first, so
// that nobody is missing in between. One whose whole time was missed brings nobody.
func (d *Directory) turn(tx *store.Tx, p *access.Principal, role *parley.Role) error {
	shifts, err := duty.Ahead(tx.Queries, p.Organization, role.ID)
	if err != nil {
		return err
	}
	for i := range shifts {
		if s := &shifts[i]; s.State == parley.ShiftPlanned && !s.StartsAt.After(tx.Now) && s.EndsAt.After(tx.Now) {
			if err := beginShift(tx, p, role, s); err != nil {
				return err
			}
		}
	}
	var next time.Time
	for i := range shifts {
		s := &shifts[i]
		due := s.StartsAt
		if !s.EndsAt.After(tx.Now) {
			if err := overShift(tx, p, role, s); err != nil {
				return err
			}
			continue
		}
		if s.State == parley.ShiftBegun {
			due = s.EndsAt
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	if next.IsZero() {
		return nil
	}
	tx.After(d.kick)
	return tx.Schedule(duty.ShiftJob(p.Organization, role.ID, next))
}

// beginShift brings the user of a shift on duty, unless it may not hold the role by now.
func beginShift(tx *store.Tx, p *access.Principal, role *parley.Role, s *parley.Shift) error {
	s.State = parley.ShiftBegun
	if err := duty.SetShift(tx, p.Organization, s); err != nil {
		return err
	}
	user, err := holder(tx, p, role, "user", s.User)
	if parley.IsKind(err, parley.KindInvalid) {
		return nil
	}
	if err != nil {
		return err
	}
	owners, err := duty.Owners(tx.Queries, p.Organization, role.ID)
	if err != nil {
		return err
	}
	shift := s.ID
	for _, o := range owners {
		if o.User == s.User && o.Shift == "" {
			shift = ""
		}
	}
	return comeOn(tx, p, role, user, shift, byShift)
}

// overShift notes that the time of a shift has passed.
func overShift(tx *store.Tx, p *access.Principal, role *parley.Role, s *parley.Shift) error {
	if err := endShift(tx, p, role, s); err != nil {
		return err
	}
	s.State = parley.ShiftOver
	return duty.SetShift(tx, p.Organization, s)
}

// endShift takes off duty whom a shift brought.
func endShift(tx *store.Tx, p *access.Principal, role *parley.Role, s *parley.Shift) error {
	if s.State != parley.ShiftBegun {
		return nil
	}
	owners, err := duty.Owners(tx.Queries, p.Organization, role.ID)
	if err != nil {
		return err
	}
	for _, o := range owners {
		if o.User == s.User && o.Shift == s.ID {
			return goOff(tx, p, role, s.User, byShift)
		}
	}
	return nil
}
