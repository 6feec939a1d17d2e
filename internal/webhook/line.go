package webhook

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

// line is an endpoint on its way through the log: one post after another.
type line struct {
	w     *Worker
	again bool // it is to look at the log once more
	runs  bool

	at    webhooks.Place
	saved int64     // how far the store knows that it is
	wrote time.Time // when it was told
	until time.Time // when others may post to it
}

const (
	// writeTime is how long writing may take when the server stops.
	writeTime = 3 * time.Second
	// fresh is for how long content is posted after it was read: what is erased is soon not posted any more.
	fresh = time.Second
	// skipped is after how many events of which nothing is posted the place is written, and rest after how long.
	skipped = 500
	rest    = 5 * time.Second
	// never is the pause of a line that has nothing to do.
	never = -1
)

// holds reports whether the endpoint is its own for long enough to post once and to write it.
func (l *line) holds() bool { return time.Until(l.until) > lease/2 }

// run posts until the line is at the end of the log.
func (l *line) run() {
	for !l.w.left(l) {
		for pause := time.Duration(0); pause != never && sleep(l.w.stop, pause); {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(l.w.stop), 4*lease)
			var err error
			pause, err = l.round(ctx)
			cancel()
			if err != nil {
				l.until, pause = time.Time{}, trouble
				l.w.Log.Error("posting to an endpoint", "organization", l.at.Organization, "endpoint", l.at.Webhook, "error", err)
			}
		}
	}
	if l.w.stop.Err() != nil && l.holds() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.w.stop), writeTime)
		defer cancel()
		_ = l.w.Webhooks.Release(ctx, l.at, l.w.name) // or it is free when the lease ends
	}
}

// round posts what comes next, and says how long to wait until there may be more.
func (l *line) round(ctx context.Context) (pause time.Duration, err error) {
	if !l.holds() {
		began := time.Now()
		at, found, err := l.w.Webhooks.Hold(ctx, l.at, l.w.name, lease)
		if err != nil || !found {
			l.until = time.Time{}
			return never, err
		}
		l.at, l.saved, l.until = at, at.Through, began.Add(lease)
	}
	b, err := l.w.Webhooks.Next(ctx, l.at)
	if err != nil || b == nil {
		return never, err
	}
	posts, through, pause := l.post(ctx, b)
	l.at.Through = through
	if past := through - l.saved; len(posts) > 0 || past >= skipped || past > 0 && time.Since(l.wrote) > rest {
		began := time.Now()
		moved, err := l.w.Webhooks.Advance(ctx, l.w.name, l.saved, l.at, posts, lease)
		if err != nil || !moved {
			l.until = time.Time{}
			return never, err
		}
		l.saved, l.wrote, l.until = through, began, began.Add(lease)
	}
	if pause == 0 && through == b.Through && b.End {
		return never, nil
	}
	return pause, nil
}

// post makes the posts of a batch, in order, as long as their content is fresh and the endpoint is its own. It says up to which
// event it came, and how long the next has to wait.
func (l *line) post(ctx context.Context, b *webhooks.Batch) (posts []parley.Post, through int64, pause time.Duration) {
	began := time.Now()
	for i := range b.Posts {
		p := &b.Posts[i]
		if i == 0 || p.Sequence != b.Posts[i-1].Sequence {
			pause = l.room(b.Format.PerMinute)
			if pause > 0 || l.w.stop.Err() != nil || i > 0 && time.Since(began) > fresh || !l.holds() {
				return posts, p.Sequence - 1, pause
			}
		}
		l.at.Count++
		status, code := l.w.send(ctx, &b.Webhook, &b.Format, p)
		l.w.Webhooks.Tried(ctx, b, &p.Post, l.at.Organization, status, code)
		posts = append(posts, p.Post)
	}
	return posts, b.Through, 0
}

// room is how long an endpoint has to wait that gets so many posts a minute.
func (l *line) room(perMinute int) time.Duration {
	now := time.Now()
	window := now.Truncate(l.w.Minute)
	if !l.at.Window.Equal(window) {
		l.at.Window, l.at.Count = window, 0
	}
	if perMinute == 0 || l.at.Count < perMinute {
		return 0
	}
	return window.Add(l.w.Minute).Sub(now)
}

// send posts once, and returns the status of the answer and a code: empty where the post was taken.
func (w *Worker) send(ctx context.Context, endpoint *parley.Webhook, f *webhooks.Format, p *webhooks.Outgoing) (status int, code string) {
	header := f.Header(endpoint, p.PostKey, p.Body)
	answer, err := w.Client.Do(ctx, connector.Call{Method: http.MethodPost, URL: endpoint.URL, Header: header, Body: p.Body, Timeout: f.Timeout})
	taken := answer.Status >= 200 && answer.Status <= 299 // whatever became of the rest of the answer
	w.Posted(taken)
	if taken {
		return answer.Status, ""
	}
	if e, ok := errors.AsType[*connector.Error](err); ok {
		return answer.Status, e.Code
	}
	return answer.Status, "no-answer"
}
