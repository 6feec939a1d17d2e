package app_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// Recipients of the sandbox do what their addresses say; those of test organizations speak by themselves, once.
func TestMagicRecipients(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	answers := map[string]*api.Message{}
	for address, want := range map[string]string{"phone:+15550100005": "ACK", "phone:+15550100006": "Good morning", "phone:+15550100007": "STOP"} {
		answers[want] = r.say(address, nil)
	}
	blocked, quiet := r.say("phone:+15550100008", nil), r.say("phone:+15550100000", nil)
	r.advance(time.Second)
	if d := r.delivery(blocked); d.Status != api.Failed || d.Phase != "handoff" || d.Code != "recipient-blocked" || d.Attempts != 1 {
		t.Errorf("blocked: %+v", d)
	}
	if d := r.delivery(quiet); d.Status != api.Read {
		t.Errorf("delivered: %+v", d)
	}
	inbound := must[*api.List[api.Message]](t)(r.ListMessages(ctx, api.MessageFilter{Direction: "inbound"})).Data
	for _, m := range inbound {
		sent := answers[m.Text]
		if sent == nil || m.ReplyTo != sent.ID || m.ConversationID != sent.ConversationID {
			t.Errorf("an answer: %+v", m)
			continue
		}
		r.after("answered", m.SentAt, time.Second)
		if d := r.delivery(sent); d.Status != api.Read {
			t.Errorf("answered: %+v", d)
		}
	}
	if len(inbound) != 3 {
		t.Errorf("%d answers", len(inbound))
	}
	r.advance(time.Hour)
	if again := must[*api.List[api.Message]](t)(r.ListMessages(ctx, api.MessageFilter{Direction: "inbound"})).Data; len(again) != 3 {
		t.Errorf("%d answers an hour later", len(again))
	}

	must[*api.Channel](t)(operator.CreateChannel(ctx, api.ChannelRequest{Name: "Text messages", Connector: "sandbox", Platform: "sms", Default: true}))
	m := must[*api.Message](t)(operator.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100005"}, Body: api.Text("Good morning")}))
	eventually(t, "it is read", func() bool { return must[*api.Message](t)(operator.GetMessage(ctx, m.ID)).Status == api.Read })
	time.Sleep(1100 * time.Millisecond)
	if c := must[*api.List[api.Message]](t)(operator.ListMessages(ctx, api.MessageFilter{})).Data; len(c) != 1 {
		t.Errorf("in an ordinary organization a recipient spoke by itself: %+v", c)
	}
}
