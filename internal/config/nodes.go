package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// checkNodes says what is wrong with the options of several servers over one database.
func (c Config) checkNodes(refuse func(option, format string, args ...any)) {
	if c.Database == "" && !isPostgres(c.MigrateTo) && (c.NATS != "" || c.NATSListen != "") {
		refuse("nats, nats-listen", "are for servers that share a database, and none is given")
	}
	if c.NATS != "" && c.NATSListen != "" {
		refuse("nats, nats-listen", "only one of them may be given")
	}
	for part := range strings.SplitSeq(c.NATS, ",") {
		if c.NATS != "" && !isNATS(part) {
			refuse("nats", "must be nats://USER:PASSWORD@HOST:PORT, or several, separated by commas") // without their passwords
		}
	}
	if c.NATSListen == "" {
		if c.NATSRoutes != "" || c.NATSSecret != "" {
			refuse("nats-routes, nats-secret", "need nats-listen")
		}
		return
	}
	if !isAddress(c.NATSListen) {
		refuse("nats-listen", "%q must be HOST:PORT, such as 10.1.0.1:6222", c.NATSListen)
	} else if c.NATSSecret == "" && !isLoopback(c.NATSListen) {
		refuse("nats-secret", "is required where others reach nats-listen, which is %q", c.NATSListen)
	}
	for _, route := range c.Routes() {
		if host, port, _ := net.SplitHostPort(route); !isAddress(route) || host == "" || port == "0" {
			refuse("nats-routes", "%q must be HOST:PORT, such as 10.1.0.2:6222", route)
		}
	}
}

// Routes are the addresses in nats-routes.
func (c Config) Routes() []string {
	if c.NATSRoutes == "" {
		return nil
	}
	routes := strings.Split(c.NATSRoutes, ",")
	for i := range routes {
		routes[i] = strings.TrimSpace(routes[i])
	}
	return routes
}

func isNATS(text string) bool {
	u, err := url.Parse(strings.TrimSpace(text))
	return err == nil && (u.Scheme == "nats" || u.Scheme == "tls") && u.Hostname() != "" && strings.Trim(u.Path, "/") == ""
}

// isLoopback reports whether an address is reached from this machine only.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
