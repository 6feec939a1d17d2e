package store

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// details are the facts of a message that no query filters on.
type details struct {
	ActorKind     parley.ActorKind     `json:"ak,omitempty"`
	ActorID       parley.ID            `json:"ai,omitempty"`
	Internal      bool                 `json:"in,omitempty"`
	Priority      parley.Priority      `json:"pr,omitempty"`
	Metadata      map[string]string    `json:"md,omitempty"`
	Tags          []string             `json:"tg,omitempty"`
	ReplyTo       parley.ID            `json:"rt,omitempty"`
	Recorded      bool                 `json:"re,omitempty"`
	RecordedState parley.DeliveryState `json:"rs,omitempty"`
	TTL           int64                `json:"tl,omitempty"` // milliseconds
	DeleteOnRead  bool                 `json:"dr,omitempty"`
	Validity      int64                `json:"va,omitempty"` // milliseconds
	SendAt        int64                `json:"sa,omitempty"`
	FanOut        bool                 `json:"fo,omitempty"`
	Root          parley.ID            `json:"ro,omitempty"`
	Batch         parley.ID            `json:"ba,omitempty"`
	RequestAck    bool                 `json:"ra,omitempty"`
	AckWithin     int64                `json:"aw,omitempty"` // milliseconds
	AsText        []int                `json:"at,omitempty"`
	Template      *parley.Templated    `json:"tp,omitempty"`
	Links         parley.LinkMode      `json:"lk,omitempty"`
	Click         *parley.Click        `json:"cl,omitempty"`
	ProviderID    string               `json:"pi,omitempty"`
	Reactions     map[string]int       `json:"rx,omitempty"`
	Class         parley.MessageClass  `json:"mc,omitempty"`
	Auto          parley.Auto          `json:"au,omitempty"`
	Moved         parley.ID            `json:"mv,omitempty"`
	Rare          *rare                `json:"xx,omitempty"`
}

// rare are the facts of few messages.
type rare struct {
	Forward    *parley.Forward            `json:"fw,omitempty"`
	RemovedBy  *parley.Actor              `json:"rb,omitempty"`
	Redactions *parley.Redactions         `json:"rd,omitempty"`
	EditedAt   int64                      `json:"ea,omitempty"`
	Several    bool                       `json:"se,omitempty"`
	CC         []int                      `json:"cc,omitempty"`
	BCC        []int                      `json:"bc,omitempty"`
	Edits      int                        `json:"en,omitempty"`
	EditedIn   []int64                    `json:"ei,omitempty"`
	OnBehalfOf []parley.Actor             `json:"ob,omitempty"`
	Notice     *parley.Notice             `json:"no,omitempty"`
	Fallback   []parley.Fallback          `json:"fb,omitempty"`
	NotBefore  int64                      `json:"nb,omitempty"`
	Ext        map[string]json.RawMessage `json:"ex,omitempty"`
}

// rareOf are the rare facts of a message; nil where it has none.
func rareOf(m *parley.Message) *rare {
	if m.Forward == nil && m.Redactions == nil && m.Edits == 0 && !m.Receivers.Several && m.RemovedBy.Kind == "" && m.OnBehalfOf == nil && m.Notice == nil && m.Fallback == nil && m.Ext == nil && m.NotBefore.IsZero() {
		return nil
	}
	r := &rare{Forward: m.Forward, Redactions: m.Redactions, EditedAt: Millis(m.EditedAt), Edits: m.Edits, EditedIn: m.EditedIn, OnBehalfOf: m.OnBehalfOf, Notice: m.Notice, Fallback: m.Fallback, Several: m.Receivers.Several,
		CC: m.Receivers.CC, BCC: m.Receivers.BCC, NotBefore: Millis(m.NotBefore), Ext: m.Ext}
	if m.RemovedBy.Kind != "" {
		r.RemovedBy = &m.RemovedBy
	}
	return r
}

func (r *rare) apply(m *parley.Message) {
	if r == nil {
		return
	}
	m.OnBehalfOf, m.Notice, m.Fallback, m.NotBefore, m.Ext = r.OnBehalfOf, r.Notice, r.Fallback, Moment(r.NotBefore), r.Ext
	m.Forward, m.Redactions, m.EditedAt, m.Edits, m.EditedIn = r.Forward, r.Redactions, Moment(r.EditedAt), r.Edits, r.EditedIn
	m.Receivers = parley.Receivers{Several: r.Several, CC: r.CC, BCC: r.BCC}
	if r.RemovedBy != nil {
		m.RemovedBy = *r.RemovedBy
	}
}

func detailsOf(m *parley.Message) (string, error) {
	d := details{Internal: m.Internal, Metadata: m.Metadata, Tags: m.Tags, ReplyTo: m.ReplyTo, Recorded: m.Recorded,
		RecordedState: m.RecordedState, Moved: m.Moved, TTL: m.TTL.Milliseconds(), DeleteOnRead: m.DeleteOnRead,
		Validity: m.Validity.Milliseconds(), SendAt: Millis(m.SendAt), Root: m.Root, Batch: m.Batch, RequestAck: m.RequestAck,
		AckWithin: m.AckWithin.Milliseconds(), AsText: m.AsText, Template: m.Template, Links: m.Links, Click: m.Click, ProviderID: m.ProviderID, Reactions: m.Reactions, Rare: rareOf(m), Class: m.Class, Auto: m.Auto}
	if m.Class == parley.ClassTransactional {
		d.Class = ""
	}
	if m.Priority != parley.PriorityNormal {
		d.Priority = m.Priority
	}
	if m.Actor.Kind != m.Author.Kind || m.Actor.ID != m.Author.ID {
		d.ActorKind, d.ActorID = m.Actor.Kind, m.Actor.ID
	}
	encoded, err := json.Marshal(d)
	if string(encoded) == "{}" {
		return "", err
	}
	return string(encoded), err
}

func (d *details) apply(m *parley.Message) {
	m.Internal, m.Metadata, m.Tags, m.ReplyTo, m.Recorded = d.Internal, d.Metadata, d.Tags, d.ReplyTo, d.Recorded
	m.RecordedState, m.DeleteOnRead = d.RecordedState, d.DeleteOnRead
	m.TTL, m.Validity = time.Duration(d.TTL)*time.Millisecond, time.Duration(d.Validity)*time.Millisecond
	m.SendAt, m.Moved, m.AsText, m.Template, m.Links, m.Click, m.ProviderID, m.Reactions = Moment(d.SendAt), d.Moved, d.AsText, d.Template, d.Links, d.Click, d.ProviderID, d.Reactions
	m.Root, m.Batch, m.RequestAck, m.AckWithin = d.Root, d.Batch, d.RequestAck, time.Duration(d.AckWithin)*time.Millisecond
	d.Rare.apply(m)
	m.Class, m.Auto = d.Class, d.Auto
	if m.Class == "" && m.Direction == parley.Outbound {
		m.Class = parley.ClassTransactional
	}
	m.Priority = d.Priority
	if m.Priority == "" {
		m.Priority = parley.PriorityNormal
	}
	m.Actor = parley.Actor{Kind: d.ActorKind, ID: d.ActorID}
	if d.ActorKind == "" {
		m.Actor = m.Author
	}
}

var (
	insertMessages = `INSERT INTO messages (organization_id, id, conversation_id, sequence, sent_at, created_at, kind, direction,
			author_kind, author_id, author_name, channel_id, platform, body, attachments, reference, parent_id, expires_at,
			removed_at, removed, details, ext)
		SELECT organization_id, id, conversation_id, sequence, sent_at, created_at, kind, direction,
			author_kind, author_id, author_name, channel_id, platform, body, attachments, reference, parent_id, expires_at,
			0, '', details, '' FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "conversation_id TEXT", "sequence BIGINT",
		"sent_at BIGINT", "created_at BIGINT", "kind TEXT", "direction TEXT", "author_kind TEXT", "author_id TEXT", "author_name TEXT",
		"channel_id TEXT", "platform TEXT", "body TEXT", "attachments TEXT", "reference TEXT", "parent_id TEXT", "expires_at BIGINT",
		"details TEXT") + ` AS j`
	insertTags = `INSERT INTO message_tags (organization_id, tag, message_id, conversation_id)
		SELECT organization_id, tag, message_id, conversation_id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "tag TEXT", "message_id TEXT", "conversation_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	insertBatches = `INSERT INTO message_batches (organization_id, batch_id, message_id)
		SELECT organization_id, batch_id, message_id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "batch_id TEXT", "message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	insertMediaReferences = `INSERT INTO media_references (organization_id, media_id, message_id)
		SELECT organization_id, media_id, message_id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "media_id TEXT", "message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
)

// encodeBody is a body as it is stored; one of plain text in half the time.
func encodeBody(body []parley.Part) ([]byte, error) {
	if len(body) != 1 || !body[0].Plain() || body[0].Text == "" {
		return json.Marshal(body)
	}
	text, err := json.Marshal(body[0].Text)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(`[{"kind":"text","text":`), text...), '}', ']'), nil
}

// message adds the rows of a message.
func (rows *appendRows) message(a *Append) error {
	m := &a.Message
	body, err := encodeBody(m.Body)
	if err != nil {
		return err
	}
	extra, err := detailsOf(m)
	if err != nil {
		return err
	}
	attachments := ""
	if len(m.Attachments) > 0 {
		encoded, err := json.Marshal(m.Attachments)
		if err != nil {
			return err
		}
		attachments = string(encoded)
	}
	o := string(a.Organization)
	rows.messages.Add(o, string(m.ID), string(m.Conversation), m.Sequence, Millis(m.SentAt), Millis(m.CreatedAt), string(m.Kind),
		string(m.Direction), string(m.Author.Kind), string(m.Author.ID), m.Author.Name, string(m.Channel), m.Platform, string(body),
		attachments, m.Reference, string(m.Parent), Millis(m.ExpiresAt), extra)
	for _, tag := range m.Tags {
		rows.tags.Add(o, tag, string(m.ID), string(m.Conversation))
	}
	if m.Batch != "" {
		rows.batches.Add(o, string(m.Batch), string(m.ID))
	}
	for _, media := range parley.MediaOf(m) {
		rows.media.Add(o, string(media), string(m.ID))
	}
	addLinks(&rows.links, o, string(m.ID), a.Links)
	return nil
}

const messageColumns = `m.id, m.conversation_id, m.sequence, m.sent_at, m.created_at, m.kind, m.direction, m.author_kind, m.author_id,
	m.author_name, m.channel_id, m.platform, m.body, m.attachments, m.reference, m.parent_id, m.expires_at, m.removed_at, m.removed, m.details`

func scanMessage(r *sql.Rows, m *parley.Message, more ...any) error {
	var sent, created, expires, removed int64
	var body, attachments, extra string
	into := append([]any{&m.ID, &m.Conversation, &m.Sequence, &sent, &created, &m.Kind, &m.Direction, &m.Author.Kind, &m.Author.ID,
		&m.Author.Name, &m.Channel, &m.Platform, &body, &attachments, &m.Reference, &m.Parent, &expires, &removed, &m.Removed, &extra}, more...)
	if err := r.Scan(into...); err != nil {
		return err
	}
	m.SentAt, m.CreatedAt, m.ExpiresAt, m.RemovedAt = Moment(sent), Moment(created), Moment(expires), Moment(removed)
	return (&Content{body, attachments, m.Reference, extra}).Restore(m)
}

// Message returns a message, without its state.
func (q Queries) Message(organization, id parley.ID) (m parley.Message, err error) {
	found := false
	err = q.c.Query("SELECT "+messageColumns+" FROM messages AS m WHERE m.organization_id = $1 AND m.id = $2",
		[]any{string(organization), string(id)}, func(r *sql.Rows) error {
			found = true
			return scanMessage(r, &m)
		})
	if err == nil && !found {
		err = parley.NotFound("message", id)
	}
	return m, err
}

var messagesByID = "SELECT " + messageColumns + " FROM messages AS m WHERE m.organization_id = $1 AND m.id IN " + IDSource

// Messages returns those of the messages that exist, without their states.
func (q Queries) Messages(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Message, error) {
	messages := make(map[parley.ID]*parley.Message, len(ids))
	if len(ids) == 0 {
		return messages, nil
	}
	err := q.c.Query(messagesByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		m := &parley.Message{}
		err := scanMessage(r, m)
		messages[m.ID] = m
		return err
	})
	return messages, err
}

// ThreadPosition is a place in the display order of a conversation.
type ThreadPosition struct {
	SentAt   time.Time
	Sequence int64
}

// Thread returns up to limit messages of a conversation in display order, newest first, older than a position
// (or from the newest, where it is zero), without their states. Scheduled messages are not in it.
func (q Queries) Thread(organization, conversation parley.ID, before ThreadPosition, limit int) ([]parley.Message, error) {
	return q.thread(`SELECT `+messageColumns+` FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2
		AND (m.sent_at, m.sequence) < ($3, $4) AND m.sequence > 0 ORDER BY m.sent_at DESC, m.sequence DESC LIMIT $5`,
		organization, conversation, before, limit)
}

// ThreadAfter is Thread in the other direction: oldest first, newer than a position.
func (q Queries) ThreadAfter(organization, conversation parley.ID, after ThreadPosition, limit int) ([]parley.Message, error) {
	return q.thread(`SELECT `+messageColumns+` FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2
		AND (m.sent_at, m.sequence) > ($3, $4) AND m.sequence > 0 ORDER BY m.sent_at, m.sequence LIMIT $5`,
		organization, conversation, after, limit)
}

func (q Queries) thread(text string, organization, conversation parley.ID, from ThreadPosition, limit int) ([]parley.Message, error) {
	at, sequence := from.SentAt.UnixMilli(), from.Sequence
	if from.SentAt.IsZero() {
		at = held
		if sequence < 0 { // from the oldest
			at = -held
		}
	}
	var messages []parley.Message
	err := q.c.Query(text, []any{string(organization), string(conversation), at, sequence, limit}, func(r *sql.Rows) error {
		var m parley.Message
		err := scanMessage(r, &m)
		messages = append(messages, m)
		return err
	})
	return messages, err
}

// InsertScheduled keeps a message outside of the timeline, without a sequence, with its jobs and events. Its
// sent_at is the time that it is scheduled for.
func (tx *Tx) InsertScheduled(a *Append) error {
	a.Message.CreatedAt = tx.Now
	var rows appendRows
	if err := rows.message(a); err != nil {
		return err
	}
	tx.addDeliveries(&rows, a, false, nil)
	for _, e := range a.Events {
		tx.Emit(a.Organization, e)
	}
	return tx.insert(&rows)
}

// DeleteScheduled takes out a scheduled message that is about to be sent under the same id.
func (tx *Tx) DeleteScheduled(organization, id parley.ID) error {
	if _, err := tx.c.Exec("DELETE FROM message_tags WHERE organization_id = $1 AND message_id = $2", string(organization), string(id)); err != nil {
		return err
	}
	_, err := tx.c.Exec("DELETE FROM messages WHERE organization_id = $1 AND id = $2 AND sequence = 0", string(organization), string(id))
	return err
}

// CancelScheduled makes a scheduled message one that is never sent.
func (tx *Tx) CancelScheduled(organization, id parley.ID, reason string) error {
	m, err := tx.Message(organization, id)
	if err != nil {
		return err
	}
	m.RecordedState = parley.Canceled
	extra, err := detailsOf(&m)
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("UPDATE messages SET details = $1 WHERE organization_id = $2 AND id = $3 AND sequence = 0",
		extra, string(organization), string(id))
	return err
}

var copiesIn = `SELECT m.conversation_id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id IN ` + IDSource +
	` AND m.parent_id = $3 AND m.parent_id <> ''`

// CopiesIn returns those of the conversations that have a copy of a broadcast message.
func (q Queries) CopiesIn(organization, parent parley.ID, conversations []parley.ID) (map[parley.ID]bool, error) {
	have := make(map[parley.ID]bool)
	err := q.c.Query(copiesIn, []any{string(organization), IDRows(conversations), string(parent)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		have[id] = true
		return err
	})
	return have, err
}

// InsertMedia adds a file.
func (tx *Tx) InsertMedia(organization parley.ID, m *parley.Media) error {
	m.CreatedAt = tx.Now
	_, err := tx.c.Exec(`INSERT INTO media (organization_id, id, name, content_type, size, sha256, uploader_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, string(organization), string(m.ID), m.Name, m.ContentType, m.Size, m.SHA256,
		string(m.Uploader), Millis(m.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(m.ID)
	}
	return err
}

const mediaColumns = `m.id, m.name, m.content_type, m.size, m.sha256, m.uploader_id, m.created_at,
	EXISTS (SELECT 1 FROM media_references AS r WHERE r.organization_id = m.organization_id AND r.media_id = m.id)`

func scanMedia(r *sql.Rows, m *parley.Media) error {
	var created int64
	err := r.Scan(&m.ID, &m.Name, &m.ContentType, &m.Size, &m.SHA256, &m.Uploader, &created, &m.Attached)
	m.CreatedAt = Moment(created)
	return err
}

// Media returns a file.
func (q Queries) Media(organization, id parley.ID) (parley.Media, error) {
	files, err := q.MediaByID(organization, []parley.ID{id})
	if err != nil {
		return parley.Media{}, err
	}
	if files[id] == nil {
		return parley.Media{}, parley.NotFound("media", id)
	}
	return *files[id], nil
}

var mediaByID = "SELECT " + mediaColumns + " FROM media AS m WHERE m.organization_id = $1 AND m.id IN " + IDSource

// MediaByID returns those of the files that exist.
func (q Queries) MediaByID(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Media, error) {
	files := make(map[parley.ID]*parley.Media, len(ids))
	if len(ids) == 0 {
		return files, nil
	}
	err := q.c.Query(mediaByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		m := &parley.Media{}
		err := scanMedia(r, m)
		files[m.ID] = m
		return err
	})
	return files, err
}

// MediaMessages returns up to limit messages that have a file, with ids after one.
func (q Queries) MediaMessages(organization, media, after parley.ID, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT message_id FROM media_references WHERE organization_id = $1 AND media_id = $2 AND message_id > $3
		ORDER BY message_id LIMIT $4`, string(organization), string(media), string(after), limit)
}
