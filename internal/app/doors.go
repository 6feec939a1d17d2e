package app

import (
	"net/http"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/dialect/bird"
	"github.com/parley-server/parley/internal/dialect/kustomer"
	"github.com/parley-server/parley/internal/dialect/spruce"
	"github.com/parley-server/parley/internal/dialect/tigerconnect"
)

// vendorDoor is a door whose API is another product's. It is told the path that it is served under.
type vendorDoor struct {
	name string
	open func(mount string) http.Handler
}

// vendorDoors is the list of the doors besides the native one.
func (a *App) vendorDoors(authenticator *access.Authenticator) []vendorDoor {
	return []vendorDoor{
		{bird.Name, func(mount string) http.Handler {
			return bird.New(bird.Options{Outside: a.outside, Directory: a.directory, Files: a.files, Authenticator: authenticator, Mount: mount, URL: a.URL,
				KeyRateLimit: a.options.Config.KeyRateLimit, Reads: a.options.Config.BirdReads, Writes: a.options.Config.BirdWrites})
		}},
		{kustomer.Name, func(mount string) http.Handler { return a.kustomer(authenticator, mount) }},
		{spruce.Name, func(mount string) http.Handler { return spruce.New(a.spruce(authenticator, mount)) }},
		{tigerconnect.Name, func(string) http.Handler {
			return tigerconnect.New(tigerconnect.Options{Core: a.core, Directory: a.directory, Files: a.files, Authenticator: authenticator,
				KeyRateLimit: a.options.Config.KeyRateLimit})
		}},
	}
}

func (a *App) kustomer(authenticator *access.Authenticator, mount string) http.Handler {
	c := a.options.Config
	return kustomer.New(kustomer.Options{Core: a.core, Lists: numbered.New(a.store), Directory: a.directory, Authenticator: authenticator, Mount: mount,
		Requests: c.KustomerRateLimit, Messages: c.KustomerMessageLimit, KeyRequests: c.KeyRateLimit})
}

func (a *App) spruce(authenticator *access.Authenticator, mount string) spruce.Options {
	return spruce.Options{Core: a.core, Directory: a.directory, Files: a.files, Keys: a.keys, Webhooks: a.webhooks, Authenticator: authenticator, Mount: mount,
		URL: func() string { return a.options.Config.PublicURL }, Address: a.URL, RateLimit: a.options.Config.KeyRateLimit}
}

// mountDoors serves each door under its name.
func (a *App) mountDoors(mux *http.ServeMux, authenticator *access.Authenticator) {
	for _, d := range a.vendorDoors(authenticator) {
		mount := "/" + d.name
		mux.Handle(mount+"/", http.StripPrefix(mount, d.open(mount)))
	}
}
