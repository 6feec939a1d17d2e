package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-server/parley/api"
)

// inboundCommand plays a customer.
type inboundCommand struct {
	remote
	From    string   `arg:"" help:"Who writes: an address such as phone:+15550100, or contact:ID."`
	Text    string   `arg:"" optional:"" help:"The text; may be left out where there are files."`
	Channel string   `name:"channel" help:"The id of a sandbox channel. Without it, the one the sender last wrote on, else the default of the address kind."`
	Name    string   `name:"name" help:"What the platform says the sender is called."`
	Attach  []string `name:"attach" placeholder:"FILE" help:"Files to attach; repeat or separate by commas."`
	ReplyTo string   `name:"reply-to" help:"The id of the message it answers."`
	Once    string   `name:"provider-id" placeholder:"ID" help:"The platform's id: a message with the same one comes in once."`
}

// Run takes the message in and prints it as JSON.
func (c *inboundCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	in := api.SandboxInbound{Channel: c.Channel, From: c.From, FromName: c.Name, ReplyTo: c.ReplyTo, ProviderID: c.Once}
	if id, found := strings.CutPrefix(c.From, "contact:"); found {
		in.From, in.Contact = "", id
	}
	if c.Text != "" {
		in.Body = api.Text(c.Text)
	}
	for _, name := range c.Attach {
		id, err := upload(ctx, client, name)
		if err != nil {
			return err
		}
		in.Attachments = append(in.Attachments, id)
	}
	message, err := client.PlayInbound(ctx, in)
	if err != nil {
		return err
	}
	return printJSON(std, message)
}

// upload uploads a file and returns its id.
func upload(ctx context.Context, client *api.Client, name string) (_ string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	media, err := client.UploadMedia(ctx, filepath.Base(name), "", file)
	if err != nil {
		return "", err
	}
	return media.ID, nil
}
