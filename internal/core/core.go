// Package core is every rule of messaging and every permission: sending, recording, receiving, delivering,
// reading, removing. Doors decode, call it, and encode; it alone decides.
package core

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/groups"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/core/inbox"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/message"
	"github.com/parley-server/parley/internal/core/pages"
	"github.com/parley-server/parley/internal/core/presence"
	"github.com/parley-server/parley/internal/core/profiles"
	"github.com/parley-server/parley/internal/core/reminder"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/core/views"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what the core stands on.
type Options struct {
	Store      *store.Store
	Connectors map[string]connector.Definition // the catalog
	Log        *slog.Logger
	// Kick wakes the queue after work was added; nil: nobody listens. It must not block.
	Kick func()
	// URL is the server's own address, of short links; nil or empty: there are none.
	URL func() string
}

// Core is the messaging of all organizations. What people do in conversations besides writing is in Threads;
// what they do with these as a whole is in the Inbox, what with messages in Actions; what is sent again and again in the
// Templates; what happened is in the Log; the Eraser makes content go; what those outside do not want is in
// Consent, what people do not want to be disturbed by in Availability, what
// they are reminded of in Reminders, where else messages go in Fallbacks, how many contacts get in Limits; what nobody takes note of goes on by Escalations.
type Core struct {
	*thread.Threads
	*eventlog.Log
	*erasure.Eraser
	*consent.Consent
	*inbox.Inbox
	*message.Actions
	Templates *template.Templates

	Availability *availability.Availability
	Escalations  *escalation.Escalations
	Groups       *groups.Groups
	Profiles     *profiles.Profiles
	Views        *views.Views
	Pages        *pages.Pages
	Presence     *presence.Presence
	Hours        *hours.Hours
	SLAs         *sla.Policies
	Reminders    *reminder.Reminders
	Fallbacks    *fallback.Fallbacks
	Limits       *limits.Limits

	store      *store.Store
	connectors map[string]connector.Definition
	log        *slog.Logger
	now        func(ctx context.Context, organization parley.ID) time.Time
	kick       func()
	url        func() string
	routes     *routes
	policies   sync.Map // organization → *cachedPolicy
	desks      sync.Map // organization → *cachedDesk
}

// New returns the core over a store.
func New(o Options) *Core {
	c := &Core{store: o.Store, connectors: o.Connectors, log: o.Log, now: o.Store.Now, kick: o.Kick, url: o.URL, routes: newRoutes(maxRoutes)}
	if c.url == nil {
		c.url = func() string { return "" }
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.kick == nil {
		c.kick = func() {}
	}
	c.Log = eventlog.New(o.Store)
	c.Threads = thread.New(thread.Options{Store: o.Store})
	c.Presence = presence.New(presence.Options{Store: o.Store})
	c.Availability = availability.New(availability.Options{Store: o.Store, Threads: c.Threads, Kick: c.kick, Changed: c.Presence.Look})
	c.Escalations = escalation.New(escalation.Options{Store: o.Store, Threads: c.Threads, Kick: c.kick})
	c.Profiles = profiles.New(o.Store)
	c.Hours = hours.New(o.Store)
	c.SLAs = sla.New(o.Store)
	c.Reminders = reminder.New(o.Store)
	c.Fallbacks = fallback.New(o.Store, c.Threads, c.kick)
	c.Groups = groups.New(groups.Options{Store: o.Store, Threads: c.Threads})
	c.Pages = pages.New(pages.Options{Store: o.Store, Send: c.sendNote})
	c.Views = views.New(views.Options{Store: o.Store, Threads: c.Threads})
	c.Inbox = inbox.New(inbox.Options{Store: o.Store})
	c.Eraser = erasure.New(erasure.Options{Store: o.Store, Threads: c.Threads, Kick: c.kick})
	c.Consent = consent.New(o.Store)
	c.Limits = limits.New(o.Store)
	c.Templates = template.New(o.Store)
	c.Actions = message.New(message.Options{Store: o.Store, Threads: c.Threads, Kick: c.kick})
	o.Store.OnCommit(c.forget)
	return c
}

// read returns queries outside of a transaction.
func (c *Core) read(ctx context.Context) store.Queries { return c.store.Read(ctx) }

// SeesAny reports whether somebody sees one of some things that have a file: messages, conversations, templates, saved replies.
func (c *Core) SeesAny(ctx context.Context, p *Principal, ids []parley.ID) (bool, error) {
	if seen, err := c.Threads.SeesAny(ctx, p, ids); err != nil || seen {
		return seen, err
	}
	return c.Templates.SeesAny(ctx, p, ids)
}

// cachedPolicy is an organization's policy as it was a moment ago.
type cachedPolicy struct {
	policy parley.Policy
	name   string // what the organization is called
	until  time.Time
}

// policyLife is how long a change of policy may take to be felt by sends of other nodes.
const policyLife = time.Second

// policy returns an organization's policy, and what it is called, at most policyLife old.
func (c *Core) policy(ctx context.Context, organization parley.ID) (parley.Policy, string, error) {
	now := c.now(ctx, "")
	if v, ok := c.policies.Load(organization); ok && now.Before(v.(*cachedPolicy).until) {
		return v.(*cachedPolicy).policy, v.(*cachedPolicy).name, nil
	}
	o, err := c.read(ctx).Organization(organization)
	if err != nil {
		return parley.Policy{}, "", err
	}
	c.policies.Store(organization, &cachedPolicy{policy: o.Policy, name: o.Name, until: now.Add(policyLife)})
	return o.Policy, o.Name, nil
}

// cachedDesk is an organization's desk as it was a moment ago.
type cachedDesk struct {
	desk  *desk
	until time.Time
}

// desk is what becomes of messages from outside, besides what policies say.
type desk struct {
	*hours.Desk
	promises []parley.SLAPolicy
}

// desk returns when an organization is open, what answers by itself, and what is promised, at most policyLife old.
func (c *Core) desk(ctx context.Context, organization parley.ID) (*desk, error) {
	now := c.now(ctx, "")
	if v, ok := c.desks.Load(organization); ok && now.Before(v.(*cachedDesk).until) {
		return v.(*cachedDesk).desk, nil
	}
	q := c.read(ctx)
	open, err := hours.LookUp(q, organization)
	if err != nil {
		return nil, err
	}
	promises, err := sla.LookUp(q, organization)
	if err != nil {
		return nil, err
	}
	d := &desk{open, promises}
	c.desks.Store(organization, &cachedDesk{d, now.Add(policyLife)})
	return d, nil
}

// forget makes what was changed felt by the next send.
func (c *Core) forget(commits []store.Committed) {
	for _, commit := range commits {
		for i := range commit.Events {
			if ChangedBy(commit.Events[i].Type) {
				c.Forget(commit.Organization)
				break
			}
		}
	}
}

// Forget drops what is remembered of an organization.
func (c *Core) Forget(organization parley.ID) {
	c.policies.Delete(organization)
	c.desks.Delete(organization)
}

// ChangedBy reports whether an event changes what is remembered of its organization: its policy, and its desk.
func ChangedBy(t parley.EventType) bool {
	switch t {
	case parley.EventOrganizationUpdated, parley.EventOrganizationReset, parley.EventScheduleCreated, parley.EventScheduleUpdated, parley.EventScheduleDeleted,
		parley.EventAutoReplyCreated, parley.EventAutoReplyUpdated, parley.EventAutoReplyDeleted,
		parley.EventSLACreated, parley.EventSLAUpdated, parley.EventSLADeleted:
		return true
	}
	return false
}

// definition returns the connector of a channel and what its platform can do.
func (c *Core) definition(ch *parley.Channel) (connector.Definition, connector.Platform, error) {
	d, ok := c.connectors[ch.Connector]
	if !ok {
		return d, connector.Platform{}, parley.Conflict("connector-unknown", "this server has no connector %q", ch.Connector)
	}
	platform, ok := d.Platform(ch.Platform)
	if !ok {
		return d, platform, parley.Conflict("platform-unknown", "the connector %q has no platform %q", ch.Connector, ch.Platform)
	}
	return d, platform, nil
}

// Principal is who asks; see access.
type Principal = access.Principal

// conversation returns a conversation that the principal sees; see thread.Sight.
func (c *Core) conversation(q store.Queries, p *Principal, id parley.ID) (parley.Conversation, error) {
	return thread.NewSight(q, p).Conversation(id)
}

// What the parts of the core take and give.
type (
	ConversationFilter = thread.ConversationFilter
	MessageFilter      = thread.MessageFilter
	EventFilter        = eventlog.Filter
	EventPage          = eventlog.Page
	EventDetail        = eventlog.Detail
	Audience           = eventlog.Audience
)

// Now is the time in an organization: a test organization has a clock of its own.
func (c *Core) Now(ctx context.Context, organization parley.ID) time.Time {
	return c.now(ctx, organization)
}
