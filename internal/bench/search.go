package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

// The scenario search has two parts, whose worst figures have floors of their own.
const (
	rarePart   = "rare"
	commonPart = "common"
	rareUpTo   = 3 // powers of ten: words of up to a thousand messages, or a part in a thousand, are rare
)

// searchQuery is a kind of search.
type searchQuery struct {
	name  string
	part  string
	key   string
	query func(s *searcher) string
	more  string // of the query string
	next  bool
}

// searchQueries are what is looked for, by whom: words of every frequency, by somebody who may see one in a hundred
// conversations; and common ones by somebody who may see only what is oldest, so that all that is newer is passed over, and by
// somebody who may see everything.
func searchQueries(of *fill.Search) (list []searchQuery) {
	for power, group := range of.Words {
		if len(group) == 0 {
			continue
		}
		part := commonPart
		if power < rareUpTo {
			part = rarePart
		}
		list = append(list, searchQuery{fmt.Sprintf("a word of %s messages", ofPower(power)), part, of.Key, words(group), "", true})
	}
	common := of.Words[len(of.Words)-1]
	return append(list,
		searchQuery{"a word that nobody wrote", rarePart, of.Key, func(*searcher) string { return "xyzzy" }, "", false},
		searchQuery{"two common words", commonPart, of.Key, func(s *searcher) string { return s.one(of.Phrases) }, "", true},
		searchQuery{"a phrase of common words", commonPart, of.Key, func(s *searcher) string { return `"` + s.one(of.Phrases) + `"` }, "", false},
		searchQuery{"a common word and a rare one", commonPart, of.Key, func(s *searcher) string { return s.one(common) + " " + s.one(of.Words[0]) }, "", false},
		searchQuery{"a common word without another", commonPart, of.Key, func(s *searcher) string { return s.one(common) + " -" + s.one(common) }, "", true},
		searchQuery{"a beginning of two letters", commonPart, of.Key, func(s *searcher) string { return s.beginning(2) }, "", true},
		searchQuery{"a beginning of four letters", commonPart, of.Key, func(s *searcher) string { return s.beginning(4) }, "", true},
		searchQuery{"a common word with a tag", commonPart, of.Key, words(common), "&tag=" + of.Tags[0], false},
		searchQuery{"a common word in what came in", commonPart, of.Key, words(common), "&direction=inbound", true},
		searchQuery{"a common word, seen in the oldest part", commonPart, of.Old, words(common), "", false},
		searchQuery{"a common word, everything seen", commonPart, of.Whole, words(common), "", true},
		searchQuery{"everything", commonPart, of.Key, func(*searcher) string { return "" }, "", true},
	)
}

func words(group []string) func(*searcher) string {
	return func(s *searcher) string { return s.one(group) + " " } // it is finished
}

func ofPower(power int) string {
	if power == 0 {
		return "1 to 9"
	}
	return "1" + strings.Repeat("0", power) + " to 9" + strings.Repeat("9", power)
}

// searcher looks for things.
type searcher struct {
	reader
	of *fill.Search
}

// beginning is that of a word, as somebody who is writing it has it.
func (s *searcher) beginning(letters int) string {
	word := s.one(s.of.Words[s.random.IntN(len(s.of.Words))])
	for len(word) < letters {
		word = s.one(s.of.Words[0])
	}
	return word[:letters]
}

// searchData is an organization that is searched.
func (b *bench) searchData(ctx context.Context) (*fill.Prepared, error) {
	return b.prepare(ctx, searchFolder, &b.searched, fill.Sizes{Search: b.options.Stored})
}

// search measures searches.
func (b *bench) search(ctx context.Context) (err error) {
	p, err := b.searchData(ctx)
	if err != nil {
		return err
	}
	server, err := b.serve(ctx, b.place(searchFolder))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	of := p.Search
	b.say("searching %d messages as a user who sees %d of %d conversations", of.Messages, of.Visible, of.Of)
	conn, err := load.Dial(server.address, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	worst := map[string]Row{}
	var rows []Row
	for _, q := range searchQueries(of) {
		s := &searcher{reader{Reads: &fill.Reads{Key: q.key}, conn: conn, random: rand.New(rand.NewPCG(11, 5))}, of}
		kind := query{name: q.name, next: q.next, path: func(*reader) string {
			return page("/v1/search/messages", "&q="+url.QueryEscape(q.query(s))+q.more)
		}}
		took := &load.Histogram{}
		if err := errors.Join(s.ask(ctx, kind, readWarmup, &load.Histogram{}), s.ask(ctx, kind, readCount, took)); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		row := Row{Title: "  " + q.name}
		row.latencies(took)
		if p95 := ms(took.Quantile(.95)); worst[q.part].Title == "" || p95 > worst[q.part].Figures[0].Value {
			worst[q.part] = Row{Part: q.part, Title: "search for " + q.part + " words, " + fmt.Sprintf("%d of %d conversations", of.Visible, of.Of),
				Figures: []Figure{{"worst p95", p95, "ms"}}, Notes: []string{"the slowest is " + q.name}}
		}
		rows = append(rows, row)
	}
	b.row(worst[rarePart])
	b.row(worst[commonPart])
	for _, row := range rows {
		b.row(row)
	}
	return nil
}
