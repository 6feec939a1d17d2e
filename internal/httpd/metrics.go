package httpd

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by route and class of status. Routes are patterns, so that there are few.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	routes sync.Map // of pattern to *routeMetrics: looking up labels costs more than counting
}

type routeMetrics struct {
	classes  [6]prometheus.Counter // by the first digit of the status
	duration prometheus.Observer
}

func newMetrics(registry prometheus.Registerer, requests, streams *slots) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_http_requests_total", Help: "Requests answered, by route and class of status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_http_request_duration_seconds", Help: "Time from a request's header to the end of its answer, streams apart.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
	}
	gauge := func(name, help string, s *slots) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(s.used.Load()) })
	}
	registry.MustRegister(m.requests, m.duration,
		gauge("parley_http_requests_in_flight", "Requests under way, streams apart.", requests),
		gauge("parley_http_streams_open", "Streams open.", streams))
	return m
}

func (m *metrics) observe(pattern string, status int, took time.Duration, stream bool) {
	route := m.route(pattern)
	route.classes[min(status/100, 5)].Inc()
	if !stream {
		route.duration.Observe(took.Seconds())
	}
}

func (m *metrics) route(pattern string) *routeMetrics {
	if known, ok := m.routes.Load(pattern); ok {
		return known.(*routeMetrics)
	}
	label := pattern
	if label == "" {
		label = "none"
	}
	route := &routeMetrics{duration: m.duration.WithLabelValues(label)}
	for class := range route.classes {
		route.classes[class] = m.requests.WithLabelValues(label, strconv.Itoa(class)+"xx")
	}
	known, _ := m.routes.LoadOrStore(pattern, route)
	return known.(*routeMetrics)
}
