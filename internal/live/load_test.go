package live_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/parley"
)

// A thousand people follow the log, half of whom see each message, 20 messages a second: all receive what is
// theirs. How long it is from before the send to the receipt, and what a stream weighs, its reader included, is
// logged.
func TestThousandReaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const readers, events, rate = 1000, 40, 20
	s := newServer(t, live.Options{})
	users := s.Users(s.Admin, slices.Repeat([]string{"somebody"}, readers)...)
	members := make([]parley.ID, 0, readers/2)
	for i, p := range users {
		s.people[strconv.Itoa(i)] = p
		if i%2 == 0 {
			members = append(members, p.User)
		}
	}
	var mu sync.Mutex
	var took []time.Duration
	before := heap()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	for i := range readers {
		ready := make(chan struct{})
		wait.Go(func() {
			follow(ctx, s.url+"/?type=message.created&as="+strconv.Itoa(i), ready, func(at time.Time) {
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(at))
			})
		})
		<-ready
	}
	weight := (heap() - before) / readers
	to := core.To{Users: members}
	for range events {
		m := s.Say(users[0], to, time.Now().Format(time.RFC3339Nano))
		to = core.To{Conversation: m.Conversation}
		time.Sleep(time.Second / rate)
	}
	s.Eventually("all receive what is theirs", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(took) == events*readers/2
	})
	slices.Sort(took)
	t.Logf("%d bytes a stream; from send to receipt %v (p50), %v (p99), %v (last)", weight, took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// heap is the memory in use, stacks included.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// follow reads a stream with as little as that takes, and tells when each text was sent.
func follow(ctx context.Context, url string, ready chan<- struct{}, seen func(time.Time)) {
	address, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		panic(err)
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	lines := bufio.NewReaderSize(c, 512)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if ready != nil && strings.HasPrefix(string(line), "id: ") {
			close(ready)
			ready = nil
		}
		text, found := strings.CutPrefix(strings.TrimSpace(string(line)), "data: message.created ")
		if at, err := time.Parse(time.RFC3339Nano, text); found && err == nil {
			seen(at)
		}
	}
}
