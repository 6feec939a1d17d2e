package tigerconnect

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SendOptions say more of a message. What is of groups is used where a send makes one, and ignored otherwise.
type SendOptions struct {
	OrganizationID          string // in which organization; the client's otherwise
	SenderOrganizationID    string // the same
	RecipientOrganizationID string // the sender's otherwise; messages stay within one

	AttachmentFile  *File      // one file
	AttachmentFiles []*File    // the same, as a list of one
	DeleteOnRead    bool       // a minute after somebody has read it, its content is gone for them
	Escalate        bool       // by the policy of the role that it is to
	Metadata        []Metadata // for programs
	Priority        Priority   // Normal where it is empty
	SenderID        string     // a role that the user is on duty for at the moment; the user otherwise
	TTL             int64      // minutes to live, or Forever; 0: as the organization says

	AvatarFile    *File
	Description   string
	GroupMetadata map[string]string
	GroupName     string

	// ClientID sends the message once, however often it is repeated. Left out it is made for the call; who repeats one
	// that has failed gives its own.
	ClientID string
	// OnRetry is told of each attempt that has failed before another one.
	OnRetry func(error)
}

// Metadata is what programs add to a message. A payload that is no string, or is of the type application/json, is written as JSON.
type Metadata struct {
	Namespace string // as vendor:name
	Payload   any
	MIMEType  string // application/json where it is empty
}

const (
	maxBody        = 100_000 // characters
	maxMinutes     = 100 * 365 * 24 * 60
	maxDescription = 300
	maxMetadata    = 50
	maxPayload     = 64 << 10
	maxNamespace   = 200 // bytes
	jsonType       = "application/json"
)

// SendToUser sends to a user of the organization, by id, e-mail address or telephone number; to who is on duty for a role by its id. It
// returns the message once the server has it on disk. An argument that cannot be sent is an *ArgumentError, before any request.
func (c *Client) SendToUser(ctx context.Context, userID, body string, options *SendOptions) (*Message, error) {
	if err := inOrder(userID, body); err != nil {
		return nil, err
	}
	if c.isMe(userID) {
		return nil, argument("userId", "is the user who sends")
	}
	return c.send(ctx, []string{userID}, "user", body, options)
}

// SendToGroupOfUsers sends to users, who become a new group with the sender.
func (c *Client) SendToGroupOfUsers(ctx context.Context, userIDs []string, body string, options *SendOptions) (*Message, error) {
	if len(userIDs) < 2 {
		return nil, argument("userIds", "must be two users or more; expected (userIds, body)")
	}
	return c.send(ctx, userIDs, "", body, options)
}

func (c *Client) send(ctx context.Context, to []string, kind, body string, options *SendOptions) (*Message, error) {
	if options == nil {
		options = &SendOptions{}
	}
	m, err := c.outgoing(to, kind, body, options)
	if err != nil {
		return nil, err
	}
	sent := &Message{}
	err = c.call(ctx, request{method: http.MethodPost, path: "/message?response_format=message", organization: m.From, body: m.body, onRetry: options.OnRetry}, sent)
	if err != nil {
		return nil, err
	}
	return sent, nil
}

var address = regexp.MustCompile(`^(?:[0-9a-v]{20}|[^\s@]+@[^\s@]+\.[^\s@]+|\+[0-9]{5,15})$`)

// inOrder recognizes arguments in the wrong order: the second is a recipient, or what should be the first can be none.
func inOrder(userID, body string) error {
	if strings.TrimSpace(userID) == "" {
		return argument("userId", "must be an id or an address; expected (userId, body)")
	}
	if strings.ContainsFunc(strings.TrimSpace(userID), unicode.IsSpace) || address.MatchString(body) && !address.MatchString(userID) {
		return argument("userId", "is no recipient; expected (userId, body)")
	}
	return nil
}

// outgoing is a message as it is on the wire.
type outgoing struct {
	To           any               `json:"recipient"`
	Kind         string            `json:"recipient_type,omitempty"`
	Body         string            `json:"body"`
	From         string            `json:"sender_organization"`
	Into         string            `json:"recipient_organization"`
	TTL          int64             `json:"ttl,omitempty"`
	DeleteOnRead bool              `json:"dor"`
	Escalate     bool              `json:"escalate"`
	Priority     int               `json:"priority"`
	Data         []Datum           `json:"data,omitempty"`
	Sender       string            `json:"sender_token,omitempty"`
	ClientID     string            `json:"client_id"`
	Group        string            `json:"group_name,omitempty"`
	Description  string            `json:"description,omitempty"`
	Facts        map[string]string `json:"group_metadata,omitempty"`
	files        []part
}

// outgoing checks all that is to be said of a message.
func (c *Client) outgoing(to []string, kind, body string, o *SendOptions) (*outgoing, error) {
	m := &outgoing{To: to[0], Kind: kind, Body: body, From: first(o.SenderOrganizationID, o.OrganizationID, c.organization), TTL: o.TTL, DeleteOnRead: o.DeleteOnRead,
		Escalate: o.Escalate, Sender: o.SenderID, ClientID: first(o.ClientID, rand.Text())}
	m.Into = first(o.RecipientOrganizationID, m.From)
	switch {
	case m.From == "":
		return nil, argument("organizationId", "must be there, as the client has no organization of its own")
	case !utf8.ValidString(body) || strings.IndexByte(body, 0) >= 0:
		return nil, argument("body", "must be UTF-8 without the character U+0000")
	case utf8.RuneCountInString(body) > maxBody:
		return nil, argument("body", "must be at most %d characters", maxBody)
	case o.TTL != Forever && (o.TTL < 0 || o.TTL > maxMinutes):
		return nil, argument("ttl", "must be 1 to %d minutes, or -1 for no end", maxMinutes)
	case o.Priority == High:
		m.Priority = 1
	case o.Priority != "" && o.Priority != Normal:
		return nil, argument("priority", "must be NORMAL or HIGH")
	}
	var err error
	if m.Data, err = data(o.Metadata); err != nil {
		return nil, err
	}
	if err := m.attach(o); err != nil {
		return nil, err
	}
	if body == "" && len(m.Data) == 0 && len(m.files) == 0 {
		return nil, argument("body", "must not be empty unless there is an attachment or metadata")
	}
	if kind == "" {
		m.To, m.Group, m.Description, m.Facts = to, o.GroupName, o.Description, o.GroupMetadata
		if utf8.RuneCountInString(o.Description) > maxDescription {
			return nil, argument("description", "must be at most %d characters", maxDescription)
		}
		err = m.file("avatarFile", "avatar", o.AvatarFile)
	}
	return m, err
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func data(list []Metadata) ([]Datum, error) {
	if len(list) > maxMetadata {
		return nil, argument("metadata", "must be at most %d", maxMetadata)
	}
	var all []Datum
	size := 0
	for i, m := range list {
		at := fmt.Sprintf("metadata[%d]", i)
		switch name := strings.ToLower(strings.TrimSpace(m.Namespace)); {
		case name == "":
			return nil, argument(at+".namespace", "must be there, as vendor:name")
		case strings.HasPrefix(name, "tigertext:"):
			return nil, argument(at+".namespace", "must not begin with tigertext:")
		case len(m.Namespace) > maxNamespace || strings.IndexByte(m.Namespace, 0) >= 0:
			return nil, argument(at+".namespace", "must be at most %d bytes without the character U+0000", maxNamespace)
		case m.Payload == nil:
			return nil, argument(at+".payload", "must be there")
		}
		d := Datum{Namespace: m.Namespace, MIMEType: first(m.MIMEType, jsonType)}
		if text, ok := m.Payload.(string); ok && d.MIMEType != jsonType {
			d.Payload = text
		} else {
			written, err := json.Marshal(m.Payload)
			if err != nil {
				return nil, argument(at+".payload", "cannot be written as JSON: %v", err)
			}
			d.Payload = string(written)
		}
		size += len(d.Payload)
		all = append(all, d)
	}
	if size > maxPayload {
		return nil, argument("metadata", "must have at most %d bytes of payload", maxPayload)
	}
	return all, nil
}

// body is what an attempt sends: JSON, or with files a form.
func (m *outgoing) body() (io.ReadCloser, string, int64, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, "", 0, err
	}
	if len(m.files) == 0 {
		return io.NopCloser(bytes.NewReader(text)), jsonType, int64(len(text)), nil
	}
	return m.form(text)
}
