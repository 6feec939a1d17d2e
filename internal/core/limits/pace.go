package limits

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// CodeRecords says of a request that no more messages are recorded of a contact for now.
const CodeRecords = "record-limit"

// Pace is how many messages with a contact somebody may record at most, in a time that the first of them begins. Max 0: any number.
type Pace struct {
	Max int
	Per time.Duration
}

// Paced is where whoever recorded a message stands with its pace; zero where it has none.
type Paced struct {
	Max, Used int
	Until     time.Time // when the time ends that they are counted in
}

// Count has the store count a record of a message with a contact where it adds it: of all that are made at once, on all nodes, exactly
// as many are as the pace allows. It is counted for the user of the key, whichever of that user's keys it is.
func (pace Pace) Count(r *store.Recorded, p *access.Principal, contact parley.ID) {
	if pace.Max == 0 || contact == "" {
		return
	}
	r.Contact, r.Recorder, r.Max, r.Per = contact, string(p.User), pace.Max, pace.Per
	if p.User == "" {
		r.Recorder = string(p.Key)
	}
}

// PacedOf is where a record stands that was counted.
func PacedOf(r *store.Recorded) Paced {
	if r == nil {
		return Paced{}
	}
	return Paced{Max: r.Max, Used: r.Used, Until: r.Until}
}

// TooMany is the refusal of a record that its pace does not allow.
func TooMany(r *store.Recorded, now time.Time) error {
	return &parley.Error{Kind: parley.KindRateLimited, Code: CodeRecords, RetryAfter: r.Until.Sub(now),
		Message: fmt.Sprintf("at most %d messages with one contact are recorded in %d seconds", r.Max, int64(r.Per/time.Second)),
		Facts:   map[string]any{"limit": r.Max, "until": r.Until}}
}
