package delivery_test

import (
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
)

func TestDelivered(t *testing.T) {
	w := newWorld(t)
	w.start(queue.Options{})
	ch := w.channel(parley.Channel{})
	id := w.send(ch, w.conversation(ch), outgoing{})[0]
	d := w.wait(id, parley.Read)
	if d.SentAt.IsZero() || d.DeliveredAt.IsZero() || d.ReadAt.IsZero() || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
	if got, want := w.states(id), []parley.DeliveryState{parley.Sent, parley.Delivered, parley.Read}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	attempts := w.attempts(id)
	if len(attempts) != 1 || attempts[0].Outcome != parley.AttemptAccepted || attempts[0].EndedAt.IsZero() {
		t.Errorf("%+v", attempts)
	}
}
