package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// A token is "pk_", the key's id, "_" and the secret: what is shown once and sent as a bearer token.
const (
	tokenPrefix  = "pk_"
	secretBytes  = 32
	secretLength = 43 // of 32 bytes in base64url
	tokenLength  = len(tokenPrefix) + parley.IDLength + 1 + secretLength
)

func newToken(id parley.ID) (token string, hash [sha256.Size]byte) {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // never fails: crypto/rand aborts the program instead
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	return tokenPrefix + string(id) + "_" + text, sha256.Sum256([]byte(text))
}

// splitCredential takes a credential apart: a token, "id:secret" or "id:token".
func splitCredential(credential string) (id parley.ID, secret string, ok bool) {
	if id, secret, ok = splitToken(credential); ok {
		return id, secret, true
	}
	user, password, found := strings.Cut(credential, ":")
	if !found || len(user) != parley.IDLength {
		return "", "", false
	}
	if inner, secret, ok := splitToken(password); ok {
		return inner, secret, string(inner) == user
	}
	return parley.ID(user), password, len(password) == secretLength
}

func splitToken(token string) (id parley.ID, secret string, ok bool) {
	const end = len(tokenPrefix) + parley.IDLength
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) || token[end] != '_' {
		return "", "", false
	}
	return parley.ID(token[len(tokenPrefix):end]), token[end+1:], true
}

// matches compares a secret with the hash that is kept, in constant time. A secret has 256 random bits: a plain
// hash of it cannot be searched.
func matches(secret string, hash []byte) bool {
	var buf [secretLength]byte
	if copy(buf[:], secret) != len(secret) {
		return false
	}
	sum := sha256.Sum256(buf[:len(secret)])
	return subtle.ConstantTimeCompare(sum[:], hash) == 1
}

// sealOf derives what seals a key's idempotency records from its secret.
func sealOf(secret string) [sha256.Size]byte {
	return sha256.Sum256([]byte("parley idempotency\x00" + secret))
}

func errCredential() error {
	return &parley.Error{Kind: parley.KindUnauthorized, Code: "credential-invalid", Message: "the key is unknown, expired or revoked, or its secret is wrong"}
}
