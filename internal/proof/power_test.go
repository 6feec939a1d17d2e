package proof

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/proof/disk"
)

// TestPowerLoss: what was accepted is there after the power went, at whatever moment, and whatever part of
// what was not synced the disk kept.
func TestPowerLoss(t *testing.T) { provePowerLoss(t, 2*time.Second, 16, 2) }

// TestProvePowerLoss is its long form.
func TestProvePowerLoss(t *testing.T) {
	long(t)
	for range 3 {
		provePowerLoss(t, 12*time.Second, 120, 6)
	}
}

// provePowerLoss records a server for a while and cuts its power at many moments; for some of them a server is
// started on what is left.
func provePowerLoss(t *testing.T, d time.Duration, cuts, starts int) {
	s := newStage(t, binary(t, ""))
	recording := s.record(d)
	for _, c := range s.cuts(recording, cuts) {
		var f findings
		s.powerLoss(&f, recording, c)
		f.report(t, c.String())
	}
	for _, c := range s.cuts(recording, starts) {
		var f findings
		s.afterPowerLoss(&f, recording, c)
		f.report(t, c.String()+", started again")
	}
	s.ledger.sum(t, s.provider.handed())
}

// record runs a recorded server under load for a while and kills it.
func (s *stage) record(d time.Duration) *disk.Recording {
	s.t.Helper()
	s.server.stop()
	s.server.record()
	s.server.mustBeReady()
	s.follow()
	load := s.load(6, 15*time.Millisecond)
	time.Sleep(d)
	s.server.kill()
	load.stop()
	for _, f := range s.followers {
		f.stop()
	}
	recording, err := s.server.recorder.Recording()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := recording.CheckComplete(func(string) bool { return false }); err != nil {
		s.t.Fatalf("the recording is not what the disk has: %v", err)
	}
	s.t.Logf("recorded %d calls, %d KiB, %d syncs of the write-ahead log, %d of the database", recording.Len(), recording.Bytes()>>10,
		len(recording.Syncs("-wal")), len(recording.Syncs(".db")))
	return recording
}

// cut is a moment at which the power goes, and what of the unsynced survives.
type cut struct {
	calls int
	seed  uint64 // 0: nothing survives
	what  string
}

func (c cut) String() string {
	survival := "nothing unsynced survives"
	if c.seed != 0 {
		survival = fmt.Sprintf("some of the unsynced survives, seed %d", c.seed)
	}
	return fmt.Sprintf("power lost %s (call %d), %s", c.what, c.calls, survival)
}

func (c cut) survival() disk.Survival {
	if c.seed == 0 {
		return disk.Nothing()
	}
	return disk.Some(rand.New(rand.NewPCG(c.seed, 0)))
}

// cuts picks moments: any, and those just before a sync returned, when a server that answers too early has
// said the most that it cannot keep.
func (s *stage) cuts(r *disk.Recording, n int) []cut {
	first := 0
	for first < r.Len() && len(s.acceptedBefore(r.Before(first))) == 0 {
		first++
	}
	if first == r.Len() {
		s.t.Fatal("nothing was accepted while the server was recorded")
	}
	syncs := r.Syncs("")
	var list []cut
	for i := range n {
		c := cut{calls: first + s.random.IntN(r.Len()-first), what: "at random"}
		if i%2 == 0 && len(syncs) > 0 {
			c.calls, c.what = syncs[s.random.IntN(len(syncs))], "before a sync returned"
		}
		if i%4 >= 2 {
			c.seed = 1 + s.random.Uint64N(1<<32)
		}
		list = append(list, c)
	}
	return list
}

func (s *stage) acceptedBefore(moment time.Time) []promise {
	promises, _ := s.ledger.before(moment)
	return promises
}

// powerLoss looks into the files that a loss of power left.
func (s *stage) powerLoss(f *findings, r *disk.Recording, c cut) {
	folder := s.t.TempDir()
	if err := r.Image(c.calls, c.survival(), folder); err != nil {
		s.t.Fatal(err)
	}
	moment := r.Before(c.calls)
	copied := &server{t: s.t, data: folder}
	if _, err := os.Stat(filepath.Join(folder, "parley.db")); err != nil {
		f.add("%v", err)
		return
	}
	s.checkLeft(f, copied, s.before(moment), false)
	s.checkStored(f, copied, moment)
	_ = os.RemoveAll(folder)
}

// checkStored is checkPromises for tables that no server serves.
func (s *stage) checkStored(f *findings, left *server, moment time.Time) {
	tables := left.tables(s.t)
	defer tables.close()
	stored, references, logged := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, line := range tables.lines(f, "SELECT id FROM messages") {
		stored[strings.Trim(line, "[]")] = true
	}
	for _, line := range tables.lines(f, "SELECT reference FROM messages") {
		references[strings.Trim(line, "[]")] = true
	}
	for _, line := range tables.lines(f, "SELECT organization_id, sequence, type, message_id FROM logged") {
		logged[line] = true
	}
	promises, refused := s.ledger.before(moment)
	for _, p := range promises {
		if !stored[p.id] {
			f.add("%s: message %s was accepted %s before, and is lost", p.reference, p.id, moment.Sub(p.at))
		}
	}
	for _, e := range refused {
		if references[e.reference] {
			f.add("%s: refused, and stored", e.reference)
		}
	}
	for i, one := range s.followers {
		for _, told := range one.before(moment) {
			line := fmt.Sprint([]string{s.world.organizations[i].id, fmt.Sprint(told.fact.sequence), string(told.fact.kind), told.fact.message})
			if !logged[line] {
				f.add("event %s was streamed %s before, and is lost", line, moment.Sub(told.at))
			}
		}
	}
}

// afterPowerLoss starts a server on what a loss of power left, compares what it says with what had been said,
// and lets it finish.
func (s *stage) afterPowerLoss(f *findings, r *disk.Recording, c cut) {
	moment := r.Before(c.calls)
	calls := s.provider.handed()
	defer s.provider.rewind(calls)
	s.provider.rewind(s.before(moment))
	again := newServer(s.t, s.server.program)
	again.address = s.server.address // which the clients know
	if err := r.Image(c.calls, c.survival(), again.data); err != nil {
		s.t.Fatal(err)
	}
	again.launch()
	if err := again.ready(); err != nil {
		f.add("the server does not start: %v", err)
		return
	}
	s.checkServer(f, moment, 20)
	s.end(f, again)
}
