package config

import (
	"regexp"
	"strings"
)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// checkDoors says what is wrong with the addresses of doors.
func (c Config) checkDoors(refuse func(option, format string, args ...any)) {
	seen := map[string]bool{c.Listen: true, c.MetricsListen: c.MetricsListen != ""}
	for name, addresses := range c.Doors() {
		for _, address := range addresses {
			switch {
			case name == "" || !hostName.MatchString(address) && !isAddress(address):
				refuse("door-addresses", "must be NAME=HOST or NAME=HOST:PORT, or several, separated by commas, such as bird=bird.example.org")
			case seen[address] && !strings.HasSuffix(address, ":0"):
				refuse("door-addresses", "%q is used twice", address)
			}
			seen[address] = true
		}
	}
}

// Doors are the addresses in door-addresses by the names of the doors.
func (c Config) Doors() map[string][]string {
	all := map[string][]string{}
	for part := range strings.SplitSeq(c.DoorAddresses, ",") {
		if name, address, _ := strings.Cut(strings.TrimSpace(part), "="); c.DoorAddresses != "" {
			all[name] = append(all[name], strings.ToLower(address))
		}
	}
	return all
}
