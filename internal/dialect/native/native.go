// Package native is the door of the native API: JSON under /v1, its OpenAPI document, and a page that shows it.
package native

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/dialect/native/door"
	catching "github.com/parley-server/parley/internal/dialect/native/playground"
)

// Options are what the door opens to.
type Options struct {
	Core          *core.Core
	Directory     *directory.Directory
	Keys          *access.Keys
	Audit         *audit.Log
	Files         *files.Files
	Holds         *holds.Holds
	Playground    *playground.Playground
	Searches      *search.Searches
	PublicURL     string // how others reach the server; empty: as whoever asks does
	Authenticator *access.Authenticator
	Streams       Streams       // live events; nil: there are pages only
	Ready         func() string // "ok", or why requests are not taken yet; nil: always "ok"
	KeyRateLimit  int           // requests a minute of a key without a limit of its own, 0: no limit
	Version       string        // of the program, for the document
}

// domain is what the handlers of this package stand on.
type domain struct {
	Options
	door *door.Door
}

func newDomain(o Options) *domain {
	return &domain{Options: o, door: door.New(o.Authenticator, o.KeyRateLimit, information(o.Version))}
}

// New returns the handler of /v1/…, /docs/…, /healthz and /readyz. Any other path is answered 404.
func New(o Options) http.Handler {
	d := newDomain(o)
	mux := http.NewServeMux()
	for _, e := range d.endpoints() {
		mux.Handle(e.Method+" "+e.Path, d.door.Handler(e))
	}
	catching.Catch(mux, o.Playground)
	d.pages(mux)
	return mux
}

func information(version string) huma.Info {
	return huma.Info{Title: "Parley", Version: version, Description: introduction}
}

const introduction = `The native API of Parley, a self-hosted messaging server.

JSON in camelCase; times in RFC 3339, UTC, with milliseconds; durations in seconds. A field without a value is left out, unless its description says that it is always there. Unknown fields are refused.

Every request but those of the server's health carries a key: ` + "`Authorization: Bearer KEY`" + `. Its scopes say what it permits; each operation names the one it needs.

Lists answer ` + "`{\"data\": […], \"next\": CURSOR}`" + `: pass the cursor as ` + "`after`" + ` to go on; null ends the list.

What goes wrong is answered as a problem (RFC 9457) with a stable ` + "`code`" + `, and names what is wrong with which field.`
