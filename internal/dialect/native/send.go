package native

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// addressing says whom a send is for, where the path names the recipient.
type addressing func(c *call, to *core.To) error

func toBody(*call, *core.To) error { return nil }

func toUser(c *call, to *core.To) error {
	return alone(to, core.To{User: c.id()})
}

func toConversation(c *call, to *core.To) error {
	return alone(to, core.To{Conversation: c.id()})
}

// alone sets the recipient that the path names, beside which there can be no other.
func alone(to *core.To, named core.To) error {
	if !reflect.DeepEqual(*to, core.To{}) {
		return parley.Invalid("to", "recipient-ambiguous", "must be left out where the path names the recipient")
	}
	*to = named
	return nil
}

// missing answers that the recipient whom the path names does not exist as that of every other path: the field
// that the core finds wrong is none of the request's.
func (c *call) missing(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || len(c.endpoint.route.Parameters) == 0 || len(e.Fields) != 1 || !strings.HasSuffix(e.Code, "-unknown") {
		return err
	}
	switch e.Fields[0].Field {
	case "to.user":
		return parley.NotFound("user", c.id())
	case "to.conversation":
		return parley.NotFound("conversation", c.id())
	}
	return err
}

// sending is an endpoint that sends. It is what the server does most, so that it has ways of its own to read a
// request and to write the answer; both come to the same as those of the other endpoints.
func (d *door) sending(o contract.Operation, whom addressing) *endpoint {
	o.Body, o.Answer, o.Status, o.Keyed = reflect.TypeFor[api.SendRequest](), reflect.TypeFor[api.Message](), http.StatusAccepted, true
	return &endpoint{Operation: o, run: func(c *call) error {
		params, err := c.readSend()
		if err != nil {
			return err
		}
		if err := whom(c, &params.To); err != nil {
			return err
		}
		sent, err := d.Core.Send(c.ctx(), c.p, params)
		if err != nil {
			return c.missing(err)
		}
		c.replayed = sent.Replayed
		return c.answerMessage(&sent.Message)
	}}
}

// readSend reads a message to send: quickly where it is plain, else as every other body, which finds what is
// wrong with it.
func (c *call) readSend() (core.SendParams, error) {
	if err := c.receive(); err != nil {
		return core.SendParams{}, err
	}
	params, ok := wire.ReadSend(c.body)
	if !ok {
		var body api.SendRequest
		if err := c.endpoint.route.ReadBody(c.body, &body); err != nil {
			return params, err
		}
		params = wire.SendParams(&body)
	}
	params.Idempotency = c.idempotency()
	return params, nil
}

func (c *call) answerMessage(m *parley.Message) error {
	buffer := c.door.buffer()
	defer c.door.recycle(buffer)
	text := append(wire.AppendMessage(buffer.AvailableBuffer(), m), '\n')
	c.begin(0)
	c.w.WriteHeader(c.status)
	_, _ = c.w.Write(text) // the caller is gone if it fails
	_, _ = buffer.Write(text)
	return nil
}
