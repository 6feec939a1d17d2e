package native

import (
	"embed"
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/door"
)

func (d *domain) health(*door.Call) (api.Health, error) { return api.Health{Status: "ok"}, nil }

// readiness says whether requests are taken: 503 while they are not.
func (d *domain) readiness(c *door.Call) (api.Health, error) {
	status := "ok"
	if d.Ready != nil {
		status = d.Ready()
	}
	if status != "ok" {
		c.Status = http.StatusServiceUnavailable
		c.W.Header().Set("Retry-After", "1")
	}
	return api.Health{Status: status}, nil
}

//go:embed docs
var docs embed.FS

// docsPolicy lets the page load its own files and the document, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages adds what is no operation: the document, and the page that shows it.
func (d *domain) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(d.door.Document()) // the caller is gone if it fails
	})
	for path, name := range map[string]string{"/docs": "docs/page.html", "/docs/page.css": "docs/page.css", "/docs/page.js": "docs/page.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Content-Security-Policy", docsPolicy)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, docs, name)
		})
	}
}
