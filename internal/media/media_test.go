package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
)

const limit = 1 << 20

var png = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00")

func open(t *testing.T) (*media.Blobs, string) {
	t.Helper()
	folder := t.TempDir()
	b, err := media.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return b, folder
}

func newID() parley.ID { return parley.NewID(time.Now()) }

// filesIn returns the names of all files below a folder.
func filesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantError(t *testing.T, err error, kind parley.ErrorKind, code string) {
	t.Helper()
	if e, ok := errors.AsType[*parley.Error](err); !ok || e.Kind != kind || e.Code != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestWriteOpenRemove(t *testing.T) {
	b, folder := open(t)
	organization, id := newID(), newID()
	content := append(bytes.Clone(png), bytes.Repeat([]byte{7}, limit-len(png))...) // at the limit
	info, err := b.Write(t.Context(), organization, id, iotest.OneByteReader(bytes.NewReader(content[:5000])), "", limit)
	if err != nil || info.Size != 5000 || info.ContentType != "image/png" {
		t.Fatal(info, err)
	}
	sum := sha256.Sum256(content[:5000])
	if info.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("SHA-256 %s", info.SHA256)
	}
	blob, err := b.Open(organization, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(blob)
	if err != nil || !bytes.Equal(got, content[:5000]) || blob.Close() != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if _, err := b.Open(newID(), id); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("another organization's: %v", err)
	}
	if _, err := b.Write(t.Context(), organization, newID(), bytes.NewReader(content), "", limit); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := b.Remove(organization, id); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Open(organization, id); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("after its removal: %v", err)
	}
	if n := len(filesIn(t, folder)); n != 1 {
		t.Errorf("%d files are left, want 1", n)
	}
}

func TestNothingIsLeftOfAFailedWrite(t *testing.T) {
	b, folder := open(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx      context.Context
		content  io.Reader
		declared string
		kind     parley.ErrorKind
		code     string
	}{
		"too large":  {t.Context(), bytes.NewReader(make([]byte, limit+1)), "", parley.KindTooLarge, "media-too-large"},
		"breaks off": {t.Context(), iotest.TimeoutReader(iotest.HalfReader(bytes.NewReader(make([]byte, 9000)))), "", parley.KindInvalid, "malformed"},
		"no png":     {t.Context(), strings.NewReader("<html><body>hello</body></html>"), "image/png", parley.KindMediaType, "content-type-mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Write(test.ctx, newID(), newID(), test.content, test.declared, limit)
			wantError(t, err, test.kind, test.code)
		})
	}
	if _, err := b.Write(canceled, newID(), newID(), strings.NewReader("x"), "", limit); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if left := filesIn(t, folder); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestIDsAreNoPaths(t *testing.T) {
	b, folder := open(t)
	secret := filepath.Join(folder, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []parley.ID{"", "..", "../../secret", "/etc/passwd", parley.ID(strings.Repeat(".", 20)), newID() + "/", "ABCDEFGHIJKLMNOPQRST"} {
		if _, err := b.Open(newID(), id); !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("open %q: %v", id, err)
		}
		if _, err := b.Open(id, newID()); !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("open in %q: %v", id, err)
		}
		if _, err := b.Write(t.Context(), newID(), id, strings.NewReader("x"), "", limit); !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("write %q: %v", id, err)
		}
		if err := b.Remove(newID(), id); err != nil {
			t.Errorf("remove %q: %v", id, err)
		}
	}
	if left := filesIn(t, folder); len(left) != 1 {
		t.Errorf("files %v", left)
	}
}

func TestContentTypes(t *testing.T) {
	b, _ := open(t)
	const html = "<!DOCTYPE html><html><body>hello</body></html>"
	pdf := "%PDF-1.7\n1 0 obj\n"
	for name, test := range map[string]struct{ content, declared, want string }{
		"found":             {string(png), "", "image/png"},
		"as found":          {string(png), "image/png", "image/png"},
		"anything":          {string(png), "application/octet-stream", "image/png"},
		"parameters":        {"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv"},
		"text":              {"hello", "", "text/plain; charset=utf-8"},
		"text of a kind":    {"hello", "text/markdown", "text/markdown"},
		"code":              {html, "text/plain", "text/plain"},
		"json as text":      {`{"a":1}`, "text/plain", "text/plain"},
		"json":              {`{"a":1}`, "application/json", "application/json"},
		"dialect of json":   {`{"a":1}`, "application/fhir+json", "application/fhir+json"},
		"no signature":      {"\x00\x01\x02\x03\xff\xfe\x00", "audio/amr", "audio/amr"},
		"an alias":          {pdf, "application/x-pdf", "application/x-pdf"},
		"empty":             {"", "image/png", "image/png"},
		"png is no jpeg":    {string(png), "image/jpeg", ""},
		"png is no text":    {string(png), "text/plain", ""},
		"bytes are no png":  {"\x00\x01\x02\x03\xff\xfe\x00", "image/png", ""},
		"bytes are no html": {"\x00\x01\x02\x03\xff\xfe\x00", "text/html", ""},
		"text is no pdf":    {"hello", "application/pdf", ""},
		"html is no png":    {html, "image/png", ""},
		"not a type":        {"hello", "hello there", ""},
	} {
		t.Run(name, func(t *testing.T) {
			info, err := b.Write(t.Context(), newID(), newID(), strings.NewReader(test.content), test.declared, limit)
			if test.want == "" {
				wantError(t, err, parley.KindMediaType, "content-type-mismatch")
				return
			}
			if err != nil || info.ContentType != test.want {
				t.Errorf("got %q, %v, want %q", info.ContentType, err, test.want)
			}
		})
	}
}

func TestSweep(t *testing.T) {
	b, folder := open(t)
	organization := newID()
	wanted, orphan, young := newID(), newID(), newID()
	for _, id := range []parley.ID{wanted, orphan, young} {
		if _, err := b.Write(t.Context(), organization, id, strings.NewReader("x"), "", limit); err != nil {
			t.Fatal(err)
		}
	}
	hour := time.Now().Add(-time.Hour)
	for _, path := range filesIn(t, folder) {
		if filepath.Base(path) == string(wanted) {
			for _, other := range []string{string(newID()) + ".partial", "README"} {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), other), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, path := range filesIn(t, folder) {
		if filepath.Base(path) != string(young) {
			if err := os.Chtimes(path, hour, hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	known := func(at parley.ID, ids []parley.ID) (map[parley.ID]bool, error) {
		if at != organization {
			t.Errorf("asked for %s", at)
		}
		return map[parley.ID]bool{wanted: true}, nil
	}
	removed, err := b.Sweep(t.Context(), time.Now().Add(-time.Minute), known)
	if err != nil || removed != 2 { // the orphan and the partial file
		t.Errorf("removed %d, %v", removed, err)
	}
	left := strings.Join(filesIn(t, folder), " ")
	for name, want := range map[string]bool{string(wanted): true, string(orphan): false, string(young): true, "README": true, ".partial": false} {
		if strings.Contains(left, name) != want {
			t.Errorf("%s: left is %v, want %v", name, !want, want)
		}
	}
}

func TestCleanName(t *testing.T) {
	long := strings.Repeat("é", 300)
	for name, want := range map[string]string{
		"photo.png":                "photo.png",
		"../../etc/passwd":         "passwd",
		`C:\Users\ana\scan.pdf`:    "scan.pdf",
		"a\x00b\nc.txt":            "abc.txt",
		"invoice\u202Efdp.exe":     "invoicefdp.exe",
		`say "hi" <now>.txt`:       "say _hi_ _now_.txt",
		"  .hidden ":               "hidden",
		"..":                       "file.png",
		"":                         "file.png",
		"x/":                       "file.png",
		"\xff.txt":                 "\uFFFD.txt",
		"family 👨‍👩‍👧.jpg":         "family 👨‍👩‍👧.jpg",
		long + ".jpeg":             strings.Repeat("é", 195) + ".jpeg",
		long:                       strings.Repeat("é", 200),
		"a." + long:                "a." + strings.Repeat("é", 198),
		"tab\u00a0and\u2003em.txt": "tab and em.txt",
	} {
		if got := media.CleanName(name, "image/png"); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	f.Add("photo.png")
	f.Add("../..\\\x00\u202e.")
	f.Fuzz(func(t *testing.T, name string) {
		got := media.CleanName(name, "text/plain")
		if got == "" || strings.ContainsAny(got, "/\\\x00\r\n\"") || got == "." || got == ".." || len([]rune(got)) > 200 {
			t.Errorf("%q became %q", name, got)
		}
	})
}

// TestFolder: whoever has a folder knows it by one name, and another folder by another.
func TestFolder(t *testing.T) {
	folder := t.TempDir()
	names := make([]parley.ID, 10)
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			blobs, err := media.Open(folder)
			if err == nil {
				names[i], err = blobs.Folder()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	other, err := media.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	another, err := other.Folder()
	if err != nil || another == names[0] {
		t.Error(another, err)
	}
	for _, name := range names {
		if name != names[0] || !name.Valid() {
			t.Errorf("the names are %q", names)
		}
	}
}
