package tigerconnect_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/sdk/go/tigerconnect"
)

// world is a server with two organizations, and a client of somebody in both.
type world struct {
	*tigerconnect.Client
	url, key, secret  string
	organization      string
	other             string
	admin             *api.Client
	ana, bo, cy, role string
	posts             atomic.Int64 // requests that were made
	broken            atomic.Int64 // requests that are to be cut off
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// RoundTrip counts requests, and breaks those that are to be.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.posts.Add(1)
	if w.broken.Add(-1) >= 0 {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	}
	return http.DefaultTransport.RoundTrip(r)
}

var scopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "users:read", "roles:read", "roles:duty", "media:read", "media:write", "organization:read"}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, false
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: io.Discard}))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	as := func(secret string) *api.Client {
		client := must[*api.Client](t)(api.New(a.URL(), secret))
		t.Cleanup(client.Close)
		return client
	}
	w := &world{url: a.URL() + "/tigerconnect/v2", admin: as(must[string](t)(a.Administrator(t.Context(), "Alpha")))}
	w.organization = must[*api.Organization](t)(w.admin.GetOrganization(t.Context())).ID
	ids := map[string]string{}
	for _, name := range []string{"ana", "bo", "cy"} {
		ids[name] = must[*api.User](t)(w.admin.CreateUser(t.Context(), api.UserRequest{Name: name, Email: name + "@example.org"})).ID
	}
	w.ana, w.bo, w.cy = ids["ana"], ids["bo"], ids["cy"]
	w.role = must[*api.Role](t)(w.admin.CreateRole(t.Context(), api.RoleRequest{Name: "Charge nurse", Members: []string{w.ana, w.bo}})).ID
	must[*api.Role](t)(w.admin.ComeOnDuty(t.Context(), w.role, api.DutyIn{User: w.ana}))
	beta := must[*api.NewOrganization](t)(w.admin.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Beta"}))
	w.other = beta.Organization.ID
	for _, name := range []string{"ana", "bo"} {
		must[*api.User](t)(as(beta.Key.Secret).CreateUser(t.Context(), api.UserRequest{Name: name, Email: name + "@example.org"}))
	}
	k := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: "ana", User: w.ana, Scopes: scopes}))
	w.key, w.secret = k.ID, k.Secret
	w.Client = w.signIn(t, tigerconnect.WithOrganization(w.organization))
	return w
}

func (w *world) signIn(t *testing.T, options ...tigerconnect.Option) *tigerconnect.Client {
	t.Helper()
	options = append(options, tigerconnect.WithHTTPClient(&http.Client{Transport: w}), tigerconnect.WithRetry(tigerconnect.Retry{Attempts: 3, Longest: time.Millisecond}))
	return must[*tigerconnect.Client](t)(tigerconnect.SignIn(t.Context(), w.url, w.key, w.secret, options...))
}

func (w *world) send(t *testing.T, to, body string, o *tigerconnect.SendOptions) *tigerconnect.Message {
	t.Helper()
	return must[*tigerconnect.Message](t)(w.SendToUser(t.Context(), to, body, o))
}

// refuses checks that sends are refused because of an argument, before any request.
func (w *world) refuses(t *testing.T, wrong string, list ...*tigerconnect.SendOptions) {
	t.Helper()
	before := w.posts.Load()
	for i, o := range list {
		_, err := w.SendToUser(t.Context(), w.bo, "x", o)
		if e, ok := errors.AsType[*tigerconnect.ArgumentError](err); !ok || e.Argument != wrong {
			t.Errorf("%d: %v, want one of %s", i, err, wrong)
		}
	}
	if n := w.posts.Load() - before; n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// denied checks a refusal of the server.
func denied(t *testing.T, err error, status int, code, field string) {
	t.Helper()
	if e, ok := errors.AsType[*tigerconnect.Error](err); !ok || e.Status != status || e.Code != code || e.Field != field {
		t.Errorf("%v, want %d %s of %s", err, status, code, field)
	}
}

type options = tigerconnect.SendOptions

func TestSendToUser(t *testing.T) {
	w := newWorld(t)
	doortest.Says(t, doortest.Answer, "The Go client's SendToUser returns the message with everything that was said of it.", func(t *testing.T) {
		m := w.send(t, w.bo, "ICU bed 4 is ready", &options{TTL: 1440, DeleteOnRead: true, Priority: tigerconnect.High, ClientID: "c-1",
			Metadata: []tigerconnect.Metadata{{Namespace: "acme:case", Payload: map[string]int{"id": 7}}, {Namespace: "a:b", MIMEType: "text/plain", Payload: "plain"}}})
		data := []tigerconnect.Datum{{Namespace: "acme:case", MIMEType: "application/json", Payload: `{"id":7}`}, {Namespace: "a:b", MIMEType: "text/plain", Payload: "plain"}}
		if m.Body != "ICU bed 4 is ready" || m.SenderID != w.ana || m.SenderName != "ana" || m.RecipientID != w.bo || m.SenderOrganization != w.organization || m.TTL != 1440 ||
			!m.DeleteOnRead || m.Priority() != tigerconnect.High || m.ClientID != "c-1" || !slices.Equal(m.Metadata, data) || m.ExpireIn < 1430*60 {
			t.Errorf("sent %+v", m)
		}
		if len(m.Statuses) != 1 || m.Statuses[0].UserID != w.bo || m.Statuses[0].Status != "New" || !m.Statuses[0].At.Equal(m.CreatedAt) {
			t.Errorf("with %+v", m.Statuses)
		}
		if found := must[*tigerconnect.Message](t)(w.Find(t.Context(), m.ID, "")); found.Body != m.Body || found.SortNumber != m.SortNumber {
			t.Errorf("found %+v", found)
		}
	})
	doortest.Says(t, "userId", "In Go it is a text; an empty one, oneself and arguments in the wrong order are an ArgumentError before any request.", func(t *testing.T) {
		before := w.posts.Load()
		for _, c := range [][2]string{{"", "hello"}, {w.ana, "note"}, {"hello there", w.bo}, {"hello", "bo@example.org"}, {"hello", w.bo}} {
			_, err := w.SendToUser(t.Context(), c[0], c[1], nil)
			if e, ok := errors.AsType[*tigerconnect.ArgumentError](err); !ok || e.Argument != "userId" || c[0] != w.ana && !strings.Contains(e.Message, "expected (userId, body)") {
				t.Errorf("%q: %v", c, err)
			}
		}
		if w.posts.Load() != before {
			t.Error("something was requested")
		}
		_, err := w.SendToUser(t.Context(), "who@example.org", "x", nil)
		denied(t, err, 404, tigerconnect.CodeNotFound, "recipient")
	})
	doortest.Says(t, "organizationId", "In Go it is WithOrganization's where it is left out, or the only one; where there is neither it is an ArgumentError before any request.", func(t *testing.T) {
		two := w.send(t, "bo@example.org", "x", &options{OrganizationID: w.other})
		if one := w.send(t, "bo@example.org", "x", nil); one.ConversationID == two.ConversationID || two.SenderOrganization != w.other || two.SortNumber != 1 {
			t.Errorf("sent %+v and %+v", one, two)
		}
		neither := &world{Client: w.signIn(t), bo: w.bo}
		neither.refuses(t, "organizationId", nil, &options{})
		if list := neither.Organizations(); len(list) != 2 {
			t.Errorf("belongs to %+v", list)
		}
		_, err := w.SendToUser(t.Context(), w.bo, "x", &options{RecipientOrganizationID: w.other})
		denied(t, err, 403, tigerconnect.CodePermissionDenied, "recipient_organization")
	})
	doortest.Says(t, "senderId", "In Go a role that is held is the sender; another user's id is permission-denied.", func(t *testing.T) {
		if m := w.send(t, w.bo, "x", &options{SenderID: w.role}); m.SenderID != w.role || m.SenderName != "Charge nurse" {
			t.Errorf("sent %+v", m)
		}
		_, err := w.SendToUser(t.Context(), w.bo, "x", &options{SenderID: w.cy})
		denied(t, err, 403, tigerconnect.CodePermissionDenied, "sender_token")
		_, err = w.SendToUser(t.Context(), w.bo, "x", &options{Escalate: true})
		denied(t, err, 400, "invalid-argument", "escalate")
	})
	doortest.Says(t, "groupName", "In Go SendToGroupOfUsers makes a group with it, the description, the metadata and the avatar, which SendToUser ignores.", func(t *testing.T) {
		group := &options{GroupName: "Night shift", Description: "Until six", GroupMetadata: map[string]string{"ward": "4"},
			AvatarFile: &tigerconnect.File{Name: "g.gif", ContentType: "image/gif", Content: []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")}}
		m := must[*tigerconnect.Message](t)(w.SendToGroupOfUsers(t.Context(), []string{w.bo, w.cy}, "all", group))
		if c := must[*api.Conversation](t)(w.admin.GetConversation(t.Context(), m.ConversationID)); c.Title != "Night shift" || c.Description != "Until six" || c.Avatar == "" || c.Metadata["ward"] != "4" {
			t.Errorf("made %+v", c)
		}
		if m := w.send(t, w.bo, "x", group); m.RecipientID != w.bo || len(m.Attachments) != 0 {
			t.Errorf("sent %+v", m)
		}
		if list := must[[]tigerconnect.Status](t)(w.FindRecipientStatus(t.Context(), m.ID, "")); len(list) != 2 {
			t.Errorf("its recipients are %+v", list)
		}
		if err := w.Recall(t.Context(), m.ID, ""); err != nil || !must[*tigerconnect.Message](t)(w.Find(t.Context(), m.ID, "")).Recalled {
			t.Errorf("taken back: %v", err)
		}
	})
}

func TestSendToUserRefusals(t *testing.T) {
	w := newWorld(t)
	doortest.Says(t, "body", "In Go an empty body without an attachment or metadata, and what is no text or too long, is an ArgumentError before any request.", func(t *testing.T) {
		before := w.posts.Load()
		for _, body := range []string{"", "a\xff", "a\x00b", strings.Repeat("é", 100_001)} {
			_, err := w.SendToUser(t.Context(), w.bo, body, nil)
			if e, ok := errors.AsType[*tigerconnect.ArgumentError](err); !ok || e.Argument != "body" {
				t.Errorf("%v", err)
			}
		}
		if w.posts.Load() != before {
			t.Error("something was requested")
		}
	})
	doortest.Says(t, "ttl", "In Go 0 is as the organization says; what is no time, no priority or no metadata is an ArgumentError before any request.", func(t *testing.T) {
		w.refuses(t, "ttl", &options{TTL: -2}, &options{TTL: 1 << 40})
		w.refuses(t, "priority", &options{Priority: "LOW"}, &options{Priority: "high"})
		meta := func(name string, payload any) *options {
			return &options{Metadata: []tigerconnect.Metadata{{Namespace: name, Payload: payload}}}
		}
		w.refuses(t, "metadata[0].namespace", meta("", 1), meta("tigertext:message:alert", 1), meta("TigerText:x", 1), meta(strings.Repeat("n", 201), 1), meta("a\x00", 1))
		w.refuses(t, "metadata[0].payload", meta("a:b", nil), meta("a:b", make(chan int)), meta("a:b", math.NaN()))
		w.refuses(t, "metadata", meta("a:b", strings.Repeat("x", 64<<10)), &options{Metadata: make([]tigerconnect.Metadata, 51)})
		if m := w.send(t, w.bo, "x", &options{TTL: 0}); m.TTL != tigerconnect.Forever {
			t.Errorf("its ttl is %d", m.TTL)
		}
	})
	doortest.Says(t, "attachmentFile", "In Go it is bytes or an absolute path, which is read anew at each attempt; two files, relative paths and types that are not taken are an ArgumentError before any request.", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "note.txt")
		if err := os.WriteFile(path, []byte("hello, file"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, file := range []*tigerconnect.File{{Path: path}, {Name: "note.txt", ContentType: "text/plain", Content: []byte("hello, file")}} {
			w.broken.Store(2)
			m := w.send(t, w.bo, "", &options{AttachmentFiles: []*tigerconnect.File{file}, TTL: 5, Metadata: []tigerconnect.Metadata{{Namespace: "a:b", Payload: "x"}}})
			if len(m.Attachments) != 1 || m.Attachments[0].Name != "note.txt" || m.Attachments[0].Size != 11 || m.TTL != 5 || len(m.Metadata) != 1 {
				t.Errorf("sent %+v", m)
			}
		}
		w.broken.Store(0)
		file := &tigerconnect.File{Content: []byte("x")}
		w.refuses(t, "attachmentFiles", &options{AttachmentFiles: []*tigerconnect.File{file, file}}, &options{AttachmentFile: file, AttachmentFiles: []*tigerconnect.File{file}},
			&options{AttachmentFiles: []*tigerconnect.File{nil}})
		w.refuses(t, "attachmentFile", &options{AttachmentFile: &tigerconnect.File{Path: "note.txt"}}, &options{AttachmentFile: &tigerconnect.File{Path: "/nowhere/x"}},
			&options{AttachmentFile: &tigerconnect.File{ContentType: "application/zip", Content: []byte("PK")}}, &options{AttachmentFile: &tigerconnect.File{Content: make([]byte, 100<<20+1)}})
	})
	doortest.Says(t, doortest.Around, "The Go client sends again what cannot be answered for now, with the same client_id; who repeats a send with a ClientID of its own gets the first message.", func(t *testing.T) {
		var failed []error
		w.broken.Store(2)
		first := w.send(t, w.bo, "once", &options{ClientID: "mine", OnRetry: func(err error) { failed = append(failed, err) }})
		if len(failed) != 2 {
			t.Errorf("it failed with %v", failed)
		}
		if again := w.send(t, w.bo, "once", &options{ClientID: "mine"}); again.ID != first.ID {
			t.Errorf("sent again as %s", again.ID)
		}
		w.broken.Store(3)
		if _, err := w.SendToUser(t.Context(), w.bo, "never", nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
		w.broken.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.SendToUser(ctx, w.bo, "never", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	doortest.Says(t, doortest.Errors, "The Go client signs in with a key that works, at an address that is one.", func(t *testing.T) {
		_, err := tigerconnect.SignIn(t.Context(), w.url, "no", "no")
		denied(t, err, 401, "unauthorized", "")
		for _, c := range [][3]string{{"nowhere", "k", "s"}, {w.url, "", "s"}, {w.url, "k:s", "s"}, {w.url, "k", ""}} {
			if _, err := tigerconnect.SignIn(t.Context(), c[0], c[1], c[2]); err == nil {
				t.Errorf("%q: no error", c)
			}
		}
	})
}
