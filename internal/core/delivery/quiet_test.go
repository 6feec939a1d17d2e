package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
)

// night makes it quiet from 20:05 to 08:00 by the clock of whoever is written to.
func (w *world) night() {
	w.write(func(tx *store.Tx) error {
		o, err := tx.Organization(w.organization)
		if err != nil {
			return err
		}
		o.Policy.Quiet = parley.QuietHours{TimeZone: "UTC", Intervals: []parley.QuietInterval{
			{Hours: parley.Hours{From: 0, To: 8 * 60}}, {Hours: parley.Hours{From: 20*60 + 5, To: 24 * 60}}}}
		return tx.UpdateOrganization(&o)
	})
}

// atNight is a message of 20:00 that cannot be sent at once, where it is quiet from 20:05 to 08:00.
type atNight struct {
	zone     string
	priority parley.Priority
	paused   bool          // the channel, for a while; else its first call fails
	sent     time.Duration // after midnight in UTC
}

// TestRepeatedAtNight: what is sent again, or was held up, and came into quiet hours waits for their end.
func TestRepeatedAtNight(t *testing.T) {
	for name, test := range map[string]atNight{
		"again":                            {sent: 32 * time.Hour},
		"again, where it is not night yet": {zone: "America/New_York", sent: 20*time.Hour + 9*time.Minute},
		"again, as high":                   {priority: parley.PriorityHigh, sent: 20*time.Hour + 9*time.Minute},
		"held up":                          {paused: true, sent: 32 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test.run) })
	}
}

func (test atNight) run(t *testing.T) {
	s := &script{send: func(_ context.Context, c call) (connector.Receipt, error) {
		if c.n == 1 && !test.paused {
			return connector.Receipt{}, temporary(10 * time.Minute)
		}
		return connector.Receipt{Results: []connector.Result{{Delivery: 1}}}, nil
	}}
	w := newWorld(t, s.definition())
	kind := scriptChannel
	kind.Paused = test.paused
	ch := w.channel(kind)
	w.night()
	midnight, before := time.Now(), 1
	contact := parley.Contact{ID: parley.NewID(midnight), Name: "Ana", Attributes: map[string]string{"timeZone": test.zone}}
	w.write(func(tx *store.Tx) error { return tx.InsertContact(w.organization, &contact) })
	time.Sleep(20 * time.Hour)
	w.start(queue.Options{})
	id := w.send(ch, w.conversation(ch), outgoing{recipient: parley.Actor{Kind: parley.ActorContact, ID: contact.ID}, priority: test.priority})[0]
	time.Sleep(15 * time.Minute)
	if test.paused {
		before, ch.Paused = 0, false
		w.write(func(tx *store.Tx) error { return tx.UpdateChannel(w.organization, &ch) })
		w.runner.Wake()
		time.Sleep(time.Minute)
	}
	if d := w.delivery(id); test.sent > 24*time.Hour && (d.Code != "quiet-hours" || d.Attempts != before || len(s.of(id)) != before ||
		!d.NextAttempt.Equal(midnight.Add(test.sent))) {
		t.Errorf("at night: %+v, %d calls", d, len(s.of(id)))
	}
	d := w.wait(id, parley.Sent)
	if at := d.SentAt.Sub(midnight); at < test.sent || at > test.sent+2*time.Minute || d.Code != "" || d.Attempts != before+1 || len(s.of(id)) != before+1 {
		t.Errorf("sent after %v: %+v, %d calls", at, d, len(s.of(id)))
	}
}
