package directory_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

var acme = directory.ChannelParams{Name: "Support", Connector: "acme", Settings: json.RawMessage(`{"token":"s3cret","region":"eu","timeout":30000}`)}

func (w *world) newChannel(t *testing.T, change func(*directory.ChannelParams)) parley.Channel {
	t.Helper()
	params := acme
	if change != nil {
		change(&params)
	}
	return made[parley.Channel](t)(w.CreateChannel(background(t), w.admin, params, nil))
}

func TestChannelDefaults(t *testing.T) {
	w := newWorld(t)
	ch := w.newChannel(t, func(p *directory.ChannelParams) { p.Address = "+1 555 0100" })
	if ch.Platform != "sms" || ch.AddressKind != parley.AddressPhone || ch.Thread != parley.ThreadContact || ch.Reopen != parley.ReopenAuto ||
		!ch.Conversational || !ch.Open || ch.Default || ch.Concurrency != 256 || ch.OnUnknown != parley.UnknownAuto || ch.Address != "+15550100" {
		t.Errorf("made %+v", ch)
	}
	named := w.newChannel(t, func(p *directory.ChannelParams) { p.Address = "ACME" })
	if named.Address != "ACME" {
		t.Errorf("the sender's name became %q", named.Address)
	}
}

func TestChannelSecrets(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	ch := w.newChannel(t, nil)
	const shown = `{"region":"eu","timeout":30000,"token":null}`
	listed, _, err := w.Channels(ctx, w.admin, store.ChannelFilter{}, "", 10)
	if err != nil || len(listed) != 1 {
		t.Fatal(listed, err)
	}
	got := must[parley.Channel](t)(w.Channel(ctx, w.admin, ch.ID))
	for _, settings := range []json.RawMessage{ch.Settings, listed[0].Settings, got.Settings} {
		if string(settings) != shown {
			t.Errorf("shown %s, want %s", settings, shown)
		}
	}
	stored := func() string {
		ch := must[parley.Channel](t)(w.store.Read(ctx).Channel(w.admin.Organization, ch.ID))
		var settings struct{ Token, Region string }
		if err := json.Unmarshal(ch.Settings, &settings); err != nil {
			t.Fatal(err)
		}
		return settings.Token + " " + settings.Region
	}
	for _, step := range []struct{ patch, want string }{
		{`{"token":null,"region":"us"}`, "s3cret us"},
		{`{"token":"new"}`, "new "},
	} {
		must[parley.Channel](t)(w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Settings: json.RawMessage(step.patch)}, 0))
		if got := stored(); got != step.want {
			t.Errorf("after %s: stored %q, want %q", step.patch, got, step.want)
		}
	}
	_, err = w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Settings: json.RawMessage(`{}`)}, 0)
	wantError(t, err, parley.KindInvalid, "required", "settings.token")
	_, err = w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Settings: json.RawMessage(`{"token":"bad"}`)}, 0)
	wantError(t, err, parley.KindInvalid, "credentials-refused", "settings.token")
	if got := stored(); got != "new " {
		t.Errorf("a refused change was stored: %q", got)
	}
}

func TestChannelValidation(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	member := made[parley.User](t)(w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Ana"}, nil))
	for name, test := range map[string]struct {
		change      func(*directory.ChannelParams)
		code, field string
	}{
		"no name":           {func(p *directory.ChannelParams) { p.Name = "" }, "required", "name"},
		"no connector":      {func(p *directory.ChannelParams) { p.Connector = "" }, "connector-unknown", "connector"},
		"unknown platform":  {func(p *directory.ChannelParams) { p.Platform = "fax" }, "platform-unknown", "platform"},
		"which platform":    {func(p *directory.ChannelParams) { p.Connector, p.Settings = "many", nil }, "required", "platform"},
		"other kind":        {func(p *directory.ChannelParams) { p.AddressKind = "email" }, "address-kind", "addressKind"},
		"setting missing":   {func(p *directory.ChannelParams) { p.Settings = nil }, "required", "settings.token"},
		"setting unknown":   {func(p *directory.ChannelParams) { p.Settings = []byte(`{"token":"x","tokn":"y"}`) }, "unknown-field", "settings.tokn"},
		"setting of a type": {func(p *directory.ChannelParams) { p.Settings = []byte(`{"token":"x","timeout":"y"}`) }, "type", "settings.timeout"},
		"setting choice":    {func(p *directory.ChannelParams) { p.Settings = []byte(`{"token":"x","region":"mars"}`) }, "value-unknown", "settings.region"},
		"settings list":     {func(p *directory.ChannelParams) { p.Settings = []byte(`[]`) }, "type", "settings"},
		"settings huge":     {func(p *directory.ChannelParams) { p.Settings = make([]byte, 70000) }, "too-long", "settings"},
		"provider refuses":  {func(p *directory.ChannelParams) { p.Settings = []byte(`{"token":"bad"}`) }, "credentials-refused", "settings.token"},
		"thread":            {func(p *directory.ChannelParams) { p.Thread = "x" }, "value-unknown", "thread"},
		"reopen":            {func(p *directory.ChannelParams) { p.Reopen = "x" }, "value-unknown", "reopen"},
		"on unknown":        {func(p *directory.ChannelParams) { p.OnUnknown = "x" }, "value-unknown", "onUnknown"},
		"rate":              {func(p *directory.ChannelParams) { p.Rate = -1 }, "out-of-range", "rate"},
		"concurrency":       {func(p *directory.ChannelParams) { p.Concurrency = 10_001 }, "out-of-range", "concurrency"},
		"members of open":   {func(p *directory.ChannelParams) { p.Members = []parley.ID{member.ID} }, "not-allowed", "members"},
		"no such member": {func(p *directory.ChannelParams) { p.Open, p.Members = ptr(false), []parley.ID{member.ID, "x"} },
			"user-unknown", "members[1]"},
	} {
		params := acme
		test.change(&params)
		_, _, err := w.CreateChannel(ctx, w.admin, params, nil)
		t.Run(name, func(t *testing.T) { wantError(t, err, parley.KindInvalid, test.code, test.field) })
	}
	if listed, _, err := w.Channels(ctx, w.admin, store.ChannelFilter{}, "", 10); err != nil || len(listed) != 0 {
		t.Errorf("stored %v, %v", listed, err)
	}
}

func TestChannelDefaultMoves(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	byDefault := func(p *directory.ChannelParams) { p.Default = true }
	first := w.newChannel(t, byDefault)
	_, log := w.events(t, w.admin, 0)
	second := w.newChannel(t, byDefault)
	log = w.wantEvents(t, w.admin, log, parley.EventChannelUpdated, parley.EventChannelCreated)
	email := w.newChannel(t, func(p *directory.ChannelParams) {
		p.Connector, p.Platform, p.Settings, p.Default = "many", "email", nil, true
	})
	wantDefault := func(kind parley.AddressKind, want parley.ID) {
		t.Helper()
		if ch, err := w.store.Read(ctx).DefaultChannel(w.admin.Organization, kind); err != nil || ch.ID != want {
			t.Errorf("the default for %s is %s, %v; want %s", kind, ch.ID, err, want)
		}
	}
	wantDefault(parley.AddressPhone, second.ID)
	wantDefault(parley.AddressEmail, email.ID)
	must[parley.Channel](t)(w.UpdateChannel(ctx, w.admin, first.ID, directory.ChannelPatch{Default: ptr(true)}, 0))
	wantDefault(parley.AddressPhone, first.ID)

	var wg sync.WaitGroup
	for range 10 {
		for _, id := range []parley.ID{first.ID, second.ID} {
			wg.Go(func() {
				if _, err := w.UpdateChannel(ctx, w.admin, id, directory.ChannelPatch{Default: ptr(true)}, 0); err != nil && !parley.IsKind(err, parley.KindConflict) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if err := w.DeleteChannel(ctx, w.admin, email.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err := w.store.Read(ctx).DefaultChannel(w.admin.Organization, parley.AddressEmail)
	wantError(t, err, parley.KindNotFound, "not-found", "")
	_, err = w.Channel(ctx, w.admin, email.ID)
	wantError(t, err, parley.KindNotFound, "not-found", "")
	w.wantWake(t, email.ID)
	_ = log
}

func (w *world) wantWake(t *testing.T, want parley.ID) {
	t.Helper()
	select {
	case id := <-w.wakes:
		if id != want {
			t.Errorf("woke %s, want %s", id, want)
		}
	default:
		t.Error("nothing was woken")
	}
}

func TestChannelPauseAndResume(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	ch := w.newChannel(t, nil)
	asked := w.asked.Load()
	paused := must[parley.Channel](t)(w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Paused: ptr(true)}, ch.Rev))
	if !paused.Paused || len(w.wakes) != 0 {
		t.Errorf("paused %v, woken %d times", paused.Paused, len(w.wakes))
	}
	_, err := w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Paused: ptr(false)}, ch.Rev)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	must[parley.Channel](t)(w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Paused: ptr(false)}, 0))
	w.wantWake(t, ch.ID)
	if w.asked.Load() != asked {
		t.Error("the provider was asked about a change that is none of its own")
	}
}

func TestChannelMembers(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	user := made[parley.User](t)(w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Ana"}, nil))
	ch := w.newChannel(t, func(p *directory.ChannelParams) { p.Open, p.Members = ptr(false), []parley.ID{user.ID, user.ID} })
	got := must[parley.Channel](t)(w.Channel(ctx, w.admin, ch.ID))
	if len(got.Members) != 1 || got.Members[0] != user.ID || got.Open {
		t.Errorf("members %v", got.Members)
	}
	closed, member, err := w.store.Read(ctx).ClosedChannels(w.admin.Organization, user.ID)
	if err != nil || len(closed) != 1 || len(member) != 1 {
		t.Errorf("closed %v, of them a member of %v, %v", closed, member, err)
	}
	opened := must[parley.Channel](t)(w.UpdateChannel(ctx, w.admin, ch.ID, directory.ChannelPatch{Open: ptr(true)}, 0))
	if len(opened.Members) != 0 {
		t.Errorf("an open channel has members %v", opened.Members)
	}
}

func TestCreateChannelOnce(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	request := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/channels", Body: []byte("x")}
	first := made[parley.Channel](t)(w.CreateChannel(ctx, w.admin, acme, request))
	asked := w.asked.Load()
	again, replayed, err := w.CreateChannel(ctx, w.admin, acme, request)
	if err != nil || !replayed || again.ID != first.ID || strings.Contains(string(again.Settings), "s3cret") {
		t.Errorf("the repeat answers %+v, %v, %v", again, replayed, err)
	}
	if w.asked.Load() != asked {
		t.Error("the provider was asked again")
	}
}

// A test organization has channels of the sandbox only, unless the operator lets it have others.
func TestChannelsOfTestOrganizations(t *testing.T) {
	w := newWorld(t)
	made, _, err := w.CreateOrganization(t.Context(), access.Operator(), directory.OrganizationParams{Name: "Rehearsal", Test: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := w.store.Read(t.Context()).Organization(made.Organization.ID); err != nil || !o.Test || !o.ID.OfTest() || !o.ID.Valid() {
		t.Fatalf("made %+v, %v", o, err)
	}
	p, err := w.auth.Authenticate(t.Context(), made.Key.Token, "")
	if err != nil {
		t.Fatal(err)
	}
	params := directory.ChannelParams{Name: "Real", Connector: "many", Platform: "sms"}
	_, _, err = w.CreateChannel(t.Context(), p, params, nil)
	if e := parley.AsError(err); e.Kind != parley.KindInvalid || e.Code != "test-connector" || e.Fields[0].Field != "connector" {
		t.Errorf("got %v", err)
	}
	if _, _, err := w.CreateChannel(t.Context(), w.admin, params, nil); err != nil {
		t.Errorf("in an ordinary organization: %v", err)
	}
	let := directory.New(directory.Options{Store: w.store, Authenticator: w.auth, Connectors: w.catalog(), TestProviders: true})
	if _, _, err := let.CreateChannel(t.Context(), p, params, nil); err != nil {
		t.Errorf("with the operator's leave: %v", err)
	}
}
