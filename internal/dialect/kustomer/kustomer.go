// Package kustomer is the door for clients of the Kustomer API: conversations with customers, and messages that are recorded in them.
// It is a translator: what is decided, the core decides.
package kustomer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// Name is what the door is called where keys have grants of it and messages have something that only it gives back.
const Name = "kustomer"

// Options are what the door stands on.
type Options struct {
	Core          *core.Core
	Lists         *numbered.Lists
	Directory     *directory.Directory
	Authenticator *access.Authenticator
	Mount         string         // the path before /v1, in links
	Requests      int            // a minute of an organization, 0: no limit
	Messages      int            // a minute that a client records with a customer, 0: no limit
	KeyRequests   int            // a minute of a key without a limit of its own, 0: no limit
	Limiter       *httpd.Limiter // counts requests, at all places where the door is served
}

// door is the door, with what is counted at it.
type door struct {
	Options
	limiter *httpd.Limiter
}

// route is one operation: its pattern below /v1, the roles of which any permits it, and what answers it.
type route struct {
	pattern string
	roles   []string
	answer  func(c *call) error
}

// routes is the index of the door.
func (d *door) routes() []route {
	read := func(thing string) []string {
		return []string{"org.user." + thing + ".read", "org.permission." + thing + ".read"}
	}
	return []route{
		{"POST /v1/conversations/{id}/messages", []string{"org.user.message.write", "org.permission.message.create"}, d.createMessage},
		{"GET /v1/conversations/{id}/messages", read("message"), d.listMessages},
		{"GET /v1/messages/{id}", read("message"), d.getMessage},
		{"GET /v1/conversations", read("conversation"), d.listConversations},
		{"GET /v1/conversations/{id}", read("conversation"), d.getConversation},
		{"GET /v1/customers/{id}/conversations", read("conversation"), d.listConversationsOfCustomer},
		{"GET /v1/customers", read("customer"), d.listCustomers},
		{"GET /v1/customers/{id}", read("customer"), d.getCustomer},
		{"GET /v1/users/current", nil, d.currentUser},
	}
}

// New returns the handler of the door, whose paths begin with /v1.
func New(o Options) http.Handler {
	d := &door{Options: o, limiter: o.Limiter}
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.pattern, httpd.Handle(writeError, func(w http.ResponseWriter, req *http.Request) error { return d.serve(r, w, req) }))
	}
	mux.Handle("/", httpd.Handle(writeError, func(w http.ResponseWriter, r *http.Request) error {
		if planned(r.URL.Path) {
			return d.serve(route{answer: notThere}, w, r)
		}
		return &parley.Error{Kind: parley.KindNotFound, Code: codeRoute, Message: "there is nothing at " + r.Method + " " + r.URL.Path}
	}))
	return trimmed(mux)
}

// trimmed takes the slash off the end of paths, which some clients put there.
func trimmed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 1 && strings.HasSuffix(r.URL.Path, "/") {
			u := *r.URL
			u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
			shorter := *r
			shorter.URL = &u
			r = &shorter
		}
		next.ServeHTTP(w, r)
	})
}

// call is one request.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	p     *access.Principal
	quota standing

	included []object // besides a list, where the request asks for it; nil: it does not
}

// serve finds out who asks, and whether they may: the credential first, then the rate, then the roles.
func (d *door) serve(r route, w http.ResponseWriter, req *http.Request) error {
	c := &call{w: w, r: req}
	credential, err := httpd.Credential(req)
	if err != nil {
		return err
	}
	if c.p, err = d.Authenticator.Authenticate(req.Context(), credential, req.Header.Get("Parley-Organization")); err != nil {
		return err
	}
	if err := d.admit(c); err != nil {
		return err
	}
	if !permitted(c.p, r.roles) {
		return &parley.Error{Kind: parley.KindForbidden, Code: "role-required", Message: "the key needs one of the roles " + strings.Join(r.roles, ", ")}
	}
	return r.answer(c)
}

// object is a JSON object.
type object = map[string]any

// answer writes a body.
func (c *call) answer(status int, body any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	c.quota.write(h)
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text.Bytes()) // the caller is gone if it fails
	return nil
}

// id reads the id in a place of the path.
func (c *call) id(what string) (parley.ID, error) {
	text := c.r.PathValue("id")
	if id, ok := parley.IDFromHex(text); ok {
		return id, nil
	}
	return "", &parley.Error{Kind: parley.KindNotFound, Code: codeNone, Message: "there is no such " + what}
}

// stamp writes a time.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
