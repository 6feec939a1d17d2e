package proof

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestReleaseCannotBeSabotaged: the program that is released has no way to break its promises on request.
func TestReleaseCannotBeSabotaged(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "sabotage": true} {
		content, err := os.ReadFile(binary(t, tags))
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(content, []byte("PARLEY_SABOTAGE")); got != want {
			t.Errorf("built with the tags %q, PARLEY_SABOTAGE in the program: %v", tags, got)
		}
	}
}

// TestSabotagedPowerLoss: without syncs, or with answers before them, the proof of power loss fails.
func TestSabotagedPowerLoss(t *testing.T) {
	for _, sabotage := range []string{"synchronous-off", "answer-before-commit"} {
		t.Run(sabotage, func(t *testing.T) { sabotagedPowerLoss(t, sabotage, 800*time.Millisecond, 12) })
	}
}

// TestProveSabotagedPowerLoss is its long form.
func TestProveSabotagedPowerLoss(t *testing.T) {
	long(t)
	for _, sabotage := range []string{"synchronous-off", "answer-before-commit"} {
		t.Run(sabotage, func(t *testing.T) { sabotagedPowerLoss(t, sabotage, 5*time.Second, 60) })
	}
}

func sabotagedPowerLoss(t *testing.T, sabotage string, d time.Duration, cuts int) {
	s := newStage(t, binary(t, "sabotage"))
	s.server.env = []string{"PARLEY_SABOTAGE=" + sabotage}
	recording := s.record(d)
	noticed, example := 0, ""
	for _, c := range s.cuts(recording, cuts) {
		var f findings
		if s.powerLoss(&f, recording, c); f.count() > 0 {
			noticed++
			example = c.String() + ": " + f.texts[0]
		}
	}
	t.Logf("%d of %d losses of power are noticed, such as %s", noticed, cuts, example)
	if noticed == 0 {
		t.Error("the proof does not see it")
	}
}

// TestSabotagedPostgresCrash: where PostgreSQL does not wait for the disk, the proof of its crashes fails.
func TestSabotagedPostgresCrash(t *testing.T) {
	pg := newPostgres(t)
	server := newServerOn(t, binary(t, "sabotage"), pg)
	server.env = []string{"PARLEY_SABOTAGE=synchronous-off"}
	s := stageOn(t, server, organizations)
	s.follow()
	s.load(6, 10*time.Millisecond)
	var f findings
	s.crashDatabase(&f, pg, 2)
	f.expect(t, "cannot be read")
}

// TestProveSabotagedNodes: where requests are answered before they are committed, the proof of nodes fails.
func TestProveSabotagedNodes(t *testing.T) {
	long(t)
	nodes := newFleet(t, binary(t, "sabotage"), newPostgres(t), 3)
	s := newStageOf(nodes, organizations) // which needs what it made to be there
	nodes.sabotage("answer-before-commit")
	var f findings
	nodes.prove(s, &f, 5*time.Second, 0)
	f.expect(t, "asked for at once")
}

// TestProveSabotagedHotConversations: where nodes change an organization at the same time, or take several in any order, or
// their claims hold for no time, the proof of hot conversations fails.
func TestProveSabotagedHotConversations(t *testing.T) {
	long(t)
	for sabotage, noticed := range map[string]string{
		"keys-untaken":   "every number once",
		"keys-unordered": "deadlock",
		"leases-ignored": "though no call was lost",
	} {
		t.Run(sabotage, func(t *testing.T) {
			nodes := newFleet(t, binary(t, "sabotage"), newPostgres(t), 3, "PARLEY_SABOTAGE="+sabotage)
			var f findings
			nodes.hot(newStageOf(nodes, 5), &f, 8*time.Second, 0)
			f.expect(t, noticed)
		})
	}
}

// TestProveSabotagedCrash: where a start forgets what was claimed, the proof of crashes fails.
func TestProveSabotagedCrash(t *testing.T) {
	long(t)
	s := newStage(t, binary(t, "sabotage"))
	s.server.env = []string{"PARLEY_SABOTAGE=claims-forgotten"}
	var f findings
	s.crash(&f, 6, false)
	f.expect(t, "the provider was handed")
}
