package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/bench/load"
)

const (
	probeEvery = 250 * time.Millisecond // a high-priority send
	expandTime = 10 * time.Minute       // that a broadcast may take
)

// broadcast measures how sends are accepted, and how soon urgent ones go out through the same channel, while a
// message to a long list is being expanded.
func (b *bench) broadcast(ctx context.Context) (err error) {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	s, err := b.session(ctx, p.Organizations, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	client, err := s.client(p.Broadcast.Key)
	if err != nil {
		return err
	}
	defer client.Close()
	b.say("accepting while a message to %d recipients expands", p.Sizes.Recipients)
	row := Row{Title: "accept while a broadcast expands"}
	urgent := &probes{client: client, contacts: p.Broadcast.Contacts}
	copies, err := b.expand(ctx, s, urgent, &row)
	if err != nil {
		return err
	}
	if err := urgent.figures(ctx, &row); err != nil {
		return err
	}
	if copies < int64(p.Sizes.Recipients) {
		s.notes(&row)
		b.row(row)
		return fmt.Errorf("%d of %d copies were made in %s", copies, p.Sizes.Recipients, expandTime)
	}
	waiting, took, err := s.drain(ctx)
	if err != nil {
		return err
	}
	row.note("%.0f deliveries were left, and took %.1f s", waiting, took.Seconds())
	s.notes(&row)
	b.row(row)
	return nil
}

// expand sends to the list, and goes on sending to all organizations and urgently until each recipient has its
// copy. It returns how many have.
func (b *bench) expand(ctx context.Context, s *session, urgent *probes, row *Row) (copies int64, err error) {
	recipients := int64(b.main.Sizes.Recipients)
	var seen tally
	list, err := openStreams(ctx, s.nodes.addresses(), []string{b.main.Broadcast.Key}, seen.on)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, list.close()) }()
	began := time.Now()
	_, err = urgent.client.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: b.main.Broadcast.List}, Body: api.Text("To all of you.")})
	if err != nil {
		return 0, err
	}
	expanding, expanded := context.WithCancel(ctx)
	defer expanded()
	var watching sync.WaitGroup
	watching.Go(func() {
		defer expanded()
		await(expanding, func() bool { return seen.copies.Load() >= recipients })
	})
	watching.Go(func() { urgent.send(expanding) })
	taken := span{nodes: s.nodes}
	result, err := load.Run(expanding, load.Plan{Addresses: []string{s.address}, Connections: b.options.Connections,
		Source: newSenders(b.main.Organizations), Duration: expandTime, Begin: taken.begin, End: taken.end})
	took := time.Since(began)
	expanded()
	watching.Wait()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return 0, err
	}
	copies = seen.copies.Load()
	row.load(result)
	row.add(taken.figures(result.Latency.Count())...)
	row.add(Figure{"expanded in", took.Seconds(), "s"}, Figure{"copies", float64(copies) / took.Seconds(), "/s"})
	return copies, nil
}

// await waits until something is so, and says whether it is.
func await(ctx context.Context, so func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

// probes are high-priority sends.
type probes struct {
	client   *api.Client
	contacts []string
	sent     []*api.Message
	accepted load.Histogram
	err      error
}

// send sends one now and then until the context ends.
func (p *probes) send(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		began := time.Now()
		// The send itself goes on when the context ends: what was begun is measured too.
		m, err := p.client.Send(context.WithoutCancel(ctx), api.SendRequest{To: api.Recipient{Contact: p.contacts[len(p.sent)%len(p.contacts)]},
			Priority: api.PriorityHigh, Body: api.Text("At once, number " + strconv.Itoa(len(p.sent)))})
		if err != nil {
			p.err = err
			return
		}
		p.accepted.Add(time.Since(began))
		p.sent = append(p.sent, m)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// handTime is how long the last of the sends may take to reach the connector.
const handTime = time.Minute

// figures adds how long it took from each send's acceptance until its connector was called.
func (p *probes) figures(ctx context.Context, row *Row) error {
	if p.err != nil || len(p.sent) == 0 {
		return fmt.Errorf("%d high-priority sends, and then: %w", len(p.sent), p.err)
	}
	var waits []float64
	for _, m := range p.sent {
		started, err := p.started(ctx, m.ID)
		if err != nil {
			return err
		}
		waits = append(waits, ms(started.Sub(m.CreatedAt.Time)))
	}
	slices.Sort(waits)
	at := func(q float64) float64 { return waits[min(int(q*float64(len(waits))), len(waits)-1)] }
	row.add(Figure{"high priority p50", at(.5), "ms"}, Figure{"high priority p90", at(.9), "ms"}, Figure{"high priority max", at(1), "ms"})
	row.note("%d high-priority sends, accepted with p50 %.1f ms and max %.1f ms", len(waits), ms(p.accepted.Quantile(.5)), ms(p.accepted.Max()))
	return nil
}

// started is when the first attempt of a message began.
func (p *probes) started(ctx context.Context, message string) (time.Time, error) {
	for deadline := time.Now().Add(handTime); ; {
		attempts, err := p.client.ListAttempts(ctx, message, api.Page{Limit: 1})
		if err != nil {
			return time.Time{}, err
		}
		if len(attempts.Data) > 0 {
			return attempts.Data[0].StartedAt.Time, nil
		}
		if time.Now().After(deadline) {
			return time.Time{}, fmt.Errorf("the high-priority message %s was not tried within %s", message, handTime)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
