package app_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/pgtest"
)

// rehearsal is a test organization on a server.
type rehearsal struct {
	*api.Client
	server *app.App
	t      *testing.T
	sms    string // a sandbox channel
	start  time.Time
}

// alone starts a server by itself.
func alone(t *testing.T, change ...func(*config.Config)) (*app.App, *api.Client) {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, false
	c.Database = pgtest.Chosen(t, c.Data)
	for _, f := range change {
		f(&c)
	}
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}}))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, clientOf(t, a, must[string](t)(a.Administrator(t.Context(), "Alpha")))
}

func clientOf(t *testing.T, a *app.App, token string) *api.Client {
	t.Helper()
	c := must[*api.Client](t)(api.New(a.URL(), token, api.WithRetry(api.Retry{})))
	t.Cleanup(c.Close)
	return c
}

// rehearse makes a test organization, whose clock stands.
func rehearse(t *testing.T, a *app.App, operator *api.Client) *rehearsal {
	t.Helper()
	ctx := t.Context()
	made := must[*api.NewOrganization](t)(operator.CreateOrganization(ctx, api.OrganizationRequest{Name: "Rehearsal", Test: true}))
	if !made.Organization.Test {
		t.Errorf("made %+v", made.Organization)
	}
	r := &rehearsal{server: a, t: t, Client: clientOf(t, a, made.Key.Secret)}
	frozen := true
	clock := must[*api.Clock](t)(r.MoveClock(ctx, api.ClockMove{Frozen: &frozen}))
	if !clock.Frozen || !clock.Target.IsZero() || time.Since(clock.Now.Time).Abs() > 10*time.Second {
		t.Errorf("the clock: %+v", clock)
	}
	r.start = clock.Now.Time
	r.sms = must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Text messages", Connector: "sandbox", Platform: "sms", Default: true,
		Settings: []byte(`{"delay":90000}`)})).ID
	return r
}

// advance moves the clock.
func (r *rehearsal) advance(by time.Duration) {
	r.t.Helper()
	before := must[*api.Clock](r.t)(r.GetClock(r.t.Context()))
	clock := must[*api.Clock](r.t)(r.AdvanceClock(r.t.Context(), by))
	if !clock.Now.Equal(before.Now.Add(by)) || clock.Waiting != 0 || !clock.Frozen {
		r.t.Fatalf("moved by %s from %+v, it is %+v", by, before, clock)
	}
}

// after says what happened how long after the clock stood first.
func (r *rehearsal) after(what string, at api.Time, want time.Duration) {
	r.t.Helper()
	if got := at.Sub(r.start); got != want {
		r.t.Errorf("%s %s after the start, want %s", what, got, want)
	}
}

func (r *rehearsal) say(to string, change func(*api.SendRequest)) *api.Message {
	r.t.Helper()
	s := api.SendRequest{To: api.Recipient{Address: to}, Body: api.Text("Good morning")}
	if change != nil {
		change(&s)
	}
	return must[*api.Message](r.t)(r.Send(r.t.Context(), s))
}

func (r *rehearsal) delivery(m *api.Message) api.Delivery {
	r.t.Helper()
	return must[*api.List[api.Delivery]](r.t)(r.ListDeliveries(r.t.Context(), m.ID, api.Page{})).Data[0]
}

// times are those of the events of a type about a message or conversation.
func (r *rehearsal) times(kind api.EventType, id string) (times []api.Time) {
	r.t.Helper()
	for e, err := range r.Events(r.t.Context(), api.EventFilter{Types: []string{string(kind)}}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Data.MessageID == id || e.Data.ConversationID == id {
			times = append(times, e.Time)
		}
	}
	return times
}

// Everything that waits in a test organization happens in its order at its time while the clock is moved, and it is told in that time.
func TestClock(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	rehearseMessages(t, r, r)
}

// rehearseMessages moves the clock in one client and looks in another.
func rehearseMessages(t *testing.T, r, other *rehearsal) {
	ctx := t.Context()
	slow := r.say("phone:+15550100003", nil)
	retried := r.say("phone:+15550100002", nil)
	short := r.say("phone:+15550100000", func(s *api.SendRequest) { s.TTL = 600 })
	late := r.say("phone:+15550100000", func(s *api.SendRequest) { s.SendAt = api.NewTime(r.start.Add(time.Hour)) })
	r.after("sent", slow.SentAt, 0)
	until := api.NewTime(r.start.Add(20 * time.Minute))
	must[*api.Conversation](t)(other.PatchConversation(ctx, slow.ConversationID, api.ConversationPatch{Status: api.ConversationSnoozed, SnoozedUntil: until}))

	r.advance(59 * time.Minute)
	d := other.delivery(slow)
	r.after("slow: sent", d.SentAt, 0)
	r.after("slow: delivered", d.DeliveredAt, 90*time.Second)
	r.after("slow: read", d.ReadAt, 180*time.Second)
	if d = other.delivery(retried); d.Status != api.Read {
		t.Errorf("retried: %+v", d)
	}
	attempts := must[*api.List[api.Attempt]](t)(other.ListAttempts(ctx, retried.ID, api.Page{})).Data
	if len(attempts) != 3 || !attempts[2].StartedAt.Equal(d.SentAt.Time) || attempts[1].StartedAt.Sub(attempts[0].StartedAt.Time) < 500*time.Millisecond {
		t.Errorf("attempts: %+v", attempts)
	}
	if m := must[*api.Message](t)(other.GetMessage(ctx, short.ID)); m.Removed == nil || m.Removed.Reason != api.RemovedExpired || m.Text != "" {
		t.Errorf("the short-lived: %+v", m)
	}
	r.after("removed", r.times(api.EventMessageRemoved, short.ID)[0], 10*time.Minute)
	woken := r.times(api.EventConversationUpdated, slow.ConversationID)
	r.after("woken", woken[len(woken)-1], 20*time.Minute)
	if m := must[*api.Message](t)(other.GetMessage(ctx, late.ID)); m.Status != api.Scheduled {
		t.Errorf("the scheduled: %+v", m)
	}

	r.advance(2 * time.Minute)
	m := must[*api.Message](t)(other.GetMessage(ctx, late.ID))
	r.after("sent at its time", m.SentAt, time.Hour)
	if m.Status != api.Read {
		t.Errorf("the scheduled: %+v", m)
	}
	last := time.Time{}
	for e, err := range other.Events(ctx, api.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Time.Before(last) && e.Type != "user.created" && e.Type != "key.created" {
			t.Errorf("%s is at %s, before %s", e.Type, e.Time, last)
		}
		last = e.Time.Time
	}
}

// Idempotency-Keys are kept for 24 hours of the organization's time; another organization's clock is the server's.
func TestClockOfOneOrganization(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	say := func() *api.Message {
		return must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100000"}, Body: api.Text("once")}, api.IdempotencyKey("k")))
	}
	first := say()
	r.advance(23 * time.Hour)
	if again := say(); again.ID != first.ID {
		t.Errorf("within a day: %+v", again)
	}
	user := must[*api.User](t)(operator.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	at := api.NewTime(time.Now().Add(time.Hour))
	waits := must[*api.Message](t)(operator.Send(ctx, api.SendRequest{To: api.Recipient{User: user.ID}, Body: api.Text("later"), SendAt: at}))
	r.advance(2 * time.Hour)
	if again := say(); again.ID == first.ID {
		t.Errorf("after a day: %+v", again)
	} else {
		r.after("sent", again.SentAt, 25*time.Hour)
	}
	if m := must[*api.Message](t)(operator.GetMessage(ctx, waits.ID)); m.Status != api.Scheduled || time.Since(m.CreatedAt.Time) > time.Minute {
		t.Errorf("another organization's: %+v", m)
	}

	runs := false
	clock := must[*api.Clock](t)(r.MoveClock(ctx, api.ClockMove{Frozen: &runs}))
	time.Sleep(20 * time.Millisecond)
	if on := must[*api.Clock](t)(r.GetClock(ctx)); clock.Frozen || on.Frozen || !on.Now.After(clock.Now.Time) {
		t.Errorf("it does not go on: %+v, %+v", clock, on)
	}
	soon := r.say("phone:+15550100000", func(s *api.SendRequest) { s.SendAt = api.NewTime(clock.Now.Add(400 * time.Millisecond)) })
	eventually(t, "what is scheduled is sent while the clock goes on", func() bool {
		return must[*api.Message](t)(r.GetMessage(ctx, soon.ID)).Status == api.Read
	})
	day := int64(86400)
	moved := must[*api.Clock](t)(r.MoveClock(ctx, api.ClockMove{By: &day}))
	if moved.Frozen || moved.Now.Sub(clock.Now.Time) < 24*time.Hour || moved.Now.Sub(clock.Now.Time) > 24*time.Hour+time.Minute {
		t.Errorf("moved while it goes on: %+v", moved)
	}
}

// A clock goes forward, and only a test organization has one.
func TestClockRefuses(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	refused := func(c *api.Client, move api.ClockMove, status int, code, field string) {
		t.Helper()
		_, err := c.MoveClock(ctx, move)
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.HTTPStatus != status || e.Code != code && (len(e.Errors) == 0 || e.Errors[0].Code != code) || field != "" && e.Errors[0].Field != field {
			t.Errorf("got %v, want %d %s", err, status, code)
		}
	}
	second, negative := int64(1), int64(-1)
	refused(operator, api.ClockMove{By: &second}, http.StatusConflict, "test-only", "")
	if _, err := operator.GetClock(ctx); err == nil {
		t.Error("an ordinary organization has a clock")
	}
	refused(r.Client, api.ClockMove{To: api.NewTime(r.start.Add(-time.Second))}, http.StatusUnprocessableEntity, "clock-back", "to")
	refused(r.Client, api.ClockMove{To: api.NewTime(r.start.Add(11 * 366 * 24 * time.Hour))}, http.StatusUnprocessableEntity, "out-of-range", "to")
	refused(r.Client, api.ClockMove{By: &second, To: api.NewTime(r.start)}, http.StatusUnprocessableEntity, "not-allowed", "to")
	refused(r.Client, api.ClockMove{By: &negative}, http.StatusUnprocessableEntity, "out-of-range", "by")
	refused(r.Client, api.ClockMove{}, http.StatusUnprocessableEntity, "required", "by")
	if clock := must[*api.Clock](t)(r.GetClock(ctx)); !clock.Now.Equal(r.start) {
		t.Errorf("it moved: %+v", clock)
	}
}

// A clock waits for what is under way, but not for a channel that is paused.
func TestClockWaits(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	paused := true
	must[*api.Channel](t)(r.PatchChannel(ctx, r.sms, api.ChannelPatch{Paused: &paused}))
	m := r.say("phone:+15550100000", func(s *api.SendRequest) { s.Validity = 3600 })
	r.advance(30 * time.Minute)
	if d := r.delivery(m); d.Status != api.Queued {
		t.Errorf("on a paused channel: %+v", d)
	}
	r.advance(time.Hour)
	d := r.delivery(m)
	if d.Status != api.Expired {
		t.Errorf("after its validity: %+v", d)
	}
	r.after("expired", d.EndedAt, time.Hour)
}

// The clock is the same on all nodes, and whichever does the work does it at its time.
func TestClockOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first, second := n.start(func(*config.Config) {}), n.start(func(*config.Config) {})
	r := rehearse(t, first.app, first.Client)
	other := *r
	key := must[*api.Key](t)(r.CreateKey(t.Context(), api.KeyRequest{Name: "other", Scopes: slices.Clone(allScopes(t, r))}))
	other.Client = clientOf(t, second.app, key.Secret)
	rehearseMessages(t, r, &other)
	rehearsed := other.say("phone:+15550100000", nil)
	r.after("sent on the other node", rehearsed.SentAt, 61*time.Minute)
}

// allScopes are those of the rehearsal's own key.
func allScopes(t *testing.T, r *rehearsal) []string {
	t.Helper()
	return must[*api.List[api.Key]](t)(r.ListKeys(t.Context(), api.Page{})).Data[0].Scopes
}
