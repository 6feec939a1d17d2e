package cluster

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	dialing    = 2 * time.Second  // for a NATS server to answer
	writing    = 5 * time.Second  // for it to take what is sent
	heartbeat  = 10 * time.Second // between two signs of life, of which two may stay unanswered
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// connect returns a connection that connects itself, for as long as it takes, whenever it is not.
func (l *Link) connect() (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("parley"),
		nats.NoEcho(), // what a node tells it knows
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(pause),
		nats.ReconnectBufSize(-1), // hints do not wait for a server: they would be old
		nats.Timeout(dialing),
		nats.FlusherTimeout(writing),
		nats.PingInterval(heartbeat),
		nats.NoCallbacksAfterClientClose(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.complain(err) }),
	}
	if l.server != nil {
		return nats.Connect("", append(options, nats.InProcessServer(l.server))...)
	}
	up := func(conn *nats.Conn) { l.turn(connected, "server", conn.ConnectedUrlRedacted()) }
	down := func(_ *nats.Conn, err error) {
		if !errors.Is(err, nats.ErrNoServers) { // which the next try will give a reason for
			l.turn(disconnected, "error", err)
		}
	}
	return nats.Connect(l.options.Servers, append(options, nats.ConnectHandler(up), nats.ReconnectHandler(up),
		nats.DisconnectErrHandler(down), nats.ReconnectErrHandler(down))...)
}

// pause is how long to wait after all servers were tried in vain.
func pause(tried int) time.Duration {
	wait := mostPause
	if tried < 10 { // further the shift would only grow
		wait = min(firstPause<<max(tried-1, 0), mostPause)
	}
	return wait/2 + rand.N(wait/2)
}

// complain logs what the connection reports, unless it said the same before.
func (l *Link) complain(err error) {
	if text := err.Error(); l.trouble.Swap(text) != text {
		l.options.Log.Warn("NATS", "error", err)
	}
}
