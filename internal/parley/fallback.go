package parley

import (
	"slices"
	"time"
)

// Fallback is another channel on which a message goes out to recipients whom it does not reach.
type Fallback struct {
	Channel ID            `json:"c"`
	After   time.Duration `json:"a"`
	On      FallbackOn    `json:"o"`
}

// FallbackOn is what a fallback waits for.
type FallbackOn string

// What fallbacks wait for.
const (
	OnFailed FallbackOn = "failed" // that nothing that was tried for the recipient has succeeded
	OnUnread FallbackOn = "unread" // that the recipient has neither read nor acknowledged the message, counted from when it was sent
)

// GoesOn reports whether a message is on a channel, or may go out there because of a fallback.
func (m *Message) GoesOn(channel ID) bool {
	return m.Channel == channel || slices.ContainsFunc(m.Fallback, func(f Fallback) bool { return f.Channel == channel })
}

// MaxFallbacks is how many fallbacks a message may have.
const MaxFallbacks = 5

// FallbackContent is how much of what was not meant to leave the organization a fallback says.
type FallbackContent string

// How much that is.
const (
	FallbackNone FallbackContent = "none" // that there is a message
	FallbackFull FallbackContent = "full" // what it says
)

// DefaultFallbackText is what a fallback without content says.
const DefaultFallbackText = "You have a new message."
