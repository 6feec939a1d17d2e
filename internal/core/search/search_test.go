package search_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/words"
)

// world is a core with an index of its words.
type world struct {
	*coretest.World
	searches *search.Searches
	indexer  *search.Indexer
}

// few answers like searches, but pages look at little.
func (w *world) few() *search.Searches {
	return search.New(search.Options{Store: w.Store, Pages: 1, Things: 7})
}

func newWorld(t *testing.T) *world {
	w := coretest.New(t)
	return &world{World: w, searches: search.New(search.Options{Store: w.Store}),
		indexer: search.NewIndexer(search.IndexerOptions{Store: w.Store, Grace: time.Nanosecond})}
}

func (w *world) index() {
	w.T.Helper()
	w.Must(w.indexer.CatchUp(w.T.Context(), w.Admin.Organization))
}

// find returns all that a search finds, page by page.
func (w *world) find(p *access.Principal, query string, f search.MessageFilter, limit int) (found []search.MessageFound) {
	w.T.Helper()
	for after := ""; ; {
		page, err := w.searches.Messages(w.T.Context(), p, query, f, after, limit)
		w.Must(err)
		found = append(found, page.Found...)
		if len(page.Found) > limit || !page.Partial && page.Next != "" && len(page.Found) != limit {
			w.T.Fatalf("a page of %d of %d: %+v", len(page.Found), limit, page)
		}
		if after = page.Next; after == "" {
			return found
		}
	}
}

func ids(found []search.MessageFound) (list []parley.ID) {
	for _, f := range found {
		list = append(list, f.Message.ID)
	}
	return list
}

func TestMessages(t *testing.T) {
	w := newWorld(t)
	ana, ben, cleo := w.User(w.Admin, "ana"), w.User(w.Admin, "ben"), w.User(w.Admin, "cleo")
	first := w.Say(ana, core.To{User: ben.User}, "The Crème brûlée is on table 9")
	second := w.Say(ben, core.To{User: ana.User}, "which creme?")
	w.index()
	third := w.Say(ana, core.To{User: cleo.User}, "no crème for Ben")
	w.index()
	for _, c := range []struct {
		p     *access.Principal
		query string
		want  []parley.ID
	}{
		{ana, "creme", []parley.ID{third.ID, second.ID, first.ID}},
		{ben, "CRÈME", []parley.ID{second.ID, first.ID}},
		{cleo, "crem", []parley.ID{third.ID}},
		{w.Admin, "creme -ben -which", []parley.ID{first.ID}},
		{ana, `"creme brulee"`, []parley.ID{first.ID}},
		{ana, "nothing", nil},
		{ana, "...", nil},
		{cleo, "", []parley.ID{third.ID}},
	} {
		if got := ids(w.find(c.p, c.query, search.MessageFilter{}, 10)); !slices.Equal(got, c.want) {
			t.Errorf("%s looks for %q: %v, want %v", c.p.UserName, c.query, got, c.want)
		}
	}
	found := w.find(ben, "creme table", search.MessageFilter{}, 10)
	if len(found) != 1 || fmt.Sprint(found[0].Snippets) != "[{body [{The  false} {Crème true} { brûlée is on  false} {table true} { 9 false}]}]" {
		t.Errorf("found %+v", found)
	}
	if m := found[0].Message; m.State != parley.Sent {
		t.Errorf("its state is %q", m.State)
	}
	_, err := w.searches.Messages(t.Context(), ana, "x", search.MessageFilter{}, "nonsense", 10)
	w.Refused(err, parley.KindInvalid, "cursor-invalid")
	none := access.System("other")
	if page, err := w.searches.Messages(t.Context(), none, "creme", search.MessageFilter{}, "", 10); err != nil || len(page.Found) != 0 {
		t.Errorf("in another organization: %+v, %v", page, err)
	}
}

// TestWhatPeopleRead: a message is found by all of its texts that people read, and not by what only programs do.
func TestWhatPeopleRead(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	body := []parley.Part{{Kind: parley.PartText, Text: "See below"}, {Kind: parley.PartHTML, Text: `<p class="hidden">In <b>bo</b>ld</p><script>nothing()</script>`},
		{Kind: parley.PartLocation, Label: "Ward", Address: "Harbour Street", Latitude: 1, Longitude: 2},
		{Kind: parley.PartSection, Parts: []parley.Part{{Kind: parley.PartText, Text: "within"}}},
		{Kind: parley.PartCarousel, Items: []parley.Item{{Title: "Card", Text: "offer", Actions: []parley.Action{{Kind: parley.ActionPostback, Text: "Choose", Payload: "payload7"}}}}}}
	w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: body})
	w.index()
	for query, want := range map[string]int{"below bold ward harbour within card offer choose": 1, "hidden": 0, "nothing": 0, "payload7": 0, "carousel": 0} {
		if got := w.find(ben, query, search.MessageFilter{}, 10); len(got) != want {
			t.Errorf("%q: %d are found, want %d", query, len(got), want)
		}
	}
}

// TestWhatGoesIsNotFound: what was recalled, has expired, was read and hidden, or said something else before is not found,
// also before the index has followed.
func TestWhatGoesIsNotFound(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	recalled := w.Say(ana, core.To{User: ben.User}, "marker one")
	w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("marker two"), TTL: time.Hour})
	read := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("marker three"), DeleteOnRead: true})
	w.index()
	count := func(p *access.Principal, want int) {
		t.Helper()
		if got := w.find(p, "marker", search.MessageFilter{}, 10); len(got) != want {
			t.Errorf("%d are found, want %d: %+v", len(got), want, got)
		}
	}
	count(ben, 3)
	_, err := w.Recall(t.Context(), ana, recalled.ID)
	w.Must(err)
	count(ben, 2)
	w.Must(w.MarkRead(t.Context(), ben, read.ID))
	w.Advance(2 * time.Minute)
	_, err = w.Hide(t.Context())
	w.Must(err)
	count(ben, 1)
	w.Advance(time.Hour)
	count(ben, 0) // it has expired, and nobody has come round to it
	_, err = w.Expire(t.Context())
	w.Must(err)
	w.index()
	count(ben, 0)
	count(w.Admin, 0)
}

// TestContacts and conversations are found by what is known of them.
func TestContacts(t *testing.T) {
	w := newWorld(t)
	find := func(query, tag string) string {
		t.Helper()
		w.index()
		page, err := w.searches.Contacts(t.Context(), w.Admin, query, tag, "", 10)
		w.Must(err)
		var names []string
		for _, f := range page.Found {
			names = append(names, f.Contact.Name)
		}
		return strings.Join(names, ", ")
	}
	yan := w.Contact(w.Admin, "Yan Müller", "phone:+31612345678")
	zoe, _, err := w.Directory.CreateContact(t.Context(), w.Admin, directory.ContactParams{Name: "Zoë Smith", ExternalID: "CRM-77", Tags: []string{"VIP"},
		Attributes: map[string]string{"city": "Zürich"}, Addresses: []parley.Address{{Kind: parley.AddressEmail, Value: "zoe.smith@example.org"}}}, nil)
	w.Must(err)
	for query, want := range map[string]string{"muller": "Yan Müller", "06 1234 5678": "Yan Müller", "0612345678": "Yan Müller", "zoe.smith@example.org": "Zoë Smith",
		"crm-77": "Zoë Smith", "zurich": "Zoë Smith", "vip": "Zoë Smith", "": "Zoë Smith, Yan Müller", "smith muller": "", "example": "Zoë Smith"} {
		if got := find(query, ""); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	if got := find("", "VIP"); got != "Zoë Smith" {
		t.Errorf("with a tag: %s", got)
	}
	name := "Zoë Jones"
	_, err = w.Directory.UpdateContact(t.Context(), w.Admin, zoe.ID, directory.ContactPatch{Name: &name}, 0)
	w.Must(err)
	if got := find("smith", "") + find("jones", ""); got != "Zoë Jones"+"Zoë Jones" { // by the address
		t.Errorf("renamed: %s", got)
	}
	_, err = w.Directory.MergeContact(t.Context(), w.Admin, yan.ID, zoe.ID, 0)
	w.Must(err)
	if got := find("muller", "") + "|" + find("0612345678", ""); got != "|Zoë Jones" {
		t.Errorf("merged: %s", got)
	}
	w.Must(w.Directory.DeleteContact(t.Context(), w.Admin, zoe.ID, 0))
	if got := find("jones", ""); got != "" {
		t.Errorf("deleted: %s", got)
	}
}

func TestConversations(t *testing.T) {
	w := newWorld(t)
	ana, ben, cleo := w.User(w.Admin, "Ana"), w.User(w.Admin, "Ben"), w.User(w.Admin, "Cleo")
	c, _, err := w.CreateConversation(t.Context(), ana, thread.ConversationParams{Kind: parley.ConversationGroup, Title: "Küche", Participants: []thread.NewParticipant{{User: ben.User}}}, nil)
	w.Must(err)
	find := func(p *access.Principal, query string, f search.ConversationFilter) int {
		t.Helper()
		w.index()
		page, err := w.searches.Conversations(t.Context(), p, query, f, "", 10)
		w.Must(err)
		return len(page.Found)
	}
	check := func(p *access.Principal, query string, want int) {
		t.Helper()
		if got := find(p, query, search.ConversationFilter{}); got != want {
			t.Errorf("%s looks for %q: %d, want %d", p.UserName, query, got, want)
		}
	}
	check(ana, "kuche", 1)
	check(cleo, "kuche", 0)
	check(ana, "ben", 1)
	check(ana, "cleo", 0)
	w.Must(w.RemoveParticipant(t.Context(), ana, c.ID, thread.NewParticipant{User: ben.User}))
	_, err = w.AddParticipant(t.Context(), ana, c.ID, thread.NewParticipant{User: cleo.User})
	w.Must(err)
	check(cleo, "kuche cleo", 1)
	check(ana, "ben", 0)
	check(ben, "kuche", 1) // as it was
	check(ben, "kuche cleo", 0)
	title, tags := "Garten", []string{"out"}
	_, err = w.UpdateConversation(t.Context(), ana, c.ID, thread.ConversationPatch{Title: &title, Tags: &tags}, 0)
	w.Must(err)
	check(ana, "kuche", 0)
	check(ana, "garten out", 1)
	if find(ana, "", search.ConversationFilter{Tag: "out", Kind: parley.ConversationGroup, Status: parley.StatusOpen}) != 1 ||
		find(ana, "", search.ConversationFilter{Status: parley.StatusClosed}) != 0 {
		t.Error("narrowed")
	}
}

// model does things at random, and knows every message there was.
type model struct {
	*world
	random   *rand.Rand
	people   []*access.Principal // who look for things
	channels []parley.Channel
	groups   []parley.ID
	contacts []parley.ID
	all      []parley.ID
	found    int // in all comparisons
	changes  int // of conversations and messages that were there
}

var vocabulary = strings.Fields("the The THE a of Crème creme brûlée Straße 東京都 京都 日本 да до appointment appointed card +31612345678 INV-42 ana@example.org rare1 rare2 x")

func (m *model) text() string {
	n := 1 + m.random.IntN(8)
	list := make([]string, n)
	for i := range list {
		list[i] = vocabulary[min(m.random.IntN(len(vocabulary)), m.random.IntN(len(vocabulary)))]
	}
	return strings.Join(list, " ")
}

func one[T any](m *model, list []T) T { return list[m.random.IntN(len(list))] }

// TestSearchIsWhatIsSeen: whatever happens, everybody finds exactly what reading every message would show and match.
func TestSearchIsWhatIsSeen(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	m := newModel(t)
	for round := range rounds {
		for range 25 {
			m.step()
		}
		if round == 2 { // it begins when there is something already
			m.indexer = search.NewIndexer(search.IndexerOptions{Store: m.Store, Grace: time.Nanosecond})
		}
		if round >= 2 {
			m.index()
			m.compare(8)
			usual := m.searches
			m.searches = m.few()
			m.compare(4)
			m.searches = usual
		}
	}
	if t.Logf("found %d, %d were changed", m.found, m.changes); m.found < 100*rounds || m.changes == 0 {
		t.Errorf("only %d were to be found", m.found)
	}
}

func newModel(t *testing.T) *model {
	m := &model{world: newWorld(t), random: rand.New(rand.NewPCG(5, 4))}
	for i := range 4 {
		m.people = append(m.people, m.User(m.Admin, fmt.Sprint("user", i)))
	}
	m.channels = append(m.channels, m.Channel(m.Admin, "sms"), m.Channel(m.Admin, "sms", m.people[0].User), m.Channel(m.Admin, "sms", m.people[1].User, m.people[2].User))
	for i := range 3 {
		m.contacts = append(m.contacts, m.Contact(m.Admin, fmt.Sprint("contact", i), fmt.Sprintf("phone:+3161111111%d", i)).ID)
	}
	narrow := access.AsUser(m.Admin.Organization, parley.User{ID: m.Admin.User, Machine: true})
	m.people = append(m.people, m.Admin, access.System(m.Admin.Organization), narrow)
	return m
}

func (m *model) step() {
	ctx, human := m.T.Context(), m.people[m.random.IntN(4)]
	other := m.people[m.random.IntN(4)]
	params := core.SendParams{Body: coretest.Text(m.text())}
	switch m.random.IntN(4) {
	case 0:
		params.Tags = []string{one(m, []string{"red", "green"})}
	case 1:
		params.Reference = "Order " + one(m, vocabulary)
	case 2:
		params.Attachments = []parley.ID{m.File(human, one(m, vocabulary)+".txt", "x").ID}
	case 3:
		params.Body = append(params.Body, parley.Part{Kind: parley.PartHTML, Text: "<p>" + m.text() + "</p><b>bo</b>ld"})
	}
	if m.random.IntN(6) == 0 {
		params.TTL = time.Duration(1+m.random.IntN(5)) * time.Minute
	}
	switch m.random.IntN(20) {
	case 0, 1, 2, 3:
		params.To, params.DeleteOnRead = core.To{User: other.User}, m.random.IntN(4) == 0
	case 4:
		params.To = core.To{Users: []parley.ID{other.User, m.people[m.random.IntN(4)].User}}
	case 5, 6, 7:
		if len(m.groups) == 0 {
			return
		}
		params.To = core.To{Conversation: one(m, m.groups)}
	case 8, 9, 10:
		params.To = core.To{Contact: one(m, m.contacts), Channel: one(m, m.channels).ID}
	case 11:
		if len(m.groups) > 0 {
			m.conflicts(m.RemoveParticipant(ctx, m.Admin, one(m, m.groups), thread.NewParticipant{User: other.User}))
		}
		return
	case 12:
		if len(m.groups) > 0 {
			_, err := m.AddParticipant(ctx, m.Admin, one(m, m.groups), thread.NewParticipant{User: other.User})
			m.conflicts(err)
		}
		return
	case 13:
		if len(m.all) > 0 {
			_, err := m.Recall(ctx, m.Admin, one(m, m.all))
			m.conflicts(err)
		}
		return
	case 14:
		if len(m.all) > 0 {
			m.conflicts(m.MarkRead(ctx, other, one(m, m.all)))
		}
		return
	case 15:
		m.Advance(time.Minute)
		if m.random.IntN(2) == 0 {
			_, err := m.Expire(ctx)
			_, err2 := m.Hide(ctx)
			m.Must(errors.Join(err, err2))
		}
		return
	case 16:
		members := []parley.ID{other.User, human.User}
		_, err := m.Directory.UpdateChannel(ctx, m.Admin, m.channels[1+m.random.IntN(2)].ID, directory.ChannelPatch{Members: &members}, 0)
		m.conflicts(err)
		return
	case 17:
		if len(m.all) > 0 {
			m.moveConversation()
		}
		return
	case 18:
		if m.random.IntN(3) == 0 {
			_, err := m.Directory.MergeContact(ctx, m.Admin, one(m, m.contacts), one(m, m.contacts), 0)
			m.conflicts(err)
		}
		return
	case 19:
		m.Must(m.indexer.CatchUp(ctx, m.Admin.Organization))
		return
	}
	if m.random.IntN(5) == 0 && params.To.Contact != "" {
		params.TTL = 0
		params.Record = &core.Record{Direction: parley.Inbound, SentAt: m.Now().Add(-time.Duration(m.random.IntN(1000)) * time.Minute), Author: parley.Actor{Kind: parley.ActorContact, ID: params.To.Contact}}
	}
	sent, err := m.Core.Send(ctx, human, params)
	if m.conflicts(err); err != nil {
		return
	}
	m.all = append(m.all, sent.Message.ID)
	if len(params.To.Users) > 0 {
		m.groups = append(m.groups, sent.Message.Conversation)
	}
}

func (m *model) moveConversation() {
	page, _, err := m.Conversations(m.T.Context(), m.Admin, thread.ConversationFilter{Kind: parley.ConversationExternal}, "", 50)
	m.Must(err)
	if len(page) == 0 {
		return
	}
	switch channel, ctx := one(m, m.channels).ID, m.T.Context(); m.random.IntN(4) {
	case 0:
		_, err = m.UpdateConversation(ctx, m.Admin, one(m, page).ID, thread.ConversationPatch{Channel: &channel}, 0)
	case 1:
		_, err = m.MergeConversation(ctx, m.Admin, one(m, page).ID, one(m, page).ID, 0)
	case 2:
		err = m.MoveMessage(ctx, m.Admin, one(m, m.all), one(m, page).ID)
	case 3:
		_, err = m.Edit(ctx, m.people[m.random.IntN(4)], one(m, m.all), coretest.Text(m.text()))
	}
	m.conflicts(err)
	if err == nil {
		m.changes++
	}
}

// conflicts lets pass what a random step may be refused.
func (m *model) conflicts(err error) {
	m.T.Helper()
	if e := parley.AsError(err); err != nil && e.Kind == parley.KindInternal {
		m.T.Fatal(err)
	}
}

func (m *model) filter() (f search.MessageFilter) {
	yes := m.random.IntN(2) == 0
	switch m.random.IntN(12) {
	case 0:
		f.Tag = one(m, []string{"red", "green"})
	case 1:
		f.HasAttachment = &yes
	case 2:
		f.Author = one(m, m.people[:4]).User
	case 3:
		f.Author = one(m, m.contacts)
	case 4:
		f.Channel = one(m, m.channels).ID
	case 5:
		f.Direction = one(m, []parley.Direction{parley.Inbound, parley.Outbound, parley.NoDirection})
	case 6:
		f.Since = m.Now().Add(-time.Duration(m.random.IntN(100)) * time.Minute)
	case 7:
		f.Until = m.Now().Add(-time.Duration(m.random.IntN(100)) * time.Minute)
	case 8:
		if len(m.groups) > 0 {
			f.Conversation = one(m, m.groups)
		}
	}
	return f
}

func (m *model) query() string {
	switch m.random.IntN(6) {
	case 0:
		return ""
	case 1:
		return one(m, vocabulary)[:1]
	case 2:
		return `"` + one(m, vocabulary) + " " + one(m, vocabulary) + `"`
	case 3:
		return one(m, vocabulary) + " -" + one(m, vocabulary)
	}
	return one(m, vocabulary)
}

// compare lets everybody look for some things.
func (m *model) compare(queries int) {
	m.T.Helper()
	for _, p := range m.people {
		seen := m.seen(p)
		for range queries {
			query, f := m.query(), m.filter()
			var want []parley.ID
			became := f.Author
			if f.Author != "" {
				var err error
				became, err = m.Store.Read(m.T.Context()).Became(p.Organization, f.Author)
				m.Must(err)
			}
			for _, message := range seen {
				if matches(query, message, f, became) {
					want = append(want, message.ID)
				}
			}
			m.found += len(want)
			if got := ids(m.find(p, query, f, 1+m.random.IntN(7))); !slices.Equal(got, want) {
				m.T.Fatalf("%s (%v) looks for %q with %+v:\n got %v\nwant %v", p.UserName, p.User, query, f, got, want)
			}
		}
	}
}

// seen are all messages that somebody may read, one by one, newest first.
func (m *model) seen(p *access.Principal) (list []parley.Message) {
	for _, e := range m.World.Events(m.Admin, 0) {
		if e.Type != parley.EventMessageCreated {
			continue
		}
		message, err := m.Core.Message(m.T.Context(), p, e.Message)
		if err == nil {
			list = append(list, message)
		} else if !parley.IsKind(err, parley.KindNotFound) {
			m.T.Fatal(err)
		}
	}
	slices.SortFunc(list, func(a, b parley.Message) int { return cmp.Or(b.SentAt.Compare(a.SentAt), cmp.Compare(b.ID, a.ID)) })
	return list
}

func matches(query string, m parley.Message, f search.MessageFilter, author parley.ID) bool {
	switch {
	case m.Removed != "",
		f.Tag != "" && !slices.Contains(m.Tags, f.Tag),
		f.HasAttachment != nil && *f.HasAttachment == (len(m.Attachments) == 0),
		f.Author != "" && m.Author.ID != author,
		f.Channel != "" && m.Channel != f.Channel,
		f.Direction != "" && m.Direction != f.Direction,
		!f.Since.IsZero() && m.SentAt.Before(f.Since),
		!f.Until.IsZero() && !m.SentAt.Before(f.Until),
		f.Conversation != "" && m.Conversation != f.Conversation:
		return false
	}
	var texts []words.Text
	for _, p := range m.Body {
		texts = append(texts, words.Read(strings.NewReplacer("<p>", " ", "</p>", " ", "<b>", "", "</b>", "").Replace(p.Text)))
	}
	for _, a := range m.Attachments {
		texts = append(texts, words.Read(a.Name))
	}
	texts = append(texts, words.Read(m.Reference))
	q := words.Parse(query)
	return q.Matches(texts)
}
