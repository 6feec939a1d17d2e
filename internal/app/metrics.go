package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/store"
)

// metrics are the figures of the server for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	commits  prometheus.Histogram
	units    prometheus.Counter
	events   prometheus.Counter
	posts    *prometheus.CounterVec
	store    *store.Store
	waiting  *prometheus.Desc
	oldest   *prometheus.Desc
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "parley_commit_seconds",
			Help: "How long shared transactions take until they are durable.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		units:  prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_units_total", Help: "Units of work that were committed."}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_events_total", Help: "Events added to the logs of organizations."}),
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_webhook_posts_total", Help: "Attempts to post events to webhook endpoints, by outcome: delivered or failed."},
			[]string{"outcome"}),
		waiting: prometheus.NewDesc("parley_queue_deliveries", "Deliveries that wait or are under way.", nil, nil),
		oldest:  prometheus.NewDesc("parley_queue_oldest_seconds", "Age of the oldest delivery in the queue.", nil, nil),
	}
	for _, outcome := range []string{"delivered", "failed"} { // shown also before there are any
		m.posts.WithLabelValues(outcome)
	}
	m.registry.MustRegister(m.commits, m.units, m.events, m.posts, m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// linked adds whether other nodes are told.
func (m *metrics) linked(connected func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_hints_connected",
		Help: "Whether hints go to other nodes (1), or these see what is committed here when they look (0)."}, func() float64 {
		if connected() {
			return 1
		}
		return 0
	}))
}

func (m *metrics) committed(units int, took time.Duration) {
	m.commits.Observe(took.Seconds())
	m.units.Add(float64(units))
}

func (m *metrics) posted(ok bool) {
	outcome := "failed"
	if ok {
		outcome = "delivered"
	}
	m.posts.WithLabelValues(outcome).Inc()
}

func (m *metrics) logged(commits []store.Committed) {
	for _, c := range commits {
		m.events.Add(float64(len(c.Events)))
	}
}

// Describe and Collect make the queue's depth a figure that is read when it is asked for.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.waiting
	out <- m.oldest
}

// Collect reads the queue's depth.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	b, err := m.store.Read(ctx).Backlog(time.Now())
	if err != nil {
		out <- prometheus.NewInvalidMetric(m.waiting, err)
		return
	}
	out <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(b.Waiting))
	out <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, b.Oldest.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// metricsServer serves the figures on an address of their own.
func (a *App) metricsServer() *httpd.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.handler())
	return httpd.New(httpd.Options{Log: a.log}, mux)
}
