package doors

import (
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
)

// throughDoors are messages that other doors make.
func throughDoors() (all []kind) {
	all = append(all, throughTigerConnect()...)
	all = append(all, throughSpruce()...)
	all = append(all, throughKustomer()...)
	return append(all, throughBird()...)
}

func throughTigerConnect() (all []kind) {
	post := func(w *world, fields string) string {
		return w.send(tigerconnect, "/v2/message?response_format=message", fmt.Sprintf(`{"body":"Message %d",%s}`, w.number(), fields)).text("reply", "message_id")
	}
	to := func(name string) func(w *world) string {
		return func(w *world) string { return post(w, fmt.Sprintf(`"recipient":%q`, w.ids[name])) }
	}
	return []kind{
		{"TigerConnect: to a user", members, to("Bo")}, {"TigerConnect: to a role", members, to("role")}, {"TigerConnect: to a list", members, to("list")}, {"TigerConnect: to a team", teams, to("team")},
		{"TigerConnect: to several", members, func(w *world) string {
			return post(w, fmt.Sprintf(`"recipient":[%q,%q],"group_name":"Ward 8"`, w.ids["Bo"], w.ids["Cy"]))
		}},
		{"TigerConnect: with options", members, func(w *world) string {
			return post(w, fmt.Sprintf(`"recipient":%q,"ttl":60,"dor":true,"priority":1,"metadata":{"ward":"7"}`, w.ids["Bo"]))
		}},
		{"TigerConnect: recalled", members, func(w *world) string {
			id := to("Bo")(w)
			if a := w.ask(tigerconnect, "DELETE", "/v2/message/"+id, ""); a.status != 200 {
				w.Fatalf("%s", a.raw)
			}
			return id
		}},
	}
}

func throughSpruce() (all []kind) {
	post := func(w *world, conversation, fields string) string {
		a := w.send(spruce, "/v1/conversations/t_"+conversation+"/messages", fmt.Sprintf(`{"body":[{"type":"text","value":"Message %d"}]%s}`, w.number(), fields))
		return strings.TrimPrefix(a.text("requestId"), "asyncRequest_")
	}
	of := func(w *world, id string) string {
		return must[*api.Message](w)(w.admin.GetMessage(w.Context(), id)).ConversationID
	}
	for _, platform := range []string{"sms", "email", "fax", "secure"} {
		all = append(all, kind{"Spruce: out on " + platform, outside, func(w *world) string {
			return post(w, w.comesIn(platform, api.SandboxInbound{}).ConversationID, "")
		}})
	}
	return append(all,
		kind{"Spruce: internal, with a page", notes, func(w *world) string {
			in := w.comesIn("sms", api.SandboxInbound{})
			a := w.send(spruce, "/v1/conversations/t_"+in.ConversationID+"/messages", fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"See "},{"type":"page","value":"entity_%s"}]}`, w.ids["Bo"]))
			return strings.TrimPrefix(a.text("requestId"), "asyncRequest_")
		}},
		kind{"Spruce: in a team", teams, func(w *world) string {
			return post(w, of(w, w.sent(w.ana, api.SendRequest{To: api.Recipient{Team: w.ids["team"]}})), `,"internal":true`)
		}},
		kind{"Spruce: in a note", notes, func(w *world) string {
			c := must[*api.Conversation](w)(w.admin.CreateConversation(w.Context(), api.ConversationRequest{Kind: "note", Title: "Note", Visibility: "organization"}))
			return post(w, c.ID, `,"internal":true`)
		}},
		kind{"Spruce: by an endpoint, later", []string{bird}, func(w *world) string {
			a := w.send(spruce, "/v1/internalendpoints/endpoint_"+w.channels["sms"]+"/conversations", fmt.Sprintf(`{"destination":{"smsOrEmailEndpoint":"+12065550142"},"message":{"body":[{"type":"text","value":"Later"}]},"sendAt":%q}`,
				w.now().Add(300*24*time.Hour).UTC().Format(time.RFC3339)))
			return strings.TrimPrefix(a.text("requestId"), "asyncRequest_")
		}})
}

func throughKustomer() []kind {
	record := func(platform, fields string) func(w *world) string {
		return func(w *world) string {
			in := w.comesIn(platform, api.SandboxInbound{})
			return fromHex(w.send(kustomer, "/v1/conversations/"+hex(in.ConversationID)+"/messages", fmt.Sprintf(`{"preview":"Message %d",%s}`, w.number(), fields)).text("data", "id"))
		}
	}
	return []kind{
		{"Kustomer: in", outside, record("sms", `"app":"acme","channel":"sms","direction":"in"`)}, {"Kustomer: out", outside, record("sms", `"app":"acme","channel":"sms","direction":"out"`)},
		{"Kustomer: by e-mail", outside, record("email", `"app":"acme","channel":"email","direction":"out","subject":"Your parcel"`)},
		{"Kustomer: in error", outside, record("chat", `"app":"acme","channel":"chat","direction":"out","status":"error","errorAt":"2026-01-01T00:00:00.000Z"`)},
		{"Kustomer: long ago", outside, record("sms", `"app":"acme","channel":"sms","direction":"in","sentAt":"2020-01-01T00:00:00.000Z"`)},
		{"Kustomer: secure", outside, record("secure", `"app":"acme","channel":"chat","direction":"in"`)},
	}
}

func throughBird() (all []kind) {
	post := func(w *world, platform, fields string) string {
		if !strings.Contains(fields, `"receiver"`) {
			fields += fmt.Sprintf(`,"receiver":{"contacts":[{"identifierValue":%q}]}`, value(w.someone(platform)))
		}
		return fromUUID(w.send(bird, "/workspaces/"+uuid(w.ids["organization"])+"/channels/"+uuid(w.channels[platform])+"/messages", "{"+strings.TrimPrefix(fields, ",")+"}").text("id"))
	}
	for _, p := range platforms {
		all = append(all, kind{"Bird: out on " + p.name, outside, func(w *world) string {
			return post(w, p.name, fmt.Sprintf(`"body":{"type":"text","text":{"text":"Message %d"}}`, w.number()))
		}})
	}
	for name, body := range map[string]string{
		"HTML":     `{"type":"html","html":{"html":"<p>Dear <b>Robin</b></p>","text":"Dear Robin","metadata":{"subject":"Invoice"}}}`,
		"location": `{"type":"location","location":{"coordinates":{"latitude":52.5,"longitude":13.4},"location":{"label":"Clinic"}}}`,
		"list":     `{"type":"list","list":{"text":"When?","items":[{"title":"Today","actions":[{"type":"reply","reply":{"text":"Now"}}]}]}}`,
		"section":  `{"type":"section","section":{"items":[{"type":"text","text":{"text":"One"}},{"type":"text","text":{"text":"Two"}}]}}`,
		"code":     `{"type":"authentication","authentication":{"otp":{"disclaimer":true,"expirationTime":5,"actions":[{"type":"postback","postback":{"text":"Copy","payload":"123456"}}]}}}`,
		"carousel": `{"type":"carousel","carousel":{"text":"Choose","items":[{"title":"One","description":"first","actions":[{"type":"link","link":{"text":"Open","url":"https://example.org"}}]}]}}`,
	} {
		all = append(all, kind{"Bird: " + name, outside, func(w *world) string { return post(w, "email", `"body":`+body) }})
	}
	return append(all,
		kind{"Bird: with a file", outside, func(w *world) string {
			return post(w, "email", `"body":{"type":"html","html":{"text":"With a file","attachments":[{"filename":"a.txt","contentType":"text/plain","content":"aGVsbG8="}]}}`)
		}},
		kind{"Bird: a template", outside, func(w *world) string {
			return post(w, "sms", `"template":{"name":"hello","locale":"en","variables":{"name":"Robin"}}`)
		}},
		kind{"Bird: to several", outside, func(w *world) string {
			return post(w, "email", fmt.Sprintf(`"body":{"type":"text","text":{"text":"To all"}},"receiver":{"contacts":[{"identifierValue":%q},{"identifierValue":%q,"type":"cc"}]}`, value(w.someone("email")), value(w.someone("email"))))
		}},
		kind{"Bird: scheduled", []string{bird}, func(w *world) string {
			return post(w, "sms", fmt.Sprintf(`"body":{"type":"text","text":{"text":"Later"}},"scheduledFor":%q`, w.now().Add(30*24*time.Hour).UTC().Format(time.RFC3339)))
		}})
}
