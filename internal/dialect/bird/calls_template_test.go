package bird_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// greeting makes a template of two versions in two languages, of which the second is not published.
func (w *world) greeting(t *testing.T) string {
	t.Helper()
	text := func(en, de string) api.TemplateText {
		return api.TemplateText{DefaultLocale: "en", Locales: []api.TemplateLocale{{Locale: "en", Body: api.Text(en)}, {Locale: "de", Body: api.Text(de)}},
			Variables: []api.TemplateVariable{{Name: "name", Type: "text", Required: true}, {Name: "count", Type: "text", Default: "no"}}}
	}
	made := must[*api.Template](t)(w.admin.CreateTemplate(t.Context(), api.TemplateRequest{Name: "greeting", TemplateText: text("Hello {{name}}, {{count}} parcels", "Hallo {{name}}, {{count}} Pakete")}))
	must[*api.Template](t)(w.admin.PublishTemplate(t.Context(), made.ID, api.TemplateChoice{}))
	must[*api.TemplateVersion](t)(w.admin.DraftTemplate(t.Context(), made.ID, text("Good day {{name}}, {{count}}", "Guten Tag {{name}}, {{count}}")))
	must[*api.Template](t)(w.admin.PublishTemplate(t.Context(), made.ID, api.TemplateChoice{}))
	return uuid(made.ID)
}

func TestCallTemplate(t *testing.T) {
	w := newWorld(t)
	sms, id := w.messagesOf("sms"), w.greeting(t)
	// goes sends a template and wants it to say something.
	goes := func(t *testing.T, template, want string) answer {
		t.Helper()
		sent := w.send("sms", request(`"template":`+template))
		if native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id")))); native.Text != want {
			t.Errorf("%s says %q, want %q", template, native.Text, want)
		}
		return sent
	}
	doortest.Says(t, "template", "A template is named by projectId, with version latest and a locale, or by its name; it is shown as it was given, and there is no body.", func(t *testing.T) {
		sent := goes(t, `{"projectId":"`+id+`","version":"latest","locale":"en","variables":{"name":"Robin"}}`, "Good day Robin, no")
		sent.same(t, id, "template", "projectId")
		sent.same(t, "Robin", "template", "variables", "name")
		sent.same(t, nil, "body")
		w.get("sms", sent.text("id")).same(t, sent.at("template"), "template")
		goes(t, `{"name":"greeting","variables":{"name":"Robin"}}`, "Good day Robin, no")
	})
	doortest.Says(t, "template", "An older version by its number, in the locale that fits best.", func(t *testing.T) {
		goes(t, `{"projectId":"`+id+`","version":"1","locale":"de-CH","variables":{"name":"Robin"}}`, "Hallo Robin, no Pakete")
		goes(t, `{"projectId":"`+id+`","version":"1","locale":"fr","variables":{"name":"Robin"}}`, "Hello Robin, no parcels")
	})
	doortest.Says(t, "template", "Parameters that are a string, a number or a boolean are variables too.", func(t *testing.T) {
		goes(t, `{"projectId":"`+id+`","version":"1","locale":"en","parameters":[{"type":"string","key":"name","value":"Robin"},{"type":"number","key":"count","value":7}]}`, "Hello Robin, 7 parcels")
	})
	doortest.Says(t, "template", "A file that was uploaded here first goes with it.", func(t *testing.T) {
		f := w.presign(forAll, "text/plain")
		if status, text := w.fill(f, "hello"); status != http.StatusNoContent {
			t.Fatalf("%d %s", status, text)
		}
		sent := w.send("email", request(to(`{"identifierValue":"a@example.org"}`)+`,"template":{"name":"greeting","variables":{"name":"Robin"},"attachments":[{"mediaUrl":"`+f.media+`","filename":"a.txt"}]}`))
		if native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id")))); len(native.Attachments) != 1 {
			t.Errorf("natively it has %+v", native.Attachments)
		}
	})
	doortest.Says(t, "template", "An unknown template or version, a variable that is missing, parameters of other types, and files elsewhere, are refused (422) by their field.", func(t *testing.T) {
		for template, field := range map[string]string{
			`{"projectId":"` + w.workspace + `","version":"latest","locale":"en"}`: "template.projectId",
			`{"projectId":"x"}`: "template.projectId",
			`{"locale":"en"}`:   "template.projectId",
			`{"projectId":"` + id + `","version":"9","variables":{"name":"x"}}`:                                                               "template.version",
			`{"projectId":"` + id + `","version":"new","variables":{"name":"x"}}`:                                                             "template.version",
			`{"projectId":"` + id + `","version":"latest"}`:                                                                                   "template.variables.name",
			`{"name":"greeting","parameters":[{"type":"object","key":"name","value":{}}]}`:                                                    "template.parameters[0].type",
			`{"name":"greeting","parameters":[{"type":"string","key":"name","value":7}]}`:                                                     "template.parameters[0].value",
			`{"name":"greeting","variables":{"name":"x"},"attachments":[{"mediaUrl":"` + w.web + `/a","filename":"a"}]}`:                      "template.attachments[0].mediaUrl",
			`{"name":"greeting","variables":{"name":"x"},"body":1}`:                                                                           "template.body",
			`{"name":"greeting","variables":{"name":"x"},"utmParameters":[{"key":"a","value":"b","reference":"channel_name"},{"value":"x"}]}`: "template.utmParameters[1].key",
		} {
			w.refused(t, sms, request(`"template":`+template), 422, field)
		}
	})
}

func TestCallErrors(t *testing.T) {
	w := newWorld(t)
	sms := w.messagesOf("sms")
	doortest.Says(t, doortest.Errors, "A field that the message does not have, and one of another type, are refused (422) in details, by their paths, and nothing is stored.", func(t *testing.T) {
		w.refused(t, sms, request(`"bodies":1`), 422, "bodies")
		w.refused(t, sms, request(`"reference":7`), 422, "reference")
		w.refused(t, sms, `[]`, 422, "body")
	})
	doortest.Says(t, doortest.Errors, "A field that is there twice is refused (422), and nothing is stored.", func(t *testing.T) {
		contacts := func(one string) string { return `"receiver":{"contacts":[` + one + `]}` }
		body := `{` + contacts(`{"platformAddress":"+15550198"}`) + `,` + contacts(`{"identifierValue":"+15550199"}`) + `,"body":{"type":"text","text":{"text":"x"}}}`
		w.refused(t, w.messagesOf("sms"), body, 422, "receiver")
	})
	doortest.Says(t, doortest.Errors, "What is no JSON, or more than one value, is 400.", func(t *testing.T) {
		for _, body := range []string{``, `{"receiver"`, request("") + request(""), "\xff", `{"reference":"` + "\x00" + `"}`} {
			w.refused(t, sms, body, 400, "")
		}
	})
	doortest.Says(t, doortest.Errors, "A body over the size that the server takes is 413.", func(t *testing.T) {
		w.refused(t, sms, request(`"meta":{"extraInformation":{"x":"`+strings.Repeat("x", 2<<20)+`"}}`), 413, "")
	})
	doortest.Says(t, doortest.Errors, "Without a key, or with one that is none, every path is 401.", func(t *testing.T) {
		for _, credential := range []string{"", "AccessKey nonsense", "AccessKey " + w.token + "x", "Basic x"} {
			for _, path := range []string{sms, "/channels", "!/workspaces"} {
				if a := w.ask("GET", path, "", "Authorization", credential); a.status != 401 || a.text("code") != "Unauthorized" {
					t.Errorf("%s of %q: %d %s", path, credential, a.status, a.raw)
				}
			}
		}
	})
	doortest.Says(t, doortest.Errors, "A key without the scope for sending is refused (403), and nothing is stored.", func(t *testing.T) {
		before := w.messages()
		if a := w.key(nil, "messages:read")("POST", sms, request("")); a.status != 403 || a.text("code") != "Forbidden" || w.messages() != before {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
	doortest.Says(t, doortest.Errors, "A path of the vendor's that is not here yet is 501, any other 404.", func(t *testing.T) {
		w.refused(t, "/channels/"+w.channels["sms"]+"/batch/messages", `{}`, 501, "")
		w.refused(t, "/nothing", `{}`, 404, "")
		if a := w.ask("DELETE", sms, ""); a.status != 404 && a.status != 405 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}
