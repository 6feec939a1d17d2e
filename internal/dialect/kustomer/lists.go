package kustomer

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/parley"
)

// page reads which page of a list is asked for. A larger one than there are is the largest.
func (c *call) page(standard, most int) (numbered.Page, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return numbered.Page{}, &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the query cannot be read"}
	}
	var check parley.Check
	count := func(name string, standard int) int {
		text := query.Get(name)
		if text == "" {
			return standard
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			check.Refuse(name, "out-of-range", "must be a number from 1")
			return standard
		}
		return n
	}
	p := numbered.Page{Number: count("page", 1), Size: min(most, count("pageSize", standard))}
	if p.Number > numbered.MaxSkip {
		check.Refuse("page", "out-of-range", "must be at most %d", numbered.MaxSkip)
	}
	switch sort := strings.ToLower(query.Get("sort")); {
	case sort == "desc", sort == "-createdat":
		p.Newest = true
	case sort != "" && sort != "asc" && sort != "createdat" && sort != "+createdat" && sort != " createdat":
		check.Refuse("sort", "value-unknown", "must be asc or desc")
	}
	return p, check.Err()
}

// includes reports whether the request asks for something besides the list.
func (c *call) includes(what string) bool {
	return slices.Contains(strings.Split(c.r.URL.Query().Get("include"), ","), what)
}

// list answers a page of resources. A total below 0 is not counted.
func (c *call) list(d *door, page numbered.Page, more bool, total int, data []object) error {
	at := func(number int) string {
		query := c.r.URL.Query()
		query.Set("page", strconv.Itoa(number))
		query.Set("pageSize", strconv.Itoa(page.Size))
		return d.Mount + c.r.URL.EscapedPath() + "?" + query.Encode()
	}
	links := object{"self": at(page.Number), "first": at(1), "prev": nil, "next": nil}
	if page.Number > 1 {
		links["prev"] = at(page.Number - 1)
	}
	if more {
		links["next"] = at(page.Number + 1)
	}
	meta := object{"pageSize": page.Size, "page": page.Number}
	if total >= 0 {
		pages := max(1, (total+page.Size-1)/page.Size)
		meta["total"], meta["totalPages"], links["last"] = total, pages, at(pages)
	}
	body := object{"meta": meta, "links": links, "data": data}
	if c.included != nil {
		body["included"] = c.included
	}
	return c.answer(http.StatusOK, body)
}
