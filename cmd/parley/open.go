package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/parley-server/parley/api"
)

// openCommand prints conversations.
type openCommand struct {
	remote
	Conversation string `arg:"" optional:"" help:"The id of the conversation to print with its messages. Without it, those that are open are listed, most recently active first."`
	Follow       bool   `name:"follow" short:"f" help:"Go on with what comes, until it is stopped."`
	Limit        int    `name:"limit" short:"n" default:"50" help:"How many messages, or conversations, at most: the newest."`
	JSON         bool   `name:"json" help:"Print each as a line of JSON, as the API answers it."`
}

// Run prints a conversation, or a line for each that is open.
func (c *openCommand) Run(ctx context.Context, std output) error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit must be at least 1")
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	if c.Conversation == "" {
		if c.Follow {
			return fmt.Errorf("--follow needs a conversation")
		}
		return c.list(ctx, client, std)
	}
	return c.print(ctx, client, std)
}

// page is how many entries are asked for at once.
const page = 100

// list prints the conversations that are open.
func (c *openCommand) list(ctx context.Context, client *api.Client, std output) error {
	n := 0
	for one, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		return client.ListConversations(ctx, api.ConversationFilter{Page: api.Page{Limit: min(page, c.Limit), After: after}, Status: string(api.ConversationOpen)})
	}) {
		if err != nil {
			return err
		}
		if err := c.write(std, one, fmt.Sprintf("%s  %s  %s  %s", one.ID, moment(one.ActivityAt), one.Kind, shown(titleOf(&one)))); err != nil {
			return err
		}
		if n++; n == c.Limit {
			break
		}
	}
	return nil
}

// titleOf is what a conversation is called, or who is in it.
func titleOf(c *api.Conversation) string {
	if c.Title != "" {
		return c.Title
	}
	var names []string
	for _, p := range c.Participants {
		names = append(names, participantName(&p))
	}
	return strings.Join(names, ", ")
}

func participantName(p *api.Participant) string {
	for _, text := range []string{p.Name, p.Address, p.ID} {
		if text != "" {
			return text
		}
	}
	return "somebody"
}

// print prints the newest messages of a conversation, oldest first, and what follows where that is wanted: the place in the
// log is asked for before, so that nothing is missed, and what was printed is not printed again.
func (c *openCommand) print(ctx context.Context, client *api.Client, std output) error {
	conversation, err := client.GetConversation(ctx, c.Conversation)
	if err != nil {
		return err
	}
	log := &api.EventPage{}
	if c.Follow {
		if log, err = client.ListEvents(ctx, api.EventFilter{After: api.FromLatest, Limit: 1}); err != nil {
			return err
		}
	}
	messages, err := newest(ctx, client, conversation.ID, c.Limit)
	if err != nil {
		return err
	}
	if !c.JSON {
		if _, err := fmt.Fprintf(std.out, "%s %s: %s\n", conversation.Status, conversation.Kind, shown(titleOf(conversation))); err != nil {
			return err
		}
	}
	last := int64(0)
	for _, m := range messages {
		last = max(last, m.Sequence)
		if err := c.write(std, m, line(conversation, &m)); err != nil {
			return err
		}
	}
	if !c.Follow {
		return nil
	}
	stream := client.StreamEvents(ctx, api.EventFilter{After: api.AfterEvent(log.Through), Conversation: conversation.ID, Types: []string{string(api.EventMessageCreated)}})
	for e, err := range stream.All() {
		if err != nil {
			return err
		}
		if m := e.Data.Message; m != nil && m.Sequence > last {
			if err := c.write(std, m, line(conversation, m)); err != nil {
				return err
			}
		}
	}
	return nil
}

// newest returns the newest messages of a conversation, oldest first.
func newest(ctx context.Context, client *api.Client, conversation string, limit int) ([]api.Message, error) {
	var messages []api.Message
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return client.ListConversationMessages(ctx, conversation, api.Page{Limit: min(page, limit), After: after})
	}) {
		if err != nil {
			return nil, err
		}
		if messages = append(messages, m); len(messages) == limit {
			break
		}
	}
	slices.Reverse(messages)
	return messages, nil
}

// authorOf is what the author of a message is called: of somebody outside without a name it is the address.
func authorOf(c *api.Conversation, m *api.Message) string {
	if m.Author.Kind == api.ActorSystem || m.Author.Name != "" {
		return cmp.Or(m.Author.Name, "system")
	}
	for i := range c.Participants {
		if p := &c.Participants[i]; p.Kind == m.Author.Kind && p.ID == m.Author.ID {
			return participantName(p)
		}
	}
	return m.Author.ID
}

// line is a message of a conversation as people read it.
func line(c *api.Conversation, m *api.Message) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s  %s", moment(m.SentAt), shown(authorOf(c, m)))
	switch {
	case m.Kind != api.KindMessage:
		fmt.Fprintf(&text, " (%s)", m.Kind)
	case m.Internal:
		text.WriteString(" (internal)")
	case m.Direction == api.Outbound:
		fmt.Fprintf(&text, " (%s)", m.Status)
	}
	text.WriteString(": ")
	if m.Removed != nil {
		fmt.Fprintf(&text, "[%s]", m.Removed.Reason)
	}
	text.WriteString(shown(m.Text))
	for _, a := range m.Attachments {
		fmt.Fprintf(&text, " [%s]", shown(a.Name))
	}
	return text.String()
}

// moment is a time as people read it.
func moment(t api.Time) string { return t.UTC().Format(time.RFC3339) }

// shown is foreign text without what a terminal takes for a command; further lines are indented.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	return strings.ReplaceAll(text, "\n", "\n    ")
}

// write prints something as JSON or as a line.
func (c *openCommand) write(std output, value any, line string) error {
	if c.JSON {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		line = string(encoded)
	}
	_, err := fmt.Fprintln(std.out, line)
	return err
}
