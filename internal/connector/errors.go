package connector

import "time"

// Codes of errors that every connector may return. A connector may have codes of its own.
const (
	CodeRateLimited   = "rate-limited"         // 429: too many calls
	CodeUnavailable   = "provider-unavailable" // 5xx, 408 or 425: not now
	CodeUnreachable   = "provider-unreachable" // no connection was made
	CodeRefused       = "provider-refused"     // another 4xx: the provider will not take it
	CodeCredentials   = "credentials-refused"  // 401 or 403: the channel's credentials are wrong
	CodeRedirected    = "redirected"           // a redirect that is not followed
	CodeBlocked       = "address-blocked"      // the guard refuses the provider's address
	CodeSettings      = "settings-invalid"     // the channel's settings cannot be used
	CodeRecipient     = "recipient-invalid"    // there is no such recipient
	CodeRefusedBy     = "recipient-blocked"    // the recipient takes nothing from this sender
	CodeBounced       = "bounced"              // taken, and reported as undeliverable later
	CodeUnknownAnswer = "answer-unknown"       // an answer that is none of the protocol's
)

// Error is a provider's refusal, or a call that certainly was not taken.
type Error struct {
	Retry      bool          // try again later
	RetryAfter time.Duration // not before, where the provider says so
	Code       string        // stable: "recipient-invalid", "rate-limited"
	Text       string        // what the operator should read; secrets redacted
	Trace      Trace
	Err        error // for the log; secrets redacted
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

func (e *Error) Unwrap() error { return e.Err }

// LostError is a call whose outcome nobody knows: the request, or a part of it, was written, and no whole
// answer came back.
type LostError struct {
	Text  string // what the operator should read; secrets redacted
	Trace Trace
	Err   error // for the log; secrets redacted
}

func (e *LostError) Error() string { return "outcome unknown: " + e.Text }

func (e *LostError) Unwrap() error { return e.Err }
