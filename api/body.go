package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// PartKind is a kind of body part.
type PartKind string

// The kinds of body parts.
const (
	PartText     PartKind = "text"
	PartHTML     PartKind = "html"
	PartImage    PartKind = "image"
	PartFile     PartKind = "file"
	PartGIF      PartKind = "gif"
	PartLocation PartKind = "location"
	PartCarousel PartKind = "carousel" // cards beside each other
	PartOptions  PartKind = "options"  // a choice, in a list or as buttons
	PartSection  PartKind = "section"  // parts that belong together
	PartOTP      PartKind = "otp"      // a code that is good for a while
	PartPage     PartKind = "page"     // somebody who is to be alerted
	PartMention  PartKind = "mention"  // somebody who is named
)

// Part is a piece of a body. Its kind says which fields it has.
type Part struct {
	Kind        PartKind          `json:"kind" enum:"text,html,image,file,gif,location,carousel,options,section,otp,page,mention" doc:"What the part is."`
	Text        string            `json:"text,omitempty" doc:"The text or the HTML. Of image, file, gif, location, carousel, options, section and otp: what stands with them."`
	Title       string            `json:"title,omitempty" maxLength:"1000" doc:"Of options: what the choice is about."`
	Fallback    string            `json:"fallback,omitempty" doc:"Plain text that stands in its place where the part cannot be shown; of html, its alternative. Not of text."`
	Latitude    *float64          `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"Of a location: degrees north."`
	Longitude   *float64          `json:"longitude,omitempty" minimum:"-180" maximum:"180" doc:"Of a location: degrees east."`
	Label       string            `json:"label,omitempty" maxLength:"1000" doc:"Of a location: what people call it."`
	Address     string            `json:"address,omitempty" maxLength:"1000" doc:"Of a location: its postal address."`
	Files       []File            `json:"files,omitempty" maxItems:"100" doc:"Of image and file: the files. Of gif: the one file. Of html: what it shows by its contentId."`
	Items       []Item            `json:"items,omitempty" maxItems:"100" doc:"Of carousel: the cards. Of options: groups of choices, which are their actions."`
	Parts       Body              `json:"parts,omitempty" maxItems:"100" doc:"Of section: the parts that belong together; a section may be in another one."`
	Actions     []Action          `json:"actions,omitempty" maxItems:"100" doc:"What the recipient can choose. Of all but location, section, page and mention."`
	Who         *Actor            `json:"who,omitempty" doc:"Of page and mention: a user, a team, a role, the organization; of mention also a contact. The name is filled in."`
	Paging      *Paging           `json:"paging,omitempty" doc:"Of page: how they are called; left out: once, one for all."`
	Code        string            `json:"code,omitempty" maxLength:"255" doc:"Of otp: the code."`
	CodeTTL     int64             `json:"codeTtl,omitempty" minimum:"0" maximum:"86400" doc:"Of otp: seconds that the code is good."`
	Warning     bool              `json:"warning,omitempty" doc:"Of otp: whether to say that the code is nobody else's business."`
	Button      string            `json:"button,omitempty" maxLength:"255" doc:"Of options: what opens the list."`
	ChosenText  string            `json:"chosenText,omitempty" maxLength:"1000" doc:"Of options: what stands with the choice that was made."`
	ChosenTitle string            `json:"chosenTitle,omitempty" maxLength:"1000" doc:"Of options: the title of the choice that was made."`
	Hints       map[string]string `json:"hints,omitempty" maxProperties:"50" doc:"What only some connectors know of; they get it as it is."`
}

// Paging is how somebody is called.
type Paging struct {
	Urgency     Urgency `json:"urgency,omitempty" enum:"normal,high" doc:"How soon somebody is to come: normal, if it is left out, or high, which reminds every 2 minutes, 10 times."`
	Each        bool    `json:"each,omitempty" doc:"Of a team or a role: whether each resolves it for themselves; else one does for all."`
	RemindEvery int     `json:"remindEvery,omitempty" minimum:"0" maximum:"86400" doc:"How many seconds are between reminders, at least 30."`
	Reminders   *int    `json:"reminders,omitempty" minimum:"0" maximum:"100" doc:"How many reminders there are at most; left out: 10, or with normal urgency and no remindEvery none."`
}

// File is a file within a part: an uploaded one, by Media, or one that is elsewhere, by URL.
type File struct {
	Media       string `json:"media,omitempty" doc:"The id of uploaded media."`
	URL         string `json:"url,omitempty" maxLength:"2048" doc:"Where it is, if it was not uploaded; http or https."`
	Name        string `json:"name,omitempty" maxLength:"255" doc:"The file's name; left out, that of the media."`
	ContentType string `json:"contentType,omitempty" maxLength:"255" doc:"The file's media type; of media, the one it has."`
	Size        int64  `json:"size,omitempty" doc:"Of media: the file's length in bytes. What a request says of it is not used."`
	Alt         string `json:"alt,omitempty" maxLength:"1000" doc:"What it shows, in words."`
	ContentID   string `json:"contentId,omitempty" maxLength:"255" doc:"How HTML names it: cid:…"`
	Animated    bool   `json:"animated,omitempty" doc:"Whether it moves."`
}

// Item is a card of a carousel, or a group of options.
type Item struct {
	Title   string   `json:"title,omitempty" maxLength:"1000" doc:"The title."`
	Text    string   `json:"text,omitempty" maxLength:"4000" doc:"The text."`
	File    *File    `json:"file,omitempty" doc:"An image or a video."`
	Actions []Action `json:"actions,omitempty" maxItems:"100" doc:"What the recipient can choose."`
}

// ActionKind is what an action does when it is chosen.
type ActionKind string

// The kinds of actions.
const (
	ActionLink       ActionKind = "link"
	ActionReply      ActionKind = "reply"
	ActionPostback   ActionKind = "postback"
	ActionPhone      ActionKind = "phone"
	ActionLocation   ActionKind = "location"
	ActionBuy        ActionKind = "buy"
	ActionPermission ActionKind = "permission"
)

// Action is something that a recipient can choose.
type Action struct {
	ID          string     `json:"id,omitempty" maxLength:"100" doc:"Its id in the message, which a click names; left out, a number is given."`
	Kind        ActionKind `json:"kind" enum:"link,reply,postback,phone,location,buy,permission" doc:"What it does: open url, answer with text, answer with payload, call phone, ask for the location, pay amount, grant what payload names."`
	Text        string     `json:"text,omitempty" maxLength:"255" doc:"What it is called. Required but for location and permission."`
	Description string     `json:"description,omitempty" maxLength:"255" doc:"A second line."`
	URL         string     `json:"url,omitempty" maxLength:"2048" doc:"Of link: http or https."`
	Payload     string     `json:"payload,omitempty" maxLength:"4000" doc:"What comes back with a click; of permission, what is asked for, such as call."`
	Phone       string     `json:"phone,omitempty" maxLength:"50" doc:"Of phone: the number."`
	Amount      int64      `json:"amount,omitempty" minimum:"0" doc:"Of buy: in the smallest unit of the currency."`
	Currency    string     `json:"currency,omitempty" maxLength:"3" doc:"Of buy: three letters, such as EUR."`
	Image       *File      `json:"image,omitempty" doc:"What stands with it."`
}

// HTML is an HTML part.
func HTML(html string) Part { return Part{Kind: PartHTML, Text: html} }

// Location is a location part: degrees north and east, and a label, which may be empty.
func Location(latitude, longitude float64, label string) Part {
	return Part{Kind: PartLocation, Latitude: &latitude, Longitude: &longitude, Label: label}
}

// Body is the content of a message: its parts in order. In JSON it is an array of parts; a string stands for
// one text part, and is accepted wherever a body is.
type Body []Part

// Text is a body of one text part.
func Text(text string) Body { return Body{{Kind: PartText, Text: text}} }

// UnmarshalJSON reads a string or an array of parts.
func (b *Body) UnmarshalJSON(data []byte) error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) > 0 && data[0] == '"' {
		if plain, ok := unescaped(data); ok {
			*b = Text(plain)
			return nil
		}
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*b = Text(text)
		return nil
	}
	var parts []Part
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("api: a body must be a string or an array of parts: %w", err)
	}
	*b = parts
	return nil
}

// unescaped returns the text of a JSON string in which nothing is escaped, without decoding it once more.
func unescaped(quoted []byte) (string, bool) {
	quoted = bytes.TrimRight(quoted, " \t\r\n")
	if len(quoted) < 2 || quoted[len(quoted)-1] != '"' {
		return "", false
	}
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '"' || c == '\\' || c < ' ' {
			return "", false
		}
	}
	return string(inner), utf8.Valid(inner)
}
