// Package door is what the packages of the native API's areas are made with: an endpoint is an operation's description
// and its handler, a call one request to it. It reads and checks requests, knows who asks, and writes answers.
package door

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/httpd"
)

// Door is what all calls share.
type Door struct {
	authenticator *access.Authenticator
	keyRateLimit  int // requests a minute of a key without a limit of its own, 0: no limit
	contract      *contract.Contract
	limiter       *httpd.Limiter
	buffers       sync.Pool // of *bytes.Buffer
}

const (
	maxPooled = 64 << 10 // bytes of a buffer that is kept for the next request
	pageLimit = 50       // entries of a page that nobody asked more or fewer of
)

// New returns a door without endpoints. The rate limit is in requests a minute, and of keys without one of their own; 0 is none.
func New(authenticator *access.Authenticator, keyRateLimit int, about huma.Info) *Door {
	d := &Door{authenticator: authenticator, keyRateLimit: keyRateLimit, contract: contract.New(about), limiter: httpd.NewLimiter()}
	d.buffers.New = func() any { return new(bytes.Buffer) }
	return d
}

// Handler adds an endpoint to the contract and answers its requests.
func (d *Door) Handler(e *Endpoint) http.Handler {
	d.Add(e)
	return d.handler(e)
}

// Add adds an endpoint to the contract.
func (d *Door) Add(e *Endpoint) *contract.Route {
	e.route = d.contract.Add(e.Operation)
	return e.route
}

// Document is the OpenAPI document of all endpoints that were added.
func (d *Door) Document() []byte { return d.contract.Document() }

// Refusal describes an answer that refuses.
func (d *Door) Refusal(status int) *huma.Response { return d.contract.Refusal(status) }

func (d *Door) buffer() *bytes.Buffer {
	b := d.buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b
}

func (d *Door) recycle(b *bytes.Buffer) {
	if b.Cap() <= maxPooled {
		d.buffers.Put(b)
	}
}
