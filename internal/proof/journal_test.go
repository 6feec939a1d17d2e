package proof

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// journal is what clients asked and were told, and when, for porcupine to find an order in which all of it is right.
type journal struct {
	began time.Time
	mu    sync.Mutex
	calls []porcupine.Operation
}

func newJournal() *journal { return &journal{began: time.Now()} }

// never is when a call ends that got no answer: what it asks for may happen at any time, or not at all.
const never = math.MaxInt64

// note makes a call and writes it down. An answer that is nil did not come.
func (j *journal) note(asked any, call func() any) {
	from := time.Since(j.began)
	told := call()
	to := time.Since(j.began)
	if told == nil {
		to = never
	}
	j.add(asked, from, told, to)
}

func (j *journal) add(asked any, from time.Duration, told any, to time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, porcupine.Operation{Input: asked, Call: int64(from), Output: told, Return: int64(to)})
}

// forget leaves out calls that got no answer.
func (j *journal) forget(which func(asked any) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = slices.DeleteFunc(j.calls, func(c porcupine.Operation) bool { return c.Return == never && which(c.Input) })
}

// judge looks for the order, and says so where there is none.
func (j *journal) judge(t *testing.T, f *findings, what string, model porcupine.Model) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	open := 0
	for _, c := range j.calls {
		if c.Return == never {
			open++
		}
	}
	began := time.Now()
	verdict, info := porcupine.CheckOperationsVerbose(model, j.calls, time.Minute)
	t.Logf("%s: %d calls, %d of them without an answer, judged %s in %s", what, len(j.calls), open, verdict, time.Since(began).Round(time.Millisecond))
	if verdict != porcupine.Ok {
		f.add("%s: %s: %s", what, verdict, stuck(j.calls, model, &info))
	}
}

// stuck tells the first call of a partition that none of the orders that porcupine tried has a place for.
func stuck(calls []porcupine.Operation, model porcupine.Model, info *porcupine.LinearizationInfo) string {
	placed := info.PartialLinearizationsOperations()
	for n, part := range model.Partition(calls) {
		longest := 0
		for _, order := range placed[n] {
			longest = max(longest, len(order))
		}
		if longest == len(part) {
			continue
		}
		slices.SortStableFunc(part, func(a, b porcupine.Operation) int { return int(a.Return - b.Return) })
		for _, c := range part {
			if !slices.ContainsFunc(placed[n], func(order []porcupine.Operation) bool {
				return slices.ContainsFunc(order, func(o porcupine.Operation) bool { return o.Call == c.Call && o.Input == c.Input })
			}) {
				return fmt.Sprintf("of %d calls %d have an order, and no order has %+v → %+v", len(part), longest, c.Input, c.Output)
			}
		}
		return fmt.Sprintf("of %d calls %d have an order", len(part), longest)
	}
	return "no order of all"
}

// partition divides calls by what they are about.
func partition[K comparable](of func(asked any) K) func([]porcupine.Operation) [][]porcupine.Operation {
	return func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		places := map[K]int{}
		for _, c := range all {
			k := of(c.Input)
			n, known := places[k]
			if !known {
				n = len(parts)
				places[k] = n
				parts = append(parts, nil)
			}
			parts[n] = append(parts[n], c)
		}
		return parts
	}
}

// Calls about a conversation. What they are told: of a post its number, of a look what is seen.
type (
	post struct{ conversation, reference string }
	look struct {
		conversation, at string
		after            int64 // of the events: how many messages the reader knows, which it does not ask for again
		limit            int   // of the thread: how many messages are shown at most
	}
	// seen is messages in their order. They end with the newest, unless there is more.
	seen struct {
		last  int64 // the number of the newest
		lines []line
		more  bool
	}
	line struct {
		number    int64
		reference string
	}
)

// timeline is a conversation's messages: the newest, and those before it.
type timeline struct {
	before *timeline
	line
	sum uint64 // of all references
}

func (t *timeline) last() int64 {
	if t == nil {
		return 0
	}
	return t.number
}

func (t *timeline) add(reference string) *timeline {
	next := &timeline{before: t, line: line{t.last() + 1, reference}, sum: 14695981039346656037}
	if t != nil {
		next.sum = t.sum
	}
	for _, c := range []byte(reference + "\n") {
		next.sum = (next.sum ^ uint64(c)) * 1099511628211
	}
	return next
}

func (t *timeline) equal(other *timeline) bool {
	return t == other || t != nil && other != nil && t.number == other.number && t.sum == other.sum
}

// shows reports whether somebody who looks now may be shown this.
func (t *timeline) shows(asked look, told seen) bool {
	if told.more && told.last <= t.last() {
		for t.last() > told.last {
			t = t.before
		}
	}
	want := map[string]int64{"events": told.last - asked.after, "thread": min(told.last, int64(asked.limit))}[asked.at]
	if told.last != t.last() || int64(len(told.lines)) != want {
		return false
	}
	for _, l := range slices.Backward(told.lines) {
		if t.line != l {
			return false
		}
		t = t.before
	}
	return true
}

// timelines says what calls about conversations may be told, each of which is a list that posts are added to: one moment for
// its thread, its number of messages, and the event log, whoever is asked.
var timelines = porcupine.Model{
	Partition: partition(func(asked any) string {
		if p, ok := asked.(post); ok {
			return p.conversation
		}
		return asked.(look).conversation
	}),
	Init: func() any { return (*timeline)(nil) },
	Step: func(state, asked, told any) (bool, any) {
		t := state.(*timeline)
		switch asked := asked.(type) {
		case post:
			next := t.add(asked.reference)
			return told == nil || told == next.number, next
		default:
			return t.shows(asked.(look), told.(seen)), t
		}
	},
	Equal: func(a, b any) bool { return a.(*timeline).equal(b.(*timeline)) },
	Hash: func(state any) uint64 {
		if t := state.(*timeline); t != nil {
			return t.sum
		}
		return 0
	},
}

// Calls with an idempotency key: a send, and a search for what has the reference of the key.
type (
	twin struct {
		key  string
		find bool
	}
	made struct {
		id       string // of the message; empty where a search finds none
		replayed bool
	}
)

// unseen is the message of a key that somebody made who was not told of it.
const unseen = "?"

// keys says what calls with idempotency keys may be told: the first makes a message, and all after it are told of that.
var keys = porcupine.Model{
	Partition: partition(func(asked any) string { return asked.(twin).key }),
	Init:      func() any { return "" },
	Step: func(state, asked, told any) (bool, any) {
		has := state.(string)
		answer, answered := told.(made)
		switch {
		case !answered && has == "":
			return true, unseen
		case !answered:
			return true, has
		case asked.(twin).find:
			return answer.id == has || has == unseen && answer.id != "", answer.id
		case has == "":
			return !answer.replayed, answer.id
		}
		return answer.replayed && (has == unseen || has == answer.id), answer.id
	},
}

// TestJudge: the judge finds the order of calls that have one, and that others have none.
func TestJudge(t *testing.T) {
	a, b := line{1, "a"}, line{2, "b"}
	thread := look{conversation: "c", at: "thread", limit: 9}
	call := func(asked any, from int64, told any, to int64) porcupine.Operation {
		return porcupine.Operation{Input: asked, Call: from, Output: told, Return: to}
	}
	postA, postB := call(post{"c", "a"}, 0, int64(1), 10), call(post{"c", "b"}, 5, int64(2), 20)
	sent, lost := call(twin{key: "k"}, 0, made{id: "m"}, 10), call(twin{key: "k"}, 0, nil, never)
	for what, c := range map[string]struct {
		model porcupine.Model
		right bool
		calls []porcupine.Operation
	}{
		"two posts and who looks":    {timelines, true, []porcupine.Operation{postA, postB, call(thread, 6, seen{last: 1, lines: []line{a}}, 30)}},
		"the same number twice":      {timelines, false, []porcupine.Operation{postA, call(post{"c", "b"}, 5, int64(1), 20)}},
		"a number left out":          {timelines, false, []porcupine.Operation{postA, call(post{"c", "b"}, 5, int64(3), 20)}},
		"a look that is late":        {timelines, false, []porcupine.Operation{postA, postB, call(thread, 21, seen{last: 1, lines: []line{a}}, 30)}},
		"another order":              {timelines, false, []porcupine.Operation{postA, postB, call(thread, 21, seen{2, []line{{1, "b"}, {2, "a"}}, false}, 30)}},
		"a post that nobody told of": {timelines, true, []porcupine.Operation{call(post{"c", "a"}, 0, nil, never), call(post{"c", "b"}, 50, int64(2), 60)}},
		"the end of the log":         {timelines, true, []porcupine.Operation{postA, postB, call(look{"c", "events", 1, 0}, 21, seen{2, []line{b}, false}, 30)}},
		"an event left out":          {timelines, false, []porcupine.Operation{postA, postB, call(look{"c", "events", 0, 0}, 21, seen{2, []line{b}, false}, 30)}},
		"half of the log":            {timelines, true, []porcupine.Operation{postA, postB, call(look{"c", "events", 0, 0}, 21, seen{1, []line{a}, true}, 30)}},
		"half of it as all":          {timelines, false, []porcupine.Operation{postA, postB, call(look{"c", "events", 0, 0}, 21, seen{1, []line{a}, false}, 30)}},
		"twins":                      {keys, true, []porcupine.Operation{sent, call(twin{key: "k"}, 2, made{"m", true}, 5)}},
		"a replay of nothing":        {keys, false, []porcupine.Operation{sent, call(twin{key: "k"}, 2, made{"n", true}, 5)}},
		"two messages":               {keys, false, []porcupine.Operation{sent, call(twin{key: "k"}, 2, made{"n", false}, 5)}},
		"made twice":                 {keys, false, []porcupine.Operation{sent, call(twin{key: "k"}, 2, made{"m", false}, 5)}},
		"a twin that nobody told of": {keys, true, []porcupine.Operation{lost, call(twin{key: "k"}, 2, made{"n", true}, 5), call(twin{"k", true}, 6, made{id: "n"}, 7)}},
		"one that came to nothing":   {keys, true, []porcupine.Operation{lost, call(twin{key: "k"}, 2, made{"n", false}, 5)}},
		"not to be found":            {keys, false, []porcupine.Operation{sent, call(twin{"k", true}, 11, made{}, 12)}},
	} {
		var f findings
		j := &journal{calls: c.calls}
		if j.judge(t, &f, what, c.model); f.count() == 0 != c.right {
			t.Errorf("%s: %q", what, f.texts)
		}
	}
}
