package spruce

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// problem is an error as the API writes it.
type problem struct {
	StatusCode int    `json:"statusCode"`
	Type       string `json:"type"`
	Message    string `json:"message"`
}

// statuses is what becomes of the kinds of errors. What is not in it is an internal one.
var statuses = map[parley.ErrorKind]problem{
	parley.KindInvalid:      {StatusCode: http.StatusBadRequest, Type: "BAD_PARAMETER"},
	parley.KindConflict:     {StatusCode: http.StatusBadRequest, Type: "BAD_PARAMETER"},
	parley.KindPrecondition: {StatusCode: http.StatusBadRequest, Type: "BAD_PARAMETER"},
	parley.KindTooLarge:     {StatusCode: http.StatusBadRequest, Type: "BAD_PARAMETER"},
	parley.KindMediaType:    {StatusCode: http.StatusBadRequest, Type: "BAD_PARAMETER"},
	parley.KindUnauthorized: {StatusCode: http.StatusForbidden, Type: "FORBIDDEN"},
	parley.KindForbidden:    {StatusCode: http.StatusForbidden, Type: "FORBIDDEN"},
	parley.KindNotFound:     {StatusCode: http.StatusNotFound, Type: "NOT_FOUND"},
	parley.KindGone:         {StatusCode: http.StatusNotFound, Type: "NOT_FOUND"},
	parley.KindRateLimited:  {StatusCode: http.StatusTooManyRequests, Type: "RATE_LIMITED"},
	parley.KindUnavailable:  {StatusCode: http.StatusServiceUnavailable, Type: "UNAVAILABLE"},
}

// writeError answers an error in the words of the API.
func writeError(w http.ResponseWriter, _ *http.Request, e *parley.Error) {
	p, known := statuses[e.Kind]
	switch {
	case !known:
		p = problem{StatusCode: http.StatusInternalServerError, Type: "INTERNAL"}
	case e.Code == access.CodeRepeated:
		p = problem{StatusCode: http.StatusUnprocessableEntity, Type: "DUPLICATE_REQUEST"}
	}
	p.Message = message(e)
	if e.Kind != parley.KindUnauthorized { // which is a 403 here
		httpd.SetErrorHeaders(w.Header(), e)
	}
	_ = writeJSON(w, p.StatusCode, p) // of strings
}

// message names the fields as the API does.
func message(e *parley.Error) string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	texts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		texts[i] = field(f.Field) + ": " + f.Message
	}
	return strings.Join(texts, "; ")
}

// names are the fields of the core that have another name here.
var names = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`^to\.conversation$`), "conversationId"},
	{regexp.MustCompile(`^to(\.(contact|address))?$`), "destination"},
	{regexp.MustCompile(`^to\.channel$`), "internalEndpointId"},
	{regexp.MustCompile(`^to\.title$`), "destination.secureEndpoint.subject"},
	{regexp.MustCompile(`^from\.author\.id$`), "author"},
	{regexp.MustCompile(`^(attachments\[\d+\])$`), "$1.attachmentId"},
	{regexp.MustCompile(`^(attachments\[\d+\])\.name$`), "$1.title"},
	{regexp.MustCompile(`^Idempotency-Key$`), idempotencyHeader},
}

// within puts fields of a message under its own name, where a request has more than a message.
func within(name string, err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	named := *e
	named.Fields = slices.Clone(e.Fields)
	for i := range named.Fields {
		f := field(named.Fields[i].Field)
		for _, own := range []string{"body", "author", "internal", "attachments"} {
			if strings.HasPrefix(f, own) {
				f = name + "." + f
				break
			}
		}
		named.Fields[i].Field = f
	}
	return &named
}

func field(name string) string {
	for _, n := range names {
		if n.pattern.MatchString(name) {
			return n.pattern.ReplaceAllString(name, n.name)
		}
	}
	return name
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the caller is gone if it fails
	return nil
}
