package parley

import "time"

// DossierState is where an export or an erasure of a contact's data stands.
type DossierState string

// The states.
const (
	DossierPending DossierState = "pending" // it waits, or is under way
	DossierReady   DossierState = "ready"   // of an export: the file is there
	DossierExpired DossierState = "expired" // of an export: the file is gone
	DossierHeld    DossierState = "held"    // of an erasure: a legal hold keeps what is left
	DossierDone    DossierState = "done"    // of an erasure
)

// ContactExport is a copy of all that is kept about a contact, as a file.
type ContactExport struct {
	ID        ID
	Contact   ID
	Actor     ID // the user who asked, and whose file it is
	State     DossierState
	Media     ID // the file, a zip archive
	Size      int64
	CreatedAt time.Time
	ReadyAt   time.Time
	ExpiresAt time.Time // of the file
}

// ContactErasure is the end of a contact: of all that is kept about it.
type ContactErasure struct {
	Contact   ID
	Actor     ID // the user who asked
	State     DossierState
	Messages  int64 // whose content went
	CreatedAt time.Time
	EndedAt   time.Time
}
