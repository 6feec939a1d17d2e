// Package wire turns what the core gives into what the native API answers, and back.
package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

func stamp(t time.Time) api.Time { return api.NewTime(t) }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// Seconds is a length of time that a request names.
func Seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// IDs are ids that a request names.
func IDs(texts []string) []parley.ID {
	if texts == nil {
		return nil
	}
	ids := make([]parley.ID, len(texts))
	for i, text := range texts {
		ids[i] = parley.ID(text)
	}
	return ids
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// Each renders the entries of a list.
func Each[D, W any](entries []D, render func(*D) W) []W {
	out := make([]W, len(entries))
	for i := range entries {
		out[i] = render(&entries[i])
	}
	return out
}

// filled is a map that is always there in JSON.
func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func filledList(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// address is kind:value, or nothing.
func address(a parley.Address) string {
	if a.Value == "" {
		return ""
	}
	return a.String()
}

func actor(a parley.Actor, at parley.Address) api.Actor {
	out := api.Actor{Kind: api.ActorKind(a.Kind), ID: string(a.ID), Name: a.Name}
	if a.Kind == parley.ActorAddress && out.ID == "" {
		out.ID = address(at)
	}
	return out
}

// DeliveryID names a delivery.
func DeliveryID(message parley.ID, number int) string {
	if number == 0 {
		return ""
	}
	return string(message) + "." + strconv.Itoa(number)
}

// Optional is a choice that a filter makes with "true" or "false".
func Optional(text string) *bool {
	if text == "" {
		return nil
	}
	return new(text == "true")
}

// Convert changes the type of what a pointer points to.
func Convert[To, From ~string](value *From) *To {
	if value == nil {
		return nil
	}
	return new(To(*value))
}

// OptionalSeconds is a length of time that a patch may name.
func OptionalSeconds(n *int64) *time.Duration {
	if n == nil {
		return nil
	}
	return new(Seconds(*n))
}

// MemberCursor is a place in the members of a list.
func MemberCursor(m parley.BroadcastMember) string {
	if m.ID == "" {
		return ""
	}
	return string(m.Kind) + ":" + string(m.ID)
}

// ReadMemberCursor undoes MemberCursor.
func ReadMemberCursor(text string) (parley.BroadcastMember, error) {
	if text == "" {
		return parley.BroadcastMember{}, nil
	}
	kind, id, found := strings.Cut(text, ":")
	if m := (parley.BroadcastMember{Kind: parley.ActorKind(kind), ID: parley.ID(id)}); found && (m.Kind == parley.ActorUser || m.Kind == parley.ActorContact) {
		return m, nil
	}
	return parley.BroadcastMember{}, parley.Invalid("after", "cursor-invalid", "must be the next of a page of this list")
}

// TimeOfDay is minutes since midnight as hh:mm.
func TimeOfDay(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// Minutes reads hh:mm, up to 24:00; -1 is none.
func Minutes(text string) int {
	if len(text) != 5 || text[2] != ':' {
		return -1
	}
	for i, c := range text {
		if i != 2 && (c < '0' || c > '9') {
			return -1
		}
	}
	hour, minute := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	if minute > 59 {
		return -1
	}
	return hour*60 + minute
}

// WeekdayOf reads a day of the week in lower case; -1 is none.
func WeekdayOf(name string) time.Weekday {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if Weekday(day) == name {
			return day
		}
	}
	return -1
}

// Weekday is a day of the week in lower case.
func Weekday(day time.Weekday) string { return strings.ToLower(day.String()) }
