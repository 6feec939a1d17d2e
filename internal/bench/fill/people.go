package fill

import (
	"fmt"
	"slices"
	"sync"

	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// tenant is an organization in the making.
type tenant struct {
	principal *access.Principal
	key       access.NewKey
	channel   parley.Channel // the default of phone numbers
	contacts  []parley.Contact
}

// tenant makes an organization with a channel.
func (b *builder) tenant(name string) (*tenant, error) {
	made, _, err := b.directory.CreateOrganization(b.ctx, access.Operator(), directory.OrganizationParams{Name: name}, nil)
	if err != nil {
		return nil, err
	}
	t := &tenant{principal: access.System(made.Organization.ID), key: made.Key}
	t.channel, err = b.channel(t, directory.ChannelParams{Name: "Text messages", Default: true})
	return t, err
}

func (b *builder) channel(t *tenant, params directory.ChannelParams) (parley.Channel, error) {
	params.Connector, params.Platform = sandbox.Name, "sms"
	ch, _, err := b.directory.CreateChannel(b.ctx, t.principal, params, nil)
	return ch, err
}

func (t *tenant) organization() Organization {
	o := Organization{ID: string(t.principal.Organization), Key: t.key.Token}
	for _, c := range t.contacts {
		o.Contacts = append(o.Contacts, string(c.ID))
	}
	return o
}

// perUnit is how many things one transaction makes.
const perUnit = 250

// addContacts makes contacts, each with a phone number that the sandbox delivers to.
func (b *builder) addContacts(t *tenant, n int) error {
	contacts := make([]parley.Contact, n)
	for i := range contacts {
		contacts[i] = parley.Contact{ID: parley.NewID(b.clock.now()), Name: fmt.Sprintf("Contact %d", i+1), Saved: true,
			Addresses: []parley.Address{{Kind: parley.AddressPhone, Value: fmt.Sprintf("+1555%07d5", i)}}}
	}
	t.contacts = append(t.contacts, contacts...)
	organization := t.principal.Organization
	for chunk := range slices.Chunk(contacts, perUnit) {
		err := b.store.Write(b.ctx, organization, func(tx *store.Tx) error {
			for i := range chunk {
				tx.Emit(organization, parley.Event{Type: parley.EventContactCreated, Subject: chunk[i].ID})
				if err := tx.InsertContact(organization, &chunk[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// together is how many calls share transactions.
const together = 32

// each calls f for 0 to n-1, several at a time, and returns the first error.
func each(n int, f func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, together)
	for w := range errs {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += together {
				errs[w] = f(i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// addUsers makes people with accounts.
func (b *builder) addUsers(t *tenant, n int) ([]parley.User, error) {
	users := make([]parley.User, n)
	err := each(n, func(i int) (err error) {
		users[i], _, err = b.directory.CreateUser(b.ctx, t.principal, directory.UserParams{Name: fmt.Sprintf("User %d", i+1),
			Email: fmt.Sprintf("user%d@%s.example.org", i+1, t.principal.Organization)}, nil)
		return err
	})
	return users, err
}

// personalKey makes a key of a user's own.
func (b *builder) personalKey(t *tenant, user parley.ID) (string, error) {
	key, _, err := b.keys.Create(b.ctx, t.principal, access.KeyParams{Name: "Bench", User: user, Scopes: t.principal.Scopes()}, nil)
	return key.Token, err
}

// organizations makes those that messages are sent in, with what was sent before.
func (b *builder) organizations(sizes Sizes) error {
	tenants := make([]*tenant, sizes.Organizations)
	threads := make([][]thread, sizes.Organizations)
	for i := range tenants {
		t, err := b.tenant(fmt.Sprintf("Organization %d", i+1))
		if err != nil {
			return err
		}
		tenants[i] = t
		if err := b.addContacts(t, share(sizes.Contacts, i, sizes.Organizations)); err != nil {
			return err
		}
		if threads[i], err = b.contactThreads(t); err != nil {
			return err
		}
	}
	b.say("storing %d messages in %d organizations", sizes.Stored, sizes.Organizations)
	err := b.messages(sizes.Stored, func(int) (*tenant, *thread) {
		i := 0
		if len(tenants) > 1 && b.random.IntN(2) == 1 {
			i = 1 + b.random.IntN(len(tenants)-1)
		}
		return tenants[i], &threads[i][b.random.IntN(len(threads[i]))]
	})
	for _, t := range tenants {
		b.prepared.Organizations = append(b.prepared.Organizations, t.organization())
	}
	return err
}

// share is the i-th part of n things: the first gets half of them.
func share(n, i, parts int) int {
	switch {
	case parts == 1:
		return n
	case i == 0:
		return n / 2
	}
	return max((n-n/2)/(parts-1), 1)
}

// broadcast makes an organization with a list.
func (b *builder) broadcast(recipients int) error {
	b.say("making a broadcast list of %d contacts", recipients)
	t, err := b.tenant("Broadcasts")
	if err != nil {
		return err
	}
	if err := b.addContacts(t, recipients); err != nil {
		return err
	}
	list, _, err := b.directory.CreateBroadcast(b.ctx, t.principal, directory.BroadcastParams{Name: "Everybody"}, nil)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(t.contacts, 1000) {
		ids := make([]parley.ID, len(chunk))
		for i, c := range chunk {
			ids[i] = c.ID
		}
		if _, err := b.directory.AddBroadcastMembers(b.ctx, t.principal, list.ID, nil, ids); err != nil {
			return err
		}
	}
	o := t.organization()
	o.Contacts = o.Contacts[:min(len(o.Contacts), 100)]
	b.prepared.Broadcast = &Broadcast{Organization: o, List: string(list.ID)}
	return nil
}

// groups is how many conversations there are of halves of the users.
const groups = 8

// live makes an organization of users, and conversations of a random half of them each.
func (b *builder) live(n int) error {
	b.say("making %d users with keys", n)
	t, err := b.tenant("Streams")
	if err != nil {
		return err
	}
	users, err := b.addUsers(t, n)
	if err != nil {
		return err
	}
	live := &Live{Key: t.key.Token, Users: make([]User, n)}
	err = each(n, func(i int) error {
		key, err := b.personalKey(t, users[i].ID)
		live.Users[i] = User{ID: string(users[i].ID), Key: key}
		return err
	})
	if err != nil {
		return err
	}
	for range groups {
		members := b.random.Perm(n)[:max(n/2, min(n, 2))]
		participants := make([]parley.Participant, len(members))
		for i, m := range members {
			participants[i] = member(users[m])
		}
		c := parley.Conversation{Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Title: "Half of us", Inbox: true}
		if err := b.conversations(t, []*parley.Conversation{&c}, func(int) []parley.Participant { return participants }); err != nil {
			return err
		}
		live.Groups = append(live.Groups, Group{Conversation: string(c.ID), Author: members[0], Members: len(members)})
	}
	b.prepared.Live = live
	return nil
}

func member(u parley.User) parley.Participant {
	return parley.Participant{Kind: parley.ActorUser, ID: u.ID, Name: u.Name}
}
