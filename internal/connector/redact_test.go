package connector

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRedactorText(t *testing.T) {
	redactor := NewRedactor("s3cr3t/+ \"key", "", "***", "abc", "abcdef", "Zo\u00eb-pass")
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"nothing to hide", "nothing to hide"},
		{`raw s3cr3t/+ "key.`, "raw ***."},
		{"query s3cr3t%2F%2B+%22key path s3cr3t%2F+%20%22key lower s3cr3t%2f%2b+%22key", "query *** path *** lower ***"},
		{`json s3cr3t/+ \"key`, "json ***"},
		{"base64 " + base64.StdEncoding.EncodeToString([]byte("s3cr3t/+ \"key")), "base64 ***"},
		{"abcdef before abc", "*** before ***"},
		{`unicode Zoë-pass Zo%C3%AB-pass Zo\u00eb-pass`, "unicode *** *** ***"},
		{"joined aabcbc", "joined a***bc"},
		{"https://user:pw@host/x and http://key@h", "https://***@host/x and http://***@h"},
		{`Post "https://h/x?a=1&access_token=xyz&b=2": refused`, `Post "https://h/x?a=1&access_token=***&b=2": refused`},
		{`Get "https://h/?API-Key=a\"b c": refused`, `Get "https://h/?API-Key=*** c": refused`},
		{"Authorization: Bearer wxyz-0123456789/AZ+==!", "Authorization: Bearer ***!"},
		{"Basic authentication is required", "Basic authentication is required"},
		{"broken \xff text", "broken \uFFFD text"},
	} {
		if got := redactor.Text(test.text); got != test.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", test.text, got, test.want)
		}
	}
}

func TestRedactorURL(t *testing.T) {
	redactor := NewRedactor("123:AAbb")
	for _, test := range []struct{ raw, want string }{
		{"https://example.org", "https://example.org"},
		{"https://example.org/bot123:AAbb/send?to=%2B1555#part", "https://example.org/bot***/send?to=%2B1555"},
		{"https://user:pass@example.org:8443/x?a=1&token=t&b=2", "https://***@example.org:8443/x?a=1&token=***&b=2"},
		{"https://key@example.org/?%74oken=t", "https://***@example.org/?%74oken=***"},
		{"https://example.org/?idempotency_key=abc&q=123%3AAAbb", "https://example.org/?idempotency_key=***&q=***"},
		{"http://a b/?token=x", "http://a b/?token=***"},
	} {
		if got := redactor.URL(test.raw); got != test.want {
			t.Errorf("URL(%q)\n got %q\nwant %q", test.raw, got, test.want)
		}
	}
}

func TestCallRedactorKnowsWhatTheCallCarries(t *testing.T) {
	header := http.Header{"X-Api-Key": {"header-key"}, "Idempotency-Key": {"reference-1"}}
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("account:basic-pass")))
	redactor := Call{URL: "https://u:url-pass@h/?sig=url-sig&to=5", Header: header, Secrets: []string{"named"}}.redactor()
	got := redactor.Text("header-key basic-pass account:basic-pass url-pass url-sig named reference-1 to=5 " + header.Get("Authorization"))
	if want := "*** *** *** *** *** *** reference-1 to=5 ***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzRedactor proves that a secret is in no text or URL that was redacted, in none of its written forms,
// whatever surrounds it.
func FuzzRedactor(f *testing.F) {
	f.Add("before secret after", "secret")
	f.Add("aabb", "ab")
	f.Add("xx***yy", "x***y")
	f.Add("https://u:p@h/?token=secret", "p")
	f.Add("https://h/s%2Ft?q=s/t", "s/t")
	f.Add("sec\xffret", "sec\uFFFDret")
	f.Add("Basic dXNlcjpzZWNyZXQtd29yZA==", "user:secret-word")
	f.Fuzz(func(t *testing.T, text, secret string) {
		redactor := NewRedactor(secret)
		for _, text := range []string{text, text + secret + text, "https://h/" + url.PathEscape(secret) + "?q=" + url.QueryEscape(secret) + "#" + text} {
			for _, got := range []string{redactor.Text(text), redactor.URL(text)} {
				for _, form := range redactor.secrets {
					if strings.Contains(got, form) {
						t.Errorf("%q is left in %q, as %q", secret, got, form)
					}
				}
				if strings.Trim(secret, "*") != "" && strings.Contains(got, strings.ToValidUTF8(secret, "\uFFFD")) {
					t.Errorf("%q is left in %q", secret, got)
				}
				if !utf8.ValidString(got) {
					t.Errorf("%q is no valid UTF-8", got)
				}
			}
		}
	})
}
