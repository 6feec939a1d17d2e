package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-server/parley/api"
)

// sendCommand sends a message.
type sendCommand struct {
	remote
	To       string `arg:"" help:"Whom: user:ID, role:ID, team:ID, broadcast:ID, conversation:ID, contact:ID, or an address such as email:ana@example.org."`
	Text     string `arg:"" help:"The text."`
	Channel  string `name:"channel" help:"The id of the channel, for a contact or an address."`
	Priority string `name:"priority" enum:"low,normal,high" default:"normal" help:"How urgent it is: ${enum}."`
	TTL      int64  `name:"ttl" help:"Seconds that the content lives; 0: as the organization says."`
	Once     string `name:"idempotency-key" placeholder:"KEY" help:"Send at most once under this key."`
}

// Run sends the message and prints it as JSON.
func (c *sendCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var options []api.CallOption
	if c.Once != "" {
		options = append(options, api.IdempotencyKey(c.Once))
	}
	message, err := client.Send(ctx, api.SendRequest{To: recipient(c.To, c.Channel), Body: api.Body{{Kind: api.PartText, Text: c.Text}},
		Priority: api.Priority(c.Priority), TTL: c.TTL}, options...)
	if err != nil {
		return err
	}
	return printJSON(std, message)
}

// recipient reads "kind:id"; any other kind is one of an address.
func recipient(text, channel string) api.Recipient {
	kind, id, _ := strings.Cut(text, ":")
	switch kind {
	case "user":
		return api.Recipient{User: id}
	case "role":
		return api.Recipient{Role: id}
	case "team":
		return api.Recipient{Team: id}
	case "broadcast":
		return api.Recipient{Broadcast: id}
	case "conversation":
		return api.Recipient{Conversation: id}
	case "contact":
		return api.Recipient{Contact: id, Channel: channel}
	}
	return api.Recipient{Address: text, Channel: channel}
}

func printJSON(std output, v any) error {
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", encoded)
	return err
}
