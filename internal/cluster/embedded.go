package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	starting = 10 * time.Second       // for the embedded server to be there
	watching = 100 * time.Millisecond // between two looks at who is connected with it
	member   = "parley"               // by what name servers come to each other
)

// embed starts a NATS server in this process. It takes connections of its like, which have the secret, and of no client
// but the one in this process.
func embed(o *Options) (*server.Server, error) {
	options, err := serverOptions(o)
	if err != nil {
		return nil, err
	}
	// The server would not say why it cannot listen.
	probe, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for other nodes: %w", err)
	}
	if err := probe.Close(); err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf(serverWords+"%w", err)
	}
	s.SetLogger(&serverLog{log: o.Log}, false, false)
	s.Start()
	if !s.ReadyForConnections(starting) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, errors.New("the embedded NATS server does not start; the log says why")
	}
	return s, nil
}

func serverOptions(o *Options) (*server.Options, error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	options := &server.Options{
		// It begins with its like only once it listens for clients too: on the loopback, to refuse them.
		Host: "127.0.0.1", Port: server.RANDOM_PORT, CustomClientAuthentication: insiders{},
		NoSigs: true, NoSystemAccount: true,
		ConnectErrorReports: quiet, ReconnectErrorReports: quiet,
		Cluster: server.ClusterOpts{Name: member, Host: host, Port: number, NoAdvertise: true,
			PoolSize: -1, Compression: server.CompressionOpts{Mode: server.CompressionOff},
			ConnectRetries: retries, PingInterval: heartbeat},
	}
	if o.Secret != "" {
		options.Cluster.Username, options.Cluster.Password = member, o.Secret
	}
	for _, route := range o.Routes {
		u := &url.URL{Scheme: "nats-route", Host: route}
		if o.Secret != "" {
			u.User = url.UserPassword(member, o.Secret)
		}
		options.Routes = append(options.Routes, u)
	}
	return options, nil
}

const (
	quiet   = 3600 // failed attempts, one a second, of which one is logged
	retries = 300  // to reach a node that another told of, one a second; those in Routes are tried for ever
)

// insiders lets in the clients that are in the process.
type insiders struct{}

func (insiders) Check(c server.ClientAuthentication) bool {
	address := c.RemoteAddress()
	return address != nil && address.Network() == "pipe" // of net.Pipe
}

// watch notes with how many nodes the embedded server is connected.
func (l *Link) watch(ctx context.Context) {
	ticker := time.NewTicker(watching)
	defer ticker.Stop()
	before := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		nodes := l.server.NumRemotes()
		switch {
		case nodes == before:
		case nodes == 0:
			l.turn(disconnected, "nodes", nodes)
		default:
			l.turn(connected, "nodes", nodes)
			if before > 0 && nodes > before { // one more may have told what nobody heard
				l.options.Resumed()
			}
		}
		before = nodes
	}
}

func (l *Link) endServer() {
	if l.server != nil {
		l.server.Shutdown()
		l.server.WaitForShutdown()
	}
}

// serverLog puts what the embedded server says into the log: what it does in the ordinary way for whoever debugs, of
// the rest only so much, since it says every second that another node is refused.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex
	since time.Time
	lines int // since then
}

const (
	mostLogged  = 5 // lines in a logSpan
	logSpan     = time.Minute
	serverWords = "the embedded NATS server: "
)

func (s *serverLog) say(level slog.Level, format string, args []any) {
	if s.log.Enabled(context.Background(), level) && (level < slog.LevelWarn || s.room()) {
		s.log.Log(context.Background(), level, serverWords+fmt.Sprintf(format, args...))
	}
}

// room reports whether one more line may be logged.
func (s *serverLog) room() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.since) > logSpan {
		s.since, s.lines = time.Now(), 0
	}
	s.lines++
	return s.lines <= mostLogged
}

func (s *serverLog) Noticef(format string, v ...any) { s.say(slog.LevelDebug, format, v) }
func (s *serverLog) Warnf(format string, v ...any)   { s.say(slog.LevelWarn, format, v) }
func (s *serverLog) Fatalf(format string, v ...any)  { s.say(slog.LevelError, format, v) }
func (s *serverLog) Errorf(format string, v ...any)  { s.say(slog.LevelWarn, format, v) }
func (s *serverLog) Debugf(format string, v ...any)  { s.say(slog.LevelDebug, format, v) }
func (s *serverLog) Tracef(format string, v ...any)  { s.say(slog.LevelDebug, format, v) }
