package native_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// stream opens a stream and returns its answer, which ends with the test.
func (w *world) stream(t *testing.T, token, query string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// A stream ends when its key does, not some time later, and shows nothing from then on.
func TestStreamEndsWhenItsKeyExpires(t *testing.T) {
	w := newWorld(t)
	w.sms(t)
	ctx := t.Context()
	expiry := time.Now().Add(500 * time.Millisecond).Truncate(time.Millisecond)
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "short", ExpiresAt: api.NewTime(expiry), Scopes: []string{"events:read", "messages:read", "conversations:read"}}))
	answer := w.stream(t, key.Secret, "?type=message.created")
	must[*api.Message](t)(w.admin.Send(ctx, toPhone("before")))
	busy, stop := context.WithCancel(ctx)
	sent := make(chan struct{})
	go func() { // events come all the time, so that the end is not that of a quiet moment
		defer close(sent)
		for busy.Err() == nil {
			_, _ = w.admin.Send(busy, toPhone("while")) // fails at the end
			time.Sleep(5 * time.Millisecond)
		}
	}()
	noticed := make(chan time.Time, 1) // when a timer here fires: on a busy machine all are late
	time.AfterFunc(time.Until(expiry), func() { noticed <- time.Now() })
	text, err := io.ReadAll(answer.Body)
	ended := time.Now()
	stop()
	<-sent
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"before"`) {
		t.Errorf("%d %v %.300s", answer.StatusCode, err, text)
	}
	if late := ended.Sub(<-noticed); ended.Before(expiry) || late > 2*time.Second {
		t.Errorf("the stream ended %v after its key, %v after this was noticed here", ended.Sub(expiry), late)
	}
	blocks := strings.Split(strings.TrimSpace(string(text)), "data: ")
	var last api.Event
	if err := json.NewDecoder(strings.NewReader(blocks[len(blocks)-1])).Decode(&last); err != nil || last.Time.After(expiry) {
		t.Errorf("the last event is of %v, after %v: %v", last.Time, expiry, err)
	}
	again := w.stream(t, key.Secret, "")
	if again.StatusCode != http.StatusUnauthorized {
		t.Errorf("the next stream: %d", again.StatusCode)
	}
}

// A cursor whose events are gone, and on a stream one that is too far behind, is told where the log begins and ends.
func TestGap(t *testing.T) {
	w := newWorld(t)
	organization := w.principal(t).Organization
	write := func(unit func(tx *store.Tx) error) {
		t.Helper()
		if err := w.store.Write(t.Context(), organization, unit); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx *store.Tx) error {
		for range 100_005 {
			tx.Emit(organization, parley.Event{Type: parley.EventUserUpdated, Subject: "x"})
		}
		return nil
	})
	latest := w.latest(t)
	for _, c := range []struct {
		after  int64
		status int
	}{{latest - 100_000, 200}, {latest - 100_001, 410}} {
		for _, ask := range []func() *http.Response{
			func() *http.Response { return w.stream(t, w.token, "?after="+strconv.FormatInt(c.after, 10)) },
			func() *http.Response {
				return w.stream(t, w.token, "", "Last-Event-ID", strconv.FormatInt(c.after, 10))
			},
		} {
			answer := ask()
			if answer.StatusCode != c.status {
				t.Errorf("%d behind: %d", latest-c.after, answer.StatusCode)
			} else if c.status == http.StatusGone {
				wantGap(t, answer, 1, latest)
			}
			answer.Body.Close()
		}
	}
	page := must[*api.EventPage](t)(w.admin.ListEvents(t.Context(), api.EventFilter{After: api.AfterEvent(latest - 100_001), Limit: 1}))
	if len(page.Data) != 1 {
		t.Errorf("a page has no bound of that kind: %+v", page)
	}

	write(func(tx *store.Tx) error {
		_, err := tx.DropEvents(organization, time.Now().Add(time.Hour).UnixMilli(), 3)
		return err
	})
	oldest, latest, err := w.core.EventRange(t.Context(), w.principal(t))
	if err != nil || oldest < 3 {
		t.Fatal(oldest, err)
	}
	wantGap(t, w.stream(t, w.token, "?after="+strconv.FormatInt(oldest-2, 10)), oldest, latest)
	if kept := w.stream(t, w.token, "?after=latest"); kept.StatusCode != http.StatusOK {
		t.Errorf("after the latest: %d", kept.StatusCode)
	}
	_, err = w.admin.ListEvents(t.Context(), api.EventFilter{After: api.AfterEvent(oldest - 2)})
	wantProblem(t, err, 410, "cursor-expired", "")
}

func wantGap(t *testing.T, answer *http.Response, oldest, latest int64) {
	t.Helper()
	var p struct {
		Code           string
		Oldest, Latest int64
		RequestID      string
	}
	err := json.NewDecoder(answer.Body).Decode(&p)
	if err != nil || answer.StatusCode != http.StatusGone || p.Code != "cursor-expired" || p.Oldest != oldest || p.Latest != latest ||
		p.RequestID == "" || p.RequestID != answer.Header.Get("X-Request-Id") || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v %+v %v, want %d to %d", answer.StatusCode, answer.Header, p, err, oldest, latest)
	}
}
