package api

// FailurePhase says where a delivery failed.
type FailurePhase string

// The phases of a failure.
const (
	PhasePolicy   FailurePhase = "policy"   // our own rules refused it
	PhaseHandoff  FailurePhase = "handoff"  // the provider did not take it
	PhaseDelivery FailurePhase = "delivery" // the provider took it and reports that it did not arrive
)

// Delivery is one message to one recipient.
type Delivery struct {
	ID             string       `json:"id" example:"d0l3kq0s7k0c5vsr9ehg.1" doc:"<messageId>.<number>"`
	MessageID      string       `json:"messageId" doc:"The message."`
	Number         int          `json:"number" doc:"Its number within the message, from 1."`
	ConversationID string       `json:"conversationId" doc:"The conversation of the message."`
	Recipient      Actor        `json:"recipient" doc:"To whom."`
	Role           ReceiverRole `json:"role,omitempty" enum:"to,cc,bcc" doc:"Outside: as what. Who gets a blind copy (bcc) is seen by nobody outside."`
	Address        string       `json:"address,omitempty" doc:"To which address, as kind:value; none for members, but for those that fallbacks made, to who has the scope users:read."`
	Channel        string       `json:"channel,omitempty" doc:"Through which channel; none for members, but for those that fallbacks made."`
	Status         Status       `json:"status" enum:"queued,sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"Where it stands."`
	Phase          FailurePhase `json:"phase,omitempty" enum:"policy,handoff,delivery" doc:"Of a failure: where it happened."`
	Code           string       `json:"code,omitempty" doc:"Of a failure: a stable code. While queued: why it waits, such as quiet-hours."`
	Reason         string       `json:"reason,omitempty" doc:"Of a failure: what the operator should read."`
	Attempts       int          `json:"attempts" doc:"How many provider calls were made."`
	NextAttemptAt  Time         `json:"nextAttemptAt,omitzero" format:"date-time" doc:"While queued: when it is tried next."`
	ValidUntil     Time         `json:"validUntil,omitzero" format:"date-time" doc:"Until when it is tried."`
	Fallback       int          `json:"fallback,omitempty" doc:"Which of the message's fallbacks made it, from 1; with escalationLevel, which of those of that level."`
	Level          *int         `json:"escalationLevel,omitempty" doc:"Of one that a fallback of an escalation made: at which level, 0 being the role."`
	Instead        int          `json:"instead,omitempty" doc:"Of one that a fallback made for somebody outside: the number of the delivery that it stands in for."`
	RetryOf        int          `json:"retryOf,omitempty" doc:"The number of the delivery that this one repeats by hand."`
	Held           bool         `json:"held" doc:"Whether it waits for somebody's decision after a lost call."`
	CreatedAt      Time         `json:"createdAt" format:"date-time" doc:"When it was made."`
	SentAt         Time         `json:"sentAt,omitzero" format:"date-time" doc:"When it was sent."`
	DeliveredAt    Time         `json:"deliveredAt,omitzero" format:"date-time" doc:"When it arrived."`
	ReadAt         Time         `json:"readAt,omitzero" format:"date-time" doc:"When it was read."`
	EndedAt        Time         `json:"endedAt,omitzero" format:"date-time" doc:"When it failed, expired, or was skipped or canceled."`
}

// AttemptOutcome is how a provider call ended.
type AttemptOutcome string

// The outcomes of a call.
const (
	AttemptAccepted AttemptOutcome = "accepted"
	AttemptRetry    AttemptOutcome = "retry" // failed for now
	AttemptFailed   AttemptOutcome = "failed"
	AttemptLost     AttemptOutcome = "lost" // its answer never reached us
)

// Attempt is one call to a provider for a delivery.
type Attempt struct {
	DeliveryID string         `json:"deliveryId" doc:"The delivery: <messageId>.<number>"`
	Number     int            `json:"number" doc:"Its number within the delivery, from 1."`
	StartedAt  Time           `json:"startedAt" format:"date-time" doc:"When the call began."`
	EndedAt    Time           `json:"endedAt,omitzero" format:"date-time" doc:"When it ended; none while it is under way, or lost."`
	Outcome    AttemptOutcome `json:"outcome,omitempty" enum:"accepted,retry,failed,lost" doc:"How it ended; none while it is under way."`
	Code       string         `json:"code,omitempty" doc:"Of a failure: a stable code."`
	Text       string         `json:"text,omitempty" doc:"What the operator should read; secrets are redacted."`
	Request    string         `json:"request,omitempty" doc:"Method and URL of the call; secrets are redacted."`
	HTTPStatus int            `json:"httpStatus,omitempty" doc:"Of the provider's answer."`
	Reference  string         `json:"reference,omitempty" doc:"The client reference handed to the provider."`

	ProviderIDs []string `json:"providerIds,omitempty" doc:"Of one that was accepted: the provider's ids, one for each message that it became there."`
}

// InteractionKind is what a recipient did.
type InteractionKind string

// The kinds of interactions.
const (
	InteractionDelivered    InteractionKind = "delivered"
	InteractionRead         InteractionKind = "read"
	InteractionAcknowledged InteractionKind = "acknowledged"
	InteractionOpened       InteractionKind = "opened"
	InteractionClicked      InteractionKind = "clicked"
	InteractionReacted      InteractionKind = "reacted"
)

// Interaction is what somebody did with one message.
type Interaction struct {
	MessageID string          `json:"messageId" doc:"The message."`
	Kind      InteractionKind `json:"kind" enum:"delivered,read,acknowledged,opened,clicked,reacted" doc:"What was done."`
	Actor     Actor           `json:"actor" doc:"Who did it."`
	Address   string          `json:"address,omitempty" doc:"At which address, as kind:value."`
	At        Time            `json:"at" format:"date-time" doc:"When, the first time."`
	Action    string          `json:"action,omitempty" doc:"Of clicked: the id of the action."`
	URL       string          `json:"url,omitempty" doc:"Of clicked: the link."`
	Emoji     string          `json:"emoji,omitempty" doc:"Of reacted: the reaction."`
	Times     int64           `json:"times,omitempty" doc:"Of opened and clicked: how often."`
	LastAt    Time            `json:"lastAt,omitzero" format:"date-time" doc:"Of opened and clicked: when, the last time."`
}

// Click is the action that a message from outside chose.
type Click struct {
	Action  string `json:"action" doc:"The id of the action, in the message that this one answers."`
	Payload string `json:"payload,omitempty" doc:"What the action has for whoever sent it."`
}

// ReactionRequest is a reaction to a message.
type ReactionRequest struct {
	Emoji string `json:"emoji" minLength:"1" maxLength:"32" example:"👍" doc:"An emoji, or a word."`
}
