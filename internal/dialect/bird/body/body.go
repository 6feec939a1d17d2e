// Package body is the content of Bird's messages: its types, and what parts of Parley's bodies they become, and the other way round.
package body

import "github.com/parley-server/parley/internal/parley"

// Body is {"type": T, T: {…}}.
type Body struct {
	Type           string          `json:"type"`
	Text           *Text           `json:"text,omitempty"`
	HTML           *HTML           `json:"html,omitempty"`
	Image          *Image          `json:"image,omitempty"`
	File           *File           `json:"file,omitempty"`
	GIF            *GIF            `json:"gif,omitempty"`
	Location       *Location       `json:"location,omitempty"`
	Carousel       *Carousel       `json:"carousel,omitempty"`
	List           *List           `json:"list,omitempty"`
	Section        *Section        `json:"section,omitempty"`
	Authentication *Authentication `json:"authentication,omitempty"`
	Permission     *Permission     `json:"permission_request,omitempty"`
}

// Text is text with files and actions.
type Text struct {
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Actions     []Action     `json:"actions,omitempty"`
	Metadata    *Metadata    `json:"metadata,omitempty"`
}

// HTML is a text of e-mail, and the plain one beside it.
type HTML struct {
	Text        string       `json:"text,omitempty"`
	HTML        string       `json:"html,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Actions     []Action     `json:"actions,omitempty"`
	Metadata    *Metadata    `json:"metadata,omitempty"`
}

// Attachment is a file that is elsewhere, or has its bytes with it.
type Attachment struct {
	MediaURL    string `json:"mediaUrl,omitempty"`
	Filename    string `json:"filename"`
	Inline      bool   `json:"inline,omitempty"`
	Content     string `json:"content,omitempty"` // base64
	ContentType string `json:"contentType,omitempty"`
	ContentID   string `json:"contentId,omitempty"`
}

// Metadata is what only some platforms know of.
type Metadata struct {
	Subject      string            `json:"subject,omitempty"`
	Headers      map[string]string `json:"headers,omitempty"`
	FallbackText string            `json:"fallbackText,omitempty"`
	EmailFrom    *From             `json:"emailFrom,omitempty"`
	Button       *Label            `json:"button,omitempty"`
	ReplyMessage *ReplyMessage     `json:"replyMessage,omitempty"`
	Description  *Label            `json:"description,omitempty"`
}

// From is whom an e-mail is from.
type From struct {
	Username    string `json:"username,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
}

// Label is a short text.
type Label struct {
	Label string `json:"label,omitempty"`
}

// ReplyMessage is what stands with what was chosen of a list.
type ReplyMessage struct {
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Image is one or more images.
type Image struct {
	Text     string    `json:"text,omitempty"`
	Images   []Picture `json:"images"`
	Metadata *Metadata `json:"metadata,omitempty"`
	Actions  []Action  `json:"actions,omitempty"`
}

// Picture is an image.
type Picture struct {
	MediaURL string `json:"mediaUrl"`
	AltText  string `json:"altText,omitempty"`
}

// File is one or more files.
type File struct {
	Text     string     `json:"text,omitempty"`
	Files    []Document `json:"files"`
	Metadata *Metadata  `json:"metadata,omitempty"`
	Actions  []Action   `json:"actions,omitempty"`
}

// Document is a file of any kind.
type Document struct {
	MediaURL    string    `json:"mediaUrl"`
	ContentType string    `json:"contentType"`
	Filename    string    `json:"filename,omitempty"`
	AltText     string    `json:"altText,omitempty"`
	Metadata    *Animated `json:"metadata,omitempty"`
}

// Animated says whether a sticker moves.
type Animated struct {
	IsAnimated bool `json:"isAnimated"`
}

// GIF is a moving image.
type GIF struct {
	Text     string   `json:"text,omitempty"`
	MediaURL string   `json:"mediaUrl"`
	AltText  string   `json:"altText,omitempty"`
	Actions  []Action `json:"actions,omitempty"`
}

// Location is a place.
type Location struct {
	Coordinates Coordinates `json:"coordinates"`
	Location    *Place      `json:"location,omitempty"`
}

// Coordinates are where it is.
type Coordinates struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Place is what it is called.
type Place struct {
	Address string `json:"address,omitempty"`
	Label   string `json:"label,omitempty"`
}

// Carousel is cards beside each other.
type Carousel struct {
	Text  string `json:"text,omitempty"`
	Items []Item `json:"items"`
}

// List is a choice; its items are groups of it.
type List struct {
	Title    string    `json:"title,omitempty"`
	Text     string    `json:"text"`
	AltText  string    `json:"altText,omitempty"`
	Items    []Item    `json:"items,omitempty"`
	Actions  []Action  `json:"actions,omitempty"`
	Metadata *Metadata `json:"metadata,omitempty"`
}

// Item is a card, or a group of a list.
type Item struct {
	Title       string   `json:"title,omitempty"`
	MediaURL    string   `json:"mediaUrl,omitempty"`
	Description string   `json:"description,omitempty"`
	AltText     string   `json:"altText,omitempty"`
	Actions     []Action `json:"actions,omitempty"`
}

// Section is bodies that belong together.
type Section struct {
	Items          []Body            `json:"items"`
	Configurations map[string]string `json:"configurations,omitempty"`
}

// Authentication is a code that is good for some minutes.
type Authentication struct {
	OTP *OTP `json:"otp,omitempty"`
}

// OTP says how the code is shown.
type OTP struct {
	Disclaimer     bool     `json:"disclaimer"`
	ExpirationTime int64    `json:"expirationTime,omitempty"` // minutes
	Actions        []Action `json:"actions,omitempty"`
}

// Permission asks for something.
type Permission struct {
	Resource string `json:"resource"`
}

// Action is {"type": A, A: {…}}.
type Action struct {
	Type            string    `json:"type"`
	Link            *Link     `json:"link,omitempty"`
	Reply           *Postback `json:"reply,omitempty"`
	Postback        *Postback `json:"postback,omitempty"`
	LocationRequest *Ask      `json:"locationRequest,omitempty"`
	Buy             *Buy      `json:"buy,omitempty"`
}

// Link opens an address.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// Postback answers; a reply has no payload.
type Postback struct {
	Text     string    `json:"text"`
	Payload  string    `json:"payload,omitempty"`
	ImageURL string    `json:"imageUrl,omitempty"`
	Metadata *Metadata `json:"metadata,omitempty"`
}

// Ask asks where somebody is.
type Ask struct {
	Text string `json:"text,omitempty"`
}

// Buy pays.
type Buy struct {
	Text        string `json:"text"`
	AmountCents int64  `json:"amountCents"`
	Currency    string `json:"currency"`
}

// subject is that of a body, wherever it has one.
func (b *Body) subject() string {
	for _, m := range []*Metadata{b.metadata()} {
		if m != nil {
			return m.Subject
		}
	}
	return ""
}

func (b *Body) metadata() *Metadata {
	switch {
	case b.Text != nil:
		return b.Text.Metadata
	case b.HTML != nil:
		return b.HTML.Metadata
	case b.Image != nil:
		return b.Image.Metadata
	case b.File != nil:
		return b.File.Metadata
	}
	return nil
}

// Files finds the files that bodies name.
type Files interface {
	// At is the file at an address.
	At(field, url string) parley.File
	// Inline keeps the bytes of a file.
	Inline(field string, a Attachment) parley.File
}
