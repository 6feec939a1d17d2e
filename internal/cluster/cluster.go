// Package cluster carries hints between the nodes over one database: servers that tell each other what they
// committed, so that the others look at once and not at their next poll. A hint is never more than a reason to look:
// what is true is in the database. Any may be lost, repeated, late or wrong, which costs time and nothing else.
//
// Hints go over NATS core: over servers of the operator's, or over one that is part of each node and connected with
// those of the other nodes. All are on one subject, in messages of as many hints as there are: with an organization to
// each subject a node that commits 5,000 messages a second in 20 organizations would send and receive twenty times as
// many messages, to spare the others a map lookup for organizations that nobody of theirs follows. What is of another
// kind gets a subject of its own.
//
// That deliveries or timers are due is not told. Who accepts a message delivers it at once, and who finishes a call
// takes what waited for it; others, woken for it, would only contend for the same rows. They find what is left over
// when they look anyway, within a second: the backlog of a node that has as many calls in hand as it may, which is there
// for longer than that, and the work of a node that is gone, whose leases take longer to end.
package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	subject = "parley.hints"
	words   = "parley.presence"    // of where people are
	waiting = 1000                 // words that wait to be sent; more are lost
	pace    = 5 * time.Millisecond // between two messages of hints
	parting = time.Second          // for the last hints to leave

	alone = "no hints go between nodes: what the others do is seen within a second"
)

// Options are what a link is made with: either servers or an address to listen on.
type Options struct {
	Servers string // URLs of NATS servers, separated by commas

	Listen string   // HOST:PORT of the embedded server, for those of other nodes; port 0 is any
	Routes []string // HOST:PORT of those
	Secret string   // that all have; empty: none is asked for

	// Received is told what another node tells. It must not block.
	Received func(Hint)
	// Heard is told what another node says of where people are, as it was given to Say; nil: nobody listens. It must not block.
	Heard func(word []byte)
	// Resumed is told that hints come again: some may have been lost. It must not block.
	Resumed func()
	Log     *slog.Logger
}

// Link is a node's tie to the others.
type Link struct {
	options Options
	outbox  *outbox
	words   chan []byte
	server  *server.Server // nil: that of others is used
	state   atomic.Int32
	trouble atomic.Value // string: the last that was logged

	cancel context.CancelFunc
	work   sync.WaitGroup
}

// The states of a link.
const (
	unknown int32 = iota
	connected
	disconnected
)

// New returns a link that is not connected yet.
func New(o Options) *Link {
	return &Link{options: o, outbox: newOutbox(), words: make(chan []byte, waiting)}
}

// Start begins to connect, and goes on until the link is closed. It fails only where the embedded server cannot listen.
func (l *Link) Start() error {
	if l.options.Listen != "" {
		var err error
		if l.server, err = embed(&l.options); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.work.Go(func() { l.run(ctx) })
	return nil
}

// Tell lets the other nodes know, soon, if it can. It never blocks.
func (l *Link) Tell(h Hint) {
	if l.Connected() {
		l.outbox.add(h)
	}
}

// Say sends a word of where people are to the other nodes, at once, if it can. It never blocks.
func (l *Link) Say(word []byte) {
	if !l.Connected() {
		return
	}
	select {
	case l.words <- word:
	default:
	}
}

// Connected reports whether hints go to a NATS server, or from the embedded one to at least one other node.
func (l *Link) Connected() bool { return l.state.Load() == connected }

// Close sends what is still to be told and ends the connection and the embedded server. It may be called without Start.
func (l *Link) Close(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.work.Wait()
		l.endServer()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the connection with other nodes has not ended: %w", ctx.Err())
	}
}

// run connects, sends and receives until the context ends.
func (l *Link) run(ctx context.Context) {
	conn, err := l.connect()
	if err != nil {
		l.options.Log.Error(alone, "error", err)
		return
	}
	defer conn.Close()
	subscription, err := conn.SubscribeSync(subject)
	if err != nil {
		l.options.Log.Error(alone, "error", err)
		return
	}
	var receiving sync.WaitGroup
	defer receiving.Wait()
	receiving.Go(func() { l.receive(ctx, subscription) })
	if l.options.Heard != nil {
		heard, err := conn.SubscribeSync(words)
		if err != nil {
			l.options.Log.Error("where people are is not told between nodes", "error", err)
		} else {
			receiving.Go(func() { l.hear(ctx, heard) })
			receiving.Go(func() { l.say(ctx, conn) })
		}
	}
	if l.server != nil {
		receiving.Go(func() { l.watch(ctx) })
	}
	l.send(ctx, conn)
}

// send sends what is to be told: the first at once, what comes soon after it together.
func (l *Link) send(ctx context.Context, conn *nats.Conn) {
	for {
		select {
		case <-ctx.Done():
			l.flush(conn)
			return
		case <-l.outbox.wake:
		}
		l.publish(conn)
		select {
		case <-ctx.Done():
		case <-time.After(pace):
		}
	}
}

// say sends words until the context ends.
func (l *Link) say(ctx context.Context, conn *nats.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case word := <-l.words:
			_ = conn.Publish(words, word) // what cannot be sent is lost
		}
	}
}

// hear takes what other nodes say. What does not fit is lost.
func (l *Link) hear(ctx context.Context, subscription *nats.Subscription) {
	for {
		message, err := subscription.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			l.options.Heard(message.Data)
		case ctx.Err() != nil, !subscription.IsValid():
			return
		}
	}
}

func (l *Link) publish(conn *nats.Conn) {
	for _, message := range encode(l.outbox.take()) {
		_ = conn.Publish(subject, message) // what cannot be sent is lost
	}
}

// flush waits a little until the last hints have left.
func (l *Link) flush(conn *nats.Conn) {
	if !l.Connected() {
		return
	}
	l.publish(conn)
	_ = conn.FlushTimeout(parting)
}

// receive takes what other nodes tell.
func (l *Link) receive(ctx context.Context, subscription *nats.Subscription) {
	for {
		message, err := subscription.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			for hint := range decode(message.Data) {
				l.options.Received(hint)
			}
		case ctx.Err() != nil, !subscription.IsValid():
			return
		default: // more came than could wait
			l.options.Resumed()
		}
	}
}

// turn notes whether the link is connected, and logs it where it was not so before.
func (l *Link) turn(state int32, why ...any) {
	if l.state.Swap(state) == state {
		return
	}
	if state == connected {
		l.options.Log.Info("hints go between nodes", why...)
		l.options.Resumed()
		return
	}
	l.options.Log.Warn(alone, why...)
}
