package kustomer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	codeRoute = "route-unknown" // there is no such path
	codeNone  = "not-found"     // there is no such thing
)

// statuses are how Kustomer answers each kind of error, with its code and its words. Everything wrong with a request is a 400, and a
// missing role is a 401, as its reference has it.
var statuses = map[parley.ErrorKind]struct {
	status      int
	code, title string
}{
	parley.KindInvalid:      {http.StatusBadRequest, "bad_request", "Invalid request body or parameters"},
	parley.KindUnauthorized: {http.StatusUnauthorized, "unauthorized", "Unauthorized"},
	parley.KindForbidden:    {http.StatusUnauthorized, "unauthorized", "Unauthorized"},
	parley.KindNotFound:     {http.StatusNotFound, "not_found", "Not Found"},
	parley.KindConflict:     {http.StatusConflict, "conflict", "Conflict"},
	parley.KindPrecondition: {http.StatusConflict, "conflict", "Conflict"},
	parley.KindGone:         {http.StatusNotFound, "not_found", "Not Found"},
	parley.KindTooLarge:     {http.StatusRequestEntityTooLarge, "request_entity_too_large", "Request Entity Too Large"},
	parley.KindMediaType:    {http.StatusBadRequest, "bad_request", "Invalid request body or parameters"},
	parley.KindRateLimited:  {http.StatusTooManyRequests, "too_many_requests", "Too Many Requests"},
	parley.KindUnavailable:  {http.StatusServiceUnavailable, "service_unavailable", "Service Unavailable"},
	parley.KindInternal:     {http.StatusInternalServerError, "internal_error", "Internal Server Error"},
}

// problem is one error. It has what both of Kustomer's shapes have: {code, message, meta}, and that of JSON:API.
type problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Detail  string `json:"detail"`
	Source  source `json:"source"`
	Meta    object `json:"meta"`
}

// source names what is wrong: as a JSON pointer, and as the contract has it.
type source struct {
	Pointer    string `json:"pointer,omitempty"`
	Parameters string `json:"parameters"`
}

// writeError answers an error, one entry for each field that is wrong.
func writeError(w http.ResponseWriter, r *http.Request, e *parley.Error) {
	httpd.SetErrorHeaders(w.Header(), e)
	words, ok := statuses[e.Kind]
	if !ok {
		words = statuses[parley.KindInternal]
	}
	if e.Code == codePlanned {
		words.status, words.code, words.title = http.StatusNotImplemented, "not_implemented", "Not Implemented"
	}
	meta := object{"reason": e.Code, "requestId": httpd.RequestID(r.Context())}
	if limit, ok := e.Facts["limit"]; ok && e.Kind == parley.KindRateLimited {
		meta["limit"], meta["windowSeconds"] = limit, int(messageWindow.Seconds())
	}
	message := e.Message
	if e.Code == codeNone { // it may have an id as other doors write it
		message = "there is no such thing, or none that the key may see"
	}
	base := problem{Status: words.status, Code: words.code, Title: words.title, Message: message, Detail: message, Meta: meta}
	list := make([]problem, 0, len(e.Fields))
	for _, f := range e.Fields {
		one := base
		one.Message = f.Field + " " + f.Message
		one.Detail, one.Source = one.Message, source{pointer(f.Field), f.Field}
		one.Meta = object{"reason": f.Code, "field": f.Field, "requestId": meta["requestId"]}
		list = append(list, one)
	}
	if len(list) == 0 {
		list = append(list, base)
	}
	text, err := json.Marshal(object{"errors": list})
	if err != nil {
		words.status, text = http.StatusInternalServerError, []byte(`{"errors":[{"status":500,"code":"internal_error","title":"Internal Server Error","message":"","detail":"","source":{"parameters":""},"meta":{}}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(words.status)
	_, _ = w.Write(text) // the caller is gone if it fails
}

// pointer writes the name of a field as a JSON pointer: attachments[0].name is /attachments/0/name.
func pointer(field string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1", ".", "/", "[", "/", "]", "").Replace(field)
}
