package media

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

const maxName = 200 // characters

// CleanName makes a file name of what a sender says: the last part of a path, without what could harm a
// terminal, a header or a file system, never empty.
func CleanName(name, contentType string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if slash := strings.LastIndexAny(name, `/\`); slash >= 0 {
		name = name[slash+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp), r == '\uFEFF':
			return -1 // also the marks that show a name backwards
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.Trim(strings.TrimSpace(name), ".")
	name = strings.TrimSpace(shorten(name))
	if name == "" {
		name = "file"
		if found := mimetype.Lookup(contentType); found != nil {
			name += found.Extension()
		}
	}
	return name
}

// shorten cuts the middle out of a long name: the extension stays.
func shorten(name string) string {
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	runes := []rune(name)
	var extension []rune
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		if extension = []rune(name[dot:]); len(extension) > 20 {
			extension = nil
		}
	}
	return string(runes[:maxName-len(extension)]) + string(extension)
}
