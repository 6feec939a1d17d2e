package bird

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// actions are what methods do, in the words of policies.
var actions = map[string]string{http.MethodPost: "create", http.MethodGet: "view", http.MethodHead: "view", http.MethodOptions: "view",
	http.MethodPut: "update", http.MethodPatch: "update", http.MethodDelete: "delete"}

const (
	allow = "allow"
	deny  = "deny"
)

// roles are the sets of policies that the documentation recommends, by what a key may be given them as.
var roles = map[string][]parley.DoorPolicy{
	"viewer": {{Effect: allow, Actions: []string{"view"}, Resources: []string{"/workspaces", "/workspaces/*", "/workspaces/*/channels", "/workspaces/*/channels/*",
		"/workspaces/*/channels/*/messages", "/workspaces/*/channels/*/messages/*", "/workspaces/*/channels/*/messages/*/interactions",
		"/workspaces/*/channels/*/media/*", "/workspaces/*/messages", "/workspaces/*/messages/*/media/*", "/workspaces/*/channel-media/*"}}},
	"sender": {{Effect: allow, Actions: []string{"create"}, Resources: []string{"/workspaces/*/channels/*/messages", "/workspaces/*/channels/*/presigned-upload",
		"/workspaces/*/channel-media/presigned-upload"}}},
	"settings":  {{Effect: allow, Actions: []string{"update"}, Resources: []string{"/workspaces/*/channels/*"}}},
	"installer": {{Effect: allow, Actions: []string{"create"}, Resources: []string{"/workspaces/*/connectors"}}},
}

// verdict is what a key's policies say of a request.
type verdict int

const (
	unsaid verdict = iota // no policy names it
	allowed
	denied
)

// policies are those of the key and of its roles; restricted is whether it has
// grants for this door, so that nothing else is permitted.
func (c *call) policies() (list []parley.DoorPolicy, restricted bool) {
	grants, there := c.p.Doors[Name]
	if !there {
		return nil, false
	}
	list = grants.Policies
	for _, role := range grants.Roles {
		list = append(slices.Clip(list), roles[strings.ToLower(role)]...)
	}
	return list, true
}

// judge is what policies say of an action on a path: a deny counts before an allow.
func judge(policies []parley.DoorPolicy, method, path string) verdict {
	v := unsaid
	for i := range policies {
		p := &policies[i]
		if !slices.ContainsFunc(p.Actions, func(a string) bool { return strings.EqualFold(a, "any") || strings.EqualFold(a, actions[method]) }) ||
			!slices.ContainsFunc(p.Resources, func(r string) bool { return matches(r, path) }) {
			continue
		}
		if !strings.EqualFold(p.Effect, allow) {
			return denied
		}
		v = allowed
	}
	return v
}

// permit refuses what the key's policies do not allow.
func (c *call) permit(method, path string) error {
	policies, restricted := c.policies()
	if !restricted || judge(policies, method, path) == allowed {
		return nil
	}
	return &parley.Error{Kind: parley.KindForbidden, Code: "policy-denied", Message: "no policy of the key allows " + actions[method] + " on " + path}
}

// hidden reports whether a policy says that the key may not view a path, in a list of what is there.
func (c *call) hidden(path string) bool {
	policies, restricted := c.policies()
	return restricted && judge(policies, http.MethodGet, path) == denied
}

// matches reports whether a resource names a path: "*" stands for one segment, "**" at the end for one or more.
func matches(resource, path string) bool {
	want := strings.Split(strings.Trim(strings.ToLower(resource), "/"), "/")
	have := strings.Split(strings.Trim(path, "/"), "/")
	for i, w := range want {
		switch {
		case w == "**" && i == len(want)-1:
			return len(have) > i
		case i >= len(have), w != "*" && w != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
