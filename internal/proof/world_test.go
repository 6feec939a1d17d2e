package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// world is what the organizations of a proof have, as they know it.
type world struct {
	organizations []*organization
}

// organization is a tenant with its people and channels.
type organization struct {
	id        string
	secret    string      // of an organization key that sees everything
	admin     *api.Client // with that key
	users     []*member
	team      string
	broadcast string
	reached   int // how many members of the broadcast list get a copy of what the admin sends
	contacts  []string
	channels  []*channel
}

// member is a user with a personal key.
type member struct {
	id     string
	client *api.Client
}

// channel is a sandbox channel.
type channel struct {
	id, name string
	endpoint bool // it is handed to the fake provider
	repeats  string
	unknown  string
}

// resends reports whether the channel may hand a reference out again after a call was lost.
func (c *channel) resends(urgent bool) bool {
	return c.repeats == "deduplicated" || c.repeats == "neither" && (c.unknown == "resend" || c.unknown == "auto" && urgent)
}

// channels are those of each organization. The endpoint of the last does not exist: it simulates alone.
var channels = []channel{
	{name: "deduplicating", endpoint: true, repeats: "deduplicated"},
	{name: "asked", endpoint: true, repeats: "ask"},
	{name: "held", endpoint: true, repeats: "neither", unknown: "hold"},
	{name: "resending", endpoint: true, repeats: "neither", unknown: "resend"},
	{name: "by priority", endpoint: true, repeats: "neither", unknown: "auto"},
	{name: "simulated"},
}

// reach makes a client with a key, which may be changed by options.
type reach func(t *testing.T, key string, options ...api.Option) *api.Client

// client returns a client that makes each call once, unless an option says otherwise.
func client(t *testing.T, url, key string, options ...api.Option) *api.Client {
	t.Helper()
	c, err := api.New(url, key, append([]api.Option{api.WithRetry(api.Retry{})}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// furnish makes organizations on a running server.
func furnish(t *testing.T, reach reach, operator, endpoint string, organizations int) *world {
	t.Helper()
	w := &world{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first := reach(t, operator)
	for n := range organizations {
		made, err := first.CreateOrganization(ctx, api.OrganizationRequest{Name: fmt.Sprintf("Practice %d", n+1)})
		if err != nil {
			t.Fatal(err)
		}
		o := &organization{id: made.Organization.ID, secret: made.Key.Secret, admin: reach(t, made.Key.Secret)}
		if err := o.furnish(ctx, t, reach, endpoint, made.Key.Scopes); err != nil {
			t.Fatal(err)
		}
		w.organizations = append(w.organizations, o)
	}
	return w
}

const (
	usersEach    = 4
	contactsEach = 24
)

func (o *organization) furnish(ctx context.Context, t *testing.T, reach reach, endpoint string, scopes []string) error {
	for n := range usersEach {
		u, err := o.admin.CreateUser(ctx, api.UserRequest{Name: fmt.Sprintf("User %d", n+1), Email: fmt.Sprintf("user%d@%s.example.org", n+1, o.id)})
		if err != nil {
			return err
		}
		key, err := o.admin.CreateKey(ctx, api.KeyRequest{Name: "proof", User: u.ID,
			Scopes: slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "conversations:read.private" })})
		if err != nil {
			return err
		}
		o.users = append(o.users, &member{id: u.ID, client: reach(t, key.Secret)})
	}
	team, err := o.admin.CreateTeam(ctx, api.TeamRequest{Name: "Team", Members: []string{o.users[0].id, o.users[1].id, o.users[2].id}})
	if err != nil {
		return err
	}
	o.team = team.ID
	for n := range contactsEach {
		c, err := o.admin.CreateContact(ctx, api.ContactRequest{Name: fmt.Sprintf("Contact %d", n+1), Addresses: []api.Address{
			{Kind: "phone", Value: fmt.Sprintf("+1555%03d0000", n+1)}, {Kind: "email", Value: fmt.Sprintf("contact%d@example.org", n+1)}}})
		if err != nil {
			return err
		}
		o.contacts = append(o.contacts, c.ID)
	}
	if err := o.connect(ctx, endpoint); err != nil {
		return err
	}
	return o.gather(ctx)
}

// connect makes the channels.
func (o *organization) connect(ctx context.Context, endpoint string) error {
	for _, kind := range channels {
		request := api.ChannelRequest{Name: kind.name, Connector: "sandbox", Platform: "sms", OnUnknown: kind.unknown}
		if kind.endpoint {
			settings, err := json.Marshal(map[string]string{"endpoint": endpoint, "repeats": kind.repeats})
			if err != nil {
				return err
			}
			request.Settings = settings
		} else {
			request.Platform, request.Default = "email", true
		}
		made, err := o.admin.CreateChannel(ctx, request)
		if err != nil {
			return err
		}
		kind.id = made.ID
		o.channels = append(o.channels, &kind)
	}
	return nil
}

// gather makes the broadcast list: some contacts, by e-mail, and some users.
func (o *organization) gather(ctx context.Context) error {
	list, err := o.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "News"})
	if err != nil {
		return err
	}
	o.broadcast = list.ID
	members := api.BroadcastMembers{Contacts: o.contacts[:8], Users: []string{o.users[2].id, o.users[3].id}}
	o.reached = len(members.Contacts) + len(members.Users)
	_, err = o.admin.AddBroadcastMembers(ctx, list.ID, members)
	return err
}

// channel finds a channel by its id; nil: there is none.
func (o *organization) channel(id string) *channel {
	for _, c := range o.channels {
		if c.id == id {
			return c
		}
	}
	return nil
}
