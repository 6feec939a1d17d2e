package spruce

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/inbox"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// kinds are the conversations that are at this door. Others do not exist here.
var kinds = []parley.ConversationKind{parley.ConversationTeam, parley.ConversationNote, parley.ConversationExternal, parley.ConversationSecure}

func shows(c *parley.Conversation) bool { return slices.Contains(kinds, c.Kind) }

// conversation returns the conversation that the path names.
func (c *call) conversation() (parley.Conversation, error) {
	id, err := idOf("conversationId", prefixConversation, c.r.PathValue("conversation"))
	if err != nil {
		return parley.Conversation{}, err
	}
	found, err := c.Core.Conversation(c.ctx, c.p, id)
	if err == nil && !shows(&found) {
		err = parley.NotFound("conversation", id)
	}
	return found, err
}

func getConversation(c *call) (any, error) {
	found, err := c.conversation()
	if err != nil {
		return nil, err
	}
	views, err := c.conversations([]parley.Conversation{found})
	if err != nil {
		return nil, err
	}
	return map[string]any{"conversation": views[0]}, nil
}

// conversationPage is a page of conversations.
type conversationPage struct {
	Conversations []conversation `json:"conversations"`
	page
}

func listConversations(c *call) (any, error) {
	order, err := c.choice("orderBy", "created", "last_message")
	if err != nil {
		return nil, err
	}
	p, err := c.paging("conversations "+order, 1, 200)
	if err != nil {
		return nil, err
	}
	filter := inbox.RollFilter{Kinds: kinds, Activity: order == "last_message"}
	if filter.Since, err = c.since(p); err != nil {
		return nil, err
	}
	var place inbox.Place
	total := 0
	if p.token != nil {
		place, total = inbox.Place{At: time.UnixMilli(p.token.At), ID: p.token.ID}, p.token.Total
	} else if total, err = c.Core.RollCount(c.ctx, c.p, filter); err != nil {
		return nil, err
	}
	found, next, err := c.Core.Roll(c.ctx, c.p, filter, place, p.size)
	if err != nil {
		return nil, err
	}
	answer := conversationPage{page: pageOf(total, nil)}
	if next != nil {
		answer.page = pageOf(total, &token{List: "conversations " + order, At: next.At.UnixMilli(), ID: next.ID})
	}
	answer.Conversations, err = c.conversations(found)
	return answer, err
}

// maxOfContact is how many conversations of a contact are listed.
const maxOfContact = 1000

func contactConversations(c *call) (any, error) {
	id, err := idOf("contactId", prefixEntity, c.r.PathValue("contact"))
	if err != nil {
		return nil, err
	}
	contact, err := c.Directory.Contact(c.ctx, c.p, id)
	if err != nil {
		return nil, err
	}
	if !contact.Saved {
		return nil, parley.NotFound("contact", id)
	}
	found := []parley.Conversation{}
	for after := ""; len(found) < maxOfContact; {
		list, next, err := c.Core.Conversations(c.ctx, c.p, core.ConversationFilter{Participant: contact.ID}, after, 200)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if shows(&list[i]) {
				found = append(found, list[i])
			}
		}
		if after = next; next == "" {
			break
		}
	}
	views, err := c.conversations(found)
	return map[string]any{"conversations": views}, err
}

// itemPage is a page of items.
type itemPage struct {
	Items []item `json:"conversationItems"`
	page
}

func listItems(c *call) (any, error) {
	order, err := c.choice("order", "newest_first", "oldest_first")
	if err != nil {
		return nil, err
	}
	in, err := c.conversation()
	if err != nil {
		return nil, err
	}
	list := fmt.Sprintf("items %s %s", order, in.ID)
	p, err := c.paging(list, 1, 200)
	if err != nil {
		return nil, err
	}
	reading := thread.Reading{OldestFirst: order == "oldest_first"}
	if reading.Since, err = c.since(p); err != nil {
		return nil, err
	}
	after, total := "", int(in.LastSequence)
	if p.token != nil {
		after, total = p.token.After, p.token.Total
		if p.token.At != 0 {
			reading.Since = time.UnixMilli(p.token.At)
		}
	}
	messages, next, err := c.Core.Read(c.ctx, c.p, in.ID, reading, after, p.size)
	if err != nil {
		return nil, parley.About(err, "cursor-invalid", "paginationToken")
	}
	answer := itemPage{page: pageOf(total, nil)}
	if next != "" {
		going := &token{List: list, After: next}
		if !reading.Since.IsZero() {
			going.At = reading.Since.UnixMilli()
		}
		answer.page = pageOf(total, going)
	}
	answer.Items, err = c.items(&in, messages)
	return answer, err
}

func getItem(c *call) (any, error) {
	id, err := idOf("conversationItemId", prefixItem, c.r.PathValue("item"))
	if err != nil {
		return nil, err
	}
	m, err := c.Core.Message(c.ctx, c.p, id)
	if err != nil {
		return nil, err
	}
	in, err := c.Core.Conversation(c.ctx, c.p, m.Conversation)
	if err != nil {
		return nil, err
	}
	views, err := c.items(&in, []parley.Message{m})
	if err == nil && (!shows(&in) || len(views) == 0) {
		err = parley.NotFound("conversation item", id)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"conversationItem": views[0]}, nil
}
