package app

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/parley-server/parley/internal/cluster"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/presence"
	"github.com/parley-server/parley/internal/media"
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
	a.node = rand.Text()
	a.link = cluster.New(cluster.Options{Servers: c.NATS, Listen: c.NATSListen, Routes: c.Routes(), Secret: c.NATSSecret, Log: a.log,
		Received: func(h cluster.Hint) { a.told(authenticator, h) }, Heard: a.heard, Resumed: a.look})
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

// say tells the other nodes where somebody is, or writes.
func (a *App) say(w presence.Word) {
	if a.link != nil {
		w.Node = a.node
		a.link.Say(w.Encode())
	}
}

// heard takes what another node says of that.
func (a *App) heard(word []byte) {
	if w, ok := presence.Decode(word); ok {
		a.core.Presence.Heard(w)
	}
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
	a.indexer.Note(h.Organization)
	a.poster.Note(h.Organization)
}

// look looks at once for all that other nodes may have done.
func (a *App) look() {
	a.hub.Look()
	a.runner.Wake()
	a.runner.Kick()
}

// sameFolder says in the log where this server does not have the files that the others have: they cannot be shown here, and
// stay where they are when their content ends.
func (a *App) sameFolder(blobs *media.Blobs) {
	if !a.store.Engine().Shared() {
		return
	}
	const always = 100 * 365 * 24 * time.Hour
	same := false
	folder, err := blobs.Folder()
	if err == nil {
		same, err = a.store.Lease(context.Background(), "media", string(folder), always)
	}
	switch {
	case err != nil:
		a.log.Error("nobody knows whether uploaded files are in the folder that other servers have", "error", err)
	case !same:
		a.log.Error("uploaded files are not in the folder that other servers of the database have, or had before: all must have one",
			"data", a.options.Config.Data)
	}
}
