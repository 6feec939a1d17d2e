package media

import (
	"fmt"
	"mime"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/parley-server/parley/internal/parley"
)

const (
	unknownType = "application/octet-stream"
	plainText   = "text/plain"
	headLength  = 4096 // bytes that say what a file is
)

// head keeps the beginning of a file.
type head struct{ bytes []byte }

func (h *head) Write(p []byte) (int, error) {
	if room := headLength - len(h.bytes); room > 0 {
		h.bytes = append(h.bytes, p[:min(len(p), room)]...)
	}
	return len(p), nil
}

// contentType is what a file is, by its bytes and by what its sender says. Bytes that nothing is known of, and
// plain text, may be what the sender says: there are more formats than signatures. Bytes that say otherwise
// are refused.
func (h *head) contentType(declared string) (string, error) {
	found := mimetype.Detect(h.bytes)
	claim, _, err := mime.ParseMediaType(declared)
	switch {
	case declared == "" || err == nil && claim == unknownType:
		return found.String(), nil
	case err != nil || !strings.Contains(claim, "/"):
		return "", mismatch("the content type %q cannot be read", declared)
	case len(h.bytes) == 0 || found.Is(claim):
		return claim, nil
	case found.Is(unknownType):
		if textual(claim) || hasSignature(claim) {
			return "", mismatch("the file is declared as %s, but its bytes are not", claim)
		}
		return claim, nil
	}
	for parent := found; parent != nil; parent = parent.Parent() {
		switch {
		case parent.Is(plainText) && textual(claim):
			return claim, nil // source code is text, whatever it looks like
		case parent.Is(claim):
			return found.String(), nil // the claim is true, and could be narrower
		}
	}
	return "", mismatch("the file is declared as %s, but its bytes are %s", claim, found)
}

// textual types are made of text, and their bytes need no signature.
func textual(claim string) bool {
	switch claim {
	case "application/json", "application/xml", "application/javascript", "application/yaml", "application/x-ndjson",
		"application/toml", "application/sql", "application/x-sh", "application/rtf", "application/pgp-signature",
		"application/pgp-keys", "application/x-pem-file", "message/rfc822":
		return true
	}
	return strings.HasPrefix(claim, "text/") || strings.HasSuffix(claim, "+json") || strings.HasSuffix(claim, "+xml")
}

// hasSignature reports whether files of a type always begin in a way that is recognized: the types that
// browsers and phones show by themselves.
func hasSignature(claim string) bool {
	switch claim {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip":
		return true
	}
	return false
}

func mismatch(format string, args ...any) error {
	return &parley.Error{Kind: parley.KindMediaType, Code: "content-type-mismatch", Message: fmt.Sprintf(format, args...)}
}
