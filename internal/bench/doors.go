package bench

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
	"github.com/parley-server/parley/internal/parley"
)

const (
	// doorShare is what the call of each door has at least of the rate of the native send.
	doorShare = 0.75
	// doorRounds are the rounds in which all calls are measured, one after another.
	doorRounds = 5
	// doorThreads is how many conversations of an organization are written to.
	doorThreads = 200
	// doorUsers is how many users write to each other.
	doorUsers = 20
)

// doorArgs take away the limits of the doors, which are those of their vendors.
var doorArgs = []string{"--kustomer-rate-limit", "0", "--kustomer-message-limit", "0", "--bird-reads", "0", "--bird-writes", "0"}

// doorThread is a conversation with a contact.
type doorThread struct{ conversation, contact, phone string }

// doorPlace is where a key writes to: conversations with contacts, or users.
type doorPlace struct {
	organization, key, channel string
	threads                    []doorThread
	users                      []string
}

// targets are the same thing of each conversation.
func (p *doorPlace) targets(of func(doorThread) string) []string {
	list := make([]string, len(p.threads))
	for i, t := range p.threads {
		list[i] = of(t)
	}
	return list
}

// doorCall is the documented call of a door, or the native send that it is compared with.
type doorCall struct {
	name, against string
	users         bool // it is written to users
	template      func(p *doorPlace) template
}

const (
	nativeToContacts = "native, to contacts"
	nativeToUsers    = "native, to users"
)

// doorCalls are the calls, each after that which it is compared with. All have a text of 200 bytes and a key that makes a repeat harmless.
var doorCalls = []doorCall{
	{name: nativeToContacts, template: func(p *doorPlace) template {
		return newTemplate(&fill.Organization{Key: p.key, Contacts: p.targets(func(t doorThread) string { return t.contact })})
	}},
	{name: "kustomer", against: nativeToContacts, template: func(p *doorPlace) template {
		mark := strings.Repeat("c", 24)
		return templateOf("/kustomer/v1/conversations/"+mark+"/messages", authorization(p.key),
			fmt.Sprintf(`{"channel":"sms","app":"bench","direction":"out","externalId":"%s","preview":"%s"}`, markKey, markText),
			mark, p.targets(func(t doorThread) string { return parley.ID(t.conversation).Hex() }))
	}},
	{name: "spruce", against: nativeToContacts, template: func(p *doorPlace) template {
		return templateOf("/spruce/v1/conversations/t_"+markContact+"/messages", authorization(p.key)+"s-idempotency-key: "+markKey+"\r\n",
			fmt.Sprintf(`{"body":[{"type":"text","value":"%s"}]}`, markText), markContact, p.targets(func(t doorThread) string { return t.conversation }))
	}},
	{name: "bird", against: nativeToContacts, template: func(p *doorPlace) template {
		mark := strings.Repeat("C", len(p.threads[0].phone))
		return templateOf(fmt.Sprintf("/bird/workspaces/%s/channels/%s/messages", parley.ID(p.organization).UUID(), parley.ID(p.channel).UUID()),
			"Authorization: AccessKey "+p.key+"\r\n"+idempotencyKey,
			fmt.Sprintf(`{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"%s"}]},"body":{"type":"text","text":{"text":"%s"}}}`, mark, markText),
			mark, p.targets(func(t doorThread) string { return t.phone }))
	}},
	{name: nativeToUsers, users: true, template: func(p *doorPlace) template {
		return templateOf("/v1/messages", authorization(p.key)+idempotencyKey, fmt.Sprintf(`{"to":{"user":"%s"},"body":"%s"}`, markContact, markText), markContact, p.users)
	}},
	{name: "tigerconnect", against: nativeToUsers, users: true, template: func(p *doorPlace) template {
		return templateOf("/tigerconnect/v2/message?response_format=message",
			"Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(p.key+":"))+"\r\n",
			fmt.Sprintf(`{"recipient":"%s","body":"%s","client_id":"%s"}`, markContact, markText, markKey), markContact, p.users)
	}},
}

// doors measures how many of each door's documented call are accepted, as a share of the native sends in the same round.
func (b *bench) doors(ctx context.Context) (err error) {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	given := b.options.ServeArgs
	b.options.ServeArgs = slices.Concat(doorArgs, given)
	s, err := b.session(ctx, p.Organizations, 1)
	b.options.ServeArgs = given
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	places, err := doorPlaces(ctx, s.server, p.Organizations)
	if err != nil {
		return err
	}
	rounds := &doorRun{bench: b, session: s, outside: places, inside: doorMembers(p.Live.Users), rates: map[string][]float64{}}
	for round := range doorRounds {
		b.say("round %d of %d", round+1, doorRounds)
		for i := range doorCalls {
			if err := rounds.measure(ctx, &doorCalls[i]); err != nil {
				return fmt.Errorf("%s: %w", doorCalls[i].name, err)
			}
		}
	}
	b.row(rounds.row())
	return nil
}

// doorRun is all rounds.
type doorRun struct {
	*bench
	*session
	outside, inside []doorPlace
	rates           map[string][]float64 // by the name of the call, a round each
	refused         int64
	answers         []string // those that were
}

// measure makes a call for a while, and waits until what it left is delivered.
func (r *doorRun) measure(ctx context.Context, call *doorCall) error {
	places := r.outside
	if call.users {
		places = r.inside
	}
	run := uint32(time.Now().UnixMilli())
	taken := span{nodes: r.nodes}
	result, err := load.Run(ctx, load.Plan{Addresses: r.nodes.addresses(), Connections: r.options.Connections, Warmup: r.options.Warmup / doorRounds,
		Duration: max(r.options.Duration/doorRounds, time.Second), Begin: taken.begin, End: taken.end, Source: func(connection int) load.Source {
			templates := make([]template, len(places))
			for i := range places {
				templates[i] = call.template(&places[i])
			}
			return newSenderOf(templates, run, connection).next
		}})
	if err != nil {
		return err
	}
	r.rates[call.name] = append(r.rates[call.name], result.Rate())
	if n := result.Refused() + result.Failed; n > 0 {
		r.refused += n
		r.answers = append(r.answers, fmt.Sprintf("%s: %v, %d without an answer", call.name, result.Statuses, result.Failed))
	}
	_, _, err = r.drain(ctx)
	return err
}

// row is the middle one of each call's shares in the rounds.
func (r *doorRun) row() Row {
	row := Row{Title: "doors, against the native send"}
	least := Figure{Name: "least", Unit: "×"}
	for _, call := range doorCalls {
		if call.against == "" {
			row.note("%s: %.0f/s", call.name, middle(r.rates[call.name]))
			continue
		}
		shares := make([]float64, len(r.rates[call.name]))
		for i, rate := range r.rates[call.name] {
			shares[i] = rate / r.rates[call.against][i]
		}
		share := middle(shares)
		row.add(Figure{call.name, share, "×"})
		row.note("%s: %.0f/s, %.2f of %s", call.name, middle(r.rates[call.name]), shares, call.against)
		least.Value = cmp.Or(min(least.Value, share), share)
	}
	row.add(least, Figure{"refused", float64(r.refused), ""})
	for _, text := range r.answers {
		row.note("answers of %s", text)
	}
	return row
}

// middle is the middle one of an odd number.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// doorPlaces are conversations of each organization.
func doorPlaces(ctx context.Context, s *server, organizations []fill.Organization) ([]doorPlace, error) {
	places := make([]doorPlace, len(organizations))
	for i, o := range organizations {
		client, err := s.client(o.Key)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		filter := api.ConversationFilter{Kind: "external", Page: api.Page{Limit: doorThreads}}
		list, err := client.ListConversations(ctx, filter)
		if err != nil {
			return nil, err
		}
		p := doorPlace{organization: o.ID, key: o.Key}
		for _, c := range list.Data {
			if len(c.Participants) == 1 && c.Status == "open" {
				who := c.Participants[0]
				_, phone, _ := strings.Cut(who.Address, ":")
				p.channel, p.threads = c.Channel, append(p.threads, doorThread{c.ID, who.ID, phone})
			}
		}
		if len(p.threads) == 0 {
			return nil, fmt.Errorf("the organization %s has no conversations with contacts", o.ID)
		}
		places[i] = p
	}
	return places, nil
}

// doorMembers are users who write to each other.
func doorMembers(users []fill.User) []doorPlace {
	users = users[:min(len(users), doorUsers)]
	places := make([]doorPlace, len(users))
	for i, u := range users {
		places[i].key = u.Key
		for _, other := range users {
			if other.ID != u.ID {
				places[i].users = append(places[i].users, other.ID)
			}
		}
	}
	return places
}
