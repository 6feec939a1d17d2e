package spruce

import (
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

const (
	filePath     = "/v1/media/"
	formOverhead = 64 << 10         // what a form may have besides the file
	linkLife     = 15 * time.Minute // of a signed URL
	grantQuery   = "grant"
)

func uploadMedia(c *call) (any, error) {
	httpd.AllowBody(c.w, c.Files.MaxSize()+formOverhead)
	i, err := c.idempotency()
	if err != nil {
		return nil, err
	}
	part, err := c.mediaPart()
	if err != nil {
		return nil, err
	}
	m, _, err := c.Files.Upload(c.ctx, c.p, files.UploadParams{Name: part.FileName(), ContentType: part.Header.Get("Content-Type"), Content: part}, i)
	if e := parley.AsError(err); err != nil && e.Kind == parley.KindInternal && c.ctx.Err() == nil && strings.HasPrefix(e.Err.Error(), "multipart") {
		err = malformed("the body is no valid form")
	}
	if err != nil {
		return nil, parley.About(parley.About(err, "media-too-large", "media"), "content-type-mismatch", "media")
	}
	return map[string]string{"id": m.ID.UUID(), "object": "media"}, nil
}

// mediaPart finds the file of a form.
func (c *call) mediaPart() (*multipart.Part, error) {
	form, err := c.r.MultipartReader()
	if err != nil {
		return nil, parley.Invalid("Content-Type", "content-type", "must be multipart/form-data")
	}
	for {
		part, err := form.NextPart()
		switch {
		case err == io.EOF:
			return nil, parley.Invalid("media", "required", "must be there, as a file of the form")
		case err != nil && parley.AsError(err).Kind != parley.KindInternal:
			return nil, err
		case err != nil:
			return nil, malformed("the body is no valid form")
		case part.FormName() == "media":
			return part, nil
		}
	}
}

// signedURL is where a file is had by whoever has the address, for a while.
type signedURL struct {
	URL       string `json:"url"`
	ExpiresAt string `json:"expiresAt"`
}

func (c *call) sign(media parley.ID) signedURL {
	until := time.Now().Add(linkLife).Truncate(time.Second)
	return signedURL{c.base() + filePath + media.UUID() + "?" + grantQuery + "=" + c.p.Sign(fileGrant(media), until), stamp(until)}
}

// fileGrant is what a signed address grants.
func fileGrant(media parley.ID) string { return Name + " media " + string(media) }

// download answers a signed address with the file.
func (d *door) download(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("S-Request-Id", httpd.RequestID(r.Context()))
	id, ok := parley.IDFromUUID(r.PathValue("media"))
	if !ok {
		return parley.NotFound("media", "")
	}
	p, err := d.Authenticator.Signed(r.Context(), r.URL.Query().Get(grantQuery), fileGrant(id))
	if err != nil {
		return err
	}
	m, blob, err := d.Files.Open(r.Context(), p, id)
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	httpd.Download(w, r, &m, blob)
	return nil
}

// attachment is a file of an item.
type attachment struct {
	Type  string         `json:"type"`
	Title string         `json:"title"`
	Data  attachmentData `json:"data"`
}

type attachmentData struct {
	Name      string    `json:"name,omitempty"` // of a document
	MIMEType  string    `json:"mimetype"`
	SignedURL signedURL `json:"signedUrl"`
}

func (c *call) attachment(media parley.ID, name, contentType string) attachment {
	a := attachment{Type: "document", Title: name, Data: attachmentData{MIMEType: contentType, SignedURL: c.sign(media)}}
	switch kind, _, _ := strings.Cut(contentType, "/"); kind {
	case "image", "audio", "video":
		a.Type = kind
	default:
		a.Data.Name = name
	}
	return a
}
