package native

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// Streams answers requests with live events, written by AppendEvent.
type Streams interface {
	// Stream answers from the filter's place on. Again refuses where the principal may no longer read.
	Stream(w http.ResponseWriter, r *http.Request, p *access.Principal, filter eventlog.Filter, again func() error) error
}

// AppendEvent appends an event as the API writes it, with the message as its reader sees it.
func AppendEvent(to []byte, d *eventlog.Detail, m *parley.Message) []byte {
	return wire.AppendEvent(to, d, m)
}

const eventStream = "text/event-stream"

// following is the endpoint of the event log.
func (d *domain) following(o contract.Operation) *door.Endpoint {
	o.Query, o.Answer = reflect.TypeFor[api.EventFilter](), reflect.TypeFor[api.EventPage]()
	o.Details = "With `Accept: text/event-stream`, a live stream: each event is a block whose `id` is its sequence and whose `data` is the event. " +
		"It begins with a block that has only an `id`, and sends another at least every 15 s where it had nothing else to send: the log has been considered up to there. " +
		"`Last-Event-ID` goes on from there exactly. A cursor whose events are no longer kept, or on a stream one that is over 100,000 events behind, is answered 410 with `oldest` and `latest`."
	o.Document = func(described *huma.Operation, _ huma.Registry) {
		described.Parameters = append(described.Parameters, &huma.Param{Name: "Last-Event-ID", In: "header",
			Description: "Of a stream: the sequence after which to go on, instead of after.", Schema: &huma.Schema{Type: huma.TypeString}})
		described.Responses["200"].Content[eventStream] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		described.Responses["410"] = d.door.Refusal(http.StatusGone)
	}
	return door.Does(o, d.events)
}

func (d *domain) events(c *door.Call) error {
	var given api.EventFilter
	if err := c.ReadQuery(&given); err != nil {
		return err
	}
	filter := eventlog.Filter{After: place(given.After), Conversation: parley.ID(given.Conversation), Hints: given.Hints == "true"}
	for _, name := range given.Types {
		filter.Types = append(filter.Types, parley.EventType(name))
	}
	if d.Streams != nil && c.R.Method == http.MethodGet && strings.Contains(c.R.Header.Get("Accept"), eventStream) { // HEAD would wait for nothing
		return d.stream(c, filter)
	}
	page, err := d.Core.Events(c.Ctx(), c.P, filter, given.Limit)
	if err != nil {
		return err
	}
	answer := api.EventPage{Data: wire.Each(page.Events, wire.Event), Through: page.Through}
	if page.Next != 0 {
		answer.Next = &page.Next
	}
	return c.Answer(answer, 0)
}

// place is where a cursor points to, which its pattern has been checked for.
func place(cursor api.EventCursor) int64 {
	switch cursor {
	case api.FromOldest:
		return eventlog.FromOldest
	case api.FromLatest:
		return eventlog.FromLatest
	}
	n, _ := strconv.ParseInt(string(cursor), 10, 64) // 18 digits fit
	return n
}

// stream asks again now and then whether the key still works.
func (d *domain) stream(c *door.Call, filter eventlog.Filter) error {
	if last := c.R.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return parley.Invalid("Last-Event-ID", "cursor-invalid", "must be the id of an event of this stream")
		}
		filter.After = n
	}
	again := func() error {
		p, err := c.Again()
		if err == nil && !slices.Equal(p.Scopes(), c.P.Scopes()) { // what it sees is another now
			err = parley.Conflict("scopes-changed", "the key permits something else than when the stream began")
		}
		return err
	}
	return d.Streams.Stream(c.W, c.R, c.P, filter, again)
}
