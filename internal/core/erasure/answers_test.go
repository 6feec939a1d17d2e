package erasure_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

// TestSpentAnswersAreForgotten: when a rule answered somebody last is kept for as long as that keeps it from answering.
func TestSpentAnswersAreForgotten(t *testing.T) {
	w := coretest.New(t)
	o := w.Admin.Organization
	brief, limited := parley.AutoReply{ID: "brief", Throttle: 2 * time.Hour}, parley.AutoReply{ID: "limited", Throttle: time.Minute, Limit: 3}
	list := []hours.Mark{{Rule: "brief", About: "ana", Times: 1}, {Rule: "limited", About: "ana", Times: 2}, {About: "talk", Times: 3}}
	w.Must(w.Store.Write(t.Context(), o, func(tx *store.Tx) error {
		for i := range list {
			list[i].At = tx.Now
		}
		return errors.Join(hours.InsertReply(tx, o, &brief), hours.InsertReply(tx, o, &limited), hours.SetMarks(tx, o, list))
	}))
	sweeper := erasure.NewSweeper(erasure.SweeperOptions{Store: w.Store, Retention: erasure.Retention{Events: 365 * day}})
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{59 * time.Minute, "1 2 3"}, {time.Minute, "1 2 0"}, {59 * time.Minute, "1 2 0"}, {time.Minute, "0 2 0"}, {90 * day, "0 2 0"}} {
		w.Advance(step.after)
		w.Must(sweeper.Sweep(t.Context()))
		left := []hours.Mark{{Rule: "brief", About: "ana"}, {Rule: "limited", About: "ana"}, {About: "talk"}}
		w.Must(hours.Marks(w.Store.Read(t.Context()), o, left))
		if got := fmt.Sprint(left[0].Times, left[1].Times, left[2].Times); got != step.want {
			t.Errorf("%s later the answers are %s, want %s", step.after, got, step.want)
		}
	}
}
