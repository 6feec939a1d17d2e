package wire

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/parley"
)

// ReadSend reads a plain message to send in a fifth of the time that checking it by its schema and decoding it
// takes. It is false for everything that is not common, or that the schema might refuse: then those are the way.
// What it accepts they accept too, with the same outcome.
func ReadSend(body []byte) (core.SendParams, bool) {
	if !utf8.Valid(body) {
		return core.SendParams{}, false
	}
	r := sendReader{Reader: contract.NewReader(body)}
	if r.Kind() != '{' || r.Object(r.member) != nil || r.End() != nil {
		return core.SendParams{}, false
	}
	return r.params, true
}

type sendReader struct {
	*contract.Reader
	params core.SendParams
	seen   uint32 // which members have come
}

// errUncommon leaves the message to others.
var errUncommon = errors.New("not plain")

// once refuses a member that comes again.
func (r *sendReader) once(place uint) error {
	if r.seen&(1<<place) != 0 {
		return errUncommon
	}
	r.seen |= 1 << place
	return nil
}

func (r *sendReader) member(name []byte) error {
	p := &r.params
	switch string(name) {
	case "to":
		if r.once(0) != nil || r.Kind() != '{' {
			return errUncommon
		}
		return r.Object(r.recipient)
	case "body":
		text, err := r.text(1, 1<<20)
		p.Body = []parley.Part{{Kind: parley.PartText, Text: text}}
		return err
	case "reference":
		return fill(&p.Reference)(r.text(2, 255))
	case "priority":
		text, err := r.text(3, 10)
		p.Priority = parley.Priority(text)
		if p.Priority != parley.PriorityLow && p.Priority != parley.PriorityNormal && p.Priority != parley.PriorityHigh {
			return errUncommon
		}
		return err
	case "class":
		text, err := r.text(24, 20)
		if p.Class = parley.MessageClass(text); !p.Class.Valid() {
			return errUncommon
		}
		return err
	case "ttl":
		seconds, err := r.seconds(4)
		p.TTL = Seconds(seconds)
		return err
	case "validity":
		seconds, err := r.seconds(5)
		p.Validity = Seconds(seconds)
		return err
	case "internal":
		return fill(&p.Internal)(r.truth(6))
	case "deleteOnRead":
		return fill(&p.DeleteOnRead)(r.truth(7))
	case "tags":
		return r.tags()
	case "metadata":
		return r.metadata()
	case "replyTo":
		return fill(&p.ReplyTo)(r.id(10))
	}
	return errUncommon
}

func (r *sendReader) recipient(name []byte) error {
	to := &r.params.To
	switch string(name) {
	case "user":
		return fill(&to.User)(r.id(16))
	case "role":
		return fill(&to.Role)(r.id(23))
	case "team":
		return fill(&to.Team)(r.id(17))
	case "broadcast":
		return fill(&to.Broadcast)(r.id(18))
	case "conversation":
		return fill(&to.Conversation)(r.id(19))
	case "contact":
		return fill(&to.Contact)(r.id(20))
	case "channel":
		return fill(&to.Channel)(r.id(21))
	case "address":
		return fill(&to.Address)(r.text(22, 400))
	}
	return errUncommon
}

func fill[T any](field *T) func(T, error) error {
	return func(value T, err error) error {
		*field = value
		return err
	}
}

func (r *sendReader) id(place uint) (parley.ID, error) {
	text, err := r.text(place, 100)
	return parley.ID(text), err
}

// text reads a string of at most so many bytes, which are no fewer than its characters.
func (r *sendReader) text(place uint, most int) (string, error) {
	if r.once(place) != nil || r.Kind() != '"' {
		return "", errUncommon
	}
	return r.entry(most)
}

func (r *sendReader) entry(most int) (string, error) {
	raw, err := r.String()
	if err != nil || len(raw) > most || bytes.IndexByte(raw, 0) >= 0 {
		return "", errUncommon
	}
	return string(raw), nil
}

func (r *sendReader) seconds(place uint) (int64, error) {
	if r.once(place) != nil || r.Kind() != '0' {
		return 0, errUncommon
	}
	raw, err := r.Number()
	if err != nil || len(raw) > 9 {
		return 0, errUncommon
	}
	n, err := strconv.ParseUint(string(raw), 10, 63)
	if err != nil {
		return 0, errUncommon
	}
	return int64(n), nil
}

func (r *sendReader) truth(place uint) (bool, error) {
	word, err := r.Literal()
	if r.once(place) != nil || err != nil || word == "null" {
		return false, errUncommon
	}
	return word == "true", nil
}

func (r *sendReader) tags() error {
	if r.once(8) != nil || r.Kind() != '[' {
		return errUncommon
	}
	r.params.Tags = []string{}
	return r.Array(func(i int) error {
		if i >= 50 || r.Kind() != '"' {
			return errUncommon
		}
		tag, err := r.entry(100)
		r.params.Tags = append(r.params.Tags, tag)
		return err
	})
}

func (r *sendReader) metadata() error {
	if r.once(9) != nil || r.Kind() != '{' {
		return errUncommon
	}
	r.params.Metadata = map[string]string{}
	return r.Object(func(raw []byte) error {
		name := string(raw)
		if _, twice := r.params.Metadata[name]; twice || len(r.params.Metadata) >= 100 || bytes.IndexByte(raw, 0) >= 0 || r.Kind() != '"' {
			return errUncommon
		}
		value, err := r.entry(1 << 20)
		r.params.Metadata[name] = value
		return err
	})
}
