package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/parley-server/parley/internal/config"
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
