package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/alecthomas/kong"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/demo"
)

// configured is embedded by the commands that take the server's configuration: a flag for each option,
// and below the flags the environment and a file.
type configured struct {
	ConfigFile string        `name:"config" env:"PARLEY_CONFIG" placeholder:"FILE" help:"YAML file with options. Each option below is also one of PARLEY_NAME in the environment."`
	Config     config.Config `embed:""`
}

// BeforeResolve makes the environment and the file answer for the flags that were not given.
func (c *configured) BeforeResolve(line *kong.Context) error {
	path := ""
	for _, flag := range line.Flags() {
		if flag.Name == "config" {
			path, _ = line.FlagValue(flag).(string)
		}
	}
	texts, err := config.Read(path, os.Environ())
	if err != nil {
		return err
	}
	line.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if text, ok := texts[flag.Name]; ok {
			return text, nil
		}
		return nil, nil
	}))
	return nil
}

// AfterApply refuses a configuration that cannot be served.
func (c *configured) AfterApply() error { return c.Config.Validate() }

// configCommand prints the configuration in effect.
type configCommand struct{ configured }

// Run prints a line for each option, no secrets among them.
func (c *configCommand) Run(std output) error {
	_, err := fmt.Fprint(std.out, c.Config)
	return err
}

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
