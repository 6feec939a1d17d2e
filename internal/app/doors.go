package app

import (
	"net/http"

	"github.com/parley-server/parley/internal/core/access"
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
		{spruce.Name, func(mount string) http.Handler {
			return spruce.New(spruce.Options{Core: a.core, Directory: a.directory, Files: a.files, Keys: a.keys, Authenticator: authenticator, Mount: mount,
				URL: func() string { return a.options.Config.PublicURL }, RateLimit: a.options.Config.KeyRateLimit})
		}},
		{tigerconnect.Name, func(string) http.Handler {
			return tigerconnect.New(tigerconnect.Options{Core: a.core, Directory: a.directory, Files: a.files, Authenticator: authenticator,
				KeyRateLimit: a.options.Config.KeyRateLimit})
		}},
	}
}

// mountDoors serves each door under its name.
func (a *App) mountDoors(mux *http.ServeMux, authenticator *access.Authenticator) {
	for _, d := range a.vendorDoors(authenticator) {
		mount := "/" + d.name
		mux.Handle(mount+"/", http.StripPrefix(mount, d.open(mount)))
	}
}
