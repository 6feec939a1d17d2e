package main

import (
	"context"
	"fmt"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
)

// keyCommand manages keys.
type keyCommand struct {
	Init   keyInitCommand   `cmd:"" help:"On the server's machine, while it is stopped: make the first organization, if there is none, and a key with every scope."`
	Create keyCreateCommand `cmd:"" help:"Make a key on a running server."`
	List   keyListCommand   `cmd:"" help:"List the keys of the organization."`
	Revoke keyRevokeCommand `cmd:"" help:"End a key."`
}

// keyInitCommand works on the data folder itself.
type keyInitCommand struct {
	configured
	Name string `arg:"" optional:"" default:"My organization" help:"The name of the organization, if it is made."`
}

// Run prints the key. It is shown this once.
func (c *keyInitCommand) Run(ctx context.Context, std output) error {
	a, err := app.New(ctx, app.Options{Config: c.Config, LogTo: std.err})
	if err != nil {
		return err
	}
	key, err := a.Administrator(ctx, c.Name)
	if closing := a.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, key)
	return err
}

// keyCreateCommand makes a key through the API.
type keyCreateCommand struct {
	remote
	Name      string   `arg:"" help:"What people call it."`
	Scopes    []string `name:"scope" required:"" help:"What it permits, as resource:verb; repeat or separate by commas."`
	User      string   `name:"user" help:"The id of a user whose personal key it is; without it, an organization key."`
	RateLimit int      `name:"rate-limit" help:"Requests a minute; 0: as many as the server allows a key by default."`
}

// Run prints the new key as JSON, with its secret, which is shown this once.
func (c *keyCreateCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	key, err := client.CreateKey(ctx, api.KeyRequest{Name: c.Name, Scopes: c.Scopes, User: c.User, RateLimit: c.RateLimit})
	if err != nil {
		return err
	}
	return printJSON(std, key)
}

// keyListCommand lists keys through the API.
type keyListCommand struct{ remote }

// Run prints a line for each key.
func (c *keyListCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for key, err := range api.All(func(after string) (*api.List[api.Key], error) {
		return client.ListKeys(ctx, api.Page{Limit: 100, After: after})
	}) {
		if err != nil {
			return err
		}
		state := "active"
		if !key.RevokedAt.IsZero() {
			state = "revoked"
		}
		if _, err := fmt.Fprintf(std.out, "%s\t%s\t%s\n", key.ID, state, key.Name); err != nil {
			return err
		}
	}
	return nil
}

// keyRevokeCommand ends a key through the API.
type keyRevokeCommand struct {
	remote
	ID string `arg:"" help:"The id of the key."`
}

// Run revokes the key.
func (c *keyRevokeCommand) Run(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return client.RevokeKey(ctx, c.ID)
}
