package parley

import (
	"cmp"
	"time"
)

// ContactLimit is how many messages a contact gets at most, over all channels and doors.
type ContactLimit struct {
	Class    MessageClass  `json:"class"`              // that it counts; or ClassAll
	Platform string        `json:"platform,omitempty"` // of the channels that it counts; empty: all together
	Max      int           `json:"max"`                // how many in any Period
	Period   time.Duration `json:"period"`             // wherever it begins
	Beyond   LimitBeyond   `json:"beyond"`             // what becomes of one more
	High     bool          `json:"high,omitempty"`     // it counts messages of high priority too; else these are neither held back nor counted
}

// LimitBeyond is what becomes of a message that a limit has no place for.
type LimitBeyond string

// What becomes of it.
const (
	LimitRefuses LimitBeyond = "refuse" // it is not accepted
	LimitDefers  LimitBeyond = "defer"  // it waits for a place
)

// Counts reports whether it counts a message that goes out.
func (l *ContactLimit) Counts(class MessageClass, platform string, high bool) bool {
	return (l.Class == class || l.Class == ClassAll) && (l.Platform == "" || l.Platform == platform) && (l.High || !high)
}

// Limits are the limits that count a message that goes out.
func (p *Policy) Limits(class MessageClass, platform string, priority Priority) (list []ContactLimit) {
	for i := range p.ContactLimits {
		if p.ContactLimits[i].Counts(cmp.Or(class, ClassTransactional), platform, priority == PriorityHigh) {
			list = append(list, p.ContactLimits[i])
		}
	}
	return list
}
