package tigerconnect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// datum is a piece of data of a message, which only programs read.
type datum struct {
	Namespace string `json:"namespace"`
	MIMEType  string `json:"mimetype"`
	Payload   string `json:"payload"`
}

const (
	jsonType     = "application/json"
	reserved     = "tigertext:" // namespaces that the server alone writes
	roleSender   = "tigertext:message:role:sender"
	maxData      = 50
	maxNamespace = 200
	maxPayloads  = 64 << 10 // bytes of all together
)

// data reads one piece of data or an array of them.
func (f fields) data() ([]datum, error) {
	value, ok := f.inner("data")
	if !ok {
		return nil, nil
	}
	value = bytes.TrimSpace(value)
	if bytes.HasPrefix(value, []byte("{")) {
		value = append(append([]byte("["), value...), ']')
	}
	var given []struct {
		Namespace string          `json:"namespace"`
		MIMEType  string          `json:"mimetype"`
		Payload   json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(value, &given); err != nil {
		return nil, parley.Invalid("data", "type-invalid", "must be an object or an array of objects with namespace, payload and mimetype")
	}
	if len(given) > maxData {
		return nil, parley.Invalid("data", "too-many", "must be at most %d", maxData)
	}
	list, size := make([]datum, len(given)), 0
	for i, g := range given {
		at := fmt.Sprintf("data[%d]", i)
		switch {
		case strings.TrimSpace(g.Namespace) == "":
			return nil, parley.Invalid(at+".namespace", "required", "must be there, as vendor:name")
		case strings.HasPrefix(strings.ToLower(strings.TrimSpace(g.Namespace)), reserved):
			return nil, parley.Invalid(at+".namespace", "namespace-reserved", "must not begin with %s", reserved)
		case len(g.Namespace) > maxNamespace || len(g.MIMEType) > maxNamespace:
			return nil, parley.Invalid(at+".namespace", "too-long", "must be at most %d bytes, as the mimetype", maxNamespace)
		case len(g.Payload) == 0 || string(g.Payload) == "null":
			return nil, parley.Invalid(at+".payload", "required", "must be there")
		}
		list[i] = datum{Namespace: g.Namespace, MIMEType: g.MIMEType, Payload: payload(g.Payload)}
		if list[i].MIMEType == "" {
			list[i].MIMEType = jsonType
		}
		if !utf8.ValidString(list[i].Payload) || strings.IndexByte(g.Namespace+g.MIMEType+list[i].Payload, 0) >= 0 {
			return nil, parley.Invalid(at, "text-invalid", "must be UTF-8 without the character U+0000")
		}
		size += len(list[i].Payload)
	}
	if size > maxPayloads {
		return nil, parley.Invalid("data", "too-long", "must have at most %d bytes of payload", maxPayloads)
	}
	return list, nil
}

// payload is a text as it was given, or other JSON written as one.
func payload(given json.RawMessage) string {
	var text string
	if json.Unmarshal(given, &text) == nil {
		return text
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, given) // it was read as JSON
	return compact.String()
}

// extra is what the door keeps with a message.
type extra struct {
	ClientID string  `json:"client_id,omitempty"`
	Data     []datum `json:"data,omitempty"`
}

func (o *outgoing) kept() (map[string]json.RawMessage, error) {
	text, err := json.Marshal(extra{o.ClientID, o.Data})
	return map[string]json.RawMessage{Name: text}, err
}

// extraOf is what the door has kept with a message; nothing where that came in elsewhere, or its content is gone.
func extraOf(m *parley.Message) (e extra) {
	if text := m.Ext[Name]; text != nil {
		_ = json.Unmarshal(text, &e) // it was written here
	}
	return e
}
