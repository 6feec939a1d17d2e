package door

import (
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// Download answers the bytes of a file.
func Download(o contract.Operation, f func(*Call) (parley.Media, io.ReadSeekCloser, error)) *Endpoint {
	o.Status = http.StatusOK
	o.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Responses["200"].Content = map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	}
	return Does(o, func(c *Call) error {
		m, blob, err := f(c)
		if err != nil {
			return err
		}
		defer blob.Close()
		httpd.Download(c.W, c.R, &m, blob)
		return nil
	})
}
