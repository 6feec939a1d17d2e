package parley

import "time"

// Template is a text that is sent again and again, with variables, in versions.
type Template struct {
	ID          ID
	Name        string // unique in the organization
	Description string
	Latest      int // the number of the newest version
	Published   int // the version that sends take; 0: none
	Rev         int64
	CreatedAt   time.Time
}

// TemplateState is where a version of a template stands.
type TemplateState string

// The states of versions.
const (
	TemplateDraft     TemplateState = "draft"     // may be changed, and not sent
	TemplatePublished TemplateState = "published" // is sent
	TemplateArchived  TemplateState = "archived"  // was sent; by its number it still can be
)

// TemplateVersion is what a template says, in each locale.
type TemplateVersion struct {
	Template      ID
	Number        int // from 1
	State         TemplateState
	DefaultLocale string
	Locales       []TemplateLocale
	Variables     []TemplateVariable
	CreatedAt     time.Time
	PublishedAt   time.Time // the last time; zero: never
}

// TemplateLocale is what a template says in one locale.
type TemplateLocale struct {
	Locale string `json:"locale"`
	Body   []Part `json:"body"`
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

// VariableTypes are all types of variables.
var VariableTypes = []VariableType{VariableText, VariableNumber, VariableBoolean, VariableDate, VariableURL}

// TemplateVariable is what a template has to be told.
type TemplateVariable struct {
	Name        string       `json:"name"`
	Type        VariableType `json:"type"`
	Required    bool         `json:"required,omitempty"`
	Default     string       `json:"default,omitempty"`
	Example     string       `json:"example,omitempty"`
	Description string       `json:"description,omitempty"`
}

// Templated says which template a message was made of, and with what.
type Templated struct {
	ID        ID                `json:"i"`
	Version   int               `json:"v"`
	Locale    string            `json:"l"`
	Variables map[string]string `json:"vs,omitempty"` // content
}

// Bare is the same without content.
func (t *Templated) Bare() *Templated {
	if t == nil {
		return nil
	}
	return &Templated{ID: t.ID, Version: t.Version, Locale: t.Locale}
}

// SavedReply is a text to begin an answer with.
type SavedReply struct {
	ID        ID
	Owner     Actor // a user, a team or the organization
	Title     string
	Shortcut  string // unique among the owner's; empty: none
	Folder    string
	Tags      []string
	Body      []Part
	Rev       int64
	CreatedAt time.Time
}
