package tigerconnect

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// failure is how the door says that something went wrong.
type failure struct {
	Status string       `json:"status"`
	Error  failureError `json:"error"`
}

type failureError struct {
	Code    string         `json:"code"`   // what sort of error it is, for programs
	Reason  string         `json:"reason"` // what exactly it is, for programs
	Message string         `json:"message"`
	Status  int            `json:"status"`
	Field   string         `json:"field,omitempty"` // the first that is wrong
	Fields  []failureField `json:"fields,omitempty"`
	Facts   map[string]any `json:"facts,omitempty"`
	Request string         `json:"request_id,omitempty"`
}

type failureField struct {
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// names are the vendor's of the core's fields.
var names = map[string]string{
	"to": "recipient", "to.user": "recipient", "to.users": "recipient", "to.role": "recipient", "to.conversation": "recipient",
	"to.broadcast": "recipient", "to.team": "recipient", "from.role": "sender_token", "from": "sender_token", "deleteOnRead": "dor",
	"metadata": "data", "attachments": "attachment", "attachments[0]": "attachment", "Idempotency-Key": "client_id",
	"Parley-Organization": "sender_organization", "group.name": "group_name", "group.description": "description",
	"group.avatar": "avatar", "group.metadata": "group_metadata", "body[0].text": "body", "body.text": "body",
}

// nameOf is the vendor's name of a field.
func nameOf(field string) string {
	if name, ok := names[field]; ok {
		return name
	}
	if strings.HasPrefix(field, "to.users[") {
		return "recipient" + strings.TrimPrefix(field, "to.users")
	}
	if strings.HasPrefix(field, "group.metadata.") {
		return "group_metadata" + strings.TrimPrefix(field, "group.metadata")
	}
	if strings.HasPrefix(field, "body[0]") {
		return "body"
	}
	return field
}

// reasons are errors that are of another kind here than in the core.
var reasons = map[string]parley.ErrorKind{
	"user-unknown": parley.KindNotFound, "role-unattended": parley.KindForbidden,
	"idempotency-key-reused": parley.KindConflict, "not-on-duty": parley.KindForbidden,
}

// translate makes an error of the core one of the vendor's. What is not on duty or not a role at all may not be sent as.
func translate(e *parley.Error) *parley.Error {
	kind, ok := reasons[e.Code]
	if e.Code == "role-unknown" && len(e.Fields) == 1 {
		kind, ok = parley.KindNotFound, true
		if e.Fields[0].Field == "from.role" {
			kind = parley.KindForbidden
		}
	}
	if !ok || e.Kind != parley.KindInvalid && e.Kind != parley.KindConflict {
		return e
	}
	same := *e
	same.Kind = kind
	return &same
}

// statuses of the kinds of errors, and what programs call them.
var statuses = map[parley.ErrorKind]struct {
	status int
	code   string
}{
	parley.KindInvalid:      {http.StatusBadRequest, "invalid-argument"},
	parley.KindUnauthorized: {http.StatusUnauthorized, "unauthorized"},
	parley.KindForbidden:    {http.StatusForbidden, "permission-denied"},
	parley.KindNotFound:     {http.StatusNotFound, "not-found"},
	parley.KindConflict:     {http.StatusConflict, "conflict"},
	parley.KindPrecondition: {http.StatusConflict, "conflict"},
	parley.KindGone:         {http.StatusGone, "gone"},
	parley.KindTooLarge:     {http.StatusRequestEntityTooLarge, "too-large"},
	parley.KindMediaType:    {http.StatusUnsupportedMediaType, "invalid-argument"},
	parley.KindRateLimited:  {http.StatusTooManyRequests, "rate-limited"},
	parley.KindUnavailable:  {http.StatusServiceUnavailable, "unavailable"},
}

// codeLater is the reason of what is not there yet.
const codeLater = "not-implemented"

func writeError(w http.ResponseWriter, r *http.Request, e *parley.Error) {
	e = translate(e)
	said := failureError{Code: "internal", Status: http.StatusInternalServerError}
	if s, ok := statuses[e.Kind]; ok {
		said.Code, said.Status = s.code, s.status
	}
	if e.Code == codeLater {
		said.Code, said.Status = codeLater, http.StatusNotImplemented
	}
	said.Reason, said.Message, said.Facts, said.Request = e.Code, e.Message, e.Facts, httpd.RequestID(r.Context())
	for _, f := range e.Fields {
		said.Fields = append(said.Fields, failureField{nameOf(f.Field), f.Code, f.Message})
	}
	if len(said.Fields) > 0 {
		texts := make([]string, len(said.Fields))
		for i, f := range said.Fields {
			texts[i] = f.Field + ": " + f.Message
		}
		said.Field, said.Message = said.Fields[0].Field, strings.Join(texts, "; ")
	}
	httpd.SetErrorHeaders(w.Header(), e)
	if e.Kind == parley.KindUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="parley"`)
	}
	text, err := json.Marshal(failure{"fail", said})
	if err != nil { // of facts that are no JSON
		said.Facts = nil
		text, _ = json.Marshal(failure{"fail", said})
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	w.WriteHeader(said.Status)
	_, _ = w.Write(append(text, '\n')) // the caller is gone if it fails
}

// ofRecipient says of an error that it is about whom the message is for.
func ofRecipient(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || e.Kind != parley.KindNotFound || len(e.Fields) > 0 {
		return err
	}
	return &parley.Error{Kind: parley.KindNotFound, Code: "recipient-unknown", Message: e.Message,
		Fields: []parley.FieldError{{Field: "recipient", Code: "recipient-unknown", Message: "must be a user, role, group, team or list of the organization"}}}
}
