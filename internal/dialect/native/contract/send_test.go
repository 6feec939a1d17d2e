package contract_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/wire"
)

var plainSends = []string{
	`{"to":{"contact":"d0l3kq0s7k0c5vsr9ehg"},"body":"hello","reference":"order 7","priority":"high"}`,
	`{"to":{"address":"phone:+15550100","channel":"c"},"body":"h\u00e9llo \ud83d\ude00\n\"x\"","ttl":60,"validity":0}`,
	` { "body" : "x" , "to" : { "user" : "u" } , "internal" : true , "deleteOnRead" : false , "tags" : [ "a" , "b" ] , "metadata" : { "k" : "v" , "" : "" } } `,
	`{"to":{"team":"t","broadcast":"b","conversation":"c"},"body":"","replyTo":"m","tags":[],"metadata":{}}`,
}

// badSends are bodies that are not accepted, and the field and code that the refusal names.
var badSends = []struct{ body, field, code string }{
	{`{`, "", "malformed"},
	{`{"to":{"user":"u"},"body":"x"} x`, "", "malformed"},
	{`{"to":{"user":"u"},"body":"x",}`, "", "malformed"},
	{`{"to":{"user":"u"},'body':"x"}`, "", "malformed"},
	{"{\"body\":\"\xff\"}", "", "malformed"},
	{"{\"body\":\"a\nb\"}", "", "malformed"},
	{`{"body":"\x"}`, "", "malformed"},
	{`{"ttl":01}`, "", "malformed"},
	{`{"ttl":1.}`, "", "malformed"},
	{`{"ttl":+1}`, "", "malformed"},
	{`{"internal":TRUE}`, "", "malformed"},
	{`7`, "body", "type"},
	{`null`, "body", "type"},
	{`[]`, "body", "type"},
	{`{"bdoy":"x"}`, "bdoy", "unknown-field"},
	{`{"Body":"x"}`, "Body", "unknown-field"},
	{`{"to":{"usr":"u"}}`, "to.usr", "unknown-field"},
	{`{"to":"u"}`, "to", "type"},
	{`{"to":{"user":7}}`, "to.user", "type"},
	{`{"to":{"user":"a"},"to":{"contact":"b"}}`, "to", "duplicate"},
	{`{"to":{"user":"a","user":"b"}}`, "to.user", "duplicate"},
	{`{"metadata":{"a":"1","a":"2"}}`, "metadata.a", "duplicate"},
	{`{"body":7}`, "body", "type"},
	{`{"body":{"kind":"text"}}`, "body", "type"},
	{`{"body":["x"]}`, "body[0]", "type"},
	{`{"body":[{"kind":"video"}]}`, "body[0].kind", "value-unknown"},
	{`{"body":[{"text":"x"}]}`, "body[0].kind", "required"},
	{`{"body":[{"kind":"text","txt":"x"}]}`, "body[0].txt", "unknown-field"},
	{`{"body":[{"kind":"location","latitude":91,"longitude":0}]}`, "body[0].latitude", "out-of-range"},
	{`{"body":"a\u0000b"}`, "body", "text-invalid"},
	{`{"to":{"user":"\u0000"}}`, "to.user", "text-invalid"},
	{`{"metadata":{"a\u0000":"x"}}`, "metadata", "text-invalid"},
	{`{"metadata":{"a":1}}`, "metadata.a", "type"},
	{`{"metadata":{"a":null}}`, "metadata.a", "type"},
	{`{"tags":"x"}`, "tags", "type"},
	{`{"tags":[null]}`, "tags[0]", "type"},
	{`{"ttl":-1}`, "ttl", "out-of-range"},
	{`{"ttl":1e3}`, "ttl", "type"},
	{`{"ttl":1.0}`, "ttl", "type"},
	{`{"ttl":"1"}`, "ttl", "type"},
	{`{"ttl":99999999999999999999}`, "ttl", "out-of-range"},
	{`{"validity":3153600001}`, "validity", "out-of-range"},
	{`{"priority":"urgent"}`, "priority", "value-unknown"},
	{`{"internal":"true"}`, "internal", "type"},
	{`{"sendAt":"tomorrow"}`, "sendAt", "time-invalid"},
	{`{"sendAt":1}`, "sendAt", "type"},
	{`{"record":{}}`, "record.direction", "required"},
	{`{"record":{"direction":null}}`, "record.direction", "type"},
	{`{"record":{"direction":"up"}}`, "record.direction", "value-unknown"},
	{`{"reopen":"new"}`, "reopen", "value-unknown"},
	{`{"group":{"name":["x"]}}`, "group.name", "type"},
}

func sendRoute() *contract.Route {
	return contract.New(huma.Info{}).Add(contract.Operation{Method: http.MethodPost, Path: "/v1/messages", ID: "send", Tag: "messages",
		Body: reflect.TypeFor[api.SendRequest](), Answer: reflect.TypeFor[api.Message]()})
}

// humaSays is what huma's own validation makes of a body.
func humaSays(t testing.TB, body []byte) bool {
	t.Helper()
	var value any
	if json.Unmarshal(body, &value) != nil {
		return false
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[api.Body](), reflect.TypeFor[anyBody]())
	schema := registry.Schema(reflect.TypeFor[api.SendRequest](), false, "")
	result := &huma.ValidateResult{}
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, result)
	return len(result.Errors) == 0
}

type anyBody struct{}

func (anyBody) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[api.Part](), true, "")}}}
}

// stricter are refusals of what huma's validation does not look at.
var stricter = map[string]bool{"duplicate": true, "text-invalid": true}

func TestBadBodiesAreRefused(t *testing.T) {
	route := sendRoute()
	for _, c := range badSends {
		var into api.SendRequest
		err := route.ReadBody([]byte(c.body), &into)
		code, field := problemOf(t, err)
		if code != c.code || field != c.field {
			t.Errorf("%s: %v; want %s of %s", c.body, err, c.code, c.field)
		}
		if _, ok := wire.ReadSend([]byte(c.body)); ok {
			t.Errorf("%s: the quick way accepts it", c.body)
		}
		if !stricter[c.code] && c.field != "Body" && c.body != `{"ttl":1e3}` && c.body != `{"ttl":1.0}` && !hasInvalidUTF8(c.body) && humaSays(t, []byte(c.body)) {
			t.Errorf("%s: huma accepts it", c.body)
		}
	}
}

func TestPlainSendsAreReadTheSameWay(t *testing.T) {
	route := sendRoute()
	for _, body := range plainSends {
		if _, ok := wire.ReadSend([]byte(body)); !ok {
			t.Errorf("%s: not taken for plain", body)
		}
		sameWay(t, route, []byte(body))
	}
}

// sameWay checks that what the quick way accepts is accepted by the schema and by huma, with the same outcome,
// and what the schema accepts, by huma.
func sameWay(t testing.TB, route *contract.Route, body []byte) {
	t.Helper()
	var request api.SendRequest
	err := route.ReadBody(body, &request)
	if err == nil && !humaSays(t, body) {
		t.Errorf("%q is accepted, but not by huma", body)
	}
	params, ok := wire.ReadSend(body)
	if !ok {
		return
	}
	if err != nil {
		t.Errorf("%q is plain, but refused: %v", body, err)
	} else if want := wire.SendParams(&request); !reflect.DeepEqual(params, want) {
		t.Errorf("%q\ngot  %+v\nwant %+v", body, params, want)
	}
}

func FuzzSend(f *testing.F) {
	for _, body := range plainSends {
		f.Add([]byte(body))
	}
	for _, c := range badSends {
		f.Add([]byte(c.body))
	}
	route := sendRoute()
	f.Fuzz(func(t *testing.T, body []byte) { sameWay(t, route, body) })
}

// FuzzReader compares the reader with encoding/json.
func FuzzReader(f *testing.F) {
	for _, body := range plainSends {
		f.Add([]byte(body))
	}
	for _, text := range []string{`[1,-0.5e+7,true,null,"\u00zz"]`, `"\ud800"`, `"\ud800\u0041"`, `{"a":{"b":[[]]}}`, ` 1 2`, `tru`, `-`, `1e`, `"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := contract.NewReader(text)
		if err := r.Skip(); err == nil {
			err = r.End()
			if (err == nil) != json.Valid(text) {
				t.Errorf("%q: %v", text, err)
			}
		} else if json.Valid(text) && !deep(text) {
			t.Errorf("%q: %v", text, err)
		}
		r = contract.NewReader(text)
		if got, err := r.String(); err == nil && r.End() == nil {
			var want string
			if json.Unmarshal(text, &want) == nil && validUTF8(text) && string(got) != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	})
}

func BenchmarkReadSend(b *testing.B) {
	body := benchBody()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := wire.ReadSend(body); !ok {
			b.Fatal("not plain")
		}
	}
}

func BenchmarkReadBody(b *testing.B) {
	body, route := benchBody(), sendRoute()
	b.ReportAllocs()
	for b.Loop() {
		var request api.SendRequest
		if err := route.ReadBody(body, &request); err != nil {
			b.Fatal(err)
		}
		_ = wire.SendParams(&request)
	}
}
