package spruce

import (
	"encoding/base64"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// The prefixes of ids: what follows is an id as every door knows it.
const (
	prefixEntity       = "entity_" // an organization, a team, a teammate or a contact
	prefixConversation = "t_"
	prefixItem         = "ti_"
	prefixRequest      = "asyncRequest_" // the id of the message that it makes
	prefixEndpoint     = "endpoint_"
	prefixLink         = "organizationCode_" // an endpoint of secure conversations
	prefixPage         = "page_"
	prefixAccess       = "aid_"
	prefixTag          = "tag_"
	prefixWebhook      = "wde_"
	prefixPost         = "wev_"
	prefixSecret       = "wss_"
)

// idOf takes the prefix off an id; a text that has no such form is a wrong field.
func idOf(field, prefix, text string) (parley.ID, error) {
	rest, found := strings.CutPrefix(text, prefix)
	if id := parley.ID(rest); found && id.Valid() {
		return id, nil
	}
	return "", parley.Invalid(field, "id-invalid", "must be an id that begins with %s", prefix)
}

// text64 is a text as a part of an id.
func text64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
