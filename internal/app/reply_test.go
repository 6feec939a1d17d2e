package app_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// What was answered in a conversation counts in the one that it becomes a part of, as what was answered to a contact does.
func TestAutoRepliesOfWhatIsMerged(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	rule := must[*api.AutoReply](t)(r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Thanks", When: "always", Text: "Thank you.", Each: "conversation", Throttle: new(int64(7200))}))
	other := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Other", Connector: "sandbox", Platform: "sms"}))
	const ana = "phone:+15550101"
	elsewhere := func(in *api.SandboxInbound) { in.Channel = other.ID }
	first := r.hear(ana, "Hello?", nil).ConversationID
	r.answered("the first", first, "Thank you.")
	if _, err := r.PatchAutoReply(ctx, rule.ID, api.AutoReplyPatch{Enabled: new(false)}); err != nil {
		t.Fatal(err)
	}
	second := r.hear(ana, "Hello?", elsewhere).ConversationID
	if _, err := r.PatchAutoReply(ctx, rule.ID, api.AutoReplyPatch{Enabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	r.advance(time.Minute)
	must[*api.Conversation](t)(r.MergeConversation(ctx, first, api.ConversationMerge{Into: second}))
	r.hear(ana, "Anybody?", elsewhere)
	r.answered("within the throttle", second, "Thank you.")
	r.advance(2 * time.Hour)
	r.hear(ana, "Anybody?", elsewhere)
	r.answered("after the throttle", second, "Thank you.", "Thank you.")
}
