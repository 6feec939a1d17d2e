package door

import (
	"encoding/base64"
	"encoding/json"
)

// Cursor is where a list goes on, as a page tells it; empty at the end.
func Cursor[T any](next *T) (string, error) {
	if next == nil {
		return "", nil
	}
	raw, err := json.Marshal(next)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// Place is where a cursor leads to; zero, where there is none, is the beginning.
func Place[T any](cursor string) (at T, err error) {
	if cursor == "" {
		return at, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(raw, &at) != nil {
		return at, ErrCursor()
	}
	return at, nil
}
