package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-server/parley/api"
)

// The people of the demo are invented, and their numbers are of the ranges kept for fiction.
var (
	users    = []string{"Ana Ruiz", "Ben Okafor", "Chloe Martin", "Dev Patel", "Emma Schmidt"}
	patients = []string{"Adam Novak", "Bella Rossi", "Carlos Vega", "Dina Haddad", "Elias Berg", "Fatima Noor", "George Hall", "Hana Sato",
		"Igor Petrov", "Julia Weber", "Kofi Mensah", "Lena Fischer", "Marco Bianchi", "Nora Lund", "Omar Said", "Paula Costa", "Quinn Doyle",
		"Rosa Jimenez", "Samir Khan", "Tara Singh", "Umar Diallo", "Vera Horvat", "Wei Chen", "Yara Silva"}
)

// special are contacts whose addresses pick another behaviour of the sandbox.
var special = []struct{ name, address string }{
	{"Bounce Example", "bounce@example.org"},
	{"Retry Example", "retry@example.org"},
	{"Slow Example", "slow@example.org"},
	{"Noread Example", "noread@example.org"},
}

// channels are the sandbox channels, each the default of its kind of address, where several share one the first.
var channels = []struct{ name, platform string }{
	{"Text messages", "sms"}, {"E-mail", "email"}, {"WhatsApp", "whatsapp"}, {"Fax", "fax"}, {"Web chat", "chat"}, {"Patient portal", "secure"},
}

// fill makes what is missing, by name, so that a start that was cut short is completed by the next.
func (d *Description) fill(ctx context.Context, client *api.Client) error {
	organization, err := client.GetOrganization(ctx)
	if err != nil {
		return err
	}
	if organization.Name != Organization {
		return d.refuse(ctx, client, organization.Name)
	}
	d.Organization = Entry{organization.ID, organization.Name}
	for _, step := range []func(context.Context, *api.Client) error{d.fillUsers, d.fillTeam, d.fillChannels, d.fillContacts, d.fillConversations} {
		if err := step(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

// refuse leaves an organization that is not of a demo as it was, but for the key, which it ends.
func (d *Description) refuse(ctx context.Context, client *api.Client, name string) error {
	refused := fmt.Errorf("the data folder has no demo but the organization %q: name another folder with --data, or run parley serve", name)
	keys, err := client.ListKeys(ctx, api.Page{Limit: 200})
	if err != nil {
		return errors.Join(refused, err)
	}
	for _, key := range keys.Data {
		if strings.Contains(d.Key, key.ID) {
			return errors.Join(refused, client.RevokeKey(ctx, key.ID))
		}
	}
	return refused
}

// known are the names that are there already, with their ids.
type known map[string]string

func (k known) ensure(name string, make func() (string, error)) (Entry, error) {
	if id, ok := k[name]; ok {
		return Entry{id, name}, nil
	}
	id, err := make()
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", name, err)
	}
	k[name] = id
	return Entry{id, name}, nil
}

func (d *Description) fillUsers(ctx context.Context, client *api.Client) error {
	have := known{}
	list, err := client.ListUsers(ctx, api.UserFilter{Page: api.Page{Limit: 100}})
	if err != nil {
		return err
	}
	for _, u := range list.Data {
		have[u.Name] = u.ID
	}
	for i, name := range users {
		entry, err := have.ensure(name, func() (string, error) {
			u, err := client.CreateUser(ctx, api.UserRequest{Name: name, Email: fmt.Sprintf("user%d@example.org", i+1)})
			if err != nil {
				return "", err
			}
			return u.ID, nil
		})
		if err != nil {
			return err
		}
		d.Users = append(d.Users, entry)
	}
	return nil
}

func (d *Description) fillTeam(ctx context.Context, client *api.Client) error {
	have := known{}
	list, err := client.ListTeams(ctx, api.TeamFilter{Page: api.Page{Limit: 100}})
	if err != nil {
		return err
	}
	for _, t := range list.Data {
		have[t.Name] = t.ID
	}
	entry, err := have.ensure("Front desk", func() (string, error) {
		t, err := client.CreateTeam(ctx, api.TeamRequest{Name: "Front desk", Members: []string{d.Users[0].ID, d.Users[1].ID, d.Users[2].ID}})
		if err != nil {
			return "", err
		}
		return t.ID, nil
	})
	d.Teams = []Entry{entry}
	return err
}

func (d *Description) fillChannels(ctx context.Context, client *api.Client) error {
	have := known{}
	list, err := client.ListChannels(ctx, api.ChannelFilter{Page: api.Page{Limit: 100}})
	if err != nil {
		return err
	}
	for _, ch := range list.Data {
		have[ch.Name] = ch.ID
	}
	for _, wanted := range channels {
		entry, err := have.ensure(wanted.name, func() (string, error) {
			ch, err := client.CreateChannel(ctx, api.ChannelRequest{Name: wanted.name, Connector: "sandbox", Platform: wanted.platform,
				Default: wanted.platform != "whatsapp"})
			if err != nil {
				return "", err
			}
			return ch.ID, nil
		})
		if err != nil {
			return err
		}
		d.Channels = append(d.Channels, entry)
	}
	return nil
}

func (d *Description) fillContacts(ctx context.Context, client *api.Client) error {
	have := known{}
	for c, err := range api.All(func(after string) (*api.List[api.Contact], error) {
		return client.ListContacts(ctx, api.ContactFilter{Page: api.Page{Limit: 100, After: after}})
	}) {
		if err != nil {
			return err
		}
		have[c.Name] = c.ID
	}
	add := func(name string, addresses ...api.Address) error {
		entry, err := have.ensure(name, func() (string, error) {
			c, err := client.CreateContact(ctx, api.ContactRequest{Name: name, Addresses: addresses})
			if err != nil {
				return "", err
			}
			return c.ID, nil
		})
		d.Contacts = append(d.Contacts, entry)
		return err
	}
	for i, name := range patients {
		phone := api.Address{Kind: "phone", Value: fmt.Sprintf("+1555010%04d", 1000+i)}
		email := api.Address{Kind: "email", Value: fmt.Sprintf("patient%d@example.org", i+1)}
		portal := api.Address{Kind: "secure", Value: fmt.Sprintf("patient%d", i+1)}
		if err := add(name, phone, email, portal); err != nil {
			return err
		}
	}
	for _, s := range special {
		if err := add(s.name, api.Address{Kind: "email", Value: s.address}); err != nil {
			return err
		}
	}
	return nil
}
