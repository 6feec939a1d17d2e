package limits

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/limit"
)

// Code says of a delivery that it waits for a place, or has got none, and of a request that it is refused for that.
const Code = "contact-limit"

const (
	// farthest is how long a message waits for a place at most.
	farthest = 30 * 24 * time.Hour
	// maxWaiting is how many messages wait for one recipient.
	maxWaiting = 100
)

const (
	reasonWaits = "it waits, as the contact gets no more messages for now"
	reasonFull  = "the contact gets no more such messages for now"
)

// Places are those of some recipients in a unit of the organization, which no other unit changes meanwhile.
type Places struct {
	tx           *store.Tx
	organization parley.ID
	policy       *parley.Policy
	taken        map[string][]limit.Place // by holder, the latest first
	made         []limit.Place
}

// Of returns the places of those whom some messages go out to; nil where no limit counts any of these.
func Of(tx *store.Tx, organization parley.ID, policy *parley.Policy, appends ...*store.Append) (*Places, error) {
	var holders []string
	for _, a := range appends {
		if len(a.Deliveries) == 0 || len(policy.Limits(a.Message.Class, a.Message.Platform, a.Message.Priority)) == 0 {
			continue
		}
		for i := range a.Deliveries {
			holders = append(holders, holderOf(organization, &a.Deliveries[i]))
		}
	}
	if len(holders) == 0 {
		return nil, nil
	}
	slices.Sort(holders)
	taken, err := places(tx.Queries, organization, tx.Now, slices.Compact(holders)...)
	return &Places{tx: tx, organization: organization, policy: policy, taken: taken}, err
}

// holderOf is who gets a delivery: a contact, or whoever has the address.
func holderOf(organization parley.ID, d *parley.Delivery) string {
	if d.Recipient.Kind == parley.ActorContact && d.Recipient.ID != "" {
		return string(d.Recipient.ID)
	}
	return d.Address.Hashed(organization).Value
}

// places are those of some holders that still count, the latest first.
func places(q store.Queries, organization parley.ID, now time.Time, holders ...string) (map[string][]limit.Place, error) {
	list, err := limit.Taken(q, organization, holders, now)
	taken := make(map[string][]limit.Place, len(holders))
	for _, p := range list {
		taken[p.Holder] = append(taken[p.Holder], p)
	}
	for _, own := range taken {
		sortPlaces(own)
	}
	return taken, err
}

func sortPlaces(list []limit.Place) {
	slices.SortStableFunc(list, func(a, b limit.Place) int { return b.At.Compare(a.At) })
}

// counted are the places that a limit counts, one of each message, and none of a message that is looked at.
func counted(l *parley.ContactLimit, taken []limit.Place, but parley.ID) (list []limit.Place) {
	seen := map[parley.ID]bool{but: true}
	for i := range taken {
		if p := &taken[i]; !seen[p.Message] && l.Counts(p.Class, p.Platform, p.High) {
			seen[p.Message] = true
			list = append(list, *p)
		}
	}
	return list
}

// free is from when on a limit has a place, as far as the latest places are in it; zero where it has one at any time. In no period is then
// more than the limit allows, whenever that period is: what is taken later than a place is among the latest.
func free(l *parley.ContactLimit, taken []limit.Place, but parley.ID) time.Time {
	if list := counted(l, taken, but); len(list) >= l.Max {
		return list[l.Max-1].At.Add(l.Period)
	}
	return time.Time{}
}

// waiting is how many messages wait among some places.
func waiting(list []limit.Place, now time.Time) (n int) {
	for i := range list {
		if list[i].At.After(now) {
			n++
		}
	}
	return n
}

// place is where a delivery stands with the limits that count it.
type place struct {
	at   time.Time            // from when on it goes out
	full *parley.ContactLimit // which has no place for it; nil: it has one
	free time.Time            // when that has
}

// find finds a place for a message to somebody, from a time on that it goes out. Where it has to wait, and it is quiet then, it
// waits for longer.
func find(limits []parley.ContactLimit, taken []limit.Place, but parley.ID, from, now time.Time, quiet func(time.Time) time.Time) place {
	p := place{at: from}
	for i := range limits {
		l := &limits[i]
		if at := free(l, taken, but); l.Beyond == parley.LimitDefers && at.After(from) {
			if at.After(now.Add(farthest)) || waiting(counted(l, taken, but), now) >= maxWaiting {
				p.full, p.free = l, at
				return p
			}
			if at.After(p.at) {
				p.at = at
			}
		}
	}
	if p.at.After(from) && quiet != nil {
		if until := quiet(p.at); until.After(p.at) {
			p.at = until
		}
	}
	for i := range limits {
		if at := free(&limits[i], taken, but); at.After(p.at) && at.After(p.free) {
			p.full, p.free = &limits[i], at
		}
	}
	return p
}

// Take gives the recipients of a message that is about to be added their places: it waits for the last of them, and who gets no
// more is skipped. The error is of a message that nobody gets. What is quiet when it goes out waits until quiet says.
func (p *Places) Take(a *store.Append, quiet func(time.Time) time.Time) error {
	if p == nil {
		return nil
	}
	m, now := &a.Message, p.tx.Now
	limits := p.policy.Limits(m.Class, m.Platform, m.Priority)
	if len(limits) == 0 || len(a.Deliveries) == 0 {
		return nil
	}
	from := now
	if m.NotBefore.After(now) {
		from = m.NotBefore
	}
	at, live := from, 0
	var full place
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		if d.State != parley.Queued {
			continue
		}
		found := find(limits, p.taken[holderOf(p.organization, d)], m.ID, from, now, quiet)
		if found.full != nil {
			full = found
			d.State, d.Code, d.Reason, d.NextAttempt = parley.Skipped, Code, reasonFull, time.Time{}
			continue
		}
		if live++; found.at.After(at) {
			at = found.at
		}
	}
	if full.full != nil {
		settle(a)
	}
	if live == 0 && full.full != nil {
		return refusal(&full, now)
	}
	p.hold(a, limits, at)
	if at.After(from) {
		wait(a, at)
	}
	return nil
}

// hold keeps the places of a message's deliveries.
func (p *Places) hold(a *store.Append, limits []parley.ContactLimit, at time.Time) {
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		if d.State != parley.Queued {
			continue
		}
		made := placeOf(p.organization, &a.Message, a.Message.Platform, d, limits, at)
		own := append(p.taken[made.Holder], made)
		sortPlaces(own)
		p.taken[made.Holder] = own
		p.made = append(p.made, made)
	}
}

// placeOf is the place that a delivery takes.
func placeOf(organization parley.ID, m *parley.Message, platform string, d *parley.Delivery, limits []parley.ContactLimit, at time.Time) limit.Place {
	made := limit.Place{Holder: holderOf(organization, d), Message: m.ID, Delivery: d.Number, Class: cmp.Or(m.Class, parley.ClassTransactional), Platform: platform, High: m.Priority == parley.PriorityHigh, At: at}
	for i := range limits {
		if until := at.Add(limits[i].Period); until.After(made.Until) {
			made.Until = until
		}
	}
	return made
}

// wait makes the deliveries of a message wait.
func wait(a *store.Append, until time.Time) {
	a.Message.NotBefore = until
	for i := range a.Deliveries {
		if d := &a.Deliveries[i]; d.State == parley.Queued {
			d.NextAttempt, d.Code, d.Reason = until, Code, reasonWaits
		}
	}
}

// settle drops the jobs of deliveries that are skipped, and counts anew.
func settle(a *store.Append) {
	skipped, counts := map[int]bool{}, map[parley.DeliveryState]int{}
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		counts[d.State]++
		skipped[d.Number] = d.State == parley.Skipped
	}
	a.Jobs = slices.DeleteFunc(a.Jobs, func(j store.Job) bool { return j.Kind == store.JobDeliver && skipped[j.Delivery] })
	for i := range a.Jobs {
		if a.Jobs[i].Kind == store.JobFallback { // whom it does not reach is known at once
			a.Jobs[i].After = 0
		}
	}
	a.Message.Counts, a.Message.State = counts, parley.Overall(counts)
}

// Save keeps the places that were taken.
func (p *Places) Save() error {
	if p == nil {
		return nil
	}
	return limit.Keep(p.tx, p.organization, p.made)
}

// refusal is the error of a message that nobody gets.
func refusal(p *place, now time.Time) error {
	l := p.full
	return &parley.Error{Kind: parley.KindRateLimited, Code: Code, RetryAfter: p.free.Sub(now),
		Message: sentence(l) + "; the next place is free at " + stamp(p.free),
		Fields:  []parley.FieldError{{Field: "to", Code: Code, Message: sentence(l)}},
		Facts: map[string]any{"freeAt": stamp(p.free), "limit": map[string]any{"class": string(l.Class), "platform": l.Platform, "max": l.Max,
			"period": int64(l.Period / time.Second), "beyond": string(l.Beyond), "highPriority": l.High}}}
}
