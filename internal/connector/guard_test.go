package connector

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func TestGuardCheck(t *testing.T) {
	plain := testGuard(t, nil, false)
	loopback := testGuard(t, nil, true)
	private := testGuard(t, []string{"10.0.0.0/8", "fd00::/8", "192.168.1.7", "0.0.0.0/0"}, false)
	exact := testGuard(t, []string{"169.254.169.254"}, false)
	for _, test := range []struct {
		guard *Guard
		addr  string
		want  bool
	}{
		{plain, "93.184.215.14", true},
		{plain, "8.8.8.8", true},
		{plain, "2606:4700::6810:84e5", true},
		{plain, "::ffff:8.8.8.8", true},
		{plain, "64:ff9b::8.8.8.8", true},
		{plain, "127.0.0.1", false},
		{plain, "127.255.255.254", false},
		{plain, "::1", false},
		{plain, "0.0.0.0", false},
		{plain, "::", false},
		{plain, "10.1.2.3", false},
		{plain, "172.31.255.255", false},
		{plain, "192.168.0.1", false},
		{plain, "100.64.0.1", false},
		{plain, "169.254.1.1", false},
		{plain, "169.254.169.254", false},
		{plain, "100.100.100.200", false},
		{plain, "168.63.129.16", false},
		{plain, "192.0.0.192", false},
		{plain, "198.19.0.1", false},
		{plain, "203.0.113.5", false},
		{plain, "224.0.0.1", false},
		{plain, "255.255.255.255", false},
		{plain, "::ffff:127.0.0.1", false},
		{plain, "::ffff:169.254.169.254", false},
		{plain, "::127.0.0.1", false},
		{plain, "64:ff9b::10.0.0.1", false},
		{plain, "64:ff9b::a9fe:a9fe", false},
		{plain, "64:ff9b:1::8.8.8.8", false},
		{plain, "2002:7f00:1::", false},
		{plain, "2002:808:808::", false},
		{plain, "2001:0:808:808:0:0:80ff:fffe", false},
		{plain, "2606:4700::5efe:10.0.0.1", false},
		{plain, "2606:4700::200:5efe:10.0.0.1", false},
		{plain, "fe80::1", false},
		{plain, "fe80::1%eth0", false},
		{plain, "2606:4700::1%eth0", true},
		{plain, "::1%lo", false},
		{plain, "fc00::1", false},
		{plain, "fd00:ec2::254", false},
		{plain, "fec0::1", false},
		{plain, "ff02::1", false},
		{plain, "2001:db8::1", false},
		{plain, "3fff::1", false},
		{plain, "100::1", false},
		{plain, "5f00::1", false},
		{loopback, "127.0.0.1", true},
		{loopback, "::1", true},
		{loopback, "::ffff:127.0.0.1", true},
		{loopback, "64:ff9b::127.0.0.1", false},
		{loopback, "10.0.0.1", false},
		{loopback, "0.0.0.0", false},
		{private, "10.9.9.9", true},
		{private, "::ffff:10.9.9.9", true},
		{private, "64:ff9b::10.9.9.9", false},
		{private, "192.168.1.7", true},
		{private, "fd12::1%eth0", true},
		{private, "fd00:ec2::254", false},
		{private, "169.254.169.254", false},
		{exact, "169.254.169.254", true},
		{exact, "169.254.169.253", false},
	} {
		if got := test.guard.Check(netip.MustParseAddr(test.addr)) == nil; got != test.want {
			t.Errorf("%s: allowed %v, want %v", test.addr, got, test.want)
		}
	}
	if plain.Check(netip.Addr{}) == nil {
		t.Error("no address at all is allowed")
	}
}

func TestGuardTrustsHostsButNotMetadata(t *testing.T) {
	guard := testGuard(t, []string{"Gateway.Internal."}, false)
	if !guard.hosts["gateway.internal"] {
		t.Fatalf("hosts: %v", guard.hosts)
	}
	for addr, want := range map[string]bool{"10.0.0.1": true, "127.0.0.1": true, "169.254.169.254": false, "64:ff9b::a9fe:a9fe": false,
		"::ffff:169.254.169.254": false, "0.0.0.0": false, "224.0.0.1": false} {
		if got := guard.check(netip.MustParseAddr(addr), true) == nil; got != want {
			t.Errorf("%s of an allowed host: allowed %v, want %v", addr, got, want)
		}
	}
}

func TestNewGuardRefuses(t *testing.T) {
	for _, entry := range []string{"", ".", "http://example.org", "example.org:80", "*.example.org", "10.0.0.0/33", "::ffff:10.0.0.0/104", "a b"} {
		if _, err := NewGuard([]string{entry}, false); err == nil {
			t.Errorf("%q is taken", entry)
		}
	}
}

func TestCheckURL(t *testing.T) {
	guard := testGuard(t, []string{"10.0.0.0/8"}, false)
	for raw, want := range map[string]bool{
		"https://example.org/x": true, "http://10.0.0.1:8080": true, "http://[2606:4700::1]/": true, "http://gateway": true,
		"": false, "example.org": false, "ftp://example.org": false, "http://": false, "http://127.0.0.1/": false,
		"http://[::1]/": false, "http://[::ffff:127.0.0.1]/": false, "http://[fe80::1%25eth0]/": false, "http://a b/": false,
	} {
		if got := guard.CheckURL(raw) == nil; got != want {
			t.Errorf("%q: allowed %v, want %v", raw, got, want)
		}
	}
}

// FuzzGuard takes any 4 or 16 octets for an address: what is allowed must be an ordinary address, and
// an IPv4 address that is refused must be refused in every form it can take.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"7f000001", "a9fea9fe", "08080808", "00000000000000000000000000000001",
		"00000000000000000000ffff7f000001", "0064ff9b00000000000000000a000001", "20027f00000100000000000000000000",
		"2001000041364e350000000080fffffe", "20010db8000000000000000000000001", "26064700000000000000000000000001"} {
		octets, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets)
	}
	guard := testGuard(f, nil, false)
	f.Fuzz(func(t *testing.T, octets []byte) {
		addr, ok := netip.AddrFromSlice(octets)
		if !ok {
			return
		}
		allowed := guard.Check(addr) == nil
		bare := addr.Unmap()
		if allowed && (!bare.IsGlobalUnicast() || bare.IsPrivate() || bare.IsLoopback() || bare.IsLinkLocalUnicast()) {
			t.Errorf("%v is allowed", addr)
		}
		if addr.Is6() && (guard.Check(addr.WithZone("eth0")) == nil) != allowed {
			t.Errorf("%v: a zone changes the judgement", addr)
		}
		if addr.Is4() && !allowed {
			for name, form := range formsOf(addr.As4()) {
				if guard.Check(form) == nil {
					t.Errorf("%v is refused, and its %s form %v is allowed", addr, name, form)
				}
			}
		}
	})
}

// formsOf are an IPv4 address in its IPv6 disguises.
func formsOf(a [4]byte) map[string]netip.Addr {
	last := func(head ...byte) netip.Addr {
		var b [16]byte
		copy(b[:], head)
		copy(b[12:], a[:])
		return netip.AddrFrom16(b)
	}
	return map[string]netip.Addr{
		"mapped":      last(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff),
		"compatible":  last(),
		"NAT64":       last(0, 0x64, 0xff, 0x9b),
		"local NAT64": last(0, 0x64, 0xff, 0x9b, 0, 1),
		"ISATAP":      last(0x26, 0x06, 0x47, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe),
		"6to4":        netip.AddrFrom16([16]byte{0x20, 0x02, a[0], a[1], a[2], a[3]}),
		"Teredo":      netip.AddrFrom16([16]byte{0x20, 0x01, 12: ^a[0], 13: ^a[1], 14: ^a[2], 15: ^a[3]}),
	}
}

func testGuard(t testing.TB, allow []string, loopback bool) *Guard {
	t.Helper()
	guard, err := NewGuard(allow, loopback)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}
