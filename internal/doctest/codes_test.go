package doctest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	root         = "../.."
	apiDocument  = root + "/docs/api.md"
	runDocument  = root + "/docs/operations.md"
	codesHead    = "| code | status | what is wrong |"
	outcomesHead = "| code | of | meaning |"
)

// sources are the folders whose code says why a request is refused, or a delivery failed.
var sources = []string{"internal/connector", "internal/core", "internal/dialect/native", "internal/httpd", "internal/live", "internal/media",
	"internal/parley", "internal/store"}

// notCodes are texts of the same form that are none.
var notCodes = []string{"answer-before-commit", "api-key", "auto-replies", "auto-reply", "sla-policy", "upload-forms", "claims-forgotten", "counter-outside", "date-time", "escalation-acknowledged", "escalation-canceled",
	"escalation-closed", "escalation-passed", "escalation-fallback", "escalation-policy", "escalation-raised", "escalation-started", "escalation-unanswered", "policy-gone", "fan-out", "form-data", "keys-late", "keys-unkept",
	"leases-ignored", "members-added", "members-removed", "page-resolved", "keys-unordered", "keys-untaken", "no-cache", "no-referrer", "no-store", "on-read", "proxy-authorization", "set-cookie", "permission-set", "synchronous-off", "x-parley-scope"}

var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)

// code is a stable code of the program, with the statuses that it is seen to be answered with.
type code struct {
	at       string // where it is found
	statuses []int
}

// TestCodesAreDocumented: each code has a row in the API's documentation, with the statuses that it is answered
// with, and each row is of a code.
func TestCodesAreDocumented(t *testing.T) {
	found, rows := codesOfProgram(t), map[string][]string{}
	for _, row := range tableRows(t, apiDocument, codesHead) {
		rows[row[0]] = strings.Split(row[1], ", ")
	}
	for _, row := range tableRows(t, apiDocument, outcomesHead) {
		if rows[row[0]] == nil {
			rows[row[0]] = []string{}
		}
	}
	for name, c := range found {
		documented, ok := rows[name]
		if !ok {
			t.Errorf("%s: the code %q has no row in docs/api.md (if it is no code, add it to notCodes)", c.at, name)
		}
		for _, status := range c.statuses {
			if ok && !slices.Contains(documented, strconv.Itoa(status)) {
				t.Errorf("%s: docs/api.md says that %q is %v, not %d", c.at, name, documented, status)
			}
		}
	}
	for name := range rows {
		if found[name] == nil {
			t.Errorf("docs/api.md has a row for %q, which the program does not say", name)
		}
	}
}

// codesOfProgram finds the codes in the program's text.
func codesOfProgram(t *testing.T) map[string]*code {
	t.Helper()
	found := finder{t: t, codes: map[string]*code{}}
	for _, folder := range sources {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && strings.HasSuffix(entry.Name(), "test") {
				return fs.SkipDir
			}
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				found.file(path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found.codes
}

// finder collects codes.
type finder struct {
	t     *testing.T
	codes map[string]*code
}

func (f *finder) file(path string) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		f.t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field: // paths and tags
			return false
		case *ast.CallExpr:
			f.call(n, set)
		case *ast.CompositeLit:
			f.literal(n, set)
		case *ast.ValueSpec:
			f.constant(n, set)
		case *ast.ReturnStmt:
			if len(n.Results) == 2 && strings.Contains(path, "/contract/") && textOf(n.Results[0]) != "" { // a code and its message
				f.add(textOf(n.Results[0]), parley.KindInvalid, set.Position(n.Pos()))
			}
		case *ast.BasicLit:
			if text := textOf(n); codeForm.MatchString(text) && !slices.Contains(notCodes, text) {
				f.add(text, "", set.Position(n.Pos()))
			}
		}
		return true
	})
}

// call finds the code among the arguments of what makes an error.
func (f *finder) call(n *ast.CallExpr, set *token.FileSet) {
	at, kind := 0, parley.ErrorKind("")
	switch nameOf(n.Fun) {
	case "Invalid":
		at, kind = 1, parley.KindInvalid
	case "refuse", "refuseAt":
		kind = parley.KindInvalid
		if len(n.Args) > 2 {
			at = 1
		}
	case "Conflict":
		kind = parley.KindConflict
	case "Unavailable":
		kind = parley.KindUnavailable
	default:
		return
	}
	if at < len(n.Args) {
		if text := textOf(n.Args[at]); text != "" {
			f.add(text, kind, set.Position(n.Pos()))
		}
	}
}

// constant finds the codes among constants, which are called so.
func (f *finder) constant(n *ast.ValueSpec, set *token.FileSet) {
	for i, value := range n.Values {
		if text := textOf(value); text != "" && strings.HasPrefix(strings.ToLower(n.Names[i].Name), "code") {
			f.add(text, "", set.Position(value.Pos()))
		}
	}
}

// literal finds the code of an error that is written out.
func (f *finder) literal(n *ast.CompositeLit, set *token.FileSet) {
	text, kind := "", parley.ErrorKind("")
	for _, element := range n.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch nameOf(pair.Key) {
		case "Code":
			text = textOf(pair.Value)
		case "Kind":
			kind = kinds[nameOf(pair.Value)]
		}
	}
	if text != "" {
		f.add(text, kind, set.Position(n.Pos()))
	}
}

var kinds = map[string]parley.ErrorKind{"KindInvalid": parley.KindInvalid, "KindUnauthorized": parley.KindUnauthorized, "KindForbidden": parley.KindForbidden,
	"KindNotFound": parley.KindNotFound, "KindConflict": parley.KindConflict, "KindPrecondition": parley.KindPrecondition, "KindGone": parley.KindGone,
	"KindTooLarge": parley.KindTooLarge, "KindMediaType": parley.KindMediaType, "KindRateLimited": parley.KindRateLimited,
	"KindUnavailable": parley.KindUnavailable, "KindInternal": parley.KindInternal}

func (f *finder) add(text string, kind parley.ErrorKind, at token.Position) {
	c := f.codes[text]
	if c == nil {
		c = &code{at: at.String()}
		f.codes[text] = c
	}
	if kind == "" {
		return
	}
	if text == "body-too-large" { // begun as another kind
		kind = parley.KindTooLarge
	}
	if status := httpd.Status(&parley.Error{Kind: kind, Code: text}); !slices.Contains(c.statuses, status) {
		c.statuses = append(c.statuses, status)
	}
}

func nameOf(n ast.Expr) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	}
	return ""
}

func textOf(n ast.Expr) string {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(literal.Value) // it has been parsed
	return text
}

// tableRows are the cells of the tables with this head in a document, without the marks of code.
func tableRows(t *testing.T, path, head string) [][]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	inside := false
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		switch {
		case line == head:
			inside = true
		case !strings.HasPrefix(line, "|"):
			inside = false
		case inside && !strings.HasPrefix(line, "| ---"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table %s", path, head)
	}
	return rows
}
