package api

import (
	"context"
	"net/http"
	"strconv"
)

// Template is a text that is sent again and again, with variables, in versions.
type Template struct {
	ID          string `json:"id" doc:"The id."`
	Name        string `json:"name" doc:"What people call it; unique in the organization."`
	Description string `json:"description" doc:"What it is for."`
	Latest      int    `json:"latest" doc:"The number of the newest version."`
	Published   int    `json:"published,omitempty" doc:"The number of the version that is sent; none: none is."`
	Rev         int64  `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt   Time   `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// TemplateState is where a version of a template stands.
type TemplateState string

// The states of versions.
const (
	TemplateDraft     TemplateState = "draft"     // may be changed, and is not sent
	TemplatePublished TemplateState = "published" // is sent
	TemplateArchived  TemplateState = "archived"  // was published; is sent by its number only
)

// TemplateVersion is what a template says.
type TemplateVersion struct {
	TemplateID    string             `json:"templateId" doc:"The template."`
	Number        int                `json:"number" doc:"Its number, from 1."`
	State         TemplateState      `json:"state" enum:"draft,published,archived" doc:"Where it stands: a draft may be changed; one that was published before another is archived, and is sent by its number only."`
	DefaultLocale string             `json:"defaultLocale" doc:"The locale that is taken where none fits."`
	Locales       []TemplateLocale   `json:"locales" doc:"What it says in each locale."`
	Variables     []TemplateVariable `json:"variables" doc:"What it has to be told."`
	CreatedAt     Time               `json:"createdAt" format:"date-time" doc:"When it was made."`
	PublishedAt   Time               `json:"publishedAt,omitzero" format:"date-time" doc:"When it was published, the last time."`
}

// TemplateLocale is what a template says in one locale.
type TemplateLocale struct {
	Locale string `json:"locale" minLength:"1" maxLength:"60" example:"pt-BR" doc:"The locale."`
	Body   Body   `json:"body" maxItems:"100" doc:"The content, with variables as {{name}}. Four opening braces are two."`
}

// VariableType is what the values of a variable must be.
type VariableType string

// The types of variables.
const (
	VariableText    VariableType = "text"
	VariableNumber  VariableType = "number"
	VariableBoolean VariableType = "boolean"
	VariableDate    VariableType = "date"
	VariableURL     VariableType = "url"
)

// TemplateVariable is what a template has to be told.
type TemplateVariable struct {
	Name        string       `json:"name" minLength:"1" maxLength:"100" doc:"The name: letters, digits, _ and ."`
	Type        VariableType `json:"type,omitempty" enum:"text,number,boolean,date,url" doc:"What its values must be; text when left out. A date is written 2031-05-17."`
	Required    bool         `json:"required,omitempty" doc:"Whether it must be given."`
	Default     string       `json:"default,omitempty" maxLength:"4000" doc:"What it is where it is not given; left out: empty."`
	Example     string       `json:"example,omitempty" maxLength:"4000" doc:"What a preview has in its place."`
	Description string       `json:"description,omitempty" maxLength:"2000" doc:"What it is."`
}

// TemplateText is what a version of a template is to say.
type TemplateText struct {
	DefaultLocale string             `json:"defaultLocale,omitempty" maxLength:"60" doc:"The locale that is taken where none fits; may be left out where there is one."`
	Locales       []TemplateLocale   `json:"locales" minItems:"1" maxItems:"100" doc:"What it says in each locale."`
	Variables     []TemplateVariable `json:"variables,omitempty" maxItems:"100" doc:"What it has to be told. What the text names must be declared here."`
}

// TemplateRequest is a template to make. Its first version is a draft.
type TemplateRequest struct {
	Name        string `json:"name" minLength:"1" maxLength:"200" doc:"What people call it; unique in the organization."`
	Description string `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	TemplateText
}

// TemplatePatch changes a template. What is left out stays as it is.
type TemplatePatch struct {
	Name        *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Description *string `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
}

// TemplateChoice names a version of a template.
type TemplateChoice struct {
	Version int `json:"version,omitempty" minimum:"0" maximum:"1000000" doc:"Its number; 0 or left out: the newest."`
}

// TemplatePreview says what a preview is made with.
type TemplatePreview struct {
	Version   int               `json:"version,omitempty" minimum:"0" maximum:"1000000" doc:"The number of a version; 0 or left out: the newest, also if it is a draft."`
	Locale    string            `json:"locale,omitempty" maxLength:"60" doc:"The locale; left out: the default one."`
	Variables map[string]string `json:"variables,omitempty" maxProperties:"100" doc:"Values. What is required and not given is as its example."`
}

// Rendered is what a template or a saved reply comes to.
type Rendered struct {
	Body    Body     `json:"body" doc:"The content."`
	Text    string   `json:"text" doc:"The content as plain text."`
	Version int      `json:"version,omitempty" doc:"Of a template: the number of the version."`
	Locale  string   `json:"locale,omitempty" doc:"Of a template: the locale that was taken."`
	Missing []string `json:"missing,omitempty" doc:"Of a saved reply: variables of which nothing is known."`
}

// TemplateUse sends a template: exactly one of its ID and Name.
type TemplateUse struct {
	ID        string            `json:"id,omitempty" doc:"The id of the template."`
	Name      string            `json:"name,omitempty" maxLength:"200" doc:"Its name, in place of the id."`
	Version   int               `json:"version,omitempty" minimum:"0" maximum:"1000000" doc:"The number of a version that is or was published; 0 or left out: the published one."`
	Locale    string            `json:"locale,omitempty" maxLength:"60" example:"de-AT" doc:"The locale wanted. The nearest is taken: de-AT, de, the default one."`
	Variables map[string]string `json:"variables,omitempty" maxProperties:"100" doc:"Values of the variables. One that is required must be there, one that is not declared may not."`
}

// Templated says which template a message was made of.
type Templated struct {
	ID        string            `json:"id" doc:"The template."`
	Version   int               `json:"version" doc:"The number of the version."`
	Locale    string            `json:"locale" doc:"The locale that was taken."`
	Variables map[string]string `json:"variables,omitempty" doc:"The values that were given; none when the content is gone."`
}

// ReplyOwner is whose a saved reply is.
type ReplyOwner struct {
	Kind ActorKind `json:"kind" enum:"user,team,organization" doc:"A user has it alone; the members of a team, or the whole organization, share it."`
	ID   string    `json:"id,omitempty" doc:"The id of the user or the team; in a request, that of the key's user may be left out."`
}

// SavedReply is a text to begin an answer with.
type SavedReply struct {
	ID        string     `json:"id" doc:"The id."`
	Owner     ReplyOwner `json:"owner" doc:"Whose it is."`
	Title     string     `json:"title" doc:"What people call it."`
	Shortcut  string     `json:"shortcut,omitempty" doc:"What it is typed as; unique among the owner's."`
	Folder    string     `json:"folder,omitempty" doc:"Where it is kept."`
	Tags      []string   `json:"tags" doc:"Labels."`
	Body      Body       `json:"body" doc:"The content, with variables as {{contact.name}}."`
	Text      string     `json:"text" doc:"The content as plain text."`
	Rev       int64      `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time       `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// SavedReplyRequest is a saved reply to make.
type SavedReplyRequest struct {
	Owner    ReplyOwner `json:"owner,omitzero" doc:"Whose it is; left out: the key's user's. What the organization shares needs the scope templates:write."`
	Title    string     `json:"title" minLength:"1" maxLength:"200" doc:"What people call it."`
	Shortcut string     `json:"shortcut,omitempty" maxLength:"50" example:"hi" doc:"What it is typed as, in lower case."`
	Folder   string     `json:"folder,omitempty" maxLength:"200" doc:"Where it is kept."`
	Tags     []string   `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels."`
	Body     Body       `json:"body" maxItems:"100" doc:"The content. Its variables are facts of contact, user, organization and conversation, such as {{contact.firstName}}."`
}

// SavedReplyPatch changes a saved reply. What is left out stays as it is.
type SavedReplyPatch struct {
	Title    *string   `json:"title,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Shortcut *string   `json:"shortcut,omitempty" maxLength:"50" doc:"What it is typed as; empty: none."`
	Folder   *string   `json:"folder,omitempty" maxLength:"200" doc:"Where it is kept."`
	Tags     *[]string `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels; replaces all."`
	Body     Body      `json:"body,omitempty" maxItems:"100" doc:"The content."`
}

// SavedReplyFilter says which saved replies a list holds: those to which everything given applies, by title.
type SavedReplyFilter struct {
	Page
	Prefix string `query:"prefix" doc:"Whose title or shortcut begins with this, in any case."`
	Folder string `query:"folder" doc:"In this folder."`
	Owner  string `query:"owner" enum:"user,team,organization" doc:"The key's user's own, those of the team, or those of the organization; left out: all of these that the key's user has."`
	Team   string `query:"team" doc:"With owner=team: the id of the team."`
}

// SavedReplyFill says whom a saved reply is for.
type SavedReplyFill struct {
	Conversation string `json:"conversation,omitempty" doc:"The id of a conversation, whose first contact it is for."`
	Contact      string `json:"contact,omitempty" doc:"The id of a contact."`
}

// TemplateFilter says which templates a list holds.
type TemplateFilter struct {
	Page
	Name string `query:"name" doc:"With exactly this name."`
}

// CreateTemplate makes a template. Keys are as with Send.
func (c *Client) CreateTemplate(ctx context.Context, template TemplateRequest, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, c, request{method: http.MethodPost, path: "/v1/templates", in: &template, keyed: true}, options...)
}

// GetTemplate returns a template.
func (c *Client) GetTemplate(ctx context.Context, id string, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, c, request{method: http.MethodGet}.pathOf("v1", "templates", id), options...)
}

// ListTemplates returns a page of templates.
func (c *Client) ListTemplates(ctx context.Context, filter TemplateFilter, options ...CallOption) (*List[Template], error) {
	return fetch[List[Template]](ctx, c, request{method: http.MethodGet, path: "/v1/templates", query: queryOf(filter)}, options...)
}

// PatchTemplate changes a template.
func (c *Client) PatchTemplate(ctx context.Context, id string, patch TemplatePatch, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "templates", id), options...)
}

// DeleteTemplate deletes a template with its versions.
func (c *Client) DeleteTemplate(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "templates", id), options...)
}

// DraftTemplate writes the next version of a template: its newest one where that is a draft, else a new one.
func (c *Client) DraftTemplate(ctx context.Context, id string, text TemplateText, options ...CallOption) (*TemplateVersion, error) {
	return fetch[TemplateVersion](ctx, c, request{method: http.MethodPut, in: &text}.pathOf("v1", "templates", id, "draft"), options...)
}

// ListTemplateVersions returns a page of a template's versions, newest first.
func (c *Client) ListTemplateVersions(ctx context.Context, id string, page Page, options ...CallOption) (*List[TemplateVersion], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[TemplateVersion]](ctx, c, r.pathOf("v1", "templates", id, "versions"), options...)
}

// GetTemplateVersion returns a version of a template.
func (c *Client) GetTemplateVersion(ctx context.Context, id string, number int, options ...CallOption) (*TemplateVersion, error) {
	return fetch[TemplateVersion](ctx, c, request{method: http.MethodGet}.pathOf("v1", "templates", id, "versions", strconv.Itoa(number)), options...)
}

// PublishTemplate makes a version the one that is sent.
func (c *Client) PublishTemplate(ctx context.Context, id string, choice TemplateChoice, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, c, request{method: http.MethodPost, in: &choice}.pathOf("v1", "templates", id, "publish"), options...)
}

// ArchiveTemplate takes the published version back.
func (c *Client) ArchiveTemplate(ctx context.Context, id string, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, c, request{method: http.MethodPost}.pathOf("v1", "templates", id, "archive"), options...)
}

// PreviewTemplate returns what a template comes to.
func (c *Client) PreviewTemplate(ctx context.Context, id string, preview TemplatePreview, options ...CallOption) (*Rendered, error) {
	return fetch[Rendered](ctx, c, request{method: http.MethodPost, in: &preview}.pathOf("v1", "templates", id, "preview"), options...)
}

// CreateSavedReply makes a saved reply. Keys are as with Send.
func (c *Client) CreateSavedReply(ctx context.Context, reply SavedReplyRequest, options ...CallOption) (*SavedReply, error) {
	return fetch[SavedReply](ctx, c, request{method: http.MethodPost, path: "/v1/saved-replies", in: &reply, keyed: true}, options...)
}

// GetSavedReply returns a saved reply.
func (c *Client) GetSavedReply(ctx context.Context, id string, options ...CallOption) (*SavedReply, error) {
	return fetch[SavedReply](ctx, c, request{method: http.MethodGet}.pathOf("v1", "saved-replies", id), options...)
}

// ListSavedReplies returns a page of saved replies, by title.
func (c *Client) ListSavedReplies(ctx context.Context, filter SavedReplyFilter, options ...CallOption) (*List[SavedReply], error) {
	return fetch[List[SavedReply]](ctx, c, request{method: http.MethodGet, path: "/v1/saved-replies", query: queryOf(filter)}, options...)
}

// PatchSavedReply changes a saved reply.
func (c *Client) PatchSavedReply(ctx context.Context, id string, patch SavedReplyPatch, options ...CallOption) (*SavedReply, error) {
	return fetch[SavedReply](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "saved-replies", id), options...)
}

// DeleteSavedReply deletes a saved reply.
func (c *Client) DeleteSavedReply(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "saved-replies", id), options...)
}

// FillSavedReply returns a saved reply with what is known in place of its variables.
func (c *Client) FillSavedReply(ctx context.Context, id string, fill SavedReplyFill, options ...CallOption) (*Rendered, error) {
	return fetch[Rendered](ctx, c, request{method: http.MethodPost, in: &fill}.pathOf("v1", "saved-replies", id, "fill"), options...)
}
