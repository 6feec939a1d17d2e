package content

import "github.com/parley-server/parley/internal/parley"

// Limits of what a page reminds.
const (
	minRemindEvery = 30 // seconds
	maxRemindEvery = 86_400
	maxReminders   = 100
)

func (c *checking) paging(field string, p *parley.Part) {
	how := p.Paging
	if how == nil {
		return
	}
	if how.Urgency != "" && how.Urgency != parley.UrgencyNormal && how.Urgency != parley.UrgencyHigh {
		c.Refuse(field+".urgency", "value-unknown", "must be normal or high")
	}
	if how.Each && p.Who.Kind != parley.ActorTeam && p.Who.Kind != parley.ActorRole {
		c.Refuse(field+".each", "not-allowed", "goes with a team or a role only")
	}
	if how.RemindEvery != 0 && (how.RemindEvery < minRemindEvery || how.RemindEvery > maxRemindEvery) {
		c.Refuse(field+".remindEvery", "out-of-range", "must be %d to %d seconds", minRemindEvery, maxRemindEvery)
	}
	if how.Reminders != nil && (*how.Reminders < 0 || *how.Reminders > maxReminders) {
		c.Refuse(field+".reminders", "out-of-range", "must be 0 to %d", maxReminders)
	}
}
