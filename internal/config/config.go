// Package config is the server's configuration: one struct whose fields document themselves, its defaults,
// its checks, and how it is read from the environment and a file. The command line parses flags from the
// same struct.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

//go:generate go test -run ^TestReferenceIsFresh$ -update

// Config are the options of the server. The tags of a field are its documentation and its only definition:
// its name in a file, as a flag (--name) and in the environment (PARLEY_NAME), its default, what it may
// be, and what it does. A field tagged secret is never printed.
type Config struct {
	Data        string `name:"data" default:"parley-data" group:"Storage" help:"The folder of the embedded database and of uploaded files. It is made where it is missing. One server at a time may use an embedded database."`
	Database    string `name:"database" group:"Storage" placeholder:"URL" secret:"" help:"A PostgreSQL database (15 or later) to use in place of the embedded one: postgres://USER:PASSWORD@HOST:PORT/NAME. Any number of servers may use it."`
	MigrateTo   string `name:"migrate-to" group:"Storage" placeholder:"PLACE" secret:"" help:"Move the database there while serving it, and go on there: postgres://USER:PASSWORD@HOST:PORT/NAME, or from PostgreSQL sqlite:FOLDER, which must be the data folder. Each server of the database is given it."`
	Connections int    `name:"database-connections" default:"16" group:"Storage" help:"Connections to PostgreSQL for reading; a server has 6 more."`
	SQLiteCache Size   `name:"sqlite-cache" default:"128MiB" group:"Storage" help:"Memory for pages of the database: half of it for writing, half for reading. It is taken when it is used."`

	NATS       string `name:"nats" group:"Nodes" placeholder:"URL" secret:"" help:"NATS servers, separated by commas, through which servers with one database tell each other at once what they did: nats://USER:PASSWORD@HOST:PORT, or tls:// in place of nats://. Without this and nats-listen, each looks once a second."`
	NATSListen string `name:"nats-listen" group:"Nodes" placeholder:"HOST:PORT" help:"The address to take the other servers' connections on, so that they tell each other without a NATS of its own: a NATS server that is part of this one, for nobody else. Port 0 takes any free one. Not together with nats."`
	NATSRoutes string `name:"nats-routes" group:"Nodes" placeholder:"HOST:PORT" help:"The addresses in the other servers' nats-listen, separated by commas. One's own may be among them. Needs nats-listen."`
	NATSSecret string `name:"nats-secret" group:"Nodes" placeholder:"SECRET" secret:"" help:"What servers prove to each other that they belong together by, the same on all. Required where nats-listen is not a loopback address. Needs nats-listen."`

	Listen        string   `name:"listen" default:"127.0.0.1:8080" group:"Network" help:"The address to serve on. Port 0 takes any free one; an empty host takes all interfaces."`
	PublicURL     string   `name:"public-url" group:"Network" placeholder:"URL" help:"The address that others reach the server by, for absolute links: http or https, without a trailing slash. Without it, links are made from the address served on."`
	DoorAddresses string   `name:"door-addresses" group:"Network" placeholder:"NAME=HOST,..." help:"Where doors of other APIs are served at the root besides their prefixes, for programs that know only a host: NAME=HOST for a host name that the server is reached by, NAME=HOST:PORT for an address to listen on, separated by commas: bird=bird.example.org,kustomer=127.0.0.1:8081."`
	TLSCert       string   `name:"tls-cert" group:"Network" placeholder:"FILE" help:"PEM file of the certificate and its chain, to serve HTTPS. A renewed file is taken up without a restart. Needs tls-key."`
	TLSKey        string   `name:"tls-key" group:"Network" placeholder:"FILE" help:"PEM file of the certificate's private key. Needs tls-cert."`
	ShutdownTime  Duration `name:"shutdown-grace" default:"20s" group:"Network" help:"How long requests under way may take to end when the server stops. Deliveries that are not done then are left to the next start."`
	AllowOrigins  string   `name:"allow-origins" group:"Network" placeholder:"ORIGIN" help:"The origins whose pages may call the server from browsers, such as https://app.example.org, separated by commas; * for any. Without it only pages of the server's own origin may. Programs that are no browsers are not concerned."`

	BirdReads            int  `name:"bird-reads" default:"50" group:"Limits" help:"Requests a second that read from one workspace at the door bird; 0 for no limit. Each server counts by itself."`
	BirdWrites           int  `name:"bird-writes" default:"500" group:"Limits" help:"Requests a second that write to one workspace at the door bird; 0 for no limit. Each server counts by itself."`
	MaxBody              Size `name:"max-body" default:"1MiB" group:"Limits" help:"The largest request body, uploads apart."`
	MaxUpload            Size `name:"max-upload" default:"25MiB" group:"Limits" help:"The largest file that can be uploaded."`
	MaxHeader            Size `name:"max-header" default:"64KiB" group:"Limits" help:"The largest header of a request."`
	MaxRequests          int  `name:"max-requests" default:"512" group:"Limits" help:"Requests under way at once, streams apart. More are answered 503."`
	MaxStreams           int  `name:"max-streams" default:"4096" group:"Limits" help:"Event streams open at once. More are answered 503."`
	KustomerRateLimit    int  `name:"kustomer-rate-limit" default:"1000" group:"Limits" help:"Requests a minute of an organization at the door for Kustomer's clients, all keys together; 0 for no limit. Each server counts by itself."`
	KustomerMessageLimit int  `name:"kustomer-message-limit" default:"120" group:"Limits" help:"Messages a minute that one client records with one customer at the door for Kustomer's clients, on all servers together; 0 for no limit."`
	KeyRateLimit         int  `name:"key-rate-limit" default:"6000" group:"Limits" help:"Requests a minute of a key that is made without a limit of its own; 0 for no limit."`

	AllowLoopback        bool           `name:"allow-loopback" default:"false" group:"Outbound requests" help:"Let connectors and webhooks reach this machine itself. For tests and demonstrations."`
	AllowNetworks        []netip.Prefix `name:"allow-networks" group:"Outbound requests" placeholder:"CIDR" help:"Private networks that connectors and webhooks may reach, such as 10.1.0.0/16, separated by commas. Without it they reach public addresses only."`
	TestProviders        bool           `name:"test-providers" default:"false" group:"Outbound requests" help:"Let test organizations have channels of connectors that reach real providers, and so people. Without it they have the sandbox only."`
	EventRetention       Duration       `name:"event-retention" default:"30d" group:"Retention" help:"How long events can be read. At least 1h."`
	IdempotencyRetention Duration       `name:"idempotency-retention" default:"24h" group:"Retention" help:"How long a repeated Idempotency-Key gets the first answer. At least 1m."`
	AuditRetention       Duration       `name:"audit-retention" default:"0s" group:"Retention" help:"How long entries of the audit log are kept; 0s for ever, else at least 1d."`

	LogLevel      string `name:"log-level" default:"info" enum:"debug,info,warn,error" group:"Logs and metrics" help:"The least severe lines to log: ${enum}."`
	LogFormat     string `name:"log-format" default:"text" enum:"text,json" group:"Logs and metrics" help:"The form of log lines: ${enum}."`
	AccessLog     bool   `name:"access-log" default:"true" negatable:"" group:"Logs and metrics" help:"Log a line for each request. Failures of the server are logged without it too."`
	Metrics       bool   `name:"metrics" default:"true" negatable:"" group:"Logs and metrics" help:"Serve metrics for Prometheus at /metrics."`
	MetricsListen string `name:"metrics-listen" group:"Logs and metrics" placeholder:"HOST:PORT" help:"The address to serve metrics on instead, so that the public one does not show them."`
}

// Default is the configuration of a server that is told nothing.
func Default() Config {
	var c Config
	for _, o := range options(&c) {
		if err := o.set(o.Default); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", o.Name, err)) // a wrong tag; every test finds it
		}
	}
	return c
}

// Validate says what is wrong with the configuration, all of it at once, naming the options.
func (c Config) Validate() error {
	var wrong []error
	refuse := func(option, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{option}, args...)...))
	}
	for _, o := range options(&c) {
		if allowed := strings.Split(o.Enum, ","); o.Enum != "" && !slices.Contains(allowed, o.text()) {
			refuse(o.Name, "%q must be one of %s", o.text(), strings.Join(allowed, ", "))
		}
	}
	if c.Data == "" {
		refuse("data", "a folder is required")
	}
	if c.Database != "" && !isPostgres(c.Database) {
		refuse("database", "must be postgres://USER:PASSWORD@HOST:PORT/NAME") // without its password
	}
	c.checkMove(refuse)
	c.checkNodes(refuse)
	c.checkDoors(refuse)
	if !isAddress(c.Listen) {
		refuse("listen", "%q must be HOST:PORT, such as 127.0.0.1:8080", c.Listen)
	}
	if c.MetricsListen != "" && !isAddress(c.MetricsListen) {
		refuse("metrics-listen", "%q must be HOST:PORT, such as 127.0.0.1:9090", c.MetricsListen)
	}
	if c.PublicURL != "" && !isBase(c.PublicURL) {
		refuse("public-url", "%q must be an http or https address without user, query or trailing slash, such as https://chat.example.org", c.PublicURL)
	}
	c.checkOrigins(refuse)
	if (c.TLSCert == "") != (c.TLSKey == "") {
		refuse("tls-cert, tls-key", "both or neither are required")
	}
	for _, least := range []struct {
		option      string
		value, from int64
		shown       string
	}{
		{"sqlite-cache", int64(c.SQLiteCache), 1 << 20, "1MiB"},
		{"database-connections", int64(c.Connections), 1, "1"},
		{"max-body", int64(c.MaxBody), 1 << 10, "1KiB"},
		{"max-upload", int64(c.MaxUpload), 1 << 10, "1KiB"},
		{"max-header", int64(c.MaxHeader), 4 << 10, "4KiB"},
		{"max-requests", int64(c.MaxRequests), 1, "1"},
		{"max-streams", int64(c.MaxStreams), 1, "1"},
		{"key-rate-limit", int64(c.KeyRateLimit), 0, "0"}, {"bird-reads", int64(c.BirdReads), 0, "0"}, {"bird-writes", int64(c.BirdWrites), 0, "0"},
		{"kustomer-rate-limit", int64(c.KustomerRateLimit), 0, "0"},
		{"kustomer-message-limit", int64(c.KustomerMessageLimit), 0, "0"},
		{"shutdown-grace", int64(c.ShutdownTime), 0, "0s"},
		{"event-retention", int64(c.EventRetention), int64(hour), "1h"},
		{"idempotency-retention", int64(c.IdempotencyRetention), int64(minute), "1m"},
	} {
		if least.value < least.from {
			refuse(least.option, "must be at least %s", least.shown)
		}
	}
	if r := c.AuditRetention; r != 0 && r < Duration(24*hour) {
		refuse("audit-retention", "must be 0s or at least 1d")
	}
	return errors.Join(wrong...)
}

func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isPostgres(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		!strings.ContainsAny(text, "?#") && !strings.HasSuffix(text, "/")
}

// Level is the log level.
func (c Config) Level() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // validated
	return level
}

// LogValue is the configuration as it may be printed.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, o := range options(&c) {
		attrs = append(attrs, slog.String(o.Name, o.shown()))
	}
	return slog.GroupValue(attrs...)
}

// String has a line "name: value" for each option, as a file would.
func (c Config) String() string {
	var text strings.Builder
	for _, o := range options(&c) {
		value := o.shown()
		switch o.value.Kind() {
		case reflect.String, reflect.Slice:
			value = strconv.Quote(value)
		}
		fmt.Fprintf(&text, "%s: %s\n", o.Name, value)
	}
	return text.String()
}
