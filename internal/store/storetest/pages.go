package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// paged is a list that is read page by page.
type paged struct {
	name string
	// add adds a row; rows with greater names come later in the list.
	add func(tx *store.Tx, name string) error
	// page returns the names of up to limit rows after one, which is empty for the first page, and where to go on,
	// empty at the end.
	page    func(after string, limit int) (names []string, next string, err error)
	falling bool // the list goes from the greatest name to the least
	prefix  string
}

// after makes a page of rows that says nothing of where to go on.
func after[T any](name func(T) string, list func(after string, limit int) ([]T, error)) func(string, int) ([]string, string, error) {
	return func(from string, limit int) (names []string, next string, err error) {
		rows, err := list(from, limit)
		for _, row := range rows {
			names = append(names, name(row))
		}
		if len(names) == limit {
			next = names[limit-1]
		}
		return names, next, err
	}
}

// next makes a page of rows that says where to go on.
func next[T any](name func(T) string, list func(after string, limit int) ([]T, parley.ID, error)) func(string, int) ([]string, string, error) {
	return func(from string, limit int) (names []string, on string, err error) {
		rows, next, err := list(from, limit)
		for _, row := range rows {
			names = append(names, name(row))
		}
		return names, string(next), err
	}
}

func itself(id parley.ID) string { return string(id) }

// walk reads a list page by page while rows are added before and after what has been read: those that were there from
// the beginning come once each, in order, and none comes twice.
func (w *world) walk(p paged) {
	w.Helper()
	var there []string
	row := func(n int) string { return fmt.Sprintf("%srow%06d", p.prefix, n) }
	for i := range 25 {
		there = append(there, row(1000*(i+1)))
	}
	for _, i := range rand.Perm(len(there)) {
		w.do(func(tx *store.Tx) error { return p.add(tx, there[i]) })
	}
	beside := rand.Perm(999) // each once
	read := w.readAll(p.name, p.page, func() {
		n := 1000*rand.IntN(26) + 1 + beside[0]
		beside = beside[1:]
		w.do(func(tx *store.Tx) error { return p.add(tx, row(n)) })
	})
	order := slices.Clone(read)
	slices.Sort(order)
	if p.falling {
		slices.Reverse(order)
	}
	if !slices.Equal(order, read) || len(slices.Compact(order)) != len(read) {
		w.Errorf("%s: out of order, or twice: %v", p.name, read)
	}
	for _, name := range there {
		if !slices.Contains(read, name) {
			w.Errorf("%s: without %s", p.name, name)
		}
	}
}

// readAll reads a list in pages of a few rows, between which something happens.
func (w *world) readAll(what string, page func(after string, limit int) ([]string, string, error), between func()) (read []string) {
	w.Helper()
	for from, pages := "", 0; ; pages++ {
		limit := 1 + rand.IntN(5)
		names, next, err := page(from, limit)
		w.must(err)
		if len(names) > limit {
			w.Fatalf("%s: %d rows, at most %d were asked for", what, len(names), limit)
		}
		read = append(read, names...)
		if next == "" {
			return read
		}
		from = next
		if pages < 50 {
			between()
		}
	}
}

// pagesByID: the lists of what is in the directory.
func pagesByID(w *world) {
	o, elsewhere := w.organization(), w.organization()
	q := w.read()
	all := func(tx *store.Tx, f func(o, id parley.ID) error, name string) error { // a row of another organization comes in no list
		if err := f(elsewhere, parley.ID(name)); err != nil {
			return err
		}
		return f(o, parley.ID(name))
	}
	for _, p := range []paged{
		{"contacts", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error { return tx.InsertContact(o, &parley.Contact{ID: id}) }, name)
		}, next(func(c parley.Contact) string { return string(c.ID) }, func(from string, limit int) ([]parley.Contact, parley.ID, error) {
			return q.Contacts(o, store.ContactFilter{}, parley.ID(from), limit)
		}), false, ""},
		{"users", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error { return tx.InsertUser(o, &parley.User{ID: id}) }, name)
		}, next(func(u parley.User) string { return string(u.ID) }, func(from string, limit int) ([]parley.User, parley.ID, error) {
			return q.Users(o, store.UserFilter{}, parley.ID(from), limit)
		}), false, ""},
		{"teams", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error {
				if err := tx.InsertTeam(o, &parley.Team{ID: id}); err != nil {
					return err
				}
				_, err := tx.AddTeamMembers(o, id, []parley.ID{"member"})
				return err
			}, name)
		}, next(func(t parley.Team) string { return string(t.ID) }, func(from string, limit int) ([]parley.Team, parley.ID, error) {
			return q.Teams(o, "", parley.ID(from), limit)
		}), false, ""},
		{"broadcasts", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error { return tx.InsertBroadcast(o, &parley.Broadcast{ID: id}) }, name)
		}, next(func(b parley.Broadcast) string { return string(b.ID) }, func(from string, limit int) ([]parley.Broadcast, parley.ID, error) {
			return q.Broadcasts(o, parley.ID(from), limit)
		}), false, ""},
		{"channels", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error { return tx.InsertChannel(o, &parley.Channel{ID: id}) }, name)
		}, next(func(c parley.Channel) string { return string(c.ID) }, func(from string, limit int) ([]parley.Channel, parley.ID, error) {
			return q.Channels(o, store.ChannelFilter{}, parley.ID(from), limit)
		}), false, ""},
		{"parked things", func(tx *store.Tx, name string) error {
			return all(tx, func(o, id parley.ID) error { return tx.Park(o, &store.Parked{ID: id}) }, name)
		}, after(func(p store.Parked) string { return string(p.ID) }, func(from string, limit int) ([]store.Parked, error) {
			return q.ParkedList(o, parley.ID(from), limit)
		}), false, ""},
	} {
		w.walk(p)
	}
	for _, p := range w.pagesOfMembers(o) {
		w.walk(p)
	}
}

// pagesOfMembers are the lists of what belongs to something, and those across organizations.
func (w *world) pagesOfMembers(o parley.ID) []paged {
	q := w.read()
	member := func(name string) parley.BroadcastMember {
		return parley.BroadcastMember{Kind: parley.ActorContact, ID: parley.ID(name)}
	}
	key := func(k parley.Key) string { return string(k.ID) }
	return []paged{
		{"a member's teams", func(tx *store.Tx, name string) error {
			if err := tx.InsertTeam(o, &parley.Team{ID: parley.ID(name)}); err != nil {
				return err
			}
			_, err := tx.AddTeamMembers(o, parley.ID(name), []parley.ID{"lonely", "other"})
			return err
		}, next(func(t parley.Team) string { return string(t.ID) }, func(from string, limit int) ([]parley.Team, parley.ID, error) {
			return q.Teams(o, "lonely", parley.ID(from), limit)
		}), false, "lonely-"},
		{"a team's members", func(tx *store.Tx, name string) error {
			_, err := tx.AddTeamMembers(o, "team", []parley.ID{parley.ID(name)})
			return err
		}, after(itself, func(from string, limit int) ([]parley.ID, error) {
			return q.TeamMembersAfter(o, "team", parley.ID(from), limit)
		}), false, ""},
		{"a broadcast's members", func(tx *store.Tx, name string) error {
			_, err := tx.AddBroadcastMembers(o, "list", []parley.BroadcastMember{member(name)})
			return err
		}, after(func(m parley.BroadcastMember) string { return string(m.ID) }, func(from string, limit int) ([]parley.BroadcastMember, error) {
			return q.BroadcastMembers(o, "list", member(from), limit)
		}), false, ""},
		{"organizations", func(tx *store.Tx, name string) error {
			return tx.InsertOrganization(&parley.Organization{ID: parley.ID(name)})
		}, after(func(o parley.Organization) string { return string(o.ID) }, func(from string, limit int) ([]parley.Organization, error) {
			return q.Organizations(parley.ID(max(from, "row")), limit)
		}), false, ""},
		{"an organization's keys", func(tx *store.Tx, name string) error {
			return tx.InsertKey(&parley.Key{ID: parley.ID(name), Organization: o})
		}, after(key, func(from string, limit int) ([]parley.Key, error) {
			return q.OrganizationKeys(o, parley.ID(from), limit)
		}), false, "organization-"},
		{"an account's keys", func(tx *store.Tx, name string) error {
			return tx.InsertKey(&parley.Key{ID: parley.ID(name), Account: "account"})
		}, after(key, func(from string, limit int) ([]parley.Key, error) {
			return q.AccountKeys("account", parley.ID(from), limit)
		}), false, "account-"},
	}
}

// pagesOfAttempts: the list of all attempts, newest message first, whole and filtered.
func pagesOfAttempts(w *world) {
	o := w.organization()
	open, closed := w.channel(o, nil).ID, w.channel(o, func(c *parley.Channel) { c.Open = false }).ID
	threads := []*thread{w.threadOn(o, open), w.threadOn(o, closed)}
	var want []string
	name := func(a parley.Attempt) string { return fmt.Sprint(a.Message, " ", a.Delivery, " ", a.Number) }
	for i := range 12 {
		th := threads[i%2]
		a := th.message("m")
		th.deliver(a)
		w.must(w.append(a))
		for delivery := 1; delivery <= 2; delivery++ {
			for number := 1; number <= 1+i%3; number++ {
				row := store.AttemptRow{Organization: o, Attempt: parley.Attempt{Message: a.Message.ID, Delivery: delivery, Number: number, StartedAt: w.now()}}
				w.do(func(tx *store.Tx) error { return tx.WriteAttempts([]store.AttemptRow{row}) })
				want = append(want, name(row.Attempt))
			}
		}
	}
	slices.Reverse(want)
	list := func(f store.AttemptFilter, limit int) (names []string, rows []store.HandedRow) {
		w.Helper()
		for from := (store.AttemptPosition{}); ; {
			page, next, err := w.read().AttemptsBefore(o, f, from, limit)
			w.must(err)
			for _, row := range page {
				names = append(names, name(row.Attempt))
			}
			rows = append(rows, page...)
			if next == nil {
				return names, rows
			}
			from = *next
		}
	}
	for limit := range 5 {
		got, _ := list(store.AttemptFilter{}, limit+1)
		w.equal("all", got, want)
	}
	_, rows := list(store.AttemptFilter{}, 100)
	for _, f := range []store.AttemptFilter{{Connector: "sandbox"}, {Connector: "other"}, {Channel: closed}, {To: threads[0].address},
		{OpenOnly: true}, {OpenOnly: true, Members: []parley.ID{closed}}, {Message: rows[5].Message}} {
		var want []string
		for _, r := range rows {
			if f.Connector != "other" && (f.Channel == "" || r.Channel == f.Channel) && (f.To.Value == "" || r.To == f.To) &&
				(!f.OpenOnly || r.Channel == open || f.Members != nil) && (f.Message == "" || r.Message == f.Message) {
				want = append(want, name(r.Attempt))
			}
		}
		for _, limit := range []int{1, 4, 100} {
			got, _ := list(f, limit)
			w.equal(fmt.Sprintf("those that pass %+v", f), got, want)
		}
	}
}

// filtered reads a list of the things 0 to 29 with filters.
func filtered[F any](w *world, what string, passes func(i int, f F) bool, page func(f F) func(string, int) ([]string, string, error), filters ...F) {
	w.Helper()
	for _, f := range filters {
		var want []string
		for i := range 30 {
			if passes(i, f) {
				want = append(want, fmt.Sprintf("id%02d", i))
			}
		}
		w.equal(fmt.Sprintf("%s that pass %+v", what, f), w.readAll(what, page(f), func() {}), want)
	}
}

// filteredPages: a filter that drops rows neither leaves any out nor ends a list early.
func filteredPages(w *world) {
	o := w.organization()
	for i := range 30 {
		w.do(func(tx *store.Tx) error { return insertFiltered(tx, o, i) })
	}
	yes, no := true, false
	filtered(w, "contacts", func(i int, f store.ContactFilter) bool {
		return i != 20 && (f.NamePrefix == "" || i%3 < 2) && (f.Address.Value == "" || i/3 == 4) && (f.ExternalID == "" || i == 7) &&
			(f.Tag == "" || i%5 == 0) && (f.Saved == nil || *f.Saved == (i%2 == 0)) &&
			(f.Source == "" || i == 7) && (f.List == "" || i%4 == 0) && (len(f.Attributes) == 0 || i%6 == 0) && (f.OptedOut == nil || *f.OptedOut == (i == 3)) &&
			(f.CreatedUntil.IsZero() || w.now().Before(f.CreatedUntil)) && (f.UpdatedSince.IsZero() || !w.now().Before(f.UpdatedSince))
	}, func(f store.ContactFilter) func(string, int) ([]string, string, error) {
		return next(func(c parley.Contact) string { return string(c.ID) }, func(from string, limit int) ([]parley.Contact, parley.ID, error) {
			return w.read().Contacts(o, f, parley.ID(from), limit)
		})
	}, store.ContactFilter{}, store.ContactFilter{NamePrefix: "an"}, store.ContactFilter{Address: phone("+494")}, store.ContactFilter{ExternalID: "x7"},
		store.ContactFilter{Tag: "tag"}, store.ContactFilter{Saved: &yes}, store.ContactFilter{Saved: &no, NamePrefix: "AN"},
		store.ContactFilter{Tag: "tag", Saved: &yes}, store.ContactFilter{Address: phone("+494"), Saved: &yes},
		store.ContactFilter{Source: "crm", ExternalID: "x7"}, store.ContactFilter{List: "list"}, store.ContactFilter{List: "list", Saved: &yes, Tag: "tag"},
		store.ContactFilter{List: "list", Address: phone("+494")}, store.ContactFilter{Attributes: map[string]string{"k": "v"}},
		store.ContactFilter{OptedOut: &yes}, store.ContactFilter{OptedOut: &no}, store.ContactFilter{CreatedUntil: w.now()},
		store.ContactFilter{CreatedSince: w.now(), UpdatedUntil: w.now().Add(time.Second)}, store.ContactFilter{UpdatedSince: w.now().Add(time.Second)})
	filtered(w, "users", func(i int, f store.UserFilter) bool {
		return (f.Email == "" || i == 9) && (f.Active == nil || *f.Active == (i%3 == 0)) && (f.Machine == nil || *f.Machine == (i%4 == 0))
	}, func(f store.UserFilter) func(string, int) ([]string, string, error) {
		return next(func(u parley.User) string { return string(u.ID) }, func(from string, limit int) ([]parley.User, parley.ID, error) {
			return w.read().Users(o, f, parley.ID(from), limit)
		})
	}, store.UserFilter{}, store.UserFilter{Email: "9@example.org"}, store.UserFilter{Active: &yes}, store.UserFilter{Machine: &yes, Active: &no},
		store.UserFilter{Email: "9@example.org", Active: &no})
	filtered(w, "channels", func(i int, f store.ChannelFilter) bool {
		return (f.Connector == "" || i%2 == 0) && (f.Platform == "" || i%3 == 1) && (f.AddressKind == "" || i >= 15)
	}, func(f store.ChannelFilter) func(string, int) ([]string, string, error) {
		return next(func(c parley.Channel) string { return string(c.ID) }, func(from string, limit int) ([]parley.Channel, parley.ID, error) {
			return w.read().Channels(o, f, parley.ID(from), limit)
		})
	}, store.ChannelFilter{}, store.ChannelFilter{Connector: "a"}, store.ChannelFilter{Platform: "q"}, store.ChannelFilter{AddressKind: "email"},
		store.ChannelFilter{Connector: "a", Platform: "q", AddressKind: "email"})
}

// insertFiltered makes the i-th contact, user and channel of filteredPages.
func insertFiltered(tx *store.Tx, o parley.ID, i int) error {
	id := parley.ID(fmt.Sprintf("id%02d", i))
	c := parley.Contact{ID: id, Name: []string{"Ana", "ANNE", "Ben"}[i%3], Saved: i%2 == 0, ExternalID: fmt.Sprint("x", i),
		Addresses: []parley.Address{{Kind: parley.AddressPhone, Value: fmt.Sprint("+49", i/3), Shared: true}}}
	c.ExternalIDs, c.OptedOut = map[string]string{"crm": c.ExternalID}, i == 3
	if i%5 == 0 {
		c.Tags = []string{"tag"}
	}
	if i%6 == 0 {
		c.Attributes = map[string]string{"k": "v"}
	}
	if i%4 == 0 {
		if _, err := tx.AddBroadcastMembers(o, "list", []parley.BroadcastMember{{Kind: parley.ActorContact, ID: id}}); err != nil {
			return err
		}
	}
	if err := tx.InsertContact(o, &c); err != nil {
		return err
	}
	if i == 20 {
		c.MergedInto = "id00"
		if err := tx.UpdateContact(o, &c); err != nil {
			return err
		}
	}
	account, err := tx.EnsureAccount(parley.Account{ID: "a" + id, Email: fmt.Sprint(i, "@example.org")})
	if err != nil {
		return err
	}
	if err := tx.InsertUser(o, &parley.User{ID: id, Account: account.ID, Machine: i%4 == 0, Active: i%3 == 0}); err != nil {
		return err
	}
	return tx.InsertChannel(o, &parley.Channel{ID: id, Connector: []string{"a", "b"}[i%2], Platform: []string{"p", "q", "r"}[i%3],
		AddressKind: []parley.AddressKind{"phone", "email"}[i/15]})
}
