package api

import (
	"iter"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// List is one page of a list.
type List[T any] struct {
	Data []T     `json:"data" doc:"The entries of this page, always there."`
	Next *string `json:"next" doc:"The cursor that continues the list, passed as after; null on the last page."`
}

// Page is which part of a list is asked for. It is part of every filter.
type Page struct {
	Limit int    `query:"limit" json:"-" minimum:"1" maximum:"200" doc:"How many entries at most, 50 when left out."`
	After string `query:"after" json:"-" maxLength:"500" doc:"The cursor that the page before gave as next."`
}

// All walks a list from page to page. It calls fetch with an empty cursor first, then with each next cursor,
// and yields the entries in order. An error of fetch is yielded once, as the last pair.
//
//	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
//		return client.ListMessages(ctx, api.MessageFilter{Page: api.Page{After: after}, Tag: "billing"})
//	}) { … }
func All[T any](fetch func(after string) (*List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := ""; ; {
			page, err := fetch(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, entry := range page.Data {
				if !yield(entry, nil) {
					return
				}
			}
			if page.Next == nil || *page.Next == "" || *page.Next == after {
				return
			}
			after = *page.Next
		}
	}
}

// queryOf writes the fields of a filter that have a query tag and are not zero.
func queryOf(filter any) string {
	values := url.Values{}
	addQuery(values, reflect.ValueOf(filter))
	return values.Encode()
}

func addQuery(values url.Values, filter reflect.Value) {
	for i := range filter.NumField() {
		field, value := filter.Type().Field(i), filter.Field(i)
		if field.Anonymous {
			addQuery(values, value)
			continue
		}
		name := field.Tag.Get("query")
		if name == "" || value.IsZero() {
			continue
		}
		switch v := value.Interface().(type) {
		case time.Time:
			values.Set(name, v.UTC().Format(time.RFC3339Nano))
		case []string:
			values.Set(name, strings.Join(v, ","))
		case int:
			values.Set(name, strconv.Itoa(v))
		default:
			values.Set(name, value.String())
		}
	}
}
