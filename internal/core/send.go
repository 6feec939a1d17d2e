package core

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/message"
	"github.com/parley-server/parley/internal/core/pages"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Sent is an accepted message.
type Sent struct {
	Message  parley.Message
	Replayed bool            // the request had been made before; this is its message as it is now
	Pace     limits.Paced    // of a record
	Customer parley.ID       // of the conversation of a record
	Channel  *parley.Channel // that it goes out on
	// Deliveries are those that it was accepted with; none of one that is replayed or scheduled.
	Deliveries []parley.Delivery
}

// accepted is the status that a send's idempotency record answers with.
const accepted = 202

// Send accepts a message: it is durable, with everything that will be done about it, when Send returns.
// A send whose conversation exists takes the store's hot path, by a route that is remembered or found by reading; what
// is checked there again sends it here to the slow one, which finds or makes what is missing.
func (c *Core) Send(ctx context.Context, p *Principal, params SendParams) (Sent, error) {
	s, err := c.newSend(ctx, p, params)
	if err != nil {
		return c.again(ctx, p, &params, err)
	}
	key, routable := routeKeyOf(p, &params.To)
	key.record = params.Record.sort()
	if routable && s.hot() {
		r := c.routes.get(key)
		if r == nil {
			if r, err = s.look(ctx); err != nil {
				return Sent{}, err
			}
		}
		if r != nil && s.suits(r) {
			sent, err := c.sendHot(ctx, s, r)
			if err == nil {
				c.remember(s, key, r)
			}
			if !errors.Is(err, store.ErrStale) {
				return sent, err
			}
			c.routes.drop(key)
		}
	}
	sent, r, err := c.sendSlow(ctx, s)
	if err == nil && routable && r != nil {
		c.remember(s, key, r)
	}
	return sent, err
}

// remember keeps a route for the next send to the same place. Where each send begins a conversation there is none, and what is sent
// as a role goes to another place than what its author sends.
func (c *Core) remember(s *send, key routeKey, r *route) {
	if s.params.From.Role != "" {
		return
	}
	if r.channel != nil && r.channel.Thread == parley.ThreadEach && s.params.To.Conversation == "" {
		return
	}
	if r.conversation.Status == parley.StatusOpen && !r.passing() && (s.plain() || s.params.Record != nil && !s.params.Internal) {
		c.routes.put(key, r)
	}
}

// look finds the route of a message by reading alone. It returns nil where something has to be made or opened for it,
// and where it is to be refused: the slow path says so, after it has looked for an earlier request with the same key. An
// error is that of a database that cannot be used.
func (s *send) look(ctx context.Context) (r *route, err error) {
	err = s.c.store.Look(ctx, func(tx *store.Tx) (err error) {
		r, err = s.resolve(tx)
		return err
	})
	switch {
	case parley.IsKind(err, parley.KindUnavailable):
		return nil, err
	case err != nil || r.conversation.Status != parley.StatusOpen || r.passing():
		return nil, nil
	}
	return r, nil
}

// send is a message being accepted.
type send struct {
	c      *Core
	p      *Principal
	params SendParams
	now    time.Time // of its acceptance, or a moment before
	id     parley.ID
	claim  *store.Idempotency
	policy parley.Policy
	later  bool         // it is scheduled
	role   *parley.Role // as which it is sent
	draft  *parley.Draft
	root   parley.ID // of the thread that it is a reply in
	asText []int     // parts that the platform gets as plain text

	into    parley.ID       // the conversation that it is scheduled in
	own     []parley.Part   // of the body, where that is followed by what is forwarded
	forward *parley.Forward // what it forwards
	files   []parley.Attachment
	of      *parley.Templated // the template that the body was made of
	urls    []string          // web addresses that go out as short links

	mentioned []parley.Mention
	called    []parley.Page
}

func (c *Core) newSend(ctx context.Context, p *Principal, params SendParams) (*send, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return nil, err
	}
	if params.Record != nil {
		if err := p.Require(parley.ScopeMessagesRecord); err != nil {
			return nil, err
		}
	}
	now := c.now(ctx, p.Organization)
	if err := params.validate(now); err != nil {
		return nil, err
	}
	policy, name, err := c.policy(ctx, p.Organization)
	if err != nil {
		return nil, err
	}
	s := &send{c: c, p: p, now: now, params: params, id: cmp.Or(params.ID, parley.NewID(now)), policy: policy, later: params.SendAt.After(now)}
	if s.params.From.Author.Kind == parley.ActorOrganization {
		s.params.From.Author.Name = name
	}
	if err := s.mayAppear(); err != nil {
		return nil, err
	}
	if s.claim, err = p.Claim(params.Idempotency, accepted, s.id); err != nil {
		return nil, err
	}
	if err := s.render(ctx); err != nil {
		return nil, err
	}
	s.own = s.params.Body
	return s, s.lifetime()
}

// lifetime makes the ttl the effective one under the organization's policy.
func (s *send) lifetime() error {
	policy, ttl := s.policy, s.params.TTL
	switch {
	case policy.LockTTL && s.params.YieldTTL:
		ttl = 0
	case s.params.Forever && policy.MaxTTL > 0:
		return parley.Invalid("ttl", "out-of-range", "content lives for at most %d seconds in the organization", int64(policy.MaxTTL/time.Second))
	case s.params.Forever && !policy.LockTTL:
		policy.DefaultTTL, s.policy.DefaultTTL = 0, 0
	case s.params.Forever && policy.DefaultTTL != 0, policy.LockTTL && ttl != 0 && ttl != policy.DefaultTTL:
		return parley.Invalid("ttl", "ttl-locked", "the organization fixes it at %d seconds", int64(policy.DefaultTTL/time.Second))
	}
	s.params.TTL = policy.Lifetime("", ttl)
	return nil
}

// hot reports whether nothing but the route has to be known to accept the message. In a test organization the time has, too.
func (s *send) hot() bool {
	return !s.p.Organization.OfTest() && !s.later && (s.params.Record == nil || s.params.Record.hot(s)) && s.params.ReplyTo == "" && len(s.params.Attachments) == 0 &&
		s.params.From.Role == "" && s.known() && !s.params.RequestAck && len(s.params.Fallback) == 0 && s.params.Forward == "" && s.params.Draft == "" && s.params.ID == "" && !s.params.Escalate && !content.Names(s.params.Body)
}

// counted reports whether a limit of what contacts get counts the message: whether there is a place is decided where it is added.
func (s *send) counted(r *route) bool {
	return r.channel != nil && s.plain() && len(s.policy.Limits(s.params.Class, r.channel.Platform, s.params.Priority)) > 0
}

// suits reports whether a message may take a route that it has to know nothing else for.
func (s *send) suits(r *route) bool {
	if s.params.Record != nil {
		return s.params.Record.suits(r)
	}
	return !s.counted(r)
}

// admit gives the recipients of a message their places.
func (s *send) admit(tx *store.Tx, a *store.Append, r *route) error {
	return limits.Admit(tx, s.p.Organization, &s.policy, a, s.quiet(a, r))
}

// plain reports whether the route of the message is that of other messages to the same place: notes and records
// go where nobody outside gets them, also to those who may not be written to.
func (s *send) plain() bool { return !s.params.Internal && s.params.Record == nil }

func (c *Core) sendHot(ctx context.Context, s *send, r *route) (Sent, error) {
	if err := parley.FirstError(s.admitted(&r.conversation), s.taken(r), s.ofCustomer(r)); err != nil {
		return Sent{}, err
	}
	a, err := s.build(r)
	if err != nil {
		return Sent{}, err
	}
	a.ConversationRev, a.ContactRev, a.ChannelRev, a.ChannelsRev = r.conversation.Rev, r.contactRev, r.channelRev(), r.channelsRev
	if err := c.store.Append(ctx, a); err != nil {
		return c.replay(ctx, s, s.refused(a, err))
	}
	return c.done(s, a, r), nil
}

// done wakes the queue and completes the accepted message.
func (c *Core) done(s *send, a *store.Append, r *route) Sent {
	if len(a.Jobs) > 0 || s.params.To.Broadcast != "" { // whose copies have jobs of their own
		c.kick()
	}
	return Sent{Message: a.Message, Pace: limits.PacedOf(a.Recorded), Customer: r.customer, Channel: r.channel, Deliveries: a.Deliveries}
}

// replay answers a repeated request with its message as it is now.
func (c *Core) replay(ctx context.Context, s *send, err error) (Sent, error) {
	replay, err := access.Replayed(err, s.claim)
	if replay == nil {
		return Sent{}, err
	}
	m, err := c.Message(ctx, s.p, replay.Resource)
	return Sent{Message: m, Replayed: true}, err
}

func (c *Core) sendSlow(ctx context.Context, s *send) (Sent, *route, error) {
	var a *store.Append
	var r *route
	err := c.store.Write(ctx, s.p.Organization, func(tx *store.Tx) (err error) {
		a, r, err = s.accept(tx)
		return s.refused(a, err)
	})
	if err != nil {
		sent, err := c.replay(ctx, s, err)
		return sent, nil, err
	}
	return c.done(s, a, r), r, nil
}

// ownParts are the parts of the body that are the send's own.
func (s *send) ownParts() []parley.Part {
	if s.params.Forward != "" {
		return s.own
	}
	return s.params.Body
}

// complete looks up the files and people that the send's own parts name.
func (s *send) complete(tx *store.Tx) error {
	own := s.ownParts()
	if s.of != nil || !content.Names(own) { // a template has looked its own up
		return nil
	}
	return content.Complete(tx.Queries, content.Sender{Organization: s.p.Organization, User: s.p.User, Personal: s.p.Personal}, own)
}

// accept is the slow path inside the transaction: it finds or makes the conversation, checks what the message
// names, and adds it.
func (s *send) accept(tx *store.Tx) (*store.Append, *route, error) {
	if err := s.prepare(tx); err != nil {
		return nil, nil, err
	}
	r, err := s.resolve(tx)
	if err != nil {
		return nil, nil, err
	}
	if err := parley.FirstError(s.checkReply(tx, r), s.checkEscalate(r), s.taken(r), s.ofCustomer(r)); err != nil {
		return nil, nil, err
	}
	if s.draft != nil && s.draft.Conversation != r.conversation.ID {
		return nil, nil, errDraft()
	}
	a, err := s.build(r)
	if err != nil {
		return nil, nil, err
	}
	if len(a.Message.Fallback) > 0 {
		if err := fallback.Check(tx, s.p, &a.Message, &s.policy, r.conversation.Kind == parley.ConversationBroadcast, s.c.definition); err != nil {
			return nil, nil, err
		}
	}
	if s.params.Record != nil {
		if err := s.recordAuthor(tx, &a.Message); err != nil {
			return nil, nil, err
		}
	} else if err := s.named(tx, &r.conversation, s.ownParts()); err != nil {
		return nil, nil, err
	}
	if s.later {
		return a, r, parley.FirstError(s.schedule(tx, a), s.dropDraft(tx))
	}
	return a, r, s.put(tx, a, r)
}

// named finds whom a body mentions and calls in a conversation.
func (s *send) named(tx *store.Tx, c *parley.Conversation, body []parley.Part) (err error) {
	if s.mentioned, err = message.Mentioned(tx.Queries, s.p.Organization, c, body); err != nil {
		return err
	}
	s.called, err = pages.Called(tx.Queries, s.p.Organization, c, body)
	return err
}

// notify keeps whom a message mentions and calls, and tells the log.
func (s *send) notify(tx *store.Tx, m *parley.Message) error {
	if err := message.Mention(tx, s.p.Organization, s.p.User, m, s.mentioned); err != nil {
		return err
	}
	return pages.Add(tx, s.p.Organization, s.p.User, m, s.called)
}

// sendNote writes a note for the pages.
func (c *Core) sendNote(ctx context.Context, p *Principal, n pages.Note) (parley.ID, bool, error) {
	sent, err := c.Send(ctx, p, SendParams{To: To{Conversation: n.Conversation}, Body: n.Body, Internal: n.Internal, Idempotency: n.Idempotency})
	return sent.Message.ID, sent.Replayed, err
}

// prepare reads what the message is made of.
func (s *send) prepare(tx *store.Tx) error {
	if err := tx.ClaimKey(s.p.Organization, s.claim); err != nil {
		return err
	}
	if s.params.ID != "" {
		if err := tx.TakenID(s.p.Organization, s.id); err != nil {
			return err
		}
	}
	if err := parley.FirstError(s.findDraft(tx), s.attachments(tx), s.appear(tx)); err != nil {
		return err
	}
	if err := s.complete(tx); err != nil {
		return err
	}
	return s.copySource(tx)
}

// put adds a message that is sent now, and does what follows from it.
func (s *send) put(tx *store.Tx, a *store.Append, r *route) error {
	if err := s.admit(tx, a, r); err != nil {
		return err
	}
	if err := s.reopen(tx, r); err != nil {
		return err
	}
	if err := appendRelated(tx, a); err != nil {
		return err
	}
	if err := s.notify(tx, &a.Message); err != nil {
		return err
	}
	if err := s.dropDraft(tx); err != nil {
		return err
	}
	if s.params.To.Broadcast != "" {
		if err := s.c.expand(tx, s, a, r); err != nil {
			return err
		}
	}
	if r.first {
		if err := s.answerAway(tx, r); err != nil {
			return err
		}
	}
	if err := s.escalate(tx, a, r); err != nil {
		return err
	}
	return s.passOn(tx, a, r)
}

// checkReply finds the thread that the message is a reply in: answering a reply continues its thread.
func (s *send) checkReply(tx *store.Tx, r *route) error {
	if s.params.ReplyTo == "" {
		return nil
	}
	m, _, err := thread.NewSight(tx.Queries, s.p).Message(s.params.ReplyTo)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && (m.Conversation != r.conversation.ID || m.Sequence == 0 ||
		s.params.Answers != nil && !s.params.Answers(&m, &r.conversation)) {
		return parley.Invalid("replyTo", "reply-unknown", "must be a message of the same conversation")
	}
	s.root = m.Thread()
	return err
}
