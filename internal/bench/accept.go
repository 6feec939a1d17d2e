package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

// session is servers with a live stream for each organization, ready to be sent to.
type session struct {
	*server // the first, which is asked for what is of all
	nodes   nodes
	streams *streams
	tally   tally
}

// session starts servers on the prepared data and sends once to each contact of the organizations.
func (b *bench) session(ctx context.Context, organizations []fill.Organization, servers int) (_ *session, err error) {
	s := &session{}
	if s.nodes, err = b.serveNodes(ctx, b.place(mainFolder), servers); err != nil {
		return nil, err
	}
	s.server = s.nodes[0]
	keys := make([]string, len(b.main.Organizations))
	for i, o := range b.main.Organizations {
		keys[i] = o.Key
	}
	if s.streams, err = openStreams(ctx, s.nodes.addresses(), keys, s.tally.on); err != nil {
		return nil, errors.Join(err, s.nodes.stop())
	}
	if err := b.warm(ctx, s, organizations); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// warm sends to each contact once by each server, and waits until all is delivered.
func (b *bench) warm(ctx context.Context, s *session, organizations []fill.Organization) error {
	contacts := int64(0)
	for _, o := range organizations {
		contacts += int64(len(o.Contacts))
	}
	for _, address := range s.nodes.addresses() {
		result, err := load.Run(ctx, load.Plan{Addresses: []string{address}, Connections: b.options.Connections, Source: newRounds(organizations),
			Duration: 5 * time.Minute, Requests: contacts})
		if err != nil {
			return err
		}
		if result.Refused() > 0 || result.Failed > 0 {
			return fmt.Errorf("sending once to each contact: answers %v, %d without one: %w", result.Statuses, result.Failed, result.Failure)
		}
	}
	_, _, err := s.drain(ctx)
	return err
}

func (s *session) close() error { return errors.Join(s.streams.close(), s.nodes.stop()) }

// notes adds what happened to the streams.
func (s *session) notes(row *Row) {
	if n := s.streams.reopened.Load(); n > 0 {
		row.note("%d times the server ended a stream, which was opened again", n)
	}
	if n := s.tally.failed.Load(); n > 0 {
		row.note("%d deliveries failed", n)
	}
}

// accept measures how many sends a second are accepted: in all organizations, by one server and then by as many as are
// asked for, and in the first alone.
func (b *bench) accept(ctx context.Context) error {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	all := Row{Title: fmt.Sprintf("accept, %d organizations", len(p.Organizations))}
	median, err := b.acceptIn(ctx, &all, p.Organizations, 1)
	if err != nil {
		return err
	}
	b.row(all)
	if n := b.options.Nodes; n > 1 {
		if err := b.acceptOn(ctx, p.Organizations, n, median); err != nil {
			return err
		}
	}
	one := Row{Title: "accept, " + partOrganization, Part: partOrganization}
	if _, err := b.acceptIn(ctx, &one, p.Organizations[:1], 1); err != nil {
		return err
	}
	b.row(one)
	return nil
}

// acceptOn is accept by several servers, which one server's median is compared with.
func (b *bench) acceptOn(ctx context.Context, organizations []fill.Organization, servers int, one float64) error {
	row := Row{Part: fmt.Sprintf(partNodes, servers)}
	row.Title = "accept, " + row.Part
	median, err := b.acceptIn(ctx, &row, organizations, servers)
	if err != nil {
		return err
	}
	if one > 0 {
		row.add(Figure{"against one node", median / one, "×"})
	}
	row.note("the middle second has %.0f, that of one node %.0f; CPU and memory are of all nodes", median, one)
	b.row(row)
	return nil
}

// acceptIn measures one row, and returns how many were accepted in the middle one of all seconds.
func (b *bench) acceptIn(ctx context.Context, row *Row, organizations []fill.Organization, servers int) (median float64, err error) {
	b.say("accepting in %d organizations on %d nodes", len(organizations), servers)
	s, err := b.session(ctx, organizations, servers)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	o, taken, before := b.options, span{nodes: s.nodes}, int64(0)
	result, err := load.Run(ctx, load.Plan{Addresses: s.nodes.addresses(), Connections: o.Connections, Source: newSenders(organizations),
		Warmup: o.Warmup, Duration: o.Duration, End: taken.end, Begin: func() {
			taken.begin()
			before = s.tally.read.Load()
		}})
	if err != nil {
		return 0, err
	}
	row.load(result)
	row.add(taken.figures(result.Latency.Count())...)
	row.add(Figure{"delivered meanwhile", float64(s.tally.read.Load()-before) / o.Duration.Seconds(), "/s"})
	waiting, took, err := s.drain(ctx)
	if err != nil {
		return 0, err
	}
	if took > time.Second {
		row.note("%.0f deliveries were left, and took %.1f s: %.0f/s", waiting, took.Seconds(), waiting/took.Seconds())
	}
	s.notes(row)
	return result.Median(), nil
}

// oneConnection measures how long one send after another takes, against the disk alone.
func (b *bench) oneConnection(ctx context.Context) error {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	b.say("accepting on one connection")
	s, err := b.session(ctx, p.Organizations, 1)
	if err != nil {
		return err
	}
	taken := span{nodes: s.nodes}
	result, err := load.Run(ctx, load.Plan{Addresses: []string{s.address}, Connections: 1, Source: newSenders(p.Organizations),
		Warmup: b.options.Warmup / 2, Duration: b.options.Duration / 2, Begin: taken.begin, End: taken.end})
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	row := Row{Title: "accept, one connection"}
	row.load(result)
	row.add(taken.figures(result.Latency.Count())...)
	row.add(Figure{"p50 without fsync", ms(result.Latency.Quantile(.5)) - b.report.Machine.FsyncBase, "ms"})
	s.notes(&row)
	b.row(row)
	return nil
}

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
	rounds := &doorRun{bench: b, session: s, outside: places, inside: doorMembers(p.Live.Users), rates: map[string][]float64{}, costs: map[string][]float64{}}
	for round := range doorRounds {
		b.say("round %d of %d", round+1, doorRounds)
		for i := range doorCalls {
			if round%2 == 1 { // each call has been before and after each other one
				i = len(doorCalls) - 1 - i
			}
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
	costs           map[string][]float64 // of CPU of the server, in µs a message
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
	r.costs[call.name] = append(r.costs[call.name], taken.figures(result.Latency.Count())[0].Value)
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
			row.note("%s: %.0f/s, %.0f µs of CPU", call.name, middle(r.rates[call.name]), middle(r.costs[call.name]))
			continue
		}
		shares := make([]float64, len(r.rates[call.name]))
		for i, rate := range r.rates[call.name] {
			shares[i] = rate / r.rates[call.against][i]
		}
		share := middle(shares)
		row.add(Figure{call.name, share, "×"})
		row.note("%s: %.0f/s, %.2f of %s; %.0f µs of CPU", call.name, middle(r.rates[call.name]), shares, call.against, middle(r.costs[call.name]))
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
