package native

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// addressing says whom a send is for, where the path names the recipient.
type addressing func(c *door.Call, to *core.To) error

func toBody(*door.Call, *core.To) error { return nil }

func toUser(c *door.Call, to *core.To) error {
	return alone(to, core.To{User: c.ID()})
}

func toConversation(c *door.Call, to *core.To) error {
	return alone(to, core.To{Conversation: c.ID()})
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
func missing(c *door.Call, err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || c.ID() == "" || len(e.Fields) != 1 || !strings.HasSuffix(e.Code, "-unknown") {
		return err
	}
	switch e.Fields[0].Field {
	case "to.user":
		return parley.NotFound("user", c.ID())
	case "to.conversation":
		return parley.NotFound("conversation", c.ID())
	}
	return err
}

// sending is an endpoint that sends. It is what the server does most, so that it has ways of its own to read a
// request and to write the answer; both come to the same as those of the other endpoints.
func (d *domain) sending(o contract.Operation, whom addressing) *door.Endpoint {
	o.Body, o.Answer, o.Status, o.Keyed = reflect.TypeFor[api.SendRequest](), reflect.TypeFor[api.Message](), http.StatusAccepted, true
	return door.Does(o, func(c *door.Call) error {
		params, err := readSend(c)
		if err != nil {
			return err
		}
		if err := whom(c, &params.To); err != nil {
			return err
		}
		sent, err := d.Core.Send(c.Ctx(), c.P, params)
		if err != nil {
			return missing(c, err)
		}
		c.Replayed = sent.Replayed
		return c.AnswerMessage(&sent.Message)
	})
}

// readSend reads a message to send: quickly where it is plain, else as every other body, which finds what is
// wrong with it.
func readSend(c *door.Call) (core.SendParams, error) {
	if err := c.Receive(); err != nil {
		return core.SendParams{}, err
	}
	params, ok := wire.ReadSend(c.Body)
	if !ok {
		var body api.SendRequest
		if err := c.Decode(&body); err != nil {
			return params, err
		}
		params = wire.SendParams(&body)
	}
	params.Idempotency = c.Idempotency()
	return params, nil
}
