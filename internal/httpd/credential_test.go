package httpd

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

func TestCredential(t *testing.T) {
	id := string(parley.NewID(time.Now()))
	pair := id + ":s3cret/with+odd?chars"
	std, raw, url := base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding
	const key = "parley_0123456789abcdefghij_0123456789ABCDEFGHIJabcdefghij"
	for header, want := range map[string]string{
		"Bearer " + key:                                key,
		"bearer   " + key + " ":                        key,
		"AccessKey " + key:                             key,
		"Basic " + std.EncodeToString([]byte(pair)):    pair,
		"Basic " + std.EncodeToString([]byte(key+":")): key,
		"Bearer " + std.EncodeToString([]byte(pair)):   pair,
		"Bearer " + raw.EncodeToString([]byte(pair)):   pair,
		"Bearer " + url.EncodeToString([]byte(pair)):   pair,
		std.EncodeToString([]byte(pair)):               pair,
		raw.EncodeToString([]byte(pair)):               pair,
	} {
		got, err := Credential(&http.Request{Header: http.Header{"Authorization": {header}}})
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", header, got, err, want)
		}
	}
	for header, code := range map[string]string{
		"":                "credential-required",
		"Bearer":          "credential-invalid",
		"Bearer ":         "credential-invalid",
		key:               "credential-invalid",
		"Digest " + key:   "credential-invalid",
		"Basic nonsense!": "credential-invalid",
		"Basic " + std.EncodeToString([]byte(":secret")): "credential-invalid",
	} {
		_, err := Credential(&http.Request{Header: http.Header{"Authorization": {header}}})
		if e := parley.AsError(err); e.Kind != parley.KindUnauthorized || e.Code != code {
			t.Errorf("%q: %v, want %s", header, err, code)
		} else if strings.Contains(e.Error(), "0123456789") {
			t.Errorf("%q: the error repeats the key", header)
		}
	}
}

func FuzzCredential(f *testing.F) {
	pair := base64.StdEncoding.EncodeToString([]byte(string(parley.NewID(time.Unix(0, 0))) + ":secret"))
	for _, header := range []string{"", "Bearer x", "Basic eDp5", pair, "Bearer " + pair, "AccessKey " + strings.ToUpper(pair)} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		text, err := Credential(&http.Request{Header: http.Header{"Authorization": {header}}})
		if (text == "") != (err != nil) {
			t.Errorf("%q: %q, %v", header, text, err)
		}
	})
}
