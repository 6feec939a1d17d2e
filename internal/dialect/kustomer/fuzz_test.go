package kustomer

import (
	"encoding/json"
	"testing"

	"github.com/parley-server/parley/internal/parley"
)

// FuzzMessage: whatever bytes come, they are refused by name or make a record that gives back what was given.
func FuzzMessage(f *testing.F) {
	for _, text := range []string{`{}`, `{"channel":"sms","app":"a"}`, `{"channel":"sms","app":"a","custom":{"aStr":"b","cNum":1e400},"meta":{"x":[null]}}`,
		`{"channel":"email","app":"a","attachments":[{"_id":"65bf0a1c9d3e4f0012ab34c1"},1],"queue":[],"sentiment":{"polarity":-0}}`, `[1]`, "{\"channel\":\"\xff\"}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := decode(body)
		if err != nil {
			return
		}
		var c parley.Check
		messageShape.check(&c, "", o)
		if len(c.Wrong) > 0 {
			for _, wrong := range c.Wrong {
				if wrong.Field == "" || wrong.Code == "" || wrong.Message == "" || pointer(wrong.Field)[0] != '/' {
					t.Fatalf("%q is refused as %+v", body, wrong)
				}
			}
			return
		}
		r := request{object: o}
		kept, err := r.kept("sent", true)
		if err != nil {
			t.Fatal(err)
		}
		given := givenOf(&parley.Message{Ext: map[string]json.RawMessage{Name: kept}})
		if given["channel"] != r.text("channel") || given["app"] != r.text("app") || given["status"] == nil {
			t.Fatalf("%q gives back %v", body, given)
		}
		_ = r.attachments()
	})
}
