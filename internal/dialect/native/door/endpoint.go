package door

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// Endpoint is an operation and what it does. Its types are those of the handler, so that the document, what is
// checked and what is answered cannot differ.
type Endpoint struct {
	contract.Operation
	route *contract.Route
	run   func(*Call) error
	byID  bool // a list whose cursor is an id
}

// Operation begins the description of an endpoint. The pattern is that of http.ServeMux.
func Operation(pattern, id string, scope parley.Scope, summary string) contract.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	parts := strings.Split(path, "/")
	return contract.Operation{Method: method, Path: path, ID: id, Tag: parts[min(2, len(parts)-1)], Scope: scope, Summary: summary}
}

// Get answers one thing.
func Get[A any](o contract.Operation, f func(*Call) (A, error)) *Endpoint {
	o.Answer = reflect.TypeFor[A]()
	rev := revision[A]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		answer, err := f(c)
		if err != nil {
			return err
		}
		return c.Answer(answer, rev(answer))
	}}
}

// GetBy answers what a query asks for.
func GetBy[F, A any](o contract.Operation, f func(*Call, F) (A, error)) *Endpoint {
	o.Answer, o.Query = reflect.TypeFor[A](), reflect.TypeFor[F]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		var filter F
		if err := c.ReadQuery(&filter); err != nil {
			return err
		}
		answer, err := f(c, filter)
		if err != nil {
			return err
		}
		return c.Answer(answer, 0)
	}}
}

// List answers a page; the filter has the page asked for. The string is where it goes on.
func List[F, A any](o contract.Operation, f func(*Call, F) ([]A, string, error)) *Endpoint {
	o.Answer, o.Query = reflect.TypeFor[api.List[A]](), reflect.TypeFor[F]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		var filter F
		if err := c.ReadQuery(&filter); err != nil {
			return err
		}
		if after := c.R.URL.Query().Get("after"); c.endpoint.byID && after != "" && !parley.ID(after).Valid() {
			return ErrCursor()
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
		return c.Answer(page, 0)
	}}
}

// Create makes something of a body and answers it, and says whether the request was a repeat.
func Create[B, A any](o contract.Operation, status int, f func(*Call, *B) (A, bool, error)) *Endpoint {
	o.Answer, o.Body, o.Status, o.Keyed = reflect.TypeFor[A](), reflect.TypeFor[B](), status, true
	rev := revision[A]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		var body B
		if err := c.ReadBody(&body); err != nil {
			return err
		}
		answer, replayed, err := f(c, &body)
		if err != nil {
			return err
		}
		c.Replayed = replayed
		return c.Answer(answer, rev(answer))
	}}
}

// Again does something that has no body and may be repeated with an Idempotency-Key.
func Again[A any](o contract.Operation, status int, f func(*Call) (A, bool, error)) *Endpoint {
	o.Answer, o.Status, o.Keyed = reflect.TypeFor[A](), status, true
	rev := revision[A]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		answer, replayed, err := f(c)
		if err != nil {
			return err
		}
		c.Replayed = replayed
		return c.Answer(answer, rev(answer))
	}}
}

// Change changes something by a body and answers what it became.
func Change[B, A any](o contract.Operation, f func(*Call, *B) (A, error)) *Endpoint {
	o.Answer, o.Body = reflect.TypeFor[A](), reflect.TypeFor[B]()
	rev := revision[A]()
	return &Endpoint{Operation: o, run: func(c *Call) error {
		var body B
		if err := c.ReadBody(&body); err != nil {
			return err
		}
		answer, err := f(c, &body)
		if err != nil {
			return err
		}
		return c.Answer(answer, rev(answer))
	}}
}

// ChangeOf is Change by a body that may be left out.
func ChangeOf[B, A any](o contract.Operation, f func(*Call, *B) (A, error)) *Endpoint {
	o.Bodiless = true
	return Change(o, f)
}

// Order does something that has no answer.
func Order(o contract.Operation, f func(*Call) error) *Endpoint {
	return &Endpoint{Operation: o, run: func(c *Call) error {
		if err := f(c); err != nil {
			return err
		}
		return c.nothing()
	}}
}

// OrderOf does what a body says, which may be left out, and has no answer.
func OrderOf[B any](o contract.Operation, f func(*Call, *B) error) *Endpoint {
	o.Body, o.Bodiless = reflect.TypeFor[B](), true
	return &Endpoint{Operation: o, run: func(c *Call) error {
		var body B
		if err := c.ReadBody(&body); err != nil {
			return err
		}
		if err := f(c, &body); err != nil {
			return err
		}
		return c.nothing()
	}}
}

// Message answers one message, as sending does.
func Message(o contract.Operation, f func(*Call) (parley.Message, error)) *Endpoint {
	o.Answer = reflect.TypeFor[api.Message]()
	return Does(o, func(c *Call) error {
		m, err := f(c)
		if err != nil {
			return err
		}
		return c.AnswerMessage(&m)
	})
}

// Does answers in a way of its own.
func Does(o contract.Operation, f func(*Call) error) *Endpoint {
	return &Endpoint{Operation: o, run: f}
}

// Audited is an endpoint whose acts are written into the audit log.
func Audited(e *Endpoint, acts ...parley.Act) *Endpoint {
	e.Acts = acts
	return e
}

// ByID is a list in the order of ids: its cursor is one.
func ByID(e *Endpoint) *Endpoint {
	e.byID = true
	return e
}

// ErrCursor refuses a cursor that no list gave.
func ErrCursor() error {
	return parley.Invalid("after", "cursor-invalid", "must be the next of a page of this list")
}

// Part is the part of a list that a page asks for; the cursor is how many entries came before.
func Part[D, W any](entries []D, render func(*D) W, page api.Page, err error) ([]W, string, error) {
	if err != nil {
		return nil, "", err
	}
	from := 0
	if page.After != "" {
		if from, err = strconv.Atoi(page.After); err != nil || from < 0 {
			return nil, "", ErrCursor()
		}
	}
	from = min(from, len(entries))
	to := min(from+Limit(page.Limit), len(entries))
	next := ""
	if to < len(entries) {
		next = strconv.Itoa(to)
	}
	return wire.Each(entries[from:to], render), next, nil
}

// Matched lets If-Match say which revision is changed.
func Matched(e *Endpoint) *Endpoint {
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

// Renamed is an error with another name for the field of the one entry of a list that a request gave by itself.
func Renamed(err error, field, as string) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok {
		return err
	}
	renamed := *e
	renamed.Message = strings.ReplaceAll(e.Message, field+": ", as+": ")
	renamed.Fields = append([]parley.FieldError(nil), e.Fields...)
	for i := range renamed.Fields {
		if renamed.Fields[i].Field == field {
			renamed.Fields[i].Field = as
		}
	}
	return &renamed
}
