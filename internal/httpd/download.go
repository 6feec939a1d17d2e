package httpd

import (
	"io"
	"mime"
	"net/http"

	"github.com/parley-server/parley/internal/parley"
)

// Download answers the bytes of a file, or the range of them that is asked for. Whatever it holds, a browser keeps it in a file and
// runs nothing of it.
func Download(w http.ResponseWriter, r *http.Request, m *parley.Media, blob io.ReadSeeker) {
	AllowTime(w, m.Size)
	h := w.Header()
	h.Set("Content-Type", m.ContentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": m.Name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", m.CreatedAt, blob)
}
