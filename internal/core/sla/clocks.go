package sla

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/calendar"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	tables "github.com/parley-server/parley/internal/store/hours"
)

// What an event tells of a clock.
const (
	warned   = "warned"
	breached = "breached"
)

// watch is a conversation whose clocks are looked at or changed in a unit.
type watch struct {
	tx           *store.Tx
	organization parley.ID
	conversation parley.ID
	*parley.SLA
	policy   parley.SLAPolicy   // what is left of one that was deleted has no name
	calendar *calendar.Calendar // nil: all time counts
}

// follow looks up what the clocks of a conversation go by; nil where it has none.
func follow(tx *store.Tx, organization, conversation parley.ID) (*watch, error) {
	found, err := tables.Clocks(tx.Queries, organization, conversation)
	if err != nil || found[conversation] == nil {
		return nil, err
	}
	w := &watch{tx: tx, organization: organization, conversation: conversation, SLA: found[conversation]}
	return w, w.lookUp()
}

func (w *watch) lookUp() (err error) {
	w.policy, err = tables.Policy(w.tx.Queries, w.organization, w.Policy)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err != nil || !w.policy.Business {
		return err
	}
	var s parley.Schedule
	if w.policy.Schedule == "" {
		s, err = tables.DefaultSchedule(w.tx.Queries, w.organization)
	} else {
		s, err = tables.Schedule(w.tx.Queries, w.organization, w.policy.Schedule)
	}
	if err != nil || s.ID == "" {
		return err
	}
	w.calendar, err = hours.Calendar(&s)
	return err
}

// start makes a clock run that measures a target; nil where nothing is promised.
func (w *watch) start(target time.Duration) *parley.SLAClock {
	if target <= 0 {
		return nil
	}
	c := &parley.SLAClock{Target: target, StartedAt: w.tx.Now}
	w.run(c)
	return c
}

// run makes a clock run from now on.
func (w *watch) run(c *parley.SLAClock) {
	c.Since = w.tx.Now
	w.reckon(c)
}

// reckon finds out when a clock that runs is due, by the hours as they are now.
func (w *watch) reckon(c *parley.SLAClock) {
	left := c.Target - c.Elapsed
	if w.calendar == nil {
		c.DueAt = c.Since.Add(max(left, 0))
		return
	}
	c.DueAt = w.calendar.Add(c.Since, left)
}

// stand stops a clock that runs, which may go on.
func (w *watch) stand(c *parley.SLAClock) {
	if w.calendar == nil {
		c.Elapsed += w.tx.Now.Sub(c.Since)
	} else {
		c.Elapsed += w.calendar.Between(c.Since, w.tx.Now)
	}
	c.Since, c.DueAt = time.Time{}, time.Time{}
}

// end says that what a clock measures has happened.
func (w *watch) end(c *parley.SLAClock) {
	if !c.Waits() {
		return
	}
	due := c.DueAt
	if c.Runs() {
		w.stand(c)
	}
	c.DoneAt, c.DueAt = w.tx.Now, due
}

// check tells of clocks that are due, or soon will be.
func (w *watch) check() {
	now := w.tx.Now
	for _, c := range w.Clocks() {
		if !c.Runs() || !c.BreachedAt.IsZero() {
			continue
		}
		w.reckon(c.SLAClock)
		switch {
		case c.DueAt.IsZero():
		case !c.DueAt.After(now):
			c.BreachedAt = c.DueAt
			w.tell(breached, c.Metric)
		case w.policy.Warn > 0 && c.WarnedAt.IsZero() && !c.DueAt.Add(-w.policy.Warn).After(now):
			c.WarnedAt = now
			w.tell(warned, c.Metric)
		}
	}
}

func (w *watch) tell(status string, metric parley.SLAMetric) {
	w.tx.Emit(w.organization, parley.Event{Type: parley.EventConversationSLA, Conversation: w.conversation, Subject: w.Policy,
		Data: parley.EventData{Status: status, Reason: string(metric)}})
}

// next is when there is something to tell of; zero: never.
func (w *watch) next() (next time.Time) {
	for _, c := range w.Clocks() {
		if !c.Runs() || !c.BreachedAt.IsZero() || c.DueAt.IsZero() {
			continue
		}
		at := c.DueAt
		if w.policy.Warn > 0 && c.WarnedAt.IsZero() {
			at = at.Add(-w.policy.Warn)
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// save tells of what is due, writes the clocks, and sets their timer.
func (w *watch) save() error {
	w.check()
	if err := tables.SetClocks(w.tx, w.organization, w.conversation, w.SLA); err != nil {
		return err
	}
	job := timer(w.organization, w.conversation)
	if job.DueAt = w.next(); job.DueAt.IsZero() {
		return w.tx.Done([]store.Job{job})
	}
	if !job.DueAt.After(w.tx.Now) { // it was looked at just now
		job.DueAt = w.tx.Now.Add(time.Second)
	}
	return w.tx.Schedule(job)
}

func timer(organization, conversation parley.ID) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(tables.JobSLA, string(conversation)), Kind: tables.JobSLA}
}

// measured reports whether conversations of a kind have clocks.
func measured(c *parley.Conversation) bool {
	return c.Kind == parley.ConversationExternal || c.Kind == parley.ConversationSecure
}

// Heard starts the clocks of a conversation by a message of its customer: those of the first of some policies that fits it, or
// of the one that it has.
func Heard(tx *store.Tx, organization parley.ID, policies []parley.SLAPolicy, c *parley.Conversation, ch *parley.Channel) error {
	if len(policies) == 0 || !measured(c) {
		return nil
	}
	w, err := follow(tx, organization, c.ID)
	if err != nil {
		return err
	}
	if w == nil {
		at := slices.IndexFunc(policies, func(p parley.SLAPolicy) bool { return fits(&p, c, ch) })
		if at < 0 {
			return nil
		}
		w = &watch{tx: tx, organization: organization, conversation: c.ID, SLA: &parley.SLA{Policy: policies[at].ID}}
		if err := w.lookUp(); err != nil || w.policy.Name == "" {
			return err
		}
		target := w.policy.Target(c.Priority)
		w.First, w.Resolution = w.start(target.First), w.start(target.Resolution)
	} else if !w.again(c) {
		return nil
	}
	if err := tx.BumpConversation(organization, c.ID); err != nil { // whoever writes to it is to look at it again
		return err
	}
	return w.save()
}

// again starts clocks for a further message, and says whether it did: while one waits for an answer, another does not count.
func (w *watch) again(c *parley.Conversation) (started bool) {
	if w.policy.Name == "" || !w.PausedAt.IsZero() {
		return false
	}
	target := w.policy.Target(c.Priority)
	if !w.First.Waits() && !w.Next.Waits() && target.Next > 0 {
		w.Next, started = w.start(target.Next), true
	}
	if !w.Resolution.Waits() && target.Resolution > 0 {
		w.Resolution, started = w.start(target.Resolution), true
	}
	return started
}

// fits reports whether a policy is for a conversation.
func fits(p *parley.SLAPolicy, c *parley.Conversation, ch *parley.Channel) bool {
	if !p.Enabled {
		return false
	}
	f := &p.Conditions
	return (len(f.Channels) == 0 || slices.Contains(f.Channels, ch.ID)) && (len(f.Platforms) == 0 || slices.Contains(f.Platforms, ch.Platform)) &&
		(len(f.Tags) == 0 || slices.ContainsFunc(c.Tags, func(tag string) bool { return slices.Contains(f.Tags, tag) })) &&
		(len(f.Priorities) == 0 || slices.Contains(f.Priorities, c.Priority)) &&
		(len(f.Teams) == 0 || slices.ContainsFunc(c.Assignees, func(a parley.Assignee) bool { return a.Kind == parley.ActorTeam && slices.Contains(f.Teams, a.ID) }))
}

// Waits reports whether the customer of a conversation waits for an answer.
func Waits(q store.Queries, organization parley.ID, c *parley.Conversation) (bool, error) {
	if !measured(c) {
		return false, nil
	}
	found, err := tables.Clocks(q, organization, c.ID)
	s := found[c.ID]
	return s != nil && (s.First.Waits() || s.Next.Waits()), err
}

// Answered ends the clocks that wait for an answer, and have since before one that was given at a time.
func Answered(tx *store.Tx, organization, conversation parley.ID, at time.Time) error {
	w, err := follow(tx, organization, conversation)
	if err != nil || w == nil || !w.First.Waits() && !w.Next.Waits() {
		return err
	}
	w.check()
	for _, c := range []*parley.SLAClock{w.First, w.Next} {
		if c != nil && !at.Before(c.StartedAt) {
			w.end(c)
		}
	}
	return w.save()
}

// Changed lets the clocks of a conversation stand, go on or end with its status, and gives them the targets of its priority.
func Changed(tx *store.Tx, organization parley.ID, before, c *parley.Conversation) error {
	if before.Status == c.Status && before.Priority == c.Priority || !measured(c) {
		return nil
	}
	w, err := follow(tx, organization, c.ID)
	if err != nil || w == nil {
		return err
	}
	w.check()
	if before.Priority != c.Priority && w.policy.Name != "" {
		w.retarget(c.Priority)
	}
	if before.Status != c.Status {
		w.turn(c.Status)
	}
	return w.save()
}

func (w *watch) retarget(priority int) {
	target := w.policy.Target(priority)
	for _, c := range w.Clocks() {
		t := map[parley.SLAMetric]time.Duration{parley.SLAFirst: target.First, parley.SLANext: target.Next, parley.SLAResolution: target.Resolution}[c.Metric]
		if t == 0 || !c.Waits() || t == c.Target {
			continue
		}
		c.Target = t
		if c.Runs() {
			w.reckon(c.SLAClock)
			if c.DueAt.After(w.tx.Now) {
				c.BreachedAt, c.WarnedAt = time.Time{}, time.Time{}
			}
		}
	}
}

func (w *watch) turn(status parley.ConversationStatus) {
	switch {
	case status == parley.StatusClosed && !w.policy.Closed:
		for _, c := range w.Clocks() {
			w.end(c.SLAClock)
		}
		w.PausedAt = time.Time{}
	case status == parley.StatusSnoozed && w.policy.Snoozed, status == parley.StatusClosed:
		for _, c := range w.Clocks() {
			if c.Runs() {
				w.stand(c.SLAClock)
			}
		}
		if w.PausedAt.IsZero() {
			w.PausedAt = w.tx.Now
		}
	case !w.PausedAt.IsZero():
		w.PausedAt = time.Time{}
		for _, c := range w.Clocks() {
			if c.Waits() && !c.Runs() {
				w.run(c.SLAClock)
			}
		}
	}
}

// Merged gives a conversation the clocks of one that became a part of it: of two that wait for the same, the one that is due earlier.
func Merged(tx *store.Tx, organization, from, into parley.ID) error {
	gone, err := follow(tx, organization, from)
	if err != nil || gone == nil {
		return err
	}
	if err := tables.DropClocks(tx, organization, from); err != nil {
		return err
	}
	if err := tx.Done([]store.Job{timer(organization, from)}); err != nil {
		return err
	}
	w, err := follow(tx, organization, into)
	if err != nil {
		return err
	}
	if w == nil {
		gone.conversation = into
		return gone.save()
	}
	w.First, w.Next, w.Resolution = earlier(gone.First, w.First), earlier(gone.Next, w.Next), earlier(gone.Resolution, w.Resolution)
	return w.save()
}

// earlier is the one of two clocks that waits, or that is due earlier, or began earlier.
func earlier(a, b *parley.SLAClock) *parley.SLAClock {
	switch {
	case a == nil, b.Waits() && !a.Waits():
		return b
	case b == nil, a.Waits() && !b.Waits():
		return a
	case a.Runs() && b.Runs() && a.DueAt.Before(b.DueAt), a.Runs() && !b.Runs():
		return a
	case a.Runs() == b.Runs() && !a.Runs() && a.StartedAt.Before(b.StartedAt):
		return a
	}
	return b
}
