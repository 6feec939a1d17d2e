package httpd

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// level is an object or a list that a place of a text is within.
type level struct {
	names map[string]bool // of the members of an object so far; nil: it is a list
	name  string          // of the member whose value comes
	inner bool            // a value comes, no name
	n     int             // of a list: which value comes
}

// begin goes on to what a token begins: to the value of a member, whose name it is, or to a value. It says whether it is a name that was
// there before.
func (l *level) begin(token json.Token) (name, twice bool) {
	if l.names == nil || l.inner {
		return false, false
	}
	l.name, _ = token.(string)
	twice = l.names[l.name]
	l.names[l.name], l.inner = true, true
	return true, twice
}

// end goes on behind a value.
func (l *level) end() {
	l.inner = false
	l.n++
}

// Twice returns the path of a member that an object of a JSON text has more than once: of such, decoders keep one or the other, or
// something of both. It is empty where there is none, and where the text is no JSON.
func Twice(text []byte) string {
	in := []level{{}} // the text is as a list of one value
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		switch at := &in[len(in)-1]; token {
		case json.Delim('{'):
			in = append(in, level{names: map[string]bool{}})
		case json.Delim('['):
			in = append(in, level{})
		case json.Delim('}'), json.Delim(']'):
			in = in[:len(in)-1]
			in[len(in)-1].end()
		default:
			name, twice := at.begin(token)
			if twice {
				return pathOf(in[1:])
			}
			if !name {
				at.end()
			}
		}
	}
}

func pathOf(in []level) string {
	var path strings.Builder
	for i := range in {
		switch {
		case in[i].names == nil:
			path.WriteString("[" + strconv.Itoa(in[i].n) + "]")
		case path.Len() > 0:
			path.WriteString("." + in[i].name)
		default:
			path.WriteString(in[i].name)
		}
	}
	return path.String()
}
