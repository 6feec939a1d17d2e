package live

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// Commits are told of in any order, and those of other nodes not at all: readers get every event once, in order.
func TestFeedIsInOrder(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	w.Say(users[0], core.To{User: users[1].User}, "the conversation is there")
	before := w.Events(w.Admin, 0)
	last := before[len(before)-1].Sequence
	f := newFeed(&Options{Log: w.Log, Errors: slog.New(slog.DiscardHandler),
		Encode: func(to []byte, _ *eventlog.Detail, _ *parley.Message) []byte { return to }}, w.Admin.Organization, last)
	s := newSubscriber(w.Admin, eventlog.Filter{})
	f.join(s)
	events := map[string]parley.Event{}
	for _, step := range []struct{ committed, told string }{
		{"a b", "b"},       // a is another node's, or told of later
		{"c d", "a d"},     // which is now, and c is another node's
		{"e f g", "e g f"}, // in the wrong order
		{"h i j k", "h k"}, // two of other nodes between
		{"l m n o", "o n"},
		{"p", "l m p"},
	} {
		for _, name := range step.committed {
			if name != ' ' {
				w.Say(users[0], core.To{User: users[1].User}, string(name))
				events[string(name)] = w.Events(w.Admin, last)[0]
				last++
			}
		}
		var batch []parley.Event
		for _, name := range step.told {
			if name != ' ' {
				batch = append(batch, events[string(name)])
			}
		}
		from := f.next
		f.complete(t.Context(), batch, last)
		queue, _, _ := s.take()
		var got, want []int64
		for _, e := range queue {
			got = append(got, e.sequence)
		}
		for sequence := from; sequence <= last; sequence++ {
			want = append(want, sequence)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q committed, %q told: the reader gets %v, not %v", step.committed, step.told, got, want)
		}
	}
}
