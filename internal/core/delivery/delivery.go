// Package delivery takes messages to their recipients outside: it claims deliveries from the queue's table, calls
// connectors, writes what became of the calls, and takes in what providers report later.
package delivery

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what deliveries stand on.
type Options struct {
	Store      *store.Store
	Connectors map[string]connector.Definition // the catalog
	Log        *slog.Logger
	Now        func() time.Time // nil: time.Now
	URL        func() string    // the server's own address, of short links
	// TestProviders lets deliveries of test organizations reach providers.
	TestProviders bool
}

// Deliveries is the source of the queue's runner for messages that go out.
type Deliveries struct {
	store      *store.Store
	connectors map[string]connector.Definition
	log        *slog.Logger
	now        func() time.Time // the real time; for what is told, the store has the organization's
	url        func() string
	reach      bool         // test organizations may reach providers
	trouble    atomic.Int64 // until when the database could not be asked, in nanoseconds since 1970
}

// New returns the deliveries of a store.
func New(o Options) *Deliveries {
	d := &Deliveries{store: o.Store, connectors: o.Connectors, log: o.Log, now: o.Now, url: o.URL, reach: o.TestProviders}
	if d.now == nil {
		d.now = time.Now
	}
	if d.url == nil {
		d.url = func() string { return "" }
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	return d
}

// Line is what a channel has to deliver of one priority.
type Line struct{ line store.Line }

// Lane names the channel, whose limits all its lines share.
func (l Line) Lane() string { return laneName(l.line.Lane) }

// Urgent reports whether it goes before what is not: it is of high priority.
func (l Line) Urgent() bool { return l.line.Priority >= parley.PriorityHigh.Rank() }

// DueAt is when its first delivery is due, or its first lease ends; later where another server takes those of the channel,
// for the case that it does not.
func (l Line) DueAt() time.Time { return l.line.Due }

func laneName(l store.Lane) string { return string(l.Organization) + "/" + string(l.Channel) }

// Work is one delivery on its way to a call.
type Work struct {
	job store.Job
	key string

	// Read after the claim; see Deliveries.load.
	with     []*Work            // other deliveries of the same message, which were claimed with it
	several  []*parley.Delivery // of a message to several: all of its deliveries
	loaded   bool
	message  *parley.Message
	delivery *parley.Delivery
	channel  *parley.Channel // nil: deleted
	refusal  store.Refusal
	quiet    time.Time          // until when nothing goes out to its recipient; zero: something may
	standing *fallback.Standing // of one that stands in for another
	links    []store.Link
}

// all are pieces of work and what was claimed with them.
func all(pieces []*Work) []*Work {
	list := make([]*Work, 0, len(pieces))
	for _, w := range pieces {
		list = append(append(list, w), w.with...)
	}
	return list
}

// Key names the delivery.
func (w *Work) Key() string { return w.key }

func (w *Work) lane() store.Lane {
	return store.Lane{Organization: w.job.Organization, Channel: w.job.Channel}
}

func (w *Work) ref() store.DeliveryRef { return refOf(&w.job) }

func refOf(j *store.Job) store.DeliveryRef {
	return store.DeliveryRef{Organization: j.Organization, Message: j.Message, Number: j.Delivery}
}

const (
	// slowAnswer is how long the database takes to answer that could not be asked for a while.
	slowAnswer = time.Second
	// afterTrouble is how long, after that, claims are left to other nodes whose leases have ended: they could neither prolong
	// them nor write what became of the calls, and do so now. A node may need two tries to connect.
	afterTrouble = 10 * time.Second
)

// Lines returns the channels' lines that wait in the queue.
func (d *Deliveries) Lines(ctx context.Context) ([]Line, error) {
	began := d.now()
	found, err := d.store.Read(ctx).Lines()
	if now := d.now(); err != nil || now.Sub(began) > slowAnswer {
		d.trouble.Store(now.UnixNano())
	}
	patient := time.Time{}
	if at := d.trouble.Load(); at > 0 && d.store.Shared() {
		patient = time.Unix(0, at).Add(afterTrouble)
	}
	lines := make([]Line, len(found))
	for i, l := range found {
		if l.Claimed && l.Due.Before(patient) {
			l.Due = patient
		}
		lines[i] = Line{l}
		if !l.Organization.OfTest() && !d.store.Mine(lines[i].Lane()) { // whoever moves a clock does not wait for others
			lines[i].line.Due = l.Due.Add(lines[i].leftToOthers())
		}
	}
	return lines, err
}

// leftToOthers is how long a channel's deliveries are left to the server that takes them. Of one that is gone the others
// know sooner.
func (l Line) leftToOthers() time.Duration {
	if l.Urgent() {
		return time.Second
	}
	return 30 * time.Second
}

// Due returns up to n deliveries of a line that are due.
func (d *Deliveries) Due(ctx context.Context, l Line, n int) ([]*Work, error) {
	jobs, err := d.store.Read(ctx).DueDeliveries(l.line, d.now(), n)
	due := make([]*Work, len(jobs))
	for i, j := range jobs {
		due[i] = &Work{job: j, key: string(j.Organization) + "/" + j.ID}
	}
	return due, err
}

// Renew prolongs the leases of claims that are still held.
func (d *Deliveries) Renew(ctx context.Context, held []*Work, lease time.Duration) error {
	var jobs []store.Job
	for _, w := range all(held) {
		jobs = append(jobs, w.job)
	}
	return d.store.WriteBackground(ctx, nil, func(tx *store.Tx) error { return tx.Renew(jobs, tx.Now.Add(lease)) })
}
