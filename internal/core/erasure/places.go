package erasure

import (
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/interaction"
	"github.com/parley-server/parley/internal/store/playground"
	"github.com/parley-server/parley/internal/store/relation"
)

// place is somewhere that holds content of messages.
type place struct {
	holds string
	erase func(tx *store.Tx, batch []store.Erasure) error
	keep  func(tx *store.Tx, batch []store.Erasure) error // for whoever may read what a hold keeps; nil: another place has it all
}

// places is the list of everything that holds content of a message: whoever adds a copy adds it here. What a legal hold
// keeps is moved from these to the tables of holds, which nothing else reads. Whatever is
// not in it holds ids and facts only: events, the audit log, idempotency records, provider references, marks, participants, jobs.
// Deliveries keep to whom, and what became of it.
//
// The blobs of files, with their rows and names, follow by jobs of their own, for which ReleaseMedia asks. Old
// pages of the database are overwritten with zeros, and its write-ahead log is cut off, because the unit says
// Erased.
func places() []place {
	return []place{
		{"messages: body, attachments, reference, metadata, tags, and what a dialect must give back", (*store.Tx).EraseMessages, hold.KeepMessages},
		{"message_tags: the lists by tag", (*store.Tx).EraseTags, nil},
		{"media_references, and through them media and blobs", (*store.Tx).EraseMedia, hold.KeepFiles},
		{"interactions: what was clicked, and reactions", interaction.Erase, hold.KeepInteractions},
		{"parked: what came from a provider, as it came", (*store.Tx).EraseParked, hold.KeepParked},
		{"attempts: what providers answered, and the addresses that were called", (*store.Tx).EraseAttempts, hold.KeepAttempts},
		{"message_versions: what they said before they were edited", relation.EraseVersions, hold.KeepVersions},
		{"deliveries: what providers said of a failure", (*store.Tx).EraseReasons, hold.KeepReasons},
		{"hook_requests: what test organizations caught that was sent about it", playground.EraseCaught, nil},
		{"search_pages: its words", byEvent, nil},
	}
}

// byEvent is for a place that is made of the log of events: whoever makes it sees that the message was removed. What is
// shown of it meanwhile is read from the message.
func byEvent(*store.Tx, []store.Erasure) error { return nil }
