// Package httpd is what every door of the server shares: the listener with its time limits and graceful
// stop, request ids, the access log, limits on load, bodies and rates, credentials, and the adapter that
// turns returned errors into answers. It has no routes.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-server/parley/internal/parley"
)

// Options are the settings of a Server. Limits that are 0 take the default of their field.
type Options struct {
	Log       *slog.Logger          // required
	AccessLog bool                  // one line a request; without it, failures of ours only
	Metrics   prometheus.Registerer // nil: none
	TLS       *tls.Config           // nil: plain HTTP

	MaxRequests    int           // under way at once, streams apart; 512
	MaxStreams     int           // open at once; 4,096
	MaxBody        int64         // bytes, unless a handler calls AllowBody; 1 MiB
	MaxHeaderBytes int           // 64 KiB
	Timeout        time.Duration // to read a request, unless a handler lifts it; its answer has a tenth more; 60 s

	// Origins are those whose pages may call the server from browsers, such as https://app.example.org; "*" is any.
	Origins []string

	// Settled, if set, is waited for before a GET is answered: it returns when all that could be read is durable.
	Settled func(ctx context.Context) error

	// Always are the paths that are answered though all requests that are allowed at once are under way:
	// health checks, which would otherwise take a busy server for a dead one.
	Always []string
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	abortGrace    = time.Second // between canceling requests and closing their connections
	answerShare   = 10          // what part of the timeout is left to tell a caller that it was too slow
)

// withDefaults fills in what is 0.
func (o Options) withDefaults() Options {
	if o.MaxRequests == 0 {
		o.MaxRequests = 512
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 4096
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = 64 << 10
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	return o
}

// Server serves one handler on any number of listeners, or another on one.
type Server struct {
	options  Options
	handler  http.Handler
	others   sync.Map // by the address of the listener: an http.Handler of its own
	http     *http.Server
	requests slots
	streams  slots
	metrics  *metrics
	always   map[string]bool
	origins  origins

	abort    context.CancelFunc // of every request's context
	stopOnce sync.Once
	stopping chan struct{} // closed when Stop begins
}

// New makes a server of the handler. It does nothing before Serve.
func New(options Options, handler http.Handler) *Server {
	options = options.withDefaults()
	base, abort := context.WithCancel(context.Background())
	s := &Server{
		options:  options,
		handler:  handler,
		requests: slots{limit: int64(options.MaxRequests)},
		streams:  slots{limit: int64(options.MaxStreams)},
		always:   make(map[string]bool, len(options.Always)),
		origins:  originsOf(options.Origins),
		abort:    abort,
		stopping: make(chan struct{}),
	}
	for _, path := range options.Always {
		s.always[path] = true
	}
	if options.Metrics != nil {
		s.metrics = newMetrics(options.Metrics, &s.requests, &s.streams)
	}
	s.http = &http.Server{
		Handler:           s,
		TLSConfig:         options.TLS,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       options.Timeout, // BeginStream, AllowBody and AllowTime lift these two
		WriteTimeout:      options.Timeout + options.Timeout/answerShare,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    options.MaxHeaderBytes,

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered like any other path that there is none of
		ErrorLog:                     slog.NewLogLogger(options.Log.Handler(), slog.LevelInfo),
		BaseContext: func(l net.Listener) context.Context {
			if other, ok := s.others.Load(l.Addr().String()); ok {
				return context.WithValue(base, otherHandler{}, other)
			}
			return base
		},
	}
	return s
}

// otherHandler is the key of the handler, in the context of requests that do not go to the server's own.
type otherHandler struct{}

// ServeOther is Serve for a listener whose requests go to another handler, within the same limits.
func (s *Server) ServeOther(listener net.Listener, handler http.Handler) error {
	s.others.Store(listener.Addr().String(), handler)
	return s.Serve(listener)
}

// Serve answers the listener's connections until Stop, and then returns nil.
func (s *Server) Serve(listener net.Listener) error {
	var err error
	if s.options.TLS != nil {
		err = s.http.ServeTLS(listener, "", "")
	} else {
		err = s.http.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stop ends the server in two steps: it stops accepting, tells streams to end and waits for the requests
// under way until ctx ends; then it cancels what is left and closes its connections.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stopping) })
	err := s.http.Shutdown(ctx)
	s.abort()
	if err == nil {
		return nil
	}
	left := s.requests.used.Load() + s.streams.used.Load()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortGrace)
	defer cancel()
	if s.http.Shutdown(grace) != nil {
		_ = s.http.Close() // of connections that are to be cut anyway
	}
	return fmt.Errorf("%d requests were cut off: %w", left, err)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer x.end() // recovers
	if x.server.origins.share(&x.response, r) {
		return
	}
	if !x.admit() {
		WriteProblem(&x.response, x.request, parley.Unavailable("overloaded", "too many requests are under way", nil))
		return
	}
	handler := s.handler
	if other, ok := r.Context().Value(otherHandler{}).(http.Handler); ok {
		handler = other
	}
	handler.ServeHTTP(&x.response, x.request)
}

// slots count what is under way at once.
type slots struct {
	used  atomic.Int64
	limit int64
}

func (s *slots) take() bool {
	if s.used.Add(1) <= s.limit {
		return true
	}
	s.used.Add(-1)
	return false
}

func (s *slots) give() { s.used.Add(-1) }
