// Package inbox is what people do with conversations besides finding and reading them: looking at what became of one, drafting
// what they will write, moving messages to where they belong, and merging conversations.
package inbox

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what an inbox stands on.
type Options struct {
	Store *store.Store
}

// Inbox is the conversations of all organizations as people work on them.
type Inbox struct {
	store *store.Store
	now   func(ctx context.Context, organization parley.ID) time.Time
}

// New returns the inbox of a store.
func New(o Options) *Inbox {
	return &Inbox{store: o.Store, now: o.Store.Now}
}

func errCursor() error {
	return parley.Invalid("after", "cursor-invalid", "must be the next of an earlier page of the same list")
}
