// Package content is what a body of a message may hold, and who and which files it names.
package content

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
		c.Refuse("body", "too-many", "must have at most %d parts, items, files and actions together", maxElements)
	}
	if c.actions && len(c.Wrong) == 0 {
		c.name(body)
	}
	return c.Wrong
}

// checking is a body being checked.
type checking struct {
	parley.Check
	template bool
	elements int
	actions  bool
}

// needed is text that must be there.
func (c *checking) needed(field, value string, most int) {
	if value == "" {
		c.Refuse(field, "required", "must not be empty")
	}
	c.Text(field, value, false, most)
}

// count refuses a list that is too long.
func (c *checking) count(field string, n, most int) {
	c.elements += n
	if n > most {
		c.Refuse(field, "too-many", "must be at most %d", most)
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
	c.Text(field+".fallback", p.Fallback, false, MaxText)
	switch p.Kind {
	case parley.PartText, parley.PartHTML:
		c.needed(field+".text", p.Text, MaxText)
	case parley.PartImage, parley.PartFile, parley.PartGIF:
		if len(p.Files) == 0 || p.Kind == parley.PartGIF && len(p.Files) > 1 {
			c.Refuse(field+".files", "required", "must have %s", map[bool]string{true: "one file", false: "at least one file"}[p.Kind == parley.PartGIF])
		}
	case parley.PartLocation:
		c.Text(field+".label", p.Label, false, maxName)
		c.Text(field+".address", p.Address, false, maxLine)
		if !within(p.Latitude, 90) || !within(p.Longitude, 180) {
			c.Refuse(field, "out-of-range", "latitude must be -90 to 90, longitude -180 to 180")
		}
	case parley.PartCarousel:
		if len(p.Items) == 0 {
			c.Refuse(field+".items", "required", "must have at least one item")
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
		c.Refuse(field+".kind", "value-unknown", "must be one of %v", parley.PartKinds)
	}
	if p.Kind != parley.PartText && p.Kind != parley.PartHTML {
		c.Text(field+".text", p.Text, false, MaxText)
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
			c.Refuse(field+"."+f.name, "not-allowed", "does not go with the kind %s", p.Kind)
		}
	}
}

func (c *checking) options(field string, p *parley.Part) {
	if len(p.Items) == 0 && len(p.Actions) == 0 {
		c.Refuse(field+".items", "required", "must have an item or an action")
	}
	c.Text(field+".title", p.Title, false, maxLine)
	c.Text(field+".button", p.Button, false, maxName)
	c.Text(field+".chosenText", p.ChosenAs, false, maxLine)
	c.Text(field+".chosenTitle", p.ChosenBy, false, maxLine)
}

func (c *checking) section(field string, p *parley.Part, depth int) {
	if len(p.Parts) == 0 {
		c.Refuse(field+".parts", "required", "must have at least one part")
	}
	if depth >= maxDepth {
		c.Refuse(field, "too-deep", "sections may be in each other %d deep", maxDepth)
		return
	}
	c.parts(field+".parts", p.Parts, depth+1)
}

func (c *checking) otp(field string, p *parley.Part) {
	if p.Code == "" && len(p.Actions) == 0 {
		c.Refuse(field+".code", "required", "must be there, unless an action has it")
	}
	c.Text(field+".code", p.Code, false, maxName)
	if p.CodeTTL < 0 || p.CodeTTL > maxCodeTTL {
		c.Refuse(field+".codeTtl", "out-of-range", "must be 0 to %d seconds", maxCodeTTL)
	}
}

func (c *checking) who(field string, p *parley.Part) {
	switch p.Who.Kind {
	case parley.ActorUser, parley.ActorTeam, parley.ActorRole:
		if p.Who.ID == "" {
			c.Refuse(field+".id", "required", "must not be empty")
		}
	case parley.ActorOrganization:
	case parley.ActorContact:
		if p.Kind == parley.PartPage {
			c.Refuse(field+".kind", "value-unknown", "must be user, team, role or organization")
		}
	default:
		c.Refuse(field+".kind", "value-unknown", "must be user, team, role or organization; of a mention, also contact")
	}
	c.Text(field+".name", p.Who.Name, false, maxName)
}

func (c *checking) hints(field string, hints map[string]string) {
	c.count(field, len(hints), maxHints)
	for name, hint := range hints {
		c.needed(field, name, 100)
		c.Text(field+"."+name, hint, false, maxPayload)
	}
}

func (c *checking) items(field string, items []parley.Item) {
	c.count(field, len(items), MaxParts)
	for i := range items {
		item, here := &items[i], fmt.Sprintf("%s[%d]", field, i)
		if item.Title == "" && item.Text == "" && item.File == nil && len(item.Actions) == 0 {
			c.Refuse(here, "required", "must not be empty")
		}
		c.Text(here+".title", item.Title, false, maxLine)
		c.Text(here+".text", item.Text, false, maxPayload)
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
		c.Refuse(field, "file-required", "must have exactly one of media and url")
	case f.URL != "":
		c.url(field+".url", f.URL)
	}
	c.Text(field+".media", string(f.Media), false, maxName)
	c.Text(field+".name", f.Name, false, maxName)
	c.Text(field+".contentType", f.ContentType, false, maxName)
	c.Text(field+".alt", f.Alt, false, maxLine)
	c.Text(field+".contentId", f.ContentID, false, maxName)
}

// url is an address on the web; that of a template may still have variables in it.
func (c *checking) url(field, text string) {
	c.Text(field, text, false, maxURL)
	if c.template && strings.Contains(text, "{{") {
		return
	}
	if !IsURL(text) {
		c.Refuse(field, "url-invalid", "must be an absolute http or https URL")
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
	c.Text(field+".id", a.ID, false, 100)
	c.Text(field+".description", a.Description, false, maxName)
	c.Text(field+".payload", a.Payload, false, maxPayload)
	if a.Kind != parley.ActionLocation && a.Kind != parley.ActionPermission && a.Text == "" {
		c.Refuse(field+".text", "required", "must not be empty")
	}
	c.Text(field+".text", a.Text, false, maxName)
	switch a.Kind {
	case parley.ActionLink:
		c.url(field+".url", a.URL)
	case parley.ActionPhone:
		if _, err := parley.NewAddress(parley.AddressPhone, a.Phone); err != nil && !(c.template && strings.Contains(a.Phone, "{{")) {
			c.Refuse(field+".phone", "phone-invalid", "must be a phone number, such as +15550100")
		}
	case parley.ActionBuy:
		if a.Amount <= 0 {
			c.Refuse(field+".amount", "out-of-range", "must be more than 0, in the smallest unit of the currency")
		}
		if len(a.Currency) != 3 || strings.Trim(a.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			c.Refuse(field+".currency", "currency-invalid", "must be three capital letters, such as EUR")
		}
	case parley.ActionPermission:
		c.needed(field+".payload", a.Payload, maxPayload)
	case parley.ActionReply, parley.ActionPostback, parley.ActionLocation:
	default:
		c.Refuse(field+".kind", "value-unknown", "must be one of %v", parley.ActionKinds)
		return
	}
	for _, f := range []struct {
		name string
		set  bool
		kind parley.ActionKind
	}{{"url", a.URL != "", parley.ActionLink}, {"phone", a.Phone != "", parley.ActionPhone}, {"amount", a.Amount != 0, parley.ActionBuy},
		{"currency", a.Currency != "", parley.ActionBuy}} {
		if f.set && f.kind != a.Kind {
			c.Refuse(field+"."+f.name, "not-allowed", "does not go with the kind %s", a.Kind)
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
				c.Refuse(fmt.Sprintf("%s[%d].id", path, i), "duplicate", "another action has it")
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
