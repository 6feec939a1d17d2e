package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/profile"
)

// Limits of what is kept, in characters and entries.
const (
	maxName       = 200
	maxTag        = 100
	maxTags       = 50
	maxFacts      = 100
	maxFactKey    = 100
	maxFactValue  = 4000
	maxExternalID = 255
	maxSources    = 50
	maxAddress    = 320
	maxAddresses  = 50
	maxMembers    = 1000 // a call
)

// check collects what is wrong with a request.
type check struct{ parley.Check }

// add takes over the fields of an error about a value that stands in field.
func (c *check) add(field string, err error) {
	if err == nil {
		return
	}
	e := parley.AsError(err)
	if len(e.Fields) == 0 {
		c.Refuse(field, e.Code, "%s", e.Message)
	}
	for _, f := range e.Fields {
		c.Refuse(field, f.Code, "%s", f.Message)
	}
}

func (c *check) name(value string) { c.Text("name", value, true, maxName) }

// tags checks labels, and returns them without those that are given twice.
func (c *check) tags(tags []string) []string {
	if len(tags) > maxTags {
		c.Refuse("tags", "too-many", "must be at most %d", maxTags)
	}
	var kept []string
	for i, tag := range tags {
		c.Text(fmt.Sprintf("tags[%d]", i), tag, true, maxTag)
		if !slices.Contains(kept, tag) {
			kept = append(kept, tag)
		}
	}
	return kept
}

// facts checks metadata or attributes.
func (c *check) facts(field string, facts map[string]string) {
	if len(facts) > maxFacts {
		c.Refuse(field, "too-many", "must have at most %d entries", maxFacts)
	}
	for key, value := range facts {
		c.Text(field, key, true, maxFactKey)
		c.Text(field+"."+key, value, false, maxFactValue)
	}
}

// changeFacts applies a patch: nil removes an entry.
func changeFacts(facts map[string]string, patch map[string]*string) map[string]string {
	changed := make(map[string]string, len(facts)+len(patch))
	for key, value := range facts {
		changed[key] = value
	}
	for key, value := range patch {
		if value == nil {
			delete(changed, key)
		} else {
			changed[key] = *value
		}
	}
	return changed
}

// oneOf checks an enumeration; the empty value means it was left out.
func oneOf[T ~string](c *check, field string, value T, allowed ...T) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	texts := make([]string, len(allowed))
	for i, a := range allowed {
		texts[i] = string(a)
	}
	c.Refuse(field, "value-unknown", "must be one of %s", strings.Join(texts, ", "))
}

// between checks a number.
func (c *check) between(field string, value, least, most int) {
	if value < least || value > most {
		c.Refuse(field, "out-of-range", "must be %d to %d", least, most)
	}
}

// unique returns ids without those that come twice.
func unique(ids []parley.ID) []parley.ID {
	kept := make([]parley.ID, 0, len(ids))
	seen := make(map[parley.ID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}

// atMost checks how many entries a list has.
func (c *check) atMost(field string, n, most int) {
	if n > most {
		c.Refuse(field, "too-many", "must be at most %d", most)
	}
}

// describe adds to things of a kind the metadata that is kept beside them.
func describe[T any](q store.Queries, organization parley.ID, kind string, of func(*T) (parley.ID, *map[string]string), things ...*T) error {
	ids := make([]parley.ID, len(things))
	for i, t := range things {
		ids[i], _ = of(t)
	}
	found, err := profile.Metadata(q, organization, kind, ids...)
	for _, t := range things {
		id, facts := of(t)
		*facts = found[id]
	}
	return err
}

func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}
