package tigerconnect

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/plain"
)

// message is one as the vendor writes it.
type message struct {
	ID                    string            `json:"message_id"`
	ClientID              string            `json:"client_id,omitempty"`
	Sender                string            `json:"sender_token"`
	SenderName            string            `json:"sender_display_name"`
	SenderOrganization    string            `json:"sender_organization"`
	Recipient             string            `json:"recipient_token"`
	RecipientOrganization string            `json:"recipient_organization"`
	Group                 string            `json:"group_token,omitempty"`
	Conversation          string            `json:"conversation_id"`
	CreatedTime           string            `json:"created_time"`
	Body                  string            `json:"body"`
	TTL                   int64             `json:"ttl"`
	ExpireIn              *int64            `json:"expire_in,omitempty"`
	DeleteOnRead          bool              `json:"dor"`
	Priority              int               `json:"priority"`
	Status                string            `json:"status"`
	Recalled              bool              `json:"is_recalled"`
	SortNumber            int64             `json:"sort_number"`
	SortSeries            int               `json:"sort_series"`
	SubType               string            `json:"sub_type,omitempty"`
	Attachments           []attachment      `json:"attachments"`
	Data                  []datum           `json:"data"`
	Statuses              []recipientStatus `json:"statuses,omitempty"`
	ForwardedFrom         string            `json:"dnd_auto_forwarded_from,omitempty"`
	OriginalSender        string            `json:"original_sender_id,omitempty"`
	OriginalSenderName    string            `json:"original_sender_display_name,omitempty"`
	OriginalTime          string            `json:"original_created_time,omitempty"`
}

type attachment struct {
	ID          string `json:"attachment_id"`
	Name        string `json:"name"`
	ContentType string `json:"content-type"`
	Size        int64  `json:"size"`
}

// recipientStatus is how far a message is with one recipient. A list has one for all of it.
type recipientStatus struct {
	Account string `json:"account_id"`
	List    string `json:"distribution_list_id,omitempty"`
	Status  string `json:"status"`
	At      string `json:"timestamp,omitempty"`
}

// timeOf writes a time as the vendor does.
func timeOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// statusOf is a state in the vendor's words.
func statusOf(state parley.DeliveryState) string {
	switch state {
	case parley.Delivered:
		return "Delivered"
	case parley.Read:
		return "Read"
	case parley.Failed, parley.Expired, parley.Skipped, parley.Canceled:
		return "Failed"
	}
	return "New"
}

// render writes a message to a recipient.
func (c *call) render(m *parley.Message, recipient parley.ID) *message {
	return render(m, c.p.Organization, recipient, c.d.Core.Now(c.ctx(), c.p.Organization))
}

func render(m *parley.Message, organization, recipient parley.ID, now time.Time) *message {
	kept := extraOf(m)
	w := &message{ID: string(m.ID), ClientID: kept.ClientID, Sender: string(m.Author.ID), SenderName: m.Author.Name, SenderOrganization: string(organization),
		Recipient: string(recipient), RecipientOrganization: string(organization), Conversation: string(m.Conversation), CreatedTime: timeOf(m.SentAt),
		Body: plain.Text(m.Body), TTL: never, DeleteOnRead: m.DeleteOnRead, Status: statusOf(m.State), Recalled: m.Removed == parley.RemovedRecalled,
		SortNumber: m.Sequence, SubType: subType(m), Attachments: []attachment{}, Data: kept.Data}
	if m.TTL > 0 {
		w.TTL = int64((m.TTL + time.Minute - 1) / time.Minute)
	}
	if !m.ExpiresAt.IsZero() {
		left := max(0, int64(m.ExpiresAt.Sub(now)/time.Second))
		w.ExpireIn = &left
	}
	if m.Priority == parley.PriorityHigh {
		w.Priority = 1
	}
	for i, a := range m.Attachments {
		w.Attachments = append(w.Attachments, attachment{ID: strconv.Itoa(i + 1), Name: a.Name, ContentType: a.ContentType, Size: a.Size})
	}
	if w.Data == nil {
		w.Data = []datum{}
		for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
			w.Data = append(w.Data, datum{Namespace: name, MIMEType: "text/plain", Payload: m.Metadata[name]})
		}
	}
	if m.Author.Kind == parley.ActorRole {
		text, _ := json.Marshal(map[string]string{"token": string(m.Author.ID), "display_name": m.Author.Name}) // two texts
		w.Data = append(w.Data, datum{roleSender, jsonType, string(text)})
	}
	if len(m.OnBehalfOf) > 0 {
		w.ForwardedFrom = string(m.OnBehalfOf[0].ID)
	}
	if f := m.Forward; f != nil {
		w.OriginalSender, w.OriginalSenderName, w.OriginalTime = string(f.Author.ID), f.Author.Name, timeOf(f.SentAt)
	}
	return w
}

// subType says what a message of the server's own is about.
func subType(m *parley.Message) string {
	switch {
	case m.Kind != parley.KindSystem:
		return ""
	case m.Notice == nil && m.Author.Kind == parley.ActorRole:
		return "role_away_notification"
	case m.Notice != nil && m.Notice.Kind == parley.NoticeAway:
		return "dnd_af_notification"
	}
	return "system"
}

// recipientOf is whom a message is for: the other one of two, a role, a list, or the group that the conversation is.
func (c *call) recipientOf(m *parley.Message, in *parley.Conversation) parley.ID {
	key := strings.Split(in.ThreadKey, ":")
	switch in.Kind {
	case parley.ConversationDirect:
		if len(key) == 3 {
			if a, b := parley.ID(key[1]), parley.ID(key[2]); m.Author.ID == a {
				return b
			} else if m.Author.ID == b {
				return a
			}
		}
		for _, p := range in.Participants {
			if p.Kind == parley.ActorUser && p.ID != m.Author.ID {
				return p.ID
			}
		}
	case parley.ConversationRole:
		if len(key) != 3 {
			break
		}
		if role, asker := parley.ID(key[1]), parley.ID(key[2]); m.Author.ID == asker {
			return role
		} else if asker != "" {
			return asker
		}
	case parley.ConversationBroadcast:
		if len(key) == 3 {
			return parley.ID(key[1])
		}
	}
	return in.ID
}
