package store_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
)

// TestAppendRunsAgain: a message whose transaction is run again, after another node has written to its conversation, does not
// stand before what the other wrote.
func TestAppendRunsAgain(t *testing.T) {
	const failed, between = 1, 2
	url, place := pgtest.Database(t), atomic.Int32{}
	var other *store.Store
	message := func() *store.Append {
		return &store.Append{Organization: "o", Message: parley.Message{ID: parley.NewID(time.Now()), Conversation: "c", Kind: parley.KindMessage,
			Author: parley.Actor{Kind: parley.ActorUser, ID: "u"}, TTL: time.Hour}}
	}
	second := message()
	one := open(t, store.Options{Folder: t.TempDir(), URL: url, Fault: func(text string) error {
		switch {
		case strings.HasPrefix(text, "INSERT INTO messages") && place.CompareAndSwap(failed, between):
			return parley.Unavailable("storage-conflict", "another was in the way", nil)
		case text == "BEGIN" && place.CompareAndSwap(between, 0):
			time.Sleep(5 * time.Millisecond) // so that it is later
			return other.Append(t.Context(), second)
		}
		return nil
	}})
	other = open(t, store.Options{Folder: t.TempDir(), URL: url})
	err := one.Write(t.Context(), "o", func(tx *store.Tx) error {
		if err := tx.InsertOrganization(&parley.Organization{ID: "o"}); err != nil {
			return err
		}
		return tx.InsertConversation("o", &parley.Conversation{ID: "c", Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen})
	})
	if err != nil {
		t.Fatal(err)
	}
	conversation, err := one.Read(t.Context()).Conversation("o", "c")
	if err != nil {
		t.Fatal(err)
	}
	first := message()
	first.ConversationRev, second.ConversationRev = conversation.Rev, conversation.Rev
	place.Store(failed)
	if err := one.Append(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if first.Sequence != 2 || second.Sequence != 1 {
		t.Fatalf("numbered %d and %d: the test shows nothing", first.Sequence, second.Sequence)
	}
	a, b := second.Message, first.Message
	if b.SentAt.Before(a.SentAt) || b.CreatedAt.Before(a.CreatedAt) || b.ExpiresAt.Before(a.ExpiresAt) {
		t.Errorf("the message that is run again was sent at %s, made at %s and goes at %s; the one before it %s, %s and %s",
			b.SentAt, b.CreatedAt, b.ExpiresAt, a.SentAt, a.CreatedAt, a.ExpiresAt)
	}
	conversation, err = one.Read(t.Context()).Conversation("o", "c")
	if err != nil || conversation.LastMessage != b.ID {
		t.Errorf("the newest message is %s, not %s: %v", conversation.LastMessage, b.ID, err)
	}
}
