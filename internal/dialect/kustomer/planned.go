package kustomer

import (
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// codePlanned says that a path is one of Kustomer's that nothing is at yet.
const codePlanned = "not-implemented"

// whole are the collections of Kustomer's of which nothing is there yet.
var whole = strings.Fields(`attachments audit-logs auth brands bulk chat companies drafts forwards hooks klasses media metadata notes notifications
	outbound-webhooks outboundAccounts p role-groups routing satisfaction satisfaction-responses schedules settings shortcuts slas snoozes spam
	sub-statuses tags teams tracking users workflows`)

// parts are what those have besides of which something is there: after an id, and in place of one.
var parts = map[string]struct{ after, instead []string }{
	"conversations": {strings.Fields("attachments events forwards notes tags times"), []string{"times"}},
	"customers":     {strings.Fields("drafts events klasses merges messages notes sessions unmasking-windows"), []string{"archive", "merges"}},
	"messages":      {strings.Fields("attachments redactions"), nil},
}

// planned reports whether Kustomer has a path. It is asked where nothing answers it.
func planned(path string) bool {
	names := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	if !strings.HasPrefix(path, "/v1/") || names[0] == "" {
		return false
	}
	part, some := parts[names[0]]
	if !some || len(names) < 3 {
		return some || slices.Contains(whole, names[0])
	}
	return slices.Contains(part.after, names[2]) || slices.Contains(part.instead, names[1])
}

func notThere(*call) error {
	return &parley.Error{Kind: parley.KindUnavailable, Code: codePlanned, Message: "this server does not have this part of the API yet"}
}
