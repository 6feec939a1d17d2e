package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

// session is a server with a live stream for each organization, ready to be sent to.
type session struct {
	*server
	streams *streams
	tally   tally
}

// session starts a server on the prepared data and sends once to each contact of the organizations.
func (b *bench) session(ctx context.Context, organizations []fill.Organization) (_ *session, err error) {
	s := &session{}
	if s.server, err = b.serve(ctx, b.place(mainFolder)); err != nil {
		return nil, err
	}
	keys := make([]string, len(b.main.Organizations))
	for i, o := range b.main.Organizations {
		keys[i] = o.Key
	}
	if s.streams, err = openStreams(ctx, s.address, keys, s.tally.on); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	if err := b.warm(ctx, s.server, organizations); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// warm sends to each contact once, and waits until all is delivered.
func (b *bench) warm(ctx context.Context, s *server, organizations []fill.Organization) error {
	contacts := int64(0)
	for _, o := range organizations {
		contacts += int64(len(o.Contacts))
	}
	result, err := load.Run(ctx, load.Plan{Addresses: []string{s.address}, Connections: b.options.Connections, Source: newRounds(organizations),
		Duration: 5 * time.Minute, Requests: contacts})
	if err != nil {
		return err
	}
	if result.Refused() > 0 || result.Failed > 0 {
		return fmt.Errorf("sending once to each contact: answers %v, %d without one: %w", result.Statuses, result.Failed, result.Failure)
	}
	_, _, err = s.drain(ctx)
	return err
}

func (s *session) close() error { return errors.Join(s.streams.close(), s.stop()) }

// notes adds what happened to the streams.
func (s *session) notes(row *Row) {
	if n := s.streams.reopened.Load(); n > 0 {
		row.note("%d times the server ended a stream, which was opened again", n)
	}
	if n := s.tally.failed.Load(); n > 0 {
		row.note("%d deliveries failed", n)
	}
}

// accept measures how many sends a second are accepted: in all organizations, and in the first alone.
func (b *bench) accept(ctx context.Context) error {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	for _, n := range []int{len(p.Organizations), 1} {
		b.say("accepting in %d organizations", n)
		if err := b.acceptIn(ctx, p.Organizations[:n]); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) acceptIn(ctx context.Context, organizations []fill.Organization) (err error) {
	s, err := b.session(ctx, organizations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	o, taken, before := b.options, span{server: s.server}, int64(0)
	result, err := load.Run(ctx, load.Plan{Addresses: []string{s.address}, Connections: o.Connections, Source: newSenders(organizations),
		Warmup: o.Warmup, Duration: o.Duration, End: taken.end, Begin: func() {
			taken.begin()
			before = s.tally.read.Load()
		}})
	if err != nil {
		return err
	}
	row := Row{Title: fmt.Sprintf("accept, %d organizations", len(organizations))}
	if len(organizations) == 1 {
		row.Part, row.Title = partOrganization, "accept, one organization"
	}
	row.load(result)
	row.add(taken.figures(result.Latency.Count())...)
	row.add(Figure{"delivered meanwhile", float64(s.tally.read.Load()-before) / o.Duration.Seconds(), "/s"})
	waiting, took, err := s.drain(ctx)
	if err != nil {
		return err
	}
	if took > time.Second {
		row.note("%.0f deliveries were left, and took %.1f s: %.0f/s", waiting, took.Seconds(), waiting/took.Seconds())
	}
	s.notes(&row)
	b.row(row)
	return nil
}

// oneConnection measures how long one send after another takes, against the disk alone.
func (b *bench) oneConnection(ctx context.Context) error {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	b.say("accepting on one connection")
	s, err := b.session(ctx, p.Organizations)
	if err != nil {
		return err
	}
	taken := span{server: s.server}
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
