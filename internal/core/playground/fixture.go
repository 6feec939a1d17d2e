package playground

import (
	"context"
	"fmt"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// Fixture names what a test organization begins with.
type Fixture string

// The fixtures.
const (
	FixtureChannels Fixture = "channels" // a channel of the sandbox for each kind of address
	FixtureClinic   Fixture = "clinic"   // the channels, people who work there, a team, and patients
)

// Made is a thing of a fixture.
type Made struct {
	Kind string // "channel", "user", "team", "contact"
	ID   parley.ID
	Name string
}

func (f Fixture) check() error {
	switch f {
	case "", FixtureChannels, FixtureClinic:
		return nil
	}
	return parley.Invalid("fixture", "value-unknown", "must be %s or %s", FixtureChannels, FixtureClinic)
}

// The people of the fixture are invented, and their numbers are of the range kept for fiction.
var (
	fixtureChannels = []struct{ name, platform string }{{"Text messages", "sms"}, {"E-mail", "email"}, {"Fax", "fax"}, {"Web chat", "chat"}, {"Patient portal", "secure"}}
	fixtureUsers    = []struct{ name, email string }{{"Ana Ruiz", "ana"}, {"Ben Okafor", "ben"}, {"Chloe Martin", "chloe"}}
	fixturePatients = []string{"Adam Novak", "Bella Rossi", "Carlos Vega", "Dina Haddad", "Elias Berg"}
)

// make makes a fixture.
func (g *Playground) make(ctx context.Context, organization parley.ID, f Fixture) ([]Made, error) {
	if f == "" {
		return nil, nil
	}
	m := &maker{ctx: ctx, directory: g.directory, p: access.System(organization)}
	for _, ch := range fixtureChannels {
		m.channel(ch.name, ch.platform)
	}
	if f == FixtureClinic {
		m.clinic()
	}
	return m.made, m.err
}

// maker makes one thing after the other, until one fails.
type maker struct {
	ctx       context.Context
	directory *directory.Directory
	p         *access.Principal
	made      []Made
	err       error
}

func (m *maker) add(kind, name string, id parley.ID, err error) {
	if m.err = err; err == nil {
		m.made = append(m.made, Made{kind, id, name})
	}
}

func (m *maker) channel(name, platform string) {
	if m.err == nil {
		ch, _, err := m.directory.CreateChannel(m.ctx, m.p, directory.ChannelParams{Name: name, Connector: connector.Sandbox, Platform: platform, Default: true}, nil)
		m.add("channel", name, ch.ID, err)
	}
}

// user finds a user by the e-mail address, or makes one: users stay when the rest is deleted.
func (m *maker) user(name, email string) (parley.ID, error) {
	found, _, err := m.directory.Users(m.ctx, m.p, directory.UserFilter{Email: email}, "", 1)
	if err != nil || len(found) > 0 {
		return firstID(found), err
	}
	u, _, err := m.directory.CreateUser(m.ctx, m.p, directory.UserParams{Name: name, Email: email}, nil)
	return u.ID, err
}

func firstID(users []parley.User) parley.ID {
	if len(users) == 0 {
		return ""
	}
	return users[0].ID
}

func (m *maker) clinic() {
	var users []parley.ID
	for _, u := range fixtureUsers {
		if m.err == nil {
			id, err := m.user(u.name, u.email+"@"+string(m.p.Organization)+".example.org")
			users = append(users, id)
			m.add("user", u.name, id, err)
		}
	}
	if m.err == nil {
		t, _, err := m.directory.CreateTeam(m.ctx, m.p, directory.TeamParams{Name: "Front desk", Members: users}, nil)
		m.add("team", "Front desk", t.ID, err)
	}
	for i, name := range fixturePatients {
		if m.err == nil {
			c, _, err := m.directory.CreateContact(m.ctx, m.p, directory.ContactParams{Name: name, Addresses: []parley.Address{
				{Kind: parley.AddressPhone, Value: fmt.Sprintf("+1555010%04d", 1001+i)}, {Kind: parley.AddressEmail, Value: fmt.Sprintf("patient%d@example.org", i+1)}}}, nil)
			m.add("contact", name, c.ID, err)
		}
	}
}
