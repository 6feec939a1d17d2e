package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// Suppression renders a suppression.
func Suppression(s *parley.Suppression) api.Suppression {
	return api.Suppression{ID: string(s.ID), Address: address(s.Address), Platform: s.Platform, Class: api.MessageClass(s.Class),
		Reason: api.SuppressionReason(s.Reason), Note: s.Note, Actor: string(s.Actor), MessageID: string(s.Message), CreatedAt: stamp(s.CreatedAt)}
}

// BlockedSender renders a blocked sender.
func BlockedSender(b *parley.BlockedSender) api.BlockedSender {
	return api.BlockedSender{ID: string(b.ID), Contact: string(b.Contact), Address: address(b.Address), Note: b.Note, Actor: string(b.Actor),
		Parked: b.Parked, CreatedAt: stamp(b.CreatedAt)}
}

// ContactExport renders an export of a contact's data.
func ContactExport(e *parley.ContactExport) api.ContactExport {
	return api.ContactExport{ID: string(e.ID), Contact: string(e.Contact), Status: api.DossierStatus(e.State), Media: string(e.Media), Size: e.Size,
		Actor: string(e.Actor), CreatedAt: stamp(e.CreatedAt), ReadyAt: stamp(e.ReadyAt), ExpiresAt: stamp(e.ExpiresAt)}
}

// ContactErasure renders an erasure of a contact.
func ContactErasure(e *parley.ContactErasure) api.ContactErasure {
	return api.ContactErasure{Contact: string(e.Contact), Status: api.DossierStatus(e.State), Messages: e.Messages, Actor: string(e.Actor),
		CreatedAt: stamp(e.CreatedAt), EndedAt: stamp(e.EndedAt)}
}
