// Package thread is what people do in conversations besides writing: finding them and their messages, changing
// them, joining and leaving, and marking what has been read. It decides who sees what.
package thread

import (
	"context"
	"encoding/base64"
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
	Now   func() time.Time // nil: time.Now
}

// Threads are the conversations of all organizations and what is in them.
type Threads struct {
	store     *store.Store
	now       func() time.Time
	listeners []Listener
}

// New returns the threads of a store.
func New(o Options) *Threads {
	t := &Threads{store: o.Store, now: o.Now}
	if t.now == nil {
		t.now = time.Now
	}
	return t
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

// matchRev refuses a change whose If-Match names another revision. 0 is no If-Match.
func matchRev(ifMatch, rev int64) error {
	if ifMatch == 0 || ifMatch == rev {
		return nil
	}
	return &parley.Error{Kind: parley.KindPrecondition, Code: "revision-mismatch",
		Message: "it has been changed since; read it again", Facts: map[string]any{"rev": rev},
		Fields: []parley.FieldError{{Field: "If-Match", Code: "revision-mismatch", Message: "must be the present revision"}}}
}

// emit tells the log what the principal did in a conversation.
func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, conversation, subject parley.ID, data parley.EventData) {
	data.Actor = p.User
	tx.Emit(p.Organization, parley.Event{Type: kind, Conversation: conversation, Subject: subject, Data: data})
}
