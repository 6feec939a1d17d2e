// Package tigerconnect is the door for programs that speak TigerConnect's REST API: it translates its calls to the core's.
// It shows direct, group, role, broadcast and team conversations; others do not exist here.
package tigerconnect

import (
	"net/http"
	"strings"
	"sync"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// Name is the door's, under which it is mounted and keeps what it has to give back.
const Name = "tigerconnect"

// Options are what the door opens to.
type Options struct {
	Core          *core.Core
	Directory     *directory.Directory
	Files         *files.Files
	Authenticator *access.Authenticator
	KeyRateLimit  int            // requests a minute of a key without a limit of its own, 0: no limit
	Limiter       *httpd.Limiter // counts requests, at all places where the door is served
}

// door is what all calls share.
type door struct {
	Options
	limiter *httpd.Limiter
	kinds   kinds
	streams streams
}

// route is an operation. The path of one that is not there yet is known, but for its handler.
type route struct {
	pattern string
	handle  func(*call) error

	anywhere bool // it is the same in all organizations of whoever asks
}

// routes is the index of what the door answers. A path may end in a slash as well.
func (d *door) routes() []route {
	return []route{
		{pattern: "POST /v2/message", handle: (*call).send},
		{pattern: "GET /v2/message/{id}", handle: (*call).message},
		{pattern: "DELETE /v2/message/{id}", handle: (*call).recall},
		{pattern: "GET /v2/message/{id}/status", handle: (*call).status},
		{pattern: "GET /v2/message/{id}/attachment/{index}", handle: (*call).attachment},
		{pattern: "POST /v2/message/status", handle: (*call).mark},
		{pattern: "PUT /v2/message/status", handle: (*call).mark},
		{pattern: "POST /v2/get_bulk_message_status", handle: (*call).statuses},

		{pattern: "GET /v2/events", handle: (*call).events},
		{pattern: "GET /v5/events", handle: (*call).events},
		{pattern: "DELETE /v2/events", handle: (*call).drop},
		{pattern: "POST /v2/events/ack", handle: (*call).confirm},

		{pattern: "GET /v2/user/{address}", handle: (*call).user},
		{pattern: "GET /v2/user_lookup/{address}", handle: (*call).user},
		{pattern: "POST /v2/user_lookup/{address}", handle: (*call).user},
		{pattern: "POST /v2/user_lookup_bulk", handle: (*call).users},
		{pattern: "GET /v2/user/{address}/organization", handle: (*call).organizations, anywhere: true},
		{pattern: "GET /v2/organization/{id}", handle: (*call).organization},
		{pattern: "GET /v2/role/{id}", handle: (*call).role},
		{pattern: "GET /v2/group/{id}", handle: (*call).group},
		{pattern: "GET /v2/list/{id}", handle: (*call).list},
	}
}

// New returns the handler of /v2/…. The path that it is mounted at is in none of its answers.
func New(o Options) http.Handler {
	d := &door{Options: o, limiter: o.Limiter}
	d.streams.follow(o.Core.Log)
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.pattern, d.handler(r))
	}
	for _, pattern := range later {
		mux.Handle(pattern, httpd.Handle(writeError, notYet))
	}
	mux.Handle("/", httpd.Handle(writeError, func(http.ResponseWriter, *http.Request) error { return errRoute() }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := strings.TrimSuffix(r.URL.Path, "/"); path != "" && path != r.URL.Path {
			url := *r.URL
			url.Path, url.RawPath = path, strings.TrimSuffix(url.RawPath, "/")
			same := *r
			same.URL = &url
			r = &same
		}
		mux.ServeHTTP(w, r)
	})
}

func errRoute() error {
	return &parley.Error{Kind: parley.KindNotFound, Code: "route-unknown", Message: "there is nothing at this path"}
}

// shown says which conversations the door shows.
var shown = map[parley.ConversationKind]bool{parley.ConversationDirect: true, parley.ConversationGroup: true, parley.ConversationRole: true,
	parley.ConversationBroadcast: true, parley.ConversationTeam: true}

// kinds remembers what ids stand for, but for conversations, which not everybody sees. That never changes.
type kinds struct {
	mu    sync.Mutex
	known map[kindKey]core.To
}

type kindKey struct{ organization, id parley.ID }

const maxKinds = 10_000

func (k *kinds) get(organization, id parley.ID) (core.To, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	to, ok := k.known[kindKey{organization, id}]
	return to, ok
}

func (k *kinds) put(organization, id parley.ID, to core.To) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxKinds {
		k.known = map[kindKey]core.To{}
	}
	k.known[kindKey{organization, id}] = to
}
