package parley

// PresenceStatus is where somebody is.
type PresenceStatus string

// Where somebody may be.
const (
	PresenceOnline    PresenceStatus = "online"
	PresenceAway      PresenceStatus = "away"
	PresenceInvisible PresenceStatus = "invisible" // there, and for others offline
	PresenceOffline   PresenceStatus = "offline"
)

// Presence is where a user is, as others see it.
type Presence struct {
	User   ID
	Status PresenceStatus
}

// The types of hints, which are in no log.
const (
	EventConversationTyping EventType = "conversation.typing" // a user writes in it, or no more
	EventUserPresence       EventType = "user.presence"       // a user is somewhere else
)
