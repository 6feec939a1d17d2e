// Package fill prepares the data of a server that is to be measured: organizations with contacts,
// conversations and keys, and the messages of earlier days with all that sending them left behind. It writes
// them through the store's own statements in large transactions, and sets the store's clock to when they were sent.
package fill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/store"
)

// Sizes say how much a folder is filled with. What is 0 is left out.
type Sizes struct {
	Organizations int `json:"organizations"` // the first has half of all contacts and messages
	Contacts      int `json:"contacts"`      // of these organizations, in all
	Stored        int `json:"stored"`        // messages to these contacts, in all
	Recipients    int `json:"recipients"`    // of a broadcast list, in an organization of its own
	Users         int `json:"users"`         // who follow streams, in an organization of their own
	// Reads are the messages of organizations that are read from, each with a conversation for ten messages,
	// of which one user may see one in a hundred.
	Reads []int `json:"reads"`
	// Search are the messages of an organization that is searched, of which one user may see one in a hundred.
	Search int `json:"search,omitempty"`
}

// Prepared says what is in a folder.
type Prepared struct {
	Sizes         Sizes          `json:"sizes"`
	Organizations []Organization `json:"organizations"`
	Broadcast     *Broadcast     `json:"broadcast"`
	Live          *Live          `json:"live"`
	Reads         []Reads        `json:"reads"`
	Search        *Search        `json:"search,omitempty"`
}

// Organization is one that messages are sent in.
type Organization struct {
	ID       string   `json:"id"`
	Key      string   `json:"key"` // with every scope and no limit
	Contacts []string `json:"contacts"`
}

// Broadcast is an organization with a long list of contacts.
type Broadcast struct {
	Organization
	List string `json:"list"`
}

// Live is an organization whose users follow what happens.
type Live struct {
	Key    string  `json:"key"`
	Users  []User  `json:"users"`
	Groups []Group `json:"groups"` // of a random half of the users each
}

// User is a user with a personal key.
type User struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// Group is a conversation of users.
type Group struct {
	Conversation string `json:"conversation"`
	Author       int    `json:"author"` // a member, as an index into the users
	Members      int    `json:"members"`
}

// Reads is an organization that a user reads from, with things that this user may see.
type Reads struct {
	Messages      int      `json:"messages"`
	Conversations int      `json:"conversations"`
	Visible       int      `json:"visible"` // conversations that the user may see
	Key           string   `json:"key"`     // the user's
	User          string   `json:"user"`
	Threads       []string `json:"threads"` // conversations that the user may see
	Long          []string `json:"long"`    // those of them with many messages
	Channel       string   `json:"channel"`
	Contacts      []string `json:"contacts"` // who take part in some of them
	Colleagues    []string `json:"colleagues"`
	Tags          []string `json:"tags"`
	References    []string `json:"references"`
	From          int64    `json:"from"` // when the first message was sent, in milliseconds
	To            int64    `json:"to"`   // and the last
}

// past is how long ago the first message was sent: less than events are kept.
const past = 10 * 24 * time.Hour

// Prepare fills a place, or says what is in it where it was filled to these sizes before. The place has no server when
// it is called; its database exists.
func Prepare(ctx context.Context, place Place, sizes Sizes, say func(format string, args ...any)) (*Prepared, error) {
	if prepared, err := place.known(ctx, sizes); prepared != nil || err != nil {
		return prepared, err
	}
	if err := os.MkdirAll(place.Folder, 0o700); err != nil {
		return nil, err
	}
	now := &clock{}
	now.set(time.Now().Add(-past))
	s, err := store.Open(ctx, store.Options{Folder: place.Folder, URL: place.URL, CacheKB: 512 << 10, Log: slog.New(slog.DiscardHandler), Now: now.now})
	if err != nil {
		return nil, err
	}
	b, err := newBuilder(ctx, s, now, say)
	if err == nil {
		err = b.fill(sizes)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, fmt.Errorf("filling %s: %w", place, err)
	}
	b.prepared.Sizes = sizes
	return &b.prepared, place.finish(ctx, &b.prepared)
}

// clock is the time that the store takes for now.
type clock struct{ nanoseconds atomic.Int64 }

func (c *clock) now() time.Time   { return time.Unix(0, c.nanoseconds.Load()).UTC() }
func (c *clock) set(at time.Time) { c.nanoseconds.Store(at.UnixNano()) }

// builder fills one folder.
type builder struct {
	ctx       context.Context // of Prepare
	store     *store.Store
	directory *directory.Directory
	keys      *access.Keys
	clock     *clock
	start     time.Time // the clock's first time
	random    *rand.Rand
	text      func() string // of the next message
	say       func(format string, args ...any)
	prepared  Prepared
}

func newBuilder(ctx context.Context, s *store.Store, now *clock, say func(string, ...any)) (*builder, error) {
	client, err := connector.NewClient(connector.ClientOptions{})
	if err != nil {
		return nil, err
	}
	authenticator := access.NewAuthenticator(s, now.now)
	catalog := map[string]connector.Definition{sandbox.Name: sandbox.Definition(client)}
	b := &builder{ctx: ctx, store: s, clock: now, start: now.now(), say: say, keys: access.NewKeys(s, authenticator),
		directory: directory.New(directory.Options{Store: s, Authenticator: authenticator, Connectors: catalog}),
		random:    rand.New(rand.NewPCG(17, 4))}
	b.text = func() string { return Text(b.random) }
	return b, nil
}

func (b *builder) fill(sizes Sizes) error {
	if sizes.Organizations > 0 {
		if err := b.organizations(sizes); err != nil {
			return err
		}
	}
	if sizes.Recipients > 0 {
		if err := b.broadcast(sizes.Recipients); err != nil {
			return err
		}
	}
	if sizes.Users > 0 {
		if err := b.live(sizes.Users); err != nil {
			return err
		}
	}
	if sizes.Search > 0 {
		if err := b.search(sizes.Search); err != nil {
			return err
		}
	}
	for _, messages := range sizes.Reads {
		if err := b.reads(messages); err != nil {
			return err
		}
	}
	return nil
}

// at sets the clock to the time of the i-th of n messages.
func (b *builder) at(i, n int) {
	b.clock.set(b.start.Add(time.Duration(float64(past-time.Hour) * float64(i) / float64(n))))
}
