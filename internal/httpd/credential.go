package httpd

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// Credential is the key that a request presents in its Authorization header, unverified: either the key
// as it was shown, or "id:secret". It is accepted as
//
//	Bearer KEY, AccessKey KEY        KEY may also be base64(id:secret)
//	Basic base64(id:secret)          or base64(KEY:)
//	base64(id:secret)                without a scheme
func Credential(r *http.Request) (string, error) {
	value := r.Header.Get("Authorization")
	if value == "" {
		return "", &parley.Error{Kind: parley.KindUnauthorized, Code: "credential-required",
			Message: `a key is required: "Authorization: Bearer KEY"`}
	}
	scheme, token, found := strings.Cut(value, " ")
	if !found {
		if pair, ok := decodePair(value); ok {
			return pair, nil
		}
		return "", invalidCredential()
	}
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return "", invalidCredential()
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "AccessKey"):
		if pair, ok := decodePair(token); ok {
			return pair, nil
		}
		return token, nil
	case strings.EqualFold(scheme, "Basic"):
		if user, password, ok := r.BasicAuth(); ok && user != "" {
			if password == "" {
				return user, nil
			}
			return user + ":" + password, nil
		}
	}
	return "", invalidCredential()
}

func invalidCredential() error {
	return &parley.Error{Kind: parley.KindUnauthorized, Code: "credential-invalid",
		Message: `the Authorization header must be "Bearer KEY", "AccessKey KEY", "Basic base64(id:secret)" or "base64(id:secret)"`}
}

// pairStart is how many characters of base64 hold an id, the colon and no more than two bytes of the secret.
const pairStart = (parley.IDLength + 1 + 2) / 3 * 4

// decodePair decodes base64(id:secret) of any alphabet, with or without padding.
func decodePair(token string) (string, bool) {
	if len(token) <= pairStart {
		return "", false
	}
	alphabet := base64.RawStdEncoding
	if strings.ContainsAny(token, "-_") {
		alphabet = base64.RawURLEncoding
	}
	var start [pairStart]byte // look before allocating: most tokens are keys
	n, err := alphabet.Decode(start[:], []byte(token[:pairStart]))
	if err != nil || n <= parley.IDLength || start[parley.IDLength] != ':' || !parley.ID(start[:parley.IDLength]).Valid() {
		return "", false
	}
	pair, err := alphabet.DecodeString(strings.TrimRight(token, "="))
	return string(pair), err == nil
}
