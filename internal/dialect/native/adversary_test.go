package native_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/parley"
)

// spoiled is a request that succeeds but for one thing, and what the answer must say of it. An empty code is any.
type spoiled struct {
	what, method, path, body string
	headers                  []string
	status                   int
	code, field              string
}

// Whatever is wrong with a request, of whatever operation, is refused in words that name it, and stores nothing.
func TestEveryRouteRefuses(t *testing.T) {
	w := newWorld(t)
	things, theirs := w.things(t), thingsOf(t, w.client(t, w.organization(t, "Beta").Key.Token))
	foreign := map[string]string{}
	for name, id := range things {
		foreign[id] = theirs[name]
	}
	before := w.latest(t)
	for _, route := range native.Routes() {
		t.Run(route.ID, func(t *testing.T) {
			s := samples[route.ID].fill(things)
			token := w.token
			if s.personal {
				token = things["secret"]
			}
			all := slices.Concat(spoiledRequests(route, s), spoiledQueries(route, s), spoiledPaths(route, theirs))
			if route.Body != nil {
				all = append(all, spoiledBodies(route, s)...)
				bodies := append(further[route.ID], s.body)
				if route.ID == "sendBatch" {
					bodies = nil // what is wrong with one message does not refuse the others
				}
				for _, body := range bodies {
					all = append(all, spoiledValues(route, sample{path: s.path, body: body}.fill(things), foreign)...)
				}
			}
			for _, c := range all {
				w.wantRefused(t, token, c)
			}
		})
	}
	if after := w.latest(t); after != before {
		t.Errorf("something was stored: the log went from %d to %d", before, after)
	}
}

func (w *world) wantRefused(t *testing.T, token string, c spoiled) {
	t.Helper()
	answer, text := w.raw(t, c.method, c.path, token, c.body, c.headers...)
	var p api.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || answer.StatusCode != c.status || c.code != "" && p.Code != c.code {
		t.Errorf("%s: %.200s\n%d %.500s\nwant %d %s", c.what, c.body, answer.StatusCode, text, c.status, c.code)
		return
	}
	if c.field != "" && !slices.ContainsFunc(p.Errors, func(f api.FieldError) bool { return f.Field == c.field }) {
		t.Errorf("%s: %.200s\n%.500s\ndoes not name %s", c.what, c.body, text, c.field)
	}
	if p.Status != c.status || p.RequestID == "" || p.Detail == "" || answer.Header.Get("X-Request-Id") != p.RequestID ||
		answer.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(text, "\\u0000") {
		t.Errorf("%s: %v %.500s", c.what, answer.Header, text)
	}
}

// spoiledRequests are what is wrong around the body and the query.
func spoiledRequests(route *contract.Route, s sample) (all []spoiled) {
	path, _, _ := strings.Cut(s.path, "?")
	add := func(c spoiled) {
		if c.method == "" {
			c.method = route.Method
		}
		if c.path == "" {
			c.path = s.path
		}
		all = append(all, c)
	}
	add(spoiled{what: "unknown method", method: "BREW", path: path, status: 405, code: "method-not-allowed"})
	add(spoiled{what: "preflight", method: http.MethodOptions, path: path, status: 405, code: "method-not-allowed"})
	add(spoiled{what: "unknown path", path: path + "/nothing/here", status: 404, code: "route-unknown"})
	if route.Scope == "" {
		return all
	}
	add(spoiled{what: "organization of nobody", body: s.body, headers: append(s.headers(), "Parley-Organization", string(parley.NewID(time.Now()))),
		status: 404, code: "not-found", field: "Parley-Organization"})
	if route.Keyed {
		for what, key := range map[string]string{"long": strings.Repeat("k", 256), "empty": ""} {
			add(spoiled{what: what + " idempotency key", body: s.body, headers: append(s.headers(), "Idempotency-Key", key),
				status: 422, code: "idempotency-key-invalid", field: "Idempotency-Key"})
		}
	}
	for _, name := range route.Parameters {
		for _, value := range []string{"%00", strings.Repeat("x", 501), "x%20y"} {
			if at := strings.Index(route.Path, "{"+name+"}"); at == strings.Index(route.Path, "{") { // the first: the others are of it
				rest := route.Path[at+len(name)+2:]
				for _, other := range route.Parameters {
					rest = strings.ReplaceAll(rest, "{"+other+"}", "1")
				}
				add(spoiled{what: "path value " + value, path: route.Path[:at] + value + rest, body: s.body, headers: s.headers(), status: 404, code: "not-found"})
			}
		}
	}
	return all
}

// spoiledBodies are what is wrong in a body.
func spoiledBodies(route *contract.Route, s sample) (all []spoiled) {
	if route.Body == nil {
		return nil
	}
	add := func(what, body string, status int, code, field string, headers ...string) {
		all = append(all, spoiled{what, route.Method, s.path, body, headers, status, code, field})
	}
	if !route.Bodiless {
		add("no body", "", 400, "malformed", "")
	}
	add("half a body", s.body[:len(s.body)-1], 400, "malformed", "")
	add("more than a body", s.body+"{}", 400, "malformed", "")
	add("no UTF-8", "{\"\xff\":1}", 400, "malformed", "")
	add("deep", strings.Repeat("[", 1000), 400, "malformed", "")
	add("an array", "[]", 422, "type", "body")
	add("null", "null", 422, "type", "body")
	add("unknown field", `{"nothing":1,`+s.body[1:], 0, "unknown-field", "nothing")
	add("wrong content type", s.body, 415, "content-type-unsupported", "Content-Type", "Content-Type", "text/plain")
	add("large body", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`, 413, "body-too-large", "body")
	for i := range all {
		if all[i].what == "unknown field" {
			all[i].body, all[i].status = strings.Replace(all[i].body, ",}", "}", 1), 422
		}
	}
	return all
}

// further are bodies that succeed, besides those of the samples, with every other field that holds an id.
var further = map[string][]string{
	"sendMessage": {`{"to":{"contact":"{contact}","channel":"{channel}"},"body":"x"}`, `{"to":{"address":"phone:+15550100","channel":"{channel}"},"body":"x"}`,
		`{"to":{"team":"{team}"},"body":"x"}`, `{"to":{"broadcast":"{broadcast}"},"body":"x"}`, `{"to":{"user":"{user}"},"body":"x"}`,
		`{"to":{"conversation":"{conversation}"},"body":"x","replyTo":"{internal}","attachments":["{media}"]}`,
		`{"to":{"user":"{user}"},"template":{"id":"{template}","variables":{"day":"Monday"}}}`,
		`{"to":{"user":"{user}"},"body":[{"kind":"section","parts":[{"kind":"image","files":[{"media":"{media}"}]}]},{"kind":"page","who":{"kind":"team","id":"{team}"}},{"kind":"mention","who":{"kind":"contact","id":"{contact}"}}]}`,
		`{"to":{"users":["{user}","{user2}"]},"group":{"name":"We","avatar":"{media}"},"body":"x","priority":"high","ttl":60}`},
	"sendToConversation": {`{"body":"x","record":{"direction":"inbound","author":{"kind":"contact","id":"{contact}"}}}`,
		`{"body":"x","record":{"direction":"none","author":{"kind":"team","id":"{team}"}}}`, `{"body":"x","record":{"direction":"outbound","author":{"kind":"user","id":"{user}"}}}`},
	"playInbound":        {`{"from":"phone:+15550100","channel":"{channel}","body":"x","replyTo":"{message}","attachments":["{media}"]}`},
	"createConversation": {`{"kind":"external","channel":"{channel}","participants":[{"contact":"{contact}"}],"assignees":[{"kind":"team","id":"{team}"}]}`},
	"createTemplate":     {`{"name":"x","locales":[{"locale":"en","body":[{"kind":"image","files":[{"media":"{media}"}]},{"kind":"mention","who":{"kind":"user","id":"{user}"}}]}]}`},
	"fillSavedReply":     {`{"conversation":"{conversation}"}`, `{"contact":"{contact}"}`},
	"createAutoReply":    {`{"name":"x","when":"first","template":{"id":"{template}"}}`},
	"patchChannel":       {`{"open":false,"members":["{user}","{user2}"]}`},
	"createKey":          {`{"name":"x","user":"{user}","scopes":["users:read"]}`},
}

// spoiledValues are bodies with one value that is wrong.
func spoiledValues(route *contract.Route, s sample, foreign map[string]string) (all []spoiled) {
	add := func(what string, body []byte, code, field string) {
		all = append(all, spoiled{what + field, route.Method, s.path, string(body), nil, 422, code, field})
	}
	var value any
	if err := json.Unmarshal([]byte(s.body), &value); err != nil {
		panic(err)
	}
	render := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return text
	}
	walk(value, "", func(field string, at any, replace func(any) []byte) {
		if at == nil {
			return
		}
		add("wrong type of ", replace(7.5), "type", field)
		text, ok := at.(string)
		if !ok {
			return
		}
		add("U+0000 in ", replace(text+"\x00"), "text-invalid", field)
		if other, known := foreign[text]; known {
			add("unknown id in ", replace(string(parley.NewID(time.Now()))), "", field)
			add("no id in ", replace("x y"), "", field)
			add("id of another organization in ", replace(other), "", field)
		}
	}, render)
	return all
}

// walk visits the values within a value; replace renders the whole with another in its place.
func walk(value any, path string, visit func(field string, at any, replace func(any) []byte), render func(any) []byte) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			field := name
			if path != "" {
				field = path + "." + name
			}
			within := func(other any) []byte {
				changed := maps.Clone(v)
				changed[name] = other
				return render(changed)
			}
			visit(field, v[name], within)
			walk(v[name], field, visit, within)
		}
	case []any:
		for i := range v {
			field := fmt.Sprintf("%s[%d]", path, i)
			within := func(other any) []byte {
				changed := slices.Clone(v)
				changed[i] = other
				return render(changed)
			}
			visit(field, v[i], within)
			walk(v[i], field, visit, within)
		}
	}
}

// spoiledQueries are what is wrong with parameters.
func spoiledQueries(route *contract.Route, s sample) (all []spoiled) {
	path, _, _ := strings.Cut(s.path, "?")
	add := func(query, code, field string) {
		all = append(all, spoiled{"query " + query, route.Method, path + "?" + query, s.body, s.headers(), 422, code, field})
	}
	if route.Scope == "" {
		return nil
	}
	add("nothing=1", "unknown-field", "nothing")
	if route.Query == nil {
		return all
	}
	for _, field := range reflect.VisibleFields(route.Query) {
		name := field.Tag.Get("query")
		if name == "" {
			continue
		}
		if field.Type.Kind() == reflect.Slice {
			if field.Tag.Get("enum") == "" {
				add(name+"=x", "text-invalid", name)
			} else {
				add(name+"=x", "value-unknown", name)
			}
			continue
		}
		add(name+"=1&"+name+"=2", "duplicate", name)
		switch {
		case field.Type.Kind() == reflect.Int:
			add(name+"=x", "type", name)
			add(name+"=0", "out-of-range", name)
			add(name+"=100000", "out-of-range", name)
		case field.Type == reflect.TypeFor[time.Time]():
			add(name+"=x", "time-invalid", name)
		case field.Tag.Get("enum") != "":
			add(name+"=nothing", "value-unknown", name)
			add(name+"=%00", "text-invalid", name)
		default:
			add(name+"=%00", "text-invalid", name)
			add(name+"=%ff", "text-invalid", name)
		}
		if name == "after" && route.ID != "listConnectors" {
			add("after=no-cursor", "cursor-invalid", name)
		}
	}
	return all
}

// spoiledPaths name what does not exist, or belongs to another organization.
func spoiledPaths(route *contract.Route, theirs map[string]string) (all []spoiled) {
	s := samples[route.ID]
	if !strings.Contains(s.path, "{") {
		return nil
	}
	nobody := map[string]string{}
	for name := range theirs {
		nobody[name] = string(parley.NewID(time.Now()))
	}
	for what, things := range map[string]map[string]string{"unknown id": nobody, "id of another organization": theirs} {
		all = append(all, spoiled{what + " in the path", route.Method, s.fill(things).path, s.fill(things).body, s.headers(), 404, "not-found", ""})
	}
	return all
}

// What there is to get, there is to ask for by HEAD: the same, without a body. A stream is none.
func TestHead(t *testing.T) {
	w := newWorld(t)
	things := w.things(t)
	for _, route := range native.Routes() {
		s := samples[route.ID].fill(things)
		if route.Method != http.MethodGet {
			continue
		}
		got, _ := w.raw(t, http.MethodGet, s.path, w.token, "")
		head, text := w.raw(t, http.MethodHead, s.path, w.token, "", "Accept", "text/event-stream")
		if head.StatusCode != got.StatusCode || text != "" || head.Header.Get("Content-Type") != got.Header.Get("Content-Type") || head.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %v %q, by GET %d", route.ID, head.StatusCode, head.Header, text, got.StatusCode)
		}
	}
}

// A body that does not say how long it is has the same limit, in forms too.
func TestChunkedBodiesHaveTheLimit(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 2*maxUpload)
	for path, c := range map[string][4]string{
		"/v1/messages": {`{"body":"` + long + `"}`, "application/json", "body-too-large", "body"},
		"/v1/media":    {strings.Replace(form, "hello", long, 1), "multipart/form-data; boundary=b", "media-too-large", "file"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, io.MultiReader(strings.NewReader(c[0]))) // of no known length
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Header.Set("Content-Type", c[1])
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		var p api.Problem
		err = json.NewDecoder(answer.Body).Decode(&p)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge || p.Code != c[2] || len(p.Errors) == 0 || p.Errors[0].Field != c[3] {
			t.Errorf("%s: %d %+v %v", path, answer.StatusCode, p, err)
		}
	}
}
