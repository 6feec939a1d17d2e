package webhooks_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

// TestAddresses: only https to what may be reached, and http to what the operator lets be reached inside.
func TestAddresses(t *testing.T) {
	w := coretest.New(t)
	for name, c := range map[string]struct {
		allow    []string
		loopback bool
		good     string
		bad      string
	}{
		"as it is": {good: "https://a.example https://a.example:8443/x?y=1 https://user:secret@a.example/ https://8.8.8.8/",
			bad: "http://a.example http://8.8.8.8/ https://127.0.0.1 http://127.0.0.1 https://localhost https://10.0.0.1 https://[::1] https://[fe80::1] https://169.254.169.254 https://0.0.0.0 ftp://a.example https: //a.example a.example https://a.example/#f"},
		"this machine": {loopback: true, good: "http://127.0.0.1:9999/x https://127.0.0.1 http://localhost:9999 http://[::1]:9999 https://a.example", bad: "http://a.example http://10.0.0.1 https://192.168.1.1"},
		"a network":    {allow: []string{"10.1.0.0/16"}, good: "http://10.1.2.3/ https://10.1.2.3/", bad: "http://10.2.0.1/ https://127.0.0.1/ http://a.example"},
	} {
		guard, err := connector.NewGuard(c.allow, c.loopback)
		w.Must(err)
		all := webhooks.New(webhooks.Options{Store: w.Store, Log: w.Core.Log, Authenticator: w.Auth, Guard: guard})
		all.Use(webhooks.Format{Name: "test", Render: func(context.Context, *access.Principal, []eventlog.Detail) ([][]webhooks.Rendered, error) {
			return nil, nil
		},
			Header: func(*parley.Webhook, parley.PostKey, []byte) http.Header { return nil }})
		p := w.Organization(name)
		try := func(url string) error {
			made, _, err := all.Create(t.Context(), p, webhooks.Params{Format: "test", Name: "n", URL: url}, nil)
			if err == nil {
				err = all.Delete(t.Context(), p, "test", made.ID)
			}
			return err
		}
		for _, url := range strings.Fields(c.good) {
			if err := try(url); err != nil {
				t.Errorf("%s: %s is refused: %v", name, url, err)
			}
		}
		for _, url := range strings.Fields(c.bad) {
			if e := parley.AsError(try(url)); e == nil || e.Kind != parley.KindInvalid || len(e.Fields) != 1 || e.Fields[0].Field != "url" {
				t.Errorf("%s: %s: %v", name, url, e)
			}
		}
		if list, err := all.List(t.Context(), p, "test"); err != nil || len(list) != 0 {
			t.Errorf("%s: there are %v, %v", name, list, err)
		}
	}
}

// TestPostID: each post has an id of its own, which is the same each time.
func TestPostID(t *testing.T) {
	at := time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)
	seen := map[parley.ID]bool{}
	for _, sequence := range []int64{1, 2, 255, 256, 1 << 32, 1 << 54} {
		for part := range 3 {
			key := parley.PostKey{At: at, Sequence: sequence, Part: part}
			id := webhooks.PostID(key)
			if !id.Valid() || seen[id] || webhooks.PostID(key) != id {
				t.Errorf("%d.%d is %s", sequence, part, id)
			}
			seen[id] = true
		}
	}
}
