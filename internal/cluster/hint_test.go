package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

func TestHintsComeBackAsTheyWere(t *testing.T) {
	var hints []Hint
	for i := range 2*mostLines + 10 {
		hints = append(hints, Hint{Organization: parley.NewID(time.Now()), Latest: int64(i) + 1, Access: i%2 == 0, Setup: i%3 == 0})
	}
	messages := encode(hints)
	if len(messages) != 3 {
		t.Errorf("%d messages", len(messages))
	}
	var got []Hint
	for _, m := range messages {
		if len(m) > 64<<10 {
			t.Errorf("a message has %d bytes", len(m))
		}
		got = slices.AppendSeq(got, decode(m))
	}
	if !slices.Equal(got, hints) {
		t.Errorf("%d of %d came back", len(got), len(hints))
	}
	if got := encode(nil); got != nil {
		t.Errorf("nothing is %q", got)
	}
}

func TestDecodeLeavesOutWhatIsNoHint(t *testing.T) {
	id := string(parley.NewID(time.Now()))
	h := Hint{Organization: parley.ID(id), Latest: 7}
	for message, want := range map[string][]Hint{
		"":                                  nil,
		"\n\n \n":                           nil,
		id:                                  nil,
		id + " ":                            nil,
		id + " 7":                           {h},
		id + " 7\r\n" + id + " 7\n":         {h, h},
		id + " 0\n" + id + " -1\n":          nil,
		id + " 9223372036854775808\n":       nil,
		id + " 7.5\n" + id + " x\n":         nil,
		"7 " + id + "\n" + id + "x 7\n":     nil,
		strings.ToUpper(id) + " 7\n":        nil,
		"{\"organization\": \"x\"}\x00\xff": nil,
		"x\n" + id + " 7 later than now\n":  {h},
		id + " 7 access setup access\n":     {{Organization: h.Organization, Latest: 7, Access: true, Setup: true}},
	} {
		if got := slices.Collect(decode([]byte(message))); !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", message, got, want)
		}
	}
}

// FuzzDecode: whatever comes, what is taken for hints could have been sent, and comes back the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("d9qlrnr24te1mvcl5pq0 12 access setup\nd9qlrnr24te1mvcl5pq0 13\n"))
	f.Add([]byte("d9qlrnr24te1mvcl5pq0 99999999999999999999\n\x00\xff\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		got := slices.Collect(decode(message))
		for _, h := range got {
			if !h.Organization.Valid() || h.Latest < 1 {
				t.Errorf("%q has %+v", message, h)
			}
		}
		var again []Hint
		for _, m := range encode(got) {
			again = slices.AppendSeq(again, decode(m))
		}
		if !slices.Equal(again, got) {
			t.Errorf("%+v came back as %+v", got, again)
		}
	})
}

func TestOutboxSaysAllAtOnce(t *testing.T) {
	b := newOutbox()
	one, two := parley.NewID(time.Now()), parley.NewID(time.Now())
	b.add(Hint{Organization: one, Latest: 3, Access: true})
	b.add(Hint{Organization: two, Latest: 1})
	b.add(Hint{Organization: one, Latest: 5, Setup: true})
	b.add(Hint{Organization: one, Latest: 4})
	got := b.take()
	slices.SortFunc(got, func(a, b Hint) int { return int(b.Latest - a.Latest) })
	if want := []Hint{{one, 5, true, true}, {two, 1, false, false}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := b.take(); len(got) > 0 {
		t.Errorf("%+v are left", got)
	}
	for range mostWaiting + 10 {
		b.add(Hint{Organization: parley.NewID(time.Now()), Latest: 1})
	}
	if got := b.take(); len(got) != mostWaiting {
		t.Errorf("%d wait", len(got))
	}
}

func TestPauses(t *testing.T) {
	for tried := range 100 {
		if p := pause(tried); p < firstPause/2 || p > mostPause {
			t.Errorf("%d: %v", tried, p)
		}
	}
}
