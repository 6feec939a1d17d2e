package core

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/record"
)

// Paced is where whoever recorded a message stands with its pace; zero where it has none.
type Paced struct {
	Max, Used int
	Until     time.Time // when the time ends that they are counted in
}

// keepPace counts a record, in the unit that adds it: of all that are made at once, on all nodes, exactly as many are as the pace allows.
func (s *send) keepPace(tx *store.Tx, r *route) error {
	pace := s.params.Record.Pace
	if pace.Max == 0 || r.customer == "" {
		return nil
	}
	n, until, err := record.Count(tx, s.p.Organization, r.customer, string(s.recorder()), pace.Per)
	if err != nil {
		return err
	}
	if s.paced = (Paced{Max: pace.Max, Used: min(n, pace.Max), Until: until}); n > pace.Max {
		return &parley.Error{Kind: parley.KindRateLimited, Code: "record-limit", RetryAfter: until.Sub(tx.Now),
			Message: fmt.Sprintf("at most %d messages with one contact are recorded in %s", pace.Max, pace.Per),
			Facts:   map[string]any{"limit": pace.Max, "until": until}}
	}
	return nil
}

// recorder is who records: the user of the key, whichever of its keys it is.
func (s *send) recorder() parley.ID {
	if s.p.User != "" {
		return s.p.User
	}
	return s.p.Key
}

// nameRecord gives the message the id that it has where it happened.
func (s *send) nameRecord(tx *store.Tx) error {
	id := s.params.Record.ExternalID
	if id == "" {
		return nil
	}
	if free, err := record.Name(tx, s.p.Organization, id, s.id); err != nil || free {
		return err
	}
	return parley.About(parley.Conflict("external-id-taken", "another message has this external id"), "external-id-taken", "externalId")
}
