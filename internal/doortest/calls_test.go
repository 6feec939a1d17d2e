package doortest

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:generate go test -run ^TestCallsAreProven$ -update

var update = flag.Bool("update", false, "write docs/calls.md anew")

const root, document = "../..", "../../docs/calls.md"

// statement is one that a test proves.
type statement struct{ parameter, text, test, file string }

// TestCallsAreProven: docs/calls.md has the statements that the tests have, and each parameter has one.
func TestCallsAreProven(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(introduction)
	for _, call := range Calls {
		all := statements(t, call)
		for _, parameter := range append([]string{Answer, Errors, Around}, call.Parameters...) {
			if !slices.ContainsFunc(all, func(s statement) bool { return s.parameter == parameter }) {
				t.Errorf("no test says anything about %s of %s", parameter, call.Name)
			}
		}
		writeCall(t, &text, call, all)
	}
	text.WriteString("\n## Where answers differ from the contracts\n\n| contract | member | why |\n| --- | --- | --- |\n")
	for _, e := range Exceptions {
		fmt.Fprintf(&text, "| %s | `%s` | %s |\n", e.Contract, e.Path, e.Reason)
	}
	if *update {
		if err := os.WriteFile(document, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(document); err != nil || !bytes.Equal(have, text.Bytes()) {
		t.Errorf("%s is stale (%v): run make generate", document, err)
	}
}

const introduction = `<!-- Made from the tests by "make generate"; do not edit. -->
# The documented calls

Programs that were written for four other products start from one call each. This is what each call does here, a statement a row, with the
test that proves it: the statements are those of the tests, which every build runs.
`

func writeCall(t *testing.T, text *bytes.Buffer, call Call, all []statement) {
	order := append(slices.Clone(call.Parameters), Answer, Around, Errors)
	slices.SortStableFunc(all, func(a, b statement) int { return slices.Index(order, a.parameter) - slices.Index(order, b.parameter) })
	fmt.Fprintf(text, "\n## %s\n\nWhat the door has besides, and how a program moves to it: [%s.md](%s.md).\n\n| of | statement | test |\n| --- | --- | --- |\n", call.Name, call.Door, call.Door)
	for _, s := range all {
		if !slices.Contains(order, s.parameter) {
			t.Errorf("%s: %s has no parameter %q", s.file, call.Name, s.parameter)
		}
		fmt.Fprintf(text, "| %s | %s | [%s](../%s) |\n", s.parameter, strings.ReplaceAll(s.text, "|", "\\|"), s.test, s.file)
	}
}

func statements(t *testing.T, call Call) (all []statement) {
	t.Helper()
	for _, pattern := range call.Sources {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file := filepath.ToSlash(strings.TrimPrefix(name, root+"/"))
			if strings.HasSuffix(name, ".go") {
				all = append(all, inGo(t, name, file)...)
			} else {
				all = append(all, inScript(t, name, file)...)
			}
		}
	}
	return all
}

func inGo(t *testing.T, name, file string) (all []statement) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range tree.Decls {
		f, ok := declared.(*ast.FuncDecl)
		if !ok || f.Name.Name == "Says" { // a fixture's, which passes statements on
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 || nameOf(call.Fun) != "Says" {
				return true
			}
			parameter, text := constant(call.Args[1]), constant(call.Args[2])
			if parameter == "" || text == "" {
				t.Errorf("%s: a statement of %s is no constant", file, f.Name.Name)
			}
			all = append(all, statement{parameter, text, f.Name.Name, file})
			return true
		})
	}
	return all
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func constant(e ast.Expr) string {
	if literal, ok := e.(*ast.BasicLit); ok {
		text, _ := strconv.Unquote(literal.Value)
		return text
	}
	return map[string]string{"Answer": Answer, "Errors": Errors, "Around": Around}[nameOf(e)]
}

var said = regexp.MustCompile(`(?m)^\s*(?:await )?says\((?:\w+, )?("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*"),`)

func inScript(t *testing.T, name, file string) (all []statement) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range said.FindAllStringSubmatch(string(text), -1) {
		parameter, _ := strconv.Unquote(m[1])
		sentence, _ := strconv.Unquote(m[2])
		all = append(all, statement{parameter, sentence, filepath.Base(file), file})
	}
	return all
}
