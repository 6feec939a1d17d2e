package native

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// formOverhead is what a form may have besides the file.
const formOverhead = 64 << 10

// upload is the endpoint of a form with a file.
func upload(o contract.Operation, f func(*door.Call) (api.Media, bool, error)) *door.Endpoint {
	o.Details, o.Form = "A form with one file in the field `file`.", true
	o.Document = func(described *huma.Operation, _ huma.Registry) {
		described.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {
			Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"},
				Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}}}}}}
	}
	return door.Again(o, http.StatusCreated, f)
}

func (d *domain) upload(c *door.Call) (api.Media, bool, error) {
	httpd.AllowBody(c.W, d.Files.MaxSize()+formOverhead)
	form, err := c.R.MultipartReader()
	if err != nil {
		return api.Media{}, false, door.Unsupported("Content-Type", "multipart/form-data")
	}
	part, err := filePart(form)
	if err != nil {
		return api.Media{}, false, d.ofFile(err)
	}
	params := files.UploadParams{Name: part.FileName(), ContentType: part.Header.Get("Content-Type"), Content: &soleFile{form, part}}
	m, replayed, err := d.Files.Upload(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Media(&m), replayed, d.ofFile(err)
}

// ofFile names the field of a file that is too large, or not what it is declared as. A form is too large by its
// file.
func (d *domain) ofFile(err error) error {
	if e, ok := errors.AsType[*parley.Error](err); ok && e.Code == "body-too-large" {
		err = &parley.Error{Kind: parley.KindTooLarge, Code: "media-too-large", Message: fmt.Sprintf("a file may have at most %d bytes", d.Files.MaxSize()),
			Facts: map[string]any{"limit": d.Files.MaxSize()}}
	}
	return parley.About(parley.About(err, "media-too-large", "file"), "content-type-mismatch", "file")
}

// filePart finds the file of a form, which has nothing else.
func filePart(form *multipart.Reader) (*multipart.Part, error) {
	part, err := form.NextPart()
	switch {
	case err == io.EOF:
		return nil, parley.Invalid("file", "required", "must be there, as a file of the form")
	case err != nil:
		return nil, malformedForm(err)
	case part.FormName() != "file":
		return nil, parley.Invalid(part.FormName(), "unknown-field", "is no field; there are: file")
	case part.FileName() == "":
		return nil, parley.Invalid("file", "required", "must be a file with a name")
	}
	return part, nil
}

// soleFile reads the file of a form to its end, after which the form must end too.
type soleFile struct {
	form *multipart.Reader
	part *multipart.Part
}

// Read refuses a form that goes on.
func (s *soleFile) Read(p []byte) (int, error) {
	n, err := s.part.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, malformedForm(err)
	}
	switch more, err := s.form.NextPart(); {
	case err == io.EOF:
		return n, io.EOF
	case err != nil:
		return n, malformedForm(err)
	default:
		return n, parley.Invalid(more.FormName(), "unknown-field", "is one field too many; one file is uploaded at a time")
	}
}

// malformedForm keeps the errors of reading the request, and has words for those of the form.
func malformedForm(err error) error {
	if e := parley.AsError(err); e.Kind != parley.KindInternal {
		return err
	}
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the body is no valid form: " + err.Error()}
}

func (d *domain) media(c *door.Call) (api.Media, error) {
	m, err := d.Files.Media(c.Ctx(), c.P, c.ID())
	return wire.Media(&m), err
}

func (d *domain) download(c *door.Call) (parley.Media, io.ReadSeekCloser, error) {
	return d.Files.Open(c.Ctx(), c.P, c.ID())
}

func (d *domain) deleteMedia(c *door.Call) error {
	return d.Files.Delete(c.Ctx(), c.P, c.ID())
}
