package bird

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/dialect/bird/body"
	"github.com/parley-server/parley/internal/dialect/bird/contract"
	"github.com/parley-server/parley/internal/parley"
)

// r0 is the request's context.
func (c *call) r0() context.Context { return c.r.Context() }

// send takes a message for a channel.
func (c *call) send() error {
	own, err := c.ownBy(c.Outside.Recent)
	if err != nil {
		return err
	}
	text, err := c.body()
	if err != nil {
		return err
	}
	s := &sending{call: c, own: own}
	s.files.c, s.files.own = c, &own
	if err := contract.Read(text, contract.Message, &s.r); err != nil {
		return err
	}
	if keys := c.r.Header["Idempotency-Key"]; len(keys) > 0 {
		s.params.Idempotency = &access.Idempotency{Key: strings.Join(keys, ","), Method: c.r.Method, Path: "/" + Name + c.path, Body: text}
	}
	item, replayed, err := s.accept()
	if err != nil || replayed {
		s.drop()
	}
	if err != nil {
		if _, gone := c.own(); gone != nil { // it was there a moment ago
			return gone
		}
		return here(err)
	}
	if replayed {
		c.w.Header().Set("Idempotent-Replayed", "true")
	}
	write(c.w, http.StatusAccepted, c.shown(&item))
	return nil
}

// accept makes a message of the request, and has it sent.
func (s *sending) accept() (outside.Item, bool, error) {
	err := s.fill()
	if err == nil {
		err = s.look()
	}
	if err != nil {
		return s.Outside.Again(s.r0(), s.p, &s.own, s.params.Idempotency, err)
	}
	return s.Outside.Send(s.r0(), s.p, s.own, s.params)
}

// filesOfMessage are those that a body names.
type filesOfMessage struct {
	c      *call
	own    *parley.Channel
	wrong  []parley.FieldError
	urls   map[string]string // of files on the web, with the field that names each first
	inline []inlineFile
}

// inlineFile is one whose bytes are in the request.
type inlineFile struct {
	field string
	a     body.Attachment
	bytes []byte
}

var _ body.Files = (*filesOfMessage)(nil)

func (f *filesOfMessage) refuse(field, code, message string) {
	f.wrong = append(f.wrong, parley.FieldError{Field: field, Code: code, Message: message})
}

// look checks that the files on the web are there, and uploads those that came with the request.
func (s *sending) look() error {
	var urls []string
	for url := range s.files.urls {
		urls = append(urls, url)
	}
	var wrong []parley.FieldError
	for _, url := range s.Outside.Reachable(s.r0(), urls) {
		wrong = append(wrong, parley.FieldError{Field: s.files.urls[url], Code: "media-unreachable",
			Message: "nobody can have the file at this address: it must be public, or uploaded here first"})
	}
	if err := parley.InvalidFields(wrong); err != nil {
		return err
	}
	return s.upload()
}

// upload keeps the files that came with the request.
func (s *sending) upload() error {
	for _, f := range s.files.inline {
		file, _, err := s.Files.Upload(s.r0(), s.p, files.UploadParams{Name: f.a.Filename, ContentType: f.a.ContentType, Content: bytes.NewReader(f.bytes)}, nil)
		if err != nil {
			s.drop()
			return parley.About(parley.About(err, "media-too-large", f.field), "content-type-mismatch", f.field)
		}
		s.made = append(s.made, file.ID)
		parley.EachFile(s.params.Body, func(_ string, at *parley.File) {
			if at.URL == inlineMark+f.field {
				at.URL, at.Media = "", file.ID
			}
		})
	}
	return nil
}

// drop deletes what was uploaded for a message that is not sent.
func (s *sending) drop() {
	for _, id := range s.made {
		_ = s.Files.Delete(s.r0(), s.p, id) // what stays is swept in a day
	}
	s.made = nil
}

// inlineMark stands in place of the address of a file that is uploaded only when all else is right.
const inlineMark = "inline:"

// Inline keeps the bytes of an attachment until it is uploaded.
func (f *filesOfMessage) Inline(field string, a body.Attachment) parley.File {
	content, err := base64.StdEncoding.DecodeString(a.Content)
	switch {
	case err != nil:
		f.refuse(field+".content", "base64-invalid", "must be base64")
	case len(content) > mostInline:
		f.refuse(field+".content", "too-large", "must be at most 100 kB: upload larger files first")
	}
	f.inline = append(f.inline, inlineFile{field: field, a: a, bytes: content})
	return parley.File{URL: inlineMark + field, Name: a.Filename, ContentType: a.ContentType}
}

// mostInline is how many bytes an attachment within a request may have.
const mostInline = 100 << 10
