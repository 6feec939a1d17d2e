package parley

// DeliveryState is where one delivery stands.
type DeliveryState string

// The states of a delivery. Work under way is a queued delivery under lease, not a state.
const (
	Queued    DeliveryState = "queued"
	Sent      DeliveryState = "sent"
	Delivered DeliveryState = "delivered"
	Read      DeliveryState = "read"
	Failed    DeliveryState = "failed"
	Expired   DeliveryState = "expired"  // its validity passed
	Skipped   DeliveryState = "skipped"  // deliberately not sent
	Canceled  DeliveryState = "canceled" // withdrawn before it was sent
	Unknown   DeliveryState = "unknown"  // handed to a provider that cannot say whether it took it
)

// MessageState is a DeliveryState, or Scheduled.
type MessageState = DeliveryState

// Scheduled is the state of a message whose time to be sent has not come.
const Scheduled MessageState = "scheduled"

// FailurePhase says where a delivery failed.
type FailurePhase string

// The phases of a failure.
const (
	PhasePolicy   FailurePhase = "policy"   // our own rules refused it
	PhaseHandoff  FailurePhase = "handoff"  // the provider did not take it
	PhaseDelivery FailurePhase = "delivery" // the provider took it and reports that it did not arrive
)

// DeliveryStates are all states a delivery can have.
var DeliveryStates = []DeliveryState{Queued, Sent, Delivered, Read, Failed, Expired, Skipped, Canceled, Unknown}

// News is what is learned about a delivery: the state reported, and how.
type News struct {
	State DeliveryState
	Phase FailurePhase // of a failure
	// AcceptedOnly: the connector's "delivered" only means accepted, so that a delivery failure beats it.
	AcceptedOnly bool
}

// transitions says which states follow which. Late good news wins over failure, expiry and doubt; bad news
// never undoes good news, but for a delivery failure after "sent" (and see News.AcceptedOnly).
var transitions = map[DeliveryState][]DeliveryState{
	Queued:    {Sent, Delivered, Read, Failed, Expired, Skipped, Canceled, Unknown},
	Sent:      {Delivered, Read, Failed},
	Delivered: {Read, Failed},
	Read:      {},
	Failed:    {Delivered, Read},
	Expired:   {Delivered, Read},
	Unknown:   {Sent, Delivered, Read, Failed},
	Skipped:   {},
	Canceled:  {},
}

// Moves reports whether the news moves a delivery on from its state.
func (from DeliveryState) Moves(news News) bool {
	for _, to := range transitions[from] {
		if to != news.State {
			continue
		}
		if to != Failed {
			return true
		}
		switch from {
		case Sent, Unknown:
			return news.Phase == PhaseDelivery
		case Delivered:
			return news.Phase == PhaseDelivery && news.AcceptedOnly
		}
		return true
	}
	return false
}

// Final reports whether nothing more will be tried. A receipt may still come.
func (from DeliveryState) Final() bool { return from != Queued && from != Scheduled }

// Overall is the state of a message with these deliveries: that of the least advanced live one; with
// none live, the first found of failed, unknown, expired, skipped, canceled; with none at all, none.
func Overall(counts map[DeliveryState]int) MessageState {
	for _, s := range [...]DeliveryState{Queued, Sent, Delivered, Read, Failed, Unknown, Expired, Skipped, Canceled} {
		if counts[s] > 0 {
			return s
		}
	}
	return ""
}
