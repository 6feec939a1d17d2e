package model

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

var background = context.Background()

// organization is a tenant as the model knows it.
type organization struct {
	name       string
	admin      *principal
	users      []*principal
	principals []*principal // the users and the keys
	team       string
	channels   []*channel
	contacts   []*contact
	now        time.Time
	moving     bool // its clock moves after this step, so that no two messages have one time
	due        []timer

	conversations map[string]*conversation // by id
	messages      map[string]*message      // by id
	keyed         map[string]*conversation // by what they are about: two people, a team, somebody's number on a channel
	merged        map[string]*conversation // by the id of one that became a part of it
	order         []*conversation          // as they were made, but for those that were merged into others
	log           []*message               // as they entered a timeline
	unknown       []*message               // that the server wrote, whose ids are not known
	all           []*message               // as they were made, but for the system's own
	facts         []fact                   // what the log of events tells besides
	views         []*view
	drafts        []*draft
	held          []*hold // legal holds that are not lifted
	roles         []*role
	replays       map[*role]bool // who comes on duty sees everything
	escalations   []*escalation
	suppressed    []*suppression
	pages         []*page
	away          map[*principal]*away
	quiet         bool // there are quiet hours
	keywords      bool // some words do something
	rules         []*rule
	given         map[any]*answers // by rules, in each conversation
	schedule      string           // open in the mornings
	blocked       []*block
	lists         []*list
	retention     map[api.ConversationKind]time.Duration // of content
}

// conversation is a thread as the model knows it.
type conversation struct {
	id       string
	org      *organization
	kind     api.ConversationKind
	channel  *channel // of an external one, which the organization sees
	contact  *contact
	number   string // of the contact, to which it is written
	status   api.ConversationStatus
	until    time.Time        // while snoozed: when it opens again
	members  map[string]*part // by user, of one of members
	timeline []*message
	labeled  bool
	priority int
	muted    map[string]bool // by user
	marks    map[string]int  // by user, of one that the organization sees: what is read
	forum    bool            // every user finds it, and may join
	replays  bool            // who joins sees what was said before
	assigned *principal
	into     *conversation // that it was merged into

	list     *list           // of somebody's with a list
	role     *role           // of a conversation with a role
	asker    *principal      // who wrote to it
	attended int             // the number of the last item when the last one went off duty
	roles    []*role         // of a group: those that take part
	guests   map[string]bool // of such a group: who takes part by name
}

// became is what a conversation is by now.
func (c *conversation) became() *conversation {
	for c.into != nil {
		c = c.into
	}
	return c
}

// part is somebody's part in a conversation of members.
type part struct {
	joined, left    int // receives what has a greater number, and, once it has left, a lesser one
	earlier         [][2]int
	delivered, read int // through this number
}

func (p *part) receives(number int) bool {
	return number > p.joined && (p.left == 0 || number < p.left) ||
		slices.ContainsFunc(p.earlier, func(e [2]int) bool { return number > e[0] && number < e[1] })
}

// admit has somebody take part, who keeps what was seen before.
func (c *conversation) admit(p *principal) {
	joined := len(c.timeline)
	if c.replays {
		joined = 0
	}
	c.join(p, joined)
}

// part ends somebody's part.
func (c *conversation) part(user string) { c.members[user].left = len(c.timeline) + 1 }

// edited is what a message said before it was edited, when its conversation had so many items.
type edited struct {
	at  int
	was string
}

// becomes has a message say something else.
func (m *message) becomes(text string) {
	m.edits = append(m.edits, edited{len(m.in.timeline), m.text})
	m.text = text
}

// reads is what a message may say to somebody. Whoever has left does not see to what it was edited since; whether an edit after
// the last item came before that or after cannot be told.
func (p *principal) reads(m *message) []string {
	part := m.in.members[p.user]
	if part == nil || part.left == 0 || p.private {
		return []string{m.text}
	}
	var may []string
	text := m.text
	for _, e := range slices.Backward(m.edits) {
		if e.at < part.left-1 {
			break
		}
		if e.at == part.left-1 {
			may = append(may, text)
		}
		text = e.was
	}
	return append(may, text)
}

// join has somebody take part who receives what comes after an item.
func (c *conversation) join(p *principal, joined int) {
	switch has := c.members[p.user]; {
	case has == nil:
		c.members[p.user] = &part{joined: joined}
	case has.left > 0:
		has.earlier = append(has.earlier, [2]int{has.joined, has.left})
		has.joined, has.left = joined, 0
	}
}

// message is an item as the model knows it.
type message struct {
	id        string
	in        *conversation
	number    int       // 0: scheduled, or canceled before its time
	at        time.Time // when it entered the timeline
	notice    string    // of a system item: what it tells
	reason    string    // of one that tells that somebody is away: why it went no further
	edits     []edited
	copies    []*message // for whom it was forwarded to
	moved     bool       // it is what is left of one that was moved
	author    *principal // nil: somebody outside
	text      string
	note      bool
	inbound   bool
	ends      api.Status // of what goes outside: where it ends
	to        string     // the number outside that it goes to
	on        *channel   // on which
	waits     bool       // for the end of quiet hours
	scheduled bool
	canceled  bool
	removed   bool
	why       api.Removal // it was removed
	kept      bool        // by legal holds
	contact   *contact    // outside, who wrote it or got it
	pages     bool        // it calls somebody
	copied    bool        // it is a copy in the group of an escalation
	auto      bool        // the server wrote it
	spreads   bool        // to those on a list
	ttl       time.Duration
	acks      []any // who has acknowledged it: users, and contacts

	escalation *escalation
	sent       *sending // how it was asked for
}

// sees: a conversation of members is seen by those who take or took part in it and by keys that see what is private; one of the
// organization by everybody who may use its channel.
func (p *principal) sees(c *conversation) bool {
	switch {
	case c.org != p.org:
		return false
	case c.members == nil:
		return p.uses(c.channel)
	}
	return p.private || c.members[p.user] != nil
}

// uses: a closed channel is its members'; keys of the organization use all.
func (p *principal) uses(ch *channel) bool {
	return !p.personal || !ch.closed || slices.Contains(ch.members, p)
}

// seesMessage: of a conversation of members, one sees what came while one took part; a scheduled message there is seen by its
// author alone.
func (p *principal) seesMessage(m *message) bool {
	switch {
	case !p.sees(m.in):
		return false
	case m.in.members == nil || p.private:
		return true
	case m.number == 0:
		return m.author == p
	}
	return m.in.members[p.user].receives(m.number)
}

// takesPart: whoever left a conversation of members still sees it, and has no say in it any more.
func (p *principal) takesPart(c *conversation) bool {
	return c.members == nil || !p.personal || c.members[p.user] != nil && c.members[p.user].left == 0
}

// mayChange: as takesPart, but a key that does not see what is private has a say only where it takes part.
func (p *principal) mayChange(c *conversation) bool {
	return c.members == nil || p.private || c.members[p.user] != nil && c.members[p.user].left == 0
}

// status and counts of a message: between members, those of its recipients' marks; outside, that of its delivery.
func (m *message) state() (api.Status, api.Counts) {
	var counts api.Counts
	switch {
	case m.canceled:
		return api.Canceled, counts
	case m.scheduled:
		return api.Scheduled, counts
	case m.note || m.inbound || m.notice != "" || m.moved:
		return api.Delivered, counts
	case m.waits:
		counts.Queued++
		return api.Queued, counts
	case m.in.members == nil:
		count(&counts, m.ends)
		return m.ends, counts
	}
	for user, part := range m.in.members {
		switch {
		case user == m.author.user || !part.receives(m.number):
		case part.read >= m.number:
			counts.Read++
		case part.delivered >= m.number:
			counts.Delivered++
		default:
			counts.Sent++
		}
	}
	switch {
	case counts.Sent > 0:
		return api.Sent, counts
	case counts.Delivered > 0:
		return api.Delivered, counts
	case counts.Read > 0:
		return api.Read, counts
	case m.in.role != nil: // it waits for somebody to come on duty
		return api.Queued, counts
	}
	return api.Delivered, counts
}

func count(counts *api.Counts, status api.Status) {
	switch status {
	case api.Failed:
		counts.Failed++
	case api.Delivered:
		counts.Delivered++
	case api.Read:
		counts.Read++
	case api.Skipped:
		counts.Skipped++
	case api.Canceled:
		counts.Canceled++
	}
}

// enter puts a message into its conversation's timeline. Every message opens a closed conversation; one from outside, and one
// between members, also a snoozed one.
func (c *conversation) enter(m *message) {
	m.number = len(c.timeline) + 1
	c.timeline = append(c.timeline, m)
	m.at, c.org.moving = c.org.now, true
	c.org.log = append(c.org.log, m)
	c.org.live(m)
	m.isDue()
	if m.id == "" {
		c.org.unknown = append(c.org.unknown, m)
	} else if m.notice != "" {
		c.org.messages[m.id] = m
	}
	if m.notice != "" {
		return
	}
	if c.status == api.ConversationClosed || m.inbound || c.members != nil && (m.sent == nil || !m.sent.request.Internal) {
		c.status, c.until = api.ConversationOpen, time.Time{}
	}
	if c.kind == api.ConversationDirect && !m.copied {
		defer c.org.passOn(m)
	}
	if m.id != "" {
		c.org.keep(m)
	}
}

func (o *organization) keep(m *message) {
	if o.messages[m.id] == nil {
		o.all = append(o.all, m)
	}
	o.messages[m.id] = m
}

// sleep snoozes a conversation, until a time if there is one.
func (c *conversation) sleep(until time.Time) {
	c.status, c.until = api.ConversationSnoozed, until
	if until.IsZero() {
		return
	}
	c.org.at(until, func() {
		if c.into == nil && c.status == api.ConversationSnoozed && c.until.Equal(until) {
			c.status, c.until = api.ConversationOpen, time.Time{}
		}
	})
}

// begin makes a conversation; users are its members, none for one of the organization.
func (o *organization) begin(id string, kind api.ConversationKind, users ...*principal) *conversation {
	c := &conversation{id: id, org: o, kind: kind, status: api.ConversationOpen}
	for _, u := range users {
		if c.members == nil {
			c.members = map[string]*part{}
		}
		c.members[u.user] = &part{}
	}
	o.conversations[id] = c
	o.order = append(o.order, c)
	o.tell(api.EventConversationCreated, id, func(p *principal) bool { return p.sees(c.became()) && (c.members == nil || p.private || c.in(p)) })
	return c
}

// end of a conversation, as somebody sees it: whoever has left does not learn that it goes on.
func (p *principal) end(c *conversation) int {
	if part := c.members[p.user]; part != nil && part.left > 0 && !p.private {
		return part.left - 1
	}
	return len(c.timeline)
}

// timeline of a principal: the messages of a conversation that it sees, newest first, by when they were sent.
func (p *principal) timeline(c *conversation) []*message {
	var list []*message
	for _, m := range c.timeline {
		if p.seesMessage(m) {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b *message) int { return cmp.Or(b.at.Compare(a.at), b.number-a.number) })
	return list
}
