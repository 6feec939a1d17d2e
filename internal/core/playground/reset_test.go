package playground_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	store "github.com/parley-server/parley/internal/store/playground"
)

// world is a core with a playground.
type world struct {
	*coretest.World
	*playground.Playground
	keys *access.Keys
}

func newWorld(t *testing.T) *world {
	w := &world{World: coretest.New(t)}
	blobs, err := media.Open(w.Folder)
	w.Must(err)
	w.keys = access.NewKeys(w.Store, w.Auth)
	w.Playground = playground.New(playground.Options{Store: w.Store, Directory: w.Directory, RemoveBlob: blobs.Remove, Forget: w.Auth.Forget})
	return w
}

// rehearsal makes a test organization, and returns who has its first key.
func (w *world) rehearsal() *access.Principal {
	w.T.Helper()
	made, _, err := w.Directory.CreateOrganization(w.T.Context(), access.Operator(), directory.OrganizationParams{Name: "Rehearsal", Test: true}, nil)
	w.Must(err)
	p, err := w.Auth.Authenticate(w.T.Context(), made.Key.Token, "")
	w.Must(err)
	return p
}

// fill makes something of everything in an organization, and returns a key of it.
func (w *world) fill(p *access.Principal) string {
	w.T.Helper()
	ctx := w.T.Context()
	users := w.Users(p, "ana", "ben")
	ana, ben := users[0], users[1]
	sms := w.Channel(p, "sms")
	yan := w.Contact(p, "Yan", "phone:+31612345678")
	w.Contact(p, "Zoe", "email:zoe@example.org")
	file := w.File(p, "note.txt", "hello "+string(p.Organization))
	w.File(p, "loose.txt", "nobody has it")
	sent := w.Send(p, core.SendParams{To: core.To{Contact: yan.ID, Channel: sms.ID}, Body: coretest.Text("hello"), Tags: []string{"a"}, TTL: time.Hour,
		Validity: time.Hour, Idempotency: &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/messages"}})
	m := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("between us"), DeleteOnRead: true})
	w.Must(w.MarkRead(ctx, ben, m.ID))
	w.Send(p, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("see there"), Attachments: []parley.ID{file.ID}})
	w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("tomorrow"), SendAt: w.Store.Now(ctx, p.Organization).Add(time.Hour)})
	_, _, err := w.PlayInbound(ctx, p, core.InboundParams{From: "phone:+31612345678", Body: coretest.Text("yes")}, nil)
	w.Must(err)
	status, until := parley.StatusSnoozed, w.Store.Now(ctx, p.Organization).Add(time.Hour)
	_, err = w.UpdateConversation(ctx, p, sent.Conversation, thread.ConversationPatch{Status: &status, SnoozedUntil: until}, 0)
	w.Must(err)
	role, _, err := w.Directory.CreateRole(ctx, p, directory.RoleParams{Name: "Nurse", Members: []parley.ID{ana.User}}, nil)
	w.Must(err)
	_, _, err = w.Directory.CreateShift(ctx, p, role.ID, directory.ShiftParams{User: ana.User, StartsAt: until, EndsAt: until.Add(time.Hour)}, nil)
	w.Must(err)
	_, _, err = w.Directory.CreateTeam(ctx, p, directory.TeamParams{Name: "Ward", Members: []parley.ID{ana.User}}, nil)
	w.Must(err)
	_, err = w.Directory.DefineAttribute(ctx, p, parley.Attribute{Key: "bed", Type: parley.AttributeString}, 0)
	w.Must(err)
	list, _, err := w.Directory.CreateBroadcast(ctx, p, directory.BroadcastParams{Name: "All"}, nil)
	w.Must(err)
	_, err = w.Directory.AddBroadcastMembers(ctx, p, list.ID, []parley.ID{ana.User}, []parley.ID{yan.ID})
	w.Must(err)
	key, _, err := w.keys.Create(ctx, p, access.KeyParams{Name: "other", Scopes: []parley.Scope{parley.ScopeMessagesRead}}, nil)
	w.Must(err)
	_, _, err = w.keys.CreateSet(ctx, p, "Readers "+string(key.ID), []parley.Scope{parley.ScopeMessagesRead}, nil)
	w.Must(err)
	return key.Token
}

// rows are those of an organization, a text for each table that has some.
func (w *world) rows(organization parley.ID) map[string]string {
	w.T.Helper()
	tables := w.Tables()
	columns := map[string][]string{}
	for _, c := range tables.Columns {
		columns[c.Table] = append(columns[c.Table], c.Name)
	}
	found := map[string]string{}
	for table, names := range columns {
		if !slices.Contains(names, "organization_id") {
			continue
		}
		slices.Sort(names)
		values := make([]string, len(names))
		for i, name := range names {
			values[i] = fmt.Sprintf("CAST(%s AS TEXT)", name)
		}
		rows, err := tables.Query(fmt.Sprintf("SELECT %s FROM %s WHERE organization_id = '%s'", strings.Join(values, " || ',' || "), table, organization))
		w.Must(err)
		var all []string
		for rows.Next() {
			var text string
			w.Must(rows.Scan(&text))
			all = append(all, text)
		}
		w.Must(rows.Err())
		w.Must(rows.Close())
		if slices.Sort(all); len(all) > 0 {
			found[table] = strings.Join(all, "\n")
		}
	}
	return found
}

// blobs counts the files of an organization on the disk.
func (w *world) blobs(organization parley.ID) (n int) {
	w.T.Helper()
	w.Must(filepath.WalkDir(filepath.Join(w.Folder, "media", string(organization)), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

// A reset empties every table of one test organization, and touches nothing of another one.
func TestReset(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p, other := w.rehearsal(), w.rehearsal()
	for _, q := range []*access.Principal{p, other, w.Admin} {
		w.fill(q)
	}
	frozen := true
	_, err := w.SetClock(ctx, p, playground.ClockParams{Frozen: &frozen})
	w.Must(err)
	_, latest, err := w.EventRange(ctx, p)
	w.Must(err)
	before, ordinary := w.rows(other.Organization), w.rows(w.Admin.Organization)
	own := w.rows(p.Organization)
	tables, err := store.Tables()
	w.Must(err)
	if len(own) < 28 {
		t.Errorf("the organization has something in %d tables only", len(own))
	}

	done, err := w.Reset(ctx, p, playground.ResetParams{})
	w.Must(err)
	if !done.Done || len(done.Made) != 0 {
		t.Errorf("%+v", done)
	}
	after := w.rows(p.Organization)
	for _, table := range tables {
		if table.Name != "events" && after[table.Name] != "" {
			t.Errorf("%s still has %s", table.Name, after[table.Name])
		}
	}
	for _, table := range []string{"users", "keys", "permission_sets"} {
		if after[table] != own[table] {
			t.Errorf("%s has %s, had %s", table, after[table], own[table])
		}
	}
	for table, rows := range w.rows(other.Organization) {
		if rows != before[table] {
			t.Errorf("of another organization, %s has %s, had %s", table, rows, before[table])
		}
	}
	if now := w.rows(w.Admin.Organization); fmt.Sprint(now) != fmt.Sprint(ordinary) {
		t.Errorf("of an ordinary organization: %v, was %v", now, ordinary)
	}
	if own, theirs := w.blobs(p.Organization), w.blobs(other.Organization); own != 0 || theirs != 2 {
		t.Errorf("%d and %d blobs", own, theirs)
	}

	page, err := w.Core.Log.Events(ctx, p, eventlog.Filter{After: latest}, 100)
	w.Must(err)
	if len(page.Events) != 2 || page.Events[0].Type != parley.EventOrganizationReset || page.Events[0].Sequence != latest+1 {
		t.Errorf("events: %+v", page.Events)
	}
	_, err = w.Core.Log.Events(ctx, p, eventlog.Filter{After: latest - 1}, 100)
	w.Refused(err, parley.KindGone, "cursor-expired")
	clock, err := w.Clock(ctx, p)
	w.Must(err)
	if clock.Frozen || clock.Waiting != 0 || time.Since(clock.Now).Abs() > time.Minute {
		t.Errorf("the clock: %+v", clock)
	}
	w.fill(p) // as the first time
	if blobs := w.blobs(p.Organization); blobs != 2 {
		t.Errorf("%d blobs", blobs)
	}
}

// With all, only who asks is left.
func TestResetAll(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p, other := w.rehearsal(), w.rehearsal()
	gone, stays := w.fill(p), w.fill(other)
	for _, token := range []string{gone, stays} {
		_, err := w.Auth.Authenticate(ctx, token, "")
		w.Must(err)
	}
	_, err := w.Reset(ctx, p, playground.ResetParams{All: true})
	w.Must(err)
	_, err = w.Auth.Authenticate(ctx, gone, "")
	w.Refused(err, parley.KindUnauthorized, "credential-invalid")
	_, err = w.Auth.Authenticate(ctx, stays, "")
	w.Must(err)
	users, _, err := w.Directory.Users(ctx, p, directory.UserFilter{}, "", 100)
	w.Must(err)
	keys, _, err := w.keys.List(ctx, p, "", 100)
	w.Must(err)
	if len(users) != 1 || users[0].ID != p.User || len(keys) != 1 || keys[0].ID != p.Key {
		t.Errorf("left are %+v, %+v", users, keys)
	}
	narrow, _, err := w.keys.Create(ctx, p, access.KeyParams{Name: "narrow", Scopes: []parley.Scope{parley.ScopeSandboxWrite}}, nil)
	w.Must(err)
	q, err := w.Auth.Authenticate(ctx, narrow.Token, "")
	w.Must(err)
	_, err = w.Reset(ctx, q, playground.ResetParams{All: true})
	w.Refused(err, parley.KindForbidden, "scope-required")
	_, err = w.Reset(ctx, q, playground.ResetParams{})
	w.Must(err)
}

// A fixture is made, and what it finds of itself is found.
func TestFixtures(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p, other := w.rehearsal(), w.rehearsal()
	var users []parley.ID
	for range 2 {
		done, err := w.Reset(ctx, p, playground.ResetParams{Fixture: playground.FixtureClinic})
		w.Must(err)
		kinds := map[string]int{}
		var now []parley.ID
		for _, m := range done.Made {
			if kinds[m.Kind]++; m.Kind == "user" {
				now = append(now, m.ID)
			}
		}
		if fmt.Sprint(kinds) != "map[channel:5 contact:5 team:1 user:3]" {
			t.Errorf("made %v", kinds)
		}
		if users != nil && !slices.Equal(users, now) {
			t.Errorf("users are %v, were %v", now, users)
		}
		users = now
	}
	done, err := w.Reset(ctx, other, playground.ResetParams{Fixture: playground.FixtureClinic})
	w.Must(err)
	if !done.Done || len(done.Made) != 14 {
		t.Errorf("made %+v", done)
	}
	_, err = w.Reset(ctx, p, playground.ResetParams{Fixture: "hospital"})
	w.Refused(err, parley.KindInvalid, "value-unknown")
	_, err = w.Reset(ctx, w.Admin, playground.ResetParams{})
	w.Refused(err, parley.KindConflict, "test-only")
}
