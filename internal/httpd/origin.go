package httpd

import "net/http"

// Origin is what absolute links in an answer begin with: the address that is configured, else the one that whoever asks knows the
// server by.
func Origin(r *http.Request, configured string) string {
	switch {
	case configured != "":
		return configured
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
