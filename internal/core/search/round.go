package search

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// version is that of how texts are taken apart and things are indexed. An index of another one is made anew.
const version = 2

const (
	eventsAtOnce = 1000
	thingsAtOnce = 500  // that are read together
	fillAtOnce   = 2000 // that become a segment when what was there before is indexed
	tailDocs     = 256  // of a segment that the next things join
	writeAtOnce  = 128 << 10
)

// errOvertaken is a round during which another node has done one.
var errOvertaken = errors.New("the index is kept by another node")

// round is one step of keeping the index of an organization.
type round struct {
	x            *Indexer
	ctx          context.Context // of the round
	q            store.Queries
	organization parley.ID
	index        search.Index
	segments     []search.Segment
}

// Round does some of what is to be done for an organization, and says whether there may be more to do now. Nobody else
// indexes the same organization meanwhile, or one of the two fails.
func (x *Indexer) Round(ctx context.Context, organization parley.ID) (more bool, err error) {
	r := &round{x: x, ctx: ctx, q: x.store.Read(ctx), organization: organization}
	if more, err = r.do(); err != nil && (errors.Is(err, errOvertaken) || parley.IsKind(err, parley.KindNotFound) || r.overtaken()) {
		return false, nil
	}
	if errors.Is(err, search.ErrDamaged) {
		x.log.Error("the index of words is made anew", "organization", organization, "error", err)
		return true, r.beginAnew()
	}
	return more, err
}

// beginAnew is begin for an index that cannot be read.
func (r *round) beginAnew() error {
	kept, err := r.q.LogRange(r.organization)
	if err != nil {
		return err
	}
	if r.segments, err = search.Segments(r.q, r.organization); err != nil {
		return err
	}
	return r.begin(kept.Latest)
}

// overtaken reports whether another node has done a round meanwhile, and perhaps deleted what this one was reading.
func (r *round) overtaken() bool {
	now, err := search.Load(r.q, r.organization)
	return err == nil && now.Rev != r.index.Rev
}

func (r *round) do() (more bool, err error) {
	if r.index, err = search.Load(r.q, r.organization); err != nil {
		return false, err
	}
	if r.segments, err = search.Segments(r.q, r.organization); err != nil {
		return false, err
	}
	kept, err := r.q.LogRange(r.organization)
	if err != nil {
		return false, err
	}
	if r.index.Rev == 0 || r.index.Version != version || r.index.Through < kept.Oldest-1 {
		return true, r.begin(kept.Latest)
	}
	if !r.x.known[r.organization] { // who was stopped may have been about to delete something
		r.x.known[r.organization], r.x.emptied[r.organization] = true, true
	}
	if err := r.abandon(); err != nil {
		return false, err
	}
	steps := []func() (bool, error){r.follow, r.remove, r.compact, r.move, r.fill, r.collect}
	for _, step := range steps {
		did, err := step()
		if err != nil {
			return false, err
		}
		more = more || did
	}
	return more, nil
}

// begin makes an empty index, which will have what there is now and follow what comes after.
func (r *round) begin(latest int64) error {
	next := r.index
	next.Version, next.Through, next.Filled, next.Moves = version, latest, map[search.Space]search.Fill{}, nil
	return r.commit(&next, 0, func(tx *store.Tx) error {
		if err := search.Reset(tx, r.organization); err != nil {
			return err
		}
		return search.Move(tx, r.organization, search.Dropped, r.ids(func(s *search.Segment) bool { return s.State != search.Going })...)
	})
}

func (r *round) ids(of func(*search.Segment) bool) (ids []int64) {
	for i := range r.segments {
		if of(&r.segments[i]) {
			ids = append(ids, r.segments[i].ID)
		}
	}
	return ids
}

// ready are the segments of a space that are in use, oldest first.
func (r *round) ready(space search.Space) (list []search.Segment) {
	for _, s := range r.segments {
		if s.Space == space && s.State == search.Ready {
			list = append(list, s)
		}
	}
	return list
}

// abandon drops what a round that did not come to its end was building.
func (r *round) abandon() error {
	building := r.ids(func(s *search.Segment) bool { return s.State == search.Building })
	if len(building) == 0 {
		return nil
	}
	next := r.index
	return r.commit(&next, 0, func(tx *store.Tx) error { return search.Move(tx, r.organization, search.Dropped, building...) })
}

// commit writes a step, if nobody else has made one since this round began. The segments are then to be read again by
// whoever needs them.
func (r *round) commit(next *search.Index, size int, f func(tx *store.Tx) error) error {
	next.Rev = r.index.Rev
	err := r.x.store.WriteApart(r.ctx, "search/"+string(r.organization), size, func(tx *store.Tx) error {
		mine, err := search.Save(tx, r.organization, next)
		if err == nil && !mine {
			err = errOvertaken
		}
		if err != nil {
			return err
		}
		return f(tx)
	})
	if err == nil {
		next.Rev++
		r.index = *next
	}
	return err
}

// touched are the things that some events are about.
type touched struct {
	made    []parley.ID // messages that are not in the index yet
	changed map[search.Space][]parley.ID
	seen    map[parley.ID]bool
	moved   []search.MoveOf // conversations whose messages others see now, or that have others
}

func (t *touched) change(space search.Space, id parley.ID) {
	if id != "" && !t.seen[id] {
		t.seen[id] = true
		t.changed[space] = append(t.changed[space], id)
	}
}

// about sorts out what an event is about. Messages are the only things of which it matters whether they are new: there are
// so many.
func (t *touched) about(e *parley.Event) {
	switch kind, what, _ := strings.Cut(string(e.Type), "."); {
	case e.Type == parley.EventMessageCreated:
		if !t.seen[e.Message] {
			t.seen[e.Message] = true
			t.made = append(t.made, e.Message)
		}
	case e.Type == parley.EventMessageScheduled, e.Type == parley.EventMessageCanceled, e.Type == parley.EventMessageRemoved && e.Subject != "":
	case kind == "message":
		if t.seen[e.Message] { // it was made or changed in the same run
			t.seen[e.Message] = false
			t.made = slices.DeleteFunc(t.made, func(id parley.ID) bool { return id == e.Message })
			t.changed[search.Messages] = slices.DeleteFunc(t.changed[search.Messages], func(id parley.ID) bool { return id == e.Message })
		}
		t.change(search.Messages, e.Message)
	case kind == "conversation" && what != "read":
		t.change(search.Conversations, e.Conversation)
		t.change(search.Conversations, e.Data.Into)
		if e.Data.Into != "" {
			t.moved = append(t.moved, search.MoveOf{Conversation: e.Data.Into})
		}
	case kind == "contact":
		t.change(search.Contacts, e.Subject)
		t.change(search.Contacts, e.Data.Into)
	}
}

// follow indexes what some further events are about.
func (r *round) follow() (bool, error) {
	events, err := r.q.Events(r.organization, r.index.Through, eventsAtOnce)
	if err != nil || len(events) == 0 {
		return false, err
	}
	t := touched{changed: map[search.Space][]parley.ID{}, seen: map[parley.ID]bool{}}
	merged := []parley.ID{}
	for i := range events {
		t.about(&events[i])
		if events[i].Type == parley.EventContactMerged {
			merged = append(merged, events[i].Data.Into)
		}
	}
	for _, contact := range merged { // whose name the conversations of another have now
		ids, err := r.q.ConversationsOf(r.organization, contact, mostMerged)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			t.change(search.Conversations, id)
		}
	}
	next := r.index
	next.Through = events[len(events)-1].Sequence
	return true, r.take(&t, &next)
}

// mostMerged is how many conversations of a contact that took in another are looked at again.
const mostMerged = 2000

// batch is what comes into a space, and what it takes the place of.
type batch struct {
	docs   []search.Doc
	gone   []search.Gone
	prints map[parley.ID]search.Print
	forget []parley.ID
}

// take indexes what is new and what has changed, space by space; the last of them says that it is done.
func (r *round) take(t *touched, next *search.Index) error {
	batches := map[search.Space]*batch{}
	for _, space := range search.Spaces {
		b := &batch{}
		batches[space] = b
		if space == search.Messages {
			if err := r.gather(space, b, t.made, false); err != nil {
				return err
			}
		}
		moved, err := r.changes(space, b, t.changed[space])
		if err != nil {
			return err
		}
		t.moved = append(t.moved, moved...)
	}
	next.Moves = append(slices.Clone(next.Moves), t.moved...)
	through := next.Through
	next.Through = r.index.Through
	for i, space := range search.Spaces {
		if i == len(search.Spaces)-1 {
			next.Through = through
		}
		if err := r.append(space, batches[space], next, i == len(search.Spaces)-1); err != nil {
			return err
		}
	}
	return nil
}

// gather makes documents of things.
func (r *round) gather(space search.Space, b *batch, ids []parley.ID, replaced bool) error {
	for chunk := range slices.Chunk(ids, thingsAtOnce) {
		docs, err := makers[space](r.q, r.organization, chunk)
		if err != nil {
			return err
		}
		for _, id := range chunk {
			d, ok := docs[id]
			if !ok {
				d.Place = search.Place{At: search.Unknown, ID: id}
			}
			if replaced {
				b.gone = append(b.gone, search.Gone{Space: space, Segment: r.index.Last, Place: d.Place})
			}
			if len(d.Words) > 0 {
				b.docs = append(b.docs, d.Doc)
			}
		}
	}
	return nil
}

// changes is gather for things that have changed, if they have other words than before. It returns conversations that
// are seen by others now, so that their messages have to be looked at too.
func (r *round) changes(space search.Space, b *batch, ids []parley.ID) (moved []search.MoveOf, err error) {
	if space == search.Messages {
		return nil, r.gather(space, b, ids, true)
	}
	b.prints = map[parley.ID]search.Print{}
	for chunk := range slices.Chunk(ids, thingsAtOnce) {
		docs, err := makers[space](r.q, r.organization, chunk)
		if err != nil {
			return nil, err
		}
		prints, err := search.Prints(r.q, r.organization, space, chunk)
		if err != nil {
			return nil, err
		}
		for _, id := range chunk {
			d := docs[id]
			d.takePrint()
			before, known := prints[id]
			if known && before == d.print {
				continue
			}
			if known {
				b.gone = append(b.gone, search.Gone{Space: space, Segment: r.index.Last, Place: search.Place{At: before.At, ID: id}})
			}
			if len(d.Words) == 0 {
				b.forget = append(b.forget, id)
				continue
			}
			b.docs, b.prints[id] = append(b.docs, d.Doc), d.print
			if space == search.Conversations && (known && before.Scope != d.Scope || !known && !r.index.Whole(space)) {
				moved = append(moved, search.MoveOf{Conversation: id})
			}
		}
	}
	return moved, nil
}

// append adds documents to a space, together with those of its last segment where that is small.
func (r *round) append(space search.Space, b *batch, next *search.Index, always bool) error {
	if len(b.docs)+len(b.gone)+len(b.forget) == 0 {
		if !always {
			return nil
		}
		return r.commit(next, 0, func(*store.Tx) error { return nil })
	}
	within := r.write(space, b)
	if len(b.docs) == 0 {
		return r.commit(next, 100*len(b.gone), within)
	}
	return r.join(space, b, next, within)
}

// write writes what goes with the documents of a batch.
func (r *round) write(space search.Space, b *batch) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		if err := search.AddGone(tx, r.organization, b.gone); err != nil {
			return err
		}
		return search.SetPrints(tx, r.organization, space, b.prints, b.forget)
	}
}

// join makes a segment of documents, and of the last one where that is small.
func (r *round) join(space search.Space, b *batch, next *search.Index, within func(tx *store.Tx) error) error {
	var replaced []int64
	docs := b.docs
	pending, all, err := r.pending(space)
	if err != nil {
		return err
	}
	if tail := r.tail(space); all && tail != nil && tail.Docs+len(docs) <= 4*tailDocs {
		before, err := search.Docs(r.q, r.organization, *tail)
		if err != nil {
			return err
		}
		gone := goneSet(append(pending, b.gone...))
		for _, d := range before {
			if !gone(tail.ID, d.Place) {
				docs = append(docs, d)
			}
		}
		replaced = append(replaced, tail.ID)
	}
	return r.publish(space, next, replaced, within, func(emit func(search.Page) error) (search.Segment, error) { return search.Build(docs, emit) })
}
