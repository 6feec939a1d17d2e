package bird

import (
	"cmp"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/parley"
)

// status is how far a message is.
type status struct {
	word    string
	reason  string
	details string
	failure *failure
	at      time.Time
}

// failure is why a message did not arrive.
type failure struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
	Source      source `json:"source"`
}

type source struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// words are the statuses of states, but for failed, which goes by its phase. A message that nobody knows the fate of is under way as far
// as anybody can say.
var words = map[parley.MessageState]string{parley.Queued: "accepted", parley.Scheduled: "scheduled", parley.Sent: "sent", parley.Delivered: "delivered",
	parley.Read: "delivered", parley.Expired: "sending_failed", parley.Skipped: "skipped", parley.Canceled: "deleted", parley.Unknown: "processing"}

// phases are the statuses and classes of failures.
var phases = map[parley.FailurePhase]struct {
	word string
	code int
}{parley.PhasePolicy: {"rejected", 14001}, parley.PhaseHandoff: {"sending_failed", 15001}, parley.PhaseDelivery: {"delivery_failed", 15005}}

// Classes of failures that have no phase.
const (
	codeUnsaid  = 12001
	codeExpired = 14002
)

// detailsAsText says that the platform got parts of the body as plain text.
const detailsAsText = "sent_as_text"

// statesOf are the states that a status stands for, in a filter.
func statesOf(word string) (states []parley.MessageState) {
	for state, w := range words {
		if w == word {
			states = append(states, state)
		}
	}
	for _, p := range phases {
		if p.word == word {
			return append(states, parley.Failed)
		}
	}
	return states
}

func statusOf(i *outside.Item) status {
	s := status{word: words[i.State], at: cmp.Or(i.SentAt, i.CreatedAt)}
	if i.Sequence == 0 {
		s.at = i.CreatedAt
	}
	var worst *parley.Delivery
	for n := range i.Deliveries {
		d := &i.Deliveries[n]
		s.at = latest(s.at, d.SentAt, d.DeliveredAt, d.ReadAt, d.EndedAt)
		if d.State == i.State && worst == nil {
			worst = d
		}
	}
	switch {
	case i.Removed != "":
		s.word, s.at = "deleted", latest(s.at, i.RemovedAt)
		return s
	case i.State == parley.Queued && worst != nil && worst.Attempts > 0:
		s.word = "processing"
	case i.State == parley.Failed, i.State == parley.Expired:
		s.fail(i, worst)
	case i.State == parley.Skipped && worst != nil:
		s.details, s.reason = worst.Code, worst.Reason
	}
	if s.word == "" {
		s.word = "processing"
	}
	if s.failure == nil && s.details == "" && len(i.AsText) > 0 {
		s.details, s.reason = detailsAsText, fmt.Sprintf("%s does not carry all of the body as it is: %d of its parts went as plain text", platformOf(i.Platform), len(i.AsText))
	}
	return s
}

func (s *status) fail(i *outside.Item, d *parley.Delivery) {
	phase, code, why := parley.PhaseDelivery, "failed", ""
	if d != nil {
		phase, code, why = d.Phase, cmp.Or(d.Code, "failed"), d.Reason
	}
	class, known := phases[phase]
	switch {
	case i.State == parley.Expired:
		class.word, class.code, code, why = words[parley.Expired], codeExpired, "expired", "its validity ended before it was sent"
	case !known:
		class.word, class.code = "delivery_failed", codeUnsaid
	}
	why = cmp.Or(why, code)
	s.word, s.details = class.word, code
	s.reason = fmt.Sprintf("details: %s; reason: %s; code: %d", why, code, class.code)
	s.failure = &failure{Code: class.code, Description: why, Source: source{Code: code, Name: platformOf(i.Platform)}}
}
