package tigerconnect

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Priority is how urgent a message is.
type Priority string

// The priorities; an empty one is Normal.
const (
	Normal Priority = "NORMAL"
	High   Priority = "HIGH"
)

// Forever is the TTL of a message whose content does not end.
const Forever = -1

// Message is one of a conversation.
type Message struct {
	ID                    string       `json:"message_id"`
	ClientID              string       `json:"client_id"`
	Body                  string       `json:"body"`
	SenderID              string       `json:"sender_token"` // a user, or the role that it was sent as
	SenderName            string       `json:"sender_display_name"`
	SenderOrganization    string       `json:"sender_organization"`
	RecipientID           string       `json:"recipient_token"`
	RecipientOrganization string       `json:"recipient_organization"`
	ConversationID        string       `json:"conversation_id"`
	CreatedAt             time.Time    `json:"created_time"`
	TTL                   int64        `json:"ttl"` // minutes that hold, or Forever
	ExpireIn              int64        `json:"expire_in"`
	DeleteOnRead          bool         `json:"dor"`
	PriorityNumber        int          `json:"priority"` // 1: high
	SortSeries            int          `json:"sort_series"`
	SortNumber            int64        `json:"sort_number"`
	SubType               string       `json:"sub_type"`
	Recalled              bool         `json:"is_recalled"`
	Attachments           []Attachment `json:"attachments"`
	Metadata              []Datum      `json:"data"`
	Statuses              []Status     `json:"statuses"`
}

// Priority is how urgent it is.
func (m *Message) Priority() Priority {
	if m.PriorityNumber > 0 {
		return High
	}
	return Normal
}

// Attachment is a file of a message.
type Attachment struct {
	ID          string `json:"attachment_id"`
	Name        string `json:"name"`
	ContentType string `json:"content-type"`
	Size        int64  `json:"size"`
}

// Datum is what programs keep with a message, as it is on the wire: a payload of the type application/json is JSON.
type Datum struct {
	Namespace string `json:"namespace"`
	MIMEType  string `json:"mimetype"`
	Payload   string `json:"payload"`
}

// Status is how far a message is with a recipient: New, Delivered, Read or Failed.
type Status struct {
	UserID             string    `json:"account_id"`
	DistributionListID string    `json:"distribution_list_id"` // where it is one of a whole list
	Status             string    `json:"status"`
	At                 time.Time `json:"timestamp"`
}

// Find returns a message. An empty organization is the client's.
func (c *Client) Find(ctx context.Context, id, organization string) (*Message, error) {
	var m Message
	if err := c.about(ctx, http.MethodGet, id, "", organization, &m); err != nil {
		return nil, err
	}
	return &m, nil
}

// FindRecipientStatus returns how far a message is with each recipient.
func (c *Client) FindRecipientStatus(ctx context.Context, id, organization string) ([]Status, error) {
	var answer struct{ Statuses []Status }
	err := c.about(ctx, http.MethodGet, id, "/status", organization, &answer)
	return answer.Statuses, err
}

// Recall takes a message back, for all. Only its sender may.
func (c *Client) Recall(ctx context.Context, id, organization string) error {
	return c.about(ctx, http.MethodDelete, id, "", organization, nil)
}

func (c *Client) about(ctx context.Context, method, id, what, organization string, into any) error {
	if id == "" {
		return argument("message", "must be the id of a message")
	}
	if organization == "" {
		organization = c.organization
	}
	return c.call(ctx, request{method: method, path: "/message/" + url.PathEscape(id) + what, organization: organization}, into)
}
