// Package bird is the door of clients of Bird's channels API: sending to a channel, listing and reading messages, what people did with
// them, and files. Paths, fields, states and errors are those of its documentation; what they do is Parley's.
package bird

import (
	"net/http"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/httpd"
)

// Options are what the door stands on.
type Options struct {
	Outside       *outside.Outside
	Directory     *directory.Directory
	Files         *files.Files
	Authenticator *access.Authenticator
	Mount         string         // the path that it is served under
	URL           string         // that absolute links begin with; empty: as whoever asks knows the server
	KeyRateLimit  int            // requests a minute of a key without a limit of its own, 0: no limit
	Reads, Writes int            // requests a second of a workspace, 0: no limit
	Limiter       *httpd.Limiter // counts requests, at all places where the door is served
}

// Name is the door's, in grants of keys and in what messages keep of it.
const Name = "bird"

type door struct {
	Options
	limiter *httpd.Limiter
	mux     *http.ServeMux
}

// route is one operation.
type route struct {
	pattern string // method and path
	handle  func(c *call) error
	open    bool // it asks for no key
}

// routes is the index of what there is.
func routes() []route {
	const w = "/workspaces/{workspaceId}"
	const ch = w + "/channels/{channelId}"
	return []route{
		{"GET /workspaces", (*call).workspaces, false},
		{"GET " + w, (*call).workspace, false},
		{"GET " + w + "/channels", (*call).channels, false},
		{"GET " + ch, (*call).channel, false},
		{"POST " + ch + "/messages", (*call).send, false},
		{"GET " + ch + "/messages", (*call).messages, false},
		{"GET " + w + "/channels/messages", (*call).messages, false},
		{"GET " + w + "/messages", (*call).messages, false},
		{"GET " + ch + "/messages/{messageId}", (*call).message, false},
		{"GET " + ch + "/messages/{messageId}/interactions", (*call).interactions, false},
		{"GET " + w + "/messages/{messageId}/media/{mediaId}", (*call).messageMedia, false},
		{"POST " + w + "/channel-media/presigned-upload", (*call).presign, false},
		{"POST " + ch + "/presigned-upload", (*call).presign, false},
		{"GET " + ch + "/media/{mediaId}", (*call).channelMedia, false},
		{"GET " + w + "/channel-media/{mediaId}", (*call).channelMedia, false},
		{"POST /upload", (*call).upload, true},
	}
}

// planned are paths of the vendor's that nothing is at yet: they answer 501 instead of 404.
var planned = []string{
	"POST /workspaces/{workspaceId}/channels/{channelId}/batch/messages", "GET /workspaces/{workspaceId}/channels/{channelId}/contacts/{contactId}",
	"PATCH /workspaces/{workspaceId}/channels/{channelId}", "/workspaces/{workspaceId}/channels/{channelId}/conversational",
	"/workspaces/{workspaceId}/connectors/", "/workspaces/{workspaceId}/connectors", "/workspaces/{workspaceId}/navigators/", "/workspaces/{workspaceId}/navigators",
	"/workspaces/{workspaceId}/conversations/", "/workspaces/{workspaceId}/conversations", "/workspaces/{workspaceId}/contacts/",
	"/workspaces/{workspaceId}/contacts", "/workspaces/{workspaceId}/participants/", "/workspaces/{workspaceId}/projects/", "/workspaces/{workspaceId}/projects",
	"/workspaces/{workspaceId}/webhook-subscriptions/", "/workspaces/{workspaceId}/webhook-subscriptions", "/organizations/",
}

// New returns the door's handler; its paths begin behind the mount.
func New(o Options) http.Handler {
	d := &door{Options: o, limiter: o.Limiter, mux: http.NewServeMux()}
	for _, r := range routes() {
		d.mux.Handle(r.pattern, d.handler(r))
	}
	for _, pattern := range planned {
		d.mux.Handle(pattern, d.handler(route{pattern, notThere, false}))
	}
	d.mux.Handle("/", httpd.Handle(writeError, func(_ http.ResponseWriter, r *http.Request) error { return noPath(r) }))
	return d.mux
}

func (d *door) limits(reading bool) httpd.Limit {
	if reading {
		return httpd.Limit{Name: "workspace-reads", Count: d.Reads, Per: time.Second}
	}
	return httpd.Limit{Name: "workspace-writes", Count: d.Writes, Per: time.Second}
}
