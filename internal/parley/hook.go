package parley

import "time"

// Hook is an address of a test organization's that catches whatever is posted to it.
type Hook struct {
	ID     ID
	Secret string // makes the address one that nobody guesses
	Name   string
	// Status is what is answered, Times how often before it is 200; 0: always. Remaining is how often still.
	Status, Times, Remaining int
	Delay                    time.Duration // before it is answered
	Caught                   int64         // requests so far
	Rev                      int64
	CreatedAt                time.Time
}

// Caught is a request that a hook caught.
type Caught struct {
	Hook    ID
	Number  int64 // in the hook, from 1
	At      time.Time
	Method  string
	Path    string // below the hook's own
	Query   string
	Headers map[string][]string // without secrets
	Body    string              // the beginning, where it is long
	Base64  bool                // the body is no text, and written so
	Size    int64               // of the whole body, as far as it was read
	Address string              // where it came from
	Status  int                 // what it was answered
}
