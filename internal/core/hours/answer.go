package hours

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/calendar"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/people"
)

// Desk is when an organization is open and what answers by itself, as they were a moment ago. It is not changed.
type Desk struct {
	rules     []parley.AutoReply // that are enabled, in order
	calendars map[parley.ID]*calendar.Calendar
	standard  *calendar.Calendar // nil: none
}

// LookUp returns the desk of an organization.
func LookUp(q store.Queries, organization parley.ID) (*Desk, error) {
	d := &Desk{calendars: map[parley.ID]*calendar.Calendar{}}
	rules, _, err := hours.Replies(q, organization, "", maxRules)
	if err != nil {
		return nil, err
	}
	d.rules = slices.DeleteFunc(rules, func(r parley.AutoReply) bool { return !r.Enabled })
	slices.SortStableFunc(d.rules, func(a, b parley.AutoReply) int { return cmp.Compare(a.Position, b.Position) })
	schedules, _, err := hours.Schedules(q, organization, "", maxSchedules)
	if err != nil {
		return nil, err
	}
	for i := range schedules {
		c, err := Calendar(&schedules[i])
		if err != nil {
			return nil, err
		}
		d.calendars[schedules[i].ID] = c
		if schedules[i].Default {
			d.standard = c
		}
	}
	return d, nil
}

// Calendar returns that of a schedule, or of the default one where none is named; nil where there is none: it is always open.
func (d *Desk) Calendar(schedule parley.ID) *calendar.Calendar {
	if schedule == "" {
		return d.standard
	}
	return d.calendars[schedule]
}

// Incoming is a message from outside that may be answered.
type Incoming struct {
	Organization parley.ID
	Conversation *parley.Conversation
	Channel      *parley.Channel
	Contact      parley.ID // who wrote, if that is known
	From         parley.Address
	First        bool // of its conversation
	// Render makes the body that a template comes to.
	Render func(q store.Queries, template parley.ID, locale string) ([]parley.Part, *parley.Templated, error)
}

// Answer is what a rule answers.
type Answer struct {
	Body  []parley.Part
	Of    *parley.Templated
	Class parley.MessageClass
}

// hourly is how many automatic answers a conversation has in an hour, whatever the rules say: two that answer each other stop.
const hourly = 5

// Answer returns what is answered to a message, and counts it as answered; nil: nothing. The first rule that fits answers, or
// nobody does, where it has answered lately.
func (d *Desk) Answer(tx *store.Tx, in *Incoming) (*Answer, error) {
	at := slices.IndexFunc(d.rules, func(r parley.AutoReply) bool { return d.fits(&r, in, tx.Now) })
	if at < 0 {
		return nil, nil
	}
	rule := &d.rules[at]
	marks := []hours.Mark{{Rule: rule.ID, About: about(rule, in)}, {About: string(in.Conversation.ID)}}
	if err := hours.Marks(tx.Queries, in.Organization, marks); err != nil {
		return nil, err
	}
	own, all := &marks[0], &marks[1]
	if tx.Now.Sub(all.At) >= time.Hour {
		all.At, all.Times = tx.Now, 0
	}
	if all.Times >= hourly || own.Times > 0 && tx.Now.Sub(own.At) < rule.Throttle || rule.Limit > 0 && own.Times >= rule.Limit {
		return nil, nil
	}
	barred, err := people.Suppressed(tx.Queries, in.Organization, in.From)
	if err != nil || slices.ContainsFunc(barred, func(b parley.Suppression) bool { return b.Stops(in.Channel.Platform, rule.Class) }) {
		return nil, err
	}
	answer, err := says(tx.Queries, in, rule)
	if err != nil || answer == nil {
		return nil, err
	}
	own.At, own.Times, all.Times = tx.Now, own.Times+1, all.Times+1
	return answer, hours.SetMarks(tx, in.Organization, marks)
}

// Spent returns up to limit marks of what rules have answered that keep none from answering at a time, as they are by now: of
// rules without a limit those whose throttle is over, and how often all of them answered in an hour that is.
func Spent(q store.Queries, organization parley.ID, now time.Time, limit int) ([]hours.Mark, error) {
	all, err := hours.Spent(q, organization, "", now.Add(-time.Hour), limit)
	if err != nil || len(all) == limit {
		return all, err
	}
	rules, _, err := hours.Replies(q, organization, "", maxRules)
	for i := range rules {
		if r := &rules[i]; err == nil && r.Limit == 0 && len(all) < limit {
			var more []hours.Mark
			more, err = hours.Spent(q, organization, r.ID, now.Add(-r.Throttle), limit-len(all))
			all = append(all, more...)
		}
	}
	return all, err
}

// about is what a rule's answers are counted for.
func about(r *parley.AutoReply, in *Incoming) string {
	switch {
	case r.Each != parley.ActorContact:
		return string(in.Conversation.ID)
	case in.Contact != "":
		return string(in.Contact)
	}
	return in.From.Hashed(in.Organization).String()
}

func (d *Desk) fits(r *parley.AutoReply, in *Incoming, now time.Time) bool {
	if len(r.Channels) > 0 && !slices.Contains(r.Channels, in.Channel.ID) || len(r.Platforms) > 0 && !slices.Contains(r.Platforms, in.Channel.Platform) {
		return false
	}
	if len(r.Teams) > 0 && !slices.ContainsFunc(in.Conversation.Assignees, func(a parley.Assignee) bool {
		return a.Kind == parley.ActorTeam && slices.Contains(r.Teams, a.ID)
	}) {
		return false
	}
	switch r.When {
	case parley.AutoFirst:
		return in.First
	case parley.AutoAlways:
		return true
	}
	c := d.Calendar(r.Schedule)
	return (c == nil || c.Open(now)) == (r.When == parley.AutoOpen)
}

// says is what a rule answers; nil where its template is not there any more, or wants to know what nobody tells it.
func says(q store.Queries, in *Incoming, r *parley.AutoReply) (*Answer, error) {
	if r.Template == "" {
		return &Answer{Body: []parley.Part{{Kind: parley.PartText, Text: r.Text}}, Class: r.Class}, nil
	}
	body, of, err := in.Render(q, r.Template, r.Locale)
	if parley.IsKind(err, parley.KindInvalid) {
		return nil, nil
	}
	return &Answer{Body: body, Of: of, Class: r.Class}, err
}
