package parley

import (
	"slices"
	"strconv"
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

// PartKinds are all kinds of body parts.
var PartKinds = []PartKind{PartText, PartHTML, PartImage, PartFile, PartGIF, PartLocation, PartCarousel, PartOptions, PartSection,
	PartOTP, PartPage, PartMention}

// Part is a piece of a body. Which fields it has, its kind says.
type Part struct {
	Kind      PartKind          `json:"kind"`
	Text      string            `json:"text,omitempty"`     // the text or the HTML; of others, what stands with them
	Title     string            `json:"title,omitempty"`    // of options
	Fallback  string            `json:"fallback,omitempty"` // plain text in its place
	Latitude  float64           `json:"latitude,omitempty"`
	Longitude float64           `json:"longitude,omitempty"`
	Label     string            `json:"label,omitempty"`   // of a location
	Address   string            `json:"address,omitempty"` // of a location
	Files     []File            `json:"files,omitempty"`   // of image, file and gif; of html, what it shows
	Items     []Item            `json:"items,omitempty"`   // the cards of a carousel, the groups of options
	Parts     []Part            `json:"parts,omitempty"`   // of a section
	Actions   []Action          `json:"actions,omitempty"`
	Who       Actor             `json:"who,omitzero"`         // of page and mention
	Paging    *Paging           `json:"paging,omitempty"`     // of page; never changed
	Code      string            `json:"code,omitempty"`       // of otp
	CodeTTL   int64             `json:"codeTtl,omitempty"`    // seconds that the code is good
	Warning   bool              `json:"warning,omitempty"`    // of otp: say that the code is nobody else's business
	Button    string            `json:"button,omitempty"`     // of options: what opens the list
	ChosenAs  string            `json:"chosenText,omitempty"` // of options: what stands with the one that was chosen
	ChosenBy  string            `json:"chosenTitle,omitempty"`
	Hints     map[string]string `json:"hints,omitempty"` // what only some connectors know of, as given
}

// File is a file within a part: one that was uploaded, or one that is elsewhere.
type File struct {
	Media       ID     `json:"media,omitempty"`
	URL         string `json:"url,omitempty"` // of one that is elsewhere
	Name        string `json:"name,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Size        int64  `json:"size,omitempty"`
	Alt         string `json:"alt,omitempty"`       // what it shows, in words
	ContentID   string `json:"contentId,omitempty"` // as HTML names it
	Animated    bool   `json:"animated,omitempty"`
}

// Item is a card of a carousel or a group of options.
type Item struct {
	Title   string   `json:"title,omitempty"`
	Text    string   `json:"text,omitempty"`
	File    *File    `json:"file,omitempty"`
	Actions []Action `json:"actions,omitempty"`
}

// ActionKind is what an action does when it is chosen.
type ActionKind string

// The kinds of actions.
const (
	ActionLink       ActionKind = "link"       // opens a URL
	ActionReply      ActionKind = "reply"      // answers with its text
	ActionPostback   ActionKind = "postback"   // answers with its payload
	ActionPhone      ActionKind = "phone"      // calls a number
	ActionLocation   ActionKind = "location"   // asks where the recipient is
	ActionBuy        ActionKind = "buy"        // pays
	ActionPermission ActionKind = "permission" // grants what the payload names
)

// ActionKinds are all kinds of actions.
var ActionKinds = []ActionKind{ActionLink, ActionReply, ActionPostback, ActionPhone, ActionLocation, ActionBuy, ActionPermission}

// Action is something that a recipient can choose.
type Action struct {
	ID          string     `json:"id"` // unique in the message; a click names it
	Kind        ActionKind `json:"kind"`
	Text        string     `json:"text,omitempty"`
	Description string     `json:"description,omitempty"`
	URL         string     `json:"url,omitempty"`
	Payload     string     `json:"payload,omitempty"`
	Phone       string     `json:"phone,omitempty"`
	Amount      int64      `json:"amount,omitempty"` // in the smallest unit of the currency
	Currency    string     `json:"currency,omitempty"`
	Image       *File      `json:"image,omitempty"`
}

// Plain reports whether the part is text and nothing else.
func (p *Part) Plain() bool {
	return p.Kind == PartText && len(p.Actions) == 0 && len(p.Hints) == 0 && len(p.Files) == 0 && len(p.Items) == 0 && len(p.Parts) == 0 &&
		p.Title == "" && p.Fallback == "" && p.Latitude == 0 && p.Longitude == 0 && p.Label == "" && p.Address == "" && p.Who == (Actor{}) && p.Paging == nil &&
		p.Code == "" && p.CodeTTL == 0 && !p.Warning && p.Button == "" && p.ChosenAs == "" && p.ChosenBy == ""
}

// Inline reports whether the part stands in the line of text around it.
func (p *Part) Inline() bool { return p.Kind == PartPage || p.Kind == PartMention }

// EachFile calls f with every file of a body.
func EachFile(body []Part, f func(path string, file *File)) {
	eachPart(body, "body", func(path string, p *Part) {
		for i := range p.Files {
			f(at(path+".files", i), &p.Files[i])
		}
		eachActions(path, p, func(path string, actions []Action) {
			for i := range actions {
				if actions[i].Image != nil {
					f(at(path, i)+".image", actions[i].Image)
				}
			}
		})
		for i := range p.Items {
			if p.Items[i].File != nil {
				f(at(path+".items", i)+".file", p.Items[i].File)
			}
		}
	})
}

// EachPart calls f with every part of a body, those within sections too, with where it is.
func EachPart(body []Part, f func(path string, p *Part)) { eachPart(body, "body", f) }

func eachPart(parts []Part, path string, f func(path string, p *Part)) {
	for i := range parts {
		p := &parts[i]
		if p.Plain() && path == "body" && len(parts) == 1 {
			f(path, p)
			continue
		}
		here := at(path, i)
		f(here, p)
		if len(p.Parts) > 0 {
			eachPart(p.Parts, here+".parts", f)
		}
	}
}

// EachActions calls f with every list of actions of a body.
func EachActions(body []Part, f func(path string, actions []Action)) {
	eachPart(body, "body", func(path string, p *Part) { eachActions(path, p, f) })
}

func eachActions(path string, p *Part, f func(path string, actions []Action)) {
	if len(p.Actions) > 0 {
		f(path+".actions", p.Actions)
	}
	for i := range p.Items {
		if len(p.Items[i].Actions) > 0 {
			f(at(path+".items", i)+".actions", p.Items[i].Actions)
		}
	}
}

// ActionOf is the action of this id; nil for none.
func ActionOf(body []Part, id string) (found *Action) {
	EachActions(body, func(_ string, actions []Action) {
		if i := slices.IndexFunc(actions, func(a Action) bool { return a.ID == id }); i >= 0 && found == nil {
			found = &actions[i]
		}
	})
	return found
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// MediaOf are the uploaded files that a message has, each once: its attachments and those of its parts.
func MediaOf(m *Message) []ID {
	var ids []ID
	for i := range m.Attachments {
		ids = append(ids, m.Attachments[i].Media)
	}
	if !allPlain(m.Body) {
		EachFile(m.Body, func(_ string, f *File) {
			if f.Media != "" {
				ids = append(ids, f.Media)
			}
		})
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func allPlain(body []Part) bool {
	for i := range body {
		if !body[i].Plain() {
			return false
		}
	}
	return true
}

// Form is how a text of a part is read.
type Form int

// The forms of texts.
const (
	FormPlain Form = iota
	FormHTML
	FormURL
)

// EachText calls f with every text of a body that people write, with where it is.
func EachText(body []Part, f func(path string, form Form, text *string)) {
	EachPart(body, func(path string, p *Part) {
		form := FormPlain
		if p.Kind == PartHTML {
			form = FormHTML
		}
		if p.Plain() {
			f(path, form, &p.Text)
			return
		}
		f(path+".text", form, &p.Text)
		for _, field := range []struct {
			name string
			text *string
		}{{"title", &p.Title}, {"fallback", &p.Fallback}, {"label", &p.Label}, {"address", &p.Address}, {"code", &p.Code}, {"button", &p.Button},
			{"chosenText", &p.ChosenAs}, {"chosenTitle", &p.ChosenBy}, {"who.name", &p.Who.Name}} {
			f(path+"."+field.name, FormPlain, field.text)
		}
		for i := range p.Items {
			f(at(path+".items", i)+".title", FormPlain, &p.Items[i].Title)
			f(at(path+".items", i)+".text", FormPlain, &p.Items[i].Text)
		}
		for name, hint := range p.Hints {
			f(path+".hints."+name, FormPlain, &hint)
			p.Hints[name] = hint
		}
	})
	EachFile(body, func(path string, file *File) {
		f(path+".url", FormURL, &file.URL)
		f(path+".name", FormPlain, &file.Name)
		f(path+".alt", FormPlain, &file.Alt)
		f(path+".contentId", FormPlain, &file.ContentID)
		f(path+".contentType", FormPlain, &file.ContentType)
	})
	EachActions(body, func(path string, actions []Action) {
		for i := range actions {
			a, here := &actions[i], at(path, i)
			f(here+".url", FormURL, &a.URL)
			f(here+".text", FormPlain, &a.Text)
			f(here+".description", FormPlain, &a.Description)
			f(here+".payload", FormPlain, &a.Payload)
			f(here+".phone", FormPlain, &a.Phone)
			f(here+".currency", FormPlain, &a.Currency)
			f(here+".id", FormPlain, &a.ID)
		}
	})
}

// Size is about how many bytes a part is stored with.
func (p *Part) Size() int {
	n := len(p.Text)
	if p.Plain() {
		return n
	}
	one := []Part{*p}
	n = 0
	EachText(one, func(_ string, _ Form, text *string) { n += len(*text) })
	EachActions(one, func(_ string, actions []Action) { n += 100 * len(actions) })
	return n + 200
}

// CloneBody is a body that can be changed without the other.
func CloneBody(body []Part) []Part {
	out := slices.Clone(body)
	for i := range out {
		p := &out[i]
		p.Files, p.Actions, p.Items = slices.Clone(p.Files), cloneActions(p.Actions), slices.Clone(p.Items)
		for j := range p.Items {
			p.Items[j].Actions = cloneActions(p.Items[j].Actions)
			p.Items[j].File = cloneFile(p.Items[j].File)
		}
		if p.Hints != nil {
			hints := make(map[string]string, len(p.Hints))
			for name, hint := range p.Hints {
				hints[name] = hint
			}
			p.Hints = hints
		}
		p.Parts = CloneBody(p.Parts)
	}
	return out
}

func cloneActions(actions []Action) []Action {
	out := slices.Clone(actions)
	for i := range out {
		out[i].Image = cloneFile(out[i].Image)
	}
	return out
}

func cloneFile(f *File) *File {
	if f == nil {
		return nil
	}
	return new(*f)
}
