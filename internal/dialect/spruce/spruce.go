// Package spruce is the door of the Spruce Health API: its paths, bodies, ids and errors, over the same core as the others.
package spruce

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// Name is what the door is called, in keys and in what it keeps with messages.
const Name = "spruce"

// Options are what the door opens to.
type Options struct {
	Core          *core.Core
	Directory     *directory.Directory
	Files         *files.Files
	Keys          *access.Keys
	Webhooks      *webhooks.Webhooks
	Authenticator *access.Authenticator
	Mount         string         // the path that it is served under
	URL           string         // that absolute links begin with; empty: as whoever asks knows the server
	RateLimit     int            // requests a minute of an organization, 0: no limit
	Limiter       *httpd.Limiter // counts requests, at all places where the door is served
	Address       func() string  // where the server listens, for links where nobody asks and it has no URL
}

// door is what the handlers stand on.
type door struct {
	Options
	limiter *httpd.Limiter
}

// call is one request under way, or what is rendered for somebody who has not asked: then there is no request.
type call struct {
	*door
	ctx context.Context
	p   *access.Principal
	w   http.ResponseWriter
	r   *http.Request

	elements []int // of the request's body, that each part of the message begins with
}

// New returns the handler of the API.
func New(o Options) http.Handler {
	d := &door{Options: o, limiter: o.Limiter}
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		handle  func(*call) (any, error)
	}{
		{"POST /v1/conversations/{conversation}/messages", postMessage},
		{"GET /v1/conversations", listConversations},
		{"GET /v1/conversations/{conversation}", getConversation},
		{"GET /v1/conversations/{conversation}/items", listItems},
		{"GET /v1/conversationItems/{item}", getItem},
		{"GET /v1/contacts/{contact}/conversations", contactConversations},
		{"GET /v1/internalendpoints", listEndpoints},
		{"POST /v1/internalendpoints/{endpoint}/conversations", postFromEndpoint},
		{"POST /v1/media", uploadMedia},
		{"GET /v1/organization", getOrganization},
		{"GET /v1/organization/members", listMembers},
		{"GET /v1/organization/members/{member}", getMember},
		{"GET /v1/webhooks/endpoints", listWebhooks},
		{"POST /v1/webhooks/endpoints", createWebhook},
		{"GET /v1/webhooks/endpoints/{endpoint}", getWebhook},
		{"DELETE /v1/webhooks/endpoints/{endpoint}", deleteWebhook},
		{"GET /v1/webhooks/endpoints/{endpoint}/events", listPosts},
		{"POST /v1/webhooks/endpoints/{endpoint}/paused", pauseWebhook},
		{"/", unknownPath},
	} {
		mux.Handle(route.pattern, d.handler(route.handle))
	}
	mux.Handle("GET "+filePath+"{media}", httpd.Handle(writeError, d.download))
	return mux
}

// handler answers a request of somebody whose credential and rate allow it.
func (d *door) handler(handle func(*call) (any, error)) http.Handler {
	return httpd.Handle(writeError, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("S-Request-Id", httpd.RequestID(r.Context()))
		c := &call{door: d, ctx: r.Context(), w: w, r: r}
		if err := c.admit(); err != nil {
			return err
		}
		answer, err := handle(c)
		if err != nil {
			err = c.repeated(err)
		}
		if err != nil || answer == nil {
			return err
		}
		return writeJSON(w, http.StatusOK, answer)
	})
}

// admit finds out who asks, and takes one of the requests that the organization has.
func (c *call) admit() error {
	credential, err := httpd.Credential(c.r)
	if err != nil {
		return err
	}
	if c.p, err = c.Authenticator.Authenticate(c.ctx, credential, ""); err != nil {
		return err
	}
	if c.p.Personal {
		return &parley.Error{Kind: parley.KindForbidden, Code: "organization-key-required", Message: "The token must be a key of the organization"}
	}
	limit := httpd.Limit{Name: "organization", Count: c.RateLimit, Per: time.Minute}
	who := string(c.p.Organization)
	if c.p.RateLimit > 0 {
		limit, who = httpd.Limit{Name: "key", Count: c.p.RateLimit, Per: time.Minute}, string(c.p.Key)
	}
	if limit.Count <= 0 {
		return nil
	}
	quota := c.limiter.Take(who, limit)
	c.w.Header().Set("S-Ratelimit-Limit", strconv.Itoa(limit.Count))
	c.w.Header().Set("S-Ratelimit-Remaining", strconv.Itoa(quota.Remaining))
	return quota.Err()
}

// repeated is the refusal of a request, which for one with a key that was used before is that, whatever it asks for by now.
func (c *call) repeated(refusal error) error {
	i, err := c.idempotency()
	if status := statuses[parley.AsError(refusal).Kind].StatusCode; err != nil || i == nil || status != http.StatusBadRequest && status != http.StatusNotFound {
		return refusal
	}
	if used := c.Core.Used(c.ctx, c.p, i); parley.AsError(used).Code == access.CodeRepeated {
		return used
	}
	return refusal
}

func unknownPath(*call) (any, error) {
	return nil, &parley.Error{Kind: parley.KindNotFound, Code: "route-unknown", Message: "There is nothing at this path, or not with this method"}
}

// base is the address of the door in links.
func (c *call) base() string { return c.origin() + c.Mount }

func (c *call) origin() string {
	if c.r == nil {
		return cmp.Or(c.URL, c.Address())
	}
	return httpd.Origin(c.r, c.URL)
}
