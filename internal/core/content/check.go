// Package content is what a body of a message may hold, and who and which files it names.
package content

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// Limits of a body.
const (
	MaxText = 100_000 // characters of a part

	MaxParts    = 100 // in a row
	maxElements = 1000
	maxDepth    = 2 // of sections in each other
	maxLine     = 1000
	maxName     = 255
	maxURL      = 2048
	maxPayload  = 4000
	maxHints    = 50
	maxCodeTTL  = 24 * 60 * 60 // seconds
)

// Check returns what is wrong with a body, and gives names to its actions that have none.
func Check(body []parley.Part) []parley.FieldError { return check(body, false) }

// CheckTemplate is Check for a body whose texts are not yet what they will be.
func CheckTemplate(body []parley.Part) []parley.FieldError { return check(body, true) }

func check(body []parley.Part, template bool) []parley.FieldError {
	c := checking{template: template}
	c.parts("body", body, 0)
	if c.elements > maxElements {
		c.refuse("body", "too-many", "must have at most %d parts, items, files and actions together", maxElements)
	}
	if c.actions && len(c.wrong) == 0 {
		c.name(body)
	}
	return c.wrong
}

// checking is a body being checked.
type checking struct {
	wrong    []parley.FieldError
	template bool
	elements int
	actions  bool
}

// maxWrong is how many wrong fields are named.
const maxWrong = 20

func (c *checking) refuse(field, code, format string, args ...any) {
	if len(c.wrong) < maxWrong {
		c.wrong = append(c.wrong, parley.FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *checking) text(field, value string, most int) {
	if !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
		c.refuse(field, "text-invalid", "must be UTF-8 without the character U+0000")
	} else if len(value) > most && utf8.RuneCountInString(value) > most {
		c.refuse(field, "too-long", "must be at most %d characters", most)
	}
}

// needed is text that must be there.
func (c *checking) needed(field, value string, most int) {
	if value == "" {
		c.refuse(field, "required", "must not be empty")
	}
	c.text(field, value, most)
}

// count refuses a list that is too long.
func (c *checking) count(field string, n, most int) {
	c.elements += n
	if n > most {
		c.refuse(field, "too-many", "must be at most %d", most)
	}
}

func (c *checking) parts(field string, parts []parley.Part, depth int) {
	c.count(field, len(parts), MaxParts)
	for i := range parts {
		p, here := &parts[i], fmt.Sprintf("%s[%d]", field, i)
		if depth == 0 && len(parts) == 1 && p.Plain() { // as if it were given as a string
			c.needed(field, p.Text, MaxText)
			continue
		}
		c.part(here, p, depth)
	}
}

func (c *checking) part(field string, p *parley.Part, depth int) {
	c.foreign(field, p)
	c.hints(field+".hints", p.Hints)
	c.text(field+".fallback", p.Fallback, MaxText)
	switch p.Kind {
	case parley.PartText, parley.PartHTML:
		c.needed(field+".text", p.Text, MaxText)
	case parley.PartImage, parley.PartFile, parley.PartGIF:
		if len(p.Files) == 0 || p.Kind == parley.PartGIF && len(p.Files) > 1 {
			c.refuse(field+".files", "required", "must have %s", map[bool]string{true: "one file", false: "at least one file"}[p.Kind == parley.PartGIF])
		}
	case parley.PartLocation:
		c.text(field+".label", p.Label, maxName)
		c.text(field+".address", p.Address, maxLine)
		if !within(p.Latitude, 90) || !within(p.Longitude, 180) {
			c.refuse(field, "out-of-range", "latitude must be -90 to 90, longitude -180 to 180")
		}
	case parley.PartCarousel:
		if len(p.Items) == 0 {
			c.refuse(field+".items", "required", "must have at least one item")
		}
	case parley.PartOptions:
		c.options(field, p)
	case parley.PartSection:
		c.section(field, p, depth)
	case parley.PartOTP:
		c.otp(field, p)
	case parley.PartPage, parley.PartMention:
		c.who(field+".who", p)
		c.paging(field+".paging", p)
	default:
		c.refuse(field+".kind", "value-unknown", "must be one of %v", parley.PartKinds)
	}
	if p.Kind != parley.PartText && p.Kind != parley.PartHTML {
		c.text(field+".text", p.Text, MaxText)
	}
	c.files(field+".files", p.Files)
	c.items(field+".items", p.Items)
	c.choices(field+".actions", p.Actions)
}

func within(n, most float64) bool { return !math.IsNaN(n) && n >= -most && n <= most }

// allowed are the fields that a kind of parts has, besides text, fallback and hints.
var allowed = map[parley.PartKind]string{
	parley.PartText:     " actions ",
	parley.PartHTML:     " actions files ",
	parley.PartImage:    " actions files ",
	parley.PartFile:     " actions files ",
	parley.PartGIF:      " actions files ",
	parley.PartLocation: " latitude longitude label address ",
	parley.PartCarousel: " items actions ",
	parley.PartOptions:  " title items actions button chosenText chosenTitle ",
	parley.PartSection:  " parts ",
	parley.PartOTP:      " code codeTtl warning actions ",
	parley.PartPage:     " who paging ",
	parley.PartMention:  " who ",
}

// foreign refuses fields that the part's kind does not have.
func (c *checking) foreign(field string, p *parley.Part) {
	fields, known := allowed[p.Kind]
	if !known {
		return
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"actions", len(p.Actions) > 0}, {"files", len(p.Files) > 0}, {"items", len(p.Items) > 0}, {"parts", len(p.Parts) > 0},
		{"latitude", p.Latitude != 0}, {"longitude", p.Longitude != 0}, {"label", p.Label != ""}, {"address", p.Address != ""},
		{"title", p.Title != ""}, {"button", p.Button != ""}, {"chosenText", p.ChosenAs != ""}, {"chosenTitle", p.ChosenBy != ""},
		{"code", p.Code != ""}, {"codeTtl", p.CodeTTL != 0}, {"warning", p.Warning}, {"who", p.Who != parley.Actor{}}, {"paging", p.Paging != nil},
		{"fallback", p.Fallback != "" && p.Kind == parley.PartText}, {"text", p.Text != "" && p.Inline()},
	} {
		if f.set && !strings.Contains(fields, " "+f.name+" ") {
			c.refuse(field+"."+f.name, "not-allowed", "does not go with the kind %s", p.Kind)
		}
	}
}

func (c *checking) options(field string, p *parley.Part) {
	if len(p.Items) == 0 && len(p.Actions) == 0 {
		c.refuse(field+".items", "required", "must have an item or an action")
	}
	c.text(field+".title", p.Title, maxLine)
	c.text(field+".button", p.Button, maxName)
	c.text(field+".chosenText", p.ChosenAs, maxLine)
	c.text(field+".chosenTitle", p.ChosenBy, maxLine)
}

func (c *checking) section(field string, p *parley.Part, depth int) {
	if len(p.Parts) == 0 {
		c.refuse(field+".parts", "required", "must have at least one part")
	}
	if depth >= maxDepth {
		c.refuse(field, "too-deep", "sections may be in each other %d deep", maxDepth)
		return
	}
	c.parts(field+".parts", p.Parts, depth+1)
}

func (c *checking) otp(field string, p *parley.Part) {
	if p.Code == "" && len(p.Actions) == 0 {
		c.refuse(field+".code", "required", "must be there, unless an action has it")
	}
	c.text(field+".code", p.Code, maxName)
	if p.CodeTTL < 0 || p.CodeTTL > maxCodeTTL {
		c.refuse(field+".codeTtl", "out-of-range", "must be 0 to %d seconds", maxCodeTTL)
	}
}

func (c *checking) who(field string, p *parley.Part) {
	switch p.Who.Kind {
	case parley.ActorUser, parley.ActorTeam, parley.ActorRole:
		if p.Who.ID == "" {
			c.refuse(field+".id", "required", "must not be empty")
		}
	case parley.ActorOrganization:
	case parley.ActorContact:
		if p.Kind == parley.PartPage {
			c.refuse(field+".kind", "value-unknown", "must be user, team, role or organization")
		}
	default:
		c.refuse(field+".kind", "value-unknown", "must be user, team, role or organization; of a mention, also contact")
	}
	c.text(field+".name", p.Who.Name, maxName)
}

func (c *checking) hints(field string, hints map[string]string) {
	c.count(field, len(hints), maxHints)
	for name, hint := range hints {
		c.needed(field, name, 100)
		c.text(field+"."+name, hint, maxPayload)
	}
}

func (c *checking) items(field string, items []parley.Item) {
	c.count(field, len(items), MaxParts)
	for i := range items {
		item, here := &items[i], fmt.Sprintf("%s[%d]", field, i)
		if item.Title == "" && item.Text == "" && item.File == nil && len(item.Actions) == 0 {
			c.refuse(here, "required", "must not be empty")
		}
		c.text(here+".title", item.Title, maxLine)
		c.text(here+".text", item.Text, maxPayload)
		if item.File != nil {
			c.file(here+".file", item.File)
		}
		c.choices(here+".actions", item.Actions)
	}
}

func (c *checking) files(field string, files []parley.File) {
	c.count(field, len(files), MaxParts)
	for i := range files {
		c.file(fmt.Sprintf("%s[%d]", field, i), &files[i])
	}
}

func (c *checking) file(field string, f *parley.File) {
	switch {
	case (f.Media == "") == (f.URL == ""):
		c.refuse(field, "file-required", "must have exactly one of media and url")
	case f.URL != "":
		c.url(field+".url", f.URL)
	}
	c.text(field+".media", string(f.Media), maxName)
	c.text(field+".name", f.Name, maxName)
	c.text(field+".contentType", f.ContentType, maxName)
	c.text(field+".alt", f.Alt, maxLine)
	c.text(field+".contentId", f.ContentID, maxName)
}

// url is an address on the web; that of a template may still have variables in it.
func (c *checking) url(field, text string) {
	c.text(field, text, maxURL)
	if c.template && strings.Contains(text, "{{") {
		return
	}
	if !IsURL(text) {
		c.refuse(field, "url-invalid", "must be an absolute http or https URL")
	}
}

// IsURL reports whether a text is an absolute http or https URL.
func IsURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && len(text) <= maxURL &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func (c *checking) choices(field string, actions []parley.Action) {
	c.count(field, len(actions), MaxParts)
	for i := range actions {
		c.actions = true
		c.action(fmt.Sprintf("%s[%d]", field, i), &actions[i])
	}
}

func (c *checking) action(field string, a *parley.Action) {
	c.text(field+".id", a.ID, 100)
	c.text(field+".description", a.Description, maxName)
	c.text(field+".payload", a.Payload, maxPayload)
	if a.Kind != parley.ActionLocation && a.Kind != parley.ActionPermission && a.Text == "" {
		c.refuse(field+".text", "required", "must not be empty")
	}
	c.text(field+".text", a.Text, maxName)
	switch a.Kind {
	case parley.ActionLink:
		c.url(field+".url", a.URL)
	case parley.ActionPhone:
		if _, err := parley.NewAddress(parley.AddressPhone, a.Phone); err != nil && !(c.template && strings.Contains(a.Phone, "{{")) {
			c.refuse(field+".phone", "phone-invalid", "must be a phone number, such as +15550100")
		}
	case parley.ActionBuy:
		if a.Amount <= 0 {
			c.refuse(field+".amount", "out-of-range", "must be more than 0, in the smallest unit of the currency")
		}
		if len(a.Currency) != 3 || strings.Trim(a.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			c.refuse(field+".currency", "currency-invalid", "must be three capital letters, such as EUR")
		}
	case parley.ActionPermission:
		c.needed(field+".payload", a.Payload, maxPayload)
	case parley.ActionReply, parley.ActionPostback, parley.ActionLocation:
	default:
		c.refuse(field+".kind", "value-unknown", "must be one of %v", parley.ActionKinds)
		return
	}
	for _, f := range []struct {
		name string
		set  bool
		kind parley.ActionKind
	}{{"url", a.URL != "", parley.ActionLink}, {"phone", a.Phone != "", parley.ActionPhone}, {"amount", a.Amount != 0, parley.ActionBuy},
		{"currency", a.Currency != "", parley.ActionBuy}} {
		if f.set && f.kind != a.Kind {
			c.refuse(field+"."+f.name, "not-allowed", "does not go with the kind %s", a.Kind)
		}
	}
	if a.Image != nil {
		c.file(field+".image", a.Image)
	}
}

// name gives each action an id that no other of the body has: its number, where the sender gave none.
func (c *checking) name(body []parley.Part) {
	taken := map[string]bool{}
	parley.EachActions(body, func(path string, actions []parley.Action) {
		for i, a := range actions {
			if a.ID != "" && taken[a.ID] {
				c.refuse(fmt.Sprintf("%s[%d].id", path, i), "duplicate", "another action has it")
			}
			taken[a.ID] = true
		}
	})
	number := 0
	parley.EachActions(body, func(_ string, actions []parley.Action) {
		for i := range actions {
			if actions[i].ID != "" {
				continue
			}
			for number++; taken[strconv.Itoa(number)]; number++ {
			}
			actions[i].ID = strconv.Itoa(number)
		}
	})
}

// Names reports whether a body names files or people that have to be looked up.
func Names(body []parley.Part) bool {
	for i := range body {
		if body[i].Plain() {
			continue
		}
		found := slices.ContainsFunc(body[i:i+1], func(p parley.Part) bool { return p.Inline() })
		parley.EachPart(body[i:i+1], func(_ string, p *parley.Part) { found = found || p.Inline() })
		parley.EachFile(body[i:i+1], func(_ string, f *parley.File) { found = found || f.Media != "" })
		if found {
			return true
		}
	}
	return false
}
