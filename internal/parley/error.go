package parley

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind says what sort of failure an Error is; each dialect maps kinds to its own statuses.
type ErrorKind string

// The kinds of errors.
const (
	KindInvalid      ErrorKind = "invalid"      // the request is wrong in form or content
	KindUnauthorized ErrorKind = "unauthorized" // no valid credential
	KindForbidden    ErrorKind = "forbidden"    // a valid credential without the permission
	KindNotFound     ErrorKind = "not_found"    // does not exist, or may not be seen
	KindConflict     ErrorKind = "conflict"     // collides with the present state
	KindPrecondition ErrorKind = "precondition" // If-Match names another revision
	KindGone         ErrorKind = "gone"         // existed, and is no longer kept
	KindTooLarge     ErrorKind = "too_large"    // over a size limit
	KindMediaType    ErrorKind = "media_type"   // a content type that is not accepted
	KindRateLimited  ErrorKind = "rate_limited" // over a rate limit; RetryAfter says when
	KindUnavailable  ErrorKind = "unavailable"  // cannot be served now; RetryAfter says when
	KindInternal     ErrorKind = "internal"     // our fault
)

// Error is the one error type of the program. Kind, Code, Message and Fields may leave
// the process; Err only reaches the log. Any other error is internal.
type Error struct {
	Kind       ErrorKind
	Code       string // stable, for programs: "recipient-required"
	Message    string // for people; says what is allowed
	Fields     []FieldError
	Facts      map[string]any // further facts a dialect may render, such as the candidates of a choice
	RetryAfter time.Duration  // for KindRateLimited and KindUnavailable
	Err        error
}

// FieldError says what is wrong with one field, named by its path in the request ("to.contact").
type FieldError struct {
	Field   string
	Code    string
	Message string
}

func (e *Error) Error() string {
	text := e.Code
	if e.Message != "" {
		text += ": " + e.Message
	}
	for _, f := range e.Fields {
		text += fmt.Sprintf("; %s: %s", f.Field, f.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error; one that is not becomes internal, with its text for the log only.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Code: "internal", Message: "an internal error occurred; it has been logged", Err: err}
}

// IsKind reports whether err is an *Error of this kind.
func IsKind(err error, kind ErrorKind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}

// Invalid is a request with one wrong field. The message says what is allowed.
func Invalid(field, code, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Kind: KindInvalid, Code: code, Message: field + ": " + message,
		Fields: []FieldError{{Field: field, Code: code, Message: message}}}
}

// InvalidFields is a request with several wrong fields; nil when there are none.
func InvalidFields(fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.Field + ": " + f.Message
	}
	return &Error{Kind: KindInvalid, Code: fields[0].Code, Message: strings.Join(texts, "; "), Fields: fields}
}

// About names the field of the request that an error of a code is about, where whoever made it could not know.
func About(err error, code, field string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != code || len(e.Fields) > 0 {
		return err
	}
	named := *e
	named.Fields = []FieldError{{Field: field, Code: e.Code, Message: e.Message}}
	return &named
}

// NotFound says that there is no such thing, or none that may be seen.
func NotFound(what string, id ID) *Error {
	return &Error{Kind: KindNotFound, Code: "not-found", Message: fmt.Sprintf("no %s %q", what, id)}
}

// Conflict is a request that the present state refuses.
func Conflict(code, format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Forbidden says which scope is missing.
func Forbidden(scope Scope) *Error {
	return &Error{Kind: KindForbidden, Code: "scope-required",
		Message: fmt.Sprintf("the key lacks the scope %q", scope), Facts: map[string]any{"scope": string(scope)}}
}

// Unavailable says that the request could not be served now and may be repeated.
func Unavailable(code, message string, err error) *Error {
	return &Error{Kind: KindUnavailable, Code: code, Message: message, RetryAfter: time.Second, Err: err}
}

// FirstError is the first of some errors that is one; nil where none is.
func FirstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
