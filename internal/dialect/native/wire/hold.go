package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/parley"
)

// Hold renders a legal hold.
func Hold(h *parley.Hold) api.Hold {
	out := api.Hold{ID: string(h.ID), Subject: api.HoldSubject{Kind: string(h.Subject.Kind), ID: string(h.Subject.ID)}, Reason: h.Reason,
		PlacedBy: string(h.PlacedBy), PlacedAt: stamp(h.PlacedAt), LiftedBy: string(h.LiftedBy), LiftReason: h.LiftReason, Rev: h.Rev}
	if !h.LiftedAt.IsZero() {
		out.LiftedAt = new(stamp(h.LiftedAt))
	}
	return out
}

// Held renders a thing that only holds keep.
func Held(k *parley.Held) api.Held {
	return api.Held{ID: string(k.ID), Kind: string(k.Kind), Conversation: string(k.Conversation), Reason: api.Removal(k.Reason), At: stamp(k.At)}
}

// HeldContent renders it with its content.
func HeldContent(k *holds.Content) api.HeldContent {
	out := api.HeldContent{Held: Held(&k.Held), Files: make([]api.Media, 0, len(k.Files)), Texts: make([]api.HeldText, 0, len(k.Texts))}
	if k.Message != nil {
		out.Message = new(Message(k.Message))
	}
	if k.Contact != nil {
		out.Contact = new(Contact(k.Contact))
	}
	for i := range k.Files {
		out.Files = append(out.Files, Media(&k.Files[i]))
	}
	for _, t := range k.Texts {
		out.Texts = append(out.Texts, api.HeldText{Place: t.Place, Item: t.Item, Content: t.Content})
	}
	return out
}
