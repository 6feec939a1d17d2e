package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// machine runs the server and the model side by side.
type machine struct {
	rapid         *rapid.T
	organizations [2]*organization
	number        int      // of texts and keys
	last          *sending // the last one that was accepted
	done          []string // as the log of a failure has it
	refusal       bool     // the last of these was refused
	here          *organization
	classes       bool       // whether they are of several classes
	lifetimes     bool       // whether messages of this sequence have some
	acknowledging bool       // whether they ask to be acknowledged
	onward        *principal // who has an escalation go on
}

// sending is a call that made a message.
type sending struct {
	by      *principal
	key     string
	request api.SendRequest
	message *message
	at      time.Time
}

// as gives an action the source of chance of its step.
func (m *machine) as(action func()) func(*rapid.T) {
	return func(t *rapid.T) {
		m.rapid, m.here = t, nil
		action()
		for _, o := range m.organizations {
			if o.moving {
				m.pass(o, time.Second)
			}
		}
	}
}

func one[T any](m *machine, what string, from []T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(m.rapid, what)]
}

// organization is one in a step, now and then another.
func (m *machine) organization() *organization {
	if m.here == nil {
		m.here = one(m, "organization", m.organizations[:])
	} else if rapid.IntRange(0, 15).Draw(m.rapid, "another organization") == 15 {
		return one(m, "organization", m.organizations[:])
	}
	return m.here
}

// principal is one that may act.
func (m *machine) principal() *principal {
	by := one(m, "who", m.organization().principals)
	if by.gone {
		m.rapid.Skip("deactivated")
	}
	return by
}

// likely is one of a list, mostly of those that are good for something; skips the step where there is none.
func likely[T any](m *machine, what string, list []T, good func(T) bool) T {
	if len(list) == 0 {
		m.rapid.Skip("no " + what + " yet")
	}
	if rapid.IntRange(0, 3).Draw(m.rapid, "whether it is a good "+what) > 0 {
		var some []T
		for _, v := range list {
			if good(v) {
				some = append(some, v)
			}
		}
		if len(some) > 0 {
			list = some
		}
	}
	return one(m, what, list)
}

// conversation of either organization, mostly one that somebody sees.
func (m *machine) conversation(by *principal) *conversation {
	return likely(m, "conversation", m.organization().order, by.sees)
}

// message of either organization, mostly one that somebody sees.
func (m *machine) message(by *principal) *message {
	return likely(m, "message", m.organization().all, by.seesMessage)
}

// log notes what was done, for whoever reads of a failure: of what was refused only the last.
func (m *machine) log(format string, args ...any) {
	if m.refusal {
		m.done = m.done[:len(m.done)-1]
	}
	m.refusal = slices.ContainsFunc(args, isError)
	m.done = append(m.done, fmt.Sprintf(format, args...))
}

func isError(arg any) bool { err, is := arg.(error); return is && err != nil }

func (m *machine) fail(format string, args ...any) {
	m.rapid.Helper()
	m.rapid.Fatalf("after\n  %s\n%s", strings.Join(m.done, "\n  "), fmt.Sprintf(format, args...))
}

// refused fails unless err is the server's refusal with a status.
func (m *machine) refused(err error, status int, what string, args ...any) {
	m.rapid.Helper()
	var refusal *api.Error
	if !errors.As(err, &refusal) || refusal.HTTPStatus != status {
		m.fail("%s: want %d, got %v", fmt.Sprintf(what, args...), status, err)
	}
}

// ok fails where err is one.
func (m *machine) ok(err error, what string, args ...any) {
	m.rapid.Helper()
	if err != nil {
		m.fail("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// ask sends a message. A wanted status of 0 means that it must be accepted; then the new message is returned, for the model to
// put where it belongs.
func (m *machine) ask(by *principal, request api.SendRequest, wanted int) (*message, *api.Message) {
	m.rapid.Helper()
	m.number++
	s := &sending{by: by, at: by.org.now, key: fmt.Sprintf("key %d", m.number), request: request}
	m.shortLived(&s.request)
	m.asks(&s.request)
	s.request.Body = api.Text(fmt.Sprintf("text %d", m.number))
	got, err := by.client.Send(background, s.request, api.IdempotencyKey(s.key))
	m.log("%s sends %sto %s: %v", by, sort(s.request), text(request.To), outcome(got, err))
	if wanted != 0 {
		m.refused(err, wanted, "%s sends to %+v", by, request.To)
		return nil, nil
	}
	m.ok(err, "%s sends to %+v", by, request.To)
	s.message = &message{id: got.ID, author: by, text: fmt.Sprintf("text %d", m.number), sent: s}
	m.last = s
	return s.message, got
}

// sort is what sort of message it is, where it is not a plain one.
func sort(request api.SendRequest) (what string) {
	if request.Internal {
		what += "a note "
	}
	if request.TTL > 0 {
		what += fmt.Sprintf("for %d s ", request.TTL)
	}
	if request.Escalate {
		what += "escalating "
	}
	if request.DeleteOnRead {
		what += "to be deleted on read "
	}
	if !request.SendAt.IsZero() {
		what += "at " + request.SendAt.Format(time.RFC3339) + " "
	}
	return what
}

// text is a thing as it is sent.
func text(v any) string {
	encoded, _ := json.Marshal(v)
	return string(encoded)
}

func outcome(got *api.Message, err error) any {
	if err != nil {
		return err
	}
	return fmt.Sprintf("message %s, %d of %s", got.ID, got.Sequence, got.ConversationID)
}

// into puts an accepted message into a conversation that is known or new, by what it is about.
func (m *machine) into(o *organization, about string, msg *message, got *api.Message, kind api.ConversationKind, members ...*principal) {
	m.rapid.Helper()
	c := o.keyed[about]
	if c == nil {
		if o.conversations[got.ConversationID] != nil {
			m.fail("a new %s conversation was expected, not %s", kind, got.ConversationID)
		}
		c = o.begin(got.ConversationID, kind, members...)
		o.keyed[about] = c
	}
	msg.in = c
	if c.id != got.ConversationID {
		m.fail("the message went into conversation %s, not %s", got.ConversationID, c.id)
	}
	if msg.scheduled {
		msg.ttl = c.lives(time.Duration(msg.sent.request.TTL) * time.Second)
		o.keep(msg)
		return
	}
	c.enter(msg)
	if int64(msg.number) != got.Sequence {
		m.fail("message %s has the number %d, not %d", got.ID, got.Sequence, msg.number)
	}
}

func pair(a, b *principal) string {
	return "direct " + min(a.user, b.user) + " " + max(a.user, b.user)
}

func (m *machine) toUser() {
	by := m.principal()
	to := one(m, "to", m.organization().users)
	switch {
	case to.org != by.org || to == by || to.gone:
		m.ask(by, api.SendRequest{To: api.Recipient{User: to.user}}, 422)
	default:
		msg, got := m.ask(by, api.SendRequest{To: api.Recipient{User: to.user}}, 0)
		m.into(by.org, pair(by, to), msg, got, api.ConversationDirect, by, to)
	}
}

func (m *machine) toUsers() {
	by := m.principal()
	ids, members, gone := []string{}, []*principal{by}, false
	for range rapid.IntRange(1, 3).Draw(m.rapid, "how many") {
		to := one(m, "to", by.org.users)
		if slices.Contains(ids, to.user) {
			continue
		}
		ids = append(ids, to.user)
		gone = gone || to.gone
		if to != by {
			members = append(members, to)
		}
	}
	if len(members) == 1 || gone {
		m.ask(by, api.SendRequest{To: api.Recipient{Users: ids}}, 422)
		return
	}
	msg, got := m.ask(by, api.SendRequest{To: api.Recipient{Users: ids}}, 0)
	m.into(by.org, "group "+msg.id, msg, got, api.ConversationGroup, members...)
}

func (m *machine) toTeam() {
	by, of := m.principal(), m.organization()
	request := api.SendRequest{To: api.Recipient{Team: of.team}}
	switch {
	case of != by.org:
		m.ask(by, request, 422)
	case !by.takesPart(by.org.keyed["team"]):
		m.ask(by, request, 403)
	default:
		msg, got := m.ask(by, request, 0)
		m.into(by.org, "team", msg, got, api.ConversationTeam)
	}
}

func about(number string, ch *channel) string { return "external " + number + " " + ch.id }

// outside puts a message from or to a contact's number where it belongs.
func (m *machine) outside(c *contact, number string, ch *channel, msg *message, got *api.Message) {
	m.rapid.Helper()
	m.into(m.ownerOf(c), about(number, ch), msg, got, api.ConversationExternal)
	if msg.in.channel == nil {
		msg.in.contact, msg.in.number, msg.in.channel = c, number, ch
	}
}

func (m *machine) ownerOf(c *contact) *organization {
	for _, o := range m.organizations {
		for _, has := range o.contacts {
			if has == c {
				return o
			}
		}
	}
	panic("nobody's contact")
}

func (m *machine) toContact() {
	by := m.principal()
	of := m.organization()
	c := one(m, "contact", of.contacts)
	ch := one(m, "channel", append([]*channel{nil}, of.channels...))
	request := api.SendRequest{To: api.Recipient{Contact: c.id}}
	c = c.became()
	if ch != nil {
		request.To.Channel = ch.id
	} else if ch = of.channels[0]; c.last != nil && by.uses(c.last) {
		ch = c.last
	}
	if m.classes {
		request.Class = one(m, "class", []api.MessageClass{"", "marketing", "service"})
	}
	if of != by.org || !by.uses(ch) || c.out || of.suppresses(c.numbers[0], request.Class, ch) {
		m.ask(by, request, 422)
		return
	}
	msg, got := m.ask(by, request, 0)
	msg.contact = c
	of.goesOut(msg, c.numbers[0], ch)
	m.outside(c, c.numbers[0], ch, msg, got)
}

// alone: nobody is left of the two of a direct conversation to whom it would go.
func (m *machine) alone(by *principal, c *conversation) bool {
	if c.kind != api.ConversationDirect {
		return false
	}
	gone := slices.ContainsFunc(c.org.users, func(u *principal) bool { return u != by && u.gone && c.members[u.user] != nil })
	if gone && c.members[by.user] == nil {
		m.rapid.Skip("not said")
	}
	return gone
}

func (m *machine) toConversation() {
	by := m.principal()
	c := m.conversation(by)
	m.mayWriteIn(by, c)
	request := api.SendRequest{To: api.Recipient{Conversation: c.id}}
	switch {
	case !by.sees(c):
		m.ask(by, request, 422)
	case !by.takesPart(c):
		m.ask(by, request, 403)
	case m.alone(by, c):
		m.ask(by, request, 422)
	case c.contact != nil && (c.contact.out || c.org.suppresses(c.number, "", c.channel)):
		m.ask(by, request, 422)
	default:
		msg, got := m.ask(by, request, 0)
		msg.in = c
		c.enter(msg)
		if got.ConversationID != c.id || got.Sequence != int64(msg.number) {
			m.fail("the message is %d of %s, not %d of %s", got.Sequence, got.ConversationID, msg.number, c.id)
		}
		if c.contact != nil {
			msg.contact = c.contact
			c.org.goesOut(msg, c.number, c.channel)
		}
		m.spread(msg)
	}
}

// note writes something into a conversation with a contact that the contact does not get.
func (m *machine) note() {
	by := m.principal()
	c := m.conversation(by)
	if c.contact == nil {
		m.rapid.Skip("nobody outside")
	}
	request := api.SendRequest{To: api.Recipient{Conversation: c.id}, Internal: true}
	if !by.sees(c) {
		m.ask(by, request, 422)
		return
	}
	msg, got := m.ask(by, request, 0)
	msg.note, msg.in = true, c
	c.enter(msg)
	if got.ConversationID != c.id || got.Sequence != int64(msg.number) {
		m.fail("the note is %d of %s, not %d of %s", got.Sequence, got.ConversationID, msg.number, c.id)
	}
}

func (m *machine) later() {
	by := m.principal()
	to := one(m, "to", by.org.users)
	if to == by || to.gone {
		m.rapid.Skip("nobody to write to")
	}
	at := by.org.moment(m)
	msg, got := m.ask(by, api.SendRequest{To: api.Recipient{User: to.user}, SendAt: api.NewTime(at)}, 0)
	msg.scheduled = true
	m.into(by.org, pair(by, to), msg, got, api.ConversationDirect, by, to)
	by.org.at(at, func() { // also where its author is deactivated
		switch {
		case msg.canceled || msg.removed:
		case to.gone:
			msg.canceled = true
			by.org.expires(msg, must(by.org.admin.client.GetMessage(background, msg.id)).ExpiresAt.Time)
		default:
			msg.scheduled = false
			msg.in.enter(msg)
		}
	})
}

// wrongSend is a request that is refused whoever makes it.
func (m *machine) wrongSend() {
	by, to := m.principal(), one(m, "to", m.organization().contacts)
	request := one(m, "request", []api.SendRequest{
		{To: api.Recipient{Contact: to.id, User: by.user}}, {}, {To: api.Recipient{Contact: by.user}}, {To: api.Recipient{Contact: to.id}, TTL: -1},
		{To: api.Recipient{Contact: to.id, Channel: by.org.channels[0].id}, ReplyTo: "nothing"}, {To: api.Recipient{Address: "phone"}}, {To: api.Recipient{Team: to.id}},
	})
	m.ask(by, request, 422)
}

// again makes the last accepted call once more.
func (m *machine) again() {
	s := m.last
	if s == nil || s.by.gone || s.by.org.now.Sub(s.at) > 23*time.Hour || !s.by.seesMessage(s.message) {
		m.rapid.Skip("nothing to repeat")
	}
	var answer api.Answer
	got, err := s.by.client.Send(background, s.request, api.IdempotencyKey(s.key), api.WithAnswer(&answer))
	m.ok(err, "%s repeats %q", s.by, s.key)
	if got.ID != s.message.id || !answer.Replayed {
		m.fail("%s repeats %q: message %s (replayed: %v), not %s", s.by, s.key, got.ID, answer.Replayed, s.message.id)
	}
	s.message.matches(m, s.by, got)
	other := s.request
	other.Body = api.Text("something else")
	_, err = s.by.client.Send(background, other, api.IdempotencyKey(s.key))
	m.refused(err, 422, "%s uses %q for another message", s.by, s.key)
}
