package core

import (
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

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
