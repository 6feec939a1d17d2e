package main

import (
	"context"

	"github.com/parley-server/parley/internal/app"
)

// serveCommand runs the server.
type serveCommand struct{ configured }

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, std output) error {
	return app.Run(ctx, app.Options{Config: c.Config, LogTo: std.err})
}
