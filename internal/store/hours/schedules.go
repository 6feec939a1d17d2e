// Package hours has the tables of what goes by the time of day: when organizations are open, and what follows from it. Its
// functions take the queries or the transaction of the store.
package hours

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func encodeSchedule(s *parley.Schedule) (weekly, exceptions string, err error) {
	if weekly, err = store.EncodeJSON(s.Weekly); err != nil {
		return "", "", err
	}
	exceptions, err = store.EncodeJSON(s.Exceptions)
	return weekly, exceptions, err
}

// flag is a truth as it is stored.
func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

// InsertSchedule adds a schedule. One that is the default takes the place of another that was.
func InsertSchedule(tx *store.Tx, organization parley.ID, s *parley.Schedule) error {
	tx.MustHave(organization)
	s.CreatedAt, s.Rev = tx.Now, 1
	weekly, exceptions, err := encodeSchedule(s)
	if err != nil {
		return err
	}
	if err := replaceDefault(tx, organization, s); err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO schedules (organization_id, id, name, time_zone, weekly, exceptions, standard, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)`,
		string(organization), string(s.ID), s.Name, s.TimeZone, weekly, exceptions, flag(s.Default), store.Millis(s.CreatedAt))
	return err
}

func replaceDefault(tx *store.Tx, organization parley.ID, s *parley.Schedule) error {
	if !s.Default {
		return nil
	}
	_, err := tx.Conn().Exec("UPDATE schedules SET standard = 0, rev = rev + 1 WHERE organization_id = $1 AND standard = 1 AND id <> $2",
		string(organization), string(s.ID))
	return err
}

// UpdateSchedule writes what can be changed of a schedule, and raises the revision.
func UpdateSchedule(tx *store.Tx, organization parley.ID, s *parley.Schedule) error {
	tx.MustHave(organization)
	weekly, exceptions, err := encodeSchedule(s)
	if err != nil {
		return err
	}
	if err := replaceDefault(tx, organization, s); err != nil {
		return err
	}
	err = tx.Conn().Row(`UPDATE schedules SET name = $1, time_zone = $2, weekly = $3, exceptions = $4, standard = $5, rev = rev + 1
		WHERE organization_id = $6 AND id = $7 RETURNING rev`,
		[]any{s.Name, s.TimeZone, weekly, exceptions, flag(s.Default), string(organization), string(s.ID)}, &s.Rev)
	return store.Found(err, "schedule", s.ID)
}

// DeleteSchedule deletes a schedule.
func DeleteSchedule(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM schedules WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("schedule", id)
	}
	return err
}

func schedules(q store.Queries, where string, args ...any) ([]parley.Schedule, error) {
	var all []parley.Schedule
	err := q.Conn().Query("SELECT s.id, s.name, s.time_zone, s.weekly, s.exceptions, s.standard, s.rev, s.created_at FROM schedules AS s WHERE "+where,
		args, func(r *sql.Rows) error {
			var s parley.Schedule
			var weekly, exceptions string
			var standard, created int64
			if err := r.Scan(&s.ID, &s.Name, &s.TimeZone, &weekly, &exceptions, &standard, &s.Rev, &created); err != nil {
				return err
			}
			s.Default, s.CreatedAt = standard == 1, store.Moment(created)
			if err := store.DecodeJSON(weekly, &s.Weekly); err != nil {
				return err
			}
			err := store.DecodeJSON(exceptions, &s.Exceptions)
			all = append(all, s)
			return err
		})
	return all, err
}

// Schedule returns a schedule.
func Schedule(q store.Queries, organization, id parley.ID) (parley.Schedule, error) {
	all, err := schedules(q, "s.organization_id = $1 AND s.id = $2", string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = parley.NotFound("schedule", id)
	}
	if err != nil {
		return parley.Schedule{}, err
	}
	return all[0], nil
}

// Schedules returns up to limit schedules with ids after one; next is where to go on, empty at the end.
func Schedules(q store.Queries, organization, after parley.ID, limit int) (all []parley.Schedule, next parley.ID, err error) {
	all, err = schedules(q, "s.organization_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3", string(organization), string(after), limit+1)
	if err == nil && len(all) > limit {
		all = all[:limit]
		next = all[limit-1].ID
	}
	return all, next, err
}

// CountSchedules returns how many schedules there are.
func CountSchedules(q store.Queries, organization parley.ID) (n int, err error) {
	err = q.Conn().Row("SELECT count(*) FROM schedules WHERE organization_id = $1", []any{string(organization)}, &n)
	return n, err
}
