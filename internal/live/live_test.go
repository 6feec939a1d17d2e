package live_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/parley"
)

func TestStreamShowsWhatItsReaderSees(t *testing.T) {
	s := newServer(t, live.Options{})
	users := s.Users(s.Admin, "ana", "ben", "cleo")
	for i, name := range []string{"ana", "ben", "cleo"} {
		s.people[name] = users[i]
	}
	admin, ana, ben, cleo := s.open("as=admin"), s.open("as=ana"), s.open("as=ben"), s.open("as=cleo")
	s.Say(users[0], core.To{User: users[1].User}, "to ben")
	s.Say(users[0], core.To{User: users[2].User}, "to cleo")
	s.Say(users[2], core.To{User: users[1].User}, "from cleo")
	for name, test := range map[string]struct {
		r    *reader
		want []string
	}{
		"admin": {admin, []string{"to ben", "to cleo", "from cleo"}},
		"ana":   {ana, []string{"to ben", "to cleo"}},
		"ben":   {ben, []string{"to ben", "from cleo"}},
		"cleo":  {cleo, []string{"to cleo", "from cleo"}},
	} {
		if got := test.r.until(test.want[len(test.want)-1]); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestStreamFilters(t *testing.T) {
	s := newServer(t, live.Options{})
	users := s.Users(s.Admin, "ana", "ben", "cleo")
	first := s.Say(users[0], core.To{User: users[1].User}, "one")
	one, kind := s.open("as=admin&conversation="+string(first.Conversation)), s.open("as=admin&type=message.created")
	s.Say(users[0], core.To{User: users[2].User}, "elsewhere")
	s.Say(users[0], core.To{User: users[1].User}, "two")
	if got := one.until("two"); !slices.Equal(got, []string{"two"}) {
		t.Errorf("of one conversation: %v", got)
	}
	for range 2 {
		if b := kind.event(); !strings.HasPrefix(b.data, "message.created") {
			t.Errorf("of one type: %+v", b)
		}
	}
}

// Whoever comes again goes on exactly, wherever it was and whatever happens meanwhile.
func TestStreamResumesExactly(t *testing.T) {
	s := newServer(t, live.Options{Pace: time.Millisecond})
	users := s.Users(s.Admin, "ana", "ben")
	const n = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			s.Say(users[0], core.To{User: users[1].User}, strconv.Itoa(i))
		}
	}()
	var got []string
	last, after := int64(0), "-1"
	for len(got) < n {
		r := s.open("as=admin&after=" + after)
		for range 7 {
			b := r.event()
			sequence, _ := strconv.ParseInt(b.id, 10, 64)
			if sequence != last+1 {
				t.Fatalf("after event %d came %d", last, sequence)
			}
			last, after = sequence, b.id
			if text, ok := strings.CutPrefix(b.data, "message.created "); ok {
				got = append(got, text)
			}
			if len(got) == n {
				break
			}
		}
		r.close()
	}
	<-done
	for i, text := range got {
		if text != strconv.Itoa(i) {
			t.Fatalf("message %d is %s", i, text)
		}
	}
}

// A reader that takes nothing for a while delays nobody, and gets everything once it reads.
func TestSlowReader(t *testing.T) {
	s := newServer(t, live.Options{})
	users := s.Users(s.Admin, "ana", "ben")
	narrow := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		return c, err
	}}
	defer narrow.CloseIdleConnections()
	answer, err := (&http.Client{Transport: narrow}).Get(s.url + "/?as=admin&type=message.created")
	s.Must(err)
	slow := &reader{t: t, body: answer.Body, blocks: make(chan block, 10_000)}
	defer slow.close()
	fast := s.open("as=admin&type=message.created")
	const n, stuck = 400, 70 // what fits nowhere on the way to the reader, and more than waits for it here
	long := strings.Repeat("x", 90_000)
	var want []string
	for i := range n {
		text := fmt.Sprint(i)
		if i < stuck {
			text += long
		}
		want = append(want, text)
		s.Say(users[0], core.To{User: users[1].User}, text)
	}
	if got := fast.until(want[n-1]); !slices.Equal(got, want) {
		t.Errorf("the fast reader got %d of %d", len(got), n)
	}
	go slow.read()
	if got := slow.until(want[n-1]); !slices.Equal(got, want) {
		t.Errorf("the slow reader got %d of %d", len(got), n)
	}
}

func TestStreamTellsHowFarItIs(t *testing.T) {
	s := newServer(t, live.Options{Quiet: 50 * time.Millisecond, Pace: time.Millisecond})
	users := s.Users(s.Admin, "ana", "ben")
	r := s.open("as=admin&type=contact.created")
	s.Say(users[0], core.To{User: users[1].User}, "unseen")
	events := s.Events(s.Admin, 0)
	want := strconv.FormatInt(events[len(events)-1].Sequence, 10)
	for b := r.next(); b.id != want; b = r.next() {
		if b.data != "" || b.id == "" && b.comment == "" {
			t.Fatalf("%+v", b)
		}
	}
	if b := r.next(); b.comment == "" || b.id != "" {
		t.Errorf("without news: %+v", b)
	}
}

func TestStreamEndsWithTheKey(t *testing.T) {
	s := newServer(t, live.Options{Quiet: 20 * time.Millisecond})
	s.refused = parley.NotFound("key", "k")
	if r := s.open("as=admin"); !r.ended() {
		t.Error("the stream goes on")
	}
}

// A key that was revoked gets no more pages of the log, however far behind its reader is.
func TestReplayEndsWithTheKey(t *testing.T) {
	s := newServer(t, live.Options{})
	for range 250 {
		s.User(s.Admin, "somebody")
	}
	s.refused = parley.NotFound("key", "k")
	r := s.open("as=admin&after=0")
	got := 0
	for b := range r.blocks {
		if b.data != "" {
			got++
		}
	}
	if got > 200 {
		t.Errorf("it got %d events", got)
	}
}

func TestStreamEndsWithTheServer(t *testing.T) {
	s := newServer(t, live.Options{})
	r := s.open("as=admin")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	s.Must(s.web.Stop(ctx)) // an error where a stream had to be cut
	if !r.ended() {
		t.Error("the stream goes on")
	}
}

// Events that do not wait in memory are read from the log, in their place.
func TestBurstThatDoesNotFit(t *testing.T) {
	s := newServer(t, live.Options{Pace: 150 * time.Millisecond, MaxPending: 5})
	users := s.Users(s.Admin, "ana", "ben")
	r := s.open("as=admin")
	var want []string
	for i := range 60 {
		want = append(want, strconv.Itoa(i))
		s.Say(users[0], core.To{User: users[1].User}, want[i])
	}
	if got := r.until("59"); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestCursorThatIsNoLongerKept(t *testing.T) {
	s := newServer(t, live.Options{MaxBehind: 10})
	for range 12 {
		s.User(s.Admin, "somebody")
	}
	events := s.Events(s.Admin, 0)
	latest := events[len(events)-1].Sequence
	for after, want := range map[int64]int{-1: 410, 0: 410, latest - 11: 410, latest - 10: 200, latest: 200, latest + 1: 422} {
		r, status, text := s.try(fmt.Sprintf("as=admin&after=%d", after))
		if status != want {
			t.Errorf("after %d: %d, want %d", after, status, want)
		}
		if status == 410 && !strings.Contains(text, fmt.Sprintf(`"latest":%d`, latest)) {
			t.Errorf("after %d: %s", after, text)
		}
		if r != nil {
			r.close()
		}
	}
}

// Whatever is said about how far a log is, its readers get what is in it.
func TestWhatOthersSayOfALogNeedNotBeTrue(t *testing.T) {
	s := newServer(t, live.Options{Pace: time.Millisecond})
	users := s.Users(s.Admin, "ana", "ben")
	r := s.open("as=admin")
	var want []string
	for i, latest := range []int64{1 << 40, math.MaxInt64, -1, 0, math.MinInt64, 1 << 50} {
		s.hub.Advanced(s.Admin.Organization, latest)
		s.hub.Advanced("unknown", latest)
		want = append(want, strconv.Itoa(i))
		time.Sleep(5 * time.Millisecond) // the hub has looked
		s.Say(users[0], core.To{User: users[1].User}, want[i])
	}
	if got := r.until(want[len(want)-1]); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
