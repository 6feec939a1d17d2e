package bird

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// call is one request under way.
type call struct {
	*door
	p    *access.Principal // who asks
	w    http.ResponseWriter
	r    *http.Request
	path string // as policies name it: without the mount, ids in one spelling
}

func (d *door) handler(rt route) http.Handler {
	return httpd.Handle(writeError, func(w http.ResponseWriter, r *http.Request) error {
		c := &call{door: d, w: w, r: r, path: policyPath(rt.pattern, r)}
		if !rt.open {
			if err := c.admit(); err != nil {
				return err
			}
		}
		return rt.handle(c)
	})
}

// policyPath is the path of a request with its ids as they are written here, so that no other spelling passes a policy.
func policyPath(pattern string, r *http.Request) string {
	_, path, found := strings.Cut(pattern, " ")
	if !found || strings.HasSuffix(path, "/") { // one of many paths that nothing is at
		return strings.ToLower(r.URL.Path)
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = strings.ToLower(r.PathValue(strings.Trim(s, "{}")))
		}
	}
	return strings.Join(segments, "/")
}

// admit finds out who asks, and whether they may: the credential first, then the rates, then the policies.
func (c *call) admit() error {
	credential, err := httpd.Credential(c.r)
	if err != nil {
		return err
	}
	named := c.r.PathValue("workspaceId")
	organization := parley.ID("")
	if named != "" {
		var known bool
		if organization, known = parley.IDFromUUID(named); !known {
			organization = "-" // the id of nothing
		}
	}
	if c.p, err = c.Authenticator.Authenticate(c.r.Context(), credential, string(organization)); err != nil {
		if parley.IsKind(err, parley.KindNotFound) {
			err = notFound("workspace", named)
		}
		return err
	}
	if err := c.take(); err != nil {
		return err
	}
	return c.permit(c.r.Method, c.path)
}

// take asks for a request of the key's limit, and of the workspace's.
func (c *call) take() error {
	limit := httpd.Limit{Name: "key", Count: c.p.RateLimit, Per: time.Minute}
	if limit.Count == 0 {
		limit.Count = c.KeyRateLimit
	}
	reading := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	for _, q := range []httpd.Quota{c.limiter.Take(string(c.p.Key), limit), c.limiter.Take(string(c.p.Organization), c.limits(reading))} {
		if err := q.Err(); err != nil {
			return err
		}
	}
	return nil
}

func notFound(what, id string) error {
	return &parley.Error{Kind: parley.KindNotFound, Code: "not-found", Message: "no " + what + " " + id}
}

// id is the id in a place of the path. What is none is the id of nothing.
func (c *call) id(name, what string) (parley.ID, error) {
	text := c.r.PathValue(name)
	id, ok := parley.IDFromUUID(text)
	if !ok {
		return "", notFound(what, text)
	}
	return id, nil
}

// own is the channel in the path.
func (c *call) own() (parley.Channel, error) { return c.ownBy(c.Outside.Channel) }

// ownBy finds the channel of the path in one way or another.
func (c *call) ownBy(find func(context.Context, *access.Principal, parley.ID) (parley.Channel, error)) (parley.Channel, error) {
	id, err := c.id("channelId", "channel")
	if err != nil {
		return parley.Channel{}, err
	}
	ch, err := find(c.r.Context(), c.p, id)
	if parley.IsKind(err, parley.KindNotFound) {
		err = notFound("channel", id.UUID())
	}
	return ch, err
}

// body is what was received, where nothing in it is there twice.
func (c *call) body() ([]byte, error) {
	text, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, err
	}
	if path := httpd.Twice(text); path != "" {
		return nil, parley.Invalid(path, "duplicate", "must not be there twice")
	}
	return text, nil
}

// workspaceURL is where something of the workspace is.
func (c *call) workspaceURL(rest string) string {
	return httpd.Origin(c.r, c.URL) + c.Mount + "/workspaces/" + c.p.Organization.UUID() + rest
}
