// Package load makes load over HTTP at little cost of its own: keep-alive connections that write requests
// made beforehand and read no more of an answer than they must, streams of server-sent events, and
// histograms of how long it took. Whoever measures a server on the same machine takes little from it.
package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Source makes one connection's requests, one after another: whole ones, head and body. A request may be
// overwritten when the next is asked for.
type Source func() []byte

// Plan is load to make.
type Plan struct {
	Addresses   []string // that the connections are spread over
	Connections int
	Source      func(connection int) Source
	// Warmup is how long requests are made before any is counted.
	Warmup   time.Duration
	Duration time.Duration // during which requests are counted
	// Rate is how many requests a second begin, whether or not earlier ones are answered; times are then
	// taken from when a request was due. 0: each connection makes the next when it has its answer.
	Rate float64
	// Requests is how many are made at most, 0: no limit but the time.
	Requests int64
	// Begin and End are called when counting begins and ends. They must be quick.
	Begin, End func()
	// Answered is told of each answer, those before the counting too. It must be safe for concurrent use.
	Answered func(answer Answer, began time.Time, took time.Duration)
}

// Result is what came of the load while it was counted.
type Result struct {
	Latency   Histogram // of accepted requests
	Elapsed   time.Duration
	Statuses  map[int]int64 // of all answers
	Failed    int64         // requests without an answer
	Failure   error         // the first of them
	Discarded int64         // requests before or after the counting
	PerSecond []int64       // accepted in each whole second
}

// Rate is how many requests a second were accepted.
func (r *Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Latency.Count()) / r.Elapsed.Seconds()
}

// Median is how many requests were accepted in the middle one of the whole seconds, by their number: what a few slow
// seconds do not change.
func (r *Result) Median() float64 {
	n := len(r.PerSecond)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.PerSecond))
	return float64(sorted[(n-1)/2]+sorted[n/2]) / 2
}

// Refused is how many answers were not 2xx.
func (r *Result) Refused() int64 {
	n := int64(0)
	for status, count := range r.Statuses {
		if status/100 != 2 {
			n += count
		}
	}
	return n
}

// maxFailures is after how many failures in a row a connection gives up.
const maxFailures = 20

// Run makes the load, and ends after its time, its requests or with ctx.
func Run(ctx context.Context, p Plan) (*Result, error) {
	begin := time.Now().Add(p.Warmup)
	end := begin.Add(p.Duration)
	r := &runner{Plan: p, start: time.Now(), begin: begin, end: end}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	workers := make([]worker, p.Connections)
	var all, marks sync.WaitGroup
	marks.Go(func() { r.mark(ctx) })
	for i := range workers {
		workers[i] = worker{runner: r, address: p.Addresses[i%len(p.Addresses)], source: p.Source(i), result: Result{Statuses: map[int]int64{}}}
		workers[i].result.PerSecond = make([]int64, int(p.Duration/time.Second)+1)
		all.Go(func() { workers[i].run(ctx) })
	}
	all.Wait()
	finished := time.Now()
	cancel()
	marks.Wait()
	result := r.sum(workers, finished)
	if result.Failure != nil && result.Latency.Count() == 0 {
		return result, fmt.Errorf("no request was answered: %w", result.Failure)
	}
	return result, nil
}

// runner is what the connections of a run share.
type runner struct {
	Plan
	start, begin, end time.Time
	next              atomic.Int64 // number of the next request
}

// mark calls Begin and End at their times.
func (r *runner) mark(ctx context.Context) {
	wait(ctx, r.begin)
	if r.Begin != nil {
		r.Begin()
	}
	<-ctx.Done()
	if r.End != nil {
		r.End()
	}
}

func wait(ctx context.Context, until time.Time) {
	left := time.Until(until)
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (r *runner) sum(workers []worker, finished time.Time) *Result {
	total := &Result{Statuses: map[int]int64{}, Elapsed: min(finished.Sub(r.begin), r.Duration),
		PerSecond: make([]int64, int(r.Duration/time.Second)+1)}
	for i := range workers {
		w := &workers[i].result
		total.Latency.Merge(&w.Latency)
		total.Failed += w.Failed
		total.Discarded += w.Discarded
		if total.Failure == nil {
			total.Failure = w.Failure
		}
		for status, n := range w.Statuses {
			total.Statuses[status] += n
		}
		for second, n := range w.PerSecond {
			total.PerSecond[second] += n
		}
	}
	total.PerSecond = total.PerSecond[:max(int(total.Elapsed/time.Second), 0)]
	return total
}

// worker is one connection of a run.
type worker struct {
	*runner
	address string
	source  Source
	conn    *Conn
	result  Result
}

// overtime is how long the last answers may take after a run's end.
const overtime = 30 * time.Second

func (w *worker) run(ctx context.Context) {
	defer w.disconnect()
	failures := 0
	for ctx.Err() == nil && failures < maxFailures {
		began, more := w.turn(ctx)
		if !more {
			return
		}
		answer, err := w.do()
		finished := time.Now()
		if err != nil {
			failures++
			w.fail(err)
			wait(ctx, finished.Add(10*time.Millisecond))
			continue
		}
		failures = 0
		w.count(answer, began, finished)
	}
}

// turn waits for the time of the next request and returns when it was due.
func (w *worker) turn(ctx context.Context) (began time.Time, more bool) {
	if w.Rate <= 0 && w.Requests <= 0 {
		return time.Now(), true
	}
	n := w.next.Add(1) - 1
	if w.Requests > 0 && n >= w.Requests {
		return time.Time{}, false
	}
	if w.Rate <= 0 {
		return time.Now(), true
	}
	due := w.start.Add(time.Duration(float64(n) / w.Rate * float64(time.Second)))
	wait(ctx, due)
	return due, ctx.Err() == nil
}

func (w *worker) do() (Answer, error) {
	if w.conn == nil {
		conn, err := Dial(w.address, w.end.Add(overtime))
		if err != nil {
			return Answer{}, err
		}
		w.conn = conn
	}
	answer, err := w.conn.Do(w.source())
	if err != nil {
		w.disconnect()
	}
	return answer, err
}

func (w *worker) disconnect() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *worker) fail(err error) {
	w.result.Failed++
	if w.result.Failure == nil {
		w.result.Failure = err
	}
}

func (w *worker) count(answer Answer, began, finished time.Time) {
	if w.Answered != nil {
		w.Answered(answer, began, finished.Sub(began))
	}
	if answer.Last {
		w.disconnect()
	}
	if finished.Before(w.begin) || finished.After(w.end) {
		w.result.Discarded++
		return
	}
	w.result.Statuses[answer.Status]++
	if !answer.OK() {
		return
	}
	w.result.Latency.Add(finished.Sub(began))
	w.result.PerSecond[finished.Sub(w.begin)/time.Second]++
}
