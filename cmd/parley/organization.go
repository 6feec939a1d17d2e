package main

import (
	"context"

	"github.com/parley-server/parley/api"
)

// organizationCommand makes organizations, and empties test organizations.
type organizationCommand struct {
	Create organizationCreateCommand `cmd:"" help:"Make a further organization, with its first key."`
	Reset  organizationResetCommand  `cmd:"" help:"Empty a test organization."`
}

// organizationCreateCommand makes an organization through the API.
type organizationCreateCommand struct {
	remote
	Name string `arg:"" help:"What people call it."`
	Test bool   `name:"test" help:"Make it a test organization, for good: with a clock that can be moved, and without a way to real providers."`
}

// Run prints the organization as JSON, with its first key, whose secret is shown this once.
func (c *organizationCreateCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := client.CreateOrganization(ctx, api.OrganizationRequest{Name: c.Name, Test: c.Test})
	if err != nil {
		return err
	}
	return printJSON(std, made)
}

// organizationResetCommand empties a test organization.
type organizationResetCommand struct {
	remote
	All     bool   `name:"all" help:"Users and keys go too, but for the key that asks and its user."`
	Fixture string `name:"fixture" enum:",channels,clinic" default:"" help:"What is made then: channels, a channel of the sandbox for each kind of address; clinic, also people and patients."`
}

// Run empties the organization that the key acts in, and prints as JSON what was made.
func (c *organizationResetCommand) Run(ctx context.Context, std output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		reset, err := client.ResetOrganization(ctx, api.ResetRequest{All: c.All, Fixture: c.Fixture})
		if err != nil {
			return err
		}
		if reset.Done {
			return printJSON(std, reset)
		}
	}
}
