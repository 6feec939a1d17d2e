package doctest

import (
	"regexp"
	"strconv"
	"strings"
)

// Names replaces what differs from run to run by names that do not. The same id has the same name wherever it
// appears, so that two outputs agree only where their ids stand for the same things.
type Names struct{ ids map[string]string }

// NewNames returns names of which none is given yet.
func NewNames() *Names { return &Names{ids: map[string]string{}} }

// replacement is a form of text that differs from run to run.
type replacement struct {
	form *regexp.Regexp
	name string // empty: one of its own for each text
}

// replacements come in this order: a key has an id in it.
var replacements = []replacement{
	{regexp.MustCompile(`\bpk_[0-9a-v]{20}_[A-Za-z0-9_-]+`), "<key>"},
	{regexp.MustCompile(`\bhttp://127\.0\.0\.1:\d+`), "<url>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`(?m)^(Date: ).*$`), "${1}<time>"},
	{regexp.MustCompile(`(?m)^(Content-Length: ).*$`), "${1}<number>"},
	{regexp.MustCompile(`("(?:next|after)": ?)"[^"]+"`), `${1}"<cursor>"`},
	{regexp.MustCompile(`("(?:next|through|oldest|latest)": ?)\d+`), "${1}<number>"},
	{regexp.MustCompile(`("sequence": ?)\d+(,\s*"type")`), "${1}<number>${2}"}, // of an event
	{regexp.MustCompile(`(?m)^(id: )\d+$`), "${1}<number>"},                    // of an event in a stream
	{regexp.MustCompile(`\bpostgres://127\.0\.0\.1:\d+/\w+`), "<database>"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<checksum>"},
	{regexp.MustCompile(`\b\d+ ms\b`), "<time>"},
	{regexp.MustCompile(`\b[0-9a-v]{20}\b`), ""},
}

// Replace returns the text with names in it. It is to be called for the outputs of a document in order.
func (n *Names) Replace(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for _, r := range replacements {
		if r.name != "" {
			text = r.form.ReplaceAllString(text, r.name)
			continue
		}
		text = r.form.ReplaceAllStringFunc(text, n.id)
	}
	return strings.TrimRight(text, "\n ")
}

func (n *Names) id(id string) string {
	name := n.ids[id]
	if name == "" {
		name = "<id " + strconv.Itoa(len(n.ids)+1) + ">"
		n.ids[id] = name
	}
	return name
}
