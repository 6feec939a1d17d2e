package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Idempotency is what a request with an Idempotency-Key says of itself. A nil one is a request without.
type Idempotency struct {
	Key    string
	Method string
	Path   string // the concrete one
	Body   []byte // or a digest of it
	Once   bool   // a repeat, of whatever is asked for, is refused in place of being answered
	// Sender makes the key the user's, with whatever key of the server: another credential repeats the same request.
	Sender bool
}

const maxIdempotencyKey = 255

// CodeRepeated is the code of a repeat that is refused.
const CodeRepeated = "request-repeated"

// hashed is how many octets of a hash are kept: 128 bits, which never meet by chance. The records are the widest part of
// what a small message leaves behind.
const hashed = 16

// Claim makes the record that a request leaves; nil without an Idempotency-Key. Status and resource are what
// the request answers with and what it makes.
func (p *Principal) Claim(i *Idempotency, status int, resource parley.ID) (*store.Idempotency, error) {
	if i == nil {
		return nil, nil
	}
	if n := utf8.RuneCountInString(i.Key); n == 0 || n > maxIdempotencyKey || !utf8.ValidString(i.Key) || strings.ContainsRune(i.Key, 0) {
		return nil, parley.Invalid("Idempotency-Key", "idempotency-key-invalid", "must be 1 to %d characters", maxIdempotencyKey)
	}
	whose, seal := string(p.Key), p.seal
	if i.Sender { // what all keys of a user know is the request's own key, of which only a hash is kept
		whose = "user " + string(p.User)
		seal = sha256.Sum256([]byte("seal\x00" + i.Key))
	}
	scope := sha256.Sum256([]byte(whose + "\x00" + i.Method + "\x00" + i.Path + "\x00" + i.Key))
	request := hmac.New(sha256.New, seal[:])
	request.Write(i.Body)
	return &store.Idempotency{
		Scope:       base64.RawURLEncoding.EncodeToString(scope[:hashed]),
		RequestHash: base64.RawURLEncoding.EncodeToString(request.Sum(nil)[:hashed]),
		Status:      status,
		Resource:    resource,
		Once:        i.Once,
	}, nil
}

// Replayed tells a repeated request from other errors of a unit or an append that had the claim. A repeat of
// the same request is the earlier one's record, to be answered with its resource as it is now; a key that was
// used for another request is an error.
func Replayed(err error, claim *store.Idempotency) (*store.Replay, error) {
	replay, ok := errors.AsType[*store.Replay](err)
	switch {
	case !ok:
		return nil, err
	case claim != nil && claim.Once:
		return nil, &parley.Error{Kind: parley.KindConflict, Code: CodeRepeated, Message: "a request with this key has been made before"}
	case claim == nil || replay.RequestHash != claim.RequestHash:
		return nil, &parley.Error{Kind: parley.KindInvalid, Code: "idempotency-key-reused",
			Message: "the Idempotency-Key was used for another request; a repeat must be the same, byte for byte",
			Fields:  []parley.FieldError{{Field: "Idempotency-Key", Code: "idempotency-key-reused", Message: "was used for another request"}}}
	}
	return replay, nil
}

// Once runs a unit that makes a resource, unless the request is a repeat: then nothing is done, and the
// earlier one's record comes back.
func (p *Principal) Once(ctx context.Context, s *store.Store, i *Idempotency, status int, resource parley.ID, unit func(tx *store.Tx) error) (*store.Replay, error) {
	claim, err := p.Claim(i, status, resource)
	if err != nil {
		return nil, err
	}
	err = s.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if err := tx.ClaimKey(p.Organization, claim); err != nil {
			return err
		}
		return unit(tx)
	})
	return Replayed(err, claim)
}

// Before looks for the earlier record of a repeated request, for one that does something before its unit
// which a repeat should not do again. Nil where there is none.
func (p *Principal) Before(ctx context.Context, s *store.Store, i *Idempotency) (*store.Replay, error) {
	claim, err := p.Claim(i, 0, "")
	if err != nil || claim == nil {
		return nil, err
	}
	replay, err := s.Read(ctx).Idempotency(p.Organization, claim.Scope)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, nil
	}
	if err == nil {
		err = s.Settled(ctx)
	}
	if err != nil {
		return nil, err
	}
	return Replayed(replay, claim)
}
