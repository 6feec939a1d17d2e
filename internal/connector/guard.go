package connector

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Guard decides which addresses may be dialled. It judges the address that is really dialled, after name
// resolution, so that no name, redirect or changing DNS answer gets around it.
//
// Public addresses are allowed. Loopback, private, link-local, carrier-grade NAT, multicast, unspecified,
// documentation and other special addresses are refused, and so are their IPv6 disguises (mapped,
// compatible, NAT64, ISATAP), and all of the tunnels 6to4 and Teredo.
type Guard struct {
	prefixes []netip.Prefix
	hosts    map[string]bool
	loopback bool
}

// BlockedError says that an address may not be dialled.
type BlockedError struct {
	Addr netip.Addr
}

func (e *BlockedError) Error() string { return "dialling " + e.Addr.String() + " is not allowed" }

// The special-purpose address registries of IANA, as far as nobody's public server lives there.
var (
	special4 = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
	global6  = netip.MustParsePrefix("2000::/3")
	special6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	// metadata are the addresses where clouds hand out credentials; one of them is a public address.
	metadata = prefixes("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
		"fd00:ec2::/32", "fd20:ce::/32")

	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// NewGuard returns a guard with the operator's exceptions. An entry of allow is an address ("10.1.2.3"), a
// prefix ("10.0.0.0/8") or a host name ("gateway.internal"), whose addresses may then be any but a metadata
// service. Metadata addresses are allowed only by an entry that names the one address.
func NewGuard(allow []string, allowLoopback bool) (*Guard, error) {
	g := &Guard{hosts: map[string]bool{}, loopback: allowLoopback}
	for _, entry := range allow {
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			if prefix.Addr().Is4In6() {
				return nil, fmt.Errorf("allowed address %q: write the IPv4 prefix itself, such as 10.0.0.0/8", entry)
			}
			g.prefixes = append(g.prefixes, prefix.Masked())
			continue
		}
		if addr, err := netip.ParseAddr(entry); err == nil {
			addr = addr.WithZone("").Unmap()
			g.prefixes = append(g.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		host := canonicalHost(entry)
		if host == "" || strings.ContainsAny(host, "/:@ *") {
			return nil, fmt.Errorf("allowed address %q: must be an address, a prefix such as 10.0.0.0/8, or a host name", entry)
		}
		g.hosts[host] = true
	}
	return g, nil
}

func canonicalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Check returns a *BlockedError for an address that may not be dialled.
func (g *Guard) Check(addr netip.Addr) error { return g.check(addr, false) }

// check judges an address; trusted is one that an allowed host name stands for.
func (g *Guard) check(addr netip.Addr, trusted bool) error {
	addr = addr.WithZone("").Unmap()
	inner, _ := embedded(addr)
	isMetadata := within(metadata, addr) || within(metadata, inner)
	for _, prefix := range g.prefixes {
		if prefix.Contains(addr) && (prefix.IsSingleIP() || !isMetadata) {
			return nil
		}
	}
	switch {
	case !addr.IsValid() || isMetadata:
	case trusted && !addr.IsUnspecified() && !addr.IsMulticast():
		return nil
	case addr.IsLoopback() && g.loopback, public(addr):
		return nil
	}
	return &BlockedError{Addr: addr}
}

// public reports whether addr is an ordinary address of the Internet.
func public(addr netip.Addr) bool {
	if addr.Is4() {
		return !within(special4, addr) && !within(metadata, addr)
	}
	if inner, ok := embedded(addr); ok && !public(inner) {
		return false
	}
	return nat64.Contains(addr) || global6.Contains(addr) && !within(special6, addr)
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range list {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address that an IPv6 address is a form of.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	last := [4]byte(b[12:])
	switch {
	case nat64.Contains(addr), compatible.Contains(addr):
		return netip.AddrFrom4(last), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case teredo.Contains(addr): // the client's address, with its bits turned over
		return netip.AddrFrom4([4]byte{^last[0], ^last[1], ^last[2], ^last[3]}), true
	case b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP
		return netip.AddrFrom4(last), true
	}
	return netip.Addr{}, false
}

// CheckURL says what is wrong with a URL before anything is dialled: it must be http or https, and an
// address written as such must be allowed. Names are judged when they are dialled.
func (g *Guard) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fmt.Errorf("must be an absolute http or https URL")
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err == nil && g.Check(addr) != nil {
		return fmt.Errorf("must have a public address; loopback, private and other special addresses need the operator's permission")
	}
	return nil
}

// dialer returns a dial function that lets every address pass through the guard.
func (g *Guard) dialer(timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	strict := &net.Dialer{Timeout: timeout, ControlContext: g.control(false)}
	trusting := &net.Dialer{Timeout: timeout, ControlContext: g.control(true)}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err == nil && g.hosts[canonicalHost(host)] {
			return trusting.DialContext(ctx, network, address)
		}
		return strict.DialContext(ctx, network, address)
	}
}

// control judges the resolved address of a socket that is about to connect.
func (g *Guard) control(trusted bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, network, address string, _ syscall.RawConn) error {
		resolved, err := netip.ParseAddrPort(address)
		if err != nil || (network != "tcp4" && network != "tcp6") {
			return fmt.Errorf("%s %s: %w", network, address, &BlockedError{})
		}
		return g.check(resolved.Addr(), trusted)
	}
}
