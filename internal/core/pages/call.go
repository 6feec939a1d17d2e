package pages

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// Note is a message that stays inside.
type Note struct {
	Conversation parley.ID
	Internal     bool // it would go outside else
	Body         []parley.Part
	Idempotency  *access.Idempotency
}

// Params are a call to somebody to come to a conversation.
type Params struct {
	Who         parley.Actor
	Paging      parley.Paging
	Text        string // what for; may be empty
	Idempotency *access.Idempotency
}

// Call calls somebody to a conversation, by a message in it that stays inside, and says whether the request was a repeat.
func (g *Pages) Call(ctx context.Context, p *access.Principal, conversation parley.ID, params Params) (parley.Page, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Page{}, false, err
	}
	in, err := thread.NewSight(g.store.Read(ctx), p).Conversation(conversation)
	if err != nil {
		return parley.Page{}, false, err
	}
	body := []parley.Part{{Kind: parley.PartPage, Who: params.Who, Paging: &params.Paging}}
	if params.Text != "" {
		body = append(body, parley.Part{Kind: parley.PartText, Text: " " + params.Text})
	}
	sent, replayed, err := g.send(ctx, p, Note{Conversation: in.ID, Body: body, Idempotency: params.Idempotency,
		Internal: in.Kind == parley.ConversationExternal || in.Kind == parley.ConversationSecure})
	if err != nil {
		return parley.Page{}, false, asPage(err)
	}
	made, err := g.of(ctx, p.Organization, sent)
	return made, replayed, err
}

// asPage is an error about the message of a page as one about the page.
func asPage(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || e.Kind != parley.KindInvalid {
		return err
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		field := strings.TrimPrefix(strings.TrimPrefix(fields[i].Field, "body[0]."), "body[1].")
		fields[i].Field = strings.TrimPrefix(field, "paging.")
	}
	return parley.InvalidFields(fields)
}
