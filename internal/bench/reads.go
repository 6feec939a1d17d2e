package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

const (
	readCount   = 400             // of each kind of request
	readTime    = 8 * time.Second // that a kind may take at most
	fewReads    = 100             // are too few for a p95
	readWarmup  = 20              // requests of each kind that are not counted
	readLimit   = 50              // things on a page
	followPages = 4               // pages after the first
)

// query is a kind of request.
type query struct {
	name string
	path func(r *reader) string
	next bool // its further pages are asked for too
}

// page asks for a page of a list.
func page(path, filter string) string { return fmt.Sprintf("%s?limit=%d%s", path, readLimit, filter) }

// queries are what a user of an inbox asks for.
func queries() []query {
	conversations := func(name string, value func(r *reader) string) func(*reader) string {
		return func(r *reader) string { return page("/v1/conversations", "&"+name+"="+url.QueryEscape(value(r))) }
	}
	messages := func(name string, value func(r *reader) string) func(*reader) string {
		return func(r *reader) string { return page("/v1/messages", "&"+name+"="+url.QueryEscape(value(r))) }
	}
	is := func(value string) func(*reader) string { return func(*reader) string { return value } }
	channel := func(r *reader) string { return r.Channel }
	tag := func(r *reader) string { return r.one(r.Tags) }
	contact := func(r *reader) string { return r.one(r.Contacts) }
	colleague := func(r *reader) string { return r.one(r.Colleagues) }
	thread := func(id string) string { return page("/v1/conversations/"+id+"/messages", "") }
	return []query{
		{name: "conversations", path: is(page("/v1/conversations", "")), next: true},
		{name: "thread", path: func(r *reader) string { return thread(r.one(r.Threads)) }},
		{name: "long thread", path: func(r *reader) string { return thread(r.one(r.Long)) }, next: true},
		{name: "conversations open", path: conversations("status", is("open")), next: true},
		{name: "conversations snoozed", path: conversations("status", is("snoozed"))},
		{name: "conversations of a kind", path: conversations("kind", is("group"))},
		{name: "conversations of a channel", path: conversations("channel", channel), next: true},
		{name: "conversations with a tag", path: conversations("tag", tag)},
		{name: "conversations of an assignee", path: conversations("assignee", func(r *reader) string { return r.User })},
		{name: "conversations with a contact", path: conversations("participant", contact)},
		{name: "conversations with a colleague", path: conversations("participant", colleague)},
		{name: "one conversation", path: func(r *reader) string { return "/v1/conversations/" + r.one(r.Threads) }},
		{name: "messages", path: is(page("/v1/messages", "")), next: true},
		{name: "messages in a direction", path: messages("direction", is("inbound"))},
		{name: "messages of a channel", path: messages("channel", channel), next: true},
		{name: "messages with a reference", path: messages("reference", func(r *reader) string { return r.one(r.References) })},
		{name: "messages with a tag", path: messages("tag", tag)},
		{name: "messages by a colleague", path: messages("sender", colleague)},
		{name: "messages to a contact", path: messages("recipient", contact)},
		{name: "messages of a day", path: func(r *reader) string { return page("/v1/messages", r.day()) }},
	}
}

// reader asks for things that the user of one organization may see.
type reader struct {
	*fill.Reads
	conn   *load.Conn
	random *rand.Rand
}

func (r *reader) one(of []string) string {
	if len(of) == 0 {
		return "none"
	}
	return of[r.random.IntN(len(of))]
}

// day is a filter for the messages of a random day.
func (r *reader) day() string {
	from := time.UnixMilli(r.From + r.random.Int64N(max(r.To-r.From, 1))).UTC()
	return "&since=" + from.Format(time.RFC3339) + "&until=" + from.Add(24*time.Hour).Format(time.RFC3339)
}

// reads measures lists and filters by a user who may see one in a hundred conversations, on organizations of
// growing size.
func (b *bench) reads(ctx context.Context) (err error) {
	p, err := b.readsData(ctx)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, b.place(readsFolder))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	results := make([][]*load.Histogram, len(p.Reads))
	for i := range p.Reads {
		b.say("reading as a user who sees %d of %d conversations with %d messages", p.Reads[i].Visible, p.Reads[i].Conversations, p.Reads[i].Messages)
		if results[i], err = b.readAll(ctx, s, &p.Reads[i]); err != nil {
			return err
		}
	}
	for _, row := range readRows(p.Reads, results) {
		b.row(row)
	}
	return nil
}

// readRows are a summary, and a row for each kind of request.
func readRows(of []fill.Reads, results [][]*load.Histogram) []Row {
	large := len(of) - 1
	summary := Row{Title: fmt.Sprintf("reads, %d of %d conversations", of[large].Visible, of[large].Conversations)}
	rows := []Row{{}}
	worst, slowest := 0.0, ""
	for k, q := range queries() {
		took := results[large][k]
		row := Row{Title: "  " + q.name}
		row.add(Figure{"p50", ms(took.Quantile(.5)), "ms"}, Figure{"p95", ms(took.Quantile(.95)), "ms"}, Figure{"max", ms(took.Max()), "ms"},
			Figure{"requests", float64(took.Count()), ""})
		for i := range of[:large] {
			row.add(Figure{fmt.Sprintf("p95 of %d", of[i].Messages), ms(results[i][k].Quantile(.95)), "ms"})
		}
		row.add(Figure{"growth", float64(took.Quantile(.5)) / max(float64(results[0][k].Quantile(.5)), 1), "×"})
		if took.Count() < fewReads {
			row.note("few, as they were slow")
		}
		if p95 := ms(took.Quantile(.95)); p95 > worst {
			worst, slowest = p95, q.name
		}
		rows = append(rows, row)
	}
	summary.add(Figure{"worst p95", worst, "ms"})
	summary.note("the slowest are %s", slowest)
	summary.note("one request after another on one connection, pages of %d; growth is of the p50, from %d messages to %d",
		readLimit, of[0].Messages, of[large].Messages)
	rows[0] = summary
	return rows
}

// readAll makes each kind of request many times.
func (b *bench) readAll(ctx context.Context, s *server, of *fill.Reads) ([]*load.Histogram, error) {
	conn, err := load.Dial(s.address, time.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	r := &reader{Reads: of, conn: conn, random: rand.New(rand.NewPCG(11, 5))}
	defer func() { _ = r.conn.Close() }()
	var all []*load.Histogram
	for _, q := range queries() {
		took := &load.Histogram{}
		if err := errors.Join(r.ask(ctx, q, readWarmup, &load.Histogram{}), r.ask(ctx, q, readCount, took)); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		all = append(all, took)
	}
	return all, nil
}

// ask makes up to n requests of a kind.
func (r *reader) ask(ctx context.Context, q query, n int, took *load.Histogram) error {
	for deadline := time.Now().Add(readTime); n > 0 && time.Now().Before(deadline); {
		path, after := q.path(r), ""
		for followed := 0; followed <= followPages && n > 0; followed++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			body, err := r.get(path+after, took)
			if err != nil {
				return err
			}
			n--
			next := nextOf(body)
			if !q.next || next == "" {
				break
			}
			after = "&after=" + url.QueryEscape(next)
		}
	}
	return nil
}

func (r *reader) get(path string, took *load.Histogram) ([]byte, error) {
	request := getRequest(path, r.Key)
	began := time.Now()
	answer, err := r.conn.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.Status != 200 {
		return nil, fmt.Errorf("GET %s: %d: %.300s", path, answer.Status, answer.Body)
	}
	took.Add(time.Since(began))
	return answer.Body, nil
}

// nextOf is the cursor at the end of a page.
func nextOf(body []byte) string {
	at := bytes.LastIndex(body, []byte(`"next":`))
	if at < 0 {
		return ""
	}
	var next *string
	text, _, _ := bytes.Cut(body[at+len(`"next":`):], []byte("}"))
	if err := json.Unmarshal(text, &next); err != nil || next == nil {
		return ""
	}
	return *next
}
