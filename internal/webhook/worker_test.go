package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const minute = 400 * time.Millisecond // what a minute lasts here

// world is an organization with a worker, and a receiver of what it posts.
type world struct {
	*coretest.World
	webhooks *webhooks.Webhooks
	worker   *webhook.Worker
	url      string

	mu     sync.Mutex
	got    []string // bodies
	at     []time.Time
	answer func(body string) int
}

// newWorld makes a world whose format has two posts of each team that is made.
func newWorld(t *testing.T, change func(*webhooks.Format)) *world {
	w := &world{World: coretest.New(t), answer: func(string) int { return http.StatusOK }}
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: true, MaxRedirects: -1})
	w.Must(err)
	t.Cleanup(client.Close)
	s := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(s.Close)
	w.url = s.URL
	w.webhooks = webhooks.New(webhooks.Options{Store: w.Store, Log: w.Core.Log, Authenticator: w.Auth, Guard: client.Guard()})
	f := webhooks.Format{Name: "test", Events: []parley.EventType{parley.EventTeamCreated}, Render: render, Header: func(*parley.Webhook, parley.PostKey, []byte) http.Header { return nil },
		Timeout: time.Second, Retries: []time.Duration{time.Minute, time.Hour}}
	change(&f)
	w.webhooks.Use(f)
	w.worker = webhook.New(webhook.Options{Webhooks: w.webhooks, Client: client, Minute: minute})
	return w
}

// run has the worker work until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.worker.Run(ctx)
	}()
	w.T.Cleanup(func() {
		cancel()
		<-done
	})
}

func render(_ context.Context, _ *access.Principal, events []eventlog.Detail) ([][]webhooks.Rendered, error) {
	list := make([][]webhooks.Rendered, len(events))
	for i := range events {
		for part := range 2 {
			list[i] = append(list[i], webhooks.Rendered{Part: part, Kind: "team", Body: fmt.Appendf(nil, "%d.%d", events[i].Sequence, part)})
		}
	}
	return list, nil
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.got, w.at = append(w.got, string(body)), append(w.at, time.Now())
	answer := w.answer
	w.mu.Unlock()
	out.WriteHeader(answer(string(body)))
}

func (w *world) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

func (w *world) register() parley.Webhook {
	w.T.Helper()
	made, _, err := w.webhooks.Create(w.T.Context(), w.Admin, webhooks.Params{Format: "test", Name: "n", URL: w.url}, nil)
	w.Must(err)
	return made
}

// teams makes teams, and returns what is posted of them.
func (w *world) teams(n int) (want []string) {
	w.T.Helper()
	for range n {
		_, _, err := w.Directory.CreateTeam(w.T.Context(), w.Admin, directory.TeamParams{Name: "team"}, nil)
		w.Must(err)
		oldest, latest, err := w.Core.EventRange(w.T.Context(), w.Admin)
		w.Must(err)
		page, err := w.Core.Events(w.T.Context(), w.Admin, eventlog.Filter{After: max(oldest-1, latest-3), Types: []parley.EventType{parley.EventTeamCreated}}, 10)
		w.Must(err)
		sequence := strconv.FormatInt(page.Events[len(page.Events)-1].Sequence, 10)
		want = append(want, sequence+".0", sequence+".1")
	}
	return want
}

func (w *world) until(what string, is func() bool) {
	w.T.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.T.Fatalf("%s: there are %q", what, w.bodies())
		}
	}
}

// An endpoint gets so many posts a minute, in order; the others wait, and none is dropped.
func TestPostsPerMinute(t *testing.T) {
	const most = 6
	w := newWorld(t, func(f *webhooks.Format) { f.PerMinute = most })
	w.register()
	want := w.teams(10)
	w.run()
	w.until("all", func() bool { return len(w.bodies()) == len(want) })
	if got := w.bodies(); !slices.Equal(got, want) {
		t.Errorf("they came as %q, want %q", got, want)
	}
	count := map[time.Time]int{}
	for _, at := range w.at {
		count[at.Truncate(minute)]++
	}
	for window, n := range count {
		if n > most {
			t.Errorf("%d in the minute of %s", n, window)
		}
	}
}

// What failed is tried again a few at a time, and each as often as its format says.
func TestRetriesOfAnEndpoint(t *testing.T) {
	w := newWorld(t, func(*webhooks.Format) {})
	var now, most atomic.Int64
	w.answer = func(string) int {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(2 * time.Millisecond)
		return http.StatusInternalServerError
	}
	endpoint := w.register()
	want := w.teams(20)
	w.run()
	posts := func() (list []webhooks.Outgoing) {
		list, _, err := w.webhooks.Posts(t.Context(), w.Admin, "test", endpoint.ID, time.Time{}, time.Time{}, parley.PostKey{}, 100)
		w.Must(err)
		return list
	}
	all := func(attempts int, state parley.PostState) func() bool {
		return func() bool {
			list := posts()
			_, err := w.worker.Retry(t.Context())
			w.Must(err)
			return len(list) == len(want) && !slices.ContainsFunc(list, func(p webhooks.Outgoing) bool {
				underWay := p.State == parley.PostWaiting && !p.NextAt.After(p.TriedAt)
				return p.Attempts != attempts || p.State != state || underWay
			})
		}
	}
	w.until("the first attempts", all(1, parley.PostWaiting))
	if got := w.bodies(); !slices.Equal(got, want) || most.Load() != 1 {
		t.Errorf("they came as %q, %d at once", got, most.Load())
	}
	w.Advance(67 * time.Second)
	w.until("the second attempts", all(2, parley.PostWaiting))
	if most.Load() > 4 {
		t.Errorf("%d at once", most.Load())
	}
	w.Advance(50 * time.Minute)
	time.Sleep(50 * time.Millisecond)
	if !all(2, parley.PostWaiting)() {
		t.Error("they are tried too soon")
	}
	w.Advance(17 * time.Minute)
	w.until("the last attempts", all(3, parley.PostFailed))
	w.Advance(30 * 24 * time.Hour)
	if n, err := w.worker.Retry(t.Context()); n != 0 || err != nil || len(w.bodies()) != 3*len(want) {
		t.Errorf("there is more to do for %d, %v", n, err)
	}
	w.Must(w.webhooks.Sweep(t.Context(), w.Admin.Organization))
	if list := posts(); len(list) != 0 {
		t.Errorf("%d are known for ever", len(list))
	}
}

// An endpoint that was paused for longer than events are kept goes on with the oldest that there is.
func TestPausedForLong(t *testing.T) {
	w := newWorld(t, func(*webhooks.Format) {})
	endpoint := w.register()
	pause := func(paused bool) {
		_, err := w.webhooks.Pause(t.Context(), w.Admin, "test", endpoint.ID, paused, nil)
		w.Must(err)
	}
	pause(true)
	w.teams(3)
	w.Advance(time.Hour)
	w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
		_, err := tx.DropEvents(w.Admin.Organization, store.Millis(tx.Now.Add(-time.Minute)), 1000)
		return err
	}))
	want := w.teams(2)
	pause(false)
	w.run()
	w.until("what is kept", func() bool { return len(w.bodies()) >= len(want) })
	if got := w.bodies(); !slices.Equal(got, want) {
		t.Errorf("they came as %q, want %q", got, want)
	}
}

// What is not posted costs little: the place is not written each time.
func TestQuietEndpoint(t *testing.T) {
	w := newWorld(t, func(*webhooks.Format) {})
	endpoint := w.register()
	w.run()
	w.teams(1)
	w.until("the first", func() bool {
		list, _, err := w.webhooks.Posts(t.Context(), w.Admin, "test", endpoint.ID, time.Time{}, time.Time{}, parley.PostKey{}, 10)
		w.Must(err)
		return len(list) == 2
	})
	var writes atomic.Int64
	w.Before("UPDATE webhook_places SET through", func() { writes.Add(1) })
	for range 30 {
		_, _, err := w.Directory.CreateUser(t.Context(), w.Admin, directory.UserParams{Name: "u"}, nil)
		w.Must(err)
	}
	time.Sleep(100 * time.Millisecond)
	if writes.Load() != 0 {
		t.Error("the place of an endpoint is written for what is not posted")
	}
}
