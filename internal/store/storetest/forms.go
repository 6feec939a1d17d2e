package storetest

import (
	"time"

	"github.com/parley-server/parley/internal/store"
)

// uploadForms: of several who use a form one gets it; it goes when there is no file.
func uploadForms(w *world) {
	o, other := w.organization(), w.organization()
	f := store.UploadForm{Media: "media", Channel: "ch", ContentType: "image/png", User: "ana", SecretHash: "hash", ExpiresAt: time.UnixMilli(1_800_000_000_000)}
	w.do(func(tx *store.Tx) error { return tx.InsertUploadForm(o, &f) })
	read, err := w.read().UploadForm(o, f.Media)
	w.must(err)
	read.ExpiresAt = read.ExpiresAt.In(f.ExpiresAt.Location())
	w.equal("the form", read, f)
	_, err = w.read().UploadForm(other, f.Media)
	w.notFound(err)
	use := func(used, want bool) {
		w.Helper()
		w.do(func(tx *store.Tx) error {
			got, err := tx.UseUploadForm(o, f.Media, used)
			if got != want {
				w.Errorf("used %v: %v", used, got)
			}
			return err
		})
	}
	use(true, true)
	use(true, false)
	use(false, true)
	use(true, true)
	w.do(func(tx *store.Tx) error { _, err := tx.DropMedia(o, f.Media); return err })
	_, err = w.read().UploadForm(o, f.Media)
	w.notFound(err)
}
