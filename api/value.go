package api

import (
	"errors"
	"fmt"
	"time"
)

// Time is an instant as the API writes it: RFC 3339, UTC, milliseconds. The zero Time is JSON null.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

// NewTime returns t as the API writes it: in UTC, cut to milliseconds. The zero time stays zero.
func NewTime(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// MarshalJSON writes the time as a string, or null when it is zero. Years beyond 9999 are an error.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	u := t.UTC()
	if y := u.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("api: year %d has no RFC 3339 form", y)
	}
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = u.AppendFormat(b, timeLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON reads an RFC 3339 string of any offset and precision; null gives the zero Time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*t = Time{}
		return nil
	}
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return errors.New("api: a time must be a string in RFC 3339 form")
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}

// MarshalText writes the time in the form of the API; the zero Time is empty.
func (t Time) MarshalText() ([]byte, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UTC().AppendFormat(nil, timeLayout), nil
}

// UnmarshalText reads RFC 3339 of any offset and precision; empty text gives the zero Time.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Time{}
		return nil
	}
	var u time.Time
	if err := u.UnmarshalText(text); err != nil {
		return errors.New("api: a time must be in RFC 3339 form, such as 2031-05-17T09:30:00.000Z")
	}
	*t = NewTime(u)
	return nil
}

// ActorKind says who or what an Actor is.
type ActorKind string

// The kinds of actors.
const (
	ActorUser         ActorKind = "user"
	ActorContact      ActorKind = "contact"
	ActorAddress      ActorKind = "address" // a bare address that identifies nobody
	ActorTeam         ActorKind = "team"
	ActorRole         ActorKind = "role"
	ActorOrganization ActorKind = "organization"
	ActorSystem       ActorKind = "system"
)

// Actor is who wrote, received or did something.
type Actor struct {
	Kind ActorKind `json:"kind" enum:"user,contact,address,team,role,organization,system" doc:"Who or what it is."`
	ID   string    `json:"id,omitempty" doc:"Its id; of an address, the address as kind:value. System has none."`
	Name string    `json:"name,omitempty" doc:"What people call it."`
}

// Reference names a thing by id, with its name for people.
type Reference struct {
	ID   string `json:"id" doc:"The id."`
	Name string `json:"name" doc:"What people call it."`
}
