package bird_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

//go:generate go test -run ^TestBodiesOfPlatforms$ -update

var update = flag.Bool("update", false, "write the tables of docs/bird.md anew")

// bodies is one of each type that the contract has. FILE stands for a file on the web.
var bodies = map[string]string{
	"text":           `{"type":"text","text":{"text":"x"}}`,
	"html":           `{"type":"html","html":{"html":"<b>x</b>","text":"x"}}`,
	"image":          `{"type":"image","image":{"text":"look","images":[{"mediaUrl":"FILE","altText":"a cat"}]}}`,
	"file":           `{"type":"file","file":{"files":[{"mediaUrl":"FILE","contentType":"image/png","filename":"a.png","metadata":{"isAnimated":false}}]}}`,
	"gif":            `{"type":"gif","gif":{"mediaUrl":"FILE","altText":"a dance"}}`,
	"location":       `{"type":"location","location":{"coordinates":{"latitude":52.5,"longitude":13.4},"location":{"label":"Clinic","address":"Main St 1"}}}`,
	"carousel":       `{"type":"carousel","carousel":{"text":"Choose","items":[{"title":"One","mediaUrl":"FILE","description":"first","actions":[{"type":"link","link":{"text":"Open","url":"https://example.org"}}]}]}}`,
	"list":           `{"type":"list","list":{"text":"Choose","title":"Times","items":[{"title":"Monday","actions":[{"type":"reply","reply":{"text":"9:00"}},{"type":"postback","postback":{"text":"10:00","payload":"ten","metadata":{"description":{"label":"free"}}}}]}],"metadata":{"button":{"label":"Times"},"replyMessage":{"title":"t","text":"x"}}}}`,
	"section":        `{"type":"section","section":{"items":[{"type":"text","text":{"text":"a"}},{"type":"section","section":{"items":[{"type":"text","text":{"text":"b"}}]}}],"configurations":{"k":"v"}}}`,
	"authentication": `{"type":"authentication","authentication":{"otp":{"disclaimer":true,"expirationTime":5,"actions":[{"type":"postback","postback":{"text":"Copy","payload":"123456"}}]}}}`,
	"action":         `{"type":"action","permission_request":{"resource":"call"}}`,
}

// addresses are some of each kind.
var addresses = map[string]string{"email": "a@example.org", "phone": "+15550100", "fax": "+15550100"}

// TestBodiesOfPlatforms sends each type of body on each platform of the catalog, and wants docs/bird.md to say what comes of it.
func TestBodiesOfPlatforms(t *testing.T) {
	w := newWorld(t)
	if contract := w.contracts.messages; contract != nil {
		types, _ := contract.Find("components", "schemas", "BodyTypes", "enum").([]any)
		for _, name := range types {
			if name != "template" && bodies[name.(string)] == "" { // templates stand beside bodies
				t.Errorf("the contract has the type %s too", name)
			}
		}
	}
	var text strings.Builder
	for _, connector := range must[*api.List[api.Connector]](t)(w.admin.ListConnectors(t.Context(), api.Page{})).Data {
		fmt.Fprintf(&text, "\n| body on channels of `%s` |", connector.Name)
		for _, p := range connector.Platforms {
			fmt.Fprintf(&text, " %s |", p.Name)
		}
		text.WriteString("\n| --- |" + strings.Repeat(" --- |", len(connector.Platforms)) + "\n")
		for _, kind := range slices.Sorted(maps.Keys(bodies)) {
			fmt.Fprintf(&text, "| `%s` |", kind)
			for _, p := range connector.Platforms {
				fmt.Fprintf(&text, " %s |", w.carries(t, connector.Name, &p, kind))
			}
			text.WriteString("\n")
		}
	}
	document(t, "bodies", text.String())
}

// carries sends a body, and says how it went.
func (w *world) carries(t *testing.T, connector string, p *api.Platform, kind string) string {
	t.Helper()
	key := connector + "/" + p.Name
	if w.channels[key] == "" {
		w.channels[key] = uuid(must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: key, Connector: connector, Platform: p.Name})).ID)
	}
	address := addresses[p.AddressKind]
	if address == "" {
		address = "ana"
	}
	body := strings.ReplaceAll(bodies[kind], "FILE", w.web+"/a.png")
	a := w.ask("POST", w.messagesOf(key), request(to(`{"identifierValue":"`+address+`"}`)+`,"body":`+body))
	switch {
	case a.status == http.StatusUnprocessableEntity && a.at("details", "body") != nil:
		return "422"
	case a.status != http.StatusAccepted:
		t.Errorf("%s on %s: %d %s", kind, key, a.status, a.raw)
		return ""
	}
	var want any
	_ = json.Unmarshal([]byte(body), &want)
	a.same(t, want, "body")
	native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(a.text("id"))))
	if degraded := a.text("details") == "sent_as_text"; degraded != (len(native.AsText) > 0) || degraded != (a.text("reason") != "") {
		t.Errorf("%s on %s: %s, natively %v %q", kind, key, a.raw, native.AsText, native.Text)
	}
	if len(native.AsText) > 0 {
		return "as text"
	}
	return "as it is"
}

// document compares a table of docs/bird.md, between comments of its name, with what it should be.
func document(t *testing.T, name, want string) {
	t.Helper()
	const file = "../../../docs/bird.md"
	content := string(must[[]byte](t)(os.ReadFile(file)))
	begin, end := "<!-- "+name+": made by a test -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(content, begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %q", file, begin)
	}
	if want += "\n"; have != want && *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if have != want {
		t.Errorf("%s says\n%s\nbut it is\n%s\n(make generate)", file, have, want)
	}
}

func TestCallBodyTypes(t *testing.T) {
	w := newWorld(t)
	doortest.Says(t, "body", "Every type of the contract is taken on a platform that carries it, and shown as it was given; permission_request is another name of action.", func(t *testing.T) {
		for kind, body := range bodies {
			body = strings.ReplaceAll(body, "FILE", w.web+"/a.png")
			var want any
			_ = json.Unmarshal([]byte(body), &want)
			w.send("chat", request(to(`{"identifierValue":"ana"}`)+`,"body":`+body)).same(t, want, "body")
			if kind == "action" {
				w.send("chat", request(to(`{"identifierValue":"ana"}`)+`,"body":`+strings.Replace(body, `"action"`, `"permission_request"`, 1)))
			}
		}
	})
	doortest.Says(t, "body", "What a platform neither carries nor shows as text is refused (422), and nothing is stored.", func(t *testing.T) {
		w.refused(t, w.messagesOf("fax"), request(to(`{"identifierValue":"+15550100"}`)+`,"body":`+bodies["authentication"]), 422, "body")
	})
}
