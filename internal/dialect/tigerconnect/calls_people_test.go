package tigerconnect_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

func TestCallSender(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	role := must[*api.Role](t)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", Members: []string{w.ana.id, w.bo.id}}))
	w.bo.comeOnDuty(role.ID)
	var back map[string]any
	w.Says(t, "senderId", "It is the user, or a role that the user is on duty for: then the role is shown as the sender, and data names it under tigertext:message:role:sender.", func(t *testing.T) {
		back = w.bo.send(fields{"recipient": w.ana.id, "body": "coming", "sender_token": role.ID})
		shows(t, "as the role", back, fields{"sender_token": role.ID, "sender_display_name": "Charge nurse", "recipient_token": w.ana.id,
			"data": []fields{{"namespace": "tigertext:message:role:sender", "mimetype": "application/json", "payload": `{"display_name":"Charge nurse","token":"` + role.ID + `"}`}}})
		shows(t, "for its recipient", w.ana.call("GET", "/v2/message/"+back["message_id"].(string), nil).ok(), fields{"sender_token": role.ID, "data": back["data"]})
		shows(t, "as oneself", w.bo.send(fields{"recipient": w.ana.id, "body": "me", "sender_token": w.bo.id}), fields{"sender_token": w.bo.id, "data": []int{}})
	})
	w.Says(t, "senderId", "What is sent as a role is in the conversation that the recipient has with the role.", func(t *testing.T) {
		shows(t, "to the role", w.ana.send(fields{"recipient": role.ID, "body": "thanks"}), fields{"conversation_id": back["conversation_id"], "sort_number": 2})
	})
	w.Says(t, "senderId", "Who went off duty between writing and sending, a role of somebody else, another user and what is nobody are 403.", func(t *testing.T) {
		must[*api.Role](t)(w.bo.GoOffDuty(ctx, role.ID, api.DutyOut{}))
		w.bo.call("POST", "/v2/message", fields{"recipient": w.ana.id, "body": "x", "sender_token": role.ID}).refused("off duty", 403, "permission-denied", "not-on-duty", "sender_token")
		w.cy.call("POST", "/v2/message", fields{"recipient": w.ana.id, "body": "x", "sender_token": role.ID}).refused("never was", 403, "permission-denied", "", "sender_token")
		for _, other := range []string{w.cy.id, "0123456789abcdefghij"} {
			w.bo.call("POST", "/v2/message", fields{"recipient": w.ana.id, "body": "x", "sender_token": other}).refused(other, 403, "permission-denied", "role-unknown", "sender_token")
		}
	})
	w.Says(t, "senderId", "To a role or a list nobody writes as a role: 400.", func(t *testing.T) {
		list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Everybody"}))
		for _, to := range []string{role.ID, list.ID} {
			a := w.bo.call("POST", "/v2/message", fields{"recipient": to, "body": "x", "sender_token": role.ID})
			a.refused("as a role", 400, "invalid-argument", "not-allowed", "sender_token")
			if strings.Contains(a.body.Error.Message, "to.role") {
				t.Errorf("the error has words of another API: %s", a.text)
			}
		}
	})
	if n := w.ana.held(); n != 3 {
		t.Errorf("%d messages are stored", n)
	}
}

func TestCallEscalate(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	role := must[*api.Role](t)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", Members: []string{w.bo.id}}))
	w.bo.comeOnDuty(role.ID)
	escalations := func() int {
		w.t.Helper()
		return len(must[*api.List[api.Escalation]](w.t)(w.admin.ListEscalations(ctx, api.EscalationFilter{})).Data)
	}
	w.Says(t, "escalate", "Without a policy, and to a plain user, it is refused with 400 rather than dropped.", func(t *testing.T) {
		for _, to := range []string{w.bo.id, role.ID} {
			w.ana.call("POST", "/v2/message", fields{"recipient": to, "body": "x", "escalate": true}).refused(to, 400, "invalid-argument", "", "escalate")
		}
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "escalate": "maybe"}).refused("no truth value", 400, "invalid-argument", "type-invalid", "escalate")
	})
	policy := must[*api.EscalationPolicy](t)(w.admin.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "P", Role: role.ID, After: 60,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: w.cy.id}}, After: 60}}}))
	w.Says(t, "escalate", "To a role with a policy the message escalates by it; priority 2 says the same, and is high.", func(t *testing.T) {
		w.ana.send(fields{"recipient": role.ID, "body": "calm"})
		if n := escalations(); n != 0 {
			t.Errorf("%d escalations of a message that does not say so", n)
		}
		shows(t, "escalate", w.ana.send(fields{"recipient": role.ID, "body": "now", "escalate": true}), fields{"priority": 0, "recipient_token": role.ID})
		shows(t, "priority 2", w.ana.send(fields{"recipient": role.ID, "body": "now", "priority": 2}), fields{"priority": 1})
		if n := escalations(); n != 2 {
			t.Errorf("%d escalations", n)
		}
	})
	w.Says(t, "escalate", "Where the policy says that every message escalates, false does not keep one from it.", func(t *testing.T) {
		always := true
		must[*api.EscalationPolicy](t)(w.admin.PatchEscalationPolicy(ctx, policy.ID, api.EscalationPolicyPatch{Always: &always}))
		w.ana.send(fields{"recipient": role.ID, "body": "calm", "escalate": false})
		if n := escalations(); n != 3 {
			t.Errorf("%d escalations", n)
		}
	})
}

func TestCallGroups(t *testing.T) {
	w := newWorld(t)
	group := fields{"group_name": "Night shift", "description": "Until six", "group_metadata": fields{"ward": "4"}}
	with := func(more fields) fields {
		f := fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "all"}
		for name, value := range more {
			f[name] = value
		}
		return f
	}
	w.Says(t, "groupName", "Where a send to several users makes a group it is the group's name, with its description and metadata; every such send makes a new group.", func(t *testing.T) {
		first, second := w.ana.send(with(group)), w.ana.send(with(group))
		shows(t, "the group", w.bo.call("GET", "/v2/group/"+first["recipient_token"].(string), nil).ok(), fields{"name": "Night shift", "description": "Until six",
			"metadata": fields{"ward": "4"}, "num_members": 3, "is_public": false})
		if first["recipient_token"] == second["recipient_token"] || len(first["statuses"].([]any)) != 2 {
			t.Errorf("sent %v and %v", first, second)
		}
	})
	ignored := fields{"recipient": w.bo.id, "body": "x", "group_name": "No", "description": strings.Repeat("x", 400), "group_metadata": 5}
	w.Says(t, "groupName", "To one user it is ignored: no group is made.", func(t *testing.T) {
		shows(t, "sent", w.ana.send(ignored), fields{"recipient_token": w.bo.id, "sort_number": 1})
	})
	w.Says(t, "description", "At most 300 characters of a group that is made; ignored otherwise.", func(t *testing.T) {
		long := strings.Repeat("ü", 301)
		w.ana.call("POST", "/v2/message", with(fields{"description": long})).refused("too long", 400, "invalid-argument", "too-long", "description")
		w.ana.send(with(fields{"description": strings.Repeat("ü", 300)}))
		shows(t, "to one", w.ana.send(fields{"recipient": w.bo.id, "body": "x", "description": long}), fields{"sort_number": 2})
	})
	w.Says(t, "groupMetadata", "An object of texts of a group that is made, anything else is refused; ignored otherwise.", func(t *testing.T) {
		for _, wrong := range []any{fields{"a": 1}, "x", []string{"a"}} {
			w.ana.call("POST", "/v2/message", with(fields{"group_metadata": wrong})).refused("no texts", 400, "invalid-argument", "type-invalid", "group_metadata")
		}
		shows(t, "to one", w.ana.send(fields{"recipient": w.bo.id, "body": "x", "group_metadata": fields{"a": 1}}), fields{"sort_number": 3})
	})
	w.Says(t, "avatarFile", "An image of a group that is made, as the file avatar of the form; ignored otherwise.", func(t *testing.T) {
		avatar := part{"avatar", "g.png", "image/png", image.content}
		g := w.ana.call("POST", "/v2/message?response_format=message", formOf(t, part{field: "recipient", content: w.bo.id + "," + w.cy.id}, part{field: "body", content: "hi"}, avatar)).ok()
		if set := w.bo.call("GET", "/v2/group/"+g["recipient_token"].(string), nil).ok()["avatar"]; set == nil || set == "" {
			t.Error("the group has no picture")
		}
		m := w.ana.call("POST", "/v2/message?response_format=message", formOf(t, part{field: "recipient", content: w.bo.id}, part{field: "body", content: "hi"}, avatar)).ok()
		shows(t, "to one", m, fields{"sort_number": 4, "attachments": []int{}})
		w.ana.call("POST", "/v2/message", formOf(t, part{field: "recipient", content: w.bo.id + "," + w.cy.id}, part{field: "body", content: "hi"},
			avatar, avatar)).refused("two", 400, "invalid-argument", "too-many", "avatar")
		w.ana.call("POST", "/v2/message", formOf(t, avatar, part{field: "recipient", content: w.bo.id + "," + w.cy.id})).refused("before the recipients", 400, "invalid-argument", "order-invalid", "avatar")
		w.ana.call("POST", "/v2/message", formOf(t, part{field: "recipient", content: w.bo.id + "," + w.cy.id}, part{field: "body", content: "hi"},
			part{"avatar", "n.txt", "text/plain", "hello"})).refused("no image", 415, "invalid-argument", "content-type-unsupported", "avatar")
	})
	w.Says(t, "groupName", "Only users become a group: a role among several recipients is refused.", func(t *testing.T) {
		role := must[*api.Role](t)(w.admin.CreateRole(t.Context(), api.RoleRequest{Name: "Charge nurse", Members: []string{w.ana.id}}))
		w.ana.call("POST", "/v2/message", fields{"recipient": []string{w.bo.id, role.ID}, "body": "x"}).refused("a role", 400, "invalid-argument", "recipient-ambiguous", "recipient")
	})
}

func TestCallAttachment(t *testing.T) {
	w := newWorld(t)
	to := part{field: "recipient", content: w.bo.id}
	send := func(parts ...part) answer {
		w.t.Helper()
		return w.ana.call("POST", "/v2/message?response_format=message", formOf(w.t, parts...))
	}
	w.Says(t, "attachmentFile", "One file of a form goes with the message, under its name, with or without a text.", func(t *testing.T) {
		m := send(to, part{field: "ttl", content: "10"}, image).ok()
		shows(t, "sent", m, fields{"body": "", "ttl": 10, "attachments": []fields{{"attachment_id": "1", "name": "scan.png", "content-type": "image/png", "size": len(image.content)}}})
	})
	w.Says(t, "attachmentFile", "Both of the two get it at the message's attachment/1; nobody else does.", func(t *testing.T) {
		id := send(to, image).ok()["message_id"].(string)
		for _, who := range []*person{w.ana, w.bo} {
			got := who.call("GET", "/v2/message/"+id+"/attachment/1", nil)
			if got.status != 200 || string(got.text) != image.content || got.header.Get("Content-Type") != "image/png" {
				t.Errorf("%s: %d %q %v", who.name, got.status, got.text, got.header)
			}
		}
		w.cy.call("GET", "/v2/message/"+id+"/attachment/1", nil).refused("a stranger", 404, "not-found", "", "")
	})
	w.Says(t, "attachmentFile", "Of a message of the native API, which may have several files, each is at its own number.", func(t *testing.T) {
		several := api.SendRequest{To: api.Recipient{User: w.bo.id}}
		for n := range 10 {
			several.Attachments = append(several.Attachments, must[*api.Media](t)(w.ana.UploadMedia(t.Context(), "a.txt", "text/plain", strings.NewReader(strconv.Itoa(n+1)))).ID)
		}
		id := must[*api.Message](t)(w.ana.Send(t.Context(), several)).ID
		for n, a := range w.bo.call("GET", "/v2/message/"+id, nil).ok()["attachments"].([]any) {
			number := strconv.Itoa(n + 1)
			if got := w.bo.call("GET", "/v2/message/"+id+"/attachment/"+number, nil); a.(map[string]any)["attachment_id"] != number || string(got.text) != number {
				t.Errorf("%v is %d %q", a, got.status, got.text)
			}
		}
		for _, number := range []string{"0", "11", "01", "x"} {
			w.bo.call("GET", "/v2/message/"+id+"/attachment/"+number, nil).refused(number, 404, "not-found", "", "")
		}
	})
	w.Says(t, "attachmentFile", "A program, a type that is none of those taken, and what is something else than it says are refused, and nothing is kept.", func(t *testing.T) {
		for what, file := range map[string]part{
			"a program": {"attachment", "x.exe", "application/x-msdownload", "MZ"}, "by its content": {"attachment", "x.bin", "application/octet-stream", "\x7fELF\x02\x01\x01\x00"},
			"an archive": {"attachment", "x.zip", "application/zip", "PK\x03\x04"},
		} {
			send(to, file).refused(what, 415, "invalid-argument", "content-type-unsupported", "attachment")
		}
		send(to, part{"attachment", "x.png", "image/png", "%PDF-1.4 hello"}).refused("a lie", 415, "invalid-argument", "content-type-mismatch", "attachment")
	})
	w.Says(t, "attachmentFiles", "Two files are refused.", func(t *testing.T) {
		send(to, image, textFile).refused("two", 400, "invalid-argument", "too-many", "attachment")
	})
	w.Says(t, "attachmentFile", "A form that was cut off, lacks a recipient or has a field twice is refused.", func(t *testing.T) {
		cut := form{strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"recipient\"\r\n\r\n"), "multipart/form-data; boundary=x"}
		w.ana.call("POST", "/v2/message", cut).refused("cut off", 400, "invalid-argument", "malformed", "")
		send(image).refused("no recipient", 400, "invalid-argument", "recipient-required", "recipient")
		send(to, to).refused("twice", 400, "invalid-argument", "too-many", "recipient")
	})
	w.Says(t, "attachmentFile", "Where the organization allows no images, or no other files, those are 403.", func(t *testing.T) {
		yes := true
		w.set(api.PolicyPatch{NoImages: &yes})
		send(to, image).refused("an image", 403, "permission-denied", "file-not-allowed", "attachment")
		send(to, textFile).ok()
		w.set(api.PolicyPatch{NoFiles: &yes})
		send(to, textFile).refused("a file", 403, "permission-denied", "file-not-allowed", "attachment")
		_, err := w.ana.Send(t.Context(), api.SendRequest{To: api.Recipient{User: w.bo.id}, Body: api.Body{{Kind: "image", Files: []api.File{{URL: "https://example.org/x.png"}}}}})
		if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != "file-not-allowed" {
			t.Errorf("an image within a body of the native API: %v", err)
		}
		shows(t, "the organization", w.ana.call("GET", "/v2/organization/"+w.org, nil).ok(), fields{"no_photo": true, "no_attachment": true})
	})
	if n := w.bo.held(); n != 4 {
		t.Errorf("%d messages are stored", n)
	}
}

// The largest file is set low here: what counts is which of the two limits is named.
func TestCallLargeAttachment(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.MaxUpload = 1 << 20 })
	w.Says(t, "attachmentFile", "A file over 100 MiB, or over the server's option max-upload where that is less, is 413, and nothing is stored.", func(t *testing.T) {
		file := part{"attachment", "x.txt", "text/plain", strings.Repeat("x", 1<<20+1)}
		w.ana.call("POST", "/v2/message", formOf(t, part{field: "recipient", content: w.bo.id}, file)).refused("too large", 413, "too-large", "media-too-large", "attachment")
		file.content = file.content[:1<<20]
		w.ana.call("POST", "/v2/message?response_format=message", formOf(t, part{field: "recipient", content: w.bo.id}, file)).ok()
	})
	if n := w.bo.held(); n != 1 {
		t.Errorf("%d messages are stored", n)
	}
}
