package demo

import (
	"context"
	"net/http"

	"github.com/parley-server/parley/api"
)

// Other is another organization of the demo. Its first users are the last ones of the first organization: they have one account each.
type Other struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Users []Entry `json:"users"`
}

const (
	otherName = "Demo Hospital"
	shared    = 2 // users whose accounts both organizations have; the others need not say where they act
)

// fillOther makes the other organization where there is none.
func (d *Description) fillOther(ctx context.Context, client *api.Client, handler http.Handler) error {
	if d.Other.ID != "" {
		return nil
	}
	made, err := client.CreateOrganization(ctx, api.OrganizationRequest{Name: otherName})
	if err != nil {
		return err
	}
	there, err := api.New(d.URL, made.Key.Secret, api.WithHTTPClient(&http.Client{Transport: local{handler}}))
	if err != nil {
		return err
	}
	other := Other{ID: made.Organization.ID, Name: otherName}
	var people []api.UserRequest
	for _, u := range d.both() {
		first, err := client.GetUser(ctx, u.ID)
		if err != nil {
			return err
		}
		people = append(people, api.UserRequest{Name: first.Name, Email: first.Email})
	}
	people = append(people, api.UserRequest{Name: "Olga Ivanova", Email: "olga@example.org"}, api.UserRequest{Name: "Pedro Alves", Email: "pedro@example.org"})
	for _, person := range people {
		u, err := there.CreateUser(ctx, person)
		if err != nil {
			return err
		}
		other.Users = append(other.Users, Entry{u.ID, u.Name})
	}
	d.Other = other
	return nil
}

// both are those who are in both organizations.
func (d *Description) both() []Entry { return d.Users[len(d.Users)-shared:] }
