package demo

import (
	"context"
	"fmt"

	"github.com/parley-server/parley/api"
)

// fillConversations makes a conversation of each kind, with something in it.
func (d *Description) fillConversations(ctx context.Context, client *api.Client) error {
	if err := d.listConversations(ctx, client); err != nil {
		return err
	}
	first := d.Contacts[0].ID
	sends := []struct {
		kind    string
		message api.SendRequest
	}{
		{"direct", api.SendRequest{To: api.Recipient{User: d.Users[0].ID}, Body: text("Welcome to Parley.")}},
		{"group", api.SendRequest{To: api.Recipient{Users: []string{d.Users[0].ID, d.Users[1].ID}}, Group: &api.NewGroup{Name: "Night shift"},
			Body: text("Who takes over at seven?")}},
		{"team", api.SendRequest{To: api.Recipient{Team: d.Teams[0].ID}, Body: text("The printer is repaired.")}},
		{"external", api.SendRequest{To: api.Recipient{Contact: first}, Body: text("Your appointment is on Monday at nine.")}},
		{"secure", api.SendRequest{To: api.Recipient{Contact: d.Contacts[1].ID, Channel: d.channel("Patient portal")},
			Body: text("Your results are here. Write to us with any question.")}},
	}
	for _, s := range sends {
		if err := d.ensureConversation(s.kind, func() (string, error) {
			m, err := client.Send(ctx, s.message)
			if err != nil {
				return "", err
			}
			return m.ConversationID, nil
		}); err != nil {
			return err
		}
	}
	if err := d.ensureConversation("note", func() (string, error) {
		c, err := client.CreateConversation(ctx, api.ConversationRequest{Kind: "note", Title: "House rules"})
		if err != nil {
			return "", err
		}
		return c.ID, nil
	}); err != nil {
		return err
	}
	return d.ensureConversation("broadcast", func() (string, error) { return d.broadcast(ctx, client) })
}

func (d *Description) channel(name string) string {
	for _, ch := range d.Channels {
		if ch.Name == name {
			return ch.ID
		}
	}
	return ""
}

func text(s string) api.Body { return api.Body{{Kind: "text", Text: s}} }

// broadcast makes a list of all users and writes to it.
func (d *Description) broadcast(ctx context.Context, client *api.Client) (string, error) {
	have := known{}
	lists, err := client.ListBroadcasts(ctx, api.Page{Limit: 100})
	if err != nil {
		return "", err
	}
	for _, l := range lists.Data {
		have[l.Name] = l.ID
	}
	list, err := have.ensure("All staff", func() (string, error) {
		l, err := client.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All staff"})
		if err != nil {
			return "", err
		}
		return l.ID, nil
	})
	if err != nil {
		return "", err
	}
	var members api.BroadcastMembers
	for _, u := range d.Users {
		members.Users = append(members.Users, u.ID)
	}
	if _, err := client.AddBroadcastMembers(ctx, list.ID, members); err != nil {
		return "", err
	}
	m, err := client.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list.ID}, Body: text("The canteen is closed on Friday.")})
	if err != nil {
		return "", err
	}
	return m.ConversationID, nil
}

// conversationKinds are those that the demo has one of.
var conversationKinds = []string{"direct", "group", "team", "external", "secure", "note", "broadcast"}

// listConversations takes the first conversation of each kind that is there.
func (d *Description) listConversations(ctx context.Context, client *api.Client) error {
	for _, kind := range conversationKinds {
		list, err := client.ListConversations(ctx, api.ConversationFilter{Page: api.Page{Limit: 1}, Kind: kind})
		if err != nil {
			return fmt.Errorf("conversations of kind %s: %w", kind, err)
		}
		if len(list.Data) > 0 && list.Data[0].LastSequence > 0 || kind == "note" && len(list.Data) > 0 {
			d.Conversations = append(d.Conversations, Entry{list.Data[0].ID, kind})
		}
	}
	return nil
}

func (d *Description) ensureConversation(kind string, make func() (string, error)) error {
	for _, c := range d.Conversations {
		if c.Name == kind {
			return nil
		}
	}
	id, err := make()
	if err != nil {
		return fmt.Errorf("the %s conversation: %w", kind, err)
	}
	d.Conversations = append(d.Conversations, Entry{id, kind})
	return nil
}
