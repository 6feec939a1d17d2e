package bird

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/dialect/bird/body"
	"github.com/parley-server/parley/internal/dialect/bird/contract"
	"github.com/parley-server/parley/internal/parley"
)

// request is a message to send, as it comes. What is raw is given back as it was.
type request struct {
	Receiver struct {
		Contacts []contact `json:"contacts"`
	} `json:"receiver"`
	Sender             contract.Raw `json:"sender"`
	Body               contract.Raw `json:"body"`
	Template           contract.Raw `json:"template"`
	Meta               contract.Raw `json:"meta"`
	ReplyTo            contract.Raw `json:"replyTo"`
	Notification       contract.Raw `json:"notification"`
	ShortLinks         contract.Raw `json:"shortLinks"`
	Reference          string       `json:"reference"`
	Tags               []string     `json:"tags"`
	ScheduledFor       time.Time    `json:"scheduledFor"`
	Validity           int64        `json:"validity"`
	CapFrequency       bool         `json:"capFrequency"`
	EnableLinkTracking bool         `json:"enableLinkTracking"`
	IgnoreQuietHours   bool         `json:"ignoreQuietHours"`
}

// contact is a receiver.
type contact struct {
	ID                      string       `json:"id"`
	IdentifierKey           string       `json:"identifierKey"`
	IdentifierValue         string       `json:"identifierValue"`
	Type                    string       `json:"type"`
	Identifiers             []identifier `json:"identifiers"`
	PlatformAddress         string       `json:"platformAddress"`
	PlatformAddressSelector string       `json:"platformAddressSelector"`
}

type identifier struct {
	Key   string `json:"identifierKey"`
	Value string `json:"identifierValue"`
}

// use is a template as a message names it.
type use struct {
	Name        string            `json:"name"`
	ProjectID   string            `json:"projectId"`
	Version     string            `json:"version"`
	Locale      string            `json:"locale"`
	Variables   map[string]string `json:"variables"`
	Attachments []body.Attachment `json:"attachments"`
	ShortLinks  *struct {
		Enabled bool `json:"enabled"`
	} `json:"shortLinks"`
	Parameters []struct {
		Type  string `json:"type"`
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"parameters"`
}

// kept is what the door gives back of a message, and nobody else reads.
type kept struct {
	Body       contract.Raw `json:"body,omitempty"`
	Template   contract.Raw `json:"template,omitempty"`
	Meta       contract.Raw `json:"meta,omitempty"`
	Sender     contract.Raw `json:"sender,omitempty"`
	ReplyTo    contract.Raw `json:"replyTo,omitempty"`
	ShortLinks contract.Raw `json:"shortLinks,omitempty"`
	// Notification is kept for when posts to single messages' addresses are made.
	Notification contract.Raw `json:"notification,omitempty"`
}

// latestSchedule is how far ahead a message may be scheduled.
const latestSchedule = 35 * 24 * time.Hour

// sending is a message on its way to core.
type sending struct {
	*call
	own    parley.Channel
	r      request
	params core.SendParams
	files  filesOfMessage
	wrong  []parley.FieldError
	made   []parley.ID // files that were uploaded for it
}

func (s *sending) refuse(field, code, format string, args ...any) {
	s.wrong = append(s.wrong, parley.FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

func given(raw contract.Raw) bool { return len(raw) > 0 && string(raw) != "null" }

func without(raw contract.Raw) contract.Raw {
	if !given(raw) {
		return nil
	}
	return raw
}

// fill makes what core takes of the request.
func (s *sending) fill() error {
	r := &s.r
	s.params.Reference, s.params.Validity = r.Reference, time.Duration(r.Validity)*time.Second
	s.tags()
	if err := s.receivers(); err != nil {
		return err
	}
	if given(r.Body) == given(r.Template) {
		s.refuse("body", "body-or-template", "exactly one of body and template is needed")
		return parley.InvalidFields(s.wrong)
	}
	s.timing()
	s.meta()
	s.links()
	s.answers()
	k := kept{Body: without(r.Body), Template: without(r.Template), Meta: without(r.Meta), Sender: without(r.Sender), ReplyTo: without(r.ReplyTo),
		ShortLinks: without(r.ShortLinks), Notification: without(r.Notification)}
	if given(r.Body) {
		if err := s.content(&k); err != nil {
			return err
		}
	} else {
		s.template()
	}
	s.wrong = append(s.wrong, s.files.wrong...)
	if err := parley.InvalidFields(s.wrong); err != nil {
		return err
	}
	text, err := json.Marshal(k)
	s.params.Ext = map[string]json.RawMessage{Name: text}
	return err
}

// tags are one spelling each.
func (s *sending) tags() {
	seen := map[string]bool{}
	for _, tag := range s.r.Tags {
		if tag = strings.ToLower(tag); !seen[tag] {
			seen[tag] = true
			s.params.Tags = append(s.params.Tags, tag)
		}
	}
}

func (s *sending) timing() {
	if s.r.IgnoreQuietHours { // whether what is urgent waits for their end, the organization says
		s.params.Priority = parley.PriorityHigh
	}
	at := s.r.ScheduledFor
	if at.IsZero() {
		return
	}
	if at.After(s.Outside.Now(s.r0(), s.p).Add(latestSchedule)) {
		s.refuse("scheduledFor", "out-of-range", "must be within 35 days")
	}
	s.params.SendAt = at
}

// metadata is what of meta means something here.
type metadata struct {
	Extra struct {
		UseCase string `json:"useCase"`
	} `json:"extraInformation"`
	Email struct {
		Subject string `json:"subject"`
	} `json:"email"`
}

func (s *sending) read(raw contract.Raw) (m metadata) {
	if given(raw) {
		_ = json.Unmarshal(raw, &m) // what has another type is free
	}
	return m
}

// classes are the classes of messages that use cases stand for.
var classes = map[string]parley.MessageClass{"marketing": parley.ClassMarketing, "promotional": parley.ClassMarketing, "transactional": parley.ClassTransactional,
	"conversational": parley.ClassService, "service": parley.ClassService, "authentication": parley.ClassAuthentication, "2fa": parley.ClassAuthentication}

func (s *sending) meta() {
	useCase := strings.ToLower(s.read(s.r.Meta).Extra.UseCase)
	s.params.Class = classes[useCase]
	if s.r.CapFrequency && s.params.Class != parley.ClassMarketing {
		s.refuse("capFrequency", "not-allowed", "may be true only where meta.extraInformation.useCase is marketing")
	}
}

func (s *sending) links() {
	if given(s.r.ShortLinks) {
		s.params.Links = parley.LinksShort
	} else if s.r.EnableLinkTracking && s.own.Platform == "sms" {
		s.refuse("enableLinkTracking", "not-allowed", "needs shortLinks on SMS")
	} else if s.r.EnableLinkTracking {
		s.params.Links = parley.LinksShort
	}
}

func (s *sending) answers() {
	if !given(s.r.ReplyTo) {
		return
	}
	var to struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(s.r.ReplyTo, &to); err == nil {
		id, ok := parley.IDFromUUID(to.ID)
		if !ok {
			s.refuse("replyTo.id", "reply-unknown", "must be a message of the same conversation")
		}
		s.params.ReplyTo = id
	}
}

// content makes parts of the body.
func (s *sending) content(k *kept) error {
	var b body.Body
	if err := json.Unmarshal(s.r.Body, &b); err != nil {
		return parley.Invalid("body", "type", "does not have the form of its type")
	}
	parts := b.Parts(&s.files)
	if b.Type == "authentication" && s.params.Class == "" {
		s.params.Class = parley.ClassAuthentication
	}
	if len(parts) == 0 {
		s.refuse("body", "required", "must not be empty")
		return nil
	}
	if parts[0].Hints[outside.HintSubject] == "" && s.own.AddressKind == parley.AddressEmail {
		body.Hint(parts, outside.HintSubject, s.read(s.r.Meta).Email.Subject)
	}
	s.params.Body = parts
	if len(s.files.inline) > 0 {
		k.Body = nil // what is shown then has the files' addresses in place of their bytes
	}
	return nil
}

// template makes what core takes of a template.
func (s *sending) template() {
	var u use
	if err := json.Unmarshal(s.r.Template, &u); err != nil {
		s.refuse("template", "type", "does not have the form of a template")
		return
	}
	t := &template.Use{Name: u.Name, Locale: u.Locale, Variables: map[string]string{}}
	if u.ProjectID != "" {
		id, ok := parley.IDFromUUID(u.ProjectID)
		if !ok {
			s.refuse("template.projectId", "template-unknown", "must be the id of a template")
		}
		t.ID, t.Name = id, ""
	} else if u.Name == "" {
		s.refuse("template.projectId", "required", "a projectId or a name is needed")
	}
	if u.Version != "" && u.Version != "latest" {
		n, err := strconv.Atoi(u.Version)
		if err != nil || n < 1 {
			s.refuse("template.version", "version-unknown", "must be latest, or the number of a version")
		}
		t.Version = n
	}
	for name, value := range u.Variables {
		t.Variables[name] = value
	}
	for i, p := range u.Parameters {
		switch p.Type {
		case "string", "number", "boolean":
			if p.Value != nil {
				t.Variables[p.Key] = fmt.Sprint(p.Value)
			}
		default:
			s.refuse(fmt.Sprintf("template.parameters[%d].type", i), "value-unknown", "must be string, number or boolean: templates here have no others")
		}
	}
	for i, a := range u.Attachments {
		field := fmt.Sprintf("template.attachments[%d].mediaUrl", i)
		if file := s.files.At(field, a.MediaURL); file.Media != "" {
			s.params.Attachments = append(s.params.Attachments, file.Media)
		} else if file.URL != "" {
			s.refuse(field, "media-unknown", "must be uploaded here first, where a template goes with it")
		}
	}
	if u.ShortLinks != nil && u.ShortLinks.Enabled {
		s.params.Links = parley.LinksShort
	}
	s.params.Template = t
}
