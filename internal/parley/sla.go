package parley

import "time"

// SLAPolicy is how soon customers are to be answered, and what they ask for resolved.
type SLAPolicy struct {
	ID         ID            `json:"-"`
	Name       string        `json:"n"`
	Enabled    bool          `json:"e"`
	Position   int           `json:"p,omitempty"` // the first that fits a conversation stays with it
	Business   bool          `json:"b,omitempty"` // only the hours of the schedule count
	Schedule   ID            `json:"s,omitempty"` // empty: the default one
	Conditions SLAConditions `json:"c"`
	Targets    []SLATarget   `json:"t"`
	Warn       time.Duration `json:"w,omitempty"`  // how long before it is due; 0: no warning
	Snoozed    bool          `json:"sn,omitempty"` // clocks stand while a conversation is snoozed
	Closed     bool          `json:"cl,omitempty"` // they stand while it is closed; else that ends them
	Rev        int64         `json:"-"`
	CreatedAt  time.Time     `json:"-"`
}

// SLAConditions say which conversations a policy is for: all that are given must hold, each by one of its values.
type SLAConditions struct {
	Channels   []ID     `json:"ch,omitempty"`
	Platforms  []string `json:"pl,omitempty"`
	Tags       []string `json:"tg,omitempty"`
	Priorities []int    `json:"pr,omitempty"`
	Teams      []ID     `json:"te,omitempty"` // that it is assigned to
}

// SLATarget is what a policy promises, in conversations of a priority or, with priority 0, in all for which no other is.
type SLATarget struct {
	Priority   int           `json:"p,omitempty"`
	First      time.Duration `json:"f,omitempty"` // 0: nothing
	Next       time.Duration `json:"n,omitempty"`
	Resolution time.Duration `json:"r,omitempty"`
}

// Target returns that of a priority.
func (p *SLAPolicy) Target(priority int) (target SLATarget) {
	for _, t := range p.Targets {
		if t.Priority == priority {
			return t
		}
		if t.Priority == 0 {
			target = t
		}
	}
	return target
}

// SLAMetric is what a clock measures.
type SLAMetric string

// The metrics.
const (
	SLAFirst      SLAMetric = "firstResponse"
	SLANext       SLAMetric = "nextResponse"
	SLAResolution SLAMetric = "resolution"
)

// SLAClock measures one of what a policy promises.
type SLAClock struct {
	Target     time.Duration `json:"t"`
	Elapsed    time.Duration `json:"e,omitempty"` // before it ran last
	Since      time.Time     `json:"s,omitzero"`  // it has run since; zero: it stands, or is done
	StartedAt  time.Time     `json:"st"`          // by the customer's message
	DueAt      time.Time     `json:"du,omitzero"` // while it runs
	WarnedAt   time.Time     `json:"wa,omitzero"`
	BreachedAt time.Time     `json:"br,omitzero"`
	DoneAt     time.Time     `json:"do,omitzero"`
}

// Runs reports whether the clock runs.
func (c *SLAClock) Runs() bool { return c != nil && !c.Since.IsZero() }

// Waits reports whether what the clock measures has not happened yet.
func (c *SLAClock) Waits() bool { return c != nil && c.DoneAt.IsZero() }

// SLA is how a conversation stands with the policy that is for it.
type SLA struct {
	Policy     ID        `json:"-"`
	PausedAt   time.Time `json:"pa,omitzero"`
	First      *SLAClock `json:"f,omitempty"`
	Next       *SLAClock `json:"n,omitempty"`
	Resolution *SLAClock `json:"r,omitempty"`
}

// SLATimed is a clock with what it measures.
type SLATimed struct {
	Metric SLAMetric
	*SLAClock
}

// Clocks are those that there are.
func (s *SLA) Clocks() (list []SLATimed) {
	for _, c := range []SLATimed{{SLAFirst, s.First}, {SLANext, s.Next}, {SLAResolution, s.Resolution}} {
		if c.SLAClock != nil {
			list = append(list, c)
		}
	}
	return list
}

// DueAt is when the first of the clocks is due that run and are not breached; zero: none is.
func (s *SLA) DueAt() (due time.Time) {
	for _, c := range s.Clocks() {
		if c.Runs() && c.BreachedAt.IsZero() && !c.DueAt.IsZero() && (due.IsZero() || c.DueAt.Before(due)) {
			due = c.DueAt
		}
	}
	return due
}

// BreachedAt is when the first of the clocks was breached whose end has not come yet; zero: none was.
func (s *SLA) BreachedAt() (at time.Time) {
	for _, c := range s.Clocks() {
		if c.Waits() && !c.BreachedAt.IsZero() && (at.IsZero() || c.BreachedAt.Before(at)) {
			at = c.BreachedAt
		}
	}
	return at
}
