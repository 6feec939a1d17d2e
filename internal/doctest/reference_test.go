package doctest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/parley"
)

//go:generate go test -run ^TestReferences$ -update

var update = flag.Bool("update", false, "write what is made from the code anew")

// TestReferences compares the parts of docs/api.md that are made from the code with what the code says.
func TestReferences(t *testing.T) {
	content, err := os.ReadFile(apiDocument)
	if err != nil {
		t.Fatal(err)
	}
	fresh := string(content)
	for name, text := range map[string]string{"states": states(), "acts": acts(), "operations": operations(t)} {
		head, tail := fmt.Sprintf("<!-- %s: made by \"make generate\" -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
		before, rest, found := strings.Cut(fresh, head)
		_, after, ended := strings.Cut(rest, tail)
		if !found || !ended {
			t.Fatalf("%s has no part %q", apiDocument, name)
		}
		fresh = before + head + "\n" + text + "\n" + tail + after
	}
	if *update {
		if err := os.WriteFile(apiDocument, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if fresh != string(content) {
		t.Errorf("%s is stale: run make generate", apiDocument)
	}
}

// states is the table of transitions, and how a message's state is derived.
func states() string {
	columns := []struct {
		head string
		news parley.News
	}{
		{"sent", parley.News{State: parley.Sent}},
		{"delivered", parley.News{State: parley.Delivered}},
		{"read", parley.News{State: parley.Read}},
		{"failed in handoff or policy", parley.News{State: parley.Failed, Phase: parley.PhaseHandoff}},
		{"failed in delivery", parley.News{State: parley.Failed, Phase: parley.PhaseDelivery}},
		{"expired", parley.News{State: parley.Expired}},
		{"skipped", parley.News{State: parley.Skipped}},
		{"canceled", parley.News{State: parley.Canceled}},
		{"unknown", parley.News{State: parley.Unknown}},
	}
	var text bytes.Buffer
	text.WriteString("| from")
	for _, c := range columns {
		text.WriteString(" | " + c.head)
	}
	text.WriteString(" |\n| ---" + strings.Repeat(" | ---", len(columns)) + " |\n")
	accepted := false
	for _, from := range parley.DeliveryStates {
		fmt.Fprintf(&text, "| `%s` ", from)
		for _, c := range columns {
			only := c.news
			only.AcceptedOnly = true
			switch {
			case from.Moves(c.news):
				text.WriteString("| yes ")
			case from.Moves(only):
				text.WriteString("| (yes) ")
				accepted = true
			default:
				text.WriteString("| ")
			}
		}
		text.WriteString("|\n")
	}
	if accepted {
		text.WriteString("\n(yes): where the connector's \"delivered\" only means that the provider accepted the message.\n")
	}
	var names []string
	for _, s := range advance() {
		names = append(names, "`"+string(s)+"`")
	}
	fmt.Fprintf(&text, "\nA message has the state of its deliveries that comes first in this list: %s. It is `scheduled` before it has any.\n",
		strings.Join(names, ", "))
	return text.String()
}

// acts is the table of what the audit log keeps.
func acts() string {
	var text strings.Builder
	text.WriteString("| act | subject | what was done |\n| --- | --- | --- |\n")
	for _, info := range parley.Acts {
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", info.Act, info.Subject, info.Means)
	}
	return text.String()
}

// advance are the states in the order in which they decide a message's.
func advance() []parley.DeliveryState {
	list := slices.Clone(parley.DeliveryStates)
	slices.SortStableFunc(list, func(a, b parley.DeliveryState) int {
		if a == b {
			return 0
		}
		if parley.Overall(map[parley.DeliveryState]int{a: 1, b: 1}) == a {
			return -1
		}
		return 1
	})
	return list
}

// operations is the table of all operations, from the document that the server serves.
func operations(t *testing.T) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	native.New(native.Options{}).ServeHTTP(recorder, httptest.NewRequest("GET", "/v1/openapi.json", nil))
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Summary     string
			Scope       string `json:"x-parley-scope"`
			Parameters  []struct{ Name string }
		}
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for path, methods := range document.Paths {
		for method, o := range methods {
			scope, repeatable := "", ""
			if o.Scope != "" {
				scope = "`" + o.Scope + "`"
			}
			for _, p := range o.Parameters {
				if p.Name == "Idempotency-Key" {
					repeatable = "yes"
				}
			}
			rows = append(rows, fmt.Sprintf("| `%s %s` | %s | %s | %s |\n", strings.ToUpper(method), path, o.Summary, scope, repeatable))
		}
	}
	slices.SortFunc(rows, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	return "| operation | what it does | scope | repeatable |\n| --- | --- | --- | --- |\n" + strings.Join(rows, "")
}

// place is what a row of an operation is sorted by: its path, then its method.
func place(row string) string {
	method, rest, _ := strings.Cut(strings.TrimPrefix(row, "| `"), " ")
	path, _, _ := strings.Cut(rest, "`")
	return path + " " + strconv.Itoa(slices.Index([]string{"GET", "POST", "PATCH", "DELETE"}, method))
}

// TestEventsAreDocumented: each type of event is in the API's table of events, and no other; and it can be asked for.
func TestEventsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, row := range tableRows(t, apiDocument, "| type | of |") {
		for name := range strings.SplitSeq(row[0], ", ") {
			documented[strings.Trim(name, "`")] = true
		}
	}
	field, _ := reflect.TypeFor[api.EventFilter]().FieldByName("Types")
	asked := strings.Split(field.Tag.Get("enum"), ",")
	tree, err := parser.ParseFile(token.NewFileSet(), root+"/internal/parley/event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || nameOf(spec.Type) != "EventType" {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if !documented[name] {
			t.Errorf("docs/api.md does not say what %s is", name)
		}
		if !slices.Contains(asked, name) {
			t.Errorf("api.EventFilter does not let events be asked for by their type %s", name)
		}
		delete(documented, name)
		asked = slices.DeleteFunc(asked, func(other string) bool { return other == name })
		return true
	})
	for _, name := range asked {
		t.Errorf("api.EventFilter names %s, which is no type of event", name)
	}
	for name := range documented {
		t.Errorf("docs/api.md has a row for %s, which is no type of event", name)
	}
}
