package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/demo"
)

// remote is embedded by the commands that call a running server.
type remote struct {
	URL          string `name:"url" env:"PARLEY_URL" help:"The server. Without it, that of the demo in the data folder."`
	Key          string `name:"key" env:"PARLEY_KEY" help:"The key. Without it, that of the demo in the data folder."`
	Organization string `name:"organization" env:"PARLEY_ORGANIZATION" help:"The organization, for a key whose account has several."`
	Data         string `name:"data" env:"PARLEY_DATA" default:"parley-data" help:"The data folder of the demo."`
}

// client returns a client for the server and key that the flags, the environment or the demo name.
func (r *remote) client() (*api.Client, error) {
	if r.URL == "" || r.Key == "" {
		d, err := demo.Read(r.Data)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("name the server with --url and --key (or PARLEY_URL and PARLEY_KEY): there is no demo in %s", r.Data)
		}
		if err != nil {
			return nil, err
		}
		if r.URL == "" {
			r.URL = d.URL
		}
		if r.Key == "" {
			r.Key = d.Key
		}
	}
	options := []api.Option{api.WithUserAgent("parley-cli")}
	if r.Organization != "" {
		options = append(options, api.WithOrganization(r.Organization))
	}
	return api.New(r.URL, r.Key, options...)
}
