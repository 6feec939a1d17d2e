package core

import (
	"container/list"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// route is where a send goes: a conversation that exists, and what was seen of it. The store checks inside the
// transaction that nothing of it has changed.
type route struct {
	conversation parley.Conversation // without participants
	contact      parley.ID           // whose opt-out and addresses count
	contactRev   int64
	customer     parley.ID // of one with somebody outside
	customerName string
	contacts     int                  // who take part; only of one it is seen that it has changed
	channel      *parley.Channel      // of an external one
	channelsRev  int64                // of all channels, among which it was chosen
	recipients   []recipient          // outside
	barred       []parley.Suppression // of these
	zones        []*time.Location     // of these, as far as they are contacts; nil: not known
	list         parley.ID            // of a broadcast, whose members get copies
	members      int                  // users who receive it, besides the author
	role         *parley.Role         // of a role's conversation that it is written to from outside, while nobody is on duty
	first        bool                 // nothing has been written to it since

	waited bool // somebody outside waits for an answer, by an SLA policy

	away   *availability.Away       // the recipient, who does not want to be disturbed
	policy *parley.EscalationPolicy // by which the message may escalate
}

// locate adds the time zone of a recipient.
func (r *route) locate(contact *parley.Contact) { r.zones = append(r.zones, hours.ZoneOf(contact)) }

// wait makes the deliveries of a message wait that is sent in quiet hours: all of them, for the last of its recipients.
func (s *send) wait(a *store.Append, r *route) {
	m := &a.Message
	if s.later {
		return
	}
	if m.NotBefore = s.quiet(a, r)(s.now); m.NotBefore.IsZero() {
		return
	}
	for i := range a.Deliveries {
		if d := &a.Deliveries[i]; d.State == parley.Queued {
			d.NextAttempt, d.Code, d.Reason = m.NotBefore, hours.CodeQuiet, hours.ReasonQuiet
		}
	}
}

// quiet returns until when a message waits that would go out at a time; zero where that is not in quiet hours.
func (s *send) quiet(a *store.Append, r *route) func(at time.Time) time.Time {
	if !s.policy.Quiet.Defers(a.Message.Class, a.Message.Priority) {
		return func(time.Time) time.Time { return time.Time{} }
	}
	zones := r.zones
	if len(zones) < len(r.recipients) {
		zones = append(slices.Clone(zones), nil)
	}
	return func(at time.Time) time.Time { return hours.QuietUntil(&s.policy.Quiet, at, zones...) }
}

// passing reports whether a route is good for one message only: what comes of it is found out each time.
func (r *route) passing() bool {
	return r.list != "" || r.contacts > 1 || r.waited || r.role != nil || r.away != nil || r.policy != nil && r.policy.Always
}

// recipient is an outside participant and the address that is written to.
type recipient struct {
	actor   parley.Actor
	address parley.Address
	role    parley.ReceiverRole // of one of several
}

func (r *route) channelRev() int64 {
	if r.channel == nil {
		return 0
	}
	return r.channel.Rev
}

func (r *route) channelID() parley.ID {
	if r.channel == nil {
		return ""
	}
	return r.channel.ID
}

// routeKey says which sends take a route.
type routeKey struct {
	organization, author parley.ID
	to                   string
	channel              parley.ID
	record               string // which sort, of what happened elsewhere
}

// routeKeyOf returns the key of a send whose route may be remembered.
func routeKeyOf(p *Principal, to *To) (routeKey, bool) {
	k := routeKey{organization: p.Organization, author: p.User, channel: to.Channel}
	switch {
	case to.New:
		return k, false
	case to.Conversation != "":
		k.to = "c" + string(to.Conversation)
	case to.Contact != "":
		k.to = "p" + string(to.Contact)
	case to.User != "":
		k.to = "u" + string(to.User)
	case to.Role != "":
		k.to = "r" + string(to.Role)
	case to.Team != "":
		k.to = "t" + string(to.Team)
	case to.Address != "":
		k.to = "a" + to.Address
	default:
		return k, false
	}
	return k, true
}

const maxRoutes = 50_000

// routes remembers the routes of recent sends, least recently used first to go. What it holds may be stale.
type routes struct {
	mu     sync.Mutex
	most   int
	byKey  map[routeKey]*list.Element
	recent *list.List // of *keyedRoute
}

type keyedRoute struct {
	key   routeKey
	route *route
}

func newRoutes(most int) *routes {
	return &routes{most: most, byKey: map[routeKey]*list.Element{}, recent: list.New()}
}

func (r *routes) get(k routeKey) *route {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.byKey[k]
	if e == nil {
		return nil
	}
	r.recent.MoveToFront(e)
	return e.Value.(*keyedRoute).route
}

func (r *routes) put(k routeKey, to *route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byKey[k]; e != nil {
		e.Value.(*keyedRoute).route = to
		r.recent.MoveToFront(e)
		return
	}
	r.byKey[k] = r.recent.PushFront(&keyedRoute{k, to})
	if len(r.byKey) > r.most {
		last := r.recent.Remove(r.recent.Back()).(*keyedRoute)
		delete(r.byKey, last.key)
	}
}

func (r *routes) drop(k routeKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byKey[k]; e != nil {
		r.recent.Remove(e)
		delete(r.byKey, k)
	}
}

// away returns a user whom the message is for, if that one does not want to be disturbed. What happened elsewhere, and notes,
// reach nobody else.
func (s *send) away(tx *store.Tx, user parley.Actor) (*availability.Away, error) {
	if !s.plain() {
		return nil, nil
	}
	return availability.Look(tx, s.p.Organization, user)
}

// otherAway is away for the other one of a direct conversation. What somebody else writes there is for both, who have it.
func (s *send) otherAway(tx *store.Tx, conversation *parley.Conversation, participants []parley.Participant) (*availability.Away, error) {
	at := slices.IndexFunc(participants, func(p parley.Participant) bool { return p.Kind == parley.ActorUser && p.ID != s.p.User })
	if conversation.Kind != parley.ConversationDirect || at < 0 || !takesPart(participants, s.p.User) {
		return nil, nil
	}
	return s.away(tx, parley.Actor{Kind: parley.ActorUser, ID: participants[at].ID, Name: participants[at].Name})
}

// passOn tells the clocks of a conversation that its customer was answered, and brings a message that was accepted to those whom its recipient has it forwarded to, as a copy in the author's own
// conversation with each: nobody sees anything else of the recipient's. The author is told.
func (s *send) passOn(tx *store.Tx, a *store.Append, r *route) error {
	if r.waited {
		if err := sla.Answered(tx, s.p.Organization, r.conversation.ID, a.Message.SentAt); err != nil {
			return err
		}
	}
	if r.away == nil {
		return nil
	}
	course, err := availability.Follow(tx, s.p.Organization, s.p.User, r.away)
	if err != nil {
		return err
	}
	for i := range course.Hops {
		if err := s.copyTo(tx, a, &course.Hops[i]); err != nil {
			return err
		}
	}
	notice, text, err := course.Notice(tx, s.p.Organization, a.Message.Conversation, r.away)
	if err != nil || notice == nil {
		return err
	}
	return s.answer(tx, r, r.away.User, notice, text)
}

// copyTo adds the copy for one of them. A reply is to a message that is not there.
func (s *send) copyTo(tx *store.Tx, a *store.Append, hop *availability.Hop) error {
	copied := *s
	own := &copied
	own.id, own.claim, own.root, own.params.ReplyTo, own.params.Idempotency = parley.NewID(tx.Now), nil, "", "", nil
	r, err := own.hop(tx, hop)
	if err != nil {
		return err
	}
	more, err := own.build(r)
	if err != nil {
		return err
	}
	m := &more.Message
	m.Parent, m.OnBehalfOf, m.Author, m.Attachments = a.Message.ID, hop.OnBehalfOf, a.Message.Author, a.Message.Attachments
	if err := own.reopen(tx, r); err != nil {
		return err
	}
	if err := appendRelated(tx, more); err != nil {
		return err
	}
	if r.first {
		if err := own.answerAway(tx, r); err != nil {
			return err
		}
	}
	return own.escalate(tx, more, r)
}

func (s *send) hop(tx *store.Tx, hop *availability.Hop) (*route, error) {
	if hop.Role == nil {
		return s.direct(tx, *hop.User)
	}
	conversation, err := s.roleThread(tx, hop.Role, s.self())
	if err != nil {
		return nil, err
	}
	return s.reaching(tx, hop.Role, s.p.User, conversation)
}

// attachments checks the files and keeps them as the message names them.
func (s *send) attachments(tx *store.Tx) error {
	s.files = nil
	if len(s.params.Attachments) == 0 {
		return nil
	}
	files, err := tx.MediaByID(s.p.Organization, s.params.Attachments)
	if err != nil {
		return err
	}
	for i, id := range s.params.Attachments {
		f := files[id]
		if f == nil || s.p.Personal && f.Uploader != s.p.User && !s.drafted(f.ID) {
			return parley.Invalid(fmt.Sprintf("attachments[%d]", i), "media-unknown", "must be the id of a file that you uploaded")
		}
		name := f.Name
		if i < len(s.params.Names) && s.params.Names[i] != "" {
			name = s.params.Names[i]
		}
		s.files = append(s.files, parley.Attachment{Media: f.ID, Name: name, ContentType: f.ContentType, Size: f.Size})
	}
	return nil
}

// fits checks the content against what the channel's platform can carry.
func (s *send) fits(r *route) error {
	params := &s.params
	s.asText, s.urls = nil, nil
	if err := s.permitted(r); err != nil {
		return err
	}
	if r.channel == nil || params.Internal || params.Record != nil {
		if params.DeleteOnRead && r.channel != nil {
			return parley.Invalid("deleteOnRead", "not-allowed", "does not go with an internal message")
		}
		return nil
	}
	_, platform, err := s.c.definition(r.channel)
	if err != nil {
		return err
	}
	if params.DeleteOnRead && !platform.ReadReceipts {
		return parley.Invalid("deleteOnRead", "no-read-receipts", "the platform %s does not report reading", platform.Name)
	}
	if len(s.files) > platform.Attachments {
		return parley.Invalid("attachments", "too-many", "the platform %s takes at most %d", platform.Name, platform.Attachments)
	}
	body := params.Body
	if s.shortens(r) {
		if s.urls = content.Links(body); len(s.urls) > 0 {
			body = content.WithLinks(body, func(string) string { return s.c.url() + content.LinkPath + content.NewCode() })
		}
	}
	_, s.asText, err = platform.Fit(body)
	return err
}

// permitted refuses what members may not send each other by the organization's policy.
func (s *send) permitted(r *route) error {
	if r.channel != nil || r.conversation.Visibility != parley.VisibleToMembers || s.params.Record != nil {
		return nil
	}
	if s.policy.NoHighPriority && s.params.Priority == parley.PriorityHigh {
		return forbidden("priority", "priority-not-allowed", "messages between members may not have high priority in the organization")
	}
	if !s.policy.NoImages && !s.policy.NoFiles {
		return nil
	}
	for i, f := range s.files {
		if s.bars(strings.HasPrefix(f.ContentType, "image/")) {
			return forbidden(fmt.Sprintf("attachments[%d]", i), codeFile, barredFile)
		}
	}
	return s.permitParts(s.params.Body)
}

const (
	codeFile   = "file-not-allowed"
	barredFile = "messages between members may not have such files in the organization"
)

// bars reports whether members may not send each other images, or other files.
func (s *send) bars(image bool) bool { return image && s.policy.NoImages || !image && s.policy.NoFiles }

// permitParts looks at the files in a body.
func (s *send) permitParts(body []parley.Part) error {
	for i := range body {
		switch p := &body[i]; p.Kind {
		case parley.PartImage, parley.PartGIF, parley.PartFile:
			if s.bars(p.Kind != parley.PartFile) {
				return forbidden("body", codeFile, barredFile)
			}
		case parley.PartSection:
			if err := s.permitParts(p.Parts); err != nil {
				return err
			}
		}
	}
	return nil
}

func forbidden(field, code, message string) error {
	return &parley.Error{Kind: parley.KindForbidden, Code: code, Message: message, Fields: []parley.FieldError{{Field: field, Code: code, Message: message}}}
}
