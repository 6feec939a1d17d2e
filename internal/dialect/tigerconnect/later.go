package tigerconnect

import (
	"net/http"

	"github.com/parley-server/parley/internal/parley"
)

// later are the vendor's operations that are not there yet. They are answered 501, so that nobody takes them for mistyped.
var later = []string{
	"GET /v2/call_log", "POST /v2/client_resource", "POST /v2/email/{id}/set_password",
	"POST /v2/group", "POST /v2/group/{id}", "DELETE /v2/group/{id}", "GET /v2/group/{id}/members", "POST /v2/group/{id}/members", "POST /v2/group/{id}/members/remove",
	"POST /v2/invite", "POST /v2/login", "POST /v2/login/hibernate", "GET /v2/login/refresh", "POST /v2/login/refresh", "POST /v2/logout",
	"GET /v2/message/typing", "POST /v2/message/typing", "DELETE /v2/message/{id}/{what}", "DELETE /v2/message/typing/{recipient}/{proxy}",
	"POST /v2/message/{id}/forward", "POST /v2/message/{id}/escalation",
	"POST /v2/message/{id}/escalation/{escalation}/confirm", "POST /v2/message/{id}/escalation/{escalation}/skip",
	"GET /v2/metadata/{id}", "POST /v2/metadata/{id}", "DELETE /v2/metadata/{id}", "GET /v2/mute", "DELETE /v2/mute",
	"POST /v2/mute/group/{id}", "DELETE /v2/mute/group/{id}", "POST /v2/mute/p2p", "DELETE /v2/mute/p2p",
	"POST /v2/phone/verification/send", "POST /v2/phone/verification/verify", "PUT /v2/presence/{status}", "POST /v2/push", "POST /v2/registration/new_email",
	"GET /v2/role/tags", "POST /v2/role/{id}/away", "DELETE /v2/role/{id}/away", "POST /v2/role/{id}/members/{user}", "DELETE /v2/role/{id}/members/{user}",
	"GET /v2/role/{id}/schedule", "GET /v2/role/{id}/schedule/next", "POST /v2/role_group", "GET /v2/roster", "POST /v2/roster", "DELETE /v2/roster/{id}",
	"POST /v2/search", "POST /v2/signup", "GET /v2/status", "GET /v2/tag/color_list/{id}", "POST /v2/user/{id}/cancel_call",
	"POST /v2/user/{id}/linked_email", "POST /v2/user/{id}/linked_email/{email}", "POST /v2/user/{id}/organization/{organization}",
	"DELETE /v2/user/{id}/organization/{organization}", "DELETE /v2/user/{id}/organization/{organization}/{setting}", "POST /v2/user/{id}/password",
	"GET /v2/user/{id}/preferences", "POST /v2/user/{id}/preferences", "GET /v2/user/{id}/proxy_phone", "GET /v2/user/{id}/saved_roles",
	"POST /v2/user/{id}/saved_roles", "DELETE /v2/user/{id}/saved_roles/{role}", "GET /v2/user/{id}/schedule", "POST /v2/user/{id}/settings",
	"GET /v2/validation_check/{code}", "POST /v2/voip_call", "GET /v2/voip_call/{room}", "POST /v2/voip_call/{room}/{act}", "POST /v2/voip_sip_call",
	"GET /v4/login_check",
}

func notYet(http.ResponseWriter, *http.Request) error {
	return &parley.Error{Kind: parley.KindNotFound, Code: codeLater, Message: "this server does not have this operation yet"}
}
