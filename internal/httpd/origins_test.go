package httpd

import (
	"net/http"
	"testing"
)

// Pages of the origins that are listed may call; others get the answers that they have always got, which browsers keep from them.
func TestOrigins(t *testing.T) {
	const page, other = "https://app.example.org", "https://evil.example.org"
	called := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called++
		w.WriteHeader(http.StatusTeapot)
	})
	for _, c := range []struct {
		what    string
		origins []string
		method  string
		origin  string
		asks    bool // before a request
		status  int
		allowed string
	}{
		{"nothing is listed", nil, "GET", page, false, 418, ""},
		{"nothing is listed, asked before", nil, "OPTIONS", page, true, 418, ""},
		{"one that is listed", []string{page}, "GET", page, false, 418, page},
		{"one that is listed, asked before", []string{other, page}, "OPTIONS", page, true, 204, page},
		{"another", []string{page}, "GET", other, false, 418, ""},
		{"another, asked before", []string{page}, "OPTIONS", other, true, 418, ""},
		{"no browser", []string{page}, "POST", "", false, 418, ""},
		{"any", []string{"*"}, "DELETE", other, false, 418, other},
		{"any, asked before", []string{"*"}, "OPTIONS", other, true, 204, other},
		{"OPTIONS that asks nothing", []string{"*"}, "OPTIONS", page, false, 418, page},
	} {
		s := start(t, Options{Origins: c.origins}, handler)
		r, err := http.NewRequest(c.method, s.url+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.asks {
			r.Header.Set("Access-Control-Request-Method", "PATCH")
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		}
		before := called
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		h := response.Header
		if response.StatusCode != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", c.what, response.StatusCode, h)
		}
		if (len(c.origins) > 0) != (h.Get("Vary") != "") || (c.allowed != "") != (h.Get("Access-Control-Expose-Headers") == "*") {
			t.Errorf("%s: %v", c.what, h)
		}
		if c.status == 204 && (called != before || h.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
			h.Get("Access-Control-Allow-Methods") != originMethods || h.Get("Access-Control-Max-Age") != originMaxAge) {
			t.Errorf("%s: %v", c.what, h)
		}
	}
}
