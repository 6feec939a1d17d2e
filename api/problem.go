package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Problem is what the API answers instead of a result: an RFC 9457 problem, with media type
// application/problem+json.
type Problem struct {
	Type      string       `json:"type,omitempty" doc:"A URI for the kind of problem."`
	Title     string       `json:"title" doc:"The HTTP status in words."`
	Status    int          `json:"status" doc:"The HTTP status."`
	Code      string       `json:"code" doc:"What went wrong: stable, for programs."`
	Detail    string       `json:"detail,omitempty" doc:"What went wrong and what is allowed: for people."`
	Instance  string       `json:"instance,omitempty" doc:"A URI for this occurrence."`
	RequestID string       `json:"requestId" doc:"Names the request in the server's log."`
	Errors    []FieldError `json:"errors,omitempty" doc:"What is wrong with which field."`
	// Facts are further members, beside the others in JSON: oldest and latest with 410 of the event log,
	// organizations with organization-required, freeAt and limit with contact-limit, candidates with channel-required, scope with scope-required.
	Facts map[string]any `json:"-"`

	_ struct{} `additionalProperties:"true"`
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field   string `json:"field" example:"to.contact" doc:"The field, as a path; path, query and header parameters by their name."`
	Code    string `json:"code" doc:"What is wrong: stable, for programs."`
	Message string `json:"message" doc:"What is wrong and what is allowed: for people."`
}

// problem is Problem without its methods.
type problem Problem

// MarshalJSON writes Facts beside the other members; a fact never replaces one of those.
func (p Problem) MarshalJSON() ([]byte, error) {
	own, err := json.Marshal(problem(p))
	if err != nil || len(p.Facts) == 0 {
		return own, err
	}
	facts := maps.Clone(p.Facts)
	maps.DeleteFunc(facts, func(name string, _ any) bool { return problemMembers[name] })
	if len(facts) == 0 {
		return own, nil
	}
	more, err := json.Marshal(facts)
	if err != nil {
		return nil, err
	}
	joined := append(own[:len(own)-1], ',')
	return append(joined, more[1:]...), nil
}

var problemMembers = map[string]bool{"type": true, "title": true, "status": true, "code": true, "detail": true,
	"instance": true, "requestId": true, "errors": true}

// UnmarshalJSON reads the members it knows and keeps the others in Facts, numbers as json.Number.
func (p *Problem) UnmarshalJSON(data []byte) error {
	var own problem
	if err := json.Unmarshal(data, &own); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var all map[string]any
	if err := decoder.Decode(&all); err != nil {
		return err
	}
	maps.DeleteFunc(all, func(name string, _ any) bool { return problemMembers[name] })
	if len(all) > 0 {
		own.Facts = all
	}
	*p = Problem(own)
	return nil
}

// Error is an answer of the API that is not a success. Find it with errors.As.
type Error struct {
	Problem
	// HTTPStatus of the answer. Problem.Status is the same where the answer was a problem.
	HTTPStatus int
	// RetryAfter is how long the server asks to wait, 0 where it does not say.
	RetryAfter time.Duration
}

// Error says what went wrong, with the code, the fields and the request's id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("parley: ")
	b.WriteString(strconv.Itoa(e.HTTPStatus))
	for _, text := range []string{e.Code, e.Detail} {
		if text != "" {
			b.WriteString(" " + text)
		}
	}
	for _, f := range e.Errors {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Gap says which part of the event log is still kept: the sequences of its oldest and latest event.
type Gap struct {
	Oldest int64
	Latest int64
}

// Gap returns what is left of the event log, and true, where the error says that a cursor is no longer in
// it (410). A reader that accepts the loss goes on after Oldest-1; one that only wants what comes now, after
// Latest.
func (e *Error) Gap() (Gap, bool) {
	oldest, found := e.number("oldest")
	latest, also := e.number("latest")
	return Gap{Oldest: oldest, Latest: latest}, e.HTTPStatus == 410 && found && also
}

func (e *Error) number(fact string) (int64, bool) {
	switch v := e.Facts[fact].(type) {
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case int64:
		return v, true
	}
	return 0, false
}
