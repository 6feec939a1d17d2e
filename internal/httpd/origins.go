package httpd

import "net/http"

// Headers of what browsers call cross-origin resource sharing.
const (
	originMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	originMaxAge  = "7200" // seconds for which a browser need not ask again
)

// origins are those whose pages may call the server from browsers.
type origins struct {
	all  bool
	list map[string]bool
}

func originsOf(list []string) origins {
	o := origins{list: make(map[string]bool, len(list))}
	for _, origin := range list {
		if origin == "*" {
			o.all = true
		}
		o.list[origin] = true
	}
	return o
}

// share lets the page that made a request read the answer, and answers a browser that asks whether it may be made at all. No
// answer allows cookies: a program names its key itself, so that no page acts by another's.
func (o origins) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !o.all && len(o.list) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !o.all && !o.list[origin] {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "*")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", originMethods)
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		h.Set("Access-Control-Allow-Headers", headers)
	}
	h.Set("Access-Control-Max-Age", originMaxAge)
	h.Add("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
	return true
}
