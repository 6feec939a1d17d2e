// Package archtest holds the tests of the repository's shape: which package may import which, how long
// functions and files grow, and what no file may hold. It has no code of its own.
package archtest

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.." // of the repository, seen from this package

// sourceFile is one parsed Go file of the repository.
type sourceFile struct {
	path string // from the root, with slashes: "internal/parley/id.go"
	set  *token.FileSet
	tree *ast.File
}

func (f sourceFile) dir() string { return path.Dir(f.path) }
func (f sourceFile) test() bool  { return strings.HasSuffix(f.path, "_test.go") }
func (f sourceFile) lines() int  { return f.line(f.tree.FileEnd) }

func (f sourceFile) line(at token.Pos) int { return f.set.Position(at).Line }

// goFiles parses every Go file that is not generated, whatever its build tags.
func goFiles(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	for _, name := range repositoryFiles(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(tree) {
			files = append(files, sourceFile{path: name, set: set, tree: tree})
		}
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// repositoryFiles are the paths, from the root, of all files that .gitignore does not exclude.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	ignored := readIgnore(t)
	var files []string
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if name == ".git" || ignored.match(name, entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ignoreList is the part of .gitignore's language that this repository uses: one pattern a line, a
// leading "/" anchors it at the root, a trailing "/" means folders only.
type ignoreList []string

func readIgnore(t *testing.T) ignoreList {
	t.Helper()
	file, err := os.Open(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list ignoreList
	for scan := bufio.NewScanner(file); scan.Scan(); {
		line := strings.TrimSpace(scan.Text())
		if line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

func (l ignoreList) match(name string, folder bool) bool {
	for _, pattern := range l {
		if strings.HasSuffix(pattern, "/") && !folder {
			continue
		}
		pattern = strings.TrimSuffix(pattern, "/")
		subject := path.Base(name)
		if anchored, ok := strings.CutPrefix(pattern, "/"); ok {
			pattern, subject = anchored, name
		}
		if ok, _ := path.Match(pattern, subject); ok {
			return true
		}
	}
	return false
}
