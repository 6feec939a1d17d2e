package app

import (
	"context"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/dossier"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/dialect/links"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/dialect/spruce"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/page"
	storewebhook "github.com/parley-server/parley/internal/store/webhook"
	"github.com/parley-server/parley/internal/webhook"
)

// connectors is the list of everything that messages can go out through.
func connectors(client *connector.Client) map[string]connector.Definition {
	catalog := map[string]connector.Definition{}
	for _, d := range []connector.Definition{
		sandbox.Definition(client),
	} {
		catalog[d.Name] = d
	}
	return catalog
}

// build puts the parts together over the open store.
func (a *App) build() error {
	c := a.options.Config
	blobs, err := media.Open(c.Data)
	if err != nil {
		return err
	}
	a.sameFolder(blobs)
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: c.AllowLoopback, Allow: texts(c.AllowNetworks)})
	if err != nil {
		return err
	}
	a.onStop(func(context.Context) error { client.Close(); return nil })
	catalog := connectors(client)
	authenticator := access.NewAuthenticator(a.store, nil)
	kick := func() { a.runner.Kick() }
	a.core = core.New(core.Options{Store: a.store, Connectors: catalog, Log: a.log, Kick: kick, URL: a.URL})
	a.keys = access.NewKeys(a.store, authenticator)
	a.directory = directory.New(directory.Options{Store: a.store, Authenticator: authenticator, Connectors: catalog, Kick: kick, TestProviders: c.TestProviders,
		ChannelChanged: func(parley.ID, parley.ID) { a.runner.Wake() }})
	a.files = files.New(files.Options{Store: a.store, Blobs: blobs, MaxSize: int64(c.MaxUpload), Sees: a.core.SeesAny, Log: a.log})
	a.outside = outside.New(outside.Options{Store: a.store, Core: a.core, Fetch: fetcher(client)})
	a.dossiers = dossier.New(dossier.Options{Store: a.store, Files: a.files, Log: a.log, Kick: kick})
	a.holds = holds.New(holds.Options{Store: a.store, Blobs: blobs, Kick: kick})
	a.hub = live.New(live.Options{Log: a.core.Log, Encode: native.AppendEvent, Errors: a.log, Poll: a.poll(), Joined: a.core.Presence.Opened})
	a.onStop(func(context.Context) error { a.hub.Close(); return nil })
	a.core.Presence.Follow(a.hub.Show, a.say)
	if err := a.postEvents(authenticator, client.Guard(), kick); err != nil {
		return err
	}
	deliveries := delivery.New(delivery.Options{Store: a.store, Connectors: catalog, Log: a.log, URL: a.URL, TestProviders: c.TestProviders})
	a.runner = queue.New(deliveries, a.timers(deliveries), a.queueOptions())
	a.sweeper = erasure.NewSweeper(erasure.SweeperOptions{Store: a.store, Blobs: a.files.Sweep, Log: a.log,
		More: a.sweepMore, Retention: erasure.Retention{
			Events: time.Duration(c.EventRetention), Idempotency: time.Duration(c.IdempotencyRetention), Audit: time.Duration(c.AuditRetention)}})
	a.playground = playground.New(playground.Options{Store: a.store, Turn: a.runner.Turn, Kick: kick, Sweep: a.sweeper.Organization,
		Directory: a.directory, RemoveBlob: blobs.Remove, Forget: authenticator.Forget, Log: a.log})
	a.metrics.store = a.store
	a.indexer = search.NewIndexer(search.IndexerOptions{Store: a.store, Log: a.log})
	a.store.OnCommit(a.metrics.logged)
	a.makeLink(authenticator)
	return a.serve(authenticator)
}

// sweepMore deletes what parts of the server have kept of an organization for long enough.
func (a *App) sweepMore(ctx context.Context, organization parley.ID) error {
	if err := a.webhooks.Sweep(ctx, organization); err != nil {
		return err
	}
	return a.playground.Sweep(ctx, organization)
}

// postEvents makes what posts events to endpoints. It asks only what connectors may ask, and follows no redirect.
func (a *App) postEvents(authenticator *access.Authenticator, guard *connector.Guard, kick func()) error {
	c := a.options.Config
	const readOfAnswers = 4 << 10
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: c.AllowLoopback, Allow: texts(c.AllowNetworks), MaxRedirects: -1, MaxAnswer: readOfAnswers})
	if err != nil {
		return err
	}
	a.onStop(func(context.Context) error { client.Close(); return nil })
	a.webhooks = webhooks.New(webhooks.Options{Store: a.store, Log: a.core.Log, Authenticator: authenticator, Guard: guard, Kick: kick})
	a.webhooks.Use(spruce.Format(a.spruce(authenticator, place{mount: "/" + spruce.Name, url: c.PublicURL})))
	a.poster = webhook.New(webhook.Options{Webhooks: a.webhooks, Client: client, Log: a.log, Poll: a.poll(), Posted: a.metrics.posted})
	return nil
}

// fetcher asks for files on the web, as connectors ask providers: nothing inside of the operator's network is asked.
func fetcher(client *connector.Client) func(ctx context.Context, url string) error {
	return func(ctx context.Context, url string) error {
		_, err := client.Do(ctx, connector.Call{Method: http.MethodGet, URL: url})
		return err
	}
}

// pollEvery is how often a node looks for what others did, also where it is told: what is told may be lost.
const pollEvery = time.Second

// poll is how often this server looks for what other nodes did; 0 where there can be none.
func (a *App) poll() time.Duration {
	switch {
	case !a.store.Shared():
		return 0
	case a.options.Poll > 0:
		return a.options.Poll
	}
	return pollEvery
}

// queueOptions are the measures of the queue. On a database that others use too, claims and results gather longer, as
// each costs round trips, and results are fewer at once, as their organizations are locked meanwhile.
func (a *App) queueOptions() queue.Options {
	o := queue.Options{Log: a.log, Watch: a.poll()}
	if a.store.Shared() {
		o.Gather, o.Results = 20*time.Millisecond, 100
	}
	return o
}

func texts(networks []netip.Prefix) []string {
	list := make([]string, len(networks))
	for i, n := range networks {
		list[i] = n.String()
	}
	return list
}

// timers is the list of everything that is done when its time comes, inside the database.
func (a *App) timers(deliveries *delivery.Deliveries) []queue.Timer {
	const most = 100 // a commit
	return []queue.Timer{
		{Name: "receipts", Next: deliveries.NextReceipt, Run: deliveries.Receipts},
		{Name: "suppress", Next: a.nextDue(delivery.JobSuppress), Run: atMost(most, deliveries.Suppress)},
		{Name: "validity", Next: deliveries.NextExpiry, Run: deliveries.Expire},
		{Name: "publish", Next: a.nextDue(store.JobPublish), Run: atMost(most, a.core.Publish)},
		{Name: "expire", Next: a.nextDue(store.JobExpire), Run: a.core.Expire},
		{Name: "hide", Next: a.nextDue(store.JobHide), Run: a.core.Hide},
		{Name: "exports", Next: a.nextDue(dossier.JobExport), Run: whileMore(a.dossiers.Make)},
		{Name: "forget", Next: a.nextDue(erasure.JobForget), Run: a.core.ForgetContacts},
		{Name: "release", Next: a.nextDue(hold.JobRelease), Run: a.core.Release},
		{Name: "erase", Next: a.nextDue(store.JobErase), Run: a.core.EraseCopies},
		{Name: "wake", Next: a.nextDue(store.JobWake), Run: atMost(most, a.core.Wake)},
		{Name: "fan-out", Next: a.nextDue(store.JobFanOut), Run: a.core.FanOut},
		{Name: "blobs", Next: a.nextDue(store.JobBlob), Run: whileMore(a.files.RemoveBlobs)},
		{Name: "undisturb", Next: a.nextDue(availability.JobEnd), Run: atMost(most, a.core.Availability.End)},
		{Name: "shifts", Next: a.nextDue(duty.JobShift), Run: atMost(most, a.directory.TurnShifts)},
		{Name: "escalate", Next: a.nextDue(escalation.JobEscalate), Run: atMost(most, a.core.Escalations.Turn)},
		{Name: "play", Next: a.nextDue(store.JobPlay), Run: atMost(most, a.core.Play)},
		{Name: "acks", Next: a.nextDue(store.JobAckDue), Run: atMost(most, a.core.Overdue)},
		{Name: "fallback", Next: a.nextDue(store.JobFallback), Run: atMost(20, a.core.Fallbacks.FallBack)},
		{Name: "pages", Next: a.nextDue(page.JobRemind), Run: atMost(most, a.core.Pages.Remind)},
		{Name: "remind", Next: a.nextDue(store.JobRemind), Run: atMost(most, a.core.Reminders.Remind)},
		{Name: "sla", Next: a.nextDue(hours.JobSLA), Run: atMost(most, a.core.SLAs.Tick)},
		{Name: "webhooks", Next: a.nextDue(storewebhook.JobRetry), Run: a.poster.Retry},
		{Name: "members", Next: a.nextDue(store.JobMembers), Run: whileMore(a.directory.DropMembers)},
	}
}

func (a *App) nextDue(kind store.JobKind) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) { return a.store.Read(ctx).NextDue(kind) }
}

// atMost adapts work that is told how much to do.
func atMost(limit int, run func(context.Context, int) (int, error)) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) { return run(ctx, limit) }
}

// whileMore adapts work that says whether there may be more of it.
func whileMore(run func(context.Context) (bool, error)) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		more, err := run(ctx)
		if more {
			return 1, err
		}
		return 0, err
	}
}

// serve makes the HTTP server of all doors.
func (a *App) serve(authenticator *access.Authenticator) error {
	c := a.options.Config
	mux := http.NewServeMux()
	mux.Handle("GET "+links.Path, links.New(a.core))
	mux.Handle("/", native.New(native.Options{Core: a.core, Directory: a.directory, Keys: a.keys, Audit: audit.New(a.store), Holds: a.holds, Searches: search.New(search.Options{Store: a.store}),
		Files: a.files, Dossiers: a.dossiers, Playground: a.playground, PublicURL: c.PublicURL, Authenticator: authenticator,
		Streams: a.hub, Ready: a.readiness, KeyRateLimit: c.KeyRateLimit, Version: Version()}))
	if err := a.mountDoors(mux, authenticator); err != nil {
		return err
	}
	if c.Metrics && c.MetricsListen == "" {
		mux.Handle("GET /metrics", a.metrics.handler())
	}
	options := httpd.Options{Log: a.log, AccessLog: c.AccessLog, MaxRequests: c.MaxRequests, MaxStreams: c.MaxStreams, Origins: c.Origins(),
		Settled: a.store.Settled, MaxBody: int64(c.MaxBody), MaxHeaderBytes: int(c.MaxHeader), Always: []string{"/healthz", "/readyz", "/metrics"}}
	if c.Metrics {
		options.Metrics = a.metrics.registry
	}
	if c.TLSCert != "" {
		certificate, err := httpd.Certificate(c.TLSCert, c.TLSKey)
		if err != nil {
			return err
		}
		options.TLS = certificate
	}
	a.server = httpd.New(options, mux)
	return nil
}

// readiness is "ok", or why requests are not taken yet.
func (a *App) readiness() string {
	if a.ready.Load() {
		return "ok"
	}
	return "starting or stopping"
}

// startWork begins deliveries and timers. They stop before the store and after the server.
func (a *App) startWork() {
	a.store.OnTurn(a.runner.Wake)
	a.store.Work(true)
	a.runner.Start()
	a.onStop(func(ctx context.Context) error {
		a.store.Work(false)
		return a.runner.Stop(ctx)
	})
	a.beside(a.sweeper.Run)
	a.beside(a.indexer.Run)
	a.beside(a.poster.Run)
	a.beside(func(ctx context.Context) { a.core.Presence.Run(ctx, a.log) })
}

// beside runs something until the app stops.
func (a *App) beside(run func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	a.onStop(func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

// Version is the program's.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
