package wire

import (
	"encoding/json"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// AuditEntry renders an entry of the audit log. Changes that are no list, which is what was written, are shown as none.
func AuditEntry(e *parley.AuditEntry) api.AuditEntry {
	var changes []api.AuditChange
	if json.Unmarshal([]byte(e.Changes), &changes) != nil || changes == nil {
		changes = []api.AuditChange{}
	}
	return api.AuditEntry{
		Sequence: e.Sequence, At: stamp(e.At), Act: string(e.Act), Changes: changes, Address: e.Address, Hash: e.Hash,
		Actor:   api.AuditActor{Kind: string(e.Actor.Kind), User: string(e.Actor.User), Key: string(e.Actor.Key)},
		Subject: api.AuditSubject{Kind: e.SubjectKind, ID: string(e.Subject)},
	}
}
