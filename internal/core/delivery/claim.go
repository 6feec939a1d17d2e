package delivery

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/link"
)

const (
	// burst is how far ahead of an even spacing the sends of a channel with a rate may run.
	burst = 20 * time.Millisecond
	// pausedFor is how long a paused channel is left alone unless the runner is woken, and pausedShared where another node
	// may end the pause.
	pausedFor    = time.Minute
	pausedShared = time.Second
	// lateClaim is the part of its lease after which a claim is too late to be called.
	lateClaim = 3
	// calls is the concurrency of a channel that says none.
	calls = 256
)

// Claim takes deliveries within the limits of their channels, which begins an attempt of each, in one transaction, and
// then reads what is needed to send them. What took too long is given back: another node may have it when the lease has ended,
// which the runner prolongs only from now on.
func (d *Deliveries) Claim(ctx context.Context, pieces []*Work, lease time.Duration) ([]*Work, map[string]time.Time, []string, error) {
	var limits *limits
	var jobs, others []store.Job
	var began time.Time
	err := d.store.WriteBackground(ctx, nil, func(tx *store.Tx) error {
		began = d.now()
		states, err := tx.LaneStates(lanesOf(pieces))
		if err != nil {
			return err
		}
		limits = newLimits(tx.Now, states)
		limits.shared = d.store.Shared()
		admitted := limits.admit(pieces)
		if jobs, err = tx.Claim(admitted, tx.Now.Add(lease)); err != nil {
			return err
		}
		limits.giveBack(admitted, jobs)
		if others, err = tx.ClaimWith(d.together(limits.states, jobs), tx.Now.Add(lease)); err != nil {
			return err
		}
		lost := lostBefore(jobs, tx.Now)
		if err := inTheirTime(tx, lost); err != nil {
			return err
		}
		if err := tx.LoseAttempts(lost); err != nil {
			return err
		}
		for i := range jobs {
			jobs[i].ClaimedAt = tx.Now
		}
		for i := range others {
			others[i].ClaimedAt = tx.Now
		}
		return tx.SetArrivals(limits.arrivals())
	})
	if err != nil {
		return nil, nil, nil, err
	}
	byRef := make(map[store.JobRef]*Work, len(pieces))
	for _, w := range pieces {
		byRef[w.job.Ref()] = w
	}
	claimed := make([]*Work, len(jobs))
	for i, j := range jobs {
		claimed[i] = byRef[j.Ref()]
		claimed[i].job = j
	}
	attach(claimed, others)
	d.load(ctx, all(claimed))
	if took := d.now().Sub(began); d.store.Shared() && took > lease/lateClaim {
		d.log.Warn("deliveries were claimed too slowly to be called now", "deliveries", len(claimed), "took", took)
		for _, w := range all(claimed) {
			w.loaded = false
		}
	}
	return claimed, limits.laterBy(began), limits.full, nil
}

// together are those of the deliveries, claimed for the first time, whose connector takes others of the same message along.
func (d *Deliveries) together(states map[store.Lane]*store.LaneState, jobs []store.Job) (heads []store.Job) {
	for _, j := range jobs {
		s := states[store.Lane{Organization: j.Organization, Channel: j.Channel}]
		if s == nil || j.Attempt > 1 {
			continue
		}
		if platform, ok := d.connectors[s.Connector].Platform(s.Platform); ok && platform.Together {
			heads = append(heads, j)
		}
	}
	return heads
}

// attach puts deliveries with those of the same message that they were claimed with.
func attach(claimed []*Work, others []store.Job) {
	type message struct{ organization, id parley.ID }
	heads := make(map[message]*Work, len(claimed))
	for _, w := range claimed {
		heads[message{w.job.Organization, w.job.Message}] = w
	}
	for _, j := range others {
		w := heads[message{j.Organization, j.Message}]
		w.with = append(w.with, &Work{job: j, key: string(j.Organization) + "/" + j.ID})
	}
}

func lanesOf(pieces []*Work) []store.Lane {
	var lanes []store.Lane
	seen := map[store.Lane]bool{}
	for _, w := range pieces {
		if l := w.lane(); !seen[l] {
			seen[l] = true
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// lostBefore returns the attempts that claims find under way, whose server stopped or lost its claim.
func lostBefore(jobs []store.Job, now time.Time) []store.AttemptRow {
	var lost []store.AttemptRow
	for i := range jobs {
		if !jobs[i].Claimed {
			continue
		}
		before := attemptOf(&jobs[i])
		before.Number--
		before.EndedAt, before.Outcome = now, parley.AttemptLost
		before.Code, before.Text = codeLost, "the server stopped, or lost its claim, while the call was under way"
		lost = append(lost, before)
	}
	return lost
}

// inTheirTime gives attempts the times that the clocks of test organizations showed.
func inTheirTime(tx *store.Tx, attempts []store.AttemptRow) error {
	for i := range attempts {
		a := &attempts[i]
		if !a.Organization.OfTest() {
			continue
		}
		clock, err := tx.Clock(a.Organization)
		if err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return err
		}
		a.StartedAt, a.EndedAt = clock.Now(a.StartedAt), clock.Now(a.EndedAt)
	}
	return nil
}

func attemptOf(j *store.Job) store.AttemptRow {
	return store.AttemptRow{Organization: j.Organization, Attempt: parley.Attempt{Message: j.Message, Delivery: j.Delivery, Number: j.Attempt,
		StartedAt: j.ClaimedAt}}
}

// limits says how much of each channel may be claimed now.
type limits struct {
	now    time.Time
	states map[store.Lane]*store.LaneState
	moved  []*store.LaneState // whose arrival is another
	shared bool               // other nodes may change them
	later  map[string]time.Time
	full   []string
}

func newLimits(now time.Time, states []store.LaneState) *limits {
	l := &limits{now: now, states: make(map[store.Lane]*store.LaneState, len(states)), later: map[string]time.Time{}}
	for i := range states {
		s := &states[i]
		if s.Concurrency <= 0 {
			s.Concurrency = calls
		}
		l.states[s.Lane] = s
	}
	return l
}

// admit returns those of the pieces that may be claimed, in order.
func (l *limits) admit(pieces []*Work) []store.Job {
	jobs := make([]store.Job, 0, len(pieces))
	ended := map[store.Lane]bool{}
	for _, w := range pieces {
		lane := w.lane()
		if ended[lane] {
			continue
		}
		if l.take(l.states[lane]) {
			jobs = append(jobs, w.job)
		} else {
			ended[lane] = true
		}
	}
	return jobs
}

// take takes a slot and a place in the rate of a channel.
func (l *limits) take(s *store.LaneState) bool {
	if s == nil || s.Deleted {
		return true // nothing is called: its deliveries fail
	}
	name := laneName(s.Lane)
	if s.Paused {
		l.later[name] = l.now.Add(l.pause())
		return false
	}
	if s.InFlight >= s.Concurrency {
		l.full = append(l.full, name)
		return false
	}
	if s.Rate > 0 && !l.conform(s, name) {
		return false
	}
	s.InFlight++
	return true
}

// pause is how long a paused channel is left alone.
func (l *limits) pause() time.Duration {
	if l.shared {
		return pausedShared
	}
	return pausedFor
}

// laterBy is later by another clock, that of this machine, which showed now when the transaction began.
func (l *limits) laterBy(now time.Time) map[string]time.Time {
	if !l.shared {
		return l.later
	}
	for lane, at := range l.later {
		l.later[lane] = now.Add(at.Sub(l.now))
	}
	return l.later
}

// conform spaces the sends of a channel evenly (the generic cell rate algorithm): Arrival is when the next one is
// expected, and it may come a burst earlier.
func (l *limits) conform(s *store.LaneState, name string) bool {
	now, ahead, interval := l.now.UnixMicro(), burst.Microseconds(), intervalOf(s)
	// Further ahead it never gets by itself: the clock was set back, or the rate raised.
	arrival := min(max(s.Arrival, now), now+ahead+interval)
	if arrival > now+ahead {
		l.later[name] = time.UnixMicro(arrival - ahead)
		return false
	}
	if len(l.moved) == 0 || l.moved[len(l.moved)-1] != s {
		l.moved = append(l.moved, s)
	}
	s.Arrival = arrival + interval
	return true
}

// intervalOf is between two sends of a channel with a rate, in microseconds.
func intervalOf(s *store.LaneState) int64 {
	return (int64(time.Second/time.Microsecond) + int64(s.Rate) - 1) / int64(s.Rate)
}

// giveBack returns the places in rates of what was admitted and not claimed: other nodes had it, or it is not due yet.
func (l *limits) giveBack(admitted, claimed []store.Job) {
	for i, jobs := range [][]store.Job{admitted, claimed} {
		for _, j := range jobs {
			s := l.states[store.Lane{Organization: j.Organization, Channel: j.Channel}]
			switch {
			case s == nil || s.Rate <= 0 || s.Paused || s.Deleted:
			case i == 0:
				s.Arrival -= intervalOf(s)
			default:
				s.Arrival += intervalOf(s)
			}
		}
	}
}

// arrivals are the states whose arrival is to be kept, each once.
func (l *limits) arrivals() []store.LaneState {
	var states []store.LaneState
	seen := map[store.Lane]bool{}
	for _, s := range l.moved {
		if !seen[s.Lane] {
			seen[s.Lane] = true
			states = append(states, *s)
		}
	}
	return states
}

// load reads messages, deliveries and channels. What cannot be read now is given back by Call.
func (d *Deliveries) load(ctx context.Context, claimed []*Work) {
	if len(claimed) == 0 {
		return
	}
	if err := d.read(ctx, d.store.Read(ctx), claimed); err != nil {
		d.log.Warn("deliveries cannot be read now", "deliveries", len(claimed), "error", err)
		for _, w := range claimed {
			w.loaded = false
		}
	}
}

func (d *Deliveries) read(ctx context.Context, q store.Queries, claimed []*Work) error {
	refs := make([]store.DeliveryRef, len(claimed))
	for i, w := range claimed {
		refs[i] = w.ref()
	}
	deliveries, err := q.DeliveriesOf(refs)
	if err != nil {
		return err
	}
	messages, err := q.MessagesOf(refs)
	if err != nil {
		return err
	}
	channels, err := q.ChannelsOf(lanesOf(claimed))
	if err != nil {
		return err
	}
	var asked []store.Wanted
	var askers []*Work
	for i, w := range claimed {
		w.message, w.delivery, w.channel = messages[refs[i]], deliveries[refs[i]], channels[w.lane()]
		if w.message == nil || w.delivery == nil || w.channel == nil || w.message.Auto == parley.AutoKeyword {
			continue
		}
		asked = append(asked, store.Wanted{Organization: refs[i].Organization, Recipient: w.delivery.Recipient, Address: w.delivery.Address,
			Platform: w.channel.Platform, Class: fallback.Class(w.message)})
		askers = append(askers, w)
	}
	refusals, err := q.Refusals(asked)
	if err != nil {
		return err
	}
	for i, w := range askers {
		w.refusal = refusals[i]
	}
	links, err := link.Of(q, shortened(refs, messages))
	if err != nil {
		return err
	}
	for i, w := range claimed {
		w.loaded, w.links = true, links[refs[i]]
	}
	if err := readStanding(q, claimed); err != nil {
		return err
	}
	return parley.FirstError(d.readQuiet(ctx, q, claimed), d.readReceivers(q, claimed))
}

// readStanding reads how those go out that stand in for others.
func readStanding(q store.Queries, claimed []*Work) error {
	var list []*fallback.Standing
	for _, w := range claimed {
		if w.message != nil && w.delivery != nil && fallback.StandsIn(w.message, w.delivery.Channel) {
			w.standing = &fallback.Standing{Organization: w.job.Organization, Delivery: w.delivery, Message: *w.message}
			list = append(list, w.standing)
		}
	}
	return fallback.Look(q, list)
}

// readReceivers reads whom else the messages of deliveries are to.
func (d *Deliveries) readReceivers(q store.Queries, claimed []*Work) error {
	var refs []store.DeliveryRef
	for _, w := range claimed {
		if w.message != nil && w.message.Receivers.Several && w.standing == nil {
			refs = append(refs, w.ref())
		}
	}
	found, err := q.DeliveriesWith(refs)
	for _, w := range claimed {
		ref := w.ref()
		ref.Number = 0
		w.several = found[ref]
	}
	return err
}

// shortened are those of the deliveries whose message goes out with short links.
func shortened(refs []store.DeliveryRef, messages map[store.DeliveryRef]*parley.Message) []store.DeliveryRef {
	var short []store.DeliveryRef
	for _, ref := range refs {
		if m := messages[ref]; m != nil && m.Links == parley.LinksShort {
			short = append(short, ref)
		}
	}
	return short
}
