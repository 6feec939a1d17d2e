package config

import (
	"net/url"
	"strings"
)

// Origins are those in allow-origins.
func (c Config) Origins() (list []string) {
	for origin := range strings.SplitSeq(c.AllowOrigins, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			list = append(list, origin)
		}
	}
	return list
}

func (c Config) checkOrigins(refuse func(option, format string, args ...any)) {
	for _, origin := range c.Origins() {
		if origin != "*" && !isOrigin(origin) {
			refuse("allow-origins", "%q must be *, or as browsers send it and without a path, such as https://app.example.org", origin)
		}
	}
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isBase(text) && u.Path == "" && text == strings.ToLower(text)
}
