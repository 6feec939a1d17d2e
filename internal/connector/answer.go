package connector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const maxRetryAfter = 24 * time.Hour

// refusal maps an answer that is not 2xx. The provider's own words are left to the connector that can read
// them: a body may repeat the message, and attempts hold no content.
func refusal(answer Answer, redactor Redactor, now time.Time) *Error {
	e := &Error{Code: CodeRefused, Trace: answer.Trace,
		Text: strings.TrimSpace(fmt.Sprintf("the provider answered %d %s", answer.Status, http.StatusText(answer.Status)))}
	switch status := answer.Status; {
	case status == http.StatusTooManyRequests:
		e.Code, e.Retry = CodeRateLimited, true
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500 && status <= 599:
		e.Code, e.Retry = CodeUnavailable, true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Code = CodeCredentials
		e.Text += "; check the channel's credentials"
	case status >= 300 && status <= 399:
		e.Code = CodeRedirected
		if location := answer.Header.Get("Location"); location != "" {
			e.Text += ", to " + redactor.URL(location)
		}
		e.Text += "; set the address that it redirects to, where that is right"
	case status < 200 || status > 599:
		e.Code = CodeUnknownAnswer
	}
	if e.Retry {
		e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), now)
	}
	return e
}

// retryAfter reads seconds or an HTTP date, at most a day; 0 for anything else.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// failure maps a call without a whole answer. taken says that the request may have been written.
func failure(err error, taken bool, trace Trace, redactor Redactor) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	reason := redactor.Text(explain(err))
	log := &redactedError{text: redactor.Text(err.Error()), err: err}
	if _, blocked := errors.AsType[*BlockedError](err); blocked {
		return &Error{Code: CodeBlocked, Text: reason, Trace: trace, Err: log}
	}
	if !taken {
		return &Error{Retry: true, Code: CodeUnreachable, Text: "the provider could not be reached: " + reason, Trace: trace, Err: log}
	}
	return &LostError{Text: "the request was sent, and no whole answer came back: " + reason, Trace: trace, Err: log}
}

// explain says what happened in words that show nothing of the server's own network.
func explain(err error) string {
	if _, ok := errors.AsType[*BlockedError](err); ok {
		return "the provider's address is not public; loopback, private and other special addresses need the operator's permission"
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		if lookup.IsNotFound {
			return "the host name " + strconv.Quote(lookup.Name) + " does not exist"
		}
		return "the host name " + strconv.Quote(lookup.Name) + " could not be looked up"
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not accepted: " + certificate.Err.Error()
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "the call was given up"
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return "it took too long"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no route to it"
	}
	return "the connection failed or the answer is no HTTP"
}

// redactedError is a failure of the transport without secrets in its text. What it stands for can be
// asked with errors.Is, and not be printed.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

// Is reports whether the failure is target.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }
