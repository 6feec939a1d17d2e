package bird

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/dialect/bird/contract"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// presigned is how a file is uploaded without a key.
type presigned struct {
	MediaURL       string            `json:"mediaUrl"`
	UploadURL      string            `json:"uploadUrl"`
	UploadMethod   string            `json:"uploadMethod"`
	UploadFormData map[string]string `json:"uploadFormData"`
}

// The fields of the form, before the file.
const (
	fieldType      = "Content-Type"
	fieldKey       = "key"
	fieldSignature = "x-amz-signature"
	fieldFile      = "file"
)

// presign answers a form for one file, of a channel or of the workspace.
func (c *call) presign() error {
	var channel parley.ID
	place := "/channel-media/"
	if c.r.PathValue("channelId") != "" {
		own, err := c.own()
		if err != nil {
			return err
		}
		channel, place = own.ID, "/channels/"+own.ID.UUID()+"/media/"
	}
	text, err := c.body()
	if err != nil {
		return err
	}
	var asked struct {
		ContentType string `json:"contentType"`
	}
	if err := contract.Read(text, contract.Presign, &asked); err != nil {
		return err
	}
	form, err := c.Files.NewForm(c.r0(), c.p, channel, asked.ContentType)
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, presigned{MediaURL: c.workspaceURL(place + form.Media.UUID()), UploadURL: httpd.Origin(c.r, c.URL) + c.Mount + "/upload", UploadMethod: http.MethodPost,
		UploadFormData: map[string]string{fieldType: form.ContentType, fieldKey: c.p.Organization.UUID() + "/" + form.Media.UUID(),
			fieldSignature: form.Secret}})
	return nil
}

// Limits of a form besides its file.
const (
	mostFields  = 30
	mostField   = 8 << 10
	formOutside = 256 << 10
)

// upload takes a file by a form: its fields first, then the file.
func (c *call) upload() error {
	httpd.AllowBody(c.w, c.Files.MaxSize()+formOutside)
	form, err := c.r.MultipartReader()
	if err != nil {
		return &parley.Error{Kind: parley.KindMediaType, Code: "content-type-unsupported", Message: "the body must be multipart/form-data"}
	}
	fields, part, err := readForm(form)
	if err != nil {
		return err
	}
	organization, media, _ := strings.Cut(fields[fieldKey], "/")
	in := files.Filled{Secret: fields[fieldSignature], ContentType: fields[fieldType], Name: part.FileName(), Content: part}
	in.Organization, _ = parley.IDFromUUID(organization)
	in.Media, _ = parley.IDFromUUID(media)
	if err := c.Files.Receive(c.r0(), in); err != nil {
		return parley.About(parley.About(err, "content-type-mismatch", fieldFile), "media-too-large", fieldFile)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// readForm reads the fields of a form, up to its file.
func readForm(form *multipart.Reader) (map[string]string, *multipart.Part, error) {
	fields := map[string]string{}
	for range mostFields {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, malformedForm(err)
		}
		if part.FormName() == fieldFile {
			return fields, part, nil
		}
		text, err := io.ReadAll(io.LimitReader(part, mostField+1))
		if err != nil {
			return nil, nil, malformedForm(err)
		}
		if len(text) > mostField {
			return nil, nil, parley.Invalid(part.FormName(), "too-long", "must be at most %d bytes", mostField)
		}
		fields[part.FormName()] = string(text)
	}
	return nil, nil, parley.Invalid(fieldFile, "required", "must be there, after the fields of the form")
}

func malformedForm(err error) error {
	if e := parley.AsError(err); e.Kind != parley.KindInternal {
		return err
	}
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the body is no valid form: " + err.Error()}
}

// channelMedia answers the bytes of a file that was uploaded by a form, for the channel in the path or for all.
func (c *call) channelMedia() error {
	id, err := c.id("mediaId", "media")
	if err != nil {
		return err
	}
	var own parley.ID
	if c.r.PathValue("channelId") != "" {
		ch, err := c.own()
		if err != nil {
			return err
		}
		own = ch.ID
	}
	at, placed, err := c.Files.Placed(c.r0(), c.p, id)
	if err != nil {
		return err
	}
	if !placed || at != "" && at != own {
		return notFound("media", id.UUID())
	}
	return c.bytes(id)
}
