package api_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

func TestTime(t *testing.T) {
	at := time.Date(2031, 5, 17, 11, 30, 0, 123456789, time.FixedZone("", 7200))
	for name, c := range map[string]struct {
		in   api.Time
		want string
	}{
		"cut to milliseconds": {api.NewTime(at), `"2031-05-17T09:30:00.123Z"`},
		"always three digits": {api.NewTime(at.Truncate(time.Second)), `"2031-05-17T09:30:00.000Z"`},
		"not normalized":      {api.Time{Time: at}, `"2031-05-17T09:30:00.123Z"`},
		"none":                {api.NewTime(time.Time{}), `null`},
	} {
		got, err := json.Marshal(c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, err := json.Marshal(api.NewTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))); err == nil {
		t.Error("the year 10000 was written")
	}
	for text, want := range map[string]string{
		`"2031-05-17T09:30:00Z"`:               "2031-05-17T09:30:00Z",
		`"2031-05-17T11:30:00.123456+02:00"`:   "2031-05-17T09:30:00.123Z",
		`null`:                                 "",
		`""`:                                   "",
		`"2031-05-17"`:                         "error",
		`"tomorrow"`:                           "error",
		`7`:                                    "error",
		`"2031-05-17T09:30:00Z`:                "error",
		`"\u0032031-05-17T09:30:00Z"`:          "error",
		`{"time":"2031-05-17T09:30:00Z"}`:      "error",
		`["2031-05-17T09:30:00Z"]`:             "error",
		`"2031-13-17T09:30:00Z"`:               "error",
		`"2031-05-17T09:30:00.0000000000001Z"`: "2031-05-17T09:30:00Z",
	} {
		var got api.Time
		err := json.Unmarshal([]byte(text), &got)
		switch {
		case want == "error":
			if err == nil {
				t.Errorf("%s was read as %v", text, got)
			}
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case want == "" && !got.IsZero(), want != "" && got.Format(time.RFC3339Nano) != want:
			t.Errorf("%s was read as %v", text, got)
		}
	}
}

func TestBody(t *testing.T) {
	for text, want := range map[string]api.Body{
		`"hi"`:                              api.Text("hi"),
		`""`:                                api.Text(""),
		`"a\nb \u00e9"`:                     api.Text("a\nb é"),
		`[]`:                                {},
		`[{"kind":"text","text":"hi"}]`:     api.Text("hi"),
		`[{"kind":"html","text":"<b>"}]`:    {api.HTML("<b>")},
		`[{"kind":"poll","options":["a"]}]`: {{Kind: "poll"}}, // a kind that this version does not know
		`[{"kind":"location","latitude":0,"longitude":13.4,"label":"Here"}]`: {api.Location(0, 13.4, "Here")},
	} {
		var got struct{ Body api.Body }
		if err := json.Unmarshal([]byte(`{"body":`+text+`}`), &got); err != nil || !reflect.DeepEqual(got.Body, want) {
			t.Errorf("%s was read as %+v, %v", text, got.Body, err)
		}
	}
	for _, text := range []string{`7`, `true`, `{"kind":"text"}`, `["hi"]`, `[[]]`, `[{"kind":1}]`} {
		var got api.Body
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was read as %+v", text, got)
		}
	}
	location, _ := json.Marshal(api.Body{api.Location(0, 0, "")})
	if want := `[{"kind":"location","latitude":0,"longitude":0}]`; string(location) != want {
		t.Errorf("a location is written as %s", location)
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`"hi"`, `[{"kind":"text","text":"hi"}]`, `[{"kind":"location","latitude":0,"longitude":1e1}]`, `null`, ` "a"`, `"\ud800"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var body api.Body
		if json.Unmarshal([]byte(text), &body) != nil {
			return
		}
		written, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		var again api.Body
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(again, body) {
			t.Errorf("%+v was written as %s and read as %+v, %v", body, written, again, err)
		}
	})
}

// What a send leaves out is not written: the server's defaults hold.
func TestSendRequestIsSparse(t *testing.T) {
	got, _ := json.Marshal(api.SendRequest{To: api.Recipient{Address: "email:ana@example.org"}, Body: api.Text("hi")})
	if want := `{"to":{"address":"email:ana@example.org"},"body":[{"kind":"text","text":"hi"}]}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	got, _ = json.Marshal(api.SendRequest{Body: api.Text("hi")})
	if want := `{"body":[{"kind":"text","text":"hi"}]}`; string(got) != want {
		t.Errorf("got %s", got)
	}
}

// A patch tells what is left out from what is made empty.
func TestPatchIsSparse(t *testing.T) {
	empty, none := "", []string{}
	got, _ := json.Marshal(api.ConversationPatch{Title: &empty, Tags: &none, Metadata: map[string]*string{"a": nil}})
	if want := `{"title":"","tags":[],"metadata":{"a":null}}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	got, _ = json.Marshal(api.ConversationPatch{})
	if string(got) != `{}` {
		t.Errorf("got %s", got)
	}
}

func TestProblem(t *testing.T) {
	p := api.Problem{Title: "Gone", Status: 410, Code: "cursor-gone", RequestID: "r",
		Facts: map[string]any{"oldest": 7, "latest": 9, "code": "never"}}
	written, err := json.Marshal(p)
	want := `{"title":"Gone","status":410,"code":"cursor-gone","requestId":"r","latest":9,"oldest":7}`
	if err != nil || string(written) != want {
		t.Errorf("got %s, %v", written, err)
	}
	var read api.Problem
	if err := json.Unmarshal(written, &read); err != nil || read.Code != "cursor-gone" || len(read.Facts) != 2 {
		t.Errorf("got %+v, %v", read, err)
	}
	gap, ok := (&api.Error{Problem: read, HTTPStatus: 410}).Gap()
	if !ok || gap != (api.Gap{Oldest: 7, Latest: 9}) {
		t.Errorf("got %+v, %v", gap, ok)
	}
	if _, ok := (&api.Error{Problem: read, HTTPStatus: 404}).Gap(); ok {
		t.Error("a gap with status 404")
	}
	e := &api.Error{HTTPStatus: 422, Problem: api.Problem{Code: "invalid", Detail: "ttl: must be at least 0", RequestID: "r1",
		Errors: []api.FieldError{{Field: "ttl", Code: "minimum", Message: "must be at least 0"}}}}
	if got, want := e.Error(), "parley: 422 invalid ttl: must be at least 0; ttl: must be at least 0 (request r1)"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAll(t *testing.T) {
	second := "2"
	pages := map[string]*api.List[int]{"": {Data: []int{1, 2}, Next: &second}, "2": {Data: []int{3}}}
	var got []int
	for n, err := range api.All(func(after string) (*api.List[int], error) { return pages[after], nil }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if !reflect.DeepEqual(got, []int{1, 2, 3}) {
		t.Errorf("got %v", got)
	}

	calls := 0
	for range api.All(func(string) (*api.List[int], error) { calls++; return pages[""], nil }) {
		break
	}
	if calls != 1 {
		t.Errorf("%d pages were read for one entry", calls)
	}

	var last error
	for _, err := range api.All(func(after string) (*api.List[int], error) {
		if after == "" {
			return pages[""], nil
		}
		return nil, io.ErrUnexpectedEOF
	}) {
		last = err
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v", last)
	}
}
