package parley

import "time"

// View is a list of conversations that somebody keeps.
type View struct {
	ID        ID
	Owner     Actor // a user, a team or the organization
	Name      string
	Place     int // in the order of those that somebody sees
	Filter    ViewFilter
	Invalid   []FieldError // what of the filter names nothing any more; filled in when it is read
	Rev       int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ViewFilter is what a view is narrowed to. What is empty does not narrow.
type ViewFilter struct {
	Kind        ConversationKind   `json:"kind,omitempty"`
	Status      ConversationStatus `json:"status,omitempty"`
	Channel     ID                 `json:"channel,omitempty"`
	Assignee    string             `json:"assignee,omitempty"`    // the id of a user or team, ViewerSelf or ViewNobody
	Participant string             `json:"participant,omitempty"` // the id of a user or contact, ViewerSelf, or an address
	Tag         string             `json:"tag,omitempty"`
	ExternalID  string             `json:"externalId,omitempty"`
	Priority    int                `json:"priority,omitempty"`
	Unread      *bool              `json:"unread,omitempty"`
	Inbox       *bool              `json:"inbox,omitempty"`
}

// Whom a filter of a view may name besides those that have ids.
const (
	ViewerSelf = "me"   // whoever looks at it
	ViewNobody = "none" // of assignees: nobody
)

// ViewCount is how many conversations somebody finds in a view.
type ViewCount struct {
	View    ID
	Count   int
	More    bool // there are more, or may be
	Invalid bool // the view names something that is not there any more: nothing was counted
}
