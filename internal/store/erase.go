package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// The kinds of jobs that end or uncover something.
const (
	JobWake   JobKind = "wake"    // the end of a conversation's snooze; the payload is its id
	JobHide   JobKind = "hide"    // a message that is deleted on read has been read; the payload says by whom
	JobOnRead JobKind = "on-read" // never due: says where in a conversation such a message is
	JobErase  JobKind = "erase"   // the copies of a broadcast message whose content went; the payload is the reason
)

// onReadJob names a place in a conversation, so that the messages between two places are a range.
func onReadJob(conversation parley.ID, sequence int64) string {
	return JobID(JobOnRead, fmt.Sprintf("%s|%011x", conversation, sequence))
}

// OnReadJob is the mark that a message between members leaves which is deleted on read.
func OnReadJob(organization parley.ID, m *parley.Message) Job {
	return Job{Organization: organization, ID: onReadJob(m.Conversation, m.Sequence), Kind: JobOnRead, Message: m.ID}
}

// onRead adds the jobs that wait for a message to be read: a mark, or a timer for each delivery.
func (tx *Tx) onRead(rows *appendRows, a *Append) {
	m := &a.Message
	if !m.DeleteOnRead || m.Sequence == 0 {
		return
	}
	if m.Direction == parley.NoDirection {
		tx.addJob(&rows.jobs, OnReadJob(a.Organization, m), held)
	}
	for i := range a.Deliveries {
		tx.addJob(&rows.jobs, Job{Organization: a.Organization, ID: hideJob(m.ID, deliveryReader(a.Deliveries[i].Number)), Kind: JobHide, Message: m.ID}, held)
	}
}

// HideAfter is how long after reading the content of a message goes that is to be deleted on read.
const HideAfter = 60 * time.Second

func hideJob(message parley.ID, reader string) string {
	return JobID(JobHide, string(message)+"|"+reader)
}

// deliveryReader names the recipient of a delivery as a reader.
func deliveryReader(number int) string { return "#" + strconv.Itoa(number) }

// HideLater has the content of messages go for a user who has read them.
func (tx *Tx) HideLater(organization, user parley.ID, messages []parley.ID) error {
	jobs := make([]Job, len(messages))
	for i, id := range messages {
		jobs[i] = Job{Organization: organization, ID: hideJob(id, string(user)), Kind: JobHide, DueAt: tx.Now.Add(HideAfter), Message: id, Payload: string(user)}
	}
	return tx.Schedule(jobs...)
}

var startHiding = `UPDATE jobs SET due_at = $2 WHERE kind = 'hide' AND (organization_id, id) IN (SELECT organization_id, id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// HideDelivered is HideLater for deliveries that have been read, or have ended otherwise. Those of messages that are
// not deleted on read are not touched.
func (tx *Tx) HideDelivered(deliveries []DeliveryRef) error {
	if len(deliveries) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, d := range deliveries {
		rows.Add(string(d.Organization), hideJob(d.Message, deliveryReader(d.Number)))
	}
	_, err := tx.c.Exec(startHiding, rows.Param(), tx.due(Millis(tx.Now.Add(HideAfter))))
	return err
}

var hasten = `UPDATE jobs SET due_at = CASE WHEN due_at > $2 THEN $2 ELSE due_at END
	WHERE kind = $3 AND (organization_id, id) IN (SELECT organization_id, id FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// HastenFallbacks has the fallbacks of messages looked at now, deliveries of which have failed. Others are not touched.
func (tx *Tx) HastenFallbacks(deliveries []DeliveryRef) error {
	var jobs []JobRef
	for _, d := range deliveries {
		jobs = append(jobs, JobRef{d.Organization, JobID(JobFallback, string(d.Message))})
	}
	return tx.Hasten(JobFallback, jobs)
}

// Hasten has jobs of a kind that is work inside the database done now. Those that are not there are not added.
func (tx *Tx) Hasten(kind JobKind, jobs []JobRef) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID)
	}
	_, err := tx.c.Exec(hasten, rows.Param(), tx.due(Millis(tx.Now)), string(kind))
	return err
}

// SetExpiry moves the end of a message's content.
func (tx *Tx) SetExpiry(organization, message parley.ID, at time.Time) error {
	_, err := tx.c.Exec("UPDATE messages SET expires_at = $1 WHERE organization_id = $2 AND id = $3", Millis(at), string(organization), string(message))
	return err
}

// OnRead returns the messages after one place in a conversation, through another, whose content goes when it has
// been read.
func (q Queries) OnRead(organization, conversation parley.ID, after, through int64) ([]parley.ID, error) {
	return q.ids("SELECT message_id FROM jobs WHERE organization_id = $1 AND id > $2 AND id <= $3 ORDER BY id",
		string(organization), onReadJob(conversation, after), onReadJob(conversation, through))
}

// Hide takes a message's content out of what a user sees, and says whether it was there.
func (tx *Tx) Hide(organization, message, user parley.ID) (bool, error) {
	n, err := tx.c.Exec(`INSERT INTO hidden_messages (organization_id, message_id, user_id, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, string(organization), string(message), string(user), Millis(tx.Now))
	return n > 0, err
}

// Seen moves the read mark of a user who takes no part in a conversation of the organization, and says whether
// it moved.
func (tx *Tx) Seen(organization, conversation, user parley.ID, through int64) (bool, error) {
	args := []any{string(organization), string(conversation), string(user), string(MarkRead), through}
	n, err := tx.c.Exec(`INSERT INTO marks (organization_id, conversation_id, user_id, kind, through, at)
		SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM marks WHERE organization_id = $1 AND conversation_id = $2
			AND user_id = $3 AND kind = $4 AND through >= $5)`, append(args, Millis(tx.Now))...)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.c.Exec(`DELETE FROM marks WHERE organization_id = $1 AND conversation_id = $2 AND user_id = $3 AND kind = $4
		AND through < $5`, args...)
	return true, err
}

// SeenThrough returns the read mark of a user who takes no part in a conversation; 0 for none.
func (q Queries) SeenThrough(organization, conversation, user parley.ID) (through int64, err error) {
	err = q.c.Row(`SELECT coalesce(max(through), 0) FROM marks WHERE organization_id = $1 AND conversation_id = $2 AND user_id = $3
		AND kind = $4`, []any{string(organization), string(conversation), string(user), string(MarkRead)}, &through)
	return through, err
}

// CopiesBefore returns up to limit copies of a broadcast message, in falling order of their conversations' ids,
// below one or from the greatest.
func (q Queries) CopiesBefore(organization, parent, before parley.ID, limit int) ([]MessageHead, error) {
	if before == "" {
		before = "~"
	}
	return q.heads(`messages AS m WHERE m.organization_id = $1 AND m.parent_id = $2 AND m.parent_id <> '' AND m.conversation_id < $3
		ORDER BY m.conversation_id DESC LIMIT $4`, string(organization), string(parent), string(before), limit)
}

// CopiesOf returns up to limit copies of a broadcast message, in order of their conversations, after one.
func (q Queries) CopiesOf(organization, parent, after parley.ID, limit int) ([]*parley.Message, error) {
	var copies []*parley.Message
	err := q.c.Query("SELECT "+messageColumns+` FROM messages AS m WHERE m.organization_id = $1 AND m.parent_id = $2
		AND m.parent_id <> '' AND m.conversation_id > $3 ORDER BY m.conversation_id LIMIT $4`,
		[]any{string(organization), string(parent), string(after), limit}, func(r *sql.Rows) error {
			m := &parley.Message{}
			err := scanMessage(r, m)
			copies = append(copies, m)
			return err
		})
	return copies, err
}

// Erasure is a message whose content goes, as it was, and why.
type Erasure struct {
	Organization parley.ID
	Message      *parley.Message
	Reason       parley.Removal
	By           parley.Actor // zero: it was due
}

var eraseMessages = `UPDATE messages SET body = '', attachments = '', reference = '', ext = '', details = j.details,
		removed_at = j.removed_at, removed = j.removed
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "details TEXT", "removed_at BIGINT", "removed TEXT") + ` AS j
	WHERE messages.organization_id = j.organization_id AND messages.id = j.id`

// EraseMessages makes tombstones of messages: what stays is who, when, where to, and what became of it.
func (tx *Tx) EraseMessages(batch []Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		m := *e.Message
		m.Metadata, m.Tags, m.AsText, m.Template, m.Click, m.ProviderID, m.Reactions, m.Ext, m.RemovedBy = nil, nil, nil, m.Template.Bare(), nil, "", nil, nil, e.By
		rest, err := detailsOf(&m)
		if err != nil {
			return err
		}
		rows.Add(string(e.Organization), string(m.ID), rest, Millis(tx.Now), string(e.Reason))
	}
	_, err := tx.c.Exec(eraseMessages, rows.Param())
	return err
}

var eraseTags = `DELETE FROM message_tags WHERE (organization_id, tag, message_id) IN (SELECT organization_id, tag, id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "tag TEXT", "id TEXT") + ` AS j)`

// Rewrite writes the content of a message anew, and the facts about it.
func (tx *Tx) Rewrite(organization parley.ID, m *parley.Message) error {
	tx.MustHave(organization)
	body, err := EncodeJSON(m.Body)
	if err != nil {
		return err
	}
	attachments := ""
	if len(m.Attachments) > 0 {
		if attachments, err = EncodeJSON(m.Attachments); err != nil {
			return err
		}
	}
	rest, err := detailsOf(m)
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("UPDATE messages SET body = $1, attachments = $2, details = $3 WHERE organization_id = $4 AND id = $5",
		body, attachments, rest, string(organization), string(m.ID))
	return err
}

// EraseTags takes messages out of the lists by tag.
func (tx *Tx) EraseTags(batch []Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		for _, tag := range e.Message.Tags {
			rows.Add(string(e.Organization), tag, string(e.Message.ID))
		}
	}
	if rows.Len() == 0 {
		return nil
	}
	_, err := tx.c.Exec(eraseTags, rows.Param())
	return err
}

// EraseMedia takes their files from messages; those that no other message has go.
func (tx *Tx) EraseMedia(batch []Erasure) error {
	with := map[parley.ID][]parley.ID{}
	for _, e := range batch {
		if len(parley.MediaOf(e.Message)) > 0 {
			with[e.Organization] = append(with[e.Organization], e.Message.ID)
		}
	}
	for organization, messages := range with {
		if err := tx.ReleaseMedia(organization, messages...); err != nil {
			return err
		}
	}
	return nil
}

var erasedRefs = `(SELECT organization_id, id FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// eraseBy runs a statement that takes messages by organization and id.
func (tx *Tx) eraseBy(text string, batch []Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		rows.Add(string(e.Organization), string(e.Message.ID))
	}
	_, err := tx.c.Exec(text, rows.Param())
	return err
}

var (
	eraseParked   = `DELETE FROM parked WHERE message_id <> '' AND (organization_id, message_id) IN ` + erasedRefs
	eraseAttempts = `UPDATE attempts SET text = '', request = '' WHERE (organization_id, message_id) IN ` + erasedRefs
	eraseReasons  = `UPDATE deliveries SET reason = '' WHERE reason <> '' AND (organization_id, message_id) IN ` + erasedRefs
)

// EraseParked deletes what came from a provider for messages.
func (tx *Tx) EraseParked(batch []Erasure) error { return tx.eraseBy(eraseParked, batch) }

// EraseAttempts deletes what providers said of messages, and the addresses of the calls.
func (tx *Tx) EraseAttempts(batch []Erasure) error { return tx.eraseBy(eraseAttempts, batch) }

// EraseReasons deletes what providers said of deliveries.
func (tx *Tx) EraseReasons(batch []Erasure) error { return tx.eraseBy(eraseReasons, batch) }

// Content is what a message says, column by column as it is stored.
type Content struct{ Body, Attachments, Reference, Details string }

// Restore puts the content into a message.
func (c *Content) Restore(m *parley.Message) error {
	m.Reference = c.Reference
	if c.Body != "" {
		if err := json.Unmarshal([]byte(c.Body), &m.Body); err != nil {
			return err
		}
	}
	if c.Attachments != "" {
		if err := json.Unmarshal([]byte(c.Attachments), &m.Attachments); err != nil {
			return err
		}
	}
	var d details
	if c.Details != "" {
		if err := json.Unmarshal([]byte(c.Details), &d); err != nil {
			return err
		}
	}
	d.apply(m)
	return nil
}

// Aged returns up to limit messages of a conversation that were sent before a time, oldest first, newer than a position.
// Scheduled messages are not among them.
func (q Queries) Aged(organization, conversation parley.ID, after ThreadPosition, before time.Time, limit int) ([]parley.Message, error) {
	var messages []parley.Message
	since := int64(-held)
	if !after.SentAt.IsZero() {
		since = Millis(after.SentAt)
	}
	err := q.c.Query(`SELECT `+messageColumns+` FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2
		AND (m.sent_at, m.sequence) > ($3, $4) AND m.sent_at < $5 AND m.sequence > 0 ORDER BY m.sent_at, m.sequence LIMIT $6`,
		[]any{string(organization), string(conversation), since, after.Sequence, Millis(before), limit}, func(r *sql.Rows) error {
			var m parley.Message
			err := scanMessage(r, &m)
			messages = append(messages, m)
			return err
		})
	return messages, err
}

// FreePages returns how many pages of the database hold nothing, and how many there are.
func (tx *Tx) FreePages() (free, pages int64, err error) {
	if tx.s.Engine().Shared() { // PostgreSQL sees to its files itself
		return 0, 0, nil
	}
	return tx.tx.FreePages()
}

// Shrink gives up to n free pages back to the file system.
func (tx *Tx) Shrink(n int) error {
	if tx.s.Engine().Shared() {
		return nil
	}
	return tx.tx.Shrink(n)
}

const jobsOf = "SELECT " + jobColumns + ` FROM jobs WHERE organization_id = $1 AND (
	(id >= $2 AND id < $3) OR id IN ($4, $5, $6, $7, $8, $9) OR (id > $10 AND id < $11)) ORDER BY id`

// JobsOf returns the jobs of a message: its deliveries' and its own.
func (q Queries) JobsOf(organization parley.ID, m *parley.Message) ([]Job, error) {
	return q.jobsOf(jobsOf, organization, m)
}

// HoldJobsOf is JobsOf, of jobs that no other node can claim before the transaction ends.
func (tx *Tx) HoldJobsOf(organization parley.ID, m *parley.Message) ([]Job, error) {
	return tx.jobsOf(jobsOf+" FOR UPDATE OF jobs", organization, m)
}

func (q Queries) jobsOf(text string, organization parley.ID, m *parley.Message) ([]Job, error) {
	jobs, err := q.jobsOn(text, organization, m, m.Channel)
	for i := range m.Fallback { // what it had to be tried on besides
		if err != nil {
			break
		}
		var more []Job
		more, err = q.jobsOn(text, organization, m, m.Fallback[i].Channel)
		for _, j := range more {
			if j.Kind == JobDeliver && j.Channel != m.Channel {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs, err
}

// jobsOn are the jobs of a message, and those of its deliveries on a channel.
func (q Queries) jobsOn(text string, organization parley.ID, m *parley.Message, channel parley.ID) ([]Job, error) {
	order := orderOf(channel, m.Conversation, m.Priority.Rank(), m.NotBefore)
	var jobs []Job
	err := q.c.Query(text,
		[]any{string(organization), fmt.Sprintf("%s|%011x", order, m.Sequence), fmt.Sprintf("%s|%011x", order, m.Sequence+1),
			JobID(JobExpire, string(m.ID)), JobID(JobPublish, string(m.ID)), JobID(JobFanOut, string(m.ID)), JobID(JobAckDue, string(m.ID)),
			JobID(JobRemind, string(m.ID)), JobID(JobFallback, string(m.ID)),
			JobID(JobReceipt, string(m.ID)), JobID(JobReceipt, string(m.ID)+"}")}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}
