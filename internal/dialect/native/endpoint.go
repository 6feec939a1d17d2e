package native

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// endpoint is an operation and what it does. Its types are those of the handler, so that the document, what is
// checked and what is answered cannot differ.
type endpoint struct {
	contract.Operation
	route *contract.Route
	run   func(*call) error
	byID  bool // a list whose cursor is an id
}

// operation begins the description of an endpoint. The pattern is that of http.ServeMux.
func operation(pattern, id string, scope parley.Scope, summary string) contract.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	parts := strings.Split(path, "/")
	return contract.Operation{Method: method, Path: path, ID: id, Tag: parts[min(2, len(parts)-1)], Scope: scope, Summary: summary}
}

// get answers one thing.
func get[A any](o contract.Operation, f func(*call) (A, error)) *endpoint {
	o.Answer = reflect.TypeFor[A]()
	rev := revision[A]()
	return &endpoint{Operation: o, run: func(c *call) error {
		answer, err := f(c)
		if err != nil {
			return err
		}
		return c.answer(answer, rev(answer))
	}}
}

// list answers a page; the filter has the page asked for. The string is where it goes on.
func list[F, A any](o contract.Operation, f func(*call, F) ([]A, string, error)) *endpoint {
	o.Answer, o.Query = reflect.TypeFor[api.List[A]](), reflect.TypeFor[F]()
	return &endpoint{Operation: o, run: func(c *call) error {
		var filter F
		if err := c.endpoint.route.ReadQuery(c.r.URL.RawQuery, &filter); err != nil {
			return err
		}
		if after := c.r.URL.Query().Get("after"); c.endpoint.byID && after != "" && !parley.ID(after).Valid() {
			return errCursor()
		}
		entries, next, err := f(c, filter)
		if err != nil {
			return err
		}
		page := api.List[A]{Data: entries}
		if entries == nil {
			page.Data = []A{}
		}
		if next != "" {
			page.Next = &next
		}
		return c.answer(page, 0)
	}}
}

// create makes something of a body and answers it, and says whether the request was a repeat.
func create[B, A any](o contract.Operation, status int, f func(*call, *B) (A, bool, error)) *endpoint {
	o.Answer, o.Body, o.Status, o.Keyed = reflect.TypeFor[A](), reflect.TypeFor[B](), status, true
	rev := revision[A]()
	return &endpoint{Operation: o, run: func(c *call) error {
		var body B
		if err := c.readBody(&body); err != nil {
			return err
		}
		answer, replayed, err := f(c, &body)
		if err != nil {
			return err
		}
		c.replayed = replayed
		return c.answer(answer, rev(answer))
	}}
}

// again does something that has no body and may be repeated with an Idempotency-Key.
func again[A any](o contract.Operation, status int, f func(*call) (A, bool, error)) *endpoint {
	o.Answer, o.Status, o.Keyed = reflect.TypeFor[A](), status, true
	return &endpoint{Operation: o, run: func(c *call) error {
		answer, replayed, err := f(c)
		if err != nil {
			return err
		}
		c.replayed = replayed
		return c.answer(answer, 0)
	}}
}

// change changes something by a body and answers what it became.
func change[B, A any](o contract.Operation, f func(*call, *B) (A, error)) *endpoint {
	o.Answer, o.Body = reflect.TypeFor[A](), reflect.TypeFor[B]()
	rev := revision[A]()
	return &endpoint{Operation: o, run: func(c *call) error {
		var body B
		if err := c.readBody(&body); err != nil {
			return err
		}
		answer, err := f(c, &body)
		if err != nil {
			return err
		}
		return c.answer(answer, rev(answer))
	}}
}

// changeOf is change by a body that may be left out.
func changeOf[B, A any](o contract.Operation, f func(*call, *B) (A, error)) *endpoint {
	o.Bodiless = true
	return change(o, f)
}

// order does something that has no answer.
func order(o contract.Operation, f func(*call) error) *endpoint {
	return &endpoint{Operation: o, run: func(c *call) error {
		if err := f(c); err != nil {
			return err
		}
		return c.nothing()
	}}
}

// orderOf does what a body says, which may be left out, and has no answer.
func orderOf[B any](o contract.Operation, f func(*call, *B) error) *endpoint {
	o.Body, o.Bodiless = reflect.TypeFor[B](), true
	return &endpoint{Operation: o, run: func(c *call) error {
		var body B
		if err := c.readBody(&body); err != nil {
			return err
		}
		if err := f(c, &body); err != nil {
			return err
		}
		return c.nothing()
	}}
}

// message answers one message, as sending does.
func message(o contract.Operation, f func(*call) error) *endpoint {
	o.Answer = reflect.TypeFor[api.Message]()
	return &endpoint{Operation: o, run: f}
}

// byID is a list in the order of ids: its cursor is one.
func byID(e *endpoint) *endpoint {
	e.byID = true
	return e
}

func errCursor() error {
	return parley.Invalid("after", "cursor-invalid", "must be the next of a page of this list")
}

// part is the part of a list that a page asks for; the cursor is how many entries came before.
func part[D, W any](entries []D, render func(*D) W, page api.Page, err error) ([]W, string, error) {
	if err != nil {
		return nil, "", err
	}
	from := 0
	if page.After != "" {
		if from, err = strconv.Atoi(page.After); err != nil || from < 0 {
			return nil, "", errCursor()
		}
	}
	from = min(from, len(entries))
	to := min(from+limit(page.Limit), len(entries))
	next := ""
	if to < len(entries) {
		next = strconv.Itoa(to)
	}
	return wire.Each(entries[from:to], render), next, nil
}

// matched lets If-Match say which revision is changed.
func matched(e *endpoint) *endpoint {
	e.Matched = true
	return e
}

// revision returns the function that finds the revision of an answer, 0 where it has none.
func revision[A any]() func(A) int64 {
	field, found := contract.RevOf(reflect.TypeFor[A]())
	if !found {
		return func(A) int64 { return 0 }
	}
	return func(answer A) int64 { return reflect.ValueOf(answer).FieldByIndex(field.Index).Int() }
}
