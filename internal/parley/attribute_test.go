package parley

import "testing"

func TestAttributeValues(t *testing.T) {
	for _, test := range []struct {
		kind        AttributeType
		value, want string // "": refused
	}{
		{AttributeString, "anything", "anything"},
		{AttributeNumber, "-12.50", "-12.50"},
		{AttributeNumber, "0", "0"},
		{AttributeNumber, "012", ""},
		{AttributeNumber, "1e3", ""},
		{AttributeNumber, "NaN", ""},
		{AttributeNumber, "", ""},
		{AttributeBoolean, "true", "true"},
		{AttributeBoolean, "True", ""},
		{AttributeDate, "2024-02-29", "2024-02-29"},
		{AttributeDate, "2026-02-29", ""},
		{AttributeDate, "2026-03-01T12:00:00Z", ""},
		{AttributeDateTime, "2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00.000Z"},
		{AttributeDateTime, "2026-03-01", ""},
		{AttributeChoice, "b", "b"},
		{AttributeChoice, "B", ""},
	} {
		a := Attribute{Type: test.kind, Choices: []string{"a", "b"}}
		got, err := a.Normal(test.value)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s %q: got %q, %v, want %q", test.kind, test.value, got, err, test.want)
		}
	}
}
