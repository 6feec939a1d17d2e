package api

import (
	"context"
	"net/http"
)

// DossierStatus is where an export or an erasure of a contact's data stands.
type DossierStatus string

// The statuses.
const (
	DossierPending DossierStatus = "pending" // it waits, or is under way
	DossierReady   DossierStatus = "ready"   // of an export: the file is there
	DossierExpired DossierStatus = "expired" // of an export: the file is gone
	DossierHeld    DossierStatus = "held"    // of an erasure: a legal hold keeps what is left
	DossierDone    DossierStatus = "done"    // of an erasure
)

// ContactExport is a copy of all that is kept about a contact.
type ContactExport struct {
	ID        string        `json:"id" doc:"The id."`
	Contact   string        `json:"contact" doc:"The contact."`
	Status    DossierStatus `json:"status" enum:"pending,ready,expired" doc:"Where it stands. It expires when its time is over, and when content of it is removed."`
	Media     string        `json:"media,omitempty" doc:"The file, a zip archive, for the key that asked: contact.json, consents.json, conversations.jsonl, messages.jsonl and the files of the messages."`
	Size      int64         `json:"size,omitempty" doc:"Bytes of the file."`
	Actor     string        `json:"actor,omitempty" doc:"The id of the user who asked."`
	CreatedAt Time          `json:"createdAt" format:"date-time" doc:"When it was asked for."`
	ReadyAt   Time          `json:"readyAt,omitzero" format:"date-time" doc:"When the file was there."`
	ExpiresAt Time          `json:"expiresAt,omitzero" format:"date-time" doc:"When the file goes, or went."`
}

// ContactErasure is the end of a contact, and of all that is kept about it.
type ContactErasure struct {
	Contact   string        `json:"contact" doc:"The id of the contact, which is all that stays of it."`
	Status    DossierStatus `json:"status" enum:"pending,held,done" doc:"Where it stands. What a legal hold keeps goes when it ends."`
	Messages  int64         `json:"messages" doc:"How many messages lost their content so far."`
	Actor     string        `json:"actor,omitempty" doc:"The id of the user who asked."`
	CreatedAt Time          `json:"createdAt" format:"date-time" doc:"When it was asked for."`
	EndedAt   Time          `json:"endedAt,omitzero" format:"date-time" doc:"When all was gone."`
}

// ExportContact asks for a copy of all that is kept about a contact. It is made in the background.
func (c *Client) ExportContact(ctx context.Context, contact string, options ...CallOption) (*ContactExport, error) {
	return fetch[ContactExport](ctx, c, request{method: http.MethodPost, keyed: true}.pathOf("v1", "contacts", contact, "export"), options...)
}

// ListContactExports returns a page of the exports of a contact.
func (c *Client) ListContactExports(ctx context.Context, contact string, page Page, options ...CallOption) (*List[ContactExport], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[ContactExport]](ctx, c, r.pathOf("v1", "contacts", contact, "exports"), options...)
}

// GetContactExport returns an export of a contact.
func (c *Client) GetContactExport(ctx context.Context, contact, id string, options ...CallOption) (*ContactExport, error) {
	return fetch[ContactExport](ctx, c, request{method: http.MethodGet}.pathOf("v1", "contacts", contact, "exports", id), options...)
}

// EraseContact has all go that is kept about a contact. It is done in the background; to ask again changes nothing.
func (c *Client) EraseContact(ctx context.Context, contact string, options ...CallOption) (*ContactErasure, error) {
	return fetch[ContactErasure](ctx, c, request{method: http.MethodPost, repeatable: true}.pathOf("v1", "contacts", contact, "erase"), options...)
}

// GetContactErasure returns the erasure of a contact.
func (c *Client) GetContactErasure(ctx context.Context, contact string, options ...CallOption) (*ContactErasure, error) {
	return fetch[ContactErasure](ctx, c, request{method: http.MethodGet}.pathOf("v1", "contacts", contact, "erasure"), options...)
}
