package bird_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// form is an answer to a request for an upload.
type form struct {
	media, upload string
	data          map[string]string
}

// presign asks for a form.
func (w *world) presign(path, contentType string) form {
	w.Helper()
	a := w.ask("POST", path, `{"contentType":"`+contentType+`"}`)
	f := form{media: a.text("mediaUrl"), upload: a.text("uploadUrl"), data: map[string]string{}}
	fields, _ := a.at("uploadFormData").(map[string]any)
	for name, value := range fields {
		f.data[name] = value.(string)
	}
	if a.status != 200 || a.text("uploadMethod") != "POST" || f.media == "" || f.upload == "" || len(f.data) == 0 {
		w.Fatalf("%s: %d %s", path, a.status, a.raw)
	}
	return f
}

// fill sends a file with a form, and says what came of it. It has no key.
func (w *world) fill(f form, content string) (status int, text string) {
	w.Helper()
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for name, value := range f.data {
		_ = writer.WriteField(name, value)
	}
	part := must[io.Writer](w)(writer.CreateFormFile("file", "a.txt"))
	_, _ = io.WriteString(part, content)
	_ = writer.Close()
	answer := must[*http.Response](w)(http.Post(f.upload, writer.FormDataContentType(), &body))
	defer answer.Body.Close()
	raw := must[[]byte](w)(io.ReadAll(answer.Body))
	if answer.StatusCode >= 400 {
		w.contracts.messages.Schema(w, "RequestError", raw)
	}
	return answer.StatusCode, string(raw)
}

// path is where a file is, below the workspace.
func (w *world) path(media string) string {
	w.Helper()
	path, ok := strings.CutPrefix(media, w.app.URL()+"/bird/workspaces/"+w.workspace)
	if !ok {
		w.Fatalf("the file is at %s", media)
	}
	return path
}

// file is a body of one file.
func file(media string) string {
	return `{"type":"file","file":{"metadata":{"fallbackText":"a file"},"files":[{"mediaUrl":"` + media + `","contentType":"text/plain"}]}}`
}

const forAll = "/channel-media/presigned-upload"

func TestCallFiles(t *testing.T) {
	w := newWorld(t)
	forOne := "/channels/" + w.channels["whatsapp"] + "/presigned-upload"
	all, one := w.presign(forAll, "text/plain"), w.presign(forOne, "text/plain")
	doortest.Says(t, "presigned-upload", "Either request, of the workspace or of a channel, answers the address that the file will have and a form for one file; no file is there yet.", func(t *testing.T) {
		for _, f := range []form{all, one} {
			if a := w.ask("GET", w.path(f.media), ""); a.status != 404 {
				t.Errorf("before it is there: %d %s", a.status, a.raw)
			}
		}
	})
	doortest.Says(t, "upload", "Who posts the fields of the form and then the file, without a key, gets 204; the same file once more is 204 too, another one 409.", func(t *testing.T) {
		for _, f := range []form{all, one} {
			for content, want := range map[string]int{"hello": 204} {
				if status, text := w.fill(f, content); status != want {
					t.Errorf("%s: %d %s", content, status, text)
				}
			}
			if status, text := w.fill(f, "hello"); status != 204 {
				t.Errorf("again: %d %s", status, text)
			}
			if status, text := w.fill(f, "other"); status != 409 {
				t.Errorf("another file: %d %s", status, text)
			}
		}
	})
	doortest.Says(t, "download", "The file is at its address for a key of the workspace, and for nobody else.", func(t *testing.T) {
		for _, f := range []form{all, one} {
			a := w.ask("GET", w.path(f.media), "")
			if a.status != 200 || string(a.raw) != "hello" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: %d %s", f.media, a.status, a.raw)
			}
			if a := w.ask("GET", w.path(f.media), "", "Authorization", ""); a.status != 401 {
				t.Errorf("without a key: %d", a.status)
			}
			if a := w.ask("GET", "!/workspaces/"+newOrganization(w).workspace+w.path(f.media), ""); a.status != 404 {
				t.Errorf("of another workspace: %d", a.status)
			}
		}
	})
	doortest.Says(t, "download", "Sent in a message by its address, it is among the message's files too, also for those that came in.", func(t *testing.T) {
		for _, f := range []form{all, one} {
			sent := w.send("whatsapp", toPhone("+15550100", file(f.media)))
			sent.same(t, f.media, "body", "file", "files", 0, "mediaUrl")
			native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id"))))
			if a := w.ask("GET", "/messages/"+sent.text("id")+"/media/"+uuid(native.Body[0].Files[0].Media), ""); string(a.raw) != "hello" {
				t.Errorf("of the message: %d %s", a.status, a.raw)
			}
		}
		media := must[*api.Media](t)(w.admin.UploadMedia(t.Context(), "in.txt", "text/plain", strings.NewReader("from outside")))
		in := must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["whatsapp"], From: "phone:+15550100", Attachments: []string{media.ID}}))
		got := w.get("whatsapp", uuid(in.ID))
		if a := w.ask("GET", w.path(got.text("body", "file", "files", 0, "mediaUrl")), ""); string(a.raw) != "from outside" {
			t.Errorf("what came in: %d %s of %s", a.status, a.raw, got.raw)
		}
	})
	doortest.Says(t, "presigned-upload", "A file for a channel goes with that channel's messages only, and is at no other; one for the workspace goes anywhere.", func(t *testing.T) {
		for media, want := range map[string]int{all.media: 202, one.media: 422} {
			if a := w.ask("POST", w.messagesOf("sms"), toPhone("+15550100", file(media))); a.status != want {
				t.Errorf("on another channel: %d %s, want %d", a.status, a.raw, want)
			}
			id := media[strings.LastIndex(media, "/")+1:]
			if a := w.ask("GET", "/channels/"+w.channels["sms"]+"/media/"+id, ""); (a.status == 200) != (want == 202) {
				t.Errorf("at another channel: %d", a.status)
			}
		}
	})
	doortest.Says(t, "download", "A file of another message, or of none, is 404.", func(t *testing.T) {
		other := w.send("whatsapp", request("")).text("id")
		for _, path := range []string{"/messages/" + other + "/media/" + all.media[strings.LastIndex(all.media, "/")+1:], "/messages/" + other + "/media/x", "/channel-media/" + w.workspace} {
			if a := w.ask("GET", path, ""); a.status != 404 {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}

func TestCallUploadsRefused(t *testing.T) {
	w := rehearsal(t)
	changed := func(name, value string) form {
		f := w.presign(forAll, "text/plain")
		f.data[name] = value
		return f
	}
	// refused wants a form to be refused, and no file to be there.
	refused := func(t *testing.T, f form, content string, want int) {
		t.Helper()
		if status, text := w.fill(f, content); status != want {
			t.Errorf("%d %s, want %d", status, text, want)
		}
		if a := w.ask("GET", w.path(f.media), ""); a.status != 404 {
			t.Errorf("the file is there: %d", a.status)
		}
	}
	doortest.Says(t, "upload", "A form that has expired, an hour after it was given, is refused (403), and nothing is stored.", func(t *testing.T) {
		f := w.presign(forAll, "text/plain")
		w.advance(time.Hour)
		refused(t, f, "late", 403)
	})
	doortest.Says(t, "upload", "A form whose key or signature was changed is refused (403).", func(t *testing.T) {
		refused(t, changed("x-amz-signature", "00"), "x", 403)
		refused(t, changed("key", "a/b"), "x", 403)
	})
	doortest.Says(t, "upload", "Another content type than the form was asked for is refused (422), and bytes that are of another type than they say (415).", func(t *testing.T) {
		refused(t, changed("Content-Type", "image/png"), "x", 422)
		refused(t, w.presign(forAll, "image/png"), "no image", 415)
	})
	doortest.Says(t, "upload", "A file over the largest size is refused (413).", func(t *testing.T) {
		refused(t, w.presign(forAll, "text/plain"), strings.Repeat("x", largest+1), 413)
	})
	doortest.Says(t, "upload", "A form whose file was refused is good for the right one.", func(t *testing.T) {
		f := w.presign(forAll, "image/gif")
		refused(t, f, "text", 415)
		if status, text := w.fill(f, "GIF89a....."); status != 204 {
			t.Errorf("the right one: %d %s", status, text)
		}
	})
	doortest.Says(t, "upload", "Of files posted at once with one form, one is kept, whole.", func(t *testing.T) { uploadTwins(t, w) })
	doortest.Says(t, "presigned-upload", "A request without a content type, or with one that is none, is refused (422); an upload that is no form is 415.", func(t *testing.T) {
		w.refused(t, forAll, `{}`, 422, "contentType")
		w.refused(t, "/channels/"+w.channels["sms"]+"/presigned-upload", `{"contentType":"nonsense;;"}`, 422, "contentType")
		w.refused(t, forAll, `{"contentType":"png"}`, 422, "contentType")
		w.refused(t, forAll, `{"contentType":"image/png","size":7}`, 422, "size")
		w.refused(t, "!/upload", "x", 415, "")
	})
}

func uploadTwins(t *testing.T, w *world) {
	f := w.presign(forAll, "text/plain")
	var mu sync.Mutex
	taken := map[string]bool{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			content := strings.Repeat(fmt.Sprint(i), 10_000)
			if status, _ := w.fill(f, content); status == 204 {
				mu.Lock()
				defer mu.Unlock()
				taken[content] = true
			}
		})
	}
	all.Wait()
	if a := w.ask("GET", w.path(f.media), ""); len(taken) != 1 || !taken[string(a.raw)] {
		t.Errorf("%d were taken, and %d bytes are there", len(taken), len(a.raw))
	}
}
