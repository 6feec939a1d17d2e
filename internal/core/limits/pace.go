package limits

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/record"
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

// Keep counts a record of a message with a contact, in the unit that adds it: of all that are made at once, on all nodes, exactly as many are
// as the pace allows. It is counted for the user of the key, whichever of that user's keys it is.
func (pace Pace) Keep(tx *store.Tx, p *access.Principal, contact parley.ID) (Paced, error) {
	if pace.Max == 0 || contact == "" {
		return Paced{}, nil
	}
	recorder := string(p.User)
	if recorder == "" {
		recorder = string(p.Key)
	}
	n, until, err := record.Count(tx, p.Organization, contact, recorder, pace.Per)
	if err == nil && n > pace.Max {
		err = &parley.Error{Kind: parley.KindRateLimited, Code: CodeRecords, RetryAfter: until.Sub(tx.Now),
			Message: fmt.Sprintf("at most %d messages with one contact are recorded in %d seconds", pace.Max, int64(pace.Per/time.Second)),
			Facts:   map[string]any{"limit": pace.Max, "until": until}}
	}
	return Paced{Max: pace.Max, Used: min(n, pace.Max), Until: until}, err
}
