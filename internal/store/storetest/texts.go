package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
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
		want.Rev, want.CreatedAt, want.UpdatedAt = 1, w.now().UTC(), w.now().UTC()
		w.equal("a contact", got, want)
		if text == "" {
			continue
		}
		got, err = w.read().ContactByExternalID(o, "", key)
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
		second(q.ContactByExternalID(o, "", "")), second(q.ContactByAddress(o, parley.Address{})), second(q.UserOfAccount(o, "")),
		second(q.ConversationByKey(o, "")), second(q.Participant(o, "", "")), second(q.NewestWithAddress(o, "", parley.Address{})),
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
	w.equal("a contact", got, parley.Contact{ID: c.ID, Rev: 1, CreatedAt: w.now().UTC(), UpdatedAt: w.now().UTC()})
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
