package bird

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// failed is how the API answers an error. Details are of a request that is wrong, by field.
type failed struct {
	Code    string              `json:"code"`
	Message string              `json:"message"`
	Details map[string][]string `json:"details,omitempty"`
}

// codeNotImplemented is the code of what is not there yet.
const codeNotImplemented = "not-implemented"

// codes are the words for statuses.
var codes = map[int]string{
	http.StatusBadRequest: "BadRequest", http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden", http.StatusNotFound: "NotFound",
	http.StatusConflict: "Conflict", http.StatusGone: "Gone", http.StatusRequestEntityTooLarge: "PayloadTooLarge",
	http.StatusUnsupportedMediaType: "UnsupportedMediaType", http.StatusUnprocessableEntity: "InvalidPayload", http.StatusTooManyRequests: "TooManyRequests",
	http.StatusInternalServerError: "InternalError", http.StatusNotImplemented: "NotImplemented", http.StatusServiceUnavailable: "Unavailable",
	http.StatusPreconditionFailed: "PreconditionFailed",
}

// writeError is the door's httpd.ErrorWriter.
func writeError(w http.ResponseWriter, r *http.Request, e *parley.Error) {
	status := httpd.Status(e)
	if e.Code == codeNotImplemented {
		status = http.StatusNotImplemented
	}
	body := failed{Code: codes[status], Message: e.Message}
	if body.Code == "" {
		body.Code = http.StatusText(status)
	}
	if len(e.Fields) > 0 && status == http.StatusUnprocessableEntity {
		body.Message, body.Details = "the request did not pass validation", map[string][]string{}
		for _, f := range e.Fields {
			body.Details[f.Field] = append(body.Details[f.Field], f.Message)
		}
	}
	httpd.SetErrorHeaders(w.Header(), e)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `AccessKey realm="parley"`)
	}
	write(w, status, body)
}

// write answers JSON.
func write(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil { // nothing that is answered cannot be written
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the caller is gone if it fails
}

func noPath(r *http.Request) error {
	return &parley.Error{Kind: parley.KindNotFound, Code: "route-unknown", Message: fmt.Sprintf("there is no %s %s", r.Method, r.URL.Path)}
}

func notThere(*call) error {
	return &parley.Error{Kind: parley.KindUnavailable, Code: codeNotImplemented, Message: "this server does not have this part of the API yet"}
}

// renamed are the fields of a send, as core calls them, with what they are called here. The longest that fits counts.
var renamed = []struct{ core, here string }{
	{"to.channel", "channelId"}, {"to.address", "receiver.contacts[0].identifierValue"}, {"to.contact", "receiver.contacts[0].id"}, {"to[", "receiver.contacts["},
	{"to", "receiver.contacts"}, {"sendAt", "scheduledFor"}, {"replyTo", "replyTo.id"}, {"class", "meta.extraInformation.useCase"},
	{"template.id", "template.projectId"}, {"template.name", "template.name"}, {"ttl", "body"}, {"after", "pageToken"}, {"attachments", "template.attachments"},
}

// here gives the fields of an error of core the names that they have at this door.
func here(err error) error {
	e := parley.AsError(err)
	if err == nil || len(e.Fields) == 0 {
		return err
	}
	named := *e
	named.Fields = make([]parley.FieldError, len(e.Fields))
	for i, f := range e.Fields {
		named.Fields[i] = f
		if strings.HasPrefix(f.Field, "body[") { // its parts are not those of the body here
			named.Fields[i].Field = "body"
		}
		for _, r := range renamed {
			if rest, ok := strings.CutPrefix(f.Field, r.core); ok && (rest == "" || strings.HasSuffix(r.core, "[") || rest[0] == '.' || rest[0] == '[') {
				named.Fields[i].Field = r.here + rest
				break
			}
		}
	}
	return &named
}
