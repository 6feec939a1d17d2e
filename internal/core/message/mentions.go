package message

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/relation"
)

// Mentioned finds the users whom a body mentions in a conversation, each once. One who does not see it is refused, as is a
// team of whom nobody does. Of a role those are mentioned who are on duty and see it.
func Mentioned(q store.Queries, organization parley.ID, c *parley.Conversation, body []parley.Part) ([]parley.Mention, error) {
	return mentionedBut(q, organization, c, body, nil)
}

// mentionedBut is Mentioned without some parts, by whom they mention.
func mentionedBut(q store.Queries, organization parley.ID, c *parley.Conversation, body, but []parley.Part) ([]parley.Mention, error) {
	var list []parley.Mention
	var wrong error
	var sees func(user parley.ID) bool
	parley.EachPart(body, func(path string, p *parley.Part) {
		if p.Kind != parley.PartMention || wrong != nil || isOf(but, p) {
			return
		}
		var users []parley.ID
		users, wrong = Behind(q, organization, p.Who)
		if wrong == nil && sees == nil {
			sees, wrong = thread.Seeing(q, organization, c)
		}
		if wrong != nil {
			return
		}
		seen := slices.DeleteFunc(slices.Clone(users), func(id parley.ID) bool { return !sees(id) })
		if len(seen) == 0 && len(users) > 0 {
			wrong = parley.Invalid(path+".who.id", "mention-unseen", "must be somebody who sees the conversation")
		}
		for _, id := range seen {
			if !slices.ContainsFunc(list, func(m parley.Mention) bool { return m.User == id }) {
				list = append(list, parley.Mention{User: id, As: p.Who})
			}
		}
	})
	return list, wrong
}

// isOf reports whether one of some parts is about the same as another.
func isOf(parts []parley.Part, p *parley.Part) bool {
	return slices.ContainsFunc(parts, func(other parley.Part) bool { return sameWho(other, *p) })
}

func sameWho(a, b parley.Part) bool { return a.Who.Kind == b.Who.Kind && a.Who.ID == b.Who.ID }

// meant are the users whom parts of a body mention now, whether they see it or not.
func meant(q store.Queries, organization parley.ID, parts []parley.Part) (users []parley.ID, err error) {
	for i := range parts {
		more, err := Behind(q, organization, parts[i].Who)
		if err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return nil, err
		}
		users = append(users, more...)
	}
	return users, nil
}

// Behind are the users whom a mention or a page means.
func Behind(q store.Queries, organization parley.ID, who parley.Actor) ([]parley.ID, error) {
	switch who.Kind {
	case parley.ActorUser:
		return []parley.ID{who.ID}, nil
	case parley.ActorTeam:
		team, err := q.Team(organization, who.ID)
		return team.Members, err
	case parley.ActorRole:
		role, err := duty.Get(q, organization, who.ID)
		return role.OnDuty, err
	}
	return nil, nil
}

// Mention keeps whom a message mentions, but for its author, and tells the log.
func Mention(tx *store.Tx, organization, actor parley.ID, m *parley.Message, list []parley.Mention) error {
	list = slices.DeleteFunc(slices.Clone(list), func(mention parley.Mention) bool { return mention.User == actor })
	for i := range list {
		list[i].Message, list[i].At = m.ID, tx.Now
		tx.Emit(organization, parley.Event{Type: parley.EventMessageMentioned, Conversation: m.Conversation, Message: m.ID, Subject: list[i].User,
			Data: parley.EventData{Actor: actor}})
	}
	if len(list) == 0 {
		return nil
	}
	return relation.AddMentions(tx, organization, list)
}

// MentionOf is a mention with its message.
type MentionOf struct {
	parley.Mention
	In parley.Message
}

// mentionsExamined is how many mentions one page looks at.
const mentionsExamined = 500

// Mentions returns a page of the messages that mention the principal's user and that it sees, newest first; next is the
// cursor of the page after it, empty at the end.
func (a *Actions) Mentions(ctx context.Context, p *access.Principal, after string, limit int) (page []MentionOf, next string, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, "", err
	}
	from, err := parseMention(after)
	if err != nil {
		return nil, "", err
	}
	q, limit := a.store.Read(ctx), pageOf(limit)
	s := thread.NewSight(q, p)
	for examined := 0; len(page) < limit && examined < mentionsExamined; {
		n := limit - len(page)
		list, err := relation.Mentions(q, p.Organization, p.User, from, n+1)
		if err != nil {
			return nil, "", err
		}
		if next = ""; len(list) > n {
			list = list[:n]
			next = mentionCursor(list[n-1])
		}
		if page, err = a.withMessages(ctx, s, q, p, page, list); err != nil || next == "" {
			return page, "", err
		}
		examined += len(list)
		from = list[len(list)-1]
	}
	return page, next, nil
}

// withMessages adds the mentions whose messages are seen.
func (a *Actions) withMessages(ctx context.Context, s *thread.Sight, q store.Queries, p *access.Principal, page []MentionOf, list []parley.Mention) ([]MentionOf, error) {
	ids := make([]parley.ID, len(list))
	for i, m := range list {
		ids[i] = m.Message
	}
	found, err := q.Messages(p.Organization, ids)
	if err != nil {
		return nil, err
	}
	messages := make([]*parley.Message, 0, len(list))
	for _, m := range found {
		messages = append(messages, m)
	}
	shown, err := s.Those(messages, a.store.Now(ctx, p.Organization))
	for _, m := range list {
		if at := slices.IndexFunc(shown, func(in parley.Message) bool { return in.ID == m.Message }); at >= 0 {
			page = append(page, MentionOf{m, shown[at]})
		}
	}
	return page, err
}

func mentionCursor(m parley.Mention) string {
	return strconv.FormatInt(m.At.UnixMilli(), 10) + "." + string(m.Message)
}

func parseMention(text string) (m parley.Mention, err error) {
	if text == "" {
		return m, nil
	}
	at, id, found := strings.Cut(text, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || n <= 0 {
		return m, errCursor()
	}
	return parley.Mention{Message: parley.ID(id), At: time.UnixMilli(n)}, nil
}
