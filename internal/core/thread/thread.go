// Package thread is what people do in conversations besides writing: finding them and their messages, changing
// them, joining and leaving, and marking what has been read. It decides who sees what.
package thread

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what threads stand on.
type Options struct {
	Store *store.Store
}

// Threads are the conversations of all organizations and what is in them.
type Threads struct {
	store     *store.Store
	now       func(ctx context.Context, organization parley.ID) time.Time
	listeners []Listener
}

// New returns the threads of a store.
func New(o Options) *Threads {
	return &Threads{store: o.Store, now: o.Store.Now}
}

func (t *Threads) read(ctx context.Context) store.Queries { return t.store.Read(ctx) }

// maxPage is how many entries a page has at most.
const maxPage = 200

// pageOf brings a limit into its bounds; 0 is the usual one.
func pageOf(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, maxPage)
}

// cursor is a place in a list: what kind of list, a time or number, and an id or number that breaks ties.
type cursor struct {
	plan byte
	at   int64
	key  string
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{c.plan}, strconv.FormatInt(c.at, 10)+"."+c.key...))
}

// parseCursor reads a cursor of one of some plans. The empty one is the beginning, of no plan.
func parseCursor(text, plans string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > 2 && strings.IndexByte(plans, raw[0]) >= 0 {
		at, key, found := strings.Cut(string(raw[1:]), ".")
		if c.at, err = strconv.ParseInt(at, 10, 64); err == nil && found {
			c.plan, c.key = raw[0], key
			return c, nil
		}
	}
	return cursor{}, parley.Invalid("after", "cursor-invalid", "must be the next of an earlier page of the same list")
}

// emit tells the log what the principal did in a conversation.
func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, conversation, subject parley.ID, data parley.EventData) {
	data.Actor = p.User
	tx.Emit(p.Organization, parley.Event{Type: kind, Conversation: conversation, Subject: subject, Data: data})
}

// Limits of what a conversation is labelled with, in characters and entries.
const (
	maxTitle       = 200
	maxDescription = 2000
	MaxTags        = 50
	maxTag         = 100
	MaxFacts       = 100
	maxFact        = 4000
	maxAssignees   = 50
	maxExternalID  = 255
)

// check collects the wrong fields of a request.
type check struct{ parley.Check }

// labels checks what people write on a conversation, and returns its tags, each once.
func (c *check) labels(conversation *parley.Conversation) (tags []string) {
	c.Text("title", conversation.Title, false, maxTitle)
	c.Text("description", conversation.Description, false, maxDescription)
	for i, tag := range conversation.Tags {
		if strings.TrimSpace(tag) == "" {
			c.Refuse(fmt.Sprintf("tags[%d]", i), "required", "must not be blank")
		}
		c.Text(fmt.Sprintf("tags[%d]", i), tag, false, maxTag)
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) > MaxTags {
		c.Refuse("tags", "too-many", "must be at most %d", MaxTags)
	}
	c.facts("metadata", conversation.Metadata)
	c.facts("attributes", conversation.Attributes)
	c.Text("externalId", conversation.ExternalID, false, maxExternalID)
	if conversation.Priority < 0 || conversation.Priority > parley.MaxConversationPriority {
		c.Refuse("priority", "out-of-range", "must be 1 to %d, or 0 for none", parley.MaxConversationPriority)
	}
	if len(conversation.Assignees) > maxAssignees {
		c.Refuse("assignees", "too-many", "must be at most %d", maxAssignees)
	}
	return tags
}

// facts checks metadata or attributes.
func (c *check) facts(field string, facts map[string]string) {
	if len(facts) > MaxFacts {
		c.Refuse(field, "too-many", "must be at most %d entries", MaxFacts)
	}
	for key, value := range facts {
		c.Text(field, key, false, maxTag)
		c.Text(field+"."+key, value, false, maxFact)
	}
}
