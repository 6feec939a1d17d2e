package spruce

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// maxAttachments is how many files a message may have at this door.
const maxAttachments = 5

// idempotencyHeader is where a request says that it is to be done once.
const idempotencyHeader = "s-idempotency-key"

// messagePost is a message to post.
type messagePost struct {
	Body         []element `json:"body"`
	Internal     bool      `json:"internal"`
	Author       string    `json:"author"`
	StayArchived bool      `json:"stayArchived"`
	Attachments  []struct {
		ID    string  `json:"attachmentId"`
		Title *string `json:"title"`
	} `json:"attachments"`
}

// element is a piece of a message: text, or somebody who is paged.
type element struct {
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

// accepted is the answer to a request that makes a message: what the message will be known by.
type accepted struct {
	RequestID string `json:"requestId"`
}

func postMessage(c *call) (any, error) {
	id, err := idOf("conversationId", prefixConversation, c.r.PathValue("conversation"))
	if err != nil {
		return nil, err
	}
	var post messagePost
	if err := c.read(&post); err != nil {
		return nil, err
	}
	params, err := c.params(&post)
	if err != nil {
		return nil, err
	}
	params.To.Conversation = id
	params.Admits = func(in *parley.Conversation) error { return admits(in, post.Internal) }
	return c.send(params)
}

// admits refuses conversations that are not at this door, and what is for outside in one that nobody outside sees.
func admits(in *parley.Conversation, internal bool) error {
	if !shows(in) {
		return parley.NotFound("conversation", in.ID)
	}
	if in.Kind == parley.ConversationNote && !internal {
		return parley.Invalid("internal", "internal-required", "must be true: a Note conversation has internal messages only")
	}
	return nil
}

// send sends a message, and answers what it will be known by.
func (c *call) send(params core.SendParams) (any, error) {
	var err error
	if params.Idempotency, err = c.idempotency(); err != nil {
		return nil, err
	}
	sent, err := c.Core.Send(c.ctx, c.p, params)
	if e, ok := errors.AsType[*parley.Error](err); ok && e.Code == "conversation-unknown" {
		return nil, parley.NotFound("conversation", parley.ID(c.r.PathValue("conversation")))
	}
	if err != nil {
		return nil, c.renamed(err)
	}
	return accepted{prefixRequest + string(sent.Message.ID)}, nil
}

// idempotency is what the request says of being done once; nil: nothing. The body is not looked at: any second use is refused.
func (c *call) idempotency() (*access.Idempotency, error) {
	for _, name := range []string{idempotencyHeader, "Idempotency-Key"} {
		values := c.r.Header.Values(name)
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return nil, parley.Invalid(idempotencyHeader, "idempotency-key-invalid", "must be there once")
		}
		return &access.Idempotency{Key: values[0], Method: c.r.Method, Path: "/" + Name + c.r.URL.Path, Once: true}, nil
	}
	return nil, nil
}

// kept is what the door keeps with a message: the key that it was posted with.
type kept struct {
	Access parley.ID `json:"accessID"`
}

// params is a post as the core takes it, but for where it goes.
func (c *call) params(post *messagePost) (params core.SendParams, err error) {
	if err := post.check(); err != nil {
		return params, err
	}
	named := make([]string, 0, len(post.Body)+1)
	for _, e := range post.Body {
		if e.Type == "page" {
			named = append(named, *e.Value)
		}
	}
	if post.Author != "" {
		named = append(named, post.Author)
	}
	members, err := c.members(named)
	if err != nil {
		return params, err
	}
	params.From.Author = parley.Actor{Kind: parley.ActorOrganization}
	if post.Author != "" {
		author, ok := members[post.Author]
		if !ok {
			return params, parley.Invalid("author", "member-unknown", "must be the id of a member of the organization")
		}
		params.From.Author = parley.Actor{Kind: author.Kind, ID: author.ID}
	}
	if params.Body, c.elements, err = parts(post.Body, members); err != nil {
		return params, err
	}
	for i := range post.Attachments {
		a := &post.Attachments[i]
		media, ok := parley.IDFromUUID(a.ID)
		if !ok {
			return params, parley.Invalid(fmt.Sprintf("attachments[%d].attachmentId", i), "media-unknown", "must be the id of media that was uploaded")
		}
		params.Attachments, params.Names = append(params.Attachments, media), append(params.Names, *a.Title)
	}
	params.Internal, params.Reopen = post.Internal, parley.ReopenAuto
	if post.StayArchived {
		params.Reopen = parley.ReopenNever
	}
	ext, err := json.Marshal(kept{c.p.Key})
	params.Ext = map[string]json.RawMessage{Name: ext}
	return params, err
}

// check checks the form of a post.
func (post *messagePost) check() error {
	var wrong []parley.FieldError
	refuse := func(field, code, message string) {
		wrong = append(wrong, parley.FieldError{Field: field, Code: code, Message: message})
	}
	if post.Body == nil {
		refuse("body", "required", "must be a list of elements")
	}
	for i, e := range post.Body {
		at := fmt.Sprintf("body[%d]", i)
		switch {
		case e.Type != "text" && e.Type != "page":
			refuse(at+".type", "value-unknown", "must be text or page")
		case e.Value == nil:
			refuse(at+".value", "required", "must be a text")
		case e.Type == "page" && !post.Internal:
			refuse(at+".type", "not-allowed", "page goes in an internal message only")
		}
	}
	if len(post.Attachments) > maxAttachments {
		refuse("attachments", "too-many", fmt.Sprintf("must be at most %d", maxAttachments))
	}
	for i, a := range post.Attachments {
		if a.Title == nil {
			refuse(fmt.Sprintf("attachments[%d].title", i), "required", "must be a text")
		}
	}
	return parley.InvalidFields(wrong)
}

// parts is the body that elements make: their texts as they are, one after the other, with who is paged between them.
// From says which element each of its parts begins with.
func parts(body []element, members map[string]parley.Actor) (made []parley.Part, from []int, err error) {
	for i, e := range body {
		if e.Type == "page" {
			who, ok := members[*e.Value]
			if !ok {
				return nil, nil, parley.Invalid(fmt.Sprintf("body[%d].value", i), "member-unknown", "must be the id of a member of the organization")
			}
			made = append(made, parley.Part{Kind: parley.PartPage, Who: parley.Actor{Kind: who.Kind, ID: who.ID}})
			from = append(from, i)
			continue
		}
		if last := len(made) - 1; last >= 0 && made[last].Kind == parley.PartText {
			made[last].Text += *e.Value
		} else if *e.Value != "" {
			made = append(made, parley.Part{Kind: parley.PartText, Text: *e.Value})
			from = append(from, i)
		}
	}
	return made, from, nil
}

var partField = regexp.MustCompile(`^body\[(\d+)\]\.(.*)$`)

// renamed names what an error is about as the request does: parts of a body as its elements, where it goes as the path or the body has it.
func (c *call) renamed(err error) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	named := *e
	named.Fields = slices.Clone(e.Fields)
	for i := range named.Fields {
		if named.Fields[i].Field == "to" && c.r.PathValue("conversation") != "" {
			named.Fields[i].Field = "conversationId"
		}
		found := partField.FindStringSubmatch(named.Fields[i].Field)
		if found == nil {
			continue
		}
		if n, err := strconv.Atoi(found[1]); err == nil && n < len(c.elements) {
			named.Fields[i].Field = fmt.Sprintf("body[%d].value", c.elements[n])
		}
	}
	return &named
}

// members are those of some ids that are of active members of the organization.
func (c *call) members(texts []string) (map[string]parley.Actor, error) {
	found := make(map[string]parley.Actor, len(texts))
	var ids []parley.ID
	for _, text := range texts {
		id, err := idOf("", prefixEntity, text)
		if err != nil {
			continue // it is nobody
		}
		if id == c.p.Organization {
			found[text] = parley.Actor{Kind: parley.ActorOrganization}
			continue
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return found, nil
	}
	members, err := c.Directory.Members(c.ctx, c.p, ids)
	for id, who := range members {
		found[prefixEntity+string(id)] = who
	}
	return found, err
}

// read decodes the body of the request. What is not known in it is passed over.
func (c *call) read(into any) error {
	text, err := io.ReadAll(c.r.Body)
	if err != nil {
		return err
	}
	if !utf8.Valid(text) {
		return malformed("the body is no valid JSON: it is not UTF-8")
	}
	if path := httpd.Twice(text); path != "" {
		return parley.Invalid(path, "duplicate", "must not be there twice")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	err = decoder.Decode(into)
	if err == nil {
		if _, err := decoder.Token(); err != io.EOF {
			return malformed("there is something after the body")
		}
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return parley.Invalid(cmp.Or(wrong.Field, "the body"), "type-invalid", "must be %s", types[wrong.Type.Kind()])
	}
	return malformed("the body is no valid JSON: " + err.Error())
}

// types are the types that members of bodies have.
var types = map[reflect.Kind]string{reflect.String: "a text", reflect.Bool: "true or false", reflect.Slice: "a list", reflect.Struct: "an object"}

func malformed(message string) error {
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: message}
}
