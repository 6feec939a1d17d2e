package connector

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 30 ": 30 * time.Second, "-1": 0, "1.5": 0, "soon": 0,
		"86401": 24 * time.Hour, "99999999999999999999999": 24 * time.Hour,
		"Sun, 01 Mar 2026 12:00:45 GMT": 45 * time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sunday, 01-Mar-26 12:01:00 GMT": time.Minute, "Mon, 01 Mar 2027 12:00:00 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		retry  bool
		after  time.Duration
	}{
		{400, CodeRefused, false, 0}, {404, CodeRefused, false, 0}, {422, CodeRefused, false, 0}, {409, CodeRefused, false, 0},
		{401, CodeCredentials, false, 0}, {403, CodeCredentials, false, 0},
		{408, CodeUnavailable, true, 9 * time.Second}, {425, CodeUnavailable, true, 9 * time.Second},
		{429, CodeRateLimited, true, 9 * time.Second},
		{500, CodeUnavailable, true, 9 * time.Second}, {503, CodeUnavailable, true, 9 * time.Second}, {599, CodeUnavailable, true, 9 * time.Second},
		{301, CodeRedirected, false, 0}, {307, CodeRedirected, false, 0}, {101, CodeUnknownAnswer, false, 0}, {999, CodeUnknownAnswer, false, 0},
	} {
		header := http.Header{"Retry-After": {"9"}, "Location": {"https://u:p@elsewhere/?token=x"}}
		e := refusal(Answer{Status: test.status, Header: header}, Redactor{}, time.Now())
		if e.Code != test.code || e.Retry != test.retry || e.RetryAfter != test.after || e.Text == "" {
			t.Errorf("%d: %+v", test.status, e)
		}
		if test.code == CodeRedirected && !strings.Contains(e.Text, ", to https://***@elsewhere/?token=***;") {
			t.Errorf("%d: %q", test.status, e.Text)
		}
	}
}
