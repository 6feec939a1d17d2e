package native

import "github.com/parley-server/parley/internal/dialect/native/contract"

// Routes are the operations of the door, for tests that walk them all.
func Routes() []*contract.Route {
	d := &door{contract: contract.New(information("test"))}
	var routes []*contract.Route
	for _, e := range d.endpoints() {
		routes = append(routes, d.contract.Add(e.Operation))
	}
	return routes
}
