package api

import (
	"context"
	"net/http"
)

// Profile is what an organization knows of a user besides the name.
type Profile struct {
	Title      string `json:"title,omitempty" doc:"What the user is there."`
	Department string `json:"department,omitempty" doc:"Where."`
	Phone      string `json:"phone,omitempty" doc:"Where to call; for people to read."`
	Avatar     string `json:"avatar,omitempty" doc:"The id of an image, which every user of the organization may have."`
}

// ProfilePatch changes a profile. What is left out stays as it is.
type ProfilePatch struct {
	Title      *string `json:"title,omitempty" maxLength:"200" doc:"What the user is there."`
	Department *string `json:"department,omitempty" maxLength:"200" doc:"Where."`
	Phone      *string `json:"phone,omitempty" maxLength:"50" doc:"Where to call."`
	Avatar     *string `json:"avatar,omitempty" doc:"The id of an uploaded image; an empty one removes it."`
}

// Membership is an organization that an account belongs to, and its user there.
type Membership struct {
	Organization string  `json:"organization" doc:"The id of the organization."`
	Name         string  `json:"name" doc:"What people call it."`
	User         string  `json:"user" doc:"The id of the user there."`
	UserName     string  `json:"userName" doc:"What people call the user there."`
	Profile      Profile `json:"profile" doc:"The user's profile there."`
}

// Me is who a key acts as.
type Me struct {
	Account       string       `json:"account,omitempty" doc:"The id of the account, of a personal key."`
	Email         string       `json:"email,omitempty" doc:"The account's e-mail address."`
	Organization  string       `json:"organization" doc:"The id of the organization that the request acts in."`
	User          string       `json:"user" doc:"The id of the user there."`
	Scopes        []string     `json:"scopes" doc:"What the key permits the user there."`
	Organizations []Membership `json:"organizations" doc:"Where the key can act: each of them is named with Parley-Organization."`
}

// GetMe returns who the key acts as, and where it can act.
func (c *Client) GetMe(ctx context.Context, options ...CallOption) (*Me, error) {
	return fetch[Me](ctx, c, request{method: http.MethodGet, path: "/v1/me"}, options...)
}

// PatchProfile changes the profile of a user, and returns the user.
func (c *Client) PatchProfile(ctx context.Context, user string, patch ProfilePatch, options ...CallOption) (*User, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[User](ctx, c, r.pathOf("v1", "users", user, "profile"), options...)
}
