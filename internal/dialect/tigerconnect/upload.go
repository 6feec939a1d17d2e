package tigerconnect

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// file is one that came with a message. It is uploaded before the message is accepted.
type file struct {
	Name  string
	Hash  string
	media parley.Media
}

// uploads are the files of a request, which go again where no message has them.
type uploads struct {
	c    *call
	list []parley.ID
}

// end deletes the files that no message has. Where it is not known whether one has them they stay: what nobody has is deleted after
// a day.
func (u *uploads) end(used bool, err error) {
	if used || parley.IsKind(err, parley.KindUnavailable) {
		return
	}
	for _, id := range u.list {
		_ = u.c.d.Files.Delete(u.c.ctx(), u.c.p, id) // likewise after a day
	}
	u.list = nil
}

const (
	formOverhead = 256 << 10 // what a form may have besides its files
	maxFile      = 100 << 20
	maxValue     = 128 << 10
)

// outgoing reads a send, and uploads its files.
func (c *call) outgoing() (o outgoing, used *uploads, err error) {
	used = &uploads{c: c}
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	var f fields
	var attached, avatar *file
	if kind == "multipart/form-data" {
		f, attached, avatar, err = c.form(used)
	} else {
		f, err = c.read()
	}
	if err == nil {
		if o, err = f.parse(); err == nil {
			o.File, o.Avatar = attached, avatar
			err = c.act(&o)
		}
	}
	if err == nil && o.Body == "" && len(o.Data) == 0 && o.File == nil {
		err = parley.Invalid("body", "required", "must not be empty unless there is data or an attachment")
	}
	if err != nil && c.p != nil {
		used.end(false, err)
	}
	return o, used, err
}

// form reads a form with files: one that the message has, and one that is the picture of the group which the send makes. The fields
// come before the files, where the organization or several recipients are to be known from them.
func (c *call) form(used *uploads) (f fields, attached, avatar *file, err error) {
	httpd.AllowBody(c.w, 2*min(c.d.Files.MaxSize(), maxFile)+formOverhead)
	form, err := c.r.MultipartReader()
	if err != nil {
		return nil, nil, nil, errContentType()
	}
	f = fields{}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return f, attached, avatar, nil
		}
		if err != nil {
			return f, nil, nil, malformedForm(err)
		}
		switch {
		case part.FileName() == "":
			err = f.value(part)
		case part.FormName() == "avatar":
			if _, known := f["recipient"]; !known {
				return f, nil, nil, parley.Invalid("avatar", "order-invalid", "must come after the field recipient, which says whether a group is made")
			}
			if list, _ := f.list("recipient"); len(list) < 2 {
				continue // no group is made
			}
			if avatar != nil {
				return f, nil, nil, parley.Invalid("avatar", "too-many", "must be one file")
			}
			avatar, err = c.upload(f, part, "avatar", used)
		case attached != nil:
			return f, nil, nil, parley.Invalid("attachment", "too-many", "must be one file")
		default:
			attached, err = c.upload(f, part, "attachment", used)
		}
		if err != nil {
			return f, nil, nil, err
		}
	}
}

// value reads a field of a form.
func (f fields) value(part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, maxValue+1))
	if err != nil {
		return malformedForm(err)
	}
	if len(text) > maxValue {
		return parley.Invalid(part.FormName(), "too-long", "must be at most %d bytes", maxValue)
	}
	if _, twice := f[part.FormName()]; twice {
		return errTwice(part.FormName())
	}
	return f.put(part.FormName(), string(text))
}

// upload keeps a file. What the fields before it say is checked first, so that nothing is kept of what is refused anyway.
func (c *call) upload(f fields, part *multipart.Part, field string, used *uploads) (*file, error) {
	organization, err := f.text("sender_organization")
	if err == nil {
		err = c.enter(organization)
	}
	if err != nil {
		return nil, err
	}
	declared, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if declared == "application/octet-stream" {
		declared = ""
	}
	if declared != "" && !accepted(field, declared) {
		return nil, errType(field, declared)
	}
	m, _, err := c.d.Files.Upload(c.ctx(), c.p, files.UploadParams{Name: part.FileName(), ContentType: declared, Content: &limited{part, min(c.d.Files.MaxSize(), maxFile)}}, nil)
	if err != nil {
		return nil, c.ofFile(err, field)
	}
	used.list = append(used.list, m.ID)
	if kind, _, _ := mime.ParseMediaType(m.ContentType); !accepted(field, kind) {
		return nil, errType(field, m.ContentType)
	}
	return &file{Name: m.Name, Hash: m.SHA256, media: m}, nil
}

// limited refuses what is larger than the vendor takes.
type limited struct {
	io.Reader
	left int64
}

// Read reads on, up to the limit.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, &parley.Error{Kind: parley.KindTooLarge, Code: "media-too-large"}
	}
	if err != nil && err != io.EOF {
		err = malformedForm(err)
	}
	return n, err
}

// ofFile names the field of a file that is refused.
func (c *call) ofFile(err error, field string) error {
	e, ok := errors.AsType[*parley.Error](err)
	if !ok {
		return err
	}
	if e.Kind == parley.KindTooLarge {
		text := fmt.Sprintf("must be at most %d bytes", min(c.d.Files.MaxSize(), maxFile))
		return &parley.Error{Kind: parley.KindTooLarge, Code: "media-too-large", Message: text,
			Fields: []parley.FieldError{{Field: field, Code: "media-too-large", Message: text}}}
	}
	return parley.About(err, "content-type-mismatch", field)
}

// types are those of files that the vendor takes.
var types = func() map[string]bool {
	list := map[string]bool{}
	for group, names := range map[string]string{
		"image": "jpeg jpg pjpeg png x-png gif bmp x-ms-bmp tiff",
		"audio": "mp4 m4a x-m4a mp3 mpeg mpeg3 x-mpeg-3 wav x-wav wave vnd.wave",
		"video": "mp4 x-m4v quicktime",
		"text":  "plain csv",
		"application": "pdf msword vnd.ms-excel vnd.ms-powerpoint vnd.openxmlformats-officedocument.wordprocessingml.document " +
			"vnd.openxmlformats-officedocument.spreadsheetml.sheet vnd.openxmlformats-officedocument.presentationml.presentation",
	} {
		for name := range strings.FieldsSeq(names) {
			list[group+"/"+name] = true
		}
	}
	return list
}()

// accepted reports whether files of a type may be attached, or be pictures.
func accepted(field, kind string) bool {
	return types[kind] && (field != "avatar" || strings.HasPrefix(kind, "image/"))
}

func errType(field, kind string) error {
	return &parley.Error{Kind: parley.KindMediaType, Code: "content-type-unsupported", Message: "files of the type " + kind + " are not taken",
		Fields: []parley.FieldError{{Field: field, Code: "content-type-unsupported",
			Message: "must be an image, audio, video, PDF, Office document, plain text or CSV, and as avatar an image; not " + kind}}}
}

// malformedForm keeps the errors of reading the request, and has words for those of the form.
func malformedForm(err error) error {
	if e := parley.AsError(err); e.Kind != parley.KindInternal {
		return err
	}
	return malformed("the body is no valid form: " + err.Error())
}
