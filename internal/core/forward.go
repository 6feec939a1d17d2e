package core

import (
	"slices"

	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// copySource puts the content of the message that is forwarded behind the parts of the send's own. The copy lives no longer
// than what it is a copy of, and goes with it.
func (s *send) copySource(tx *store.Tx) error {
	if s.params.Forward == "" {
		return nil
	}
	if err := s.p.Require(parley.ScopeMessagesRead); err != nil {
		return err
	}
	m, hidden, err := thread.NewSight(tx.Queries, s.p).Content(s.params.Forward, tx.Now)
	switch {
	case err != nil:
		return err
	case hidden:
		return parley.Conflict("content-removed", "the content of the message is gone")
	case m.Sequence == 0 || m.Kind == parley.KindSystem || m.DeleteOnRead:
		return parley.Invalid("id", "forward-unsupported", "a message that is scheduled, deleted on read or the system's own is not forwarded")
	}
	s.forward = &parley.Forward{Message: m.ID, Author: m.Author, SentAt: m.SentAt, Own: len(s.own)}
	s.params.Body, s.files = slices.Concat(s.own, m.Body), m.Attachments
	if wrong := content.Check(s.params.Body); len(wrong) > 0 { // it is too much together
		return parley.InvalidFields(wrong)
	}
	if m.ExpiresAt.IsZero() {
		return nil
	}
	if left := m.ExpiresAt.Sub(tx.Now); s.params.TTL == 0 || s.params.TTL > left {
		s.params.TTL = left
	}
	return nil
}
