package tigerconnect

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
)

// File is one that goes with a message: the content, or the absolute path of one on this machine.
type File struct {
	Name        string // that it is sent under; left out: that of the path, else attachment
	ContentType string // left out: the server finds out
	Content     []byte
	Path        string
}

const maxFile = 100 << 20

// part is a file of a form.
type part struct {
	field string
	file  *File
	size  int64
}

// attach takes the one file that goes with a message.
func (m *outgoing) attach(o *SendOptions) error {
	file := o.AttachmentFile
	switch {
	case len(o.AttachmentFiles) > 1:
		return argument("attachmentFiles", "must be at most one file")
	case len(o.AttachmentFiles) == 1 && file != nil:
		return argument("attachmentFiles", "does not go with attachmentFile")
	case len(o.AttachmentFiles) == 1 && o.AttachmentFiles[0] == nil:
		return argument("attachmentFiles", "must have a file")
	case len(o.AttachmentFiles) == 1:
		file = o.AttachmentFiles[0]
	}
	return m.file("attachmentFile", "attachment", file)
}

// file adds a file, if there is one, under the name of an argument and of a field of the form.
func (m *outgoing) file(name, field string, f *File) error {
	if f == nil {
		return nil
	}
	size := int64(len(f.Content))
	switch {
	case f.Path != "" && f.Content != nil:
		return argument(name, "must have a path or a content, not both")
	case f.Path != "" && !filepath.IsAbs(f.Path):
		return argument(name, "must have an absolute path")
	case f.Path != "":
		info, err := os.Stat(f.Path)
		if err != nil || !info.Mode().IsRegular() {
			return argument(name, "cannot be read: %s is no file (%v)", f.Path, err)
		}
		size = info.Size()
	}
	kind, _, err := mime.ParseMediaType(f.kind())
	if err != nil || !accepted[kind] {
		return argument(name, "must be an image, audio, video, PDF, Office document, plain text or CSV, not %s", f.kind())
	}
	if size > maxFile {
		return argument(name, "must be at most %d bytes", maxFile)
	}
	m.files = append(m.files, part{field, f, size})
	return nil
}

func (f *File) name() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Path != "":
		return filepath.Base(f.Path)
	}
	return "attachment"
}

const unknownType = "application/octet-stream" // of which the server finds out what it is

func (f *File) kind() string { return first(f.ContentType, unknownType) }

// accepted are the types of files that are taken.
var accepted = func() map[string]bool {
	list := map[string]bool{unknownType: true}
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

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "")

// form is a message with files: its fields, which come first, and the files, which are read while they are sent.
func (m *outgoing) form(text []byte) (io.ReadCloser, string, int64, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, "", 0, err
	}
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	for name, value := range fields {
		written := string(value)
		var plain string
		if json.Unmarshal(value, &plain) == nil {
			written = plain
		}
		if err := w.WriteField(name, written); err != nil {
			return nil, "", 0, err
		}
	}
	all := &pieces{}
	for _, p := range m.files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+p.field+`"; filename="`+quoted.Replace(p.file.name())+`"`)
		h.Set("Content-Type", p.file.kind())
		if _, err := w.CreatePart(h); err != nil {
			return nil, "", 0, err
		}
		all.add(bytes.Clone(buffer.Bytes()))
		buffer.Reset()
		if err := all.open(p); err != nil {
			return nil, "", 0, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", 0, err
	}
	all.add(buffer.Bytes())
	all.Reader = io.MultiReader(all.list...)
	return all, w.FormDataContentType(), all.size, nil
}

// pieces are read one after the other.
type pieces struct {
	io.Reader
	list   []io.Reader
	opened []io.Closer
	size   int64
}

func (p *pieces) add(text []byte) {
	p.list = append(p.list, bytes.NewReader(text))
	p.size += int64(len(text))
}

func (p *pieces) open(of part) error {
	if of.file.Path == "" {
		p.add(of.file.Content)
		return nil
	}
	file, err := os.Open(of.file.Path)
	if err != nil {
		_ = p.Close() // what is open already
		return err
	}
	p.opened = append(p.opened, file)
	p.list = append(p.list, io.LimitReader(file, of.size))
	p.size += of.size
	return nil
}

// Close closes the files.
func (p *pieces) Close() (err error) {
	for _, c := range p.opened {
		if closing := c.Close(); err == nil {
			err = closing
		}
	}
	return err
}
