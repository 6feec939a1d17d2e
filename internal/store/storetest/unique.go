package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const contenders = 25

// uniqueInContacts: an address identifies one contact, and so does an external id, however many claim it at once.
func uniqueInContacts(w *world) {
	o, other := w.organization(), w.organization()
	insert := func(tx *store.Tx, c parley.Contact) error {
		c.ID = w.id()
		return tx.InsertContact(o, &c)
	}
	w.contend(contenders, "address-taken", func(tx *store.Tx, _ int) error {
		return insert(tx, parley.Contact{Addresses: []parley.Address{phone("+491"), phone("+492")}})
	})
	w.contend(contenders, "external-id-taken", func(tx *store.Tx, _ int) error { return insert(tx, parley.Contact{ExternalID: "x"}) })
	owner, err := w.read().AddressOwner(o, phone("+492"))
	w.must(err)

	shared := phone("+493")
	shared.Shared = true
	w.must(errors.Join(w.together(contenders, func(int) error {
		return w.try(func(tx *store.Tx) error { return insert(tx, parley.Contact{Addresses: []parley.Address{shared}}) })
	})...))
	_, err = w.read().AddressOwner(o, phone("+493"))
	w.notFound(err)
	if yes, err := w.read().AddressShared(o, phone("+493")); err != nil || !yes {
		w.Errorf("shared: %v, %v", yes, err)
	}
	if yes, err := w.read().AddressShared(o, phone("+492")); err != nil || yes {
		w.Errorf("shared: %v, %v", yes, err)
	}

	ids := make([]parley.ID, contenders)
	for i := range ids {
		ids[i] = w.contact(o).ID
	}
	w.contend(contenders, "address-taken", func(tx *store.Tx, i int) error {
		return tx.AddContactAddresses(o, ids[i], []parley.Address{phone("+494")})
	})
	w.contend(contenders, "external-id-taken", func(tx *store.Tx, i int) error {
		return tx.UpdateContact(o, &parley.Contact{ID: ids[i], ExternalID: "y"})
	})
	again := parley.Contact{ID: w.id(), ExternalID: "x", Addresses: []parley.Address{phone("+491")}}
	w.do(func(tx *store.Tx) error { return tx.InsertContact(other, &again) })
	w.do(func(tx *store.Tx) error { // the same for a contact is nothing new
		return tx.AddContactAddresses(o, owner, []parley.Address{phone("+491"), phone("+492"), phone("+495")})
	})
	c, err := w.read().Contact(o, owner)
	w.must(err)
	w.equal("its addresses", c.Addresses, []parley.Address{phone("+491"), phone("+492"), phone("+495")})
	w.do(func(tx *store.Tx) error { return tx.DeleteContact(o, owner) })
	w.do(func(tx *store.Tx) error {
		return insert(tx, parley.Contact{Addresses: []parley.Address{phone("+491")}})
	})
}

// uniqueThreads: of the conversations with a thread key one is not closed, also where a closed one is opened again.
func uniqueThreads(w *world) {
	o := w.organization()
	insert := func(tx *store.Tx, key string, status parley.ConversationStatus) (parley.ID, error) {
		c := parley.Conversation{ID: w.id(), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization, Status: status, ThreadKey: key}
		return c.ID, tx.InsertConversation(o, &c)
	}
	w.contend(contenders, "thread-taken", func(tx *store.Tx, _ int) error {
		_, err := insert(tx, "key", parley.StatusOpen)
		return err
	})
	w.contend(contenders, "thread-taken", func(tx *store.Tx, i int) error {
		_, err := insert(tx, "snoozed", []parley.ConversationStatus{parley.StatusSnoozed, parley.StatusOpen}[i%2])
		return err
	})
	closed := make([]parley.ID, contenders)
	w.must(errors.Join(w.together(contenders, func(i int) (err error) {
		return w.try(func(tx *store.Tx) error {
			closed[i], err = insert(tx, "closed", parley.StatusClosed)
			_, without := insert(tx, "", parley.StatusOpen)
			return errors.Join(err, without)
		})
	})...))
	w.contend(contenders, "thread-taken", func(tx *store.Tx, i int) error {
		c, err := tx.Conversation(o, closed[i])
		c.Status = parley.StatusOpen
		return errors.Join(err, tx.UpdateConversation(o, &c))
	})
	newest, err := w.read().ConversationByKey(o, "closed")
	w.must(err)
	w.equal("the newest", newest.ID, slices.Max(closed)) // of the same time
	all, err := w.read().ConversationsByKey(o, "closed", 100)
	w.must(err)
	if len(all) != contenders || all[0] != newest.ID {
		w.Errorf("with the key are %v", all)
	}
	_, err = w.read().ConversationByKey(o, "absent")
	w.notFound(err)
	_, err = w.read().ConversationByKey(o, "")
	w.notFound(err)
}

// uniqueOthers: one user of an account in an organization, one account of an e-mail address, one default channel of
// an address kind, one meaning of a provider's id.
func uniqueOthers(w *world) {
	o, other := w.organization(), w.organization()
	accounts := make([]parley.Account, contenders)
	w.must(errors.Join(w.together(contenders, func(i int) (err error) {
		return w.try(func(tx *store.Tx) error {
			accounts[i], err = tx.EnsureAccount(parley.Account{ID: w.id(), Email: "ana@example.org", Name: fmt.Sprint(i)})
			return err
		})
	})...))
	for _, a := range accounts {
		w.equal("the account", a, accounts[0])
	}
	user := func() *parley.User {
		return &parley.User{ID: w.id(), Account: accounts[0].ID, Email: "ana@example.org"}
	}
	w.contend(contenders, "email-taken", func(tx *store.Tx, _ int) error { return tx.InsertUser(o, user()) })
	w.do(func(tx *store.Tx) error { return tx.InsertUser(other, user()) })
	u := user()
	u.Account = ""
	w.do(func(tx *store.Tx) error { return tx.InsertUser(o, u) })
	u.Account = accounts[0].ID
	w.conflict(w.try(func(tx *store.Tx) error { return tx.UpdateUser(o, u) }), "email-taken")

	channel := func() *parley.Channel {
		return &parley.Channel{ID: w.id(), AddressKind: parley.AddressPhone, Default: true, Settings: []byte("{}")}
	}
	w.contend(contenders, "default-taken", func(tx *store.Tx, _ int) error { return tx.InsertChannel(o, channel()) })
	standing, err := w.read().DefaultChannel(o, parley.AddressPhone)
	w.must(err)
	plain := w.channel(o, nil)
	plain.Default = true
	w.conflict(w.try(func(tx *store.Tx) error { return tx.UpdateChannel(o, &plain) }), "default-taken")
	w.do(func(tx *store.Tx) error {
		cleared, err := tx.ClearDefaultChannel(o, parley.AddressPhone)
		w.equal("cleared", cleared, []parley.ID{standing.ID})
		return errors.Join(err, tx.UpdateChannel(o, &plain))
	})
	w.do(func(tx *store.Tx) error { return tx.DeleteChannel(o, plain.ID) })
	w.do(func(tx *store.Tx) error { return tx.InsertChannel(o, channel()) })

	fresh := make([]int64, contenders)
	w.must(errors.Join(w.together(contenders, func(i int) error {
		return w.try(func(tx *store.Tx) (err error) {
			fresh[i], err = tx.AddReferences([]store.ProviderReference{
				{Organization: o, Channel: "c", Kind: "inbound", Value: "v", Message: parley.ID(fmt.Sprint(i))},
				{Organization: o, Channel: "c", Kind: "inbound", Value: fmt.Sprint("own", i), Message: "m"}})
			return err
		})
	})...))
	won := 0
	for _, n := range fresh {
		won += int(n) - 1
	}
	if won != 1 {
		w.Errorf("%d of %d had the provider's id for themselves", won, contenders)
	}
}

// idsAreTaken: an id that is there already is refused, and an id of another kind of thing is known to be taken.
func idsAreTaken(w *world) {
	o := w.organization()
	for name, insert := range map[string]func(tx *store.Tx, id parley.ID) error{
		"organization": func(tx *store.Tx, id parley.ID) error { return tx.InsertOrganization(&parley.Organization{ID: id}) },
		"user":         func(tx *store.Tx, id parley.ID) error { return tx.InsertUser(o, &parley.User{ID: id}) },
		"team":         func(tx *store.Tx, id parley.ID) error { return tx.InsertTeam(o, &parley.Team{ID: id}) },
		"broadcast":    func(tx *store.Tx, id parley.ID) error { return tx.InsertBroadcast(o, &parley.Broadcast{ID: id}) },
		"contact":      func(tx *store.Tx, id parley.ID) error { return tx.InsertContact(o, &parley.Contact{ID: id}) },
		"channel":      func(tx *store.Tx, id parley.ID) error { return tx.InsertChannel(o, &parley.Channel{ID: id}) },
		"media":        func(tx *store.Tx, id parley.ID) error { return tx.InsertMedia(o, &parley.Media{ID: id}) },
		"key":          func(tx *store.Tx, id parley.ID) error { return tx.InsertKey(&parley.Key{ID: id, Organization: o}) },
	} {
		id := parley.ID("the " + name)
		w.contend(contenders, "id-taken", func(tx *store.Tx, _ int) error { return insert(tx, id) })
		taken := w.try(func(tx *store.Tx) error { return tx.TakenID(o, id) })
		if name == "organization" || name == "key" {
			w.must(taken)
		} else {
			w.conflict(taken, "id-taken")
		}
	}
	th := w.room(o, 1)
	for _, id := range []parley.ID{th.id, th.say("m").Message.ID} {
		w.conflict(w.try(func(tx *store.Tx) error { return tx.TakenID(o, id) }), "id-taken")
	}
}

// replayOf returns the replay that an error is.
func replayOf(err error) *store.Replay {
	replay, _ := errors.AsType[*store.Replay](err)
	return replay
}

// twins: of many sends with one key one is stored, within a transaction and across several, and the others get its
// record.
func twins(w *world) {
	o, other := w.organization(), w.organization()
	th, elsewhere := w.thread(o), w.thread(other)
	const n = 50
	messages := make([]*store.Append, 2*n)
	for i := range messages {
		messages[i] = th.message(fmt.Sprint(i))
		messages[i].Idempotency = &store.Idempotency{Scope: fmt.Sprint("scope ", i/n), RequestHash: fmt.Sprint("hash ", i), Status: 200 + i, Resource: messages[i].Message.ID}
	}
	errs := w.together(n, func(i int) error { return w.append(messages[i]) })                         // in few transactions
	errs = append(errs, concurrently(n, func(i int) error { return w.append(messages[n+i]) })...)     // as they come
	errs = append(errs, w.append(messages[0]), w.append(messages[n]), w.append(th.message("no key"))) // later
	winners := [2]int{-1, -1}
	for i, err := range errs[:2*n] {
		if err == nil {
			if winners[i/n] >= 0 {
				w.Errorf("%d and %d were stored", winners[i/n], i)
			}
			winners[i/n] = i
		}
	}
	for i, err := range errs[:2*n+2] {
		key := i / n
		if i >= 2*n {
			key = i - 2*n
		}
		if err == nil {
			continue
		}
		if replay := replayOf(err); replay == nil || replay.Idempotency != *messages[winners[key]].Idempotency {
			w.Fatalf("%d: %+v, want the record of %d", i, err, winners[key])
		}
	}
	w.must(errs[2*n+2])
	if got := th.count(); got != 3 || len(w.log(o)) != 3 {
		w.Errorf("%d messages and %d events", got, len(w.log(o)))
	}
	same := elsewhere.message("of another organization")
	same.Idempotency = messages[0].Idempotency
	w.must(w.append(same))
}

// twinsInUnits: general units and the hot path share the keys.
func twinsInUnits(w *world) {
	o := w.organization()
	th := w.thread(o)
	const n = 40
	messages := make([]*store.Append, n)
	for i := range messages {
		messages[i] = th.message(fmt.Sprint(i))
		messages[i].Idempotency = &store.Idempotency{Scope: "scope", Resource: messages[i].Message.ID}
	}
	winner := -1
	errs := w.together(n, func(i int) error {
		if i%2 == 0 {
			return w.append(messages[i])
		}
		return w.try(func(tx *store.Tx) error {
			if err := tx.ClaimKey(o, messages[i].Idempotency); err != nil {
				return err
			}
			return tx.Append(messages[i])
		})
	})
	for i, err := range errs {
		if err == nil {
			winner = i
		}
	}
	for i, err := range errs {
		if replay := replayOf(err); i != winner && (replay == nil || replay.Resource != messages[winner].Message.ID) {
			w.Errorf("%d: %v", i, err)
		}
	}
	if got := th.count(); got != 1 {
		w.Errorf("%d messages", got)
	}
	w.do(func(tx *store.Tx) error { return tx.ClaimKey(o, nil) })
}

// keysOfWhatFails: what fails leaves its key free.
func keysOfWhatFails(w *world) {
	o := w.organization()
	th := w.thread(o)
	key := func(a *store.Append) *store.Append {
		a.Idempotency = &store.Idempotency{Scope: "scope", Resource: a.Message.ID}
		return a
	}
	stale := key(th.message("stale"))
	w.do(func(tx *store.Tx) error { return tx.BumpConversation(o, th.id) })
	if err := w.append(stale); err != store.ErrStale {
		w.Error(err)
	}
	if err := w.try(func(tx *store.Tx) error { return errors.Join(tx.ClaimKey(o, stale.Idempotency), errOwn) }); !errors.Is(err, errOwn) {
		w.Error(err)
	}
	double := key(th.message("has the id of another"))
	double.Message.ID = th.say("taken").Message.ID
	if err := w.append(double); err == nil || replayOf(err) != nil {
		w.Error(err)
	}
	_, err := w.read().Idempotency(o, "scope")
	w.notFound(err)
	w.must(w.append(key(th.message("stored"))))
	w.equal("stored", th.contents(), "[1 taken 2 stored]")
}

// dropIdempotency: old records go, oldest first, so many at a time, of all organizations.
func dropIdempotency(w *world) {
	organizations := []parley.ID{w.organization(), w.organization()}
	for i := range 10 {
		w.do(func(tx *store.Tx) error {
			return tx.ClaimKey(organizations[i%2], &store.Idempotency{Scope: fmt.Sprint(i), Resource: "r"})
		})
		w.advance(time.Second)
	}
	for _, want := range []int64{3, 3, 1, 0} {
		w.do(func(tx *store.Tx) error {
			n, err := tx.DropIdempotency(tx.Now.Add(-3*time.Second), 3)
			if n != want {
				w.Errorf("%d went, want %d", n, want)
			}
			return err
		})
	}
	for i := range 10 {
		if _, err := w.read().Idempotency(organizations[i%2], fmt.Sprint(i)); (err == nil) != (i >= 7) {
			w.Errorf("record %d: %v", i, err)
		}
	}
	err := w.try(func(tx *store.Tx) error {
		return tx.ClaimKey(organizations[0], &store.Idempotency{Scope: "8", Resource: "other"})
	})
	if replayOf(err) == nil || replayOf(err).Resource != "r" {
		w.Error(err)
	}
}

// dropIdempotencyBeside: a key whose old record is swept just then by another node is claimed all the same.
func dropIdempotencyBeside(w *world) {
	if !w.Shared() {
		return // nobody sweeps beside
	}
	o := w.organization()
	claim := func(resource parley.ID) error {
		return w.Write(context.Background(), o, func(tx *store.Tx) error {
			return tx.ClaimKey(o, &store.Idempotency{Scope: "s", RequestHash: "h", Resource: resource})
		})
	}
	w.must(claim("old"))
	w.advance(time.Second)
	var once sync.Once
	sweep := func(statement string) (err error) {
		if strings.HasPrefix(statement, "SELECT j.n, i.request_hash") {
			once.Do(func() {
				err = w.WriteBackground(context.Background(), nil, func(tx *store.Tx) error {
					_, err := tx.DropIdempotency(tx.Now, 10)
					return err
				})
			})
		}
		return err
	}
	w.fault.Store(&sweep)
	w.must(claim("new"))
	if replay := replayOf(claim("twin")); replay == nil || replay.Resource != "new" {
		w.Errorf("a repeat is the replay of %v", replay)
	}
}
