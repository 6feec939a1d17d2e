package content

import (
	"crypto/rand"
	"encoding/base64"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// maxLinks is how many addresses of a body become short ones.
const maxLinks = 100

var (
	webAddress = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"'` + "`" + `]+`)
	anchor     = regexp.MustCompile(`(?is)(<a(?:\s(?:[^>"']|"[^"]*"|'[^']*')*?)?[\s"'/]href\s*=\s*)("[^"]*"|'[^']*')`)
)

// Links are the web addresses of a body that can become short ones, each once: those in its texts, of the anchors in its
// HTML, and of its actions.
func Links(body []parley.Part) []string {
	var urls []string
	WithLinks(body, func(url string) string {
		if len(urls) < maxLinks && !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
		return url
	})
	return urls
}

// WithLinks is a body with others in the place of its web addresses.
func WithLinks(body []parley.Part, instead func(url string) string) []parley.Part {
	out := parley.CloneBody(body)
	parley.EachPart(out, func(_ string, p *parley.Part) {
		if p.Kind == parley.PartHTML {
			p.Text = anchor.ReplaceAllStringFunc(p.Text, func(tag string) string { return inAnchor(tag, instead) })
		} else {
			p.Text = inText(p.Text, instead)
		}
		p.Fallback = inText(p.Fallback, instead)
	})
	parley.EachActions(out, func(_ string, actions []parley.Action) {
		for i := range actions {
			if actions[i].Kind == parley.ActionLink {
				actions[i].URL = instead(actions[i].URL)
			}
		}
	})
	return out
}

func inText(text string, instead func(string) string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return webAddress.ReplaceAllStringFunc(text, func(found string) string {
		url := trimmed(found)
		if !IsURL(url) {
			return found
		}
		return instead(url) + found[len(url):]
	})
}

// trimmed is an address without what belongs to the sentence around it.
func trimmed(url string) string {
	for url != "" {
		last := url[len(url)-1]
		switch {
		case strings.IndexByte(".,;:!?*_~", last) >= 0:
		case last == ')' && strings.Count(url, "(") < strings.Count(url, ")"):
		case last == ']' && strings.Count(url, "[") < strings.Count(url, "]"):
		case last == '}' && strings.Count(url, "{") < strings.Count(url, "}"):
		default:
			return url
		}
		url = url[:len(url)-1]
	}
	return url
}

func inAnchor(tag string, instead func(string) string) string {
	parts := anchor.FindStringSubmatch(tag)
	quoted := parts[2]
	url := strings.TrimSpace(html.UnescapeString(quoted[1 : len(quoted)-1]))
	if !IsURL(url) {
		return tag
	}
	if other := instead(url); other != url {
		return parts[1] + quoted[:1] + html.EscapeString(other) + quoted[:1]
	}
	return tag
}

// NewCode is the code of a short link: 72 random bits, which nobody guesses.
func NewCode() string {
	var bits [9]byte
	_, _ = rand.Read(bits[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(bits[:])
}

// IsCode reports whether a text can be the code of a short link.
func IsCode(text string) bool {
	bits, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(bits) == 9 && len(text) == 12
}

// LinkPath is where short links are, on the server's own address.
const LinkPath = "/l/"

// Shortened is a body with short links, on the server's own address, in the place of those that have one.
func Shortened(body []parley.Part, server string, links []store.Link) []parley.Part {
	if len(links) == 0 || server == "" {
		return body
	}
	codes := make(map[string]string, len(links))
	for _, l := range links {
		codes[l.URL] = server + LinkPath + l.Code
	}
	return WithLinks(body, func(url string) string {
		if short := codes[url]; short != "" {
			return short
		}
		return url
	})
}
