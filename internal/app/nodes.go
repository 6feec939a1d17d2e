package app

import (
	"github.com/parley-server/parley/internal/cluster"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// makeLink makes the tie to the other nodes, where the configuration has one. They tell each other what they committed; the
// queue is left to look by itself, see package cluster.
func (a *App) makeLink(authenticator *access.Authenticator) {
	c := a.options.Config
	if c.NATS == "" && c.NATSListen == "" {
		return
	}
	a.link = cluster.New(cluster.Options{Servers: c.NATS, Listen: c.NATSListen, Routes: c.Routes(), Secret: c.NATSSecret, Log: a.log,
		Received: func(h cluster.Hint) { a.told(authenticator, h) }, Resumed: a.look})
	a.store.OnCommit(a.tell)
	a.metrics.linked(a.link.Connected)
}

// startLink connects with the other nodes, until after the work has ended.
func (a *App) startLink() error {
	if a.link == nil {
		return nil
	}
	if err := a.link.Start(); err != nil {
		return err
	}
	a.onStop(a.link.Close)
	return nil
}

// tell lets the other nodes know what was committed here.
func (a *App) tell(commits []store.Committed) {
	for _, c := range commits {
		h := cluster.Hint{Organization: c.Organization, Latest: c.Events[len(c.Events)-1].Sequence}
		for i := range c.Events {
			kind := c.Events[i].Type
			h.Access = h.Access || access.ChangedBy(kind)
			h.Setup = h.Setup || core.ChangedBy(kind) || kind == parley.EventChannelUpdated || kind == parley.EventChannelDeleted
		}
		a.link.Tell(h)
	}
}

// told takes what another node committed. What is remembered goes before the events are shown that tell of it.
func (a *App) told(authenticator *access.Authenticator, h cluster.Hint) {
	if h.Access {
		authenticator.Forget()
	}
	if h.Setup {
		a.core.Forget(h.Organization)
		a.runner.Wake() // a channel may take more
	}
	a.hub.Advanced(h.Organization, h.Latest)
}

// look looks at once for all that other nodes may have done.
func (a *App) look() {
	a.hub.Look()
	a.runner.Wake()
	a.runner.Kick()
}
