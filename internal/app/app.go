// Package app is the composition root: it builds every part of the server from its configuration, starts them
// in order and stops them in the opposite one. Tests start the same app.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/cluster"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/dossier"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/webhook"
)

// Options are what an app is made with.
type Options struct {
	Config config.Config
	LogTo  io.Writer // nil: nowhere
	// Prepare runs once the server answers and before it says that it is ready.
	Prepare func(ctx context.Context, a *App) error
	// Store, for tests, changes how the store is opened.
	Store func(*store.Options)
	// Poll, for tests, is how often the server looks for what other nodes did; 0: as usual.
	Poll time.Duration
}

// settleAfter is how long after its start a server gives back what only that needed.
const settleAfter = 3 * time.Second

// App is a server.
type App struct {
	options    Options
	log        *slog.Logger
	store      *store.Store
	core       *core.Core
	directory  *directory.Directory
	files      *files.Files
	dossiers   *dossier.Dossiers
	outside    *outside.Outside
	holds      *holds.Holds
	keys       *access.Keys
	hub        *live.Hub
	runner     *queue.Runner
	indexer    *search.Indexer
	webhooks   *webhooks.Webhooks
	poster     *webhook.Worker
	sweeper    *erasure.Sweeper
	playground *playground.Playground
	link       *cluster.Link // nil: no node is told of anything
	node       string        // what the others know it by
	metrics    *metrics
	server     *httpd.Server
	listeners  []net.Listener
	address    string // of the first of them

	doorListeners []doorListener
	moves         func(ctx context.Context) // nil: the database stays where it is
	outcast       chan error                // why the server may not go on; of capacity 1
	ready         atomic.Bool
	stop          []func(ctx context.Context) error // last in, first out
}

// New builds a server over its data folder, which is made where it is missing. Nothing runs yet.
func New(ctx context.Context, o Options) (*App, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	a := &App{options: o, log: newLog(o), metrics: newMetrics(), outcast: make(chan error, 1)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.build(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func newLog(o Options) *slog.Logger {
	if o.LogTo == nil {
		return slog.New(slog.DiscardHandler)
	}
	handlerOptions := &slog.HandlerOptions{Level: o.Config.Level()}
	if o.Config.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(o.LogTo, handlerOptions))
	}
	return slog.New(slog.NewTextHandler(o.LogTo, handlerOptions))
}

// open opens the data folder.
func (a *App) open(ctx context.Context) error {
	folder := a.options.Config.Data
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	options := store.Options{CacheKB: int(int64(a.options.Config.SQLiteCache) >> 10), Log: a.log, Observe: a.metrics.committed}
	if a.options.Store != nil {
		a.options.Store(&options)
	}
	sabotaged(&options)
	s, err := a.openStore(ctx, options)
	if err != nil {
		return err
	}
	a.store = s
	a.onStop(func(context.Context) error { return s.Close() })
	return nil
}

func (a *App) onStop(f func(ctx context.Context) error) { a.stop = append(a.stop, f) }

// Handler answers every request of the server, for tests that need no listener.
func (a *App) Handler() http.Handler { return a.server }

// Administrator returns a new key with every scope in the first organization, which is made under the name
// where there is none.
func (a *App) Administrator(ctx context.Context, name string) (string, error) {
	organizations, err := a.store.Read(ctx).Organizations("", 1)
	if err != nil {
		return "", err
	}
	if len(organizations) == 0 {
		made, _, err := a.directory.CreateOrganization(ctx, access.Operator(), directory.OrganizationParams{Name: name, Operator: true}, nil)
		return made.Key.Token, err
	}
	p := access.SystemOperator(organizations[0].ID)
	key, _, err := a.keys.Create(ctx, p, access.KeyParams{Name: "Administration", Scopes: parley.Scopes}, nil)
	return key.Token, err
}

// Start listens and begins to work. It is ready when Start returns.
func (a *App) Start(ctx context.Context) error {
	if err := a.startLink(); err != nil {
		return err
	}
	listener, err := a.bind(a.options.Config.Listen)
	if err != nil {
		return err
	}
	a.address = listener.Addr().String() // before work begins, in which it is told
	a.startWork()
	a.serveOn(listener, a.server, a.server.Serve)
	if err := a.listenForDoors(); err != nil {
		return err
	}
	if address := a.options.Config.MetricsListen; address != "" {
		metrics := a.metricsServer()
		if err := a.listen(address, metrics, metrics.Serve); err != nil {
			return err
		}
	}
	if a.options.Prepare != nil {
		if err := a.options.Prepare(ctx, a); err != nil {
			return err
		}
	}
	a.startMove()
	a.ready.Store(true)
	settle := time.AfterFunc(settleAfter, releaseStart)
	a.onStop(func(context.Context) error { settle.Stop(); return nil })
	a.log.Info("ready", "url", a.URL(), "data", a.options.Config.Data)
	return nil
}

func (a *App) listen(address string, server *httpd.Server, serve func(net.Listener) error) error {
	listener, err := a.bind(address)
	if err == nil {
		a.serveOn(listener, server, serve)
	}
	return err
}

func (a *App) bind(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	a.listeners = append(a.listeners, listener)
	return listener, nil
}

func (a *App) serveOn(listener net.Listener, server *httpd.Server, serve func(net.Listener) error) {
	served := make(chan error, 1)
	go func() { served <- serve(listener) }()
	a.onStop(func(ctx context.Context) error {
		if err := server.Stop(ctx); err != nil {
			a.log.Warn("stopping", "error", err) // requests that took too long were cut off: that is what the grace is for
		}
		return <-served
	})
}

// URL is where the server is reached: the public one where it is configured, else its listener's.
func (a *App) URL() string {
	c := a.options.Config
	if c.PublicURL != "" || a.address == "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + a.address
}

// Close stops the server: it accepts nothing more, finishes what is in hand within the configured grace, and
// leaves the rest to the next start.
func (a *App) Close() error {
	a.ready.Store(false)
	var errs []error
	for i := len(a.stop) - 1; i >= 0; i-- {
		errs = append(errs, a.stopPart(a.stop[i]))
	}
	a.stop = nil
	return errors.Join(errs...)
}

// stopPart gives each part a grace of its own, so that one which does not end takes none from the next.
func (a *App) stopPart(stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(a.options.Config.ShutdownTime))
	defer cancel()
	return stop(ctx)
}

// Run builds a server, serves until the context ends or it may not use its database any more, and stops it.
func Run(ctx context.Context, o Options) error {
	a, err := New(ctx, o)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Close())
	}
	select {
	case <-ctx.Done():
		a.log.Info("stopping")
	case err = <-a.outcast:
		a.log.Error("stopping", "error", err)
	}
	return errors.Join(err, a.Close())
}
