package native

import (
	"embed"
	"net/http"

	"github.com/parley-server/parley/api"
)

func (d *door) health(*call) (api.Health, error) { return api.Health{Status: "ok"}, nil }

// readiness says whether requests are taken: 503 while they are not.
func (d *door) readiness(c *call) (api.Health, error) {
	status := "ok"
	if d.Ready != nil {
		status = d.Ready()
	}
	if status != "ok" {
		c.status = http.StatusServiceUnavailable
		c.w.Header().Set("Retry-After", "1")
	}
	return api.Health{Status: status}, nil
}

//go:embed docs
var docs embed.FS

// docsPolicy lets the page load its own files and the document, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages adds what is no operation: the document, and the page that shows it.
func (d *door) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["X-Content-Type-Options"] = jsonType, noSniff
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(d.contract.Document()) // the caller is gone if it fails
	})
	for path, name := range map[string]string{"/docs": "docs/page.html", "/docs/page.css": "docs/page.css", "/docs/page.js": "docs/page.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["X-Content-Type-Options"] = noSniff
			h.Set("Content-Security-Policy", docsPolicy)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, docs, name)
		})
	}
}
