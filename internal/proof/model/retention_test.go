package model

import (
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
)

// retain changes how long content is kept in conversations of a kind.
func (m *machine) retain() {
	o := m.organization()
	kind := one(m, "kind", []api.ConversationKind{api.ConversationDirect, api.ConversationExternal, api.ConversationExternal, api.ConversationGroup, api.ConversationTeam})
	keep := one(m, "keep", []time.Duration{0, 90 * time.Minute, 24 * time.Hour})
	patch := map[string]*int64{string(kind): nil}
	if seconds := int64(keep / time.Second); keep > 0 {
		patch[string(kind)] = &seconds
	}
	_, err := o.admin.client.PatchOrganization(background, api.OrganizationPatch{Policy: &api.PolicyPatch{Retention: patch}})
	m.log("%s keeps what is in %s conversations for %s: %v", o.name, kind, keep, err)
	m.ok(err, "changing the retention")
	o.retention[kind] = keep
	o.moving = true // what is kept no longer goes then
}

// lives is how long content lives in a conversation that is to live for a while.
func (c *conversation) lives(ttl time.Duration) time.Duration {
	if keep := c.org.retention[c.kind]; keep > 0 {
		return min(ttl, keep)
	}
	return ttl
}

// age has what is older go than it is kept, when the clock has been moved.
func (o *organization) age() {
	all := slices.Clone(o.order)
	slices.SortFunc(all, func(a, b *conversation) int { return strings.Compare(a.id, b.id) })
	for _, c := range all {
		keep := o.retention[c.kind]
		for _, msg := range slices.Clone(c.timeline) {
			if keep > 0 && msg.at.Before(o.now.Add(-keep)) {
				o.remove(msg, api.RemovedExpired)
			}
		}
	}
}
