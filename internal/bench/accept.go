package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

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
