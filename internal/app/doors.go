package app

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/dialect/bird"
	"github.com/parley-server/parley/internal/dialect/kustomer"
	"github.com/parley-server/parley/internal/dialect/spruce"
	"github.com/parley-server/parley/internal/dialect/tigerconnect"
	"github.com/parley-server/parley/internal/httpd"
)

// place is where a door is served.
type place struct {
	mount   string // the path before the door's own, in links
	url     string // that absolute links begin with, before the mount; empty: as whoever asks knows the server
	limiter *httpd.Limiter
}

// doorListener is an address that one door is served on.
type doorListener struct {
	door, address string
	handler       http.Handler
}

// vendorDoor is a door whose API is another product's.
type vendorDoor struct {
	name string
	open func(place) http.Handler
}

// vendorDoors is the list of the doors besides the native one.
func (a *App) vendorDoors(authenticator *access.Authenticator) []vendorDoor {
	c := a.options.Config
	return []vendorDoor{
		{bird.Name, func(at place) http.Handler {
			return bird.New(bird.Options{Outside: a.outside, Directory: a.directory, Files: a.files, Authenticator: authenticator, Mount: at.mount, URL: at.url, Limiter: at.limiter,
				KeyRateLimit: c.KeyRateLimit, Reads: c.BirdReads, Writes: c.BirdWrites})
		}},
		{kustomer.Name, func(at place) http.Handler {
			return kustomer.New(kustomer.Options{Core: a.core, Lists: numbered.New(a.store), Directory: a.directory, Authenticator: authenticator, Mount: at.mount, Limiter: at.limiter,
				Requests: c.KustomerRateLimit, Messages: c.KustomerMessageLimit, KeyRequests: c.KeyRateLimit})
		}},
		{spruce.Name, func(at place) http.Handler { return spruce.New(a.spruce(authenticator, at)) }},
		{tigerconnect.Name, func(at place) http.Handler {
			return tigerconnect.New(tigerconnect.Options{Core: a.core, Directory: a.directory, Files: a.files, Authenticator: authenticator, Limiter: at.limiter, KeyRateLimit: c.KeyRateLimit})
		}},
	}
}

// spruce is what the door stands on, and what is posted in its format.
func (a *App) spruce(authenticator *access.Authenticator, at place) spruce.Options {
	return spruce.Options{Core: a.core, Directory: a.directory, Files: a.files, Keys: a.keys, Webhooks: a.webhooks, Authenticator: authenticator, Mount: at.mount, URL: at.url,
		Address: a.URL, Limiter: at.limiter, RateLimit: a.options.Config.KeyRateLimit}
}

// mountDoors serves each door under its name, and at the root of the addresses that the configuration gives it: of a host name
// here, of one to listen on where it is reached by.
func (a *App) mountDoors(mux *http.ServeMux, authenticator *access.Authenticator) error {
	addresses := a.options.Config.Doors()
	doors := a.vendorDoors(authenticator)
	for name := range addresses {
		if !slices.ContainsFunc(doors, func(d vendorDoor) bool { return d.name == name }) {
			return fmt.Errorf("door-addresses: there is no door %q", name)
		}
	}
	for _, d := range doors {
		limiter, mount := httpd.NewLimiter(), "/"+d.name
		mux.Handle(mount+"/", http.StripPrefix(mount, d.open(place{mount, a.options.Config.PublicURL, limiter})))
		for _, address := range addresses[d.name] {
			if strings.Contains(address, ":") {
				a.doorListeners = append(a.doorListeners, doorListener{d.name, address, d.open(place{"", "", limiter})})
				continue
			}
			mux.Handle(address+"/", d.open(place{"", a.byName(address), limiter}))
		}
	}
	return nil
}

// byName is the public address by another host name; empty where none is configured.
func (a *App) byName(host string) string {
	u, err := url.Parse(a.options.Config.PublicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	if port := u.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	return u.Scheme + "://" + host + u.Path
}

func (a *App) listenForDoors() error {
	for i := range a.doorListeners {
		d := &a.doorListeners[i]
		if err := a.listen(d.address, a.server, func(l net.Listener) error { return a.server.ServeOther(l, d.handler) }); err != nil {
			return err
		}
		d.address = a.listeners[len(a.listeners)-1].Addr().String()
		a.log.Info("listening", "door", d.door, "address", d.address)
	}
	return nil
}

// DoorAddress is where a door is served at the root by a listener of its own; empty: nowhere.
func (a *App) DoorAddress(name string) string {
	for _, d := range a.doorListeners {
		if d.door == name {
			return d.address
		}
	}
	return ""
}
