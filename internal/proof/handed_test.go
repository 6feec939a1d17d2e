package proof

import (
	"fmt"
	"strings"

	"github.com/parley-server/parley/api"
)

// outgoing is a delivery as the tables have it.
type outgoing struct {
	channel, conversation, state, code string
	sequence                           int64
	attempts                           int  // that it counts
	written                            int  // attempts that are written down, the one under way as a claim
	gone                               bool // its content is, or will be by itself
}

func (d outgoing) went() bool {
	return d.state == "sent" || d.state == "delivered" || d.state == "read"
}

// deliveries reads all deliveries, by the reference that the provider is given.
func deliveries(t *tables) (map[string]outgoing, error) {
	rows, err := t.Query(`SELECT d.message_id, d.number, d.channel_id, d.conversation_id, d.state, d.code, m.sequence, d.attempts,
		(SELECT count(*) FROM attempts AS a WHERE a.organization_id = d.organization_id AND a.message_id = d.message_id AND a.delivery = d.number)
			+ (SELECT count(*) FROM jobs AS j WHERE j.organization_id = d.organization_id AND j.kind = 'deliver' AND j.channel_id = d.channel_id
				AND j.message_id = d.message_id AND j.delivery = d.number AND j.claimed = 1),
		m.removed_at > 0 OR m.expires_at > 0
		FROM deliveries AS d JOIN messages AS m ON m.organization_id = d.organization_id AND m.id = d.message_id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]outgoing{}
	for rows.Next() {
		var d outgoing
		var message string
		var number int
		if err := rows.Scan(&message, &number, &d.channel, &d.conversation, &d.state, &d.code, &d.sequence, &d.attempts, &d.written, &d.gone); err != nil {
			return nil, err
		}
		all[fmt.Sprintf("%s.%d", message, number)] = d
	}
	return all, rows.Err()
}

// history is what the provider was handed of one reference.
type history struct {
	made, taken int
	urgent      bool
	numbers     map[int]bool // of the attempts
	repeated    int          // the number of an attempt that was made twice; 0: none
}

func histories(calls []handed) map[string]*history {
	all := map[string]*history{}
	for _, c := range calls {
		h := all[c.reference]
		if h == nil {
			h = &history{urgent: c.priority == api.PriorityHigh, numbers: map[int]bool{}}
			all[c.reference] = h
		}
		h.made++
		if c.taken {
			h.taken++
		}
		if h.numbers[c.attempt] {
			h.repeated = c.attempt
		}
		h.numbers[c.attempt] = true
	}
	return all
}

// checkHanded compares what the provider was handed with the deliveries. ended says that nothing is under way
// any more.
func checkHanded(f *findings, w *world, t *tables, calls []handed, ended bool) {
	all, err := deliveries(t)
	if err != nil {
		f.add("reading deliveries: %v", err)
		return
	}
	handed := histories(calls)
	for reference, h := range handed {
		d, ok := all[reference]
		ch := w.channel(d.channel)
		switch {
		case !ok:
			f.add("the provider was handed %s, which is in no table", reference)
		case h.made > d.written:
			f.add("the provider was handed %s %d times, and %d attempts are written down", reference, h.made, d.written)
		case h.taken > 1 && !ch.resends(h.urgent):
			f.add("the provider took %s %d times on the channel %q, urgent: %v", reference, h.taken, ch.name, h.urgent)
		case h.repeated > 0:
			f.add("the provider was handed attempt %d of %s twice", h.repeated, reference)
		}
	}
	for reference, d := range all {
		h := handed[reference]
		if h == nil {
			h = &history{}
		}
		d.check(f, reference, w.channel(d.channel), h, ended)
	}
	checkHandedInOrder(f, all, calls)
}

func (d outgoing) check(f *findings, reference string, ch *channel, h *history, ended bool) {
	switch {
	case d.state == "queued" && ended:
		f.add("delivery %s has not come to an end", reference)
	case d.went() && ch.endpoint && h.taken == 0:
		f.add("delivery %s is %s, and the provider never took it", reference, d.state)
	case d.state == "failed" || d.state == "expired":
		f.add("delivery %s is %s (%s), though the provider refuses nothing for good", reference, d.state, d.code)
	case d.state == "unknown" && !d.gone && (ch.repeats != "neither" || h.made > 0 && ch.resends(h.urgent)):
		f.add("delivery %s is unknown on the channel %q, which knows or resends", reference, ch.name)
	case ended && d.attempts != d.written:
		f.add("delivery %s counts %d attempts, and %d are written down", reference, d.attempts, d.written)
	}
}

// checkHandedInOrder: what goes to one conversation over one channel goes in order, urgent messages apart.
func checkHandedInOrder(f *findings, all map[string]outgoing, calls []handed) {
	type line struct {
		channel, conversation string
		urgent                bool
	}
	latest, seen := map[line]int64{}, map[string]bool{}
	for _, c := range calls {
		d, ok := all[c.reference]
		if !ok || seen[c.reference] {
			continue
		}
		seen[c.reference] = true
		at := line{d.channel, d.conversation, c.priority == api.PriorityHigh}
		if d.sequence < latest[at] {
			f.add("the provider was handed message %d of conversation %s after message %d", d.sequence, d.conversation, latest[at])
		}
		latest[at] = max(latest[at], d.sequence)
	}
}

func (w *world) channel(id string) *channel {
	for _, o := range w.organizations {
		if c := o.channel(id); c != nil {
			return c
		}
	}
	return &channel{name: strings.TrimSpace("none " + id)}
}
