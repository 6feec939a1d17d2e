package native_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// A hold from its beginning to its end, at the door: what has gone under it is gone for everybody, also for who placed it,
// and read by nobody without a trace.
func TestHolds(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	key := func(scopes ...string) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "k", User: ana.ID, Scopes: scopes})).Secret)
	}
	file := must[*api.Media](t)(w.admin.UploadMedia(ctx, "a.txt", "text/plain", strings.NewReader("evidence")))
	m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, Body: api.Text("evidence"), Attachments: []string{file.ID}, Tags: []string{"t"}}))
	counsel, investigator := key("holds:read", "holds:write", "messages:read"), key("admin:hold")

	request := api.HoldRequest{Subject: api.HoldSubject{Kind: "conversation", ID: m.ConversationID}, Reason: "Case 7"}
	hold := must[*api.Hold](t)(counsel.PlaceHold(ctx, request, api.IdempotencyKey("once")))
	if again := must[*api.Hold](t)(counsel.PlaceHold(ctx, request, api.IdempotencyKey("once"))); again.ID != hold.ID || hold.PlacedBy != ana.ID || hold.Reason != "Case 7" || hold.LiftedAt != nil {
		t.Errorf("placed %+v and %+v", hold, again)
	}
	if e, says := w.last(t, parley.ActHoldPlaced); e.Subject.ID != hold.ID || e.Actor.User != ana.ID ||
		says != "subject.kind - conversation; subject.id - "+m.ConversationID+"; reason - Case 7" {
		t.Errorf("the audit log says %q of %+v", says, e)
	}
	must[*api.Message](t)(w.admin.RecallMessage(ctx, m.ID))
	seen := must[*api.Message](t)(counsel.GetMessage(ctx, m.ID))
	if seen.Removed == nil || seen.Removed.Reason != "recalled" || len(seen.Body) > 0 {
		t.Errorf("what is held is shown as %+v", seen)
	}
	_, err := counsel.ReadHeld(ctx, m.ID)
	wantProblem(t, err, 403, "scope-required", "")
	_, err = investigator.PlaceHold(ctx, request)
	wantProblem(t, err, 403, "scope-required", "")
	_, err = investigator.ListHolds(ctx, api.HoldFilter{})
	wantProblem(t, err, 403, "scope-required", "")

	list := must[*api.List[api.Held]](t)(investigator.ListHeld(ctx, api.HeldFilter{Conversation: m.ConversationID}))
	if len(list.Data) != 1 || list.Data[0].ID != m.ID || list.Data[0].Kind != "message" || list.Data[0].Reason != "recalled" || list.Data[0].Conversation != m.ConversationID {
		t.Errorf("kept is %+v", list.Data)
	}
	before := len(w.entries(t))
	content := must[*api.HeldContent](t)(investigator.ReadHeld(ctx, m.ID))
	if content.Message == nil || content.Message.Body[0].Text != "evidence" || content.Message.Removed != nil || !slices.Equal(content.Message.Tags, []string{"t"}) ||
		content.Message.Status != "sent" || len(content.Files) != 1 || content.Files[0].ID != file.ID || content.Files[0].Name != "a.txt" {
		t.Errorf("kept of the message is %+v", content)
	}
	blob := must[*api.Content](t)(investigator.DownloadHeld(ctx, m.ID, file.ID))
	bytes := must[[]byte](t)(io.ReadAll(blob))
	if err := blob.Close(); err != nil || string(bytes) != "evidence" {
		t.Errorf("the file is %q, %v", bytes, err)
	}
	reads := w.entries(t)[before:]
	if len(reads) != 2 || reads[0].Act != "held.read" || reads[0].Subject.ID != m.ID || reads[0].Actor.User != ana.ID || reads[1].Act != "held.read" {
		t.Errorf("the readings are %+v", reads)
	}
	_, err = investigator.ReadHeld(ctx, hold.ID)
	wantProblem(t, err, 404, "not-found", "")
	if len(w.entries(t)) != before+2 {
		t.Error("a reading of nothing is an act")
	}

	lifted := must[*api.Hold](t)(counsel.LiftHold(ctx, hold.ID, api.HoldLift{Reason: "settled"}))
	if lifted.LiftedBy != ana.ID || lifted.LiftedAt == nil || lifted.LiftReason != "settled" || lifted.Rev != 2 {
		t.Errorf("lifted %+v", lifted)
	}
	active := must[*api.List[api.Hold]](t)(counsel.ListHolds(ctx, api.HoldFilter{Active: "true"}))
	all := must[*api.List[api.Hold]](t)(counsel.ListHolds(ctx, api.HoldFilter{Subject: m.ConversationID}))
	if len(active.Data) != 0 || len(all.Data) != 1 || all.Data[0].LiftReason != "settled" {
		t.Errorf("active %+v, all %+v", active.Data, all.Data)
	}
	_, err = counsel.LiftHold(ctx, hold.ID, api.HoldLift{})
	wantProblem(t, err, 409, "hold-lifted", "")
	if n, err := w.core.Release(ctx); n != 1 || err != nil {
		t.Errorf("released: %d, %v", n, err)
	}
	_, err = investigator.ReadHeld(ctx, m.ID)
	wantProblem(t, err, 404, "not-found", "")
	for scopes, sees := range map[string]bool{"events:read,holds:read": true, "events:read": false} {
		token := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "k", Scopes: strings.Split(scopes, ",")})).Secret
		_, text := w.raw(t, "GET", "/v1/events?limit=200", token, "")
		if strings.Contains(text, `"hold.placed"`) != sees || strings.Contains(text, `"hold.lifted"`) != sees || strings.Contains(text, "Case 7") {
			t.Errorf("with %s: %s", scopes, text)
		}
	}
}

// Policies that contradict themselves are refused, each naming the field.
func TestContradictingPolicies(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	day := int64(24 * 3600)
	for _, test := range []struct {
		policy      api.PolicyPatch
		code, field string
	}{
		{api.PolicyPatch{DefaultTTL: new(2 * day), MaxTTL: new(day)}, "policy-contradicts", "policy.defaultTtl"},
		{api.PolicyPatch{LockTTL: new(true)}, "policy-contradicts", "policy.lockTtl"},
		{api.PolicyPatch{DefaultTTL: new(2 * day), LockTTL: new(true), Retention: map[string]*int64{"direct": new(day)}}, "policy-contradicts", "policy.retention.direct"},
		{api.PolicyPatch{Retention: map[string]*int64{"chat": new(day)}}, "value-unknown", "policy.retention.chat"},
		{api.PolicyPatch{Retention: map[string]*int64{"direct": new(int64(60))}}, "out-of-range", "policy.retention.direct"},
	} {
		_, err := w.admin.PatchOrganization(ctx, api.OrganizationPatch{Policy: &test.policy})
		wantProblem(t, err, 422, test.code, test.field)
	}
	o := must[*api.Organization](t)(w.admin.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Retention: map[string]*int64{"direct": new(day), "note": new(2 * day)}}}))
	if len(o.Policy.Retention) != 2 || o.Policy.Retention["note"] != 2*day {
		t.Errorf("%+v", o.Policy)
	}
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana"}))
	m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, Body: api.Text("x"), TTL: 5 * day}))
	if m.TTL != day {
		t.Errorf("the effective ttl is %d", m.TTL)
	}
}
