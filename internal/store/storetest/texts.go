package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/template"
)

// odd are texts that a store could spoil.
var odd = []string{"", " ", "  a  ", "'", `"`, `\`, "\\u0041", "\t\n\r", "\x01\x7f", "%", "_", "NULL", "null", "0", "007", "1e3", "[]", "{}", "é", "e\u0301",
	"\u00a0", "\u200b", "\u2028", "\ufeff", "\ufffd", "\uffff", "日本語", "\U0001F469\u200d\U0001F680", "\U0010ffff", strings.Repeat("long ", 50_000), "a\u0000b" + "",
	"$1", "--", ";", "?"}

// short is as much of a text as what is found by it can have.
func short(text string) string {
	if len(text) > 255 {
		return text[:255]
	}
	return text
}

// texts: what is written comes back, octet for octet. Where rows go in bulk, what is not UTF-8 and U+0000 become U+FFFD.
func texts(w *world) {
	o := w.organization()
	th := w.room(o, 2)
	bulk := map[parley.ID]string{}
	for i, text := range append(odd, "\xff", "a\xc3(", "\xed\xa0\x80") {
		a := th.message("m")
		key := short(text)
		a.Message.Author.Name, a.Message.Reference, a.Message.Platform = text, "r"+key, "p"+text
		w.must(w.append(a))
		clean := strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
		bulk[a.Message.ID] = clean
		if strings.ContainsRune(text, 0) || clean != text {
			continue
		}
		id := parley.ID(fmt.Sprint("c", i))
		c := parley.Contact{ID: id, Name: text, Attributes: map[string]string{"k" + text: text}, Tags: []string{text}, ExternalID: key,
			Addresses: []parley.Address{{Kind: "other", Value: "v" + key}}}
		want := c
		w.do(func(tx *store.Tx) error { return tx.InsertContact(o, &c) })
		got, err := w.read().Contact(o, id)
		w.must(err)
		want.Rev, want.CreatedAt = 1, w.now().UTC()
		w.equal("a contact", got, want)
		if text == "" {
			continue
		}
		got, err = w.read().ContactByExternalID(o, key)
		w.must(err)
		byAddress, err := w.read().ContactByAddress(o, want.Addresses[0])
		w.must(err)
		w.equal("found", []parley.ID{got.ID, byAddress.ID}, []parley.ID{id, id})
	}
	for id, text := range bulk {
		m, err := w.read().Message(o, id)
		w.must(err)
		w.equal("a message", []string{m.Author.Name, m.Reference, m.Platform}, []string{text, "r" + short(text), "p" + text})
		heads, err := w.read().HeadsBefore(o, store.MessageIndex{Reference: "r" + short(text)}, "", 100)
		w.must(err)
		if !slices.ContainsFunc(heads, func(h store.MessageHead) bool { return h.ID == id }) {
			w.Errorf("%.20q is not found by its reference", text)
		}
	}
	body := th.message("\x00 and all that")
	w.must(w.append(body))
	m, err := w.read().Message(o, body.Message.ID)
	w.must(err)
	w.equal("a body", m.Body[0].Text, "\x00 and all that")
}

// bytewiseOrder: texts are compared octet by octet, whatever the language of the database: equal only where they are
// the same, and in order of their octets.
func bytewiseOrder(w *world) {
	o := w.organization()
	ids := []parley.ID{"a", "A", "b", "B", "Z", "_", "-", "~", "a b", "a-b", "ab", "aB", "ä", "a\u0308", "z", "é", "e", "10", "9", "1", "ß", "ss", "日", "\U0001F600", "\ue000"}
	for _, id := range ids {
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertContact(o, &parley.Contact{ID: id, ExternalID: string(id), Addresses: []parley.Address{{Kind: "k", Value: string(id)}}}),
				tx.InsertConversation(o, &parley.Conversation{ID: id, ThreadKey: string(id), Status: parley.StatusOpen}),
				tx.ClaimKey(o, &store.Idempotency{Scope: string(id), Resource: id}))
		})
	}
	want := slices.Clone(ids)
	slices.Sort(want)
	for limit := 1; limit < 9; limit += 3 {
		var got []parley.ID
		for from := parley.ID(""); ; {
			page, next, err := w.read().Contacts(o, store.ContactFilter{}, from, limit)
			w.must(err)
			for _, c := range page {
				got = append(got, c.ID)
			}
			if next == "" {
				break
			}
			from = next
		}
		w.equal("in order", got, want)
	}
	for _, id := range ids {
		c, err := w.read().ConversationByKey(o, string(id))
		w.must(err)
		owner, err := w.read().AddressOwner(o, parley.Address{Kind: "k", Value: string(id)})
		w.must(err)
		key, err := w.read().Idempotency(o, string(id))
		w.must(err)
		w.equal("found", []parley.ID{c.ID, owner, key.Resource}, []parley.ID{id, id, id})
	}
	list, err := w.read().ContactsByID(o, []parley.ID{"a", "A", "ä", "AB"})
	w.must(err)
	w.equal("by id", keys(list), []parley.ID{"A", "a", "ä"})
}

// empty: what is empty comes back empty, is found by nothing, and is no double of another that is empty.
func empty(w *world) {
	o := w.organization()
	for range 2 {
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertContact(o, &parley.Contact{ID: w.id()}), tx.InsertUser(o, &parley.User{ID: w.id()}),
				tx.InsertConversation(o, &parley.Conversation{ID: w.id()}), tx.InsertChannel(o, &parley.Channel{ID: w.id()}),
				tx.InsertKey(&parley.Key{ID: w.id()}), tx.Park(o, &store.Parked{ID: w.id()}), tx.InsertMedia(o, &parley.Media{ID: w.id()}))
		})
	}
	q := w.read()
	for _, err := range []error{
		second(q.ContactByExternalID(o, "")), second(q.ContactByAddress(o, parley.Address{})), second(q.UserOfAccount(o, "")),
		second(q.ConversationByKey(o, "")), second(q.Participant(o, "", "")), second(q.NewestWith(o, "", []parley.Address{{}})),
	} {
		w.notFound(err)
	}
	for name, n := range map[string]int{
		"memberships": len(first(q.Memberships("", 10))), "account keys": len(first(q.AccountKeys("", "", 10))),
		"conversations of nobody": len(first(q.ConversationsOf(o, "", 10))), "with no address": len(first(q.ConversationsWith(o, parley.Address{}, 10))),
		"with no key": len(first(q.ConversationsByKey(o, "", 10))), "copies of nothing": len(first(q.CopiesOf(o, "", "", 10))),
		"copies before": len(first(q.CopiesBefore(o, "", "", 10))), "no ids": len(first(q.Messages(o, nil))), "no refs": len(first(q.DeliveriesOf(nil))),
	} {
		if n != 0 {
			w.Errorf("%s: %d", name, n)
		}
	}
	c := parley.Contact{ID: w.id(), Attributes: map[string]string{}, Tags: []string{}}
	w.do(func(tx *store.Tx) error { return tx.InsertContact(o, &c) })
	got, err := q.Contact(o, c.ID)
	w.must(err)
	w.equal("a contact", got, parley.Contact{ID: c.ID, Rev: 1, CreatedAt: w.now().UTC()})
	th := w.room(o, 1)
	a := th.message("")
	a.Message.Body, a.Message.Tags, a.Message.Metadata, a.Events = nil, []string{}, map[string]string{}, nil
	w.must(w.append(a))
	m, err := q.Message(o, a.Message.ID)
	w.must(err)
	if len(m.Body)+len(m.Tags)+len(m.Metadata)+len(m.Attachments) != 0 || !m.ExpiresAt.IsZero() || !m.RemovedAt.IsZero() || !m.SendAt.IsZero() || m.Removed != "" {
		w.Errorf("an empty message is %+v", m)
	}
	if n := len(w.log(o)); n != 0 {
		w.Errorf("%d events", n)
	}
}

func first[T any](v T, _ error) T        { return v }
func second[T any](_ T, err error) error { return err }

// times: times come back to the millisecond in UTC, whatever their zone, and none as none.
func times(w *world) {
	o := w.organization()
	th := w.room(o, 1)
	zone := time.FixedZone("east", 5*3600+1800)
	for _, at := range []time.Time{time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, zone), time.Date(1970, 1, 1, 0, 0, 0, 1_000_000, time.UTC),
		time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.UnixMilli(1).In(zone)} {
		a := th.message("m")
		a.Message.SentAt, a.Message.ExpiresAt = at, at
		w.must(w.append(a))
		m, err := w.read().Message(o, a.Message.ID)
		w.must(err)
		want := time.UnixMilli(at.UnixMilli()).UTC()
		if m.SentAt != want || m.ExpiresAt != want || m.CreatedAt != w.now().UTC() {
			w.Errorf("%v: sent %v, expires %v, created %v", at, m.SentAt, m.ExpiresAt, m.CreatedAt)
		}
	}
	w.clock.Add(1)
	k := parley.Key{ID: w.id(), Organization: o, SecretHash: []byte{0, 1, 255}, ExpiresAt: time.Date(2027, 1, 1, 0, 0, 0, 5_600_000, zone)}
	w.do(func(tx *store.Tx) error {
		if tx.Now != w.now().UTC() {
			w.Errorf("the transaction's time is %v", tx.Now)
		}
		return tx.InsertKey(&k)
	})
	got, err := w.read().Key(k.ID)
	w.must(err)
	if got.ExpiresAt != time.UnixMilli(k.ExpiresAt.UnixMilli()).UTC() || !got.RevokedAt.IsZero() || got.CreatedAt != w.now().UTC() {
		w.Errorf("the key is %+v", got)
	}
}

// templates: templates with their versions, and saved replies.
func templates(w *world) {
	o, other := w.organization(), w.organization()
	first := parley.Template{ID: w.id(), Name: "a", Latest: 1}
	second := parley.Template{ID: w.id(), Name: "b"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(template.Insert(tx, o, &first), template.Insert(tx, o, &second), template.Insert(tx, other, &parley.Template{ID: w.id(), Name: "a"}))
	})
	w.conflict(w.try(func(tx *store.Tx) error { return template.Insert(tx, o, &parley.Template{ID: w.id(), Name: "a"}) }), "name-taken")
	got, err := template.Template(w.read(), o, "", "a")
	w.must(err)
	w.equal("by name", got, first)
	_, err = template.Template(w.read(), other, first.ID, "")
	w.notFound(err)
	page, next, err := template.List(w.read(), o, "", 1)
	w.must(err)
	w.equal("a page", []any{len(page), page[0], next}, []any{1, first, first.ID})
	version := parley.TemplateVersion{Template: first.ID, Number: 1, State: parley.TemplateDraft, DefaultLocale: "en",
		Locales: []parley.TemplateLocale{{Locale: "en", Body: []parley.Part{{Kind: parley.PartText, Text: "x"}}}}, Variables: []parley.TemplateVariable{{Name: "a", Type: parley.VariableDate}}}
	w.do(func(tx *store.Tx) error {
		twin := version
		twin.Number = 2
		return errors.Join(template.InsertVersion(tx, o, &version), template.InsertVersion(tx, o, &twin))
	})
	version.State, version.PublishedAt = parley.TemplatePublished, w.now().UTC()
	first.Published, first.Description = 1, "d"
	w.do(func(tx *store.Tx) error {
		return errors.Join(template.UpdateVersion(tx, o, &version), template.Update(tx, o, &first))
	})
	w.equal("the revision", first.Rev, int64(2))
	kept, err := template.Version(w.read(), o, first.ID, 1)
	w.must(err)
	w.equal("a version", kept, version)
	versions, err := template.Versions(w.read(), o, first.ID, 2, 5)
	w.must(err)
	w.equal("versions before the second", len(versions), 1)
	_, err = template.Version(w.read(), other, first.ID, 1)
	w.notFound(err)
	for id, want := range map[parley.ID]bool{first.ID: true, "absent": false} {
		found, err := template.AnyOf(w.read(), o, []parley.ID{id})
		w.must(err)
		w.equal("whether it is a template", found, want)
	}
	w.do(func(tx *store.Tx) error { return template.Delete(tx, o, first.ID) })
	_, err = template.Version(w.read(), o, first.ID, 1)
	w.notFound(err)
	w.notFound(w.try(func(tx *store.Tx) error { return template.Delete(tx, o, first.ID) }))
	savedReplies(w, o, other)
}

func savedReplies(w *world, o, other parley.ID) {
	ana, team := parley.Actor{Kind: parley.ActorUser, ID: "ana"}, parley.Actor{Kind: parley.ActorTeam, ID: "t"}
	make := func(owner parley.Actor, title, shortcut string) parley.SavedReply {
		r := parley.SavedReply{ID: w.id(), Owner: owner, Title: title, Shortcut: shortcut, Folder: "f" + title, Tags: []string{"x"}, Body: []parley.Part{{Kind: parley.PartText, Text: "x"}}}
		w.do(func(tx *store.Tx) error { return template.InsertReply(tx, o, &r) })
		return r
	}
	b, a, c := make(ana, "Bye", "hi"), make(team, "apple", "hi"), make(ana, "Ähre", "")
	w.conflict(w.try(func(tx *store.Tx) error {
		return template.InsertReply(tx, o, &parley.SavedReply{ID: w.id(), Owner: ana, Title: "x", Shortcut: "hi"})
	}), "shortcut-taken")
	list := func(f template.ReplyFilter, after template.ReplyPosition, limit int) (titles []string, next *template.ReplyPosition) {
		all, next, err := template.Replies(w.read(), o, f, after, limit)
		w.must(err)
		for _, r := range all {
			titles = append(titles, r.Title)
		}
		return titles, next
	}
	both := template.ReplyFilter{Owners: []parley.Actor{team, ana}}
	titles, next := list(both, template.ReplyPosition{}, 2)
	w.equal("a page", titles, []string{"apple", "Bye"})
	titles, _ = list(both, *next, 2)
	w.equal("the next page", titles, []string{"Ähre"})
	for _, f := range []struct {
		template.ReplyFilter
		want []string
	}{{template.ReplyFilter{Owners: []parley.Actor{ana}, Prefix: "H"}, []string{"Bye"}}, {template.ReplyFilter{Owners: []parley.Actor{ana}, Prefix: "ÄH"}, []string{"Ähre"}},
		{template.ReplyFilter{Owners: both.Owners, Folder: "fapple"}, []string{"apple"}}, {template.ReplyFilter{}, nil}} {
		titles, _ = list(f.ReplyFilter, template.ReplyPosition{}, 9)
		w.equal("filtered", titles, f.want)
	}
	n, err := template.CountReplies(w.read(), o, ana)
	w.must(err)
	w.equal("how many", n, 2)
	owners, err := template.OwnersOf(w.read(), o, []parley.ID{b.ID, c.ID, "absent"})
	w.must(err)
	w.equal("whose", owners, []parley.Actor{ana})
	b.Title, b.Folder = "Zoo", ""
	w.do(func(tx *store.Tx) error { return template.UpdateReply(tx, o, &b) })
	got, err := template.Reply(w.read(), o, b.ID)
	w.must(err)
	w.equal("changed", got, b)
	_, err = template.Reply(w.read(), other, b.ID)
	w.notFound(err)
	w.do(func(tx *store.Tx) error { return template.DeleteReply(tx, o, a.ID) })
	w.notFound(w.try(func(tx *store.Tx) error { return template.DeleteReply(tx, o, a.ID) }))
}
