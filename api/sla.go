package api

import (
	"context"
	"net/http"
)

// SLATarget is what an SLA policy promises.
type SLATarget struct {
	Priority      int   `json:"priority,omitempty" minimum:"0" maximum:"5" doc:"In conversations of this priority; left out: in all for which there is no other."`
	FirstResponse int64 `json:"firstResponse,omitempty" minimum:"0" maximum:"31622400" doc:"Seconds from the customer's first message to the first answer; left out: nothing is promised."`
	NextResponse  int64 `json:"nextResponse,omitempty" minimum:"0" maximum:"31622400" doc:"Seconds from a further message of the customer to the next answer."`
	Resolution    int64 `json:"resolution,omitempty" minimum:"0" maximum:"31622400" doc:"Seconds until the conversation is closed."`
}

// SLAConditions say which conversations an SLA policy is for: all that are given must hold, each by one of its values.
type SLAConditions struct {
	Channels   []string `json:"channels,omitempty" maxItems:"100" doc:"Ids of channels."`
	Platforms  []string `json:"platforms,omitempty" maxItems:"100" maxLength:"200" doc:"Platforms."`
	Tags       []string `json:"tags,omitempty" maxItems:"100" maxLength:"200" doc:"Tags, one of which it has."`
	Priorities []int    `json:"priorities,omitempty" maxItems:"6" minimum:"0" maximum:"5" doc:"Priorities; 0 is none."`
	Teams      []string `json:"teams,omitempty" maxItems:"100" doc:"Ids of teams, one of which it is assigned to."`
}

// SLAPolicy is how soon customers are to be answered, and what they ask for resolved.
type SLAPolicy struct {
	ID         string        `json:"id" doc:"The id."`
	Name       string        `json:"name" doc:"What people call it."`
	Enabled    bool          `json:"enabled" doc:"Whether it is taken for conversations that have none."`
	Position   int           `json:"position" doc:"Where it is among others: the first that fits a conversation stays with it."`
	Hours      string        `json:"hours" enum:"calendar,business" doc:"Whether all time counts, or only the hours of the schedule."`
	Schedule   string        `json:"schedule,omitempty" doc:"The id of the schedule; left out: the default one."`
	Conditions SLAConditions `json:"conditions" doc:"Which conversations it is for."`
	Targets    []SLATarget   `json:"targets" doc:"What it promises."`
	WarnBefore int64         `json:"warnBefore,omitempty" doc:"How many seconds before something is due a warning is given."`
	Pause      []string      `json:"pause" doc:"While a conversation has one of these statuses, its clocks stand."`
	Rev        int64         `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt  Time          `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// SLAPolicyRequest is a policy to make.
type SLAPolicyRequest struct {
	Name       string        `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Enabled    *bool         `json:"enabled,omitempty" doc:"Whether it is taken for conversations that have none; left out: it is."`
	Position   int           `json:"position,omitempty" minimum:"0" maximum:"10000" doc:"Where it is among others: the first that fits a conversation stays with it."`
	Hours      string        `json:"hours,omitempty" enum:"calendar,business" doc:"Whether all time counts, or only the hours of the schedule; left out: all."`
	Schedule   string        `json:"schedule,omitempty" doc:"The id of the schedule, of business hours; left out: the default one, and where there is none all time counts."`
	Conditions SLAConditions `json:"conditions,omitzero" doc:"Which conversations it is for; left out: all with somebody outside."`
	Targets    []SLATarget   `json:"targets" minItems:"1" maxItems:"100" doc:"What it promises."`
	WarnBefore int64         `json:"warnBefore,omitempty" minimum:"0" maximum:"31622400" doc:"How many seconds before something is due a warning is given; left out: none is."`
	Pause      []string      `json:"pause,omitempty" maxItems:"2" enum:"snoozed,closed" doc:"While a conversation has one of these statuses, its clocks stand. Without closed, closing it ends them."`
}

// SLAPolicyPatch changes a policy. What is left out stays as it is.
type SLAPolicyPatch struct {
	Name       *string        `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Enabled    *bool          `json:"enabled,omitempty" doc:"Whether it is taken for conversations that have none."`
	Position   *int           `json:"position,omitempty" minimum:"0" maximum:"10000" doc:"Where it is among others."`
	Hours      *string        `json:"hours,omitempty" enum:"calendar,business" doc:"Whether all time counts, or only the hours of the schedule."`
	Schedule   *string        `json:"schedule,omitempty" doc:"The id of the schedule; empty: the default one."`
	Conditions *SLAConditions `json:"conditions,omitempty" doc:"Which conversations it is for; replaces all."`
	Targets    *[]SLATarget   `json:"targets,omitempty" maxItems:"100" doc:"What it promises; replaces all. Clocks that have started keep what they have."`
	WarnBefore *int64         `json:"warnBefore,omitempty" minimum:"0" maximum:"31622400" doc:"How many seconds before something is due a warning is given; 0: none is."`
	Pause      *[]string      `json:"pause,omitempty" maxItems:"2" enum:"snoozed,closed" doc:"The statuses in which clocks stand; replaces all."`
}

// SLAClock is how a conversation stands with one promise.
type SLAClock struct {
	StartedAt  Time `json:"startedAt" format:"date-time" doc:"When the customer's message came."`
	DueAt      Time `json:"dueAt,omitzero" format:"date-time" doc:"When it is due, or was; left out while the clock stands."`
	WarnedAt   Time `json:"warnedAt,omitzero" format:"date-time" doc:"When a warning was given."`
	BreachedAt Time `json:"breachedAt,omitzero" format:"date-time" doc:"When the promise was broken."`
	DoneAt     Time `json:"doneAt,omitzero" format:"date-time" doc:"When what it measures happened."`
}

// SLA is how a conversation stands with its SLA policy.
type SLA struct {
	Policy        string    `json:"policy" doc:"The id of the policy."`
	DueAt         Time      `json:"dueAt,omitzero" format:"date-time" doc:"When the next promise is due."`
	BreachedAt    Time      `json:"breachedAt,omitzero" format:"date-time" doc:"Since when a promise is broken that the customer still waits for."`
	PausedAt      Time      `json:"pausedAt,omitzero" format:"date-time" doc:"Since when the clocks stand."`
	FirstResponse *SLAClock `json:"firstResponse,omitempty" doc:"The first answer."`
	NextResponse  *SLAClock `json:"nextResponse,omitempty" doc:"The answer to a further message."`
	Resolution    *SLAClock `json:"resolution,omitempty" doc:"The end of the conversation."`
}

// CreateSLAPolicy makes an SLA policy. Keys are as with Send.
func (c *Client) CreateSLAPolicy(ctx context.Context, policy SLAPolicyRequest, options ...CallOption) (*SLAPolicy, error) {
	return fetch[SLAPolicy](ctx, c, request{method: http.MethodPost, path: "/v1/sla-policies", in: &policy, keyed: true}, options...)
}

// GetSLAPolicy returns an SLA policy.
func (c *Client) GetSLAPolicy(ctx context.Context, id string, options ...CallOption) (*SLAPolicy, error) {
	return fetch[SLAPolicy](ctx, c, request{method: http.MethodGet}.pathOf("v1", "sla-policies", id), options...)
}

// ListSLAPolicies returns a page of SLA policies.
func (c *Client) ListSLAPolicies(ctx context.Context, page Page, options ...CallOption) (*List[SLAPolicy], error) {
	return fetch[List[SLAPolicy]](ctx, c, request{method: http.MethodGet, path: "/v1/sla-policies", query: queryOf(page)}, options...)
}

// PatchSLAPolicy changes an SLA policy.
func (c *Client) PatchSLAPolicy(ctx context.Context, id string, patch SLAPolicyPatch, options ...CallOption) (*SLAPolicy, error) {
	return fetch[SLAPolicy](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "sla-policies", id), options...)
}

// DeleteSLAPolicy deletes an SLA policy.
func (c *Client) DeleteSLAPolicy(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "sla-policies", id), options...)
}
