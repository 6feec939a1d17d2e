package model

import (
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
)

// search looks for words, and compares what is found with a scan of what the model has.
func (m *machine) search() {
	by := m.principal()
	if len(by.org.all) == 0 {
		m.rapid.Skip("nothing to find")
	}
	what := one(m, "what", by.org.all)
	words := one(m, "words", []string{"text", what.words(), `"` + what.words() + `"`, "text -" + strings.TrimPrefix(what.words(), "text ")})
	m.indexed(by)
	var got, want []string
	for after := ""; ; {
		page, err := by.client.SearchMessages(background, api.MessageSearch{Page: api.Page{Limit: 5, After: after}, Q: words})
		m.ok(err, "%s looks for %s", by, words)
		for _, found := range page.Data {
			if msg := by.org.messages[found.Message.ID]; msg != nil && !by.current(msg) {
				continue // whether it is found by what it says by now is not said
			}
			got = append(got, found.Message.ID)
		}
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	for _, c := range by.org.order {
		for _, msg := range by.timeline(c) {
			if !msg.removed && by.current(msg) && msg.notice == "" && matches(words, msg.words()) {
				want = append(want, msg.id)
			}
		}
	}
	m.same(got, want, "%s looks for %s and finds", by, words)
	m.searchContacts(by)
}

// current: it says to somebody what it says by now.
func (p *principal) current(m *message) bool { return slices.Equal(p.reads(m), []string{m.text}) }

// words of a message that are looked for: not the name of whom it calls.
func (m *message) words() string {
	if !m.pages {
		return m.text
	}
	return m.text[strings.Index(m.text, "text "):]
}

// matches is what docs/api.md says of words: all of them, in any order; of those in quotes the row; none with a minus; the last
// may be unfinished, from its second letter on.
func matches(words, text string) bool {
	have := strings.Fields(text)
	if row, quoted := strings.CutPrefix(words, `"`); quoted {
		return strings.TrimSuffix(row, `"`) == text
	}
	asked := strings.Fields(words)
	for i, word := range asked {
		without, not := strings.CutPrefix(word, "-")
		has := slices.ContainsFunc(have, func(h string) bool {
			return h == without || !not && i == len(asked)-1 && len(word) > 1 && strings.HasPrefix(h, word)
		})
		if has == not {
			return false
		}
	}
	return true
}

// searchContacts: a number finds who has it by now.
func (m *machine) searchContacts(by *principal) {
	c := one(m, "contact", by.org.contacts).became()
	number := one(m, "number", c.numbers)
	page, err := by.client.SearchContacts(background, api.ContactSearch{Q: number})
	m.ok(err, "%s looks for %s", by, number)
	if len(page.Data) != 1 || page.Data[0].Contact.ID != c.id {
		m.fail("%s looks for %s and finds %+v, not %s", by, number, page.Data, c.id)
	}
}

// indexed waits until all that has happened is found.
func (m *machine) indexed(by *principal) {
	end, err := by.org.admin.client.ListEvents(background, api.EventFilter{After: "latest"})
	m.ok(err, "the end of the log")
	through := int64(-1)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		page, err := by.client.SearchMessages(background, api.MessageSearch{Page: api.Page{Limit: 1}, Q: "nothing"})
		m.ok(err, "%s looks for nothing", by)
		if through = page.Through; through >= end.Through && !page.Filling {
			return
		}
	}
	m.fail("only what there was until %d of %d is found", through, end.Through)
}
