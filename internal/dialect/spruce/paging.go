package spruce

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// usualPage is how many a page has where the request does not say.
const usualPage = 100

// token is where a list goes on. It says of which list, and keeps what was counted at its beginning.
type token struct {
	List  string    `json:"l"` // with its filters
	At    int64     `json:"t,omitempty"`
	ID    parley.ID `json:"i,omitempty"`
	After string    `json:"a,omitempty"`
	Total int       `json:"n"`
}

func (t token) String() string {
	text, _ := json.Marshal(t) // of strings and numbers
	return base64.RawURLEncoding.EncodeToString(text)
}

var errToken = parley.Invalid("paginationToken", "cursor-invalid", "must be that of an earlier page of the same list")

// paging is what a request says of pages.
type paging struct {
	size  int
	token *token // nil: the first page
}

// paging reads how many a page has, and where it begins.
func (c *call) paging(list string, least, most int) (p paging, err error) {
	q := c.r.URL.Query()
	p.size = min(usualPage, most)
	for _, name := range []string{"limit", "pageSize"} {
		if !q.Has(name) {
			continue
		}
		if p.size, err = strconv.Atoi(q.Get(name)); err != nil || p.size < least || p.size > most {
			return p, parley.Invalid(name, "out-of-range", "must be a number from %d to %d", least, most)
		}
	}
	text := q.Get("paginationToken")
	if text == "" {
		return p, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return p, errToken
	}
	var t token
	if err := json.Unmarshal(decoded, &t); err != nil || t.List != list || t.Total < 0 || t.ID != "" && !t.ID.Valid() {
		return p, errToken
	}
	p.token = &t
	return p, nil
}

// since reads the time that a list begins at, which does not go with a page that is not its first.
func (c *call) since(p paging) (time.Time, error) {
	if p.token != nil && c.r.URL.Query().Get("startFrom") != "" {
		return time.Time{}, parley.Invalid("startFrom", "not-allowed", "does not go with paginationToken")
	}
	return c.moment("startFrom")
}

// moment reads a parameter that is a time; zero: it is not there.
func (c *call) moment(name string) (time.Time, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, parley.Invalid(name, "time-invalid", "must be a time as of RFC 3339")
	}
	return at, nil
}

// choice reads a parameter that is one of some words; the first is that of a request without.
func (c *call) choice(name string, words ...string) (string, error) {
	value := c.r.URL.Query().Get(name)
	if value == "" {
		return words[0], nil
	}
	for _, w := range words {
		if value == w {
			return w, nil
		}
	}
	return "", parley.Invalid(name, "value-unknown", "must be one of %v", words)
}

// page is what all answers with a page have.
type page struct {
	TotalCount      int    `json:"totalCount"`
	HasMore         bool   `json:"hasMore"`
	PaginationToken string `json:"paginationToken,omitempty"`
}

// pageOf is a page with where to go on; nil: it is the last.
func pageOf(total int, next *token) page {
	if next == nil {
		return page{TotalCount: total}
	}
	next.Total = total
	return page{TotalCount: total, HasMore: true, PaginationToken: next.String()}
}
