package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// linksOf derives what signs a key's links from what is kept of its secret: every node can check them, nothing more is
// kept for it, and they end with the key.
func linksOf(key *parley.Key) []byte {
	mac := hmac.New(sha256.New, key.SecretHash)
	mac.Write([]byte("parley links"))
	return mac.Sum(nil)
}

// Sign returns a grant of one thing to whoever has it, until a time: it permits what the principal's key does by then. The
// server itself grants nothing.
func (p *Principal) Sign(what string, until time.Time) string {
	if p.Key == "" || p.links == nil {
		return ""
	}
	grant := string(p.Organization) + "." + string(p.Key) + "." + strconv.FormatInt(until.Unix(), 36)
	return grant + "." + signature(p.links, what, grant)
}

func signature(secret []byte, what, grant string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(what + "\x00" + grant))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Signed returns the principal that signed a grant of something, as it is now. A grant that is over, that is of something
// else, or whose key does not work any more, is no credential.
func (a *Authenticator) Signed(ctx context.Context, grant, what string) (*Principal, error) {
	parts := strings.Split(grant, ".")
	if len(parts) != 4 {
		return nil, errCredential()
	}
	until, err := strconv.ParseInt(parts[2], 36, 64)
	now := a.now()
	if err != nil || !now.Before(time.Unix(until, 0)) {
		return nil, errCredential()
	}
	key, err := a.store.Read(ctx).Key(parley.ID(parts[1]))
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, errCredential()
	}
	if err != nil {
		return nil, err
	}
	signed := signature(linksOf(&key), what, strings.Join(parts[:3], "."))
	if !hmac.Equal([]byte(signed), []byte(parts[3])) || !key.RevokedAt.IsZero() || expired(key, now) {
		return nil, errCredential()
	}
	return a.principal(ctx, key, parts[0])
}

// Of returns the principal of a key in its organization, as it is now, for what the key asked to be done later. A key that does
// not work any more is no credential.
func (a *Authenticator) Of(ctx context.Context, organization, id parley.ID) (*Principal, error) {
	key, err := a.store.Read(ctx).Key(id)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, errCredential()
	}
	if err != nil {
		return nil, err
	}
	if !key.RevokedAt.IsZero() || expired(key, a.now()) {
		return nil, errCredential()
	}
	return a.principal(ctx, key, string(organization))
}
