// Package auditing answers requests about the audit log.
package auditing

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ log *audit.Log }

// Endpoints are the operations of this package.
func Endpoints(log *audit.Log) []*door.Endpoint {
	a := area{log}
	return []*door.Endpoint{
		door.List(door.Operation("GET /v1/audit", "listAudit", parley.ScopeAuditRead, "List who did what, newest first"), a.entries),
	}
}

func (a area) entries(c *door.Call, f api.AuditFilter) ([]api.AuditEntry, string, error) {
	filter := audit.Filter{Actor: f.Actor, Key: parley.ID(f.Key), Act: parley.Act(f.Act), Subject: parley.ID(f.Subject), Since: f.Since, Till: f.Until}
	entries, next, err := a.log.List(c.Ctx(), c.P, filter, f.After, door.Limit(f.Limit))
	return wire.Each(entries, wire.AuditEntry), next, err
}
