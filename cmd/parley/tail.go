package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/parley-server/parley/api"
)

// tailCommand follows the events of an organization.
type tailCommand struct {
	remote
	After        string   `name:"after" default:"latest" help:"The sequence number to begin after; 0: the oldest that is kept; latest: only what comes."`
	Type         []string `name:"type" help:"Only events of these types."`
	Conversation string   `name:"conversation" help:"Only events of this conversation."`
}

// Run prints each event as a line of JSON, until the context ends. A lost connection is taken up again where
// it broke.
func (c *tailCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	lines := json.NewEncoder(std.out)
	stream := client.StreamEvents(ctx, api.EventFilter{After: api.EventCursor(c.After), Types: c.Type, Conversation: c.Conversation})
	for event, err := range stream.All() {
		if err != nil {
			return err
		}
		if err := lines.Encode(event); err != nil {
			return fmt.Errorf("writing an event: %w", err)
		}
	}
	return nil
}
