// Package sdk_test runs the tests of the TypeScript package in Node, against a server of this tree.
package sdk_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// person is a user as the tests in Node know one.
type person struct {
	User   string `json:"user"`
	Email  string `json:"email"`
	Key    string `json:"key"`
	Secret string `json:"secret"`
	Phone  string `json:"phone"`
}

var scopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "users:read", "roles:read", "roles:duty", "media:read", "media:write", "organization:read", "events:read", "broadcasts:read"}

func newPerson(t *testing.T, admin *api.Client, name string) person {
	t.Helper()
	email := strings.ToLower(strings.Fields(name)[0]) + "@example.org"
	u := must[*api.User](t)(admin.CreateUser(t.Context(), api.UserRequest{Name: name, Email: email}))
	k := must[*api.Key](t)(admin.CreateKey(t.Context(), api.KeyRequest{Name: name, User: u.ID, Scopes: scopes}))
	return person{u.ID, email, k.ID, k.Secret, ""}
}

func client(t *testing.T, a *app.App, token string) *api.Client {
	c := must[*api.Client](t)(api.New(a.URL(), token))
	t.Cleanup(c.Close)
	return c
}

// world makes a server with two organizations, and describes it for Node.
func world(t *testing.T) string {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog, c.AllowOrigins = t.TempDir(), "127.0.0.1:0", 0, false, "*"
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: io.Discard}))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	token := must[string](t)(a.Administrator(t.Context(), "Alpha"))
	admin := client(t, a, token)
	ana, bo, cy := newPerson(t, admin, "Ana Silva"), newPerson(t, admin, "Bo Lund"), newPerson(t, admin, "Cy Young")
	bo.Phone = "+15550100200"
	must[*api.User](t)(admin.PatchProfile(t.Context(), bo.User, api.ProfilePatch{Phone: &bo.Phone}))
	role := must[*api.Role](t)(admin.CreateRole(t.Context(), api.RoleRequest{Name: "Charge nurse", Members: []string{bo.User}}))
	must[*api.Role](t)(client(t, a, bo.Secret).ComeOnDuty(t.Context(), role.ID, api.DutyIn{}))
	must[*api.EscalationPolicy](t)(admin.CreateEscalationPolicy(t.Context(), api.EscalationPolicyRequest{Name: "Backup", Role: role.ID, After: 3600,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: cy.User}}, After: 3600}}}))
	list := must[*api.Broadcast](t)(admin.CreateBroadcast(t.Context(), api.BroadcastRequest{Name: "Everybody"}))
	must[*api.Broadcast](t)(admin.AddBroadcastMembers(t.Context(), list.ID, api.BroadcastMembers{Users: []string{bo.User, cy.User}}))
	beta := must[*api.NewOrganization](t)(admin.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Beta"}))
	for _, email := range []string{cy.Email, bo.Email} {
		must[*api.User](t)(client(t, a, beta.Key.Secret).CreateUser(t.Context(), api.UserRequest{Name: email, Email: email}))
	}
	text := must[[]byte](t)(json.Marshal(map[string]any{"url": a.URL(), "baseUrl": a.URL() + "/tigerconnect/v2", "admin": token, "scopes": scopes, "ana": ana, "bo": bo, "cy": cy,
		"role": role.ID, "list": list.ID, "organization": must[*api.Organization](t)(admin.GetOrganization(t.Context())).ID, "other": beta.Organization.ID, "kustomer": kustomerWorld(t, a, admin)}))
	return string(text)
}

func TestInNode(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: the tests of the TypeScript package need %s", program)
		}
	}
	run := func(env string, name string, args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), name, args...)
		command.Env = append(os.Environ(), env)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if _, err := os.Stat("node_modules"); err != nil {
		run("", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
	run("", "npm", "run", "build")
	if out := run("PARLEY_SDK_TEST="+world(t), "npm", "test"); strings.Contains(out, "SKIPPED") || !strings.Contains(out, "sendToUser resolves with the message") {
		t.Errorf("the tests against the server did not run:\n%s", out)
	}
}
