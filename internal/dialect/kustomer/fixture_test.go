package kustomer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/fresh"
)

type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// clinic is an organization on a server, with a customer and a conversation.
type clinic struct {
	*api.Client
	t            *testing.T
	config       config.Config
	server       *app.App
	token        string
	sms          string // a channel
	customer     string // a contact, in the words of the native API
	conversation string // with it
}

// settings are those of a server on the chosen database, whose budgets are off but for that of messages.
func settings(t *testing.T) config.Config {
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.KustomerRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, 0, false
	c.Database = fresh.Database(t, c.Data)
	return c
}

func start(t *testing.T, c config.Config) *app.App {
	t.Helper()
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}}))
	t.Cleanup(func() { _ = a.Close() })
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// open makes a clinic.
func open(t *testing.T, c config.Config) *clinic {
	t.Helper()
	o := &clinic{t: t, config: c, server: start(t, c)}
	o.token = must[string](t)(o.server.Administrator(t.Context(), "Alpha"))
	o.Client = must[*api.Client](t)(api.New(o.server.URL(), o.token, api.WithRetry(api.Retry{})))
	t.Cleanup(o.Client.Close)
	o.sms = must[*api.Channel](t)(o.CreateChannel(t.Context(), api.ChannelRequest{Name: "Text messages", Connector: "sandbox", Platform: "sms", Default: true})).ID
	o.customer, o.conversation = o.patient("Ana", "+31612345678")
	return o
}

// patient makes a contact, and a conversation with it.
func (o *clinic) patient(name, phone string) (contact, conversation string) {
	o.t.Helper()
	contact = must[*api.Contact](o.t)(o.CreateContact(o.t.Context(), api.ContactRequest{Name: name, Addresses: []api.Address{{Kind: "phone", Value: phone}}})).ID
	return contact, o.with(contact)
}

// with makes a conversation with a contact.
func (o *clinic) with(contact string) string {
	o.t.Helper()
	return must[*api.Conversation](o.t)(o.CreateConversation(o.t.Context(), api.ConversationRequest{Kind: "external", Channel: o.sms,
		Participants: []api.NewParticipant{{Contact: contact}}})).ID
}

// key makes a key with roles at the door, and every scope that it may need; nil: the scopes alone.
func (o *clinic) key(roles []string, scopes ...string) string {
	o.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"messages:send", "messages:record", "messages:read", "conversations:read", "contacts:read", "users:read"}
	}
	k := api.KeyRequest{Name: "Integration", Scopes: scopes}
	if roles != nil {
		k.Doors = map[string]api.DoorGrants{"kustomer": {Roles: roles}}
	}
	return must[*api.Key](o.t)(o.CreateKey(o.t.Context(), k)).Secret
}

// d is where answers have attributes.
const d = "data.attributes."

func hex(id string) string { return parley.ID(id).Hex() }

// answer is what the door answered.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// call makes a request at the door of a server.
func call(t *testing.T, url, key, method, path string, body any) answer {
	t.Helper()
	var text []byte
	switch body := body.(type) {
	case nil:
	case string:
		text = []byte(body)
	default:
		text = must[[]byte](t)(json.Marshal(body))
	}
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, url+"/kustomer"+path, bytes.NewReader(text)))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	read := must[[]byte](t)(io.ReadAll(response.Body))
	a.text = string(read)
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s %s is answered with %q: %s", method, path, response.Header.Get("Content-Type"), read)
	}
	decoder := json.NewDecoder(bytes.NewReader(read))
	decoder.UseNumber()
	if err := decoder.Decode(&a.body); err != nil {
		t.Fatalf("%s %s: %d %q: %v", method, path, a.status, read, err)
	}
	conforms(t, method, path, a.status, read)
	return a
}

// Says is a statement about the documented call, proven in the clinic.
func (o *clinic) Says(t *testing.T, parameter, statement string, test func(o *clinic)) {
	t.Helper()
	says := doortest.Says // with the words of whoever calls this
	says(t, parameter, statement, func(t *testing.T) {
		inside := *o
		inside.t = t
		test(&inside)
	})
}

func (o *clinic) call(key, method, path string, body any) answer {
	o.t.Helper()
	return call(o.t, o.server.URL(), key, method, path, body)
}

type m = map[string]any

// message is a request of what every message has, with changes; one whose value is absent is left out.
func message(change m) m {
	b := m{"channel": "sms", "app": "acme-inbox", "preview": "Where is parcel 4417?"}
	for name, v := range change {
		if b[name] = v; v == absent {
			delete(b, name)
		}
	}
	return b
}

const absent = "absent"

// keeps records a message with an attribute, which comes back as it was given: in the answer, and when the message is read.
func (o *clinic) keeps(key, name string, value any) {
	o.t.Helper()
	a := o.post(key, o.conversation, message(m{name: value}))
	a.has(o.t, 201, m{d + name: value})
	o.call(key, "GET", "/v1/messages/"+a.id(), nil).has(o.t, 200, m{d + name: value})
}

// refuses checks that a request is refused for an attribute, and that nothing is stored.
func (o *clinic) refuses(key string, body any, status int, pointer string) answer {
	o.t.Helper()
	before := must[*api.Conversation](o.t)(o.GetConversation(o.t.Context(), o.conversation))
	a := o.post(key, o.conversation, body)
	want := m{"errors.0.status": status}
	if pointer != "" {
		want["errors.0.source.pointer"] = pointer
	}
	a.has(o.t, status, want)
	for _, name := range []string{"title", "code", "message", "detail"} {
		if text, _ := a.at("errors.0." + name).(string); text == "" {
			o.t.Errorf("%v: no %s in %s", body, name, a.text)
		}
	}
	if strings.Contains(a.text, "record.") || strings.Contains(a.text, "json:") {
		o.t.Errorf("the answer has words of ours: %s", a.text)
	}
	after := must[*api.Conversation](o.t)(o.GetConversation(o.t.Context(), o.conversation))
	if before.LastSequence != after.LastSequence || before.Rev != after.Rev {
		o.t.Errorf("%v: something is stored: %+v", body, after)
	}
	return a
}

// refusesEach is refuses of values of an attribute.
func (o *clinic) refusesEach(key, name string, pointers map[string]any) {
	o.t.Helper()
	for pointer, value := range pointers {
		pointer, _, _ = strings.Cut(pointer, " ")
		o.refuses(key, message(m{name: value}), 400, pointer)
	}
}

// post records a message in a conversation.
func (o *clinic) post(key, conversation string, body any) answer {
	o.t.Helper()
	return o.call(key, "POST", "/v1/conversations/"+hex(conversation)+"/messages", body)
}

// at is what an answer has in a place.
func (a answer) at(path string) any {
	var v any = a.body
	for _, name := range strings.Split(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			if name != "0" || len(inner) == 0 {
				return nil
			}
			v = inner[0]
		default:
			return nil
		}
	}
	return v
}

// has checks what an answer has in places.
func (a answer) has(t *testing.T, status int, want m) {
	t.Helper()
	if a.status != status {
		t.Errorf("answered %d, want %d: %s", a.status, status, a.text)
	}
	for path, v := range want {
		got, _ := json.Marshal(a.at(path))
		wanted, _ := json.Marshal(v)
		if !bytes.Equal(got, wanted) {
			t.Errorf("%s is %s, want %s", path, got, wanted)
		}
	}
}

// id is that of the message in an answer.
func (a answer) id() string {
	text, _ := a.at("data.id").(string)
	return text
}

// native is an id in an answer, as the native API writes it.
func (a answer) native(path string) string {
	text, _ := a.at(path).(string)
	id, _ := parley.IDFromHex(text)
	return string(id)
}
