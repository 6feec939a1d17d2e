package config

import (
	"slices"
	"strings"
	"testing"
)

func TestNodesAreChecked(t *testing.T) {
	const database = "postgres://127.0.0.1/parley"
	for _, test := range []struct {
		want   string // the beginning of what is refused; empty: nothing is
		change func(*Config)
	}{
		{"", func(c *Config) { c.NATS = "nats://user:word@10.0.0.1:4222, tls://nats.example.org" }},
		{"", func(c *Config) { c.NATSListen = "127.0.0.1:0" }},
		{"", func(c *Config) { c.NATSListen, c.NATSRoutes = "localhost:6222", "[::1]:6223" }},
		{"", func(c *Config) {
			c.NATSListen, c.NATSRoutes, c.NATSSecret = ":6222", "10.0.0.1:6222, node-2.example.org:6222", "s"
		}},
		{"nats, nats-listen: are for", func(c *Config) { c.Database, c.NATS = "", "nats://10.0.0.1" }},
		{"nats, nats-listen: are for", func(c *Config) { c.Database, c.NATSListen = "", "127.0.0.1:6222" }},
		{"nats, nats-listen: only one", func(c *Config) { c.NATS, c.NATSListen = "nats://10.0.0.1", "127.0.0.1:6222" }},
		{"nats: ", func(c *Config) { c.NATS = "10.0.0.1:4222" }},
		{"nats: ", func(c *Config) { c.NATS = "nats://10.0.0.1," }},
		{"nats: ", func(c *Config) { c.NATS = "http://10.0.0.1" }},
		{"nats: ", func(c *Config) { c.NATS = "nats://user:marker@:4222" }},
		{"nats: ", func(c *Config) { c.NATS = "nats://user:marker@host:port" }},
		{"nats-routes, nats-secret", func(c *Config) { c.NATSRoutes = "10.0.0.1:6222" }},
		{"nats-routes, nats-secret", func(c *Config) { c.NATS, c.NATSSecret = "nats://10.0.0.1", "marker" }},
		{"nats-listen", func(c *Config) { c.NATSListen, c.NATSSecret = "6222", "marker" }},
		{"nats-secret", func(c *Config) { c.NATSListen = ":6222" }},
		{"nats-secret", func(c *Config) { c.NATSListen = "10.0.0.1:6222" }},
		{"nats-routes: \"10.0.0.1\"", func(c *Config) { c.NATSListen, c.NATSRoutes = "127.0.0.1:6222", "127.0.0.1:6223,10.0.0.1" }},
		{"nats-routes: \":6222\"", func(c *Config) { c.NATSListen, c.NATSRoutes = "127.0.0.1:6222", ":6222" }},
		{"nats-routes: \"10.0.0.1:0\"", func(c *Config) { c.NATSListen, c.NATSRoutes = "127.0.0.1:6222", "10.0.0.1:0" }},
	} {
		c := Default()
		c.Database = database
		test.change(&c)
		err := c.Validate()
		switch {
		case test.want == "" && err != nil:
			t.Error(err)
		case test.want == "":
		case err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "marker"):
			t.Errorf("%s: %v", test.want, err)
		}
		if strings.Contains(c.String(), "marker") || strings.Contains(c.String(), "word") && !strings.Contains(c.String(), "(set)") {
			t.Errorf("shown: %s", c)
		}
	}
}

func TestRoutes(t *testing.T) {
	c := Config{NATSRoutes: "a:1, b:2"}
	if got := c.Routes(); !slices.Equal(got, []string{"a:1", "b:2"}) {
		t.Errorf("%q", got)
	}
	if got := (Config{}).Routes(); got != nil {
		t.Errorf("%q", got)
	}
}
