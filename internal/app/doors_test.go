package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
)

// asked is the answer to a request with a key, by a host name that is perhaps not that of the address.
func asked(t *testing.T, key, method, url, host, body string) (int, string) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))
	r.Host = host
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	answer := must[*http.Response](t)(http.DefaultClient.Do(r))
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode, string(must[[]byte](t)(io.ReadAll(answer.Body)))
}

// A door is served at the root of a host name, and of an address, beside its prefix; what its answers link to is where they were
// asked for, and its limits count all together.
func TestDoorsAtTheRoot(t *testing.T) {
	a, admin := alone(t, func(c *config.Config) {
		c.DoorAddresses, c.BirdReads = "bird=bird.example.org,kustomer=127.0.0.1:0,spruce=spruce.example.org,tigerconnect=127.0.0.1:0", 1000
	})
	key := must[*api.Key](t)(admin.CreateKey(t.Context(), api.KeyRequest{Name: "doors", RateLimit: 12, Scopes: []string{"organization:read", "conversations:read", "messages:read", "media:write", "users:read", "users:self"}}))
	plain := strings.TrimPrefix(a.URL(), "http://")
	kustomer, tiger := a.DoorAddress("kustomer"), a.DoorAddress("tigerconnect")
	if a.DoorAddress("bird") != "" || kustomer == "" || tiger == "" {
		t.Fatalf("kustomer listens on %q, tigerconnect on %q", kustomer, tiger)
	}
	status, text := asked(t, key.Secret, "GET", a.URL()+"/workspaces", "bird.example.org", "")
	var workspaces struct{ Results []struct{ ID string } }
	if err := json.Unmarshal([]byte(text), &workspaces); err != nil || status != 200 || len(workspaces.Results) != 1 {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	upload := "/workspaces/" + workspaces.Results[0].ID + "/channel-media/presigned-upload"
	for _, c := range []struct {
		what, method, url, host, body string
		status                        int
		has                           string
	}{
		{"by its prefix", "GET", a.URL() + "/bird/workspaces", plain, "", 200, workspaces.Results[0].ID},
		{"its links", "POST", a.URL() + upload, "bird.example.org", `{"contentType":"image/png"}`, 200, `"uploadUrl":"http://bird.example.org/upload"`},
		{"its links by the prefix", "POST", a.URL() + "/bird" + upload, plain, `{"contentType":"image/png"}`, 200, `"uploadUrl":"` + a.URL() + `/bird/upload"`},
		{"no path of the door", "GET", a.URL() + "/v1/organization", "bird.example.org", "", 404, `"code":"NotFound"`},
		{"at the root of another host", "GET", a.URL() + "/workspaces", plain, "", 404, "urn:parley:error"},
		{"its links on an address", "GET", "http://" + kustomer + "/v1/customers", kustomer, "", 401, `"errors"`},
		{"on an address by a name", "GET", "http://" + kustomer + "/v1/nothing", "kustomer.example.org", "", 404, `"errors"`},
		{"by a name", "GET", a.URL() + "/v1/organization", "spruce.example.org", "", 200, "entity_"},
		{"the native API", "GET", a.URL() + "/v1/organization", plain, "", 200, `"Alpha"`},
		{"on an address", "GET", "http://" + tiger + "/v2/user/me/organization", tiger, "", 200, `"success"`},
	} {
		if status, text := asked(t, key.Secret, c.method, c.url, c.host, c.body); status != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s: %d %s, want %d %s", c.what, status, text, c.status, c.has)
		}
	}
	for i := range 12 { // beside four above
		url, host := a.URL()+"/bird/workspaces", plain
		if i%2 == 1 {
			url, host = a.URL()+"/workspaces", "bird.example.org"
		}
		want := 200
		if i >= 8 {
			want = 429
		}
		if status, text := asked(t, key.Secret, "GET", url, host, ""); status != want {
			t.Errorf("request %d: %d %s, want %d", i, status, text, want)
		}
	}
}

func TestDoorsThatAreNot(t *testing.T) {
	c := config.Default()
	c.Data, c.DoorAddresses = t.TempDir(), "birds=bird.example.org"
	a, err := app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}})
	if err == nil || !strings.Contains(err.Error(), "birds") {
		t.Errorf("%v", err)
	}
	if a != nil {
		_ = a.Close()
	}
}
