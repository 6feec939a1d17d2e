package files_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/parley"
)

// A form is good for an hour and for one file, which is its maker's; unused it goes.
func TestForms(t *testing.T) {
	w := newWorld(t)
	ctx, p := t.Context(), w.users[0]
	form := func() files.Form {
		t.Helper()
		f, err := w.NewForm(ctx, p, "", "text/plain")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	fill := func(f files.Form, content string) error {
		return w.Receive(ctx, files.Filled{Organization: p.Organization, Media: f.Media, Secret: f.Secret, Name: "a.txt", Content: strings.NewReader(content)})
	}
	used, unused := form(), form()
	wantError(t, fill(used, strings.Repeat("x", 1001)), parley.KindTooLarge, "media-too-large")
	if err := fill(used, "hello"); err != nil {
		t.Fatal(err)
	}
	if file, err := w.Media(ctx, p, used.Media); err != nil || file.Size != 5 || file.Uploader != p.User {
		t.Errorf("the file is %+v, %v", file, err)
	}
	if _, err := w.Media(ctx, w.users[1], used.Media); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("another user's: %v", err)
	}
	stolen := used
	stolen.Secret = unused.Secret
	wantError(t, fill(stolen, "hello"), parley.KindForbidden, "form-invalid")
	w.move(files.FormLife)
	wantError(t, fill(unused, "late"), parley.KindForbidden, "form-expired")
	if w.blobs(t) != 1 {
		t.Errorf("%d files are kept", w.blobs(t))
	}
	w.move(25 * time.Hour)
	w.work(t)
	for _, f := range []files.Form{used, unused} {
		if _, placed, err := w.Placed(ctx, p, f.Media); placed || err != nil {
			t.Errorf("a form is still there: %v", err)
		}
	}
	if w.blobs(t) != 0 {
		t.Errorf("%d files are kept", w.blobs(t))
	}
}
