package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written "25MiB".
type Size int64

var units = []struct {
	name string
	size Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// UnmarshalText reads a whole number, with or without a unit.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		number, ok := strings.CutSuffix(string(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 || Size(n) > (1<<62)/unit.size {
			break
		}
		*s = Size(n) * unit.size
		return nil
	}
	return fmt.Errorf("%q must be a number of bytes, such as 65536, 64KiB, 25MiB or 1GiB", text)
}

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for _, unit := range units {
		if s >= unit.size && s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Duration is a time span, written "90s", "1h30m" or "30d".
type Duration time.Duration

const (
	minute = Duration(time.Minute)
	hour   = Duration(time.Hour)
	day    = 24 * hour
)

// UnmarshalText reads whole days, or what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	if number, ok := strings.CutSuffix(string(text), "d"); ok {
		if days, err := strconv.ParseInt(number, 10, 64); err == nil && days >= 0 && days <= 36500 {
			*d = Duration(days) * day
			return nil
		}
	} else if span, err := time.ParseDuration(string(text)); err == nil && span >= 0 {
		*d = Duration(span)
		return nil
	}
	return fmt.Errorf("%q must be a time span, such as 90s, 15m, 24h or 30d", text)
}

// String writes whole days from two up as days, else as hours, minutes and seconds without empty ones.
func (d Duration) String() string {
	if d >= 2*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
