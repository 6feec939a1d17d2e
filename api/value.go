package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
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

// PartKind is a kind of body part.
type PartKind string

// The kinds of body parts.
const (
	PartText     PartKind = "text"
	PartHTML     PartKind = "html"
	PartLocation PartKind = "location"
)

// Part is a piece of a body.
type Part struct {
	Kind      PartKind `json:"kind" enum:"text,html,location" doc:"What the part is; text and html have text, location has latitude and longitude."`
	Text      string   `json:"text,omitempty" doc:"The text or the HTML."`
	Latitude  *float64 `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"Of a location: degrees north."`
	Longitude *float64 `json:"longitude,omitempty" minimum:"-180" maximum:"180" doc:"Of a location: degrees east."`
	Label     string   `json:"label,omitempty" maxLength:"1000" doc:"Of a location: what people call it."`
}

// Body is the content of a message: its parts in order. In JSON it is an array of parts; a string stands for
// one text part, and is accepted wherever a body is.
type Body []Part

// Text is a body of one text part.
func Text(text string) Body { return Body{{Kind: PartText, Text: text}} }

// HTML is an HTML part.
func HTML(html string) Part { return Part{Kind: PartHTML, Text: html} }

// Location is a location part: degrees north and east, and a label, which may be empty.
func Location(latitude, longitude float64, label string) Part {
	return Part{Kind: PartLocation, Latitude: &latitude, Longitude: &longitude, Label: label}
}

// UnmarshalJSON reads a string or an array of parts.
func (b *Body) UnmarshalJSON(data []byte) error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) > 0 && data[0] == '"' {
		if plain, ok := unescaped(data); ok {
			*b = Text(plain)
			return nil
		}
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*b = Text(text)
		return nil
	}
	var parts []Part
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("api: a body must be a string or an array of parts: %w", err)
	}
	*b = parts
	return nil
}

// unescaped returns the text of a JSON string in which nothing is escaped, without decoding it once more.
func unescaped(quoted []byte) (string, bool) {
	quoted = bytes.TrimRight(quoted, " \t\r\n")
	if len(quoted) < 2 || quoted[len(quoted)-1] != '"' {
		return "", false
	}
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '"' || c == '\\' || c < ' ' {
			return "", false
		}
	}
	return string(inner), utf8.Valid(inner)
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
