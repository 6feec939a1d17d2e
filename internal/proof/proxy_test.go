package proof

import (
	"bufio"
	"bytes"
	bigEndian "encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-server/parley/internal/pgtest"
)

// proxy stands between servers and PostgreSQL. It reads what they send, and cuts connections at their COMMIT.
type proxy struct {
	database string // how servers reach PostgreSQL through it
	to       string
	listener net.Listener
	gate     sync.RWMutex // shut: nothing passes, and no connection ends
	done     sync.WaitGroup
	mu       sync.Mutex
	links    map[*link]bool
	decide   func(statements []string) fate // of a transaction with these, that is to be committed; nil: it passes
	fates    map[fate]int
}

// fate is what becomes of a COMMIT.
type fate string

const (
	passes      fate = "passes"
	losesCommit fate = "is lost"
	losesAnswer fate = "is made, and its answer lost"
)

func newProxy(t *testing.T, pg *pgtest.Server) *proxy {
	t.Helper()
	address, err := url.Parse(pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: address.Host, links: map[*link]bool{}, fates: map[fate]int{}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	address.Host = p.listener.Addr().String()
	p.database = address.String()
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.cut()
		p.done.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = conn.Close()
			continue
		}
		l := &link{proxy: p, program: conn, server: server, prepared: map[string]string{}}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.done.Go(func() { l.end(l.forward()) })
		p.done.Go(func() { l.end(l.back()) })
	}
}

// cut cuts all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// rule sets what becomes of commits; nil: all pass.
func (p *proxy) rule(decide func(statements []string) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

// once has the next transaction that contains a text come to its fate.
func (p *proxy) once(text string, f fate) {
	over := false
	p.rule(func(statements []string) fate {
		if over || !slices.ContainsFunc(statements, func(s string) bool { return strings.Contains(s, text) }) {
			return passes
		}
		over = true
		return f
	})
}

func (p *proxy) fateOf(statements []string) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decide == nil {
		return passes
	}
	f := p.decide(statements)
	p.fates[f]++
	return f
}

// count is how many commits had a fate.
func (p *proxy) count(f fate) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fates[f]
}

// link is one connection.
type link struct {
	proxy           *proxy
	program, server net.Conn
	prepared        map[string]string // statements by name
	transaction     []string          // what was asked for since BEGIN
	muted           atomic.Bool       // what PostgreSQL answers is lost, and then the connection
}

func (l *link) close() {
	_ = l.program.Close()
	_ = l.server.Close()
}

func (l *link) end(error) {
	l.proxy.gate.RLock() // while it is shut nobody is told that the other has gone
	defer l.proxy.gate.RUnlock()
	l.close()
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

// message reads one message of PostgreSQL's protocol; the first of a connection has no type.
func message(r *bufio.Reader, typed bool) (kind byte, whole []byte, err error) {
	head := make([]byte, 4, 512)
	if typed {
		head = head[:5]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	size := bigEndian.BigEndian.Uint32(head[len(head)-4:])
	whole = append(head, make([]byte, size-4)...)
	_, err = io.ReadFull(r, whole[len(head):])
	return head[0], whole, err
}

// pass hands messages on as soon as no more have come.
func (l *link) pass(w *bufio.Writer, r *bufio.Reader, whole []byte) error {
	l.proxy.gate.RLock()
	defer l.proxy.gate.RUnlock()
	if _, err := w.Write(whole); err != nil || r.Buffered() > 0 {
		return err
	}
	return w.Flush()
}

// forward hands on what the program sends.
func (l *link) forward() error {
	r, w := bufio.NewReader(l.program), bufio.NewWriter(l.server)
	for typed := false; ; typed = true {
		kind, whole, err := message(r, typed)
		if err != nil {
			return err
		}
		if text, runs := l.statement(kind, whole); typed && runs {
			switch l.run(text) {
			case losesCommit:
				return nil
			case losesAnswer:
				l.muted.Store(true)
			}
		}
		if err := l.pass(w, r, whole); err != nil {
			return err
		}
	}
}

// statement is the text that a message runs.
func (l *link) statement(kind byte, whole []byte) (text string, runs bool) {
	parts := bytes.SplitN(whole[min(5, len(whole)):], []byte{0}, 3)
	switch {
	case kind == 'Q':
		return string(parts[0]), true
	case kind == 'P' && len(parts) == 3: // prepares: a name, a text
		l.prepared[string(parts[0])] = string(parts[1])
	case kind == 'B' && len(parts) == 3: // binds: a portal, a name
		return l.prepared[string(parts[1])], true
	}
	return "", false
}

// run notes a statement, and says what becomes of it.
func (l *link) run(text string) fate {
	switch strings.ToUpper(text) {
	case "BEGIN":
		l.transaction = nil
	case "COMMIT":
		return l.proxy.fateOf(l.transaction)
	}
	l.transaction = append(l.transaction, text)
	return passes
}

// back hands on what PostgreSQL answers. Of a COMMIT whose answer is lost it waits for the end.
func (l *link) back() error {
	r, w := bufio.NewReader(l.server), bufio.NewWriter(l.program)
	for {
		kind, whole, err := message(r, true)
		if err != nil {
			return err
		}
		if l.muted.Load() {
			if kind == 'Z' { // ready for the next
				return nil
			}
			continue
		}
		if err := l.pass(w, r, whole); err != nil {
			return err
		}
	}
}
