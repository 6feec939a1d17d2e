package api

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// Media is an uploaded file.
type Media struct {
	ID          string `json:"id" doc:"The id."`
	Name        string `json:"name" doc:"The file's name."`
	ContentType string `json:"contentType" doc:"The media type, as found in the bytes."`
	Size        int64  `json:"size" doc:"The length in bytes."`
	SHA256      string `json:"sha256" doc:"The SHA-256 of the bytes, in hex."`
	Attached    bool   `json:"attached" doc:"Whether a message has it; one that none has is deleted after a day."`
	CreatedAt   Time   `json:"createdAt" format:"date-time" doc:"When it was uploaded."`
}

// UploadMedia uploads a file. The server looks at the bytes and may know better than contentType, which may be
// empty. Content that is an io.ReaderAt and io.Seeker, such as a file, a bytes.Reader or a strings.Reader, is
// sent with its length and can be sent again; with an idempotency key the call is then repeated like a send.
// Other content is read once, and the call is never repeated. It does not close content.
func (c *Client) UploadMedia(ctx context.Context, name, contentType string, content io.Reader, options ...CallOption) (*Media, error) {
	r := request{method: http.MethodPost, path: "/v1/media"}
	if err := r.form(name, contentType, content); err != nil {
		return nil, err
	}
	return fetch[Media](ctx, c, r, options...)
}

// form makes the body a multipart form with the content as its field "file".
func (r *request) form(name, contentType string, content io.Reader) error {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	header := textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition("file", name)}}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	if _, err := form.CreatePart(header); err != nil {
		return err
	}
	begin := frame.Len()
	if err := form.Close(); err != nil {
		return err
	}
	head, tail := frame.Bytes()[:begin], frame.Bytes()[begin:]
	r.contentType = form.FormDataContentType()
	wrap := func(content io.Reader) io.Reader {
		return io.MultiReader(bytes.NewReader(head), content, bytes.NewReader(tail))
	}

	at, seekable := content.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !seekable {
		r.once = true
		r.open = func() (io.Reader, int64) { return wrap(content), -1 }
		return nil
	}
	from, err := at.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	to, err := at.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	r.open = func() (io.Reader, int64) {
		return wrap(io.NewSectionReader(at, from, to-from)), to - from + int64(frame.Len())
	}
	return nil
}

// GetMedia returns what is known about an uploaded file.
func (c *Client) GetMedia(ctx context.Context, id string, options ...CallOption) (*Media, error) {
	return fetch[Media](ctx, c, request{method: http.MethodGet}.pathOf("v1", "media", id), options...)
}

// DeleteMedia deletes an uploaded file that no message has. One that a message has is an *Error of status 409.
func (c *Client) DeleteMedia(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "media", id), options...)
}

// Content is the bytes of an uploaded file, to be read and closed. Reading ends with an error where the bytes
// break off.
type Content struct {
	io.ReadCloser
	Name        string
	ContentType string
	Size        int64 // in bytes, -1: unknown
}

// DownloadMedia opens the bytes of an uploaded file. The context bounds reading them, too.
func (c *Client) DownloadMedia(ctx context.Context, id string, options ...CallOption) (*Content, error) {
	return c.download(ctx, request{method: http.MethodGet}.pathOf("v1", "media", id, "content"), options...)
}

func (c *Client) download(ctx context.Context, r request, options ...CallOption) (*Content, error) {
	r.accept, r.raw = "*/*", true
	for _, option := range options {
		option(&r)
	}
	if err := c.do(ctx, &r, nil); err != nil {
		return nil, err
	}
	content := &Content{ReadCloser: r.response.Body, ContentType: r.response.Header.Get("Content-Type"), Size: r.response.ContentLength}
	if _, params, err := mime.ParseMediaType(r.response.Header.Get("Content-Disposition")); err == nil {
		content.Name = params["filename"]
	}
	return content, nil
}
