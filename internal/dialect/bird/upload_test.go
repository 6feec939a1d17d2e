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

	"github.com/parley-server/parley/api"
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
	return answer.StatusCode, string(must[[]byte](w)(io.ReadAll(answer.Body)))
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

// A file is uploaded by either form, without a key, sent by its address, and downloaded again.
func TestUploads(t *testing.T) {
	w := newWorld(t)
	sms := "/channels/" + w.channels["sms"]
	for _, at := range []string{"/channel-media/presigned-upload", "/channels/" + w.channels["whatsapp"] + "/presigned-upload"} {
		f := w.presign(at, "text/plain")
		if a := w.ask("GET", w.path(f.media), ""); a.status != 404 {
			t.Errorf("before it is there: %d %s", a.status, a.raw)
		}
		if status, text := w.fill(f, "hello"); status != http.StatusNoContent {
			t.Fatalf("%s: %d %s", at, status, text)
		}
		a := w.ask("GET", w.path(f.media), "")
		if a.status != 200 || string(a.raw) != "hello" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s", f.media, a.status, a.raw)
		}
		if a := w.ask("GET", w.path(f.media), "", "Authorization", ""); a.status != 401 {
			t.Errorf("without a key: %d", a.status)
		}
		sent := w.send("whatsapp", toPhone("+15550100", `{"type":"file","file":{"files":[{"mediaUrl":"`+f.media+`","contentType":"text/plain"}]}}`))
		native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id"))))
		media := native.Body[0].Files[0].Media
		if media == "" || sent.text("body", "file", "files", 0, "mediaUrl") != f.media {
			t.Errorf("sent as %s, natively %+v", sent.raw, native.Body)
		}
		if a := w.ask("GET", "/messages/"+sent.text("id")+"/media/"+uuid(media), ""); string(a.raw) != "hello" {
			t.Errorf("of the message: %d %s", a.status, a.raw)
		}
		// The same file again is no error, another is; and a form of a channel is for no other.
		if status, text := w.fill(f, "hello"); status != http.StatusNoContent {
			t.Errorf("again: %d %s", status, text)
		}
		if status, _ := w.fill(f, "other"); status != http.StatusConflict {
			t.Errorf("another file: %d", status)
		}
		elsewhere := w.ask("POST", sms+"/messages", toPhone("+15550100", `{"type":"file","file":{"metadata":{"fallbackText":"a file"},"files":[{"mediaUrl":"`+f.media+`","contentType":"text/plain"}]}}`))
		want := map[bool]int{true: 202, false: 422}[strings.HasPrefix(at, "/channel-media")]
		if elsewhere.status != want {
			t.Errorf("on another channel: %d %s, want %d", elsewhere.status, elsewhere.raw, want)
		}
		id := f.media[strings.LastIndex(f.media, "/")+1:]
		if a := w.ask("GET", sms+"/media/"+id, ""); (a.status == 200) != (want == 202) {
			t.Errorf("at another channel: %d", a.status)
		}
	}
}

// A form that was changed, is of another type, or holds too much is refused, and nothing is kept.
func TestUploadsRefused(t *testing.T) {
	w := newWorld(t)
	changed := func(name, value string) form {
		f := w.presign("/channel-media/presigned-upload", "text/plain")
		f.data[name] = value
		return f
	}
	for name, c := range map[string]struct {
		form    form
		content string
		want    int
	}{
		"a secret of nobody": {changed("x-amz-signature", "00"), "x", 403}, "a key of nobody": {changed("key", "a/b"), "x", 403},
		"another type": {changed("Content-Type", "image/png"), "x", 422}, "not what it says": {w.presign("/channel-media/presigned-upload", "image/png"), "no image", 415},
	} {
		if status, text := w.fill(c.form, c.content); status != c.want || !strings.Contains(text, `"code"`) {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.want)
		}
		if a := w.ask("GET", w.path(c.form.media), ""); a.status != 404 {
			t.Errorf("%s: the file is there: %d", name, a.status)
		}
	}
	// A form whose file was refused is good for the right one.
	f := w.presign("/channel-media/presigned-upload", "image/gif")
	if status, _ := w.fill(f, "text"); status != 415 {
		t.Errorf("answered %d", status)
	}
	if status, text := w.fill(f, "GIF89a....."); status != 204 {
		t.Errorf("the right one: %d %s", status, text)
	}
	for path, body := range map[string]string{"/channel-media/presigned-upload": `{}`, "/channels/" + w.channels["sms"] + "/presigned-upload": `{"contentType":"nonsense;;"}`} {
		if a := w.ask("POST", path, body); a.status != 422 || a.at("details", "contentType") == nil {
			t.Errorf("%s %s: %d %s", path, body, a.status, a.raw)
		}
	}
	if a := w.ask("POST", "!/upload", "x"); a.status != 415 {
		t.Errorf("no form: %d %s", a.status, a.raw)
	}
}

// Of twins with different files one is kept, whole.
func TestUploadTwins(t *testing.T) {
	w := newWorld(t)
	f := w.presign("/channel-media/presigned-upload", "text/plain")
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
