package native

// Streams serves live events.
type Streams interface{}
