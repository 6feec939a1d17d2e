package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"

	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/demo"
)

// demoCommand runs the server with something in it to try.
type demoCommand struct{ configured }

// Run prepares the demo, says how to try it, and serves until the context ends.
func (c *demoCommand) Run(ctx context.Context, std output) error {
	c.Config.AllowLoopback = true
	c.Config.AccessLog = false
	c.Config.KeyRateLimit = 0
	return app.Run(ctx, app.Options{Config: c.Config, LogTo: std.err, Prepare: func(ctx context.Context, a *app.App) error {
		d, err := demo.Prepare(ctx, demo.Server{Folder: c.Config.Data, URL: reachable(a.URL()), Handler: a.Handler(),
			NewKey: func(ctx context.Context) (string, error) { return a.Administrator(ctx, demo.Organization) }})
		if err != nil {
			return err
		}
		return greet(std.out, d, c.Config.Data)
	}})
}

// reachable makes the address of a server that listens on all interfaces one that this machine reaches it by.
func reachable(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// greet prints what the demo is and three commands that work when pasted.
func greet(out io.Writer, d demo.Description, folder string) error {
	contact := d.Contacts[0]
	_, err := fmt.Fprintf(out, `Parley serves %[1]s at %[2]s; the API is described at %[2]s/docs.
The key is %[3]s. Scripts find it and all ids in %[4]s/%[5]s.

Send a message to %[6]s:
  curl -s %[2]s/v1/messages -H 'Authorization: Bearer %[3]s' -H 'Content-Type: application/json' -d '{"to":{"contact":"%[7]s"},"body":"Good morning!"}'

Watch what happens, from another terminal:
  curl -sN '%[2]s/v1/events?after=latest' -H 'Authorization: Bearer %[3]s' -H 'Accept: text/event-stream'

Answer as %[6]s:
  curl -s %[2]s/v1/sandbox/messages -H 'Authorization: Bearer %[3]s' -H 'Content-Type: application/json' -d '{"contact":"%[7]s","body":"I will be there."}'

`, d.Organization.Name, d.URL, d.Key, folder, demo.File, contact.Name, contact.ID)
	return err
}
