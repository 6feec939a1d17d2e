package bird

import (
	"net/url"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/parley"
)

// At is the file at an address: one of this server's, or one on the web, which is looked for later.
func (f *filesOfMessage) At(field, address string) parley.File {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		f.refuse(field, "url-invalid", "must be an http or https URL")
		return parley.File{}
	}
	path, ours := f.c.ourPath(u)
	if !ours {
		if f.urls == nil {
			f.urls = map[string]string{}
		}
		if _, known := f.urls[address]; !known {
			f.urls[address] = field
		}
		return parley.File{URL: address}
	}
	media, ok := f.ours(path)
	if !ok {
		f.refuse(field, "media-unknown", "must be a file of this workspace that this channel may send")
	}
	return parley.File{Media: media}
}

// ourPath is the path of an address of this door.
func (c *call) ourPath(u *url.URL) (string, bool) {
	host := u.Host
	if base, err := url.Parse(c.URL); (err != nil || host != base.Host) && host != c.r.Host {
		return "", false
	}
	return strings.CutPrefix(u.Path, c.Mount+"/")
}

// ours is the file at a path of this door, if a message of the channel may have it.
func (f *filesOfMessage) ours(path string) (parley.ID, bool) {
	s := strings.Split(strings.ToLower(path), "/")
	if len(s) < 4 || s[0] != "workspaces" || s[1] != f.c.p.Organization.UUID() {
		return "", false
	}
	media, ok := parley.IDFromUUID(s[len(s)-1])
	if !ok {
		return "", false
	}
	switch rest := s[2 : len(s)-1]; {
	case len(rest) == 3 && rest[0] == "messages" && rest[2] == "media":
		message, ok := parley.IDFromUUID(rest[1])
		if !ok {
			return "", false
		}
		item, err := f.c.Outside.Any(f.c.r0(), f.c.p, message)
		return media, err == nil && slices.Contains(parley.MediaOf(&item.Message), media)
	case len(rest) == 1 && rest[0] == "channel-media", len(rest) == 3 && rest[0] == "channels" && rest[2] == "media" && rest[1] == f.own.ID.UUID():
		at, placed, err := f.c.Files.Placed(f.c.r0(), f.c.p, media)
		if err != nil || !placed || at != "" && at != f.own.ID {
			return "", false
		}
		_, err = f.c.Files.Known(f.c.r0(), f.c.p, media)
		return media, err == nil
	}
	return "", false
}

// messageMedia answers the bytes of a file of a message.
func (c *call) messageMedia() error {
	message, err := c.id("messageId", "message")
	if err != nil {
		return err
	}
	media, err := c.id("mediaId", "media")
	if err != nil {
		return err
	}
	item, err := c.Outside.Any(c.r0(), c.p, message)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && (c.unseen()(item.Channel) || !slices.Contains(parley.MediaOf(&item.Message), media)) {
		return notFound("media", media.UUID())
	}
	if err != nil {
		return err
	}
	return c.bytes(media)
}

// bytes answers those of a file.
func (c *call) bytes(media parley.ID) error {
	m, blob, err := c.Files.Open(c.r0(), c.p, media)
	if parley.IsKind(err, parley.KindNotFound) {
		return notFound("media", media.UUID())
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	httpd.Download(c.w, c.r, &m, blob)
	return nil
}
