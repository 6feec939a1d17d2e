package config

import (
	"bytes"
	"encoding"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.MaxBody != 1<<20 || c.EventRetention != 30*day || !c.AccessLog || c.Level() != slog.LevelInfo {
		t.Errorf("%s", c)
	}
}

// TestOptionsAreWhole: each has a name of its own, a group and a sentence, and takes back its own text.
func TestOptionsAreWhole(t *testing.T) {
	c := Default()
	seen := map[string]bool{}
	for _, o := range options(&c) {
		if o.Name == "" || seen[o.Name] || o.Group == "" || !strings.HasSuffix(o.Help, ".") || strings.Contains(o.Help, "${") {
			t.Errorf("%+v", o)
		}
		seen[o.Name] = true
		before := o.text()
		if err := o.set(before); err != nil || o.text() != before {
			t.Errorf("%s: %q became %q, %v", o.Name, before, o.text(), err)
		}
	}
}

func TestValidateNamesTheOption(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"data":                   func(c *Config) { c.Data = "" },
		"sqlite-cache":           func(c *Config) { c.SQLiteCache = 0 },
		"listen":                 func(c *Config) { c.Listen = "8080" },
		"listen: \"":             func(c *Config) { c.Listen = "" },
		"metrics-listen":         func(c *Config) { c.MetricsListen = "localhost:http" },
		"public-url":             func(c *Config) { c.PublicURL = "chat.example.org" },
		"public-url: \"https":    func(c *Config) { c.PublicURL = "https://chat.example.org/" },
		"public-url: \"http:":    func(c *Config) { c.PublicURL = "http://user@chat.example.org" },
		"allow-origins: \"app":   func(c *Config) { c.AllowOrigins = "https://a.example.org, app.example.org" },
		"allow-origins: \"https": func(c *Config) { c.AllowOrigins = "https://app.example.org/" },
		"allow-origins: \"null":  func(c *Config) { c.AllowOrigins = "null" },
		"tls-cert":               func(c *Config) { c.TLSKey = "key.pem" },
		"max-body":               func(c *Config) { c.MaxBody = 0 },
		"max-requests":           func(c *Config) { c.MaxRequests = 0 },
		"key-rate-limit":         func(c *Config) { c.KeyRateLimit = -1 },
		"kustomer-rate-limit":    func(c *Config) { c.KustomerRateLimit = -1 },
		"kustomer-message-limit": func(c *Config) { c.KustomerMessageLimit = -1 },
		"event-retention":        func(c *Config) { c.EventRetention = 0 },
		"idempotency-retention":  func(c *Config) { c.IdempotencyRetention = 0 },
		"log-level":              func(c *Config) { c.LogLevel = "loud" },
		"log-format":             func(c *Config) { c.LogFormat = "" },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Listen = ":0" },
		func(c *Config) { c.Listen = "[::1]:8080" },
		func(c *Config) { c.PublicURL = "https://example.org/chat" },
		func(c *Config) { c.TLSCert, c.TLSKey = "a", "b" },
		func(c *Config) { c.AllowOrigins = "https://app.example.org, http://localhost:3000" },
		func(c *Config) { c.AllowOrigins = "*" },
		func(c *Config) { c.KeyRateLimit = 0 },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	path := write(t, `
listen: "127.0.0.1:9000"
max-body: 2MiB
max-requests: 100
access-log: false
allow-networks: [10.1.0.0/16, "fd00::/8"]
event-retention: 7d
`)
	got, err := Read(path, []string{"PARLEY_MAX_BODY=3MiB", "PARLEY_PORT=tcp://10.0.0.1:80", "PARLEY_ALLOW_LOOPBACK=true", "PARLEY_LISTEN=", "HOME=/root", "PARLEY_BROKEN"})
	want := map[string]string{
		"listen": "127.0.0.1:9000", "max-body": "3MiB", "max-requests": "100", "access-log": "false",
		"allow-networks": "10.1.0.0/16,fd00::/8", "event-retention": "7d", "allow-loopback": "true",
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Read("", nil); err != nil || len(got) != 0 {
		t.Errorf("nothing set: %v, %v", got, err)
	}
	if got, err := Read(write(t, ""), nil); err != nil || len(got) != 0 {
		t.Errorf("an empty file: %v, %v", got, err)
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string][]string{
		"lisen: x":                      {`unknown option "lisen"`, "listen"},
		"tls: {cert: x}":                {`unknown option "tls.cert"`},
		"max-body: lots":                {"max-body", "25MiB"},
		"max-requests: many":            {"max-requests", "whole number"},
		"max-requests:":                 {"max-requests", "no value"},
		"access-log: maybe":             {"access-log", "true or false"},
		"event-retention: 30":           {"event-retention", "30d"},
		"event-retention: {days: 30}":   {`"event-retention.days"`},
		"allow-networks: [10.0.0.1]":    {"allow-networks", "10.1.0.0/16"},
		"allow-networks: [[1], {a: 1}]": {"allow-networks"},
		"just text":                     {"option: value"},
		"listen: [":                     {"option: value"},
	} {
		_, err := Read(write(t, text), nil)
		if err == nil {
			t.Errorf("%q was accepted", text)
			continue
		}
		for _, part := range append(want, "parley.yaml") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v does not say %q", text, err, part)
			}
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Read("", []string{"PARLEY_MAX_STREAMS=x"}); err == nil || !strings.Contains(err.Error(), "PARLEY_MAX_STREAMS") {
		t.Errorf("a wrong variable: %v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	settings := struct {
		Plain  string `name:"plain"`
		Secret string `name:"token" secret:""`
		Unset  string `name:"unset" secret:""`
	}{"a", "marker", ""}
	var shown []string
	for _, o := range options(&settings) {
		shown = append(shown, o.shown())
	}
	if want := []string{"a", "(set)", ""}; !reflect.DeepEqual(shown, want) {
		t.Errorf("%q", shown)
	}
}

func TestPrinted(t *testing.T) {
	c := Default()
	c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Info("start", "config", c)
	for _, part := range []string{"max-upload=25MiB", "event-retention=30d", "idempotency-retention=24h", "listen=127.0.0.1:8080", "allow-networks=10.0.0.0/8"} {
		if !strings.Contains(line.String(), "config."+part) {
			t.Errorf("%q is not in %s", part, line.String())
		}
	}
}

// TestPrintedCanBeRead: what String prints is a file that says the same.
func TestPrintedCanBeRead(t *testing.T) {
	printed := Default()
	printed.Listen, printed.Data = "[::1]:8080", `a "strange" folder: é`
	printed.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	texts, err := Read(write(t, printed.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	var read Config
	for _, o := range options(&read) {
		if err := o.set(texts[o.Name]); err != nil {
			t.Error(err)
		}
	}
	if !reflect.DeepEqual(read, printed) {
		t.Errorf("printed\n%s\nread\n%s", printed, read)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		into        encoding.TextUnmarshaler
		text, shown string // shown empty: refused
	}{
		{new(Size), "0", "0"}, {new(Size), "1023", "1023"}, {new(Size), "1024", "1KiB"}, {new(Size), "1536KiB", "1536KiB"}, {new(Size), "2048MiB", "2GiB"},
		{new(Size), "", ""}, {new(Size), "-1", ""}, {new(Size), "1MB", ""}, {new(Size), "1.5MiB", ""}, {new(Size), "MiB", ""}, {new(Size), "9999999999999GiB", ""},
		{new(Duration), "0s", "0s"}, {new(Duration), "90s", "1m30s"}, {new(Duration), "1h", "1h"}, {new(Duration), "24h", "24h"}, {new(Duration), "1d", "24h"},
		{new(Duration), "48h", "2d"}, {new(Duration), "36h15m", "36h15m"}, {new(Duration), "10m", "10m"}, {new(Duration), "1h0m5s", "1h0m5s"},
		{new(Duration), "", ""}, {new(Duration), "30", ""}, {new(Duration), "-1s", ""}, {new(Duration), "-1d", ""}, {new(Duration), "1.5d", ""}, {new(Duration), "d", ""},
	} {
		err := c.into.UnmarshalText([]byte(c.text))
		if (err != nil) != (c.shown == "") {
			t.Errorf("%T %q: %v", c.into, c.text, err)
		} else if got := c.into.(interface{ String() string }).String(); err == nil && got != c.shown {
			t.Errorf("%T %q is shown as %q, not %q", c.into, c.text, got, c.shown)
		}
	}
	if d := Duration(90 * time.Second); d.String() != "1m30s" {
		t.Error(d)
	}
}
