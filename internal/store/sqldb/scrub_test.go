package sqldb

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const secret = "sEcReT-9b41"

func openScrubbed(t *testing.T, folder string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{Path: filepath.Join(folder, "test.db"), Log: slog.New(slog.DiscardHandler)}, []Migration{{Name: "one", SQL: `
		CREATE TABLE texts (tenant TEXT NOT NULL, id BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
		CREATE INDEX texts_body ON texts (tenant, body);`}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// secrets counts the secret in all files of a folder.
func secrets(t *testing.T, folder string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		n += bytes.Count(content, []byte(secret))
	}
	return n
}

// scribble writes rows of several tenants, so that pages split, a quarter of them with the secret.
func scribble(t *testing.T, db *DB, r *rand.Rand, from, n int) {
	t.Helper()
	for i := from; i < from+n; {
		err := db.Write(t.Context(), Unit{Run: func(tx *Tx) error {
			for range 20 {
				body := strings.Repeat("f", r.Intn(900))
				if r.Intn(4) == 0 {
					body = fmt.Sprintf("%s-%d-%s", secret, i, strings.Repeat("s", r.Intn(900)))
				}
				if _, err := tx.Exec("INSERT INTO texts VALUES ($1, $2, $3)", fmt.Sprint("t", r.Intn(8)), i, body); err != nil {
					return err
				}
				i++
			}
			return nil
		}})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

func erase(t *testing.T, db *DB) {
	t.Helper()
	err := db.Write(t.Context(), Unit{Run: func(tx *Tx) error {
		_, err := tx.Exec("UPDATE texts SET body = '' WHERE body LIKE $1", secret+"%")
		tx.After(db.Erased)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func intact(t *testing.T, db *DB, rows int) {
	t.Helper()
	var verdict string
	var n int
	if err := db.Read(t.Context()).Row("PRAGMA integrity_check", nil, &verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
	if err := db.Read(t.Context()).Row("SELECT count(*) FROM texts WHERE body = '' OR body LIKE 'f%'", nil, &n); err != nil || n != rows {
		t.Errorf("%d rows, want %d, %v", n, rows, err)
	}
}

// TestNothingOfWhatWasErasedIsInAFile: neither where it was, nor where pages that were split had left it, while
// others write.
func TestNothingOfWhatWasErasedIsInAFile(t *testing.T) {
	folder := t.TempDir()
	db := openScrubbed(t, folder)
	defer func() { _ = db.Close() }()
	scribble(t, db, rand.New(rand.NewSource(1)), 0, 1500)
	if secrets(t, folder) == 0 {
		t.Fatal("the secret is not there before it is erased")
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	written := 0
	wait.Go(func() {
		for r := rand.New(rand.NewSource(2)); ; written++ {
			select {
			case <-stop:
				return
			default:
			}
			err := db.Write(t.Context(), Unit{Run: func(tx *Tx) error {
				_, err := tx.Exec("INSERT INTO texts VALUES ($1, $2, $3)", fmt.Sprint("t", r.Intn(8)), 100_000+written, strings.Repeat("f", r.Intn(900)))
				return err
			}})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	erase(t, db)
	left := 0
	for range 300 {
		if left = secrets(t, folder); left == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if left > 0 {
		t.Errorf("the secret is still %d times in the files", left)
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wait.Wait()
	if left = secrets(t, folder); left > 0 {
		t.Errorf("the secret came back %d times", left)
	}
	intact(t, db, 1500+written)
}

func TestClosingScrubs(t *testing.T) {
	folder := t.TempDir()
	db := openScrubbed(t, folder)
	scribble(t, db, rand.New(rand.NewSource(3)), 0, 1000)
	erase(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if left := secrets(t, folder); left > 0 {
		t.Errorf("the secret is still %d times in the files", left)
	}
	db = openScrubbed(t, folder)
	defer func() { _ = db.Close() }()
	intact(t, db, 1000)
}

// TestAStartScrubs: a note of an erasure whose scrub a crash prevented is obeyed.
func TestAStartScrubs(t *testing.T) {
	folder := t.TempDir()
	db := openScrubbed(t, folder)
	scribble(t, db, rand.New(rand.NewSource(4)), 0, 1000)
	err := db.Write(t.Context(), Unit{Run: func(tx *Tx) error { // without a word to the scrubber
		_, err := tx.Exec("UPDATE texts SET body = '' WHERE body LIKE $1", secret+"%")
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if secrets(t, folder) == 0 {
		t.Fatal("splits left nothing, so that the other tests prove nothing")
	}
	note := filepath.Join(folder, "test.db-scrub")
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db = openScrubbed(t, folder)
	defer func() { _ = db.Close() }()
	for range 300 {
		if _, err := os.Stat(note); os.IsNotExist(err) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if left := secrets(t, folder); left > 0 {
		t.Errorf("the secret is still %d times in the files", left)
	}
	intact(t, db, 1000)
}
