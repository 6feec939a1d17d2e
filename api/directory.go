package api

import (
	"context"
	"net/http"
)

// Organization is the tenant. Everything else belongs to exactly one.
type Organization struct {
	ID        string `json:"id" doc:"The id."`
	Name      string `json:"name" doc:"What people call it."`
	Test      bool   `json:"test" doc:"Whether it is a test organization: with a clock that can be moved, and without a way to real providers."`
	Policy    Policy `json:"policy" doc:"What it sets for everything in it."`
	Rev       int64  `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time   `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// Policy is what an organization sets for everything in it.
type Policy struct {
	DefaultTTL int64 `json:"defaultTtl" doc:"Seconds that content lives where a send does not say; 0: until it is deleted."`
	MaxTTL     int64 `json:"maxTtl" doc:"The longest ttl in seconds, 0: no cap."`
	LockTTL    bool  `json:"lockTtl" doc:"Whether defaultTtl holds for every send, whatever it says."`

	Retention map[string]int64 `json:"retention" doc:"For kinds of conversations, how many seconds content is kept after it was sent. Content of other kinds is kept for ever."`

	DefinedAttributesOnly bool `json:"definedAttributesOnly" doc:"Whether contacts have only attributes that are defined; else others are texts."`

	QuietHours QuietHours `json:"quietHours" doc:"When messages that go out wait; no intervals: never."`

	ContactLimits []ContactLimit `json:"contactLimits" doc:"How many messages a contact gets at most; each limit counts for itself."`

	AckWords []string  `json:"ackWords" doc:"The words by which somebody outside acknowledges a message that asks for it; upper or lower case is the same."`
	Keywords []Keyword `json:"keywords" doc:"What messages from outside do that are one word and nothing else. The first rule that matches counts."`

	Reminders Reminders `json:"reminders" doc:"How often members are reminded of a message of high priority that they have not read."`

	FallbackContent FallbackContent `json:"fallbackContent" enum:"none,full" doc:"What a fallback says of a message between members or on a secure channel: nothing of it (none), or all. Others say all."`
	FallbackText    string          `json:"fallbackText" doc:"What such a fallback says instead."`
	FallbackReplies bool            `json:"fallbackReplies" doc:"Whether what users answer to fallbacks is their reply in the conversation; else it is a message from outside as any other."`

	NoHighPriority bool `json:"noHighPriority" doc:"Whether messages between members may not have high priority."`
	NoImages       bool `json:"noImages" doc:"Whether messages between members may not have images as attachments."`
	NoFiles        bool `json:"noFiles" doc:"Whether messages between members may not have other files as attachments."`
}

// FallbackContent is how much a fallback says.
type FallbackContent string

// How much it says.
const (
	FallbackNone FallbackContent = "none" // that there is a message
	FallbackFull FallbackContent = "full"
)

// Reminders say how often members are reminded of a message of high priority that they have not read.
type Reminders struct {
	Every int64 `json:"every" doc:"Seconds from one to the next, the first so long after the message; 0: nobody is reminded."`
	Times int   `json:"times" doc:"How many at most; 0: nobody is reminded."`
}

// QuietHours are when messages that go out wait for a while.
type QuietHours struct {
	TimeZone     string          `json:"timeZone,omitempty" maxLength:"100" example:"Europe/Berlin" doc:"The time zone of whoever is written to and has none in the attribute timeZone."`
	Intervals    []QuietInterval `json:"intervals" maxItems:"100" doc:"The hours; none: messages never wait."`
	Classes      []string        `json:"classes,omitempty" maxItems:"4" enum:"transactional,service,authentication,marketing" doc:"The classes of messages that wait; left out: all but authentication."`
	HighPriority bool            `json:"highPriority,omitempty" doc:"Whether messages of high priority wait too."`
}

// QuietInterval are hours of some days of the week.
type QuietInterval struct {
	Days []string `json:"days,omitempty" maxItems:"7" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" doc:"The days of the week; left out: all."`
	From string   `json:"from" example:"21:00" doc:"When they begin, as hh:mm."`
	To   string   `json:"to" example:"24:00" doc:"When they end, up to 24:00. Hours over midnight are two."`
}

// OrganizationPatch changes the organization. What is left out stays as it is.
type OrganizationPatch struct {
	Name   *string      `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Policy *PolicyPatch `json:"policy,omitempty" doc:"What it sets for everything in it."`
}

// PolicyPatch changes an organization's policy. What is left out stays as it is.
type PolicyPatch struct {
	DefaultTTL *int64 `json:"defaultTtl,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds that content lives where a send does not say; 0: until it is deleted."`
	MaxTTL     *int64 `json:"maxTtl,omitempty" minimum:"0" maximum:"3153600000" doc:"The longest ttl in seconds, 0: no cap."`
	LockTTL    *bool  `json:"lockTtl,omitempty" doc:"Whether defaultTtl holds for every send, whatever it says."`

	Retention map[string]*int64 `json:"retention,omitempty" maxProperties:"20" doc:"For kinds of conversations, how many seconds content is kept after it was sent, one by one; null: for ever."`

	DefinedAttributesOnly *bool `json:"definedAttributesOnly,omitempty" doc:"Whether contacts have only attributes that are defined. Those that they have stay."`

	QuietHours *QuietHours `json:"quietHours,omitempty" doc:"When messages that go out wait; replaces all."`

	ContactLimits *[]ContactLimit `json:"contactLimits,omitempty" maxItems:"20" doc:"How many messages a contact gets at most; replaces all."`

	AckWords *[]string  `json:"ackWords,omitempty" maxItems:"50" minLength:"1" maxLength:"40" doc:"The words by which somebody outside acknowledges a message that asks for it."`
	Keywords *[]Keyword `json:"keywords,omitempty" maxItems:"50" doc:"The rules for keywords; replaces all."`

	FallbackContent *FallbackContent `json:"fallbackContent,omitempty" enum:"none,full" doc:"What a fallback says of a message between members or on a secure channel: nothing of it (none), or all."`
	FallbackText    *string          `json:"fallbackText,omitempty" maxLength:"160" doc:"What such a fallback says instead; empty: the usual text."`
	FallbackReplies *bool            `json:"fallbackReplies,omitempty" doc:"Whether what users answer to fallbacks is their reply in the conversation."`

	NoHighPriority *bool `json:"noHighPriority,omitempty" doc:"Whether messages between members may not have high priority."`
	NoImages       *bool `json:"noImages,omitempty" doc:"Whether messages between members may not have images as attachments."`
	NoFiles        *bool `json:"noFiles,omitempty" doc:"Whether messages between members may not have other files as attachments."`

	Reminders *RemindersPatch `json:"reminders,omitempty" doc:"How often members are reminded of a message of high priority that they have not read."`
}

// RemindersPatch changes how often members are reminded. What is left out stays as it is.
type RemindersPatch struct {
	Every *int64 `json:"every,omitempty" minimum:"0" maximum:"86400" doc:"Seconds from one to the next, 30 or more; 0: nobody is reminded."`
	Times *int   `json:"times,omitempty" minimum:"0" maximum:"100" doc:"How many at most; 0: nobody is reminded."`
}

// OrganizationRequest is an organization to make.
type OrganizationRequest struct {
	Name string `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Test bool   `json:"test,omitempty" doc:"Make it a test organization, for good."`
}

// NewOrganization is an organization just made, with its first key.
type NewOrganization struct {
	Organization Organization `json:"organization" doc:"The organization."`
	Key          Key          `json:"key" doc:"An organization key with every scope of an organization; its secret is shown this once."`
}

// User is a member of the organization.
type User struct {
	ID       string            `json:"id" doc:"The id."`
	Name     string            `json:"name" doc:"What people call the user."`
	Email    string            `json:"email,omitempty" doc:"The e-mail address; a machine user has none."`
	Machine  bool              `json:"machine" doc:"Whether it stands for an API key."`
	Active   bool              `json:"active" doc:"Whether it may act and be written to."`
	Metadata map[string]string `json:"metadata" doc:"Facts kept with the user."`

	Profile      Profile       `json:"profile" doc:"What the organization knows of the user besides."`
	DoNotDisturb *DoNotDisturb `json:"doNotDisturb,omitempty" doc:"That the user does not want to be disturbed."`

	Rev       int64 `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time  `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// UserRequest is a user to make.
type UserRequest struct {
	Name     string            `json:"name" minLength:"1" maxLength:"200" doc:"What people call the user."`
	Email    string            `json:"email,omitempty" format:"email" maxLength:"320" doc:"The e-mail address, unique in the organization."`
	Metadata map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with the user."`
	Machine  bool              `json:"machine,omitempty" doc:"Whether it stands for a program: it has no e-mail address, and keys of the organization act as it."`
}

// UserPatch changes a user. What is left out stays as it is.
type UserPatch struct {
	Name     *string            `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call the user."`
	Email    *string            `json:"email,omitempty" format:"email" maxLength:"320" doc:"The e-mail address."`
	Active   *bool              `json:"active,omitempty" doc:"Whether it may act and be written to."`
	Metadata map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
}

// UserFilter says which users a list holds: those to which everything given applies.
type UserFilter struct {
	Page
	Email   string `query:"email" doc:"With this e-mail address."`
	Active  string `query:"active" enum:"true,false" doc:"Whether it may act."`
	Machine string `query:"machine" enum:"true,false" doc:"Whether it stands for an API key."`
}

// Team is a standing set of users with a conversation of its own.
type Team struct {
	ID        string            `json:"id" doc:"The id."`
	Name      string            `json:"name" doc:"What people call it."`
	Members   []string          `json:"members" doc:"The ids of its users."`
	Metadata  map[string]string `json:"metadata" doc:"Facts kept with it."`
	Rev       int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// TeamRequest is a team to make.
type TeamRequest struct {
	Name    string   `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Members []string `json:"members,omitempty" maxItems:"1000" doc:"The ids of its users."`

	Metadata map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with it."`
}

// TeamPatch changes a team. What is left out stays as it is.
type TeamPatch struct {
	Name     *string            `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Metadata map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
}

// TeamFilter says which teams a list holds: those to which everything given applies.
type TeamFilter struct {
	Page
	Member string `query:"member" doc:"With this user."`
}

// TeamMembers are users to add to a team.
type TeamMembers struct {
	Users []string `json:"users" minItems:"1" maxItems:"1000" doc:"Ids of users; those who are members stay members."`
}

// Member is an entry of a team or a broadcast list.
type Member struct {
	Kind ActorKind `json:"kind" enum:"user,contact" doc:"What it is; a team has users only."`
	ID   string    `json:"id" doc:"The id of the user or contact."`
	Name string    `json:"name" doc:"What people call it."`
}

// GetOrganization returns the organization that the key acts in.
func (c *Client) GetOrganization(ctx context.Context, options ...CallOption) (*Organization, error) {
	return fetch[Organization](ctx, c, request{method: http.MethodGet, path: "/v1/organization"}, options...)
}

// PatchOrganization changes the organization that the key acts in.
func (c *Client) PatchOrganization(ctx context.Context, patch OrganizationPatch, options ...CallOption) (*Organization, error) {
	return fetch[Organization](ctx, c, request{method: http.MethodPatch, path: "/v1/organization", in: &patch}, options...)
}

// CreateOrganization makes a further organization, with its first key. It is the operator's, and needs the
// scope organizations:create.
func (c *Client) CreateOrganization(ctx context.Context, organization OrganizationRequest, options ...CallOption) (*NewOrganization, error) {
	return fetch[NewOrganization](ctx, c, request{method: http.MethodPost, path: "/v1/organizations", in: &organization}, options...)
}

// CreatePermissionSet makes a permission set.
func (c *Client) CreatePermissionSet(ctx context.Context, set PermissionSetRequest, options ...CallOption) (*PermissionSet, error) {
	return fetch[PermissionSet](ctx, c, request{method: http.MethodPost, path: "/v1/permission-sets", in: &set}, options...)
}

// GetPermissionSet returns a permission set as it is now.
func (c *Client) GetPermissionSet(ctx context.Context, id string, options ...CallOption) (*PermissionSet, error) {
	return fetch[PermissionSet](ctx, c, request{method: http.MethodGet}.pathOf("v1", "permission-sets", id), options...)
}

// ListPermissionSets returns a page of permission sets, the built-in ones first.
func (c *Client) ListPermissionSets(ctx context.Context, page Page, options ...CallOption) (*List[PermissionSet], error) {
	return fetch[List[PermissionSet]](ctx, c, request{method: http.MethodGet, path: "/v1/permission-sets", query: queryOf(page)}, options...)
}

// PatchPermissionSet changes a permission set.
func (c *Client) PatchPermissionSet(ctx context.Context, id string, patch PermissionSetPatch, options ...CallOption) (*PermissionSet, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[PermissionSet](ctx, c, r.pathOf("v1", "permission-sets", id), options...)
}

// DeletePermissionSet deletes a permission set that nobody has.
func (c *Client) DeletePermissionSet(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "permission-sets", id), options...)
}

// GetPermissions returns what a user may do at most.
func (c *Client) GetPermissions(ctx context.Context, user string, options ...CallOption) (*Permissions, error) {
	return fetch[Permissions](ctx, c, request{method: http.MethodGet}.pathOf("v1", "users", user, "permissions"), options...)
}

// SetPermissions says what a user may do at most.
func (c *Client) SetPermissions(ctx context.Context, user string, permissions PermissionsRequest, options ...CallOption) (*Permissions, error) {
	r := request{method: http.MethodPut, in: &permissions}
	return fetch[Permissions](ctx, c, r.pathOf("v1", "users", user, "permissions"), options...)
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, user UserRequest, options ...CallOption) (*User, error) {
	return fetch[User](ctx, c, request{method: http.MethodPost, path: "/v1/users", in: &user}, options...)
}

// GetUser returns a user as it is now.
func (c *Client) GetUser(ctx context.Context, id string, options ...CallOption) (*User, error) {
	return fetch[User](ctx, c, request{method: http.MethodGet}.pathOf("v1", "users", id), options...)
}

// ListUsers returns a page of users.
func (c *Client) ListUsers(ctx context.Context, filter UserFilter, options ...CallOption) (*List[User], error) {
	r := request{method: http.MethodGet, path: "/v1/users", query: queryOf(filter)}
	return fetch[List[User]](ctx, c, r, options...)
}

// PatchUser changes a user.
func (c *Client) PatchUser(ctx context.Context, id string, patch UserPatch, options ...CallOption) (*User, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[User](ctx, c, r.pathOf("v1", "users", id), options...)
}

// CreateTeam makes a team.
func (c *Client) CreateTeam(ctx context.Context, team TeamRequest, options ...CallOption) (*Team, error) {
	return fetch[Team](ctx, c, request{method: http.MethodPost, path: "/v1/teams", in: &team}, options...)
}

// GetTeam returns a team as it is now.
func (c *Client) GetTeam(ctx context.Context, id string, options ...CallOption) (*Team, error) {
	return fetch[Team](ctx, c, request{method: http.MethodGet}.pathOf("v1", "teams", id), options...)
}

// ListTeams returns a page of teams.
func (c *Client) ListTeams(ctx context.Context, filter TeamFilter, options ...CallOption) (*List[Team], error) {
	r := request{method: http.MethodGet, path: "/v1/teams", query: queryOf(filter)}
	return fetch[List[Team]](ctx, c, r, options...)
}

// PatchTeam changes a team.
func (c *Client) PatchTeam(ctx context.Context, id string, patch TeamPatch, options ...CallOption) (*Team, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Team](ctx, c, r.pathOf("v1", "teams", id), options...)
}

// DeleteTeam deletes a team.
func (c *Client) DeleteTeam(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "teams", id), options...)
}

// ListTeamMembers returns a page of a team's users.
func (c *Client) ListTeamMembers(ctx context.Context, team string, page Page, options ...CallOption) (*List[Member], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Member]](ctx, c, r.pathOf("v1", "teams", team, "members"), options...)
}

// AddTeamMembers adds users to a team and returns the team.
func (c *Client) AddTeamMembers(ctx context.Context, team string, members TeamMembers, options ...CallOption) (*Team, error) {
	r := request{method: http.MethodPost, in: &members, repeatable: true}
	return fetch[Team](ctx, c, r.pathOf("v1", "teams", team, "members"), options...)
}

// RemoveTeamMember takes a user out of a team.
func (c *Client) RemoveTeamMember(ctx context.Context, team, user string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "teams", team, "members", user), options...)
}
