package parley

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxWrong is how many wrong fields of one request are told.
const maxWrong = 20

// Check collects what is wrong with the fields of a request.
type Check struct{ Wrong []FieldError }

// Refuse adds a field, and says what it must be.
func (c *Check) Refuse(field, code, format string, args ...any) {
	if len(c.Wrong) < maxWrong {
		c.Wrong = append(c.Wrong, FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

// Text checks a text of at most so many characters, which must not be blank where it is required.
func (c *Check) Text(field, value string, required bool, most int) {
	switch {
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		c.Refuse(field, "text-invalid", "must be UTF-8 without the character U+0000")
	case len(value) > most && utf8.RuneCountInString(value) > most:
		c.Refuse(field, "too-long", "must be at most %d characters; it has %d", most, utf8.RuneCountInString(value))
	case required && strings.TrimSpace(value) == "":
		c.Refuse(field, "required", "must not be blank")
	}
}

// Err is what is wrong; nil where nothing is.
func (c *Check) Err() error { return InvalidFields(c.Wrong) }

// MatchRev refuses a change that is to be made of one revision only, 0 of any, where the present one is another.
func MatchRev(ifMatch, rev int64) error {
	if ifMatch == 0 || ifMatch == rev {
		return nil
	}
	const code = "revision-mismatch"
	return &Error{Kind: KindPrecondition, Code: code, Message: "it has been changed since; read it again", Facts: map[string]any{"rev": rev},
		Fields: []FieldError{{Field: "If-Match", Code: code, Message: "must be the present revision"}}}
}
