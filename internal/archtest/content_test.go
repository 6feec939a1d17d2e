package archtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestFilesAreOfNoMachine: no file names a folder of one machine or the host of a package registry; the
// tools know their registries, and a lock file names them only where it was told to. The strings are put
// together so that this file does not hold them.
func TestFilesAreOfNoMachine(t *testing.T) {
	banned := []string{
		"/wo" + "rk/",
		"proxy." + "golang.org",
		"sum." + "golang.org",
		"registry." + "npmjs.org",
		"registry." + "yarnpkg.com",
		"deb." + "debian.org",
		"security." + "debian.org",
		"pypi." + "org",
	}
	for _, name := range repositoryFiles(t) {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range banned {
			if at := bytes.Index(content, []byte(text)); at >= 0 {
				t.Errorf("%s:%d: holds %q", name, 1+bytes.Count(content[:at], []byte("\n")), text)
			}
		}
	}
}
