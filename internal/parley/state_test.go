package parley

import (
	"slices"
	"strings"
	"testing"
)

// news are the columns of the table of transitions.
var news = []struct {
	name string
	News
}{
	{"queued", News{State: Queued}},
	{"sent", News{State: Sent}},
	{"delivered", News{State: Delivered}},
	{"read", News{State: Read}},
	{"refused", News{State: Failed, Phase: PhaseHandoff}},
	{"forbidden", News{State: Failed, Phase: PhasePolicy}},
	{"bounced", News{State: Failed, Phase: PhaseDelivery}},
	{"bounced*", News{State: Failed, Phase: PhaseDelivery, AcceptedOnly: true}}, // delivered only meant accepted
	{"expired", News{State: Expired}},
	{"skipped", News{State: Skipped}},
	{"canceled", News{State: Canceled}},
	{"unknown", News{State: Unknown}},
}

// TestTransitions: which news move a delivery on from each state. Whatever is not named changes nothing, and so
// the same news twice.
func TestTransitions(t *testing.T) {
	table := map[DeliveryState]string{
		Queued:    "sent delivered read refused forbidden bounced bounced* expired skipped canceled unknown",
		Sent:      "delivered read bounced bounced*",
		Delivered: "read bounced*",
		Read:      "",
		Failed:    "delivered read",
		Expired:   "delivered read",
		Skipped:   "",
		Canceled:  "",
		Unknown:   "sent delivered read bounced bounced*",
	}
	if len(table) != len(DeliveryStates) {
		t.Fatalf("the table has %d states, there are %d", len(table), len(DeliveryStates))
	}
	for _, from := range DeliveryStates {
		moves := strings.Fields(table[from])
		for _, n := range news {
			if got, want := from.Moves(n.News), slices.Contains(moves, n.name); got != want {
				t.Errorf("%s on %s: moves %v, want %v", from, n.name, got, want)
			}
		}
	}
}

// TestTransitionsEnd: no news, in whatever order and however often, moves a delivery for ever, nor back to queued.
func TestTransitionsEnd(t *testing.T) {
	var walk func(from DeliveryState, path []DeliveryState)
	walk = func(from DeliveryState, path []DeliveryState) {
		if len(path) > len(DeliveryStates) {
			t.Fatalf("moves without end: %v", path)
		}
		for _, n := range news {
			if !from.Moves(n.News) || from == Delivered && n.AcceptedOnly {
				continue // a provider whose delivered means accepted may say both for ever
			}
			if n.State == Queued {
				t.Errorf("%s moves back to queued", from)
			}
			walk(n.State, append(path, n.State))
		}
	}
	walk(Queued, nil)
}

func TestFinal(t *testing.T) {
	for _, s := range append([]DeliveryState{Scheduled}, DeliveryStates...) {
		if got, want := s.Final(), s != Queued && s != Scheduled; got != want {
			t.Errorf("%s: final %v", s, got)
		}
	}
}

func TestOverall(t *testing.T) {
	for _, test := range []struct {
		states []DeliveryState
		want   MessageState
	}{
		{nil, ""},
		{[]DeliveryState{Read, Sent, Delivered, Queued, Failed}, Queued},
		{[]DeliveryState{Read, Sent, Delivered, Failed}, Sent},
		{[]DeliveryState{Read, Delivered, Canceled}, Delivered},
		{[]DeliveryState{Read, Failed, Unknown}, Read},
		{[]DeliveryState{Canceled, Skipped, Expired, Unknown, Failed}, Failed},
		{[]DeliveryState{Canceled, Skipped, Expired, Unknown}, Unknown},
		{[]DeliveryState{Canceled, Skipped, Expired}, Expired},
		{[]DeliveryState{Canceled, Skipped}, Skipped},
		{[]DeliveryState{Canceled}, Canceled},
	} {
		counts := map[DeliveryState]int{}
		for _, s := range test.states {
			counts[s]++
		}
		if got := Overall(counts); got != test.want {
			t.Errorf("%v: %q, want %q", test.states, got, test.want)
		}
	}
}
