package proof

import (
	"fmt"
	"net"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// nats is a NATS server, or the place of one that was stopped.
type nats struct {
	server *natsserver.Server
	port   int // 0: not chosen yet
}

func newNATS(t *testing.T) *nats {
	t.Helper()
	n := &nats{}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	return n
}

func (n *nats) start() (err error) {
	n.server, err = natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: max(n.port, natsserver.RANDOM_PORT), NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	n.server.Start()
	if !n.server.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("NATS does not start on port %d", n.port)
	}
	n.port = n.server.Addr().(*net.TCPAddr).Port
	return nil
}

func (n *nats) stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}

// setting is the option of servers that use it.
func (n *nats) setting() string { return fmt.Sprintf("PARLEY_NATS=nats://127.0.0.1:%d", n.port) }

// outage stops NATS and starts it again after a while.
func (n *nats) outage(down time.Duration) error {
	n.stop()
	time.Sleep(down)
	return n.start()
}
