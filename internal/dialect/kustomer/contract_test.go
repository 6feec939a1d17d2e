package kustomer_test

import (
	"net/http"
	"regexp"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/doortest"
)

// operations are what the contract calls the paths of the door.
var operations = []struct {
	path     *regexp.Regexp
	contract string
}{
	{regexp.MustCompile(`^/v1/conversations/[0-9a-f]{24}/messages$`), "/conversations/{id}/messages"},
	{regexp.MustCompile(`(?i)^/v1/messages/externalId=`), "/messages/externalid=:externalId"},
	{regexp.MustCompile(`^/v1/messages/[0-9a-f]{24}$`), "/messages/{id}"},
	{regexp.MustCompile(`^/v1/conversations$`), "/conversations"},
	{regexp.MustCompile(`^/v1/conversations/[0-9a-f]{24}$`), "/conversations/{id}"},
	{regexp.MustCompile(`^/v1/conversations/externalId=`), "/conversations/externalId={externalId}"},
	{regexp.MustCompile(`^/v1/customers$`), "/customers"},
	{regexp.MustCompile(`^/v1/customers/[0-9a-f]{24}$`), "/customers/{id}"},
	{regexp.MustCompile(`^/v1/customers/email=`), "/customers/email={email}"},
	{regexp.MustCompile(`^/v1/customers/phone=`), "/customers/phone={phone}"},
	{regexp.MustCompile(`(?i)^/v1/customers/externalId=`), "/customers/externalId={externalId}"},
	{regexp.MustCompile(`^/v1/customers/[0-9a-f]{24}/conversations$`), "/customers/{id}/conversations"},
}

var (
	opened   sync.Once
	contract *doortest.Contract
)

// conforms checks an answer against the contract. It declares errors for one operation only; all are of that schema.
func conforms(t *testing.T, method, path string, status int, body []byte) {
	t.Helper()
	opened.Do(func() { contract = doortest.Open(t, "kustomer/openapi-core.json") })
	if status >= 400 {
		contract.Answer(t, "GET", "/conversations/{id}", http.StatusBadRequest, body, "")
		return
	}
	path = regexp.MustCompile(`/?(\?.*)?$`).ReplaceAllString(path, "")
	for _, o := range operations {
		if o.path.MatchString(path) {
			contract.Answer(t, method, o.contract, status, body, "")
			return
		}
	}
}
