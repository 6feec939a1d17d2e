package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/connectortest"
	"github.com/parley-server/parley/internal/parley"
)

func testDefinition(t testing.TB) connector.Definition {
	t.Helper()
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return Definition(client)
}

func outgoing(attempt int, addresses ...string) connector.Outgoing {
	out := connector.Outgoing{Reference: "cq0000000000000000a0-1", Message: "cq0000000000000000a0", Attempt: attempt, Priority: parley.PriorityNormal,
		Body: []parley.Part{{Kind: parley.PartText, Text: "hello"}, {Kind: parley.PartLocation, Latitude: 1, Longitude: 2}}}
	for i, text := range addresses {
		address, err := parley.ParseAddress(text)
		if err != nil {
			panic(err)
		}
		out.Recipients = append(out.Recipients, connector.Recipient{Delivery: i + 1, Address: address})
	}
	return out
}

// provider answers like an endpoint; a GET knows every reference but "lost".
func provider(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Query().Get("reference") == "lost" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, `{"ids": ["provider-1"]}`)
}

func TestConformance(t *testing.T) {
	sms := parley.Channel{ID: "cq0000000000000000c0", Connector: Name, Platform: "sms", AddressKind: parley.AddressPhone}
	email := parley.Channel{ID: "cq0000000000000000c1", Connector: Name, Platform: "email", AddressKind: parley.AddressEmail}
	endpoint := func(more string) func(string) json.RawMessage {
		return func(url string) json.RawMessage {
			url = strings.Replace(url, "http://", "http://user:p%2Fssw0rd-of-the-url@", 1)
			return json.RawMessage(fmt.Sprintf(`{"endpoint": %q, "secret": "the/secret+of \"the\" channel"%s}`, url+"/x?api_key=the-key-in-the-url", more))
		}
	}
	sent := []parley.DeliveryState{parley.Sent, parley.Sent, parley.Sent}
	connectortest.Run(t, testDefinition(t),
		connectortest.Case{Name: "sms", Channel: sms, Outgoing: outgoing(1, "phone:+15550100000"), States: sent},
		connectortest.Case{Name: "bounce", Channel: sms, Outgoing: outgoing(1, "phone:+15550100001"), States: sent},
		connectortest.Case{Name: "first attempt", Channel: sms, Outgoing: outgoing(1, "phone:+15550100002"), Code: connector.CodeUnavailable, Retry: true},
		connectortest.Case{Name: "second attempt", Channel: sms, Outgoing: outgoing(2, "phone:+15550100002"), Code: connector.CodeUnavailable, Retry: true},
		connectortest.Case{Name: "third attempt", Channel: sms, Outgoing: outgoing(3, "phone:+15550100002"), States: sent},
		connectortest.Case{Name: "e-mail", Channel: email, Outgoing: outgoing(1, "email:ana@example.org", "email:retry@example.org", "email:slow@example.org"),
			States: []parley.DeliveryState{parley.Sent, "", parley.Sent}},
		connectortest.Case{Name: "block", Channel: sms, Outgoing: outgoing(1, "phone:+15550100008"), Code: connector.CodeRefusedBy},
		connectortest.Case{Name: "block among others", Channel: email, Outgoing: outgoing(1, "email:block@example.org", "email:retry@example.org", "email:ack@example.org"),
			States: []parley.DeliveryState{"", "", parley.Sent}},
		connectortest.Case{Name: "endpoint", Channel: sms, Outgoing: outgoing(1, "phone:+15550100000"), States: sent,
			Settings: endpoint(""), Provider: http.HandlerFunc(provider)},
		connectortest.Case{Name: "endpoint asked", Channel: email, Outgoing: outgoing(3, "email:retry@example.org", "email:b@example.org"), States: sent,
			Settings: endpoint(`, "repeats": "ask"`), Provider: http.HandlerFunc(provider)},
	)
}

func TestBehaviourOf(t *testing.T) {
	for text, want := range map[string]behaviour{
		"email:ana@example.org": behaviourDelivered, "email:delivered@example.org": behaviourDelivered,
		"email:bounce@example.org": behaviourBounce, "email:BOUNCE+17@example.org": behaviourBounce,
		"email:bouncer@example.org": behaviourDelivered, "email:user0001@example.org": behaviourDelivered,
		"email:retry@example.org": behaviourRetry, "email:slow@example.org": behaviourSlow, "email:noread@example.org": behaviourNoRead,
		"phone:+15550100000": behaviourDelivered, "phone:+15550100001": behaviourBounce, "phone:+15550100002": behaviourRetry,
		"phone:+15550100003": behaviourSlow, "phone:+15550100004": behaviourNoRead, "phone:+15550100005": behaviourAck, "phone:+15550100006": behaviourReply, "chat:optout": behaviourOptOut,
		"phone:+15550100008": behaviourBlock, "phone:+15550100009": behaviourDelivered,
		"fax:+15550100001": behaviourBounce, "phone:12345": behaviourDelivered, "telegram:99910001": behaviourBounce,
		"chat:bounce": behaviourBounce, "chat:Slow": behaviourSlow, "chat:noread+anything": behaviourNoRead, "chat:user-0001": behaviourDelivered,
	} {
		address, err := parley.ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := behaviourOf(address); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestSendReportsWhatFollows(t *testing.T) {
	send := testDefinition(t).Connector.Send
	slow := parley.Channel{Platform: "email", Settings: json.RawMessage(`{"delay": 300}`)}
	for _, test := range []struct {
		ch      parley.Channel
		address string
		want    string
	}{
		{parley.Channel{}, "email:ana@example.org", "delivered 0s, read 0s"},
		{parley.Channel{}, "email:bounce@example.org", "failed 0s"},
		{parley.Channel{}, "email:noread@example.org", "delivered 0s"},
		{parley.Channel{}, "email:slow@example.org", "delivered 2s, read 4s"},
		{slow, "email:slow@example.org", "delivered 300ms, read 600ms"},
		{slow, "email:ana@example.org", "delivered 0s, read 0s"},
	} {
		receipt, err := send(t.Context(), test.ch, outgoing(1, test.address))
		if err != nil {
			t.Fatal(err)
		}
		var later []string
		for _, l := range receipt.Later {
			later = append(later, fmt.Sprintf("%s %v", l.Report.State, l.After))
		}
		if got := strings.Join(later, ", "); got != test.want {
			t.Errorf("%s: %s, want %s", test.address, got, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	def := testDefinition(t)
	for settings, field := range map[string]string{
		``: "", `{}`: "", `{"delay": 0, "repeats": "neither", "secret": "x"}`: "",
		`{"endpoint": "http://127.0.0.1:9/x", "repeats": "ask"}`: "",
		`{"endpoint": "http://10.0.0.1/"}`:                       "settings.endpoint",
		`{"endpoint": "nowhere"}`:                                "settings.endpoint",
		`{"repeats": "ask"}`:                                     "settings.repeats",
		`{"repeats": "sometimes"}`:                               "settings.repeats",
		`{"delay": -1}`:                                          "settings.delay",
		`{"delay": 3600001}`:                                     "settings.delay",
		`{"secret": "a\nb"}`:                                     "settings.secret",
		`{"platform": "sms"}`:                                    "settings.platform",
	} {
		err := def.Check(t.Context(), parley.Channel{Platform: "sms", Settings: json.RawMessage(settings)})
		if field == "" && err != nil || field != "" && (err == nil || parley.AsError(err).Fields[0].Field != field) {
			t.Errorf("%s: %v, want an error of %q", settings, err, field)
		}
	}
}

// endpointServer is a channel whose endpoint records what it gets.
func endpointServer(t *testing.T, answer string, got *[]string) parley.Channel {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = append(*got, r.Method+" "+r.Header.Get("Authorization")+" "+r.URL.RawQuery+" "+string(body))
		if r.URL.Query().Get("reference") == "lost" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	settings, _ := json.Marshal(map[string]string{"endpoint": server.URL + "/?a=1", "secret": "hush", "repeats": "ask"})
	return parley.Channel{ID: "cq0000000000000000c0", Platform: "email", Settings: settings}
}

func TestEndpointGetsTheMessage(t *testing.T) {
	var got []string
	ch := endpointServer(t, `{"ids": ["x", "y", "x", ""]}`, &got)
	out := outgoing(2, "email:ana@example.org")
	receipt, err := testDefinition(t).Connector.Send(t.Context(), ch, out)
	if err != nil {
		t.Fatal(err)
	}
	want := `POST Bearer hush a=1 {"reference":"cq0000000000000000a0-1","message":"cq0000000000000000a0","attempt":2,` +
		`"channel":"cq0000000000000000c0","platform":"email","priority":"normal",` +
		`"recipients":[{"delivery":1,"kind":"email","address":"ana@example.org"}],"text":"hello",` +
		`"parts":[{"kind":"text","text":"hello"},{"kind":"location","latitude":1,"longitude":2}],"attachments":[]}`
	if !slices.Equal(got, []string{want}) {
		t.Errorf("the endpoint got\n%s\nwant\n%s", got, want)
	}
	if ids := receipt.Results[0].ProviderIDs; !slices.Equal(ids, []string{"x", "y"}) || receipt.Trace.Status != 200 {
		t.Errorf("ids %q, trace %+v", ids, receipt.Trace)
	}
}

func TestEndpointGetsNoFailedAttempts(t *testing.T) {
	var got []string
	ch := endpointServer(t, `{"ids": ["x", "y"]}`, &got)
	def := testDefinition(t)
	if _, err := def.Connector.Send(t.Context(), ch, outgoing(1, "email:retry@example.org")); err == nil || len(got) != 0 {
		t.Errorf("the first attempt: %v, and the endpoint got %q", err, got)
	}
	receipt, err := def.Connector.Send(t.Context(), ch, outgoing(1, "email:a@example.org", "email:retry@example.org", "email:b@example.org"))
	if err != nil || len(receipt.Results) != 3 || len(got) != 1 || strings.Contains(got[0], "retry@") {
		t.Fatalf("%+v %v, and the endpoint got %q", receipt, err, got)
	}
	byDelivery := map[int]connector.Result{}
	for _, r := range receipt.Results {
		byDelivery[r.Delivery] = r
	}
	if byDelivery[1].ProviderIDs[0] != "x" || byDelivery[3].ProviderIDs[0] != "y" || byDelivery[2].Err == nil || !byDelivery[2].Err.Retry {
		t.Errorf("results %+v", receipt.Results)
	}
}

func TestAsk(t *testing.T) {
	var got []string
	ch := endpointServer(t, `not JSON`, &got)
	def := testDefinition(t)
	asker := def.Connector.(connector.Asker)
	out := outgoing(1, "email:ana@example.org")
	receipt, found, err := asker.Ask(t.Context(), ch, out)
	if err != nil || !found || receipt.Results[0].ProviderIDs[0] != "sandbox-cq0000000000000000a0-1-1" || len(receipt.Later) != 2 {
		t.Errorf("a known reference: %+v %v %v", receipt, found, err)
	}
	if want := "GET Bearer hush a=1&reference=cq0000000000000000a0-1 "; got[0] != want {
		t.Errorf("the endpoint got %q, want %q", got[0], want)
	}
	out.Reference = "lost"
	if _, found, err := asker.Ask(t.Context(), ch, out); found || err != nil {
		t.Errorf("an unknown reference: %v %v", found, err)
	}
	ch.Settings = json.RawMessage(`{"endpoint": "http://127.0.0.1:1/", "repeats": "ask"}`)
	_, found, err = asker.Ask(t.Context(), ch, out)
	if refusal, ok := errors.AsType[*connector.Error](err); found || !ok || !refusal.Retry {
		t.Errorf("nobody to ask: %v %v", found, err)
	}
	if got := def.Connector.(connector.Repeater).Repeats(parley.Channel{}); got != connector.RepeatDeduplicated {
		t.Errorf("Repeats without settings: %q", got)
	}
}

func TestSendWithoutEndpointIsCheap(t *testing.T) {
	def, out := testDefinition(t), outgoing(1, "phone:+15550100000")
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := def.Connector.Send(t.Context(), parley.Channel{Settings: json.RawMessage("{}")}, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 8 {
		t.Errorf("a send allocates %v times", allocations)
	}
}

func BenchmarkSend(b *testing.B) {
	def, out := testDefinition(b), outgoing(1, "phone:+15550100000")
	start := time.Now()
	for b.Loop() {
		if _, err := def.Connector.Send(b.Context(), parley.Channel{Settings: json.RawMessage(`{"delay": 100}`)}, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "messages/s")
}
