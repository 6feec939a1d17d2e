// Package storetest is the conformance suite of the store: what every database under it does alike. It tests
// through the store's own methods only.
//
// Long because it is one suite over one world, with a file for each area of the store.
package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// tests are the suite.
var tests = []struct {
	name string
	run  func(w *world)
}{
	{"CommitsAreShared", commitsAreShared},
	{"UnitsFailAlone", unitsFailAlone},
	{"CallersGiveUp", callersGiveUp},
	{"UnitsAreRepeated", unitsAreRepeated},
	{"EveryStatementFails", everyStatementFails},
	{"AfterTheCommit", afterTheCommit},
	{"Background", background},
	{"OpenedAgain", openedAgain},

	{"AppendIsWhole", appendIsWhole},
	{"StaleAppends", staleAppends},
	{"StaleChoice", staleChoice},
	{"StaleAmongOthers", staleAmongOthers},
	{"BulkFails", bulkFails},
	{"DisplayOrder", displayOrder},
	{"Inbox", inbox},
	{"Scheduled", scheduled},

	{"Twins", twins},
	{"TwinsInUnits", twinsInUnits},
	{"KeysOfWhatFails", keysOfWhatFails},
	{"DropIdempotency", dropIdempotency},
	{"DropIdempotencyBeside", dropIdempotencyBeside},

	{"Sequences", sequences},
	{"Events", events},
	{"OnCommit", onCommit},
	{"DropEvents", dropEvents},
	{"ManyEvents", manyEvents},

	{"UniqueInContacts", uniqueInContacts},
	{"UniqueThreads", uniqueThreads},
	{"UniqueOthers", uniqueOthers},
	{"IDsAreTaken", idsAreTaken},

	{"PagesByID", pagesByID},
	{"PagesOfMessages", pagesOfMessages},
	{"PagesOfConversations", pagesOfConversations},
	{"NarrowedConversations", narrowedConversations},
	{"PagesOfAttempts", pagesOfAttempts},
	{"FilteredPages", filteredPages},

	{"Texts", texts},
	{"BytewiseOrder", bytewiseOrder},
	{"Empty", empty},
	{"Times", times},

	{"Claims", claims},
	{"OrderOfDeliveries", orderOfDeliveries},
	{"DeferredDeliveries", deferredDeliveries},
	{"Leases", leases},
	{"ClaimsBeside", claimsBeside},
	{"LostClaims", lostClaims},
	{"Lanes", lanes},
	{"Timers", timers},
	{"JobsOfAMessage", jobsOfAMessage},
	{"DueWork", dueWork},
	{"OneHolder", oneHolder},

	{"Organizations", organizations},
	{"People", persons},
	{"Teams", teams},
	{"Roles", roles},
	{"RoleConversations", roleConversations},
	{"Shifts", shifts},
	{"Availability", available},
	{"Mutes", mutes},
	{"Groups", groups},
	{"EscalationPolicies", escalationPolicies},
	{"Escalations", escalations},
	{"EscalationFallbacks", escalationFallbacks},
	{"Guests", guests},
	{"Profiles", profiles},
	{"Schedules", schedules},
	{"AutoReplies", autoReplies},
	{"SLAs", slas},
	{"ContactPlaces", contactPlaces},
	{"Records", records},
	{"RecordedTogether", recordedTogether},
	{"NumberedLists", numberedLists},
	{"PermissionSets", permissionSets},
	{"Relations", relations},
	{"CopiesOfContent", copiesOfContent},
	{"Receivers", receivers},
	{"Mentions", mentions},
	{"FallbackAddresses", fallbackAddresses},
	{"Broadcasts", broadcasts},
	{"Contacts", contacts},
	{"Merges", merges},
	{"Attributes", attributes},
	{"ExternalIDs", externalIDs},
	{"Suppressions", suppressions},
	{"BlockedSenders", blockedSenders},
	{"Exports", exports},
	{"Forgetting", forgetting},
	{"Erasures", erasures},
	{"Channels", channels},
	{"Conversations", conversations},
	{"Details", details},
	{"Labels", labels},
	{"Views", views},
	{"Called", called},
	{"Rolled", rolled},
	{"Selections", selections},
	{"History", history},
	{"Drafts", draftedTexts},
	{"MergedConversations", mergedConversations},
	{"MovedMessages", movedMessages},
	{"Copies", copies},
	{"Deliveries", deliveries},
	{"Attempts", attempts},
	{"ProviderReferences", providerReferences},
	{"Marks", marks},
	{"Media", media},
	{"Interactions", interactions},
	{"Templates", templates},
	{"Links", links},
	{"Places", places},
	{"Webhooks", webhooks},
	{"WebhookPosts", webhookPosts},
	{"TakenJobs", takenJobs},
	{"EventsAt", eventsAt},
	{"ParkedThings", parkedThings},
	{"UploadForms", uploadForms},
	{"Erasure", erasure},
	{"SearchIndex", searchIndex},
	{"SearchSegments", searchSegments},
	{"SearchBefore", searchBefore},
}

// Run tests the stores that open opens. The folder of the options names the database: empty at first, and what it
// was where it is opened again. open closes what it has opened when its test ends, if the test has not.
func Run(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(newWorld(t, open)) })
	}
}

// world is a store with what a test needs around it.
type world struct {
	*testing.T
	*store.Store
	open    func(t *testing.T, o store.Options) *store.Store
	options store.Options
	clock   atomic.Int64 // milliseconds since 1970
	ids     atomic.Int64
	fault   atomic.Pointer[func(statement string) error]

	mu            sync.Mutex
	organizations []parley.ID // that were made
	commits       []int       // of each commit, how many units shared it; complete when the store is closed
}

func newWorld(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) *world {
	w := &world{T: t, open: open}
	w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	w.options = store.Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: w.now,
		Observe: func(units int, _ time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.commits = append(w.commits, units)
		},
		Fault: func(statement string) error {
			if f := w.fault.Load(); f != nil {
				return (*f)(statement)
			}
			return nil
		}}
	w.Store = open(t, w.options)
	return w
}

// reopen closes the store and opens its database again.
func (w *world) reopen() {
	w.Helper()
	w.must(w.Close())
	w.Store = w.open(w.T, w.options)
}

func (w *world) now() time.Time          { return time.UnixMilli(w.clock.Load()) }
func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }

// id returns ids that rise.
func (w *world) id() parley.ID { return parley.ID(fmt.Sprintf("id%08d", w.ids.Add(1))) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// do runs a unit that succeeds.
func (w *world) do(f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.try(f))
}

func (w *world) try(f func(tx *store.Tx) error) error {
	w.mu.Lock()
	organizations := slices.Clone(w.organizations)
	w.mu.Unlock()
	return w.WriteAcross(context.Background(), organizations, f)
}

// read returns the queries outside of a transaction.
func (w *world) read() store.Queries { return w.Read(context.Background()) }

// concurrently runs f n times at once, and returns the errors.
func concurrently(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errs
}

// together runs f n times at once while the committer is held, so that as many as can share its next transaction.
func (w *world) together(n int, f func(i int) error) []error {
	w.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	var once sync.Once
	go func() {
		done <- w.try(func(*store.Tx) error {
			once.Do(func() { close(held) })
			<-free
			return nil
		})
	}()
	<-held
	var begun atomic.Int64
	go func() {
		for begun.Load() < int64(n) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Millisecond)
		close(free)
	}()
	errs := concurrently(n, func(i int) error {
		begun.Add(1)
		return f(i)
	})
	w.must(<-done)
	return errs
}

// conflict checks that an error is a conflict with this code.
func (w *world) conflict(err error, code string) {
	w.Helper()
	if !parley.IsKind(err, parley.KindConflict) || parley.AsError(err).Code != code {
		w.Errorf("got %v, want the conflict %q", err, code)
	}
}

// notFound checks that an error says that there is no such thing.
func (w *world) notFound(err error) {
	w.Helper()
	if !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("got %v, want not found", err)
	}
}

// contend runs f n times at once; one may succeed, and the others are conflicts with this code.
func (w *world) contend(n int, code string, f func(tx *store.Tx, i int) error) {
	w.Helper()
	won := 0
	for _, err := range w.together(n, func(i int) error { return w.try(func(tx *store.Tx) error { return f(tx, i) }) }) {
		if err == nil {
			won++
		} else {
			w.conflict(err, code)
		}
	}
	if won != 1 {
		w.Errorf("%d of %d succeeded, want one", won, n)
	}
}

// equal compares what fmt prints of two values.
func (w *world) equal(what string, got, want any) {
	w.Helper()
	if g, e := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != e {
		w.Errorf("%s: got %.2000s, want %.2000s", what, g, e)
	}
}

// keys are the sorted keys of a map.
func keys[K ~string, V any](m map[K]V) []K {
	list := make([]K, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
