package files_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is the files of a store of their own, with two organizations.
type world struct {
	*files.Files
	store  *store.Store
	folder string
	users  []*access.Principal // of organizations 0, 0 and 1

	mu   sync.Mutex
	at   time.Time
	sees map[parley.ID][]parley.ID // user → messages
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), at: time.Now(), sees: map[parley.ID][]parley.ID{}}
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Options{Folder: w.folder, URL: fresh.Database(t, w.folder), Log: log, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := media.Open(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
	w.Files = files.New(files.Options{Store: s, Blobs: blobs, MaxSize: 1000, Log: log,
		Sees: func(_ context.Context, p *access.Principal, messages []parley.ID) (bool, error) {
			for _, m := range messages {
				for _, seen := range w.sees[p.User] {
					if m == seen {
						return true, nil
					}
				}
			}
			return false, nil
		}})
	w.addUsers(t)
	return w
}

func (w *world) addUsers(t *testing.T) {
	t.Helper()
	auth := access.NewAuthenticator(w.store, w.now)
	keys := access.NewKeys(w.store, auth)
	for _, n := range []int{2, 1} {
		o := parley.Organization{ID: parley.NewID(w.at), Name: "O"}
		if err := w.store.Write(t.Context(), o.ID, func(tx *store.Tx) error { return tx.InsertOrganization(&o) }); err != nil {
			t.Fatal(err)
		}
		for range n {
			key, _, err := keys.Create(t.Context(), access.System(o.ID), access.KeyParams{Name: "k",
				Scopes: []parley.Scope{parley.ScopeMediaRead, parley.ScopeMediaWrite}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := auth.Authenticate(t.Context(), key.Token, "")
			if err != nil {
				t.Fatal(err)
			}
			w.users = append(w.users, p)
		}
	}
}

func (w *world) upload(t *testing.T, p *access.Principal, content string) parley.Media {
	t.Helper()
	file, replayed, err := w.Upload(t.Context(), p, files.UploadParams{Name: "../a.txt", Content: strings.NewReader(content)}, nil)
	if err != nil || replayed {
		t.Fatal(file, replayed, err)
	}
	return file
}

// attach lets a message of the organization have a file.
func (w *world) attach(t *testing.T, p *access.Principal, file parley.ID) parley.ID {
	t.Helper()
	return w.attachMany(t, p, file, 1)[0]
}

func (w *world) attachMany(t *testing.T, p *access.Principal, file parley.ID, n int) []parley.ID {
	t.Helper()
	var messages []parley.ID
	err := w.store.Write(t.Context(), p.Organization, func(tx *store.Tx) error {
		conversation := parley.Conversation{ID: parley.NewID(tx.Now), Kind: parley.ConversationNote, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
		if err := tx.InsertConversation(p.Organization, &conversation); err != nil {
			return err
		}
		messages = nil
		var appends []*store.Append
		for range n {
			id := parley.NewID(tx.Now)
			messages = append(messages, id)
			appends = append(appends, &store.Append{Organization: p.Organization, Message: parley.Message{ID: id, Conversation: conversation.ID,
				Kind: parley.KindMessage, Direction: parley.NoDirection, Priority: parley.PriorityNormal,
				Attachments: []parley.Attachment{{Media: file, Name: "a.txt"}}}})
		}
		return tx.Append(appends...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// blobs counts the files on disk.
func (w *world) blobs(t *testing.T) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(w.folder, "media"), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) work(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.RemoveBlobs(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func wantError(t *testing.T, err error, kind parley.ErrorKind, code string) {
	t.Helper()
	if e, ok := errors.AsType[*parley.Error](err); !ok || e.Kind != kind || e.Code != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestUploadAndOpen(t *testing.T) {
	w := newWorld(t)
	file := w.upload(t, w.users[0], "hello")
	if file.Name != "a.txt" || file.Size != 5 || file.ContentType != "text/plain; charset=utf-8" || file.Uploader != w.users[0].User || file.Attached {
		t.Errorf("uploaded %+v", file)
	}
	got, blob, err := w.Open(t.Context(), w.users[0], file.ID)
	if got.CreatedAt = got.CreatedAt.In(file.CreatedAt.Location()); err != nil || got != file {
		t.Fatal(got, err)
	}
	content, err := io.ReadAll(blob)
	if err != nil || string(content) != "hello" || blob.Close() != nil {
		t.Errorf("content %q, %v", content, err)
	}
}

func TestWhoMayHaveAFile(t *testing.T) {
	w := newWorld(t)
	file := w.upload(t, w.users[0], "hello")
	message := w.attach(t, w.users[0], file.ID)
	may := func(user int, want bool) {
		t.Helper()
		_, err := w.Media(t.Context(), w.users[user], file.ID)
		if want && err != nil || !want && !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("user %d: %v, want it: %v", user, err, want)
		}
	}
	may(0, true)
	may(1, false)
	may(2, false)
	w.sees[w.users[1].User] = []parley.ID{message}
	w.sees[w.users[2].User] = []parley.ID{message}
	may(1, true)
	may(2, false) // of another organization
	w.attachMany(t, w.users[0], file.ID, 600)
	w.sees[w.users[1].User] = []parley.ID{w.attach(t, w.users[0], file.ID)}
	may(1, true)
}

func TestUploadRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	upload := func(p *access.Principal, content, declared string, i *access.Idempotency) error {
		_, _, err := w.Upload(ctx, p, files.UploadParams{Name: "a", ContentType: declared, Content: strings.NewReader(content)}, i)
		return err
	}
	wantError(t, upload(w.users[0], strings.Repeat("x", 1001), "", nil), parley.KindTooLarge, "media-too-large")
	wantError(t, upload(w.users[0], "hello", "image/png", nil), parley.KindMediaType, "content-type-mismatch")
	wantError(t, upload(w.users[0], "hello", "", &access.Idempotency{}), parley.KindInvalid, "idempotency-key-invalid")
	wantError(t, upload(access.Operator(), "hello", "", nil), parley.KindForbidden, "scope-required")
	if n := w.blobs(t); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
	_, err := w.Media(ctx, access.Operator(), "x")
	wantError(t, err, parley.KindForbidden, "scope-required")
	wantError(t, w.Delete(ctx, access.Operator(), "x"), parley.KindForbidden, "scope-required")
	wantError(t, w.Delete(ctx, w.users[0], "x"), parley.KindNotFound, "not-found")
}

func TestUploadOnce(t *testing.T) {
	w := newWorld(t)
	request := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/media"}
	try := func(content string) (parley.Media, bool, error) {
		return w.Upload(t.Context(), w.users[0], files.UploadParams{Name: "a", Content: strings.NewReader(content)}, request)
	}
	var wg sync.WaitGroup
	ids := make([]parley.ID, 10)
	for i := range ids {
		wg.Go(func() {
			file, _, err := try("hello")
			if ids[i] = file.ID; err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two files for one request: %s and %s", ids[0], id)
		}
	}
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	_, _, err := try("other")
	wantError(t, err, parley.KindInvalid, "idempotency-key-reused")
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	attached, free := w.upload(t, w.users[0], "one"), w.upload(t, w.users[0], "two")
	message := w.attach(t, w.users[0], attached.ID)
	w.sees[w.users[1].User] = []parley.ID{message}
	wantError(t, w.Delete(ctx, w.users[1], free.ID), parley.KindNotFound, "not-found")
	wantError(t, w.Delete(ctx, w.users[1], attached.ID), parley.KindForbidden, "uploader-required")
	wantError(t, w.Delete(ctx, w.users[0], attached.ID), parley.KindConflict, "media-attached")
	if err := w.Delete(ctx, w.users[0], free.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.Open(ctx, w.users[0], free.ID)
	wantError(t, err, parley.KindNotFound, "not-found")
	w.work(t)
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
}

// TestFilesGoWithTheLastMessage: and not before.
func TestFilesGoWithTheLastMessage(t *testing.T) {
	w := newWorld(t)
	p := w.users[0]
	file := w.upload(t, p, "one")
	first, second := w.attach(t, p, file.ID), w.attach(t, p, file.ID)
	release := func(messages ...parley.ID) {
		t.Helper()
		err := w.store.Write(t.Context(), p.Organization, func(tx *store.Tx) error { return tx.ReleaseMedia(p.Organization, messages...) })
		if err != nil {
			t.Fatal(err)
		}
		w.work(t)
	}
	w.move(25 * time.Hour) // the day that unattached files have
	w.work(t)
	release(first)
	if got, err := w.Media(t.Context(), p, file.ID); err != nil || !got.Attached {
		t.Fatal(got, err)
	}
	release(second)
	if _, err := w.Media(t.Context(), p, file.ID); !parley.IsKind(err, parley.KindNotFound) || w.blobs(t) != 0 {
		t.Errorf("it is still there: %v, %d blobs", err, w.blobs(t))
	}
}

func TestUnattachedFilesGoAfterADay(t *testing.T) {
	w := newWorld(t)
	file := w.upload(t, w.users[0], "one")
	w.move(23 * time.Hour)
	w.work(t)
	if _, err := w.Media(t.Context(), w.users[0], file.ID); err != nil {
		t.Fatal(err)
	}
	w.move(2 * time.Hour)
	w.work(t)
	if _, err := w.Media(t.Context(), w.users[0], file.ID); !parley.IsKind(err, parley.KindNotFound) || w.blobs(t) != 0 {
		t.Errorf("it is still there: %v, %d blobs", err, w.blobs(t))
	}
}

// TestSweepTakesOrphans: a crash after the blob and before the row leaves a blob that nobody knows.
func TestSweepTakesOrphans(t *testing.T) {
	w := newWorld(t)
	file := w.upload(t, w.users[0], "one")
	blobs, err := media.Open(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	orphan := parley.NewID(w.now())
	if _, err := blobs.Write(t.Context(), w.users[0].Organization, orphan, strings.NewReader("two"), "", 10); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d that may be under way, %v", n, err)
	}
	w.move(7 * time.Hour)
	if n, err := w.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	_, blob, err := w.Open(t.Context(), w.users[0], file.ID)
	if err != nil {
		t.Fatal(err)
	}
	_ = blob.Close()
}

// TestSweepLeavesOtherDatabases: a folder may be that of another database, which somebody moves, or tries this one beside.
func TestSweepLeavesOtherDatabases(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.upload(t, w.users[0], "one")
	blobs, err := media.Open(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	f := files.New(files.Options{Store: other.store, Blobs: blobs})
	w.move(7 * time.Hour)
	if n, err := f.Sweep(t.Context()); n != 0 || err != nil || w.blobs(t) != 1 {
		t.Errorf("swept %d, %v; %d blobs are left", n, err, w.blobs(t))
	}
}

// TestRemovedLater: a blob that cannot be removed now goes a minute later.
func TestRemovedLater(t *testing.T) {
	w := newWorld(t)
	file := w.upload(t, w.users[0], "one")
	if err := w.Delete(t.Context(), w.users[0], file.ID); err != nil {
		t.Fatal(err)
	}
	var path string
	_ = filepath.WalkDir(filepath.Join(w.folder, "media"), func(p string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path = p
		}
		return err
	})
	aside := filepath.Join(t.TempDir(), "aside")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(path, aside))
	must(os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
	w.work(t)
	must(os.RemoveAll(path))
	must(os.Rename(aside, path))
	w.move(2 * time.Minute)
	w.work(t)
	if n := w.blobs(t); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}

// TestRowIsNotStoredAfterAFailure: a unit that fails leaves neither row nor blob.
func TestRowIsNotStoredAfterAFailure(t *testing.T) {
	w := newWorld(t)
	broken := true
	folder := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Folder: folder, URL: fresh.Database(t, folder), Log: slog.New(slog.DiscardHandler), Fault: func(statement string) error {
		if broken && strings.HasPrefix(statement, "INSERT INTO media ") {
			return errors.New("no")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	blobs, err := media.Open(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	f := files.New(files.Options{Store: s, Blobs: blobs})
	params := files.UploadParams{Name: "a", Content: strings.NewReader("x")}
	if _, _, err := f.Upload(t.Context(), w.users[0], params, nil); err == nil || w.blobs(t) != 0 {
		t.Errorf("%v, %d blobs", err, w.blobs(t))
	}
	broken = false
	params.Content = strings.NewReader("x")
	if _, _, err := f.Upload(t.Context(), w.users[0], params, nil); err != nil || w.blobs(t) != 1 {
		t.Errorf("%v, %d blobs", err, w.blobs(t))
	}
}
