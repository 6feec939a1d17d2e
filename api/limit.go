package api

import (
	"context"
	"net/http"
)

// ContactLimit is how many messages a contact gets at most, over all channels and doors.
type ContactLimit struct {
	Class        MessageClass `json:"class" enum:"transactional,service,authentication,marketing,all" doc:"The class of messages that it counts."`
	Platform     string       `json:"platform,omitempty" maxLength:"50" example:"sms" doc:"The platform of the channels that it counts; left out: all together."`
	Max          int          `json:"max" minimum:"1" maximum:"1000" doc:"How many messages go out in any period."`
	Period       int64        `json:"period" minimum:"60" maximum:"2592000" doc:"Seconds, up to 30 days."`
	Beyond       LimitBeyond  `json:"beyond" enum:"refuse,defer" doc:"What becomes of one more: it is refused, or waits until there is a place."`
	HighPriority bool         `json:"highPriority,omitempty" doc:"Whether it counts messages of high priority too; else these are neither held back nor counted."`
}

// LimitBeyond is what becomes of a message that a limit has no place for.
type LimitBeyond string

// What becomes of it.
const (
	LimitRefuses LimitBeyond = "refuse"
	LimitDefers  LimitBeyond = "defer"
)

// ContactStandings are where a contact stands with the limits of the organization's policy.
type ContactStandings struct {
	Data []ContactStanding `json:"data" doc:"One for each limit, in the order of the policy."`
}

// ContactStanding is where a contact stands with a limit.
type ContactStanding struct {
	ContactLimit
	Used    int  `json:"used" doc:"How many messages it counts in the period up to now."`
	Waiting int  `json:"waiting" doc:"How many that it counts wait to go out."`
	FreeAt  Time `json:"freeAt,omitzero" format:"date-time" doc:"When it has a place for one more; left out: now."`
}

// GetContactLimits returns where a contact stands with the limits of the organization's policy.
func (c *Client) GetContactLimits(ctx context.Context, contact string, options ...CallOption) (*ContactStandings, error) {
	return fetch[ContactStandings](ctx, c, request{method: http.MethodGet}.pathOf("v1", "contacts", contact, "limits"), options...)
}
