package core

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/message"
	"github.com/parley-server/parley/internal/core/pages"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// PageParams is a call to somebody to come to a conversation.
type PageParams struct {
	Who         parley.Actor
	Paging      parley.Paging
	Text        string // what for; may be empty
	Idempotency *access.Idempotency
}

// Page calls somebody to a conversation, by a message in it that stays inside, and says whether the request was a repeat.
func (c *Core) Page(ctx context.Context, p *Principal, conversation parley.ID, params PageParams) (parley.Page, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Page{}, false, err
	}
	in, err := c.conversation(c.read(ctx), p, conversation)
	if err != nil {
		return parley.Page{}, false, err
	}
	body := []parley.Part{{Kind: parley.PartPage, Who: params.Who, Paging: &params.Paging}}
	if params.Text != "" {
		body = append(body, parley.Part{Kind: parley.PartText, Text: " " + params.Text})
	}
	sent, err := c.Send(ctx, p, SendParams{To: To{Conversation: in.ID}, Body: body, Idempotency: params.Idempotency,
		Internal: in.Kind == parley.ConversationExternal || in.Kind == parley.ConversationSecure})
	if err != nil {
		return parley.Page{}, false, asPage(err)
	}
	made, err := c.Pages.Of(ctx, p.Organization, sent.Message.ID)
	return made, sent.Replayed, err
}

// asPage is an error about the message of a page as one about the page.
func asPage(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		field := strings.TrimPrefix(strings.TrimPrefix(fields[i].Field, "body[0]."), "body[1].")
		fields[i].Field = strings.TrimPrefix(field, "paging.")
	}
	return parley.InvalidFields(fields)
}

// named finds whom a body calls and mentions in a conversation.
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
