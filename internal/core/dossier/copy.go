package dossier

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// copying is an export in the making.
type copying struct {
	d             *Dossiers
	q             store.Queries
	organization  parley.ID
	contact       *parley.Contact
	at            time.Time
	conversations []parley.ID // of which it has content
	files         []parley.Attachment
}

// What the parts of an export look like. They are read by people and by programs of others, so they are of the export's own.
type (
	profile struct {
		ExportedAt  time.Time         `json:"exportedAt"`
		ID          parley.ID         `json:"id"`
		Name        string            `json:"name"`
		Addresses   []address         `json:"addresses"`
		Attributes  map[string]string `json:"attributes,omitempty"`
		Tags        []string          `json:"tags,omitempty"`
		ExternalID  string            `json:"externalId,omitempty"`
		ExternalIDs map[string]string `json:"externalIds,omitempty"`
		OptedOut    bool              `json:"optedOut"`
		CreatedAt   time.Time         `json:"createdAt"`
		UpdatedAt   time.Time         `json:"updatedAt"`
	}
	address struct {
		Kind   parley.AddressKind `json:"kind"`
		Value  string             `json:"value"`
		Shared bool               `json:"shared,omitempty"`
	}
	consent struct {
		Address   string                   `json:"address"`
		Platform  string                   `json:"platform,omitempty"`
		Class     parley.MessageClass      `json:"class"`
		Reason    parley.SuppressionReason `json:"reason"`
		Note      string                   `json:"note,omitempty"`
		CreatedAt time.Time                `json:"createdAt"`
	}
	conversation struct {
		ID        parley.ID               `json:"id"`
		Kind      parley.ConversationKind `json:"kind"`
		Title     string                  `json:"title,omitempty"`
		Channel   parley.ID               `json:"channel,omitempty"`
		CreatedAt time.Time               `json:"createdAt"`
	}
	message struct {
		ID           parley.ID        `json:"id"`
		Conversation parley.ID        `json:"conversationId"`
		SentAt       time.Time        `json:"sentAt"`
		Direction    parley.Direction `json:"direction"`
		Author       string           `json:"author"`
		Platform     string           `json:"platform,omitempty"`
		Class        string           `json:"class,omitempty"`
		Body         []part           `json:"body,omitempty"`
		Attachments  []attachment     `json:"attachments,omitempty"`
		Removed      parley.Removal   `json:"removed,omitempty"`
		Deliveries   []delivery       `json:"deliveries,omitempty"`
	}
	part struct {
		Kind      parley.PartKind `json:"kind"`
		Text      string          `json:"text,omitempty"`
		Label     string          `json:"label,omitempty"`
		Latitude  float64         `json:"latitude,omitempty"`
		Longitude float64         `json:"longitude,omitempty"`
	}
	attachment struct {
		File        string `json:"file"` // in the archive
		Name        string `json:"name"`
		ContentType string `json:"contentType"`
		Size        int64  `json:"size"`
	}
	delivery struct {
		Address     string               `json:"address"`
		Status      parley.DeliveryState `json:"status"`
		SentAt      *time.Time           `json:"sentAt,omitempty"`
		DeliveredAt *time.Time           `json:"deliveredAt,omitempty"`
		ReadAt      *time.Time           `json:"readAt,omitempty"`
	}
)

// write writes the archive: contact.json, consents.json, conversations.jsonl, messages.jsonl, and the files.
func (c *copying) write(w io.Writer) error {
	archive := zip.NewWriter(w)
	for _, part := range []struct {
		name  string
		write func(*json.Encoder) error
	}{{"contact.json", c.profile}, {"consents.json", c.consents}, {"conversations.jsonl", c.talks}, {"messages.jsonl", c.messages}} {
		file, err := archive.Create(part.name)
		if err != nil {
			return err
		}
		if err := part.write(json.NewEncoder(file)); err != nil {
			return err
		}
	}
	if err := c.attach(archive); err != nil {
		return err
	}
	return archive.Close()
}

func (c *copying) profile(to *json.Encoder) error {
	p := profile{ExportedAt: c.at, ID: c.contact.ID, Name: c.contact.Name, Attributes: c.contact.Attributes, Tags: c.contact.Tags, ExternalID: c.contact.ExternalID,
		ExternalIDs: c.contact.ExternalIDs, OptedOut: c.contact.OptedOut, CreatedAt: c.contact.CreatedAt, UpdatedAt: c.contact.UpdatedAt}
	for _, a := range c.contact.Addresses {
		p.Addresses = append(p.Addresses, address{a.Kind, a.Value, a.Shared})
	}
	to.SetIndent("", "  ")
	return to.Encode(p)
}

func (c *copying) consents(to *json.Encoder) error {
	all, err := people.Suppressed(c.q, c.organization, c.contact.Addresses...)
	if err != nil {
		return err
	}
	list := make([]consent, len(all))
	for i, s := range all {
		list[i] = consent{s.Address.String(), s.Platform, s.Class, s.Reason, s.Note, s.CreatedAt}
	}
	to.SetIndent("", "  ")
	return to.Encode(list)
}

// talks writes the conversations, and remembers which they are.
func (c *copying) talks(to *json.Encoder) error {
	for after := parley.ID(""); ; {
		ids, err := people.ConversationsOf(c.q, c.organization, c.contact, after, 100)
		if err != nil || len(ids) == 0 {
			return err
		}
		found, err := c.q.Conversations(c.organization, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if t := found[id]; t != nil {
				if err := to.Encode(conversation{t.ID, t.Kind, t.Title, t.Channel, t.CreatedAt}); err != nil {
					return err
				}
			}
		}
		c.conversations = append(c.conversations, ids...)
		after = ids[len(ids)-1]
	}
}

// messages writes what the contact wrote, and what was written to it.
func (c *copying) messages(to *json.Encoder) error {
	for _, id := range c.conversations {
		alone, err := c.alone(id)
		if err != nil {
			return err
		}
		for from := (store.ThreadPosition{Sequence: -1}); ; {
			page, err := c.q.ThreadAfter(c.organization, id, from, 200)
			if err != nil {
				return err
			}
			if err := c.page(to, page, alone); err != nil {
				return err
			}
			if len(page) < 200 {
				break
			}
			last := &page[len(page)-1]
			from = store.ThreadPosition{SentAt: last.SentAt, Sequence: last.Sequence}
		}
	}
	return nil
}

// alone reports whether nobody else outside takes part in a conversation.
func (c *copying) alone(id parley.ID) (bool, error) {
	parts, err := c.q.Participants(c.organization, id)
	return !slices.ContainsFunc(parts, func(p parley.Participant) bool {
		return p.Kind == parley.ActorContact && p.ID != c.contact.ID || p.Kind == parley.ActorAddress && !c.has(p.Address)
	}), err
}

func (c *copying) has(a parley.Address) bool {
	return slices.ContainsFunc(c.contact.Addresses, func(b parley.Address) bool { return !b.Shared && a.Kind == b.Kind && a.Value == b.Value })
}

func (c *copying) page(to *json.Encoder, page []parley.Message, alone bool) error {
	refs := make([]store.DeliveryRef, 0, len(page))
	ids := make([]parley.ID, len(page))
	for i := range page {
		ids[i] = page[i].ID
		refs = append(refs, store.DeliveryRef{Organization: c.organization, Message: page[i].ID, Number: 1})
	}
	if len(ids) == 0 {
		return nil
	}
	toIt, err := c.q.DeliveredTo(c.organization, ids, c.contact.ID, parley.Address{})
	if err != nil {
		return err
	}
	first, err := c.q.DeliveriesOf(refs) // a conversation with it alone has one delivery a message
	if err != nil {
		return err
	}
	for i := range page {
		m := &page[i]
		own := m.Author.Kind == parley.ActorContact && m.Author.ID == c.contact.ID
		if !own && !toIt[m.ID] && (!alone || m.Direction == parley.NoDirection) {
			continue
		}
		if err := to.Encode(c.message(m, first[refs[i]])); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) message(m *parley.Message, d *parley.Delivery) message {
	out := message{ID: m.ID, Conversation: m.Conversation, SentAt: m.SentAt, Direction: m.Direction, Author: m.Author.Name, Platform: m.Platform,
		Class: string(m.Class), Removed: m.Removed}
	for _, p := range m.Body {
		out.Body = append(out.Body, part{p.Kind, p.Text, p.Label, p.Latitude, p.Longitude})
	}
	for _, a := range m.Attachments {
		out.Attachments = append(out.Attachments, attachment{fileName(a), a.Name, a.ContentType, a.Size})
		c.files = append(c.files, a)
	}
	if d != nil && d.Recipient.ID == c.contact.ID {
		out.Deliveries = []delivery{{d.Address.String(), d.State, some(d.SentAt), some(d.DeliveredAt), some(d.ReadAt)}}
	}
	return out
}

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func fileName(a parley.Attachment) string { return fmt.Sprintf("files/%s/%s", a.Media, a.Name) }

// attach copies the files of the messages.
func (c *copying) attach(archive *zip.Writer) error {
	seen := map[parley.ID]bool{}
	for _, a := range c.files {
		if seen[a.Media] {
			continue
		}
		seen[a.Media] = true
		if err := c.file(archive, a); err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return err
		}
	}
	return nil
}

func (c *copying) file(archive *zip.Writer, a parley.Attachment) error {
	blob, err := c.d.files.Blob(c.organization, a.Media)
	if err != nil {
		return err
	}
	file, err := archive.CreateHeader(&zip.FileHeader{Name: fileName(a), Method: zip.Store}) // most are compressed already
	if err == nil {
		_, err = io.Copy(file, blob)
	}
	return errors.Join(err, blob.Close())
}

// unchanged refuses to finish an export in whose conversations content was removed since it was begun, and of a contact that
// is gone or became a part of another.
func (c *copying) unchanged(tx *store.Tx, since int64) error {
	if now, err := tx.Contact(c.organization, c.contact.ID); err != nil || now.MergedInto != "" {
		if err == nil || parley.IsKind(err, parley.KindNotFound) {
			err = errChanged
		}
		return err
	}
	has := make(map[parley.ID]bool, len(c.conversations))
	for _, id := range c.conversations {
		has[id] = true
	}
	for {
		events, err := tx.Events(c.organization, since, 1000)
		if err != nil {
			return err
		}
		for i := range events {
			since = events[i].Sequence
			if events[i].Type == parley.EventMessageRemoved && has[events[i].Conversation] {
				return errChanged
			}
		}
		if len(events) < 1000 {
			return nil
		}
	}
}
