package app_test

import (
	"fmt"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// TestSearchOnNodes: what is sent at any node is found at all of them, also when those that indexed are gone.
func TestSearchOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	second, third := n.start(func(*config.Config) {}), n.start(func(*config.Config) {})
	found := func(at *node, want int) func() bool {
		return func() bool {
			page := must[*api.SearchPage[api.MessageFound]](t)(at.SearchMessages(t.Context(), api.MessageSearch{Q: "crème"}))
			return len(page.Data) == want
		}
	}
	for i, at := range []*node{first, second, third} {
		n.send(at, fmt.Sprint("creme ", i))
	}
	eventually(t, "all is found", found(third, 3))
	n.stop(first)
	n.stop(second)
	n.send(third, "creme again")
	eventually(t, "the last node indexes", found(third, 4))
}

// TestSearchAfterAnUpgrade: what there was before the index is indexed when a server begins.
func TestSearchAfterAnUpgrade(t *testing.T) {
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, false
	n := &nodes{t: t, config: c}
	first := n.start(func(*config.Config) {})
	for i := range 5 {
		n.send(first, fmt.Sprint("creme ", i))
	}
	n.stop(first)

	s := must[*store.Store](t)(store.Open(t.Context(), store.Options{Folder: c.Data}))
	organizations := must[[]parley.Organization](t)(s.Read(t.Context()).Organizations("", 1))
	id := organizations[0].ID
	err := s.Write(t.Context(), id, func(tx *store.Tx) error { // as if there had been none
		segments, err := search.Segments(tx.Queries, id)
		if err != nil {
			return err
		}
		for _, one := range segments {
			if _, err := search.DeletePages(tx, id, one.ID, 1000); err != nil {
				return err
			}
			if err := search.DeleteSegment(tx, id, one.ID); err != nil {
				return err
			}
		}
		index, err := search.Load(tx.Queries, id)
		if err != nil {
			return err
		}
		index.Version = 0
		if saved, err := search.Save(tx, id, &index); err != nil || !saved {
			t.Errorf("saved: %v, %v", saved, err)
		}
		return search.Reset(tx, id)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	second := n.start(func(*config.Config) {})
	n.send(second, "creme now")
	eventually(t, "all is found", func() bool {
		page := must[*api.SearchPage[api.MessageFound]](t)(second.SearchMessages(t.Context(), api.MessageSearch{Q: "creme"}))
		return len(page.Data) == 6 && !page.Filling
	})
	contacts := must[*api.SearchPage[api.ConversationFound]](t)(second.SearchConversations(t.Context(), api.ConversationSearch{Q: "ana"}))
	if len(contacts.Data) != 1 {
		t.Errorf("conversations: %+v", contacts)
	}
}
