package api

import (
	"context"
	"net/http"
)

// Hold is a legal hold: until it is lifted, the content that it is about is kept, whatever would have it go.
type Hold struct {
	ID         string      `json:"id" doc:"The id."`
	Subject    HoldSubject `json:"subject" doc:"What it is on."`
	Reason     string      `json:"reason" doc:"Why it was placed."`
	PlacedBy   string      `json:"placedBy" doc:"The id of the user who placed it."`
	PlacedAt   Time        `json:"placedAt" format:"date-time" doc:"When it was placed."`
	LiftedBy   string      `json:"liftedBy,omitempty" doc:"The id of the user who lifted it; absent as long as it holds."`
	LiftedAt   *Time       `json:"liftedAt,omitempty" format:"date-time" doc:"When it was lifted; absent as long as it holds."`
	LiftReason string      `json:"liftReason,omitempty" doc:"Why it was lifted."`
	Rev        int64       `json:"rev" doc:"Its revision, as in ETag and If-Match."`
}

// HoldSubject is what a hold is on.
type HoldSubject struct {
	Kind string `json:"kind" enum:"conversation,contact,user,organization" doc:"What kind of thing. A contact and a user stand for the conversations that they take or took part in, and all that they wrote or got."`
	ID   string `json:"id,omitempty" maxLength:"100" doc:"Its id. Where a request is about the organization, it may be left out."`
}

// HoldRequest is a hold to place.
type HoldRequest struct {
	Subject HoldSubject `json:"subject" doc:"What it is on."`
	Reason  string      `json:"reason" minLength:"1" maxLength:"2000" doc:"Why it is placed."`
}

// HoldLift says why a hold is lifted.
type HoldLift struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"Why it is lifted."`
}

// HoldFilter says which holds a list has: those to which everything given applies.
type HoldFilter struct {
	Page
	Subject string `query:"subject" maxLength:"100" doc:"On the thing with this id only."`
	Active  string `query:"active" enum:"true,false" doc:"Whether it is not lifted."`
}

// Held is a thing that has gone for everybody, and that only holds keep.
type Held struct {
	ID           string  `json:"id" doc:"The id of the message or the contact."`
	Kind         string  `json:"kind" enum:"message,contact" doc:"What it is."`
	Conversation string  `json:"conversation,omitempty" doc:"The id of the conversation of a message."`
	Reason       Removal `json:"reason" doc:"Why it has gone."`
	At           Time    `json:"at" format:"date-time" doc:"When it has gone."`
}

// HeldFilter says which things that only holds keep a list has.
type HeldFilter struct {
	Page
	Conversation string `query:"conversation" maxLength:"100" doc:"Messages of this conversation only."`
}

// HeldContent is what holds keep of a thing.
type HeldContent struct {
	Held    Held       `json:"held" doc:"What it is, and why it has gone."`
	Message *Message   `json:"message,omitempty" doc:"A message as it was."`
	Contact *Contact   `json:"contact,omitempty" doc:"A contact as it was."`
	Files   []Media    `json:"files" doc:"The files of a message, always there."`
	Texts   []HeldText `json:"texts" doc:"What else was kept with it: what providers sent and answered, byte for byte. Always there."`
}

// HeldText is a text that was kept with something.
type HeldText struct {
	Place   string `json:"place" doc:"Where it was."`
	Item    string `json:"item,omitempty" doc:"Which one of several there, such as a delivery and its attempt."`
	Content string `json:"content" doc:"The text."`
}

// PlaceHold places a legal hold.
func (c *Client) PlaceHold(ctx context.Context, hold HoldRequest, options ...CallOption) (*Hold, error) {
	return fetch[Hold](ctx, c, request{method: http.MethodPost, path: "/v1/holds", in: &hold}, options...)
}

// GetHold returns a legal hold.
func (c *Client) GetHold(ctx context.Context, id string, options ...CallOption) (*Hold, error) {
	return fetch[Hold](ctx, c, request{method: http.MethodGet}.pathOf("v1", "holds", id), options...)
}

// ListHolds returns a page of legal holds, oldest first.
func (c *Client) ListHolds(ctx context.Context, filter HoldFilter, options ...CallOption) (*List[Hold], error) {
	r := request{method: http.MethodGet, path: "/v1/holds", query: queryOf(filter)}
	return fetch[List[Hold]](ctx, c, r, options...)
}

// LiftHold lifts a legal hold. What it alone kept goes soon after.
func (c *Client) LiftHold(ctx context.Context, id string, lift HoldLift, options ...CallOption) (*Hold, error) {
	r := request{method: http.MethodPost, in: &lift}
	return fetch[Hold](ctx, c, r.pathOf("v1", "holds", id, "lift"), options...)
}

// ListHeld returns a page of what only holds keep, without its content.
func (c *Client) ListHeld(ctx context.Context, filter HeldFilter, options ...CallOption) (*List[Held], error) {
	r := request{method: http.MethodGet, path: "/v1/held", query: queryOf(filter)}
	return fetch[List[Held]](ctx, c, r, options...)
}

// ReadHeld returns what holds keep of a message or a contact. That it was read is in the audit log then.
func (c *Client) ReadHeld(ctx context.Context, id string, options ...CallOption) (*HeldContent, error) {
	return fetch[HeldContent](ctx, c, request{method: http.MethodGet}.pathOf("v1", "held", id), options...)
}

// DownloadHeld opens the bytes of a file that holds keep. That it was read is in the audit log then. The context bounds reading
// them, too.
func (c *Client) DownloadHeld(ctx context.Context, id, media string, options ...CallOption) (*Content, error) {
	return c.download(ctx, request{method: http.MethodGet}.pathOf("v1", "held", id, "media", media), options...)
}
