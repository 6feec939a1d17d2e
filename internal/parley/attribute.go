package parley

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// AttributeType says what the values of an attribute look like.
type AttributeType string

// The types of attributes.
const (
	AttributeString   AttributeType = "string"
	AttributeNumber   AttributeType = "number"
	AttributeBoolean  AttributeType = "boolean"
	AttributeDate     AttributeType = "date"
	AttributeDateTime AttributeType = "datetime"
	AttributeChoice   AttributeType = "choice" // one of a list
)

// AttributeTypes are all of them.
var AttributeTypes = []AttributeType{AttributeString, AttributeNumber, AttributeBoolean, AttributeDate, AttributeDateTime, AttributeChoice}

// AttributeSubject is what an organization keeps attributes of.
type AttributeSubject string

// The subjects of attributes.
const (
	OfContacts      AttributeSubject = "contact"
	OfConversations AttributeSubject = "conversation"
)

// Attribute defines what an organization keeps of its contacts, or of its conversations, under a key.
type Attribute struct {
	Of        AttributeSubject
	Key       string
	Type      AttributeType
	Label     string
	Choices   []string // of AttributeChoice
	Archived  bool     // values stay, and none are set any more
	Rev       int64
	CreatedAt time.Time
}

var attributeKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// AttributeKey reports whether an attribute may be defined under a key.
func AttributeKey(key string) bool { return attributeKey.MatchString(key) }

// number is what a number looks like; it is kept digit by digit.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,15})?$`)

// Normal returns a value as it is kept. The error says what is allowed.
func (a *Attribute) Normal(value string) (string, error) {
	switch a.Type {
	case AttributeNumber:
		if !number.MatchString(value) {
			return "", errors.New("must be a number, such as 12 or -0.5")
		}
	case AttributeBoolean:
		if value != "true" && value != "false" {
			return "", errors.New("must be true or false")
		}
	case AttributeDate:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "", errors.New("must be a date, such as 2026-03-01")
		}
	case AttributeDateTime:
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return "", errors.New("must be a time, such as 2026-03-01T12:00:00Z")
		}
		return at.UTC().Format("2006-01-02T15:04:05.000Z"), nil
	case AttributeChoice:
		if !slices.Contains(a.Choices, value) {
			return "", fmt.Errorf("must be one of %s", strings.Join(a.Choices, ", "))
		}
	}
	return value, nil
}
