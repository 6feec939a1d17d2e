package connector

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	mask         = "***"
	redactPasses = 8
)

var (
	// userinfo of any URL inside a text
	userinfoPattern = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#]*@`)
	// a query parameter whose name says that it is a secret; the value may be inside a quoted string
	parameterPattern = regexp.MustCompile(`(?i)([?&;][^=&#\s"]*(?:` + secretNames + `)[^=&#\s"]*=)(?:\\.|[^&#\s"\\])*`)
	// an Authorization header; ordinary words after "basic" are shorter
	credentialPattern = regexp.MustCompile(`(?i)\b(bearer|basic|accesskey)[ :]+[a-z0-9._~+/=-]{16,}`)
	secretNamePattern = regexp.MustCompile(`(?i)` + secretNames)
)

const secretNames = `token|secret|passw|pwd|key|sig|auth|cred|session|jwt|hmac|cookie`

// Redactor takes secrets out of texts that people or logs will read. The zero value knows no secret by
// its value, and still hides userinfo, token-like query parameters and credentials of Authorization.
type Redactor struct {
	secrets []string // every written form of them, longest first
}

// NewRedactor returns a redactor of these secrets in all their usual written forms. Empty ones, and
// those made of '*' alone, are ignored.
func NewRedactor(secrets ...string) Redactor {
	var forms []string
	for _, secret := range secrets {
		if strings.Trim(secret, "*") == "" {
			continue
		}
		forms = append(forms, writtenForms(strings.ToValidUTF8(secret, "\uFFFD"))...)
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return Redactor{secrets: slices.Compact(forms)}
}

// writtenForms are a secret as it stands in a text, a URL, a JSON or quoted string, or in base64.
func writtenForms(secret string) []string {
	forms := []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret))}
	for _, form := range []string{url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "+", "%20")} {
		forms = append(forms, form, lowerEscapes(form))
	}
	quoted, _ := json.Marshal(secret) // cannot fail for a string
	for _, form := range []string{string(quoted), strconv.Quote(secret), strconv.QuoteToASCII(secret)} {
		forms = append(forms, form[1:len(form)-1])
	}
	return forms
}

var escapePattern = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerEscapes(s string) string { return escapePattern.ReplaceAllStringFunc(s, strings.ToLower) }

// Text returns text without secrets, as valid UTF-8.
func (r Redactor) Text(text string) string {
	text = r.literals(strings.ToValidUTF8(text, "\uFFFD"))
	text = userinfoPattern.ReplaceAllString(text, "${1}"+mask+"@")
	text = parameterPattern.ReplaceAllString(text, "${1}"+mask)
	text = credentialPattern.ReplaceAllString(text, "${1} "+mask)
	return r.literals(text)
}

// literals replaces the known secrets, again where a replacement made another one.
func (r Redactor) literals(text string) string {
	for range redactPasses {
		before := text
		for _, secret := range r.secrets {
			text = strings.ReplaceAll(text, secret, mask)
		}
		if text == before {
			return text
		}
	}
	for _, secret := range r.secrets {
		if strings.Contains(text, secret) {
			return mask
		}
	}
	return text
}

// URL returns a URL without its userinfo, fragment, secrets and the values of token-like parameters.
func (r Redactor) URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return r.Text(raw)
	}
	user := u.User
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		if name, _, found := strings.Cut(pair, "="); found && secretName(name) {
			pairs[i] = name + "=" + mask
		}
	}
	u.RawQuery = strings.Join(pairs, "&")
	text := u.String()
	if user != nil {
		text = strings.Replace(text, "://", "://"+mask+"@", 1)
	}
	return r.Text(text)
}

// secretName reports whether the name of a parameter or header says that its value is a secret.
func secretName(name string) bool {
	if decoded, err := url.QueryUnescape(name); err == nil {
		name = decoded
	}
	return secretNamePattern.MatchString(name) && !strings.Contains(strings.ToLower(name), "idempotency")
}

// urlSecrets are the secrets that a URL carries: its password, and the values of token-like parameters.
func urlSecrets(u *url.URL) []string {
	var secrets []string
	if password, found := u.User.Password(); found {
		secrets = append(secrets, password, u.User.Username()+":"+password)
	} else if name := u.User.Username(); name != "" {
		secrets = append(secrets, name) // some providers take a key as the user name
	}
	for name, values := range u.Query() {
		if secretName(name) {
			secrets = append(secrets, values...)
		}
	}
	return secrets
}

// headerSecrets are the values of headers that carry credentials.
func headerSecrets(header http.Header) []string {
	var secrets []string
	for name, values := range header {
		if !secretName(name) {
			continue
		}
		secrets = append(secrets, values...)
		if !strings.EqualFold(name, "Authorization") {
			continue
		}
		for _, value := range values {
			_, credential, _ := strings.Cut(value, " ")
			secrets = append(secrets, credential)
			if pair, err := base64.StdEncoding.DecodeString(credential); err == nil && strings.Contains(string(pair), ":") {
				_, password, _ := strings.Cut(string(pair), ":")
				secrets = append(secrets, string(pair), password)
			}
		}
	}
	return secrets
}
