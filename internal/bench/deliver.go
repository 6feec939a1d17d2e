package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/bench/load"
)

// The search for the highest sustained rate: it begins low, goes up by a quarter until a short trial is not
// sustained, halves the gap twice, and then holds what is left for the whole time, a little less if need be.
const (
	firstRate   = 1500
	shortTrial  = 3 * time.Second
	rateStep    = 1.25
	halvings    = 2
	holdStep    = 0.95
	maxHolds    = 5
	sampleEvery = 250 * time.Millisecond
)

// deliver measures the highest rate at which sends are accepted and delivered, with receipts, without that the
// queue grows.
func (b *bench) deliver(ctx context.Context) (err error) {
	p, err := b.mainData(ctx)
	if err != nil {
		return err
	}
	s, err := b.session(ctx, p.Organizations, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	row := Row{Title: "accept and deliver with receipts"}
	rate := b.options.Rate
	if rate == 0 {
		if rate, err = b.findRate(ctx, s, &row); err != nil {
			return err
		}
	}
	for hold := 1; ; hold++ {
		b.say("holding %.0f sends a second for %s", rate, 2*b.options.Duration)
		h, err := b.hold(ctx, s, rate, 2*b.options.Duration)
		if err != nil {
			return err
		}
		if h.sustained || hold == maxHolds || b.options.Rate > 0 {
			h.describe(&row)
			s.notes(&row)
			b.row(row)
			return nil
		}
		row.note("%.0f/s was not sustained for %s: %s", rate, 2*b.options.Duration, h.why)
		rate *= holdStep
	}
}

// findRate looks for the highest rate that a short trial sustains.
func (b *bench) findRate(ctx context.Context, s *session, row *Row) (float64, error) {
	trial := max(b.options.Duration/4, shortTrial)
	good, bad := 0.0, 0.0
	for try, left := float64(firstRate), halvings; left > 0; {
		b.say("trying %.0f sends a second for %s", try, trial)
		h, err := b.hold(ctx, s, try, trial)
		if err != nil {
			return 0, err
		}
		if h.sustained {
			good = try
		} else {
			bad = try
			row.note("%.0f/s was not sustained for %s: %s", try, trial, h.why)
		}
		switch {
		case bad == 0:
			try *= rateStep
		case good == 0:
			try /= 2
		default:
			try = (good + bad) / 2
			left--
		}
		if try < 1 {
			return 0, errors.New("nothing is delivered")
		}
	}
	return good, nil
}

// held is what came of a rate.
type held struct {
	rate      float64
	result    *load.Result
	taken     span
	sustained bool
	why       string // it was not
	backlog   []int64
	drained   time.Duration // how long the last deliveries took after the last send
	delivered int64         // in all, while it was counted
}

// hold sends at a rate, watches how many accepted messages are not yet read, and waits for them at the end.
func (b *bench) hold(ctx context.Context, s *session, rate float64, duration time.Duration) (*held, error) {
	h := &held{rate: rate, taken: span{nodes: s.nodes}}
	var accepted atomic.Int64
	readBefore, countedFrom := s.tally.read.Load(), int64(0)
	undelivered := func() int64 { return accepted.Load() - (s.tally.read.Load() - readBefore) }
	watch, done := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { h.backlog = sample(watch, undelivered) })
	warmup := min(b.options.Warmup, duration/4)
	result, err := load.Run(ctx, load.Plan{Addresses: []string{s.address}, Connections: b.options.Connections, Source: newSenders(b.main.Organizations),
		Warmup: warmup, Duration: duration, Rate: rate,
		Begin: func() {
			h.taken.begin()
			countedFrom = s.tally.read.Load()
		},
		End: func() {
			h.taken.end()
			h.delivered = s.tally.read.Load() - countedFrom
		},
		Answered: func(a load.Answer, _ time.Time, _ time.Duration) {
			if a.OK() {
				accepted.Add(1)
			}
		}})
	done()
	watching.Wait()
	if err != nil {
		return nil, err
	}
	h.result = result
	h.judge(duration)
	began := time.Now()
	for undelivered() > 0 && time.Since(began) < drainTime && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if left := undelivered(); left > 0 && ctx.Err() == nil {
		waiting, err := s.metric(metricWaiting)
		return nil, errors.Join(fmt.Errorf("the streams did not tell of %d accepted messages within %s that they were read; %.0f deliveries are left, %d have failed",
			left, drainTime, waiting, s.tally.failed.Load()), err)
	}
	h.drained = time.Since(began)
	return h, ctx.Err()
}

func sample(ctx context.Context, value func() int64) []int64 {
	var values []int64
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return values
		case <-ticker.C:
			values = append(values, value())
		}
	}
}

// judge decides whether the rate was sustained: it was kept, and the queue neither grew, but for a tenth of a
// second's worth, nor reached two seconds' worth.
func (h *held) judge(duration time.Duration) {
	n := len(h.backlog)
	early, late := mean(h.backlog[n/4:n/2]), mean(h.backlog[n*3/4:])
	switch {
	case h.result.Rate() < 0.99*h.rate:
		h.why = fmt.Sprintf("%.0f/s were accepted", h.result.Rate())
	case late-early > 0.1*h.rate:
		h.why = fmt.Sprintf("the queue grew by %.0f/s", (late-early)/(duration.Seconds()/2))
	case late > 2*h.rate:
		h.why = fmt.Sprintf("%.0f were not delivered", late)
	}
	h.sustained = h.why == ""
}

func mean(values []int64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := int64(0)
	for _, v := range values {
		sum += v
	}
	return float64(sum) / float64(len(values))
}

func (h *held) describe(row *Row) {
	most := int64(0)
	for _, v := range h.backlog {
		most = max(most, v)
	}
	rate := h.result.Rate()
	row.load(h.result)
	row.add(h.taken.figures(h.result.Latency.Count())...)
	row.add(Figure{"read", float64(h.delivered) / h.result.Elapsed.Seconds(), "/s"}, Figure{"most undelivered", float64(most), ""},
		Figure{"undelivered at the end", mean(h.backlog[max(len(h.backlog)-2, 0):]), ""}, Figure{"last delivered after", h.drained.Seconds(), "s"})
	if !h.sustained {
		row.note("NOT SUSTAINED at %.0f/s: %s", h.rate, h.why)
		for i := range row.Figures {
			if row.Figures[i].Name == "rate" {
				row.Figures[i].Value = 0 // no rate was
			}
		}
	} else {
		row.note("%.0f/s sustained for %.0f s", rate, h.result.Elapsed.Seconds())
	}
}
