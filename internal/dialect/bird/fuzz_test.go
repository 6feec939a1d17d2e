package bird

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"testing"

	"github.com/parley-server/parley/internal/dialect/bird/body"
	"github.com/parley-server/parley/internal/dialect/bird/contract"
	"github.com/parley-server/parley/internal/parley"
)

// noFiles knows no file: what a body names is as it was given.
type noFiles struct{}

func (noFiles) At(_, url string) parley.File { return parley.File{URL: url} }

func (noFiles) Inline(_ string, a body.Attachment) parley.File {
	return parley.File{URL: "inline:", Name: a.Filename}
}

// FuzzMessage reads requests: what has the contract's shape becomes parts of which each has a kind, and they can be shown again.
func FuzzMessage(f *testing.F) {
	for _, text := range []string{`{}`, `[]`, `{"receiver":{"contacts":[{"identifierValue":"+1"}]},"body":{"type":"text","text":{"text":"x"}}}`, "{\"reference\":\"\xff\"}",
		`{"receiver":{"contacts":[{"id":"a"}]},"tags":["a"],"validity":1e400,"template":{"name":"x","parameters":[{"type":"string","key":"k","value":"v"}]}}`,
		`{"receiver":{"contacts":[{}]},"body":{"type":"section","section":{"items":[{"type":"list","list":{"text":"a","items":[{"actions":[{"type":"locationRequest"}]}]}},{"type":"section","section":{"items":[]}}]}}}`,
		`{"receiver":{"contacts":[{}]},"body":{"type":"action","permission_request":{"resource":"call"}},"scheduledFor":"2026-01-01T00:00:00Z"}`,
		`{"receiver":{"contacts":[{}]},"body":{"type":"html","html":{"html":"<p>","attachments":[{"filename":"a","content":"%","contentType":"b"}]}}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r request
		if err := contract.Read(text, contract.Message, &r); err != nil {
			if e := parley.AsError(err); e.Kind != parley.KindInvalid || e.Code == "" || e.Message == "" {
				t.Fatalf("%q is refused as %v", text, err)
			}
			return
		}
		if len(r.Receiver.Contacts) == 0 {
			t.Fatalf("%q is for nobody", text)
		}
		var b body.Body
		if !given(r.Body) || json.Unmarshal(r.Body, &b) != nil {
			return
		}
		parts := b.Parts(noFiles{})
		for _, p := range parts {
			if p.Kind == "" {
				t.Fatalf("%q becomes %+v", text, parts)
			}
		}
		shown := body.Of(parts, nil, func(f parley.File) string { return f.URL })
		if (shown == nil) != (len(parts) == 0) {
			t.Fatalf("%q is shown as %+v", text, shown)
		}
	})
}

// FuzzPageToken reads page tokens: one is taken with the filters that it was made with only.
func FuzzPageToken(f *testing.F) {
	f.Add("/a", "x", "tag", "", "1")
	f.Add("/a", "", "direction", "incoming", "WyIxIl0")
	f.Fuzz(func(t *testing.T, path, cursor, name, value, token string) {
		q := query{values: url.Values{name: {value}}}
		q.text(name)
		made := q.token(path, cursor)
		if name == "pageToken" || name == "limit" || (made == "") != (cursor == "") {
			return
		}
		again := query{values: url.Values{name: {value}, "pageToken": {made}}}
		again.text(name)
		if got := again.after(path); len(made) <= longestToken && validText(cursor) && got != cursor {
			t.Fatalf("the token of %q is for %q", cursor, got)
		}
		other := query{values: url.Values{name: {value + "x"}, "pageToken": {made}}}
		other.text(name)
		if got := other.after(path); got != "" {
			t.Fatalf("with another filter the token is for %q", got)
		}
		foreign := query{values: url.Values{"pageToken": {token}}}
		if got := foreign.after(path); got != "" && len(foreign.wrong) > 0 {
			t.Fatalf("%q is refused, and taken as %q", token, got)
		}
	})
}

// validText reports whether JSON keeps a text as it is.
func validText(text string) bool {
	raw, err := json.Marshal(text)
	var back string
	return err == nil && json.Unmarshal(raw, &back) == nil && back == text
}

// FuzzForm reads uploads: their fields up to the file, or an error that says what is wrong.
func FuzzForm(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nv\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("--b\r\n\r\n--b--"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"\"\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fields, part, err := readForm(multipart.NewReader(bytes.NewReader(text), "b"))
		switch {
		case err != nil:
			if e := parley.AsError(err); e.Kind == parley.KindInternal || e.Message == "" {
				t.Fatalf("%q is refused as %v", text, err)
			}
		case part == nil || len(fields) > mostFields:
			t.Fatalf("%q has %d fields and no file", text, len(fields))
		}
	})
}
