package tigerconnect

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// What a message is to somebody who has read or acknowledged it.
const statusRead, statusConfirmed = "Read", "Confirmed"

// maxIDs is how many messages a request may name.
const maxIDs = 100

// message answers with a message.
func (c *call) message() error {
	w, err := c.whole(c.id())
	if err != nil {
		return err
	}
	c.w.Header().Set("TT-X-Message-Id", w.ID)
	return c.reply(w)
}

// recall takes a message back. One that was taken back is not taken back again.
func (c *call) recall() error {
	m, _, err := c.look(c.id())
	if err != nil {
		return err
	}
	if m.Author.ID != c.p.User && m.Actor.ID != c.p.User {
		return &parley.Error{Kind: parley.KindForbidden, Code: "not-the-author", Message: "only who sent a message may take it back"}
	}
	if _, err := c.d.Core.Recall(c.ctx(), c.p, m.ID); err != nil {
		return err
	}
	return c.reply(map[string]any{"message_id": string(m.ID), "is_recalled": true})
}

// messageStatus is how far a message is with its recipients.
type messageStatus struct {
	ID       string            `json:"message_id"`
	ClientID string            `json:"client_id,omitempty"`
	Recalled bool              `json:"is_recalled"`
	Statuses []recipientStatus `json:"statuses"`
}

func (c *call) statusFor(id parley.ID) (*messageStatus, error) {
	m, in, err := c.look(id)
	if err != nil {
		return nil, err
	}
	s := &messageStatus{ID: string(m.ID), ClientID: extraOf(&m).ClientID, Recalled: m.Removed == parley.RemovedRecalled}
	s.Statuses, err = c.statusesOf(&m, &in)
	return s, err
}

// statusesOf says how far a message is with each recipient; with a list, how far with all of it.
func (c *call) statusesOf(m *parley.Message, in *parley.Conversation) ([]recipientStatus, error) {
	if in.Kind == parley.ConversationBroadcast {
		list := string(c.recipientOf(m, in))
		return []recipientStatus{{Account: list, List: list, Status: statusOf(m.State), At: timeOf(m.SentAt)}}, nil
	}
	deliveries, err := c.d.Core.Deliveries(c.ctx(), c.p, m.ID)
	if err != nil {
		return nil, err
	}
	confirmed, err := c.confirmed(m.ID)
	list := []recipientStatus{}
	for _, d := range deliveries {
		if d.Recipient.Kind != parley.ActorUser || d.Fallback > 0 {
			continue
		}
		at := d.SentAt
		switch {
		case !d.ReadAt.IsZero():
			at = d.ReadAt
		case !d.DeliveredAt.IsZero():
			at = d.DeliveredAt
		}
		s := recipientStatus{Account: string(d.Recipient.ID), Status: statusOf(d.State), At: timeOf(at)}
		if at, ok := confirmed[d.Recipient.ID]; ok && (c.confirms() || d.ReadAt.IsZero()) {
			s.Status, s.At = c.statusOfConfirmed(), timeOf(at)
		}
		list = append(list, s)
	}
	return list, err
}

// confirms reports whether the client knows of messages that are acknowledged.
func (c *call) confirms() bool { return featuresOf(c.r)["can-confirm"] }

// statusOfConfirmed is that of who has acknowledged a message. To clients that do not know of that it is read.
func (c *call) statusOfConfirmed() string {
	if c.confirms() {
		return statusConfirmed
	}
	return statusRead
}

// confirmed are those who have acknowledged a message, and when.
func (c *call) confirmed(id parley.ID) (map[parley.ID]time.Time, error) {
	list, err := c.d.Core.Interactions(c.ctx(), c.p, id)
	confirmed := map[parley.ID]time.Time{}
	for _, i := range list {
		if i.Kind == parley.InteractionAcknowledged {
			confirmed[i.Actor.ID] = i.At
		}
	}
	return confirmed, err
}

// status answers with how far a message is.
func (c *call) status() error {
	s, err := c.statusFor(c.id())
	if err != nil {
		return err
	}
	return c.reply(s)
}

// statuses answers with how far several messages are. Those that are not there are left out.
func (c *call) statuses() error {
	f, err := c.read()
	if err != nil {
		return err
	}
	if err := c.inside(); err != nil {
		return err
	}
	ids, err := f.list("message_ids")
	if err != nil {
		return err
	}
	if len(ids) > maxIDs {
		return parley.Invalid("message_ids", "too-many", "must be at most %d", maxIDs)
	}
	found := map[string]*messageStatus{}
	for _, id := range ids {
		s, err := c.statusFor(parley.ID(id))
		switch {
		case err == nil:
			found[id] = s
		case !parley.IsKind(err, parley.KindNotFound):
			return err
		}
	}
	return c.reply(map[string]any{"bulk_message_statuses": found})
}

// mark notes that messages have arrived or were read. All are looked at before any is marked.
func (c *call) mark() error {
	f, err := c.read()
	if err != nil {
		return err
	}
	if err := c.inside(); err != nil {
		return err
	}
	var lists [2][]string
	for i, name := range []string{"delivered", "read"} {
		if lists[i], err = f.list(name); err != nil {
			return err
		}
	}
	if n := len(lists[0]) + len(lists[1]); n > maxIDs {
		return parley.Invalid("read", "too-many", "must be at most %d with those delivered", maxIDs)
	}
	for _, list := range lists {
		for _, id := range list {
			if _, _, err := c.look(parley.ID(id)); err != nil {
				return err
			}
		}
	}
	for i, mark := range []func(parley.ID) error{
		func(id parley.ID) error { return c.d.Core.MarkDelivered(c.ctx(), c.p, id) },
		func(id parley.ID) error { return c.d.Core.MarkRead(c.ctx(), c.p, id) },
	} {
		for _, id := range lists[i] {
			if err := mark(parley.ID(id)); err != nil {
				return err
			}
		}
	}
	return c.done()
}

// attachment answers with a file of a message: the first, which is the only one of what was sent here, or one of more.
func (c *call) attachment() error {
	m, _, err := c.look(c.id())
	if err != nil {
		return err
	}
	index := slices.IndexFunc(render(&m, c.p.Organization, "", time.Time{}).Attachments, func(a attachment) bool { return a.ID == c.r.PathValue("index") })
	if index < 0 {
		return parley.NotFound("attachment", parley.ID(c.r.PathValue("index")))
	}
	file, blob, err := c.d.Files.Open(c.ctx(), c.p, m.Attachments[index].Media)
	if err != nil {
		return err
	}
	defer blob.Close()
	file.Name = m.Attachments[index].Name
	httpd.Download(c.w, c.r, &file, blob)
	return nil
}
