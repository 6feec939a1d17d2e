package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

const (
	maxFunction = 60  // lines
	maxFile     = 400 // lines
	maxPackage  = 15  // files
)

// argument is how a comment argues for going over a limit: the doc comment of a function, the first
// comment of a file, or the comment of a package, holds it and says why.
const argument = "Long because"

func TestFunctionsAreShort(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.test() {
			continue
		}
		for _, decl := range file.tree.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || strings.Contains(function.Doc.Text(), argument) {
				continue
			}
			if n := file.line(function.End()) - file.line(function.Pos()) + 1; n > maxFunction {
				t.Errorf("%s:%d: %s has %d lines, at most %d without a comment %q",
					file.path, file.line(function.Pos()), function.Name.Name, n, maxFunction, argument+" …")
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, file := range goFiles(t) {
		if file.test() || len(file.tree.Comments) > 0 && strings.Contains(file.tree.Comments[0].Text(), argument) {
			continue
		}
		if n := file.lines(); n > maxFile {
			t.Errorf("%s has %d lines, at most %d without a first comment %q", file.path, n, maxFile, argument+" …")
		}
	}
}

func TestPackagesAreSmall(t *testing.T) {
	count := map[string]int{}
	argued := map[string]bool{}
	for _, file := range goFiles(t) {
		if !file.test() {
			count[file.dir()]++
			argued[file.dir()] = argued[file.dir()] || strings.Contains(file.tree.Doc.Text(), argument)
		}
	}
	for dir, n := range count {
		if n > maxPackage && !argued[dir] {
			t.Errorf("package %s has %d files, at most %d without a package comment %q: split it by area", dir, n, maxPackage, argument+" …")
		}
	}
}

// TestPackagesSayWhatTheyAreFor: each package has a comment.
func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range goFiles(t) {
		documented[file.dir()] = documented[file.dir()] || file.tree.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}
