package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// searchIndex: how far an index has come, what has to go from it, and what things were like.
func searchIndex(w *world) {
	o, other := w.organization(), w.organization()
	i, err := search.Load(w.read(), o)
	w.must(err)
	w.equal("no index", fmt.Sprint(i.Rev, i.Whole(search.Messages)), "0 false")
	i = search.Index{Version: 1, Through: 7, Last: 3, Progress: search.Progress{Filled: map[search.Space]search.Fill{search.Contacts: {Before: "x", Done: true}},
		Moves: []search.MoveOf{{Conversation: "c", At: 5, Sequence: 2}}}}
	save := func(i search.Index) (saved bool) {
		w.must(w.WriteApart(w.Context(), "search/"+string(o), 10, func(tx *store.Tx) (err error) {
			saved, err = search.Save(tx, o, &i)
			return err
		}))
		return saved
	}
	w.equal("saved once, and not again", fmt.Sprint(save(i), save(i)), "true false")
	i.Rev, i.Through = 1, 8
	w.equal("saved, and by who did not know", fmt.Sprint(save(i), save(i)), "true false")
	i.Rev = 2
	got, err := search.Load(w.read(), o)
	w.must(err)
	w.equal("the index", got, i)
	all, err := search.LoadAll(w.read(), []parley.ID{o, other})
	w.must(err)
	w.equal("all", all, map[parley.ID]search.Index{o: i})

	gone := []search.Gone{{Space: search.Contacts, Segment: 4, Place: search.Place{At: 9, ID: "a"}}, {Space: search.Messages, Segment: 2, Place: search.Place{At: search.Unknown, ID: "b"}}}
	prints := map[parley.ID]search.Print{"a": {Words: -5, Scope: 3, At: 9}, "b": {Words: 6}}
	w.do(func(tx *store.Tx) error {
		for range 2 {
			if err := search.AddGone(tx, o, gone); err != nil {
				return err
			}
		}
		if err := search.SetPrints(tx, o, search.Contacts, prints, nil); err != nil {
			return err
		}
		prints["a"] = search.Print{Words: 1, Scope: 2, At: 3}
		return search.SetPrints(tx, o, search.Contacts, prints, []parley.ID{"b"})
	})
	left, err := search.GoneOf(w.read(), o, 10)
	w.must(err)
	w.equal("what has to go", left, gone)
	known, err := search.Prints(w.read(), o, search.Contacts, []parley.ID{"a", "b", "c"})
	w.must(err)
	w.equal("prints", known, map[parley.ID]search.Print{"a": {Words: 1, Scope: 2, At: 3}})
	waiting, err := search.Waiting(w.read(), []parley.ID{o, other})
	w.must(err)
	w.equal("waiting", waiting, map[parley.ID]bool{o: true})
	w.do(func(tx *store.Tx) error { return search.DropGone(tx, o, gone[:1]) })
	left, err = search.GoneOf(w.read(), o, 10)
	w.must(err)
	w.equal("what is left", left, gone[1:])
	w.do(func(tx *store.Tx) error { return search.Reset(tx, o) })
	waiting, err = search.Waiting(w.read(), []parley.ID{o, other})
	w.must(err)
	w.equal("waiting no more", len(waiting), 0)
}

// library is a model of what is in an index.
type library struct {
	*world
	organization parley.ID
	random       *rand.Rand
	last         int64
	docs         map[int64][]search.Doc
}

// searchSegments: what is in a segment is found in it by its words, however segments are written and brought together.
func searchSegments(w *world) {
	l := &library{world: w, organization: w.organization(), random: rand.New(rand.NewPCG(3, 9)), docs: map[int64][]search.Doc{}}
	for _, n := range []int{1, 7, 300, 2500} {
		l.build(n)
	}
	l.check()
	small, err := search.Docs(w.read(), l.organization, l.segments()[1])
	w.must(err)
	w.equal("the docs of a small one", sorted(small), sorted(l.docs[2]))

	// Some are brought together, without what is gone. What is in two of them is there once.
	twin := l.docs[3][0]
	l.add(twin)
	gone := l.docs[4][1000].ID
	l.merge(func(_ int64, p search.Place) bool { return p.ID == gone })
	l.check()
	for _, s := range l.segments() {
		holds, err := search.Holds(w.read(), l.organization, s, []search.Place{{At: search.Unknown, ID: gone}})
		holdsTwin, err2 := search.Holds(w.read(), l.organization, s, []search.Place{{At: s.FirstAt, ID: "!"}, twin.Place})
		if err != nil || err2 != nil || holds || !holdsTwin {
			w.Errorf("what is gone: %v, what is there: %v, %v %v", holds, holdsTwin, err, err2)
		}
	}
	l.merge(func(int64, search.Place) bool { return true })
	w.equal("all that there was is gone", len(l.segments()), 0)
}

func sorted(docs []search.Doc) []search.Doc {
	for i := range docs {
		slices.Sort(docs[i].Words)
	}
	slices.SortFunc(docs, func(a, b search.Doc) int { return a.Compare(b.Place) })
	return docs
}

func (l *library) segments() []search.Segment {
	all, err := search.Segments(l.read(), l.organization)
	l.must(err)
	return all
}

// words are of every frequency, some with many characters, and in several scripts.
func (l *library) words() []string {
	set := map[string]struct{}{"all": {}}
	for range 6 {
		n := l.random.IntN(1 + l.random.IntN(2000))
		word := fmt.Sprint("w", n)
		switch n % 7 {
		case 1:
			word = fmt.Sprint("東京", n)
		case 2:
			word = strings.Repeat(fmt.Sprint("é", n), 8)
		case 3:
			word = "c:" + word
		}
		set[word] = struct{}{}
	}
	return slices.Collect(maps.Keys(set))
}

func (l *library) build(n int) {
	docs := make([]search.Doc, n)
	for i := range docs {
		docs[i] = search.Doc{Place: search.Place{At: 1_700_000_000_000 + l.random.Int64N(1_000_000) - 1_699_999_000_000*int64(i%2), ID: l.id()},
			Scope: search.Scope(l.random.IntN(40)), Words: l.words()}
	}
	l.add(docs...)
}

func (l *library) add(docs ...search.Doc) {
	l.last++
	var pages []search.Page
	made, err := search.Build(slices.Clone(docs), func(p search.Page) error {
		pages = append(pages, p)
		return nil
	})
	l.must(err)
	made.ID, made.Space, made.State = l.last, search.Messages, search.Building
	l.do(func(tx *store.Tx) error {
		if err := search.InsertSegment(tx, l.organization, &made); err != nil {
			return err
		}
		if err := search.InsertPages(tx, l.organization, made.ID, pages); err != nil {
			return err
		}
		return search.Finish(tx, l.organization, &made)
	})
	l.docs[made.ID] = docs
}

// merge makes one segment of all, and deletes the others.
func (l *library) merge(gone func(int64, search.Place) bool) {
	before := l.segments()
	l.last++
	l.do(func(tx *store.Tx) error {
		made, err := search.Merge(tx.Queries, l.organization, before, gone, func(p search.Page) error {
			return search.InsertPages(tx, l.organization, l.last, []search.Page{p})
		})
		if err != nil {
			return err
		}
		for _, s := range before {
			if err := search.Move(tx, l.organization, search.Going, s.ID); err != nil {
				return err
			}
			for n := int64(10); n == 10; {
				if n, err = search.DeletePages(tx, l.organization, s.ID, 10); err != nil {
					return err
				}
			}
			if err := search.DeleteSegment(tx, l.organization, s.ID); err != nil {
				return err
			}
		}
		made.ID, made.Space, made.State = l.last, search.Messages, search.Ready
		if made.Docs == 0 {
			return nil
		}
		return search.InsertSegment(tx, l.organization, &made)
	})
	kept := map[search.Place]search.Doc{}
	for _, s := range before {
		for _, d := range l.docs[s.ID] {
			if !gone(s.ID, d.Place) {
				kept[d.Place] = d
			}
		}
		delete(l.docs, s.ID)
	}
	l.docs[l.last] = slices.Collect(maps.Values(kept))
}

// check looks for things in every segment.
func (l *library) check() {
	segments := l.segments()
	for _, c := range []struct {
		needs   []search.Need
		without []string
	}{
		{nil, nil}, {nil, []string{"w0"}}, {[]search.Need{{Words: []string{"all"}}}, nil}, {[]search.Need{{Words: []string{"w0"}}}, nil},
		{[]search.Need{{Words: []string{"all"}}, {Words: []string{"w0", "w7"}}}, []string{"c:w3"}}, {[]search.Need{{Words: []string{"nothing"}}}, nil},
		{[]search.Need{{Prefix: "w1"}}, nil}, {[]search.Need{{Prefix: "東"}}, nil}, {[]search.Need{{Prefix: "é"}, {Words: []string{"w0"}}}, nil},
		{[]search.Need{{Prefix: "al"}}, []string{"all"}}, {[]search.Need{{Words: []string{"~", "!", " "}}}, nil}, {[]search.Need{{Prefix: "~"}}, nil},
		{[]search.Need{{Words: []string{"w1"}, Prefix: "c:"}}, []string{"w0", "w14"}},
	} {
		r := search.NewReader(l.read(), l.organization)
		findings, err := r.Look(segments, c.needs, c.without)
		l.must(err)
		for i := range segments {
			for what, sees := range map[string]func(search.Scope) bool{"seen by all": nil, "seen by some": func(s search.Scope) bool { return s%3 == 0 },
				"seen by none": func(search.Scope) bool { return false }} {
				set, err := r.Set(&segments[i], &findings[i], sees)
				l.must(err)
				l.compare(r, &segments[i], set, fmt.Sprintf("%+v %s", c, what), func(d search.Doc) bool {
					return wanted(d.Words, c.needs, c.without) && (sees == nil || sees(d.Scope))
				})
			}
		}
	}
}

func wanted(words []string, needs []search.Need, without []string) bool {
	has := func(word string) bool { return slices.Contains(words, word) }
	for _, n := range needs {
		if !slices.ContainsFunc(n.Words, has) && (n.Prefix == "" || !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, n.Prefix) })) {
			return false
		}
	}
	return !slices.ContainsFunc(without, has)
}

func (l *library) compare(r *search.Reader, s *search.Segment, set search.Set, what string, wanted func(search.Doc) bool) {
	var want, got []string
	for _, d := range l.docs[s.ID] {
		if wanted(d) {
			want = append(want, fmt.Sprint(d.Place))
		}
	}
	docs := set.Some(s.Docs)
	if !slices.IsSortedFunc(docs, func(a, b int) int { return b - a }) || len(docs) != set.Count() {
		l.Errorf("%s: %d of %d, out of order", what, len(docs), set.Count())
	}
	l.must(r.Ahead([]search.Numbers{{Segment: s, Docs: docs}}))
	places, err := r.Places(s, docs)
	l.must(err)
	for i, p := range places {
		n, err := r.Before(s, p)
		l.must(err)
		if n != docs[i] {
			l.Errorf("%v is number %d, %d come before", p, docs[i], n)
		}
		got = append(got, fmt.Sprint(p))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		l.Errorf("segment %d, %s: %d are found, want %d", s.ID, what, len(got), len(want))
	}
}

// searchBefore: what there was before an index, newest first.
func searchBefore(w *world) {
	o := w.organization()
	var ids []parley.ID
	w.do(func(tx *store.Tx) error {
		ids = nil
		for range 3 {
			c := parley.Contact{ID: w.id(), Name: "A"}
			ids = append([]parley.ID{c.ID}, ids...)
			if err := tx.InsertContact(o, &c); err != nil {
				return err
			}
		}
		gone := parley.Contact{ID: ids[2], MergedInto: ids[0]}
		return tx.UpdateContact(o, &gone)
	})
	for _, space := range search.Spaces {
		first, err := search.Before(w.read(), o, space, "", 2)
		w.must(err)
		rest, err := search.Before(w.read(), o, space, ids[1], 2)
		w.must(err)
		if space == search.Contacts {
			w.equal("contacts", append(first, rest...), ids)
		} else {
			w.equal(string(space), len(first)+len(rest), 0)
		}
	}
	merged, err := search.MergedInto(w.read(), o, ids[0], 5)
	w.must(err)
	w.equal("merged", merged, ids[2:])
}
