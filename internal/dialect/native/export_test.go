package native

import "github.com/parley-server/parley/internal/dialect/native/contract"

// Routes are the operations of the door, for tests that walk them all.
func Routes() []*contract.Route {
	d := newDomain(Options{Version: "test"})
	var routes []*contract.Route
	for _, e := range d.endpoints() {
		routes = append(routes, d.door.Add(e))
	}
	return routes
}
