// Package sdk_test runs the tests of the TypeScript package in Node, against a server of this tree.
package sdk_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// needs skips a test where a program is absent, but in CI, which installs it.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("PARLEY_CI") == "1" {
			t.Fatalf("there is no %s here", program)
		}
		t.Skipf("SKIPPED: the tests of the TypeScript package need %s", program)
	}
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// built makes sure that the package is built, with what it needs for that.
func built(t *testing.T) {
	t.Helper()
	needs(t, "node", "npm")
	if _, err := os.Stat("node_modules"); err != nil {
		run(t, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
	run(t, nil, "npm", "run", "build")
}

func TestInNode(t *testing.T) {
	built(t)
	if out := run(t, []string{"PARLEY_SDK_TEST=" + world(t)}, "npm", "test"); strings.Contains(out, "SKIPPED") || !strings.Contains(out, "sendToUser resolves with the message") {
		t.Errorf("the tests against the server did not run:\n%s", out)
	}
}

// TestInBrowser runs the package in Chromium, in a page of another origin.
func TestInBrowser(t *testing.T) {
	built(t)
	needs(t, "chromium")
	if out := run(t, []string{"PARLEY_SDK_BROWSER=1", "PARLEY_SDK_TEST=" + world(t)}, "node", "--test", "test/sendToUser.browser.test.mjs"); !strings.Contains(out, "In a browser it is a File") {
		t.Errorf("the tests in the browser did not run:\n%s", out)
	}
}

// TestMoving does with the program of docs/tigerconnect.md what that says, and runs it.
func TestMoving(t *testing.T) {
	built(t)
	text, err := os.ReadFile("../../docs/tigerconnect.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Moving in ten minutes\n")
	program, changes := fenced(section, "```js"), fenced(section, "```diff")
	if program == "" || changes == "" {
		t.Fatal("there is no program, or nothing to change")
	}
	var before string
	for line := range strings.Lines(changes) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if text := line[1:]; line[0] == '-' {
			before = text
		} else if before == "" || strings.Count(program, before) != 1 {
			t.Fatalf("%q is not there once", before)
		} else {
			program, before = strings.Replace(program, before, text, 1), ""
		}
	}
	var w struct {
		URL          string
		Organization string
		Ana, Bo      person
	}
	if err := json.Unmarshal([]byte(world(t)), &w); err != nil {
		t.Fatal(err)
	}
	here, folder := must[string](t)(os.Getwd()), t.TempDir()
	for _, err := range []error{os.Mkdir(filepath.Join(folder, "node_modules"), 0o755), os.Symlink(here, filepath.Join(folder, "node_modules", "parley-client")),
		os.WriteFile(filepath.Join(folder, "program.mjs"), []byte(program), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out := run(t, []string{"PARLEY_URL=" + w.URL, "KEY=" + w.Ana.Key, "SECRET=" + w.Ana.Secret, "ORGANIZATION=" + w.Organization, "USER=" + w.Bo.User}, "node", filepath.Join(folder, "program.mjs"))
	var said struct {
		ID  string
		TTL int
		To  [][]string
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || said.ID == "" || said.TTL != 1440 || len(said.To) != 1 || said.To[0][0] != w.Bo.User || said.To[0][1] != "NEW" {
		t.Errorf("it printed %s", out)
	}
}

// fenced is the first block of a document that begins with a fence, without the indent of its lines.
func fenced(text, fence string) string {
	before, block, _ := strings.Cut(text, fence+"\n")
	block, _, _ = strings.Cut(block, "```")
	indent := before[strings.LastIndex(before, "\n")+1:]
	return strings.ReplaceAll("\n"+block, "\n"+indent, "\n")
}
