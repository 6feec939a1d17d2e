package app

import (
	"net/http"

	"github.com/parley-server/parley/internal/core/access"
)

// vendorDoor is a door whose API is another product's. It is told the path that it is served under.
type vendorDoor struct {
	name string
	open func(mount string) http.Handler
}

// vendorDoors is the list of the doors besides the native one.
func (a *App) vendorDoors(*access.Authenticator) []vendorDoor {
	return []vendorDoor{}
}

// mountDoors serves each door under its name.
func (a *App) mountDoors(mux *http.ServeMux, authenticator *access.Authenticator) {
	for _, d := range a.vendorDoors(authenticator) {
		mount := "/" + d.name
		mux.Handle(mount+"/", http.StripPrefix(mount, d.open(mount)))
	}
}
