package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

var shortLink = regexp.MustCompile(`http://[^/ ]+/l/[A-Za-z0-9_-]{12}`)

// follow asks for a link, and says where it leads: a status, and an address.
func follow(t *testing.T, method, url string, header ...string) string {
	t.Helper()
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, url, nil))
	request.Header.Set("User-Agent", "Mozilla/5.0")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := must[*http.Response](t)(http.DefaultTransport.RoundTrip(request))
	_ = answer.Body.Close()
	return fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Location"))
}

// clicked are the clicks on the links of a message: whose, where, how often.
func clicked(t *testing.T, c *api.Client, message string) (all []string) {
	t.Helper()
	for _, i := range must[*api.List[api.Interaction]](t)(c.ListInteractions(t.Context(), message, api.Page{})).Data {
		if i.Kind == api.InteractionClicked {
			all = append(all, fmt.Sprint(i.Address, " ", i.URL, " ", i.Times))
		}
	}
	return all
}

// Addresses go out as short links, which lead where the message said and nowhere else, count clicks, and end with the content.
func TestShortLinks(t *testing.T) {
	a, admin := alone(t)
	r := rehearse(t, a, admin)
	ctx := t.Context()
	handed := func(m *api.Message) string {
		t.Helper()
		var text string
		eventually(t, "it is handed out", func() bool {
			page := must[*api.List[api.SandboxMessage]](t)(r.ListSandboxMessages(ctx, api.SandboxFilter{Message: m.ID}))
			if len(page.Data) > 0 {
				text = page.Data[0].Text
			}
			return len(page.Data) > 0
		})
		return text
	}
	const text = "See https://clinic.example/visit?id=7&x=y. Or (https://clinic.example/map)!"
	say := func(mode api.LinkMode, ttl int64) *api.Message {
		return r.say("phone:+15550100", func(s *api.SendRequest) { s.Body, s.Links, s.TTL = api.Text(text), mode, ttl })
	}
	if got := handed(say("", 0)); got != text {
		t.Errorf("by default %q goes out", got)
	}
	sent := say(api.LinksShort, 600)
	got := handed(sent)
	links := shortLink.FindAllString(got, -1)
	if len(links) != 2 || got != "See "+links[0]+". Or ("+links[1]+")!" || !strings.HasPrefix(links[0], a.URL()+"/l/") || links[0] == links[1] {
		t.Fatalf("%q goes out", got)
	}
	if sent.Text != text || sent.Links != api.LinksShort {
		t.Errorf("the message is %+v", sent)
	}
	const visit, place = "302 https://clinic.example/visit?id=7&x=y", "302 https://clinic.example/map"
	for _, c := range []struct {
		want, method, url string
		header            []string
	}{
		{visit, "GET", links[0], nil}, {visit, "GET", links[0] + "?url=https://evil.example", nil}, {place, "GET", links[1], nil},
		{place, "HEAD", links[1], nil}, {place, "GET", links[1], []string{"Sec-Purpose", "prefetch;prerender"}}, {place, "GET", links[1], []string{"User-Agent", "Slackbot-LinkExpanding 1.0"}},
		{"404 ", "GET", links[0][:len(links[0])-1] + "!", nil}, {"404 ", "GET", a.URL() + "/l/AAAAAAAAAAAA", nil}, {"404 ", "GET", a.URL() + "/l/%00", nil}, {"404 ", "GET", a.URL() + "/l/", nil},
	} {
		if got := follow(t, c.method, c.url, c.header...); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.url, got, c.want)
		}
	}
	if got := fmt.Sprint(clicked(t, r.Client, sent.ID)); got != "[phone:+15550100 https://clinic.example/visit?id=7&x=y 2 phone:+15550100 https://clinic.example/map 1]" {
		t.Errorf("clicked: %s", got)
	}
	if got := follow(t, "POST", links[0]); !strings.HasPrefix(got, "40") {
		t.Errorf("POST: %s", got)
	}
	r.advance(601 * time.Second)
	if got := follow(t, "GET", links[0]); got != "404 " {
		t.Errorf("when its content has gone, it leads to %s", got)
	}

	// A channel says so for all of its messages, but for those that say otherwise.
	must[*api.Channel](t)(r.PatchChannel(ctx, r.sms, api.ChannelPatch{Settings: []byte(`{"shortLinks":true}`)}))
	if got := shortLink.FindAllString(handed(say("", 0)), -1); len(got) != 2 {
		t.Errorf("by the channel, %q", got)
	}
	if got := handed(say(api.LinksPlain, 0)); got != text {
		t.Errorf("against the channel, %q", got)
	}
	action := r.say("phone:+15550100", func(s *api.SendRequest) {
		s.Body = api.Body{{Kind: api.PartText, Text: "Come", Actions: []api.Action{{Kind: api.ActionLink, Text: "Map", URL: "https://clinic.example/map"}}}}
		s.SendAt = api.NewTime(r.start.Add(time.Hour))
	})
	r.advance(time.Hour)
	link := shortLink.FindString(handed(action))
	if got := follow(t, "GET", link); got != place {
		t.Errorf("of an action of a scheduled message: %q: %s", link, got)
	}
	must[*api.Message](t)(r.RecallMessage(ctx, action.ID))
	if got := follow(t, "GET", link); got != "404 " {
		t.Errorf("recalled, it leads to %s", got)
	}
}
