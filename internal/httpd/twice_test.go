package httpd

import "testing"

func TestTwice(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":{"a":[{"a":1},{"a":2}]},"c":"a"}`: "",
		`{"a":1,"a":2}`:                     "a",
		`{"a":1,"b":2,"\u0061":3}`:          "a",
		`{"a":{"b":{},"b":[]}}`:             "a.b",
		`{"a":[[],{"b":{"x":1},"b":null}]}`: "a[1].b",
		`[{"a":1},{"c":[],"c":1}]`:          "[1].c",
		`{"":1,"":2,"a":1}`:                 "",
		`{"A":1,"a":2}`:                     "",
		`{"a":1,"a`:                         "",
		`x`:                                 "",
		``:                                  "",
		`["a","a"] "a"`:                     "",
	} {
		if got := Twice([]byte(text)); got != want {
			t.Errorf("of %s %q is there twice, want %q", text, got, want)
		}
	}
}
