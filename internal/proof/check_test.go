package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// checkPromises: what was accepted can be read, as it was sent; what was refused is not there.
func checkPromises(ctx context.Context, f *findings, w *world, l *ledger, moment time.Time) {
	promises, refused := l.before(moment)
	stored := map[*organization]map[string]api.Message{}
	references := map[string]bool{}
	var mu sync.Mutex
	var reading sync.WaitGroup
	for _, o := range w.organizations {
		reading.Go(func() {
			all, err := o.messages(ctx, api.MessageFilter{})
			if err != nil {
				f.add("listing messages: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			stored[o] = all
			for _, m := range all {
				references[m.Reference] = true
			}
		})
	}
	reading.Wait()
	for _, p := range promises {
		m, ok := stored[p.organization][p.id]
		if !ok { // the list has what is in a timeline
			found, err := p.organization.admin.GetMessage(ctx, p.id)
			if err != nil {
				f.add("%s: message %s was accepted (%d at %s) and cannot be read: %v", p.reference, p.id, p.status, p.at.Format("05.000"), err)
				continue
			}
			m = *found
		}
		p.compare(f, &m)
	}
	for _, e := range refused {
		if references[e.reference] {
			f.add("%s: refused, and stored", e.reference)
		}
	}
}

// messages reads all messages that fit a filter, by id.
func (o *organization) messages(ctx context.Context, filter api.MessageFilter) (map[string]api.Message, error) {
	filter.Limit = 200
	all := map[string]api.Message{}
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		filter.After = after
		return o.admin.ListMessages(ctx, filter)
	}) {
		if err != nil {
			return all, err
		}
		all[m.ID] = m
	}
	return all, nil
}

// compare compares a message with what was promised.
func (p *promise) compare(f *findings, m *api.Message) {
	mayBeGone := p.request.TTL > 0 || p.recalled.asked
	switch {
	case m.ConversationID != p.conversation:
		f.add("%s: message %s is in conversation %s, not %s", p.reference, m.ID, m.ConversationID, p.conversation)
	case p.inbound == nil && m.Removed == nil && m.Reference != p.reference:
		f.add("%s: message %s has the reference %q", p.reference, m.ID, m.Reference)
	case m.Removed != nil && !mayBeGone:
		f.add("%s: the content of message %s is gone: %+v", p.reference, m.ID, m.Removed)
	case m.Removed == nil && m.Text != p.text:
		f.add("%s: message %s says %q, not %q", p.reference, m.ID, m.Text, p.text)
	case m.Removed == nil && len(m.Attachments) != len(p.request.Attachments):
		f.add("%s: message %s has %d attachments", p.reference, m.ID, len(m.Attachments))
	case p.recall.accepted() && m.Removed == nil:
		f.add("%s: message %s was recalled, and is there", p.reference, m.ID)
	case p.cancel.accepted() && m.Status != api.Canceled:
		f.add("%s: message %s was canceled, and is %s", p.reference, m.ID, m.Status)
	}
}

// checkFiles: what was uploaded can be downloaded, unless it went with the message that it was sent with.
func checkFiles(ctx context.Context, f *findings, l *ledger, moment time.Time) {
	gone := l.withdrawn()
	for _, u := range l.uploads(moment) {
		if gone[u.id] {
			continue
		}
		content, err := u.organization.admin.DownloadMedia(ctx, u.id)
		if err != nil && l.withdrawn()[u.id] {
			continue // meanwhile
		}
		if err != nil {
			f.add("file %s was taken and cannot be read: %v", u.id, err)
			continue
		}
		got, err := io.ReadAll(content)
		if err = errors.Join(err, content.Close()); err != nil || string(got) != u.content {
			f.add("file %s has %d bytes, not %d: %v", u.id, len(got), len(u.content), err)
		}
	}
}

// checkRepeats sends some requests again, of those accepted before a moment, which get what they got before,
// and of those in doubt.
func checkRepeats(ctx context.Context, f *findings, l *ledger, moment time.Time, random *rand.Rand, n int) {
	promises, _ := l.before(moment)
	for range min(n, len(promises)) {
		p := promises[random.IntN(len(promises))]
		again := p.call(ctx, 0)
		if !again.accepted() {
			f.add("%s: repeated, key %s gives %d %s", p.reference, p.key, again.status, again.code)
		} else if again.id != p.id || !again.replayed {
			f.add("%s: repeated, key %s gives message %s (replayed: %v), not %s", p.reference, p.key, again.id, again.replayed, p.id)
		}
	}
	for _, e := range l.doubtful(n) {
		if again := e.call(ctx, 0); !again.accepted() {
			f.add("%s: asked again after no answer: %d %s %s; before: %+v", e.reference, again.status, again.code, again.detail, l.sharing(e.key))
		}
	}
}

// doubtful are up to n of the newest entries that got no answer yet, and whose files cannot be gone.
func (l *ledger) doubtful(n int) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*entry
	for i := len(l.entries) - 1; i >= 0 && len(list) < n; i-- {
		if e := l.entries[i]; !e.wrong && len(e.request.Attachments) == 0 && e.unanswered() {
			list = append(list, e)
		}
	}
	return list
}

// sharing are the answers to all requests with a key.
func (l *ledger) sharing(key string) map[string][]answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string][]answer{}
	for _, e := range l.entries {
		if e.key == key {
			e.mu.Lock()
			all[e.reference] = slices.Clone(e.answers)
			e.mu.Unlock()
		}
	}
	return all
}

func (e *entry) unanswered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.answers {
		if a.status != 0 && a.status < 500 {
			return false
		}
	}
	return len(e.answers) > 0
}

// checkEvents: each organization's log has every number once, and holds what its follower was told.
func checkEvents(ctx context.Context, f *findings, w *world, followers []*follower, moment time.Time) {
	for i, o := range w.organizations {
		var events []api.Event
		for e, err := range o.admin.Events(ctx, api.EventFilter{Limit: 1000}) {
			if err != nil {
				f.add("reading events: %v", err)
				break
			}
			if e.Sequence != int64(len(events))+1 {
				f.add("organization %d: event %d follows %d", i+1, e.Sequence, len(events))
				break
			}
			events = append(events, e)
		}
		for n, told := range followers[i].before(moment) {
			if n >= len(events) || factOf(events[n]) != told.fact {
				f.add("organization %d: event %d was streamed as %+v, and is not in the log", i+1, n+1, told.fact)
				break
			}
		}
	}
}

// fact is what an event says that never changes.
type fact struct {
	sequence                       int64
	kind                           api.EventType
	message, conversation, subject string
	status                         string
}

func factOf(e api.Event) fact {
	return fact{e.Sequence, e.Type, e.Data.MessageID, e.Data.ConversationID, e.Data.ID + e.Data.DeliveryID, e.Data.Status}
}

// follower reads an organization's events live, across crashes.
type follower struct {
	mu     sync.Mutex
	told   []told
	wrong  string // the first thing that should not have come
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// told is an event that a follower got, and when.
type told struct {
	at   time.Time
	fact fact
}

// follow follows the events of all organizations from the first. Its clients reconnect by themselves.
func follow(t *testing.T, w *world, reach reach) []*follower {
	t.Helper()
	var all []*follower
	for _, o := range w.organizations {
		c := reach(t, o.secret, patient)
		ctx, cancel := context.WithCancel(context.Background())
		f := &follower{cancel: cancel}
		stream := c.StreamEvents(ctx, api.EventFilter{After: api.AfterEvent(0)})
		f.done.Go(func() { f.read(stream) })
		t.Cleanup(func() {
			f.stop()
			c.Close()
		})
		all = append(all, f)
	}
	return all
}

func (f *follower) stop() {
	f.cancel()
	f.done.Wait()
}

func (f *follower) read(stream *api.EventStream) {
	last := int64(0)
	for e, err := range stream.All() {
		f.mu.Lock()
		if err != nil {
			if !errors.Is(err, context.Canceled) && f.wrong == "" {
				f.wrong = err.Error()
			}
			f.mu.Unlock()
			return
		}
		if e.Sequence != last+1 && f.wrong == "" {
			f.wrong = fmt.Sprintf("event %d follows %d", e.Sequence, last)
		}
		last = e.Sequence
		f.told = append(f.told, told{time.Now(), factOf(e)})
		f.mu.Unlock()
	}
}

func (f *follower) before(moment time.Time) []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(f.told) && f.told[n].at.Before(moment) {
		n++
	}
	return f.told[:n:n]
}

// stopFollowing ends the followers and says what went wrong with them.
func stopFollowing(f *findings, followers []*follower) {
	for i, one := range followers {
		one.stop()
		if one.wrong != "" {
			f.add("organization %d: the live stream went wrong: %s", i+1, one.wrong)
		}
	}
}

// standstill is how long a live stream may stand still that has more to tell.
const standstill = 20 * time.Second

// caughtUp waits until the followers were told of everything, and says so where they were not.
func caughtUp(ctx context.Context, f *findings, w *world, followers []*follower) {
	for i, o := range w.organizations {
		page, err := o.admin.ListEvents(ctx, api.EventFilter{After: api.FromLatest})
		if err != nil {
			f.add("reading the end of the log: %v", err)
			continue
		}
		for seen, deadline := 0, time.Now().Add(standstill); ; time.Sleep(10 * time.Millisecond) {
			n := len(followers[i].before(time.Now()))
			if int64(n) >= page.Through {
				break
			}
			if n > seen {
				seen, deadline = n, time.Now().Add(standstill)
			}
			if time.Now().After(deadline) {
				f.add("organization %d: the live stream is at %d and the log at %d", i+1, n, page.Through)
				break
			}
		}
	}
}

// settled waits until nothing is queued or scheduled any more.
func settled(ctx context.Context, f *findings, w *world, patience time.Duration) {
	deadline := time.Now().Add(patience)
	for i, o := range w.organizations {
		for _, status := range []api.Status{api.Scheduled, api.Queued} {
			for {
				page, err := o.admin.ListMessages(ctx, api.MessageFilter{Status: string(status), Page: api.Page{Limit: 1}})
				if err == nil && len(page.Data) == 0 {
					break
				}
				if time.Now().After(deadline) {
					f.add("organization %d: messages are still %s after %s: %v %+v", i+1, status, patience, err, page)
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}
