// Package links answers requests for short links: it leads on to the address that was in a message, and to no other.
package links

import (
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

// Path is the pattern of short links.
const Path = content.LinkPath + "{code}"

// New returns the handler of short links. It asks for no key: who has the code has the message.
func New(c *core.Core) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store") // every click is asked for
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		url, err := c.Follow(r.Context(), r.PathValue("code"), clicks(r))
		switch {
		case parley.IsKind(err, parley.KindNotFound):
			http.Error(w, "This link leads nowhere any more.", http.StatusNotFound)
		case err != nil:
			h.Set("Retry-After", "1")
			http.Error(w, "This link cannot be followed now.", http.StatusServiceUnavailable)
		default:
			h.Set("Location", url)
			w.WriteHeader(http.StatusFound)
		}
	})
}

// lookers are pieces of what programs call themselves that look at links before anybody clicks.
var lookers = []string{"bot", "crawl", "spider", "preview", "facebookexternalhit", "whatsapp", "telegram", "slack", "discord", "skype", "safelinks", "proofpoint",
	"barracuda", "mimecast", "scanner", "prefetch", "curl/", "wget/"}

// clicks reports whether a request is somebody's click, and not a program's look ahead.
func clicks(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if value := strings.ToLower(r.Header.Get(name)); strings.Contains(value, "prefetch") || strings.Contains(value, "preview") {
			return false
		}
	}
	agent := strings.ToLower(r.UserAgent())
	for _, looker := range lookers {
		if strings.Contains(agent, looker) {
			return false
		}
	}
	return true
}
